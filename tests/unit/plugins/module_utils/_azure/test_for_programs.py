"""How a program that the collection starts logs in as the collection does: by variables of azure-identity."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.azure_cli import AzureCli
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.client_certificate import ClientCertificate
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.client_secret import ClientSecret
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.federated_token import FederatedToken, FederatedTokenFile
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.login import Login
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.managed_identity import ENDPOINTS, ManagedIdentity

COMMON = ("22222222-2222-2222-2222-222222222222", "AzureCloud", "the tests")
APPLICATION = {"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client"}
ENDPOINT = ("http://127.0.0.1:40342", "header", "", "", "", "")


@pytest.mark.parametrize(
    ("login", "kind", "variables"),
    [
        (ClientSecret(*COMMON, "tenant", "client", "secret"), "environment", {**APPLICATION, "AZURE_CLIENT_SECRET": "secret"}),
        (ClientCertificate(*COMMON, "tenant", "client", "/a.pem"), "environment", {**APPLICATION, "AZURE_CLIENT_CERTIFICATE_PATH": "/a.pem"}),
        (
            ClientCertificate(*COMMON, "tenant", "client", "/a.pfx", "password"),
            "environment",
            {**APPLICATION, "AZURE_CLIENT_CERTIFICATE_PATH": "/a.pfx", "AZURE_CLIENT_CERTIFICATE_PASSWORD": "password"},
        ),
        (ManagedIdentity(*COMMON), "managedid", {}),
        (
            ManagedIdentity(*COMMON, "client", ENDPOINT),
            "managedid",
            {"AZURE_CLIENT_ID": "client", **{name: value for name, value in zip(ENDPOINTS, ENDPOINT, strict=True) if value}},
        ),
        (AzureCli(*COMMON, "tenant", ("/home/.azure", "{}")), "azurecli", {"AZURE_CONFIG_DIR": "/home/.azure", "AZURE_TENANT_ID": "tenant"}),
    ],
)
def test_a_program_logs_in_as_the_collection_does(login: Login, kind: str, variables: dict[str, str], tmp_path: Path) -> None:
    assert login.for_programs(tmp_path) == (kind, variables)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("in_a_file", [False, True])
def test_a_federated_token_is_in_a_private_file(in_a_file: bool, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("token\n")
    login = FederatedTokenFile(*COMMON, "tenant", "client", str(tmp_path / "given")) if in_a_file else FederatedToken(*COMMON, "tenant", "client", "token")
    kind, variables = login.for_programs(tmp_path)
    path = Path(variables["AZURE_FEDERATED_TOKEN_FILE"])
    assert (kind, variables) == ("workloadid", {**APPLICATION, "AZURE_FEDERATED_TOKEN_FILE": str(path)})
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode), path.parent) == ("token", 0o600, tmp_path)
