"""What docs/login.md shows logs in: each example as it is there, with real values in place of its placeholders."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.choice import BESIDE_A_PROOF, METHODS

from lab.azure.arm.groups import new_group
from lab.azure.arm.vaults import new_vault
from tests.support.certificates import SelfSigned
from tests.support.emulated import CLIENT_ID, OBJECT_ID, SECRET, Emulated
from tests.support.logins import az, federated_identity, service_account_token
from tests.support.module_runs import Backend, Run

ROOT = Path(__file__).parents[4]
GUIDE = (ROOT / "docs/login.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
VAULT = {"resource_group": "image-trust-lab", "name": "image-trust-lab"}
LOGIN = ("AZURE_SUBSCRIPTION_ID", "AZURE_TENANT", "AZURE_CLIENT_ID", "AZURE_SECRET")
CERTIFICATE = SelfSigned()

OPTIONS = [block["azure_login"] for kind, text in BLOCKS if kind == "yaml" and "azure_login" in (block := yaml.safe_load(text))]
VARIABLES = [
    *(re.findall(r"(AZURE_\w+)=", text) for kind, text in BLOCKS if kind == "sh"),
    *(list(block["env"]) for kind, text in BLOCKS if kind == "yaml" and "env" in (block := yaml.safe_load(text))),
]
"""Of the shell's exports, and of the injectors of AWX."""


@pytest.fixture
def values(azure: Emulated, backend: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """What stands for each option's placeholder. Nothing of it is in the environment, but the file of profiles and az are there."""
    for name in LOGIN:
        monkeypatch.delenv(name)
    azure.state.service_principals[CLIENT_ID].certificates = [CERTIFICATE.pem]
    (tmp_path / "azure.pem").write_bytes(CERTIFICATE.with_key())
    (tmp_path / "token").write_text(service_account_token())
    known = {"subscription_id": azure.state.subscription, "tenant": azure.state.tenant, "client_id": CLIENT_ID, "secret": SECRET}
    (profile,) = (text for kind, text in BLOCKS if kind == "ini")
    (tmp_path / ".azure").mkdir()
    (tmp_path / ".azure/credentials").write_text(re.sub(r"^(\w+)=.*$", lambda line: f"{line[1]}={known[line[1]]}", profile, flags=re.MULTILINE))
    az(tmp_path / "bin", azure.azure.tokens.access_token(OBJECT_ID, CLIENT_ID, azure.azure.arm_url), azure)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    return {
        **known,
        "x509_certificate_path": str(tmp_path / "azure.pem"),
        "oidc_token": service_account_token(),
        "oidc_token_file_path": str(tmp_path / "token"),
        "federated client_id": federated_identity(azure, backend).client_id,
    }


def filled(names: dict[str, str], values: dict[str, str]) -> dict[str, str]:
    """The value for each key of `names`, which tells the option that the key is about."""
    federated = any(option.startswith("oidc_token") for option in names.values())
    return {name: values["federated client_id" if federated and option == "client_id" else option] for name, option in names.items()}


@pytest.mark.parametrize("login", OPTIONS, ids=lambda login: " ".join(login))
def test_an_example_of_azure_login_logs_in(run: Run, azure: Emulated, values: dict[str, str], login: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    given = {**login, **filled({name: name for name in login if name in values}, values)}
    with azure.metadata_service("lab1") as url:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)
        assert run("keyvault_info", **VAULT, **given)["vault"]["name"] == "image-trust-lab"


@pytest.mark.parametrize("variables", VARIABLES, ids=" ".join)
def test_the_variables_of_an_example_are_all_that_is_needed(
    run: Run, values: dict[str, str], variables: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".azure/credentials").unlink()
    (tmp_path / "bin/az").unlink()
    about = {variable: method.OPTION for method in METHODS for variable in method.ENVIRONMENT}
    about |= {"AZURE_SUBSCRIPTION_ID": "subscription_id", "AZURE_TENANT": "tenant", "AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client_id"}
    for name, value in filled({name: about[name] for name in variables}, values).items():
        monkeypatch.setenv(name, value)
    assert run("keyvault_info", **VAULT)["vault"]["name"] == "image-trust-lab"


def test_the_play_of_the_guide_runs(azure: Emulated, values: dict[str, str], tmp_path: Path) -> None:
    (play,) = (text for kind, text in BLOCKS if kind == "yaml" and text.startswith("- hosts"))
    group = new_group(azure.state.subscription, "rg-shared", "eastus")
    azure.state.resource_groups[group["id"].lower()] = group
    new_vault(azure.state, "rg-shared", "contoso-signing", "eastus", {"tenantId": azure.state.tenant, "sku": {"family": "A", "name": "standard"}})
    (tmp_path / "play.yml").write_text(play.replace("00000000-0000-0000-0000-000000000000", values["subscription_id"]))
    (tmp_path / "hosts").write_text(f"[clusters]\none ansible_python_interpreter={sys.executable}\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "hosts", "play.yml"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_guide_names_every_option_and_variable() -> None:
    names = {*BESIDE_A_PROOF, *BESIDE_A_PROOF.values(), *(name for method in METHODS for name in (method.OPTION, *method.ENVIRONMENT))}
    assert {name for name in names if f"`{name}`" not in GUIDE} == set()


def test_the_guide_has_examples_of_every_method() -> None:
    shown: set[Any] = {name for login in OPTIONS for name in login} | {name for names in VARIABLES for name in names}
    assert all(shown & {method.OPTION, *method.ENVIRONMENT} for method in METHODS)
    assert {login.get("auth_source") for login in OPTIONS} >= {"cli", "msi", "credential_file"}
