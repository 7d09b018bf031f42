from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.clouds import CLOUDS
from ansible_collections.image_trust.azure.plugins.module_utils._azure.credentials import Credential
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.azure_cli import AzureCli
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.choice import METHODS, choose
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.client_certificate import ClientCertificate
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.client_secret import ClientSecret
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.federated_token import FederatedToken, FederatedTokenFile
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.login import Login
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.managed_identity import ManagedIdentity
from ansible_collections.image_trust.azure.plugins.module_utils._azure.run_cache import RunCache

from tests.support.certificates import SelfSigned

TENANT = "11111111-1111-1111-1111-111111111111"
SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
CLIENT = "33333333-3333-3333-3333-333333333333"
OTHER = "44444444-4444-4444-4444-444444444444"
WHO: dict[str, Any] = {"subscription_id": SUBSCRIPTION, "tenant": TENANT, "client_id": CLIENT}
SECRET_LOGIN = {**WHO, "secret": "s3cr%t"}
NOTHING = RunCache(None)
CERTIFICATE = SelfSigned()
ALL_VARIABLES = [name for method in METHODS for name in method.ENVIRONMENT]


def options(**given: Any) -> dict[str, Any]:
    names = ("subscription_id", "tenant", "client_id", "secret", "x509_certificate_path", "x509_certificate_password", "thumbprint", "oidc_token")
    none: dict[str, Any] = dict.fromkeys((*names, "oidc_token_file_path", "profile", "cloud_environment"))
    return {**none, "auth_source": "auto", **given}


def command(words: list[str]) -> tuple[int, str, str]:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def chosen(home: Path, environment: dict[str, str] | None = None, **given: Any) -> Login:
    return choose(options(**given), environment or {}, home, NOTHING, command)


def by_secret(secret: str, source: str, client_id: str = CLIENT) -> ClientSecret:
    return ClientSecret(SUBSCRIPTION, "AzureCloud", source, TENANT, client_id, secret)


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
        f"[whole]\nclient_id={OTHER}\nsecret=other\n[user]\nad_user=me@example.com\npassword=mine\n"
        f"[government]\nsubscription_id={SUBSCRIPTION}\nclient_id={CLIENT}\ntenant={TENANT}\nx509_certificate_path=/pem\ncloud_environment=AzureUSGovernment\n"
    )
    return file


def az(home: Path, script: str) -> None:
    (home / "bin").mkdir()
    (home / "bin/az").write_text(f"#!/bin/sh\n{script}\n")
    (home / "bin/az").chmod(0o755)


def account(subscription: str = OTHER, cloud: str = "AzureCloud") -> str:
    return f"""echo '{{"id": "{subscription}", "environmentName": "{cloud}", "tenantId": "{TENANT}"}}'"""


@pytest.mark.parametrize("source", ["auto", "env"])
@pytest.mark.parametrize("method", METHODS)
def test_a_proof_may_be_an_option(home: Path, source: str, method: Any) -> None:
    given = options(**WHO, **{method.OPTION: "/proof"}, auth_source=source)
    login = choose(given, dict.fromkeys(ALL_VARIABLES, "of another"), home, NOTHING, command)
    assert login == method(SUBSCRIPTION, "AzureCloud", f"option {method.OPTION}", TENANT, CLIENT, "/proof")


@pytest.mark.parametrize("source", ["auto", "env"])
@pytest.mark.parametrize(("method", "variable"), [(method, variable) for method in METHODS for variable in method.ENVIRONMENT])
def test_a_proof_may_be_in_the_environment(home: Path, source: str, method: Any, variable: str) -> None:
    assert chosen(home, {variable: "/proof"}, **WHO, auth_source=source) == method(SUBSCRIPTION, "AzureCloud", variable, TENANT, CLIENT, "/proof")


def test_of_several_proofs_in_the_environment_the_first_of_the_table_counts(home: Path) -> None:
    environment = dict.fromkeys(ALL_VARIABLES, "/proof")
    found = []
    while environment:
        login = chosen(home, environment, **WHO)
        found.append(login.source)
        del environment[login.source]
    assert found == [
        "AZURE_SECRET",
        "AZURE_CLIENT_SECRET",
        "AZURE_X509_CERTIFICATE_PATH",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_FEDERATED_TOKEN",
        "AZURE_FEDERATED_TOKEN_FILE",
    ]


