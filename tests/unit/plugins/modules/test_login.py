"""What all modules share: login, cloud, errors, libraries. Shown with the module that needs least."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulated import CLIENT_ID, SECRET, Emulated
from tests.support.module_runs import Run, failure

VAULT = {"resource_group": "image-trust-lab", "name": "image-trust-lab"}
MODULE = "keyvault_info"
TENANT = "11111111-1111-1111-1111-111111111111"


def test_a_wrong_secret_names_client_tenant_and_cause(run: Run, azure: Emulated) -> None:
    result = run(MODULE, **VAULT, secret="wrong secret")
    assert failure(result) == (
        f"{azure.azure.login_url} refuses client_id {CLIENT_ID} of tenant {TENANT} with the client secret of option secret"
        " (AADSTS7000215: the secret is wrong; check that it is the secret's value and not its id)."
    )
    assert result["error"]["code"] == "AADSTS7000215"
    assert "wrong secret" not in json.dumps(result)
    assert azure.reads == []


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ({"client_id": "99999999-9999-9999-9999-999999999999"}, "AADSTS700016: the tenant does not know this client_id; check client_id and tenant"),
        ({"tenant": "99999999-9999-9999-9999-999999999999"}, "there is no such tenant; check tenant and cloud_environment"),
    ],
)
def test_a_wrong_client_or_tenant_is_named(run: Run, wrong: dict[str, str], cause: str) -> None:
    sentence = failure(run(MODULE, **VAULT, **wrong))
    assert next(iter(wrong.values())) in sentence
    assert cause in sentence


def test_a_wrong_subscription_is_named(run: Run) -> None:
    sentence = failure(run(MODULE, **VAULT, subscription_id="99999999-9999-9999-9999-999999999999"))
    assert "99999999-9999-9999-9999-999999999999" in sentence
    assert "check subscription_id" in sentence


def test_the_secret_is_in_no_output(run: Run) -> None:
    result = run(MODULE, **VAULT)
    assert not result.get("failed")
    assert SECRET not in json.dumps(result)


@pytest.mark.parametrize("names", [("AZURE_SECRET", "AZURE_TENANT"), ("AZURE_CLIENT_SECRET", "AZURE_TENANT_ID")])
def test_both_families_of_environment_variables(run: Run, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str]) -> None:
    for name in ("AZURE_SECRET", "AZURE_TENANT"):
        monkeypatch.delenv(name)
    for name, value in zip(names, (SECRET, TENANT), strict=True):
        monkeypatch.setenv(name, value)
    assert run(MODULE, **VAULT)["vault"]["name"] == "image-trust-lab"


def test_the_credential_file(run: Run, azure: Emulated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AZURE_SECRET", "AZURE_TENANT", "AZURE_CLIENT_ID", "AZURE_SUBSCRIPTION_ID"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".azure").mkdir()
    (tmp_path / ".azure/credentials").write_text(
        f"[ops]\nsubscription_id={azure.state.subscription}\nclient_id={CLIENT_ID}\nsecret={SECRET}\ntenant={TENANT}\n"
    )
    result = run(MODULE, **VAULT, auth_source="credential_file", profile="ops")
    assert result["vault"]["name"] == "image-trust-lab"
    assert SECRET not in json.dumps(result)


@pytest.mark.parametrize("name", ["AZURE_SECRET", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN", "AZURE_CLIENT_CERTIFICATE_PASSWORD"])
def test_what_is_secret_in_the_environment_is_in_no_output_even_where_a_name_repeats_it(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("AZURE_SECRET")
    monkeypatch.setenv("AZURE_X509_CERTIFICATE_PATH" if name.endswith("PASSWORD") else name, "/nowhere")
    monkeypatch.setenv(name, "s3cret-of-mine")
    result = run(MODULE, resource_group="image-trust-lab", name="s3cret-of-mine")
    assert result["failed"]
    assert "s3cret-of-mine" not in json.dumps(result)


def test_two_proofs_as_options_are_refused(run: Run, azure: Emulated) -> None:
    result = run(MODULE, **VAULT, secret="one", oidc_token="two")
    assert result["msg"] == "parameters are mutually exclusive: secret|x509_certificate_path|oidc_token|oidc_token_file_path|profile"
    assert azure.requests == []


def test_without_any_login_it_says_what_it_looked_for(run: Run, azure: Emulated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AZURE_SECRET")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert failure(run(MODULE, **VAULT)).startswith("No login for Azure: ")
    assert azure.requests == []


def test_an_unreachable_endpoint_is_named(run: Run) -> None:
    sentence = failure(run(MODULE, **VAULT, cloud_environment="https://127.0.0.1:1"))
    assert sentence.startswith("Cannot get the cloud's metadata from https://127.0.0.1:1, named by cloud_environment (no connection); check the URL")


def test_an_unreachable_login_endpoint_is_named(run: Run, azure: Emulated) -> None:
    azure.azure.port, port = 1, azure.azure.port
    try:
        sentence = failure(run(MODULE, **VAULT))
    finally:
        azure.azure.port = port
    assert sentence.startswith("Cannot reach https://localhost:1 to log in; check cloud_environment")


def test_a_certificate_that_is_not_trusted_says_what_to_set(run: Run, monkeypatch: pytest.MonkeyPatch, azure: Emulated) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert failure(run(MODULE, **VAULT)) == (
        f"The certificate of {azure.azure.arm_url}, named by cloud_environment, is not trusted; point REQUESTS_CA_BUNDLE to the certificates of its authority."
    )


def test_an_endpoint_that_is_no_resource_manager_is_named(run: Run, azure: Emulated) -> None:
    azure.fail(path="/metadata/endpoints", status=404)
    assert "(it answers 404)" in failure(run(MODULE, **VAULT))


@pytest.mark.parametrize("environment", ["AzureGermanCloud", "http://127.0.0.1"])
def test_an_unknown_cloud_is_refused_before_any_request(run: Run, azure: Emulated, environment: str) -> None:
    assert f"cloud_environment is '{environment}', but must be one of" in failure(run(MODULE, **VAULT, cloud_environment=environment))
    assert azure.requests == []


def test_a_missing_permission_is_named(run: Run, azure: Emulated) -> None:
    azure.state.role_assignments.clear()
    result = run(MODULE, **VAULT)
    assert "Could not read the vault image-trust-lab in resource group image-trust-lab: " in failure(result)
    assert "(AuthorizationFailed); give the login a role that includes this action." in result["msg"]
    assert result["error"]["status"] == 403
    assert result["error"]["request_id"]


@pytest.mark.parametrize("fault", [{"status": 429, "retry_after": 1}, {"status": 503}, {"reset": "before"}])
def test_what_passes_is_tried_again(run: Run, azure: Emulated, fault: dict[str, Any]) -> None:
    azure.fail(method="GET", path="/vaults/", count=1, **fault)
    assert run(MODULE, **VAULT)["vault"]["name"] == "image-trust-lab"
    assert len(azure.reads) == 2


@pytest.mark.parametrize(("module", "distribution"), [("azure.mgmt.keyvault", "azure-mgmt-keyvault"), ("azure.identity", "azure-identity")])
def test_a_missing_library_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, module: str, distribution: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    result = run(MODULE, **VAULT)
    assert distribution in result["msg"]
    assert result["error"]["code"] == "MissingLibrary"
