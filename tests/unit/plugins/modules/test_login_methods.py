"""Each way to log in, against the emulated Entra, instance metadata service, and a program that speaks az's contract."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins import azure_cli

from tests.support.certificates import SelfSigned
from tests.support.emulated import CLIENT_ID, OBJECT_ID, Emulated
from tests.support.logins import az, federated_identity, service_account_token
from tests.support.module_runs import Backend, Run, failure

VAULT = {"resource_group": "image-trust-lab", "name": "image-trust-lab"}
MODULE = "keyvault_info"
CERTIFICATE, OTHER = SelfSigned(), SelfSigned()


@pytest.fixture(autouse=True)
def no_secret(azure: Emulated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment names who logs in, but nothing to prove it, and there is no az."""
    monkeypatch.delenv("AZURE_SECRET")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def principal(azure: Emulated) -> str | None:
    """Who read the vault."""
    return next(entry.principal for entry in azure.requests if "/vaults/" in entry.path)


@pytest.fixture
def certificate(azure: Emulated, tmp_path: Path) -> Path:
    """File of a certificate that is registered for the subscription's owner."""
    azure.state.service_principals[CLIENT_ID].certificates = [CERTIFICATE.pem]
    file = tmp_path / "login.pem"
    file.write_bytes(CERTIFICATE.with_key())
    return file


def test_a_certificate_as_an_option(run: Run, azure: Emulated, certificate: Path) -> None:
    assert run(MODULE, **VAULT, x509_certificate_path=str(certificate), thumbprint=CERTIFICATE.thumbprint)["vault"]["name"] == "image-trust-lab"
    assert principal(azure) == OBJECT_ID


@pytest.mark.parametrize("variable", ["AZURE_X509_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH"])
def test_a_certificate_in_the_environment(run: Run, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, str(certificate))
    assert run(MODULE, **VAULT)["vault"]["name"] == "image-trust-lab"


