"""What the lab holds from its first `up` on."""

from __future__ import annotations

import base64
import copy
import json
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from jwt.utils import base64url_decode
from starlette.testclient import TestClient

from lab import permissions, seed
from lab.azure import app
from lab.azure.context import Azure
from lab.azure.registries import container_registry
from lab.azure.roles import ACR_PUSH, OWNER
from lab.azure.state import ServicePrincipal, State, load
from lab.build.oci import MANIFEST, Image, pack
from lab.config import CA_CERTIFICATE, CERTIFICATE, EXPIRED_CERTIFICATE, REGISTRY, REPOSITORY, SUBSCRIPTION, TENANT, VAULT
from lab.seed import Seeded
from lab.signing import ca, time_stamping
from lab.signing.publishing import SIGNATURE, Repository
from lab.signing.signers import Signer
from tests.emulator.services import CLIENT, GROUP, Storage, Stored, assign
from tests.emulator.services import azure as emulated


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def state() -> State:
    state = State(TENANT, SUBSCRIPTION)
    seed.complete(state, {CERTIFICATE: "certificate"})
    return state


def test_existing_objects_are_left_alone(state: State) -> None:
    before = copy.deepcopy(state)
    seed.complete(state, {CERTIFICATE: "another certificate"})
    assert state == before


def test_the_controller_may_do_what_the_documentation_says_and_the_publisher_only_writes_to_the_registry(state: State) -> None:
    owner, controller, publisher = (state.service_principals[client] for client in (seed.OWNER, seed.CONTROLLER, seed.PUBLISHER))
    acr = state.registry_named(REGISTRY)
    assert acr
    assert state.roles_of(owner.object_id, f"/subscriptions/{SUBSCRIPTION}") == {OWNER.guid}
    granted = state.granted(controller.object_id, acr.id, lambda condition: condition == permissions.CONDITION.read_text())
    assert {action for role in granted for action in role.actions} == permissions.allowed()
    assert [role.name for role in state.granted(controller.object_id, acr.id)] == ["Image trust, operations"], "the other one is given with its condition"
    assert not state.roles_of(publisher.object_id, f"/subscriptions/{SUBSCRIPTION}")
    azure = Azure(state, Stored())
    # AcrPush lists the repositories too.
    for mode, lists in (("LegacyRegistryPermissions", {"metadata_read", "catalog"}), ("AbacRepositoryPermissions", {"metadata_read"})):
        acr.properties["roleAssignmentMode"] = mode
        assert container_registry.permissions(azure, acr, publisher.object_id) == {"pull", "push", "delete", *lists}
    assert controller.secret != publisher.secret


def test_the_state_and_the_signers_keys_are_kept_and_no_other_user_reads_them(home: Path) -> None:
    seed.resources()
    files = {file.relative_to(home): file.read_bytes() for file in home.rglob("*") if file.is_file()}
    seed.resources()
    assert {file.relative_to(home): file.read_bytes() for file in home.rglob("*") if file.is_file()} == files
    for private in (home / "azure/state.json", seed.SIGNER.key, seed.OTHER.key, home / "signers/ca/ca.key"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_the_vault_holds_the_certificates_to_trust_without_their_keys(home: Path) -> None:
    seed.resources()
    state = load(home / "azure/state.json")
    vault = state.vault_named(VAULT) if state else None
    assert vault
    assert vault.certificates == [CERTIFICATE, EXPIRED_CERTIFICATE, CA_CERTIFICATE]
    trusted = [ca.authority().certificate, *seed.SIGNER.chain(), *seed.EXPIRED.chain()]
    for name in vault.certificates:
        secret = vault.secrets[name].versions[vault.secrets[name].latest]
        assert secret.content_type == "application/x-pem-file"
        assert x509.load_pem_x509_certificate(secret.value.encode()) in trusted
        assert "PRIVATE" not in secret.value


@pytest.mark.parametrize("signer", [seed.SIGNER, seed.EXPIRED, seed.OTHER, seed.CHAINED], ids=lambda signer: signer.name)
def test_a_signers_certificate_is_what_the_notary_project_asks_for(signer: Signer) -> None:
    signer.make()
    certificate, *issuers = signer.chain()
    certificate.verify_directly_issued_by(issuers[0] if issuers else certificate)
    assert len(issuers) == signer.issued
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_cert_sign) == (True, True, False)
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CODE_SIGNING]


