"""What a run keeps of its logins, in a folder of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import jwt
import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.clouds import CLOUDS
from ansible_collections.image_trust.azure.plugins.module_utils._azure.credentials import Credential
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.client_secret import ClientSecret
from ansible_collections.image_trust.azure.plugins.module_utils._azure.run_cache import RunCache
from azure.core.credentials import AccessToken

from lab.azure.tokens import Tokens
from tests.support.emulated import CLIENT_ID, OBJECT_ID, Emulated
from tests.support.module_runs import Run, failure

VAULT = {"resource_group": "image-trust-lab", "name": "image-trust-lab"}
MODULE = "keyvault_info"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return folder


def asked(azure: Emulated) -> list[str]:
    """What was asked: of the metadata, of Entra, of Resource Manager."""
    kinds = {"/metadata/endpoints": "metadata", "/openid-configuration": "openid", "/token": "token", "/vaults/": "vault"}
    return [next(kind for part, kind in kinds.items() if part in entry.path) for entry in azure.requests]


def test_a_second_task_asks_for_its_object_only(run: Run, azure: Emulated, folder: Path) -> None:
    first = run(MODULE, **VAULT, token_cache=str(folder))
    assert asked(azure) == ["metadata", "openid", "token", "vault"]
    second = run(MODULE, **VAULT, token_cache=str(folder))
    assert asked(azure) == ["vault"]
    assert second["vault"] == first["vault"]


def test_without_a_folder_each_task_logs_in(run: Run, azure: Emulated, folder: Path) -> None:
    for given in ({}, {"token_cache": str(folder / "missing")}):
        run(MODULE, **VAULT, **given)
        assert asked(azure) == ["metadata", "openid", "token", "vault"]
    assert list(folder.parent.rglob("image-trust-*")) == []


def test_a_cached_token_is_used_without_azure_identity(azure: Emulated, folder: Path) -> None:
    program = f"""
import sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.modules import {MODULE} as module
with patch_module_args({ {**VAULT, "token_cache": str(folder)}!r}):
    try:
        module.main()
    except SystemExit:
        sys.exit("azure.identity" in sys.modules)
"""
    imported = [subprocess.run([sys.executable, "-c", program], env=_environment(azure), capture_output=True, check=False).returncode for _ in range(2)]
    assert imported == [1, 0]


def _environment(azure: Emulated) -> dict[str, str]:
    root = Path(__file__).parents[4]
    return {**azure.environment, "PYTHONPATH": f"{root}:{root / '.build'}"}


def test_another_secret_does_not_find_the_token(run: Run, azure: Emulated, folder: Path) -> None:
    run(MODULE, **VAULT, token_cache=str(folder))
    assert "AADSTS7000215" in failure(run(MODULE, **VAULT, token_cache=str(folder), secret="wrong"))
    assert asked(azure) == ["openid", "token"]


def test_the_token_is_in_no_output(run: Run, folder: Path) -> None:
    results = [run(MODULE, **VAULT, token_cache=str(folder)) for _ in range(2)]
    tokens = [cached["value"][0] for cached in (json.loads(file.read_text()) for file in folder.iterdir()) if isinstance(cached["value"], list)]
    assert len(tokens) == 1
    assert tokens[0] not in json.dumps(results)


def _spoil(folder: Path) -> None:
    """Make the cached token one that Azure refuses."""
    for file in folder.iterdir():
        cached = json.loads(file.read_text())
        if isinstance(cached["value"], list):
            cached["value"][0] = "spoilt"
            file.write_text(json.dumps(cached))


def test_a_cached_token_that_azure_refuses_leads_to_a_new_login(run: Run, azure: Emulated, folder: Path) -> None:
    run(MODULE, **VAULT, token_cache=str(folder))
    _spoil(folder)
    assert run(MODULE, **VAULT, token_cache=str(folder))["vault"]["name"] == "image-trust-lab"
    assert asked(azure) == ["vault", "openid", "token", "vault"]
    run(MODULE, **VAULT, token_cache=str(folder))
    assert asked(azure) == ["vault"]


def test_where_azure_refuses_the_new_token_too_that_is_the_end(run: Run, azure: Emulated, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(MODULE, **VAULT, token_cache=str(folder))

    def refuse(self: Tokens, token: str, audiences: object) -> Any:
        raise jwt.InvalidTokenError

    monkeypatch.setattr(Tokens, "verify_access_token", refuse)
    assert "(InvalidAuthenticationToken)" in failure(run(MODULE, **VAULT, token_cache=str(folder)))
    assert asked(azure) == ["vault", "openid", "token", "vault"]


def test_a_fresh_token_that_azure_refuses_is_not_asked_for_again(run: Run, azure: Emulated, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tokens, "verify_access_token", lambda self, token, audiences: jwt.decode("no token"))
    assert "(InvalidAuthenticationToken)" in failure(run(MODULE, **VAULT, token_cache=str(folder)))
    assert asked(azure) == ["metadata", "openid", "token", "vault"]


@pytest.fixture
def credential(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Credential]:
    """Makes credentials of one login, each as another task would. Entra numbers its tokens, and says for which scope and with which options they are."""
    number = count(1)

    class OfTheSdk:
        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            return AccessToken(" ".join([str(next(number)), *scopes, *options]), 9999999999)

    monkeypatch.setattr(ClientSecret, "credential", lambda self, cloud: OfTheSdk())
    login = ClientSecret("s", "AzureCloud", "the test", "tenant", CLIENT_ID, "secret")
    return lambda: Credential(login, CLOUDS["AzureCloud"], RunCache(str(folder)))


def test_a_token_for_another_scope_or_with_claims_is_not_taken_from_what_is_cached(credential: Callable[[], Credential]) -> None:
    assert [credential().get_token(scope).token for scope in ("one", "one", "two", "one")] == ["1 one", "1 one", "2 two", "1 one"]
    assert credential().get_token("one", claims="{}").token == "3 one claims"


def test_a_new_token_is_one_and_is_cached(credential: Callable[[], Credential]) -> None:
    assert credential().get_token("one").token == "1 one"
    assert credential().new_token("one").token == "2 one"
    assert credential().get_token("one").token == "2 one"


def test_who_was_refused_takes_no_cached_token_again_also_when_another_put_it_there(credential: Callable[[], Credential]) -> None:
    credential().get_token("one")
    mine = credential()
    assert mine.get_token("one").token == "1 one"
    assert mine.forget()
    credential().get_token("one")
    assert mine.get_token("one").token == "3 one"
    assert not mine.forget()


def test_a_cached_token_acts_as_who_logged_in(run: Run, azure: Emulated, folder: Path) -> None:
    for _ in range(2):
        run(MODULE, **VAULT, token_cache=str(folder))
        assert azure.requests[-1].principal == OBJECT_ID
