"""What the lab holds from its first `up` on."""

from __future__ import annotations

import copy
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from lab import seed
from lab.azure import registry
from lab.azure.context import Azure
from lab.azure.roles import OWNER
from lab.azure.state import State, load
from lab.config import CERTIFICATE, REGISTRY, SUBSCRIPTION, TENANT, VAULT
from lab.signers import Signer
from tests.emulator.services import Stored


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def state() -> State:
    state = State(TENANT, SUBSCRIPTION)
    seed.complete(state, "certificate")
    return state


def test_what_is_there_already_is_left_alone(state: State) -> None:
    before = copy.deepcopy(state)
    seed.complete(state, "another certificate")
    assert state == before


def test_the_controller_owns_the_subscription_and_the_publisher_only_writes_to_the_registry(state: State) -> None:
    controller, publisher = (state.service_principals[client] for client in (seed.CONTROLLER, seed.PUBLISHER))
    acr = state.registry_named(REGISTRY)
    assert acr
    assert state.roles_of(controller.object_id, f"/subscriptions/{SUBSCRIPTION}") == {OWNER.guid}
    assert not state.roles_of(publisher.object_id, f"/subscriptions/{SUBSCRIPTION}")
    azure = Azure(state, Stored())
    for mode in ("LegacyRegistryPermissions", "AbacRepositoryPermissions"):
        acr.properties["roleAssignmentMode"] = mode
        assert registry.rights(azure, acr, publisher.object_id) == {"pull", "push"}
    assert controller.secret != publisher.secret


def test_the_state_and_the_signers_keys_are_kept_and_nobody_elses_to_read(home: Path) -> None:
    seed.resources()
    files = {file.relative_to(home): file.read_bytes() for file in home.rglob("*") if file.is_file()}
    seed.resources()
    assert {file.relative_to(home): file.read_bytes() for file in home.rglob("*") if file.is_file()} == files
    for private in (home / "azure/state.json", seed.SIGNER.key, seed.OTHER.key):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_the_vault_holds_the_signers_certificate_without_its_key(home: Path) -> None:
    seed.resources()
    state = load(home / "azure/state.json")
    vault = state.vault_named(VAULT) if state else None
    assert vault
    assert vault.certificates == [CERTIFICATE]
    secret = vault.secrets[CERTIFICATE].versions[vault.secrets[CERTIFICATE].latest]
    assert secret.content_type == "application/x-pem-file"
    assert secret.value == seed.SIGNER.certificate.read_text()
    assert "PRIVATE" not in secret.value


@pytest.mark.parametrize("signer", [seed.SIGNER, seed.OTHER], ids=lambda signer: signer.name)
def test_a_signers_certificate_is_what_the_notary_project_asks_for(signer: Signer) -> None:
    signer.make()
    certificate = x509.load_pem_x509_certificate(signer.certificate.read_bytes())
    assert certificate.issuer == certificate.subject
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_cert_sign) == (True, True, False)
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CODE_SIGNING]


def test_the_trusted_signer_is_named_as_the_policies_name_it() -> None:
    seed.SIGNER.make()
    certificate = x509.load_pem_x509_certificate(seed.SIGNER.certificate.read_bytes())
    written = [(attribute.rfc4514_attribute_name, attribute.value) for attribute in certificate.subject]
    assert written == [("C", "US"), ("ST", "WA"), ("L", "Seattle"), ("O", "Brooklyn"), ("CN", "brooklyn.io")]