def test_what_a_certificate_needs_beside_it_may_be_in_the_environment(home: Path) -> None:
    environment = {"AZURE_CLIENT_CERTIFICATE_PATH": "/pem", "AZURE_CLIENT_CERTIFICATE_PASSWORD": "word", "AZURE_THUMBPRINT": "AB"}
    login = chosen(home, environment, **WHO)
    assert login == ClientCertificate(SUBSCRIPTION, "AzureCloud", "AZURE_CLIENT_CERTIFICATE_PATH", TENANT, CLIENT, "/pem", "word", "AB")
    assert login.secrets == ("word",)


@pytest.mark.parametrize("source", ["auto", "credential_file"])
def test_the_credential_file(file: Path, source: str) -> None:
    home = file.parent.parent
    assert chosen(home, auth_source=source) == by_secret("s3cr%t", "the profile 'default' of ~/.azure/credentials")
    ops = by_secret("other", "the profile 'ops' of ~/.azure/credentials", OTHER)
    assert chosen(home, auth_source=source, profile="ops", subscription_id=SUBSCRIPTION) == ops
    assert chosen(home, {"AZURE_PROFILE": "ops"}, auth_source=source, subscription_id=SUBSCRIPTION) == ops


def test_a_profile_may_hold_another_proof_and_a_cloud(file: Path) -> None:
    home, source = file.parent.parent, "the profile 'government' of ~/.azure/credentials"
    assert chosen(home, profile="government") == ClientCertificate(SUBSCRIPTION, "AzureUSGovernment", source, TENANT, CLIENT, "/pem")
    assert chosen(home, profile="government", cloud_environment="AzureChinaCloud").cloud_environment == "AzureChinaCloud"


def test_the_order_is_option_then_named_profile_then_environment_then_default_profile_then_az(file: Path) -> None:
    home = file.parent.parent
    az(home, account(SUBSCRIPTION))
    environment = {"AZURE_PROFILE": "ops", "AZURE_SECRET": "e"}
    assert chosen(home, environment, **WHO, secret="o").source == "option secret"
    assert chosen(home, environment, **WHO).source == "the profile 'ops' of ~/.azure/credentials"
    assert chosen(home, {"AZURE_SECRET": "e"}, **WHO).source == "AZURE_SECRET"
    assert chosen(home, **WHO).source == "the profile 'default' of ~/.azure/credentials"
    file.unlink()
    assert isinstance(chosen(home, **WHO), AzureCli)


def test_the_managed_identity(home: Path) -> None:
    environment = {"AZURE_FEDERATED_TOKEN_FILE": "/token", "IDENTITY_ENDPOINT": "http://here"}
    login = chosen(home, environment, auth_source="msi", subscription_id=SUBSCRIPTION, client_id=OTHER)
    assert isinstance(login, ManagedIdentity)
    assert (login.subscription_id, login.client_id, login.endpoint[0]) == (SUBSCRIPTION, OTHER, "http://here")


@pytest.mark.parametrize("source", ["auto", "cli"])
def test_the_azure_cli_names_its_subscription_and_cloud(home: Path, source: str) -> None:
    az(home, account(OTHER, "AzureUSGovernment"))
    login = chosen(home, auth_source=source)
    assert login == AzureCli(OTHER, "AzureUSGovernment", login.source, TENANT, (str(home / ".azure"), ""))
    login = chosen(home, auth_source=source, subscription_id=SUBSCRIPTION, cloud_environment="AzureCloud")
    assert (login.subscription_id, login.cloud_environment) == (SUBSCRIPTION, "AzureCloud")