def test_a_signature_of_back_then_is_a_good_one_but_for_the_certificate_that_has_expired() -> None:
    seed.EXPIRED.make()
    image = pack(Image("registry.example/it:1", {"/it": b"it"}))
    envelope, [certificate] = json.loads(seed.EXPIRED.back_then(image)), seed.EXPIRED.chain()
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    signed_bytes = f"{envelope['protected']}.{envelope['payload']}".encode()
    key.verify(base64url_decode(envelope["signature"]), signed_bytes, PSS(MGF1(SHA256()), PSS.DIGEST_LENGTH), SHA256())
    target = {"mediaType": MANIFEST, "digest": image.digest, "size": len(image.manifest)}
    assert json.loads(base64url_decode(envelope["payload"])) == {"targetArtifact": target}
    signed = datetime.fromisoformat(json.loads(base64url_decode(envelope["protected"]))["io.cncf.notary.signingTime"])
    assert certificate.not_valid_before_utc < signed < certificate.not_valid_after_utc < datetime.now(UTC)
    assert base64.b64decode(envelope["header"]["x5c"][0]) == certificate.public_bytes(Encoding.DER)


def test_the_list_that_the_certificates_name_holds_the_revoked_one_and_is_served_by_http() -> None:
    seed.resources()
    client = TestClient(app.public(Azure(State(TENANT, SUBSCRIPTION), Stored()), ca.revocation_list, time_stamping.stamp))
    lists = []
    for signer in (seed.CHAINED, seed.REVOKED):
        [point] = signer.chain()[0].extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        assert point.full_name
        lists.append(x509.load_der_x509_crl(client.get(point.full_name[0].value).content))
    issuer = ca.authority()
    assert all(each.is_signature_valid(issuer.key.public_key()) for each in lists)
    assert lists[0].get_revoked_certificate_by_serial_number(seed.CHAINED.chain()[0].serial_number) is None
    assert lists[1].get_revoked_certificate_by_serial_number(seed.REVOKED.chain()[0].serial_number)
    assert lists[1].next_update_utc
    assert lists[1].next_update_utc - datetime.now(UTC) <= timedelta(minutes=1)
    assert client.get("http://crl.other.example/signing.crl").status_code == 404


def test_who_asks_the_time_stamping_authority_gets_a_stamp_that_openssl_verifies(tmp_path: Path) -> None:
    client = TestClient(app.public(Azure(State(TENANT, SUBSCRIPTION), Stored()), ca.revocation_list, time_stamping.stamp))
    signed = tmp_path / "signature"
    signed.write_bytes(b"a signature")

    def openssl(*words: str) -> bytes:
        return subprocess.run(["openssl", "ts", *words], capture_output=True, check=True).stdout

    query = openssl("-query", "-data", str(signed), "-sha256", "-cert")
    answer = client.post(time_stamping.URL, content=query)
    assert answer.headers["Content-Type"] == "application/timestamp-reply"
    (tmp_path / "reply").write_bytes(answer.content)
    trust = ["-verify", "-in", str(tmp_path / "reply"), "-CAfile", str(time_stamping.authority())]
    openssl(*trust, "-data", str(signed))
    signed.write_bytes(b"another")
    with pytest.raises(subprocess.CalledProcessError):
        openssl(*trust, "-data", str(signed))