def test_a_certificate_with_a_password(run: Run, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate.write_bytes(CERTIFICATE.pfx("w0rd"))
    monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PATH", str(certificate))
    monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PASSWORD", "w0rd")
    result = run(MODULE, **VAULT)
    assert result["vault"]["name"] == "image-trust-lab"
    assert "w0rd" not in json.dumps(result)


@pytest.mark.parametrize("wrong", [OTHER, SelfSigned(days=-1)])
def test_a_certificate_that_entra_does_not_take_says_so(run: Run, azure: Emulated, certificate: Path, wrong: SelfSigned) -> None:
    certificate.write_bytes(wrong.with_key())
    if wrong is not OTHER:
        azure.state.service_principals[CLIENT_ID].certificates = [wrong.pem]
    result = run(MODULE, **VAULT, x509_certificate_path=str(certificate))
    assert failure(result) == (
        f"{azure.azure.login_url} refuses client_id {CLIENT_ID} of tenant {azure.state.tenant} with the certificate of option x509_certificate_path"
        " (AADSTS700027: the certificate is not registered for it, or has expired; register this one, or give the one that is)."
    )
    assert azure.reads == []


@pytest.fixture
def federated(azure: Emulated, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> str:
    """Object id of an identity that may log in by `service_account_token`; the environment names it."""
    identity = federated_identity(azure, backend)
    monkeypatch.setenv("AZURE_CLIENT_ID", identity.client_id)
    return identity.principal_id


def test_a_federated_token_as_an_option(run: Run, azure: Emulated, federated: str) -> None:
    token = service_account_token()
    result = run(MODULE, **VAULT, oidc_token=token)
    assert result["vault"]["name"] == "image-trust-lab"
    assert principal(azure) == federated
    assert token not in json.dumps(result)


def test_a_federated_token_in_the_environment(run: Run, azure: Emulated, federated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN", service_account_token())
    assert run(MODULE, **VAULT)["vault"]["name"] == "image-trust-lab"
    assert principal(azure) == federated


@pytest.mark.parametrize("as_option", [True, False])
def test_a_file_with_a_federated_token_as_in_a_pod_with_workload_identity(
    run: Run, azure: Emulated, federated: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, as_option: bool
) -> None:
    file = tmp_path / "azure-identity-token"
    file.write_text(service_account_token() + "\n")
    if not as_option:
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(file))
    given = {"oidc_token_file_path": str(file)} if as_option else {}
    assert run(MODULE, **VAULT, **given)["vault"]["name"] == "image-trust-lab"
    assert principal(azure) == federated


@pytest.mark.parametrize(
    ("claims", "cause"),
    [
        ({"iss": "https://issuer.example.com/"}, "AADSTS700211: no federated credential of it has the token's issuer; add one"),
        ({"sub": "system:serviceaccount:awx:default"}, "AADSTS700213: no federated credential of it has the token's subject; add one"),
        ({"sub": "system:serviceaccount:AWX:awx"}, "AADSTS7002138: a federated credential of it has the token's subject in other case; correct it"),
        ({"aud": "https://kubernetes.default.svc"}, "AADSTS700212: no federated credential of it has the token's audience; correct it"),
        ({"exp": 1}, "AADSTS700024: the federated token has expired, or the clock of this machine is wrong; get a new token"),
    ],
)
def test_a_federated_token_that_does_not_match_says_what(run: Run, federated: str, claims: dict[str, Any], cause: str) -> None:
    token = service_account_token(**claims)
    result = run(MODULE, **VAULT, oidc_token=token)
    assert f"with the federated token of option oidc_token ({cause})." in failure(result)
    assert token not in json.dumps(result)


def test_what_is_no_token_is_said_without_it(run: Run, federated: str) -> None:
    result = run(MODULE, **VAULT, oidc_token="n0t-a-token")
    assert "AADSTS50027: the federated token is not a token" in failure(result)
    assert "n0t-a-token" not in json.dumps(result)


def test_an_unreachable_entra_is_named_to_who_has_a_federated_token(run: Run, azure: Emulated, federated: str) -> None:
    azure.azure.port, port = 1, azure.azure.port
    try:
        sentence = failure(run(MODULE, **VAULT, oidc_token=service_account_token()))
    finally:
        azure.azure.port = port
    assert sentence.startswith("Cannot reach https://localhost:1 to log in; check cloud_environment")


def test_the_managed_identity_of_the_machine(run: Run, azure: Emulated, federated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with azure.metadata_service("lab1") as url:
        # The variable by which azure-identity and MSAL find the service elsewhere than at 169.254.169.254.
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)
        assert run(MODULE, **VAULT, auth_source="msi")["vault"]["name"] == "image-trust-lab"
        assert principal(azure) == federated
        sentence = failure(run(MODULE, **VAULT, auth_source="msi", client_id=CLIENT_ID))
    assert sentence.startswith(f"The managed identity with client_id {CLIENT_ID} of this machine cannot be used (")
    assert "invalid_request" in sentence
    assert sentence.endswith("; give the machine one, or another login.")


@pytest.mark.parametrize("source", ["auto", "cli"])
def test_the_login_of_the_azure_cli(run: Run, azure: Emulated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str) -> None:
    for name in ("AZURE_SUBSCRIPTION_ID", "AZURE_TENANT", "AZURE_CLIENT_ID"):
        monkeypatch.delenv(name)
    token = azure.azure.tokens.access_token(OBJECT_ID, CLIENT_ID, azure.azure.arm_url)
    asked = az(tmp_path / "bin", token, azure)
    result = run(MODULE, **VAULT, auth_source=source)
    assert result["vault"]["name"] == "image-trust-lab"
    assert principal(azure) == OBJECT_ID
    assert token not in json.dumps(result)
    access = f"account get-access-token --output json --resource {azure.azure.arm_url} --tenant {azure.state.tenant}"
    assert asked.read_text().splitlines() == ["account show --output json", access]
    asked.unlink()
    run(MODULE, **VAULT, auth_source=source, subscription_id=azure.state.subscription)
    assert asked.read_text().splitlines() == [f"account show --subscription {azure.state.subscription} --output json", access]
    asked.unlink()
    run(MODULE, **VAULT, auth_source=source, tenant=azure.state.tenant, subscription_id=azure.state.subscription)
    assert asked.read_text().splitlines() == [access]


def test_an_az_that_is_not_logged_in_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/az").write_text("#!/bin/sh\necho \"ERROR: Please run 'az login' to setup account.\" >&2\nexit 1\n")
    (tmp_path / "bin/az").chmod(0o755)
    sentence = failure(run(MODULE, **VAULT))
    assert sentence == (
        "The login of the Azure CLI, which is taken because nothing else is given, cannot be used (Please run 'az login' to set up an account)."
    )


def test_an_az_that_hangs_is_given_up(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/az").write_text("#!/bin/sh\nsleep 20\n")
    (tmp_path / "bin/az").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.defpath}")
    monkeypatch.setattr(azure_cli, "TIMEOUT", 1)
    monkeypatch.delenv("AZURE_TENANT")
    begun = time.monotonic()
    assert "names no account" in failure(run(MODULE, **VAULT, auth_source="cli"))
    assert time.monotonic() - begun < 10
