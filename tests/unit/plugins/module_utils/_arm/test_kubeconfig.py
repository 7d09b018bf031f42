from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._arm.kubeconfig import SignIn, Token, comparable, read_token, server, sign_in, with_token
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError

OWNER: dict[str, Any] = {"oid": "object", "tid": "tenant", "aud": "application", "exp": 1_800_000_000}


def signed(**claims: Any) -> str:
    return jwt.encode({**OWNER, **claims}, "k" * 32, algorithm="HS256")


def config(user: dict[str, Any]) -> str:
    others = {"name": "other", "user": {"token": "somebody's"}}
    authority = base64.b64encode(b"PEM").decode()
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "one", "cluster": {"server": "https://one:443", "certificate-authority-data": authority}}],
            "users": [others, {"name": "mine", "user": user}],
            "contexts": [{"name": "here", "context": {"cluster": "one", "user": "mine"}}],
            "current-context": "here",
        }
    )


KUBELOGIN = {"exec": {"command": "kubelogin", "args": ["get-token", "--environment", "AzureChinaCloud", "--server-id", "server", "--tenant-id", "tenant"]}}
CERTIFICATE = {"client-certificate-data": "Yw==", "client-key-data": "aw=="}


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (KUBELOGIN, SignIn("server", "tenant")),
        ({"exec": {"command": "kubelogin", "args": ["get-token", "--server-id", "server", "--login", "devicecode"]}}, SignIn("server", None)),
        ({"auth-provider": {"name": "azure", "config": {"apiserver-id": "server", "tenant-id": "tenant"}}}, SignIn("server", "tenant")),
        (CERTIFICATE, None),
        ({"token": signed()}, None),
    ],
)
def test_the_application_to_sign_in_to_is_the_one_that_the_cluster_names(user: dict[str, Any], expected: SignIn | None) -> None:
    assert sign_in(config(user)) == expected


@pytest.mark.parametrize("user", [{"exec": {"command": "aws", "args": None}}, {"exec": {"command": "gke", "args": ["--server-id"]}}])
def test_another_program_is_not_guessed_at(user: dict[str, Any]) -> None:
    with pytest.raises(ModuleError, match="a program that is not kubelogin"):
        sign_in(config(user))


def test_a_kubeconfig_whose_user_is_not_in_it_is_refused() -> None:
    with pytest.raises(ModuleError, match="names 'mine', which is not in it"):
        sign_in(config(KUBELOGIN).replace("name: mine", "name: yours"))


def test_the_token_takes_the_place_of_the_program_and_all_else_stays() -> None:
    token = read_token(signed())
    assert token
    made = yaml.safe_load(with_token(config(KUBELOGIN), token))
    assert made == yaml.safe_load(config({"token": token.text}))


def test_a_token_tells_whose_it_is_and_is_not_printed() -> None:
    token = read_token(signed())
    assert token == Token(signed(), "object", "tenant", "application", datetime.fromtimestamp(OWNER["exp"], UTC))
    assert signed() not in f"{token} {token and token.shown()}"


@pytest.mark.parametrize("text", ["", "opaque", "a.b.c", "a.e30.c", "a.W10.c", signed(exp="soon")])
def test_what_is_no_token_of_entra_is_none(text: str) -> None:
    assert read_token(text) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (config({"token": signed()}), config({"token": signed(exp=1)}), True),
        (config({"token": signed()}), config({"token": signed(oid="somebody else")}), False),
        (config({"token": signed()}), config({"token": signed(tid="another")}), False),
        (config({"token": signed()}), config({"token": signed(aud="another")}), False),
        (config({"token": signed()}), config({"token": "opaque"}), False),
        (config({"token": "opaque"}), config({"token": "opaque2"}), False),
        (config({"token": signed()}), config({"token": signed()}).replace("https://one", "https://two"), False),
        (config({"token": signed()}), config(KUBELOGIN), False),
        (config(CERTIFICATE), config(CERTIFICATE), True),
        (config(CERTIFICATE), config({**CERTIFICATE, "client-key-data": "eA=="}), False),
        ("token: [", "token: [ ", False),
        ("token: x", "token: y", False),
    ],
)
def test_two_kubeconfigs_are_the_same_when_only_the_token_is_renewed(one: str, other: str, same: bool) -> None:
    assert (comparable(one.encode()) == comparable(other.encode())) is same


def test_the_server_and_its_authority() -> None:
    assert server(config(CERTIFICATE)) == ("https://one:443", "PEM")
    assert server(config(CERTIFICATE).replace("    certificate-authority-data: UEVN\n", "")) == ("https://one:443", None)