def test_a_signature_by_a_bare_key_is_over_the_digest_of_its_image_and_stored_where_cosign_looks_for_it() -> None:
    for key in (seed.KEY, seed.OTHER_KEY):
        key.make()
    client, publisher = front()
    repository = Repository(client, REPOSITORY)
    for _ in range(2):
        seed.publish(repository, Seeded("it", key=seed.KEY), publisher)
    digest = repository.digest("it")
    assert digest
    stored = client.get(f"/v2/{REPOSITORY}/manifests/{digest.replace(':', '-')}.sig", headers={"Accept": MANIFEST}).json()
    [layer] = stored["layers"]
    payload = client.get(f"/v2/{REPOSITORY}/blobs/{layer['digest']}").content
    assert json.loads(payload)["critical"]["image"] == {"docker-manifest-digest": digest}
    signature = base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"])
    public, other = (load_pem_public_key(key.public.read_bytes()) for key in (seed.KEY, seed.OTHER_KEY))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(other, ec.EllipticCurvePublicKey)
    public.verify(signature, payload, ec.ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        other.verify(signature, payload, ec.ECDSA(SHA256()))


def front() -> tuple[TestClient, ServicePrincipal]:
    """A client of the emulated registry `lab` that may write to it, and who it is."""
    azure = emulated()
    assign(azure, ACR_PUSH, f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/lab")
    client = TestClient(container_registry.app(azure, Storage().client()), base_url="https://lab.azurecr.io")
    scope = {"service": "lab.azurecr.io", "scope": f"repository:{REPOSITORY}:pull,push"}
    client.headers["Authorization"] = f"Bearer {client.get('/oauth2/token', params=scope, auth=(CLIENT, 'secret')).json()['access_token']}"
    return client, azure.state.service_principals[CLIENT]


@pytest.mark.parametrize("before", [None, Seeded("it"), Seeded("it", signer=seed.EXPIRED)], ids=["new", "killed before the signing", "killed before the move"])
def test_a_moved_tag_names_another_image_than_the_signed_one_however_often_it_is_seeded(before: Seeded | None) -> None:
    seed.EXPIRED.make()
    azure, storage = emulated(), Storage()
    assign(azure, ACR_PUSH, f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/lab")
    client = TestClient(container_registry.app(azure, storage.client()), base_url="https://lab.azurecr.io")
    scope = {"service": "lab.azurecr.io", "scope": f"repository:{REPOSITORY}:pull,push"}
    client.headers["Authorization"] = f"Bearer {client.get('/oauth2/token', params=scope, auth=(CLIENT, 'secret')).json()['access_token']}"
    repository, publisher = Repository(client, REPOSITORY), azure.state.service_principals[CLIENT]
    if before:
        seed.publish(repository, before, publisher)
    seed.publish(repository, Seeded("it", signer=seed.EXPIRED, moved=True), publisher)
    [(referrer, [signature])] = [(key, value) for each in azure.state.registries.values() for key, value in each.referrers.items()]
    moved = repository.digest("it")
    assert moved
    assert (repository.signatures(moved), referrer == f"{REPOSITORY}@{moved}") == ([], False)
    assert (signature["artifactType"], list(signature["annotations"])) == (SIGNATURE, ["io.cncf.notary.x509chain.thumbprint#S256"])
    sent: list[httpx.Request] = []
    client.event_hooks = {"request": [sent.append]}
    seed.publish(repository, Seeded("it", signer=seed.EXPIRED, moved=True), publisher)
    assert {request.method for request in sent} == {"HEAD"}, "the tag must not be moved back, not even for a moment"


def test_the_trusted_signer_is_named_as_the_policies_name_it() -> None:
    seed.SIGNER.make()
    certificate = x509.load_pem_x509_certificate(seed.SIGNER.certificate.read_bytes())
    written = [(attribute.rfc4514_attribute_name, attribute.value) for attribute in certificate.subject]
    assert written == [("C", "US"), ("ST", "WA"), ("L", "Seattle"), ("O", "Brooklyn"), ("CN", "brooklyn.io")]