def test_az_is_asked_once_a_run_for_its_account_until_it_logs_in_to_another(home: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    (home / ".azure").mkdir()
    az(home, f"echo asked >>{home}/asked; {account()}")
    for profile, asked in (("one", 1), ("one", 1), ("another", 2)):
        (home / ".azure/azureProfile.json").write_text(profile)
        assert choose(options(), {}, home, RunCache(str(tmp_path / "run")), command).subscription_id == OTHER
        assert (home / "asked").read_text().count("asked") == asked


@pytest.mark.parametrize(
    ("given", "environment", "sentence"),
    [
        (
            {},
            {},
            r"^No login for Azure: tried, in this order, the options \(none of secret, x509_certificate_path, oidc_token, oidc_token_file_path\),"
            r" the environment \(none of AZURE_SECRET, .*, AZURE_FEDERATED_TOKEN_FILE\), the file ~/.azure/credentials \(there is none\),"
            r" the Azure CLI \(there is no program az\); give one of them, or auth_source=msi on a machine with a managed identity\.$",
        ),
        ({"auth_source": "env"}, {}, r"^No login for Azure: tried, in this order, the options .*, the environment .*_TOKEN_FILE\); give one"),
        ({}, {"AZURE_AD_USER": "me", "AZURE_PASSWORD": "s3cr%t"}, "AZURE_AD_USER is set, but a user and password cannot log in here"),
        ({"auth_source": "env"}, {"AZURE_USERNAME": "me"}, "AZURE_USERNAME is set, but a user and password cannot log in here"),
        ({**SECRET_LOGIN, "tenant": None}, {}, "^The login with the client secret of option secret lacks tenant; give it too.$"),
        ({}, {"AZURE_CLIENT_SECRET": "s"}, "client secret of AZURE_CLIENT_SECRET lacks client_id and tenant; give them too"),
        ({"tenant": TENANT}, {"AZURE_FEDERATED_TOKEN_FILE": "/token"}, "federated token in the file of AZURE_FEDERATED_TOKEN_FILE lacks client_id"),
        ({"tenant": TENANT, "x509_certificate_path": "/pem"}, {}, "certificate of option x509_certificate_path lacks client_id"),
        ({**SECRET_LOGIN, "subscription_id": None}, {}, "subscription_id is not known"),
        ({**SECRET_LOGIN, "subscription_id": "lab"}, {}, "subscription_id is 'lab', but must be a GUID"),
        ({**SECRET_LOGIN, "client_id": "me"}, {}, "client_id is 'me', but must be a GUID"),
        ({**SECRET_LOGIN, "tenant": "my tenant"}, {}, "tenant is 'my tenant', but must be a GUID or a domain name"),
        ({"auth_source": "credential_file"}, {}, "Cannot read the credential file .*/.azure/credentials .No such file"),
        ({"auth_source": "cli"}, {}, "`az account show` names no account; run `az login`"),
        ({"auth_source": "msi"}, {}, "subscription_id is not known"),
        ({"auth_source": "msi", "subscription_id": SUBSCRIPTION, "client_id": "me"}, {}, "client_id is 'me', but must be a GUID"),
    ],
)
def test_what_a_login_lacks_is_said(home: Path, given: dict[str, Any], environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(ModuleError, match=sentence) as failed:
        chosen(home, environment, **given)
    assert "s3cr%t" not in failed.value.sentence


def test_an_az_without_login_is_the_last_of_what_was_tried(home: Path) -> None:
    az(home, "exit 1")
    with pytest.raises(ModuleError, match=r"^No login for Azure: tried, .*, the Azure CLI \(`az account show` names no account; run `az login`, or give"):
        chosen(home)


@pytest.mark.parametrize(
    ("profile", "content", "sentence"),
    [
        ("dev", None, "has no profile 'dev'; it has default, ops, half"),
        ("half", None, "^The profile 'half' of ~/.azure/credentials lacks one of secret, x509_certificate_path, oidc_token, oidc_token_file_path; add it"),
        ("user", None, "lacks one of secret, .* .a user and password cannot log in here, because Microsoft asks users for a second factor.; add it"),
        ("whole", None, "login with the client secret of the profile 'whole' of ~/.azure/credentials lacks tenant"),
        ("ops", None, "subscription_id is not known"),
        ("default", "no ini", "The credential file .* is not in INI form"),
    ],
)
def test_what_the_credential_file_lacks_is_said(file: Path, profile: str, content: str | None, sentence: str) -> None:
    if content:
        file.write_text(content)
    with pytest.raises(ModuleError, match=sentence):
        chosen(file.parent.parent, auth_source="credential_file", profile=profile)


@pytest.mark.parametrize("method", METHODS)
def test_what_proves_the_login_is_not_in_its_text(home: Path, method: Any) -> None:
    login = choose(options(**WHO, **{method.OPTION: "s3cr%t"}, x509_certificate_password="w0rd"), {}, home, NOTHING, command)
    assert "s3cr%t" not in repr(login)
    assert "w0rd" not in repr(login)


def login_of(method: Any, proof: str, **more: str) -> Login:
    login: Login = method(SUBSCRIPTION, "AzureCloud", f"option {method.OPTION}", TENANT, CLIENT, proof, **more)
    return login


@pytest.mark.parametrize(
    ("login", "sentence"),
    [
        (AzureCli(SUBSCRIPTION, "AzureCloud", "the Azure CLI", TENANT, ("", "")), "The login of the Azure CLI cannot be used .Azure CLI not found"),
        (login_of(FederatedTokenFile, "/nowhere/token"), "Cannot read the token file /nowhere/token of option oidc_token_file_path .No such file"),
        (login_of(FederatedTokenFile, "/dev/null"), "The token file /dev/null of option oidc_token_file_path holds no token"),
        (login_of(ClientCertificate, "/nowhere/pem"), "Cannot read the certificate file /nowhere/pem of option x509_certificate_path .No such file"),
        (login_of(ClientCertificate, "/dev/null"), "The certificate file /dev/null of option x509_certificate_path cannot be used"),
    ],
)
def test_a_login_that_cannot_be_used_is_one_sentence(home: Path, login: Login, sentence: str) -> None:
    with pytest.raises(ModuleError, match=sentence) as failed:
        Credential(login, CLOUDS["AzureCloud"], NOTHING).get_token("https://management.azure.com/.default")
    assert "\n" not in failed.value.sentence


@pytest.mark.parametrize(
    ("content", "more", "sentence"),
    [
        (CERTIFICATE.pem.encode(), {}, "it must hold the certificate and its private RSA key"),
        (CERTIFICATE.with_key("word"), {}, "x509_certificate_password must fit"),
        (CERTIFICATE.with_key("word"), {"password": "wr0ng"}, "x509_certificate_password must fit"),
        (CERTIFICATE.with_key(), {"password": "wr0ng"}, "x509_certificate_password must fit"),
        (CERTIFICATE.pfx("word"), {"password": "wr0ng"}, "x509_certificate_password must fit"),
        (CERTIFICATE.with_key(), {"thumbprint": "AB:CD"}, f"^thumbprint is AB:CD, but that of the certificate in .* is {CERTIFICATE.thumbprint}.$"),
        (CERTIFICATE.pfx("word"), {"password": "word", "thumbprint": "AB:CD"}, "^thumbprint is AB:CD, but"),
    ],
)
def test_a_certificate_that_cannot_be_used_says_why(tmp_path: Path, content: bytes, more: dict[str, str], sentence: str) -> None:
    (tmp_path / "certificate").write_bytes(content)
    with pytest.raises(ModuleError, match=sentence) as failed:
        login_of(ClientCertificate, str(tmp_path / "certificate"), **more).credential(CLOUDS["AzureCloud"])
    assert "wr0ng" not in failed.value.sentence
    assert "\n" not in failed.value.sentence


@pytest.mark.parametrize(
    ("content", "more"),
    [
        (CERTIFICATE.with_key(), {"thumbprint": CERTIFICATE.thumbprint}),
        (CERTIFICATE.with_key("word"), {"password": "word"}),
        (CERTIFICATE.pfx("word"), {"password": "word", "thumbprint": ":".join(CERTIFICATE.thumbprint[n : n + 2].lower() for n in range(0, 40, 2))}),
    ],
)
def test_a_certificate_may_be_pem_or_pkcs_12_with_a_password_and_a_thumbprint(tmp_path: Path, content: bytes, more: dict[str, str]) -> None:
    (tmp_path / "certificate").write_bytes(content)
    assert login_of(ClientCertificate, str(tmp_path / "certificate"), **more).credential(CLOUDS["AzureCloud"])


def test_the_keys_of_logins_differ_wherever_the_logins_do(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).write_text(name)
    first = [
        by_secret("one", ""),
        by_secret("other", ""),
        by_secret("one", "", OTHER),
        ClientSecret(SUBSCRIPTION, "AzureCloud", "", "example.com", CLIENT, "one"),
        login_of(FederatedToken, "one"),
        login_of(FederatedTokenFile, str(tmp_path / "one")),
        login_of(ClientCertificate, str(tmp_path / "one")),
        login_of(ClientCertificate, str(tmp_path / "one"), password="word"),
        ManagedIdentity(SUBSCRIPTION, "AzureCloud", ""),
        ManagedIdentity(SUBSCRIPTION, "AzureCloud", "", CLIENT),
        ManagedIdentity(SUBSCRIPTION, "AzureCloud", "", None, ("http://here",)),
        AzureCli(SUBSCRIPTION, "AzureCloud", "", TENANT, ("/home", "one")),
        AzureCli(SUBSCRIPTION, "AzureCloud", "", TENANT, ("/home", "other")),
        AzureCli(OTHER, "AzureCloud", "", TENANT, ("/home", "one")),
        AzureCli(SUBSCRIPTION, "AzureCloud", "", OTHER, ("/home", "one")),
    ]
    keys = {login.key() for login in first}
    assert len(keys) == len(first)
    (tmp_path / "one").write_text("renewed")
    assert first[5].key() not in keys
    assert first[6].key() not in keys
