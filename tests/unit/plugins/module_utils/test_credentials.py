from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.clouds import CLOUDS
from ansible_collections.image_trust.azure.plugins.module_utils._azure.credentials import Credential, Login, choose
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError

TENANT = "11111111-1111-1111-1111-111111111111"
SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
CLIENT = "33333333-3333-3333-3333-333333333333"
OTHER = "44444444-4444-4444-4444-444444444444"
SECRET_LOGIN = {"subscription_id": SUBSCRIPTION, "tenant": TENANT, "client_id": CLIENT, "secret": "s3cr%t"}
TOKEN = {"AZURE_FEDERATED_TOKEN_FILE": "/token"}


def options(**given: Any) -> dict[str, Any]:
    none: dict[str, Any] = dict.fromkeys(("subscription_id", "tenant", "client_id", "secret", "profile"))
    return {**none, "auth_source": "auto", **given}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with nothing in it, and no program on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


@pytest.fixture
def file(home: Path) -> Path:
    (home / ".azure").mkdir()
    file = home / ".azure/credentials"
    file.write_text(
        f"[default]\nsubscription_id={SUBSCRIPTION}\nclient_id={CLIENT}\nsecret=s3cr%t\ntenant={TENANT}\n"
        f"[ops]\nclient_id={OTHER}\nsecret=other\ntenant={TENANT}\n[half]\nclient_id={OTHER}\n"
    )
    return file


def az(home: Path, script: str) -> None:
    (home / "bin").mkdir()
    (home / "bin/az").write_text(f"#!/bin/sh\n{script}\n")
    (home / "bin/az").chmod(0o755)


@pytest.mark.parametrize("source", ["auto", "env"])
def test_a_client_secret(home: Path, source: str) -> None:
    assert choose(options(**SECRET_LOGIN, auth_source=source), TOKEN, home) == Login("client_secret", SUBSCRIPTION, TENANT, CLIENT, "s3cr%t")


@pytest.mark.parametrize("source", ["auto", "env"])
def test_a_federated_token(home: Path, source: str) -> None:
    login = choose(options(**{**SECRET_LOGIN, "secret": None}, auth_source=source), TOKEN, home)
    assert login == Login("workload_identity", SUBSCRIPTION, TENANT, CLIENT, token_file="/token")


@pytest.mark.parametrize("source", ["auto", "credential_file"])
def test_the_credential_file(file: Path, source: str) -> None:
    home = file.parent.parent
    assert choose(options(auth_source=source), {}, home) == Login("client_secret", SUBSCRIPTION, TENANT, CLIENT, "s3cr%t")
    ops = choose(options(auth_source=source, profile="ops", subscription_id=SUBSCRIPTION), {}, home)
    assert ops == Login("client_secret", SUBSCRIPTION, TENANT, OTHER, "other")


def test_an_option_wins_over_the_file_and_the_file_over_az(file: Path) -> None:
    az(file.parent.parent, "exit 1")
    assert choose(options(**{**SECRET_LOGIN, "client_id": OTHER}), {}, file.parent.parent).client_id == OTHER
    assert choose(options(), {}, file.parent.parent).method == "client_secret"


def test_the_managed_identity(home: Path) -> None:
    login = choose(options(auth_source="msi", subscription_id=SUBSCRIPTION, client_id=OTHER), TOKEN, home)
    assert login == Login("msi", SUBSCRIPTION, client_id=OTHER)


@pytest.mark.parametrize("source", ["auto", "cli"])
def test_the_azure_cli_names_its_subscription(home: Path, source: str) -> None:
    az(home, f"""echo '{{"id": "{OTHER}", "state": "Enabled"}}'""")
    assert choose(options(auth_source=source), {}, home) == Login("cli", OTHER)
    assert choose(options(auth_source=source, subscription_id=SUBSCRIPTION), {}, home) == Login("cli", SUBSCRIPTION)


@pytest.mark.parametrize(
    ("given", "environment", "sentence"),
    [
        ({}, {}, r"No login for Azure: .*AZURE_SECRET.*AZURE_FEDERATED_TOKEN_FILE.* nor the file ~/.azure/credentials nor the program az"),
        ({"auth_source": "env"}, {}, r"No login for Azure: .*AZURE_FEDERATED_TOKEN_FILE; give one"),
        ({**SECRET_LOGIN, "tenant": None}, {}, "login with a client secret lacks tenant"),
        ({"secret": "s"}, {}, "login with a client secret lacks client_id and tenant"),
        ({"tenant": TENANT}, TOKEN, "login with AZURE_FEDERATED_TOKEN_FILE lacks client_id"),
        ({**SECRET_LOGIN, "subscription_id": None}, {}, "subscription_id is not known"),
        ({**SECRET_LOGIN, "subscription_id": "lab"}, {}, "subscription_id is 'lab', but must be a GUID"),
        ({**SECRET_LOGIN, "client_id": "me"}, {}, "client_id is 'me', but must be a GUID"),
        ({**SECRET_LOGIN, "tenant": "my tenant"}, {}, "tenant is 'my tenant', but must be a GUID or a domain name"),
        ({"auth_source": "credential_file"}, {}, "Cannot read the credential file .*/.azure/credentials .No such file"),
        ({"auth_source": "cli"}, {}, "`az account show` names no subscription; run `az login`"),
        ({"auth_source": "msi"}, {}, "subscription_id is not known"),
    ],
)
def test_what_a_login_lacks_is_said(home: Path, given: dict[str, Any], environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(ModuleError, match=sentence) as failed:
        choose(options(**given), environment, home)
    assert "s3cr%t" not in failed.value.sentence


@pytest.mark.parametrize(
    ("profile", "content", "sentence"),
    [
        ("dev", None, "has no profile 'dev'; it has default, ops, half"),
        ("half", None, "The profile 'half' of .* lacks secret, tenant"),
        ("ops", None, "subscription_id is not known"),
        ("default", "no ini", "The credential file .* is not in INI form"),
    ],
)
def test_what_the_credential_file_lacks_is_said(file: Path, profile: str, content: str | None, sentence: str) -> None:
    if content:
        file.write_text(content)
    with pytest.raises(ModuleError, match=sentence):
        choose(options(auth_source="credential_file", profile=profile), {}, file.parent.parent)


def test_the_secret_is_not_in_the_login_s_text(home: Path) -> None:
    assert "s3cr%t" not in repr(choose(options(**SECRET_LOGIN), {}, home))


@pytest.mark.parametrize(
    ("login", "sentence"),
    [
        (Login("cli", SUBSCRIPTION), "refuses the login by cli .Azure CLI not found"),
        (Login("workload_identity", SUBSCRIPTION, TENANT, CLIENT, token_file="/nowhere/token"), f"client_id {CLIENT} of tenant {TENANT} .*nowhere/token"),
    ],
)
def test_a_login_that_cannot_be_used_is_one_sentence(home: Path, login: Login, sentence: str) -> None:
    with pytest.raises(ModuleError, match=sentence) as failed:
        Credential(login, CLOUDS["AzureCloud"]).get_token("https://management.azure.com/.default")
    assert "\n" not in failed.value.sentence
