"""Logging in as a run of ansible-playbook does: defaults by action group, hosts beside each other, and one login for all tasks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import OWNER
from lab.azure.state import ServicePrincipal
from tests.support.emulated import CLIENT_ID, OBJECT_ID, SECRET, Emulated

ROOT = Path(__file__).parents[2]
GROUP = "group/image_trust.azure.azure"
READ = {"image_trust.azure.keyvault_info": {"resource_group": "image-trust-lab", "name": "image-trust-lab"}}
CACHE = "{{ lookup('image_trust.azure.run_folder') }}"
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{20,}")
"""How every JSON web token begins."""

Playbook = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def playbook(azure: Emulated, tmp_path: Path) -> Playbook:
    """`playbook(tasks, hosts=…, defaults=…, *arguments)`: runs them by Ansible's own program, as who `azure` logs in; Azure's request log begins with it."""

    def run(tasks: list[dict[str, Any]], *arguments: str, hosts: Any = None, defaults: Any = None, **environment: str) -> subprocess.CompletedProcess[str]:
        play = {"hosts": "all", "connection": "local", "gather_facts": False, "module_defaults": {GROUP: defaults or {}}, "tasks": tasks}
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        variables = {"ansible_python_interpreter": sys.executable}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts or {"one": {}}, "vars": variables}}))
        azure.forget_requests()
        return subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", "hosts.yml", *arguments, "play.yml"],
            cwd=tmp_path,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"), "ANSIBLE_HOME": str(tmp_path / "ansible"), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def asked(azure: Emulated) -> dict[str, int]:
    """How often the metadata, Entra's configuration, a token, and a vault were asked for."""
    kinds = {"/metadata/endpoints": "metadata", "/openid-configuration": "openid", "/token": "token", "/vaults/": "vault"}
    return Counter(next(kind for part, kind in kinds.items() if part in entry.path) for entry in azure.requests)


def left_behind(folder: Path) -> list[Path]:
    """Files in what Ansible keeps of its runs."""
    return [path for path in (folder / "ansible").rglob("*") if path.is_file()]


def succeeded(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_login_by_module_defaults_of_the_action_group(playbook: Playbook, azure: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_SECRET", "AZURE_CLIENT_ID", "AZURE_TENANT", "AZURE_SUBSCRIPTION_ID"):
        monkeypatch.delenv(name)
    login = {"subscription_id": azure.state.subscription, "tenant": azure.state.tenant, "client_id": CLIENT_ID, "secret": "{{ secret }}"}
    done = playbook([READ], "-vvv", "-e", f"secret='{SECRET}'", defaults=login)
    succeeded(done)
    assert azure.requests[-1].principal == OBJECT_ID
    assert SECRET not in done.stdout + done.stderr


def test_a_run_logs_in_once_and_leaves_nothing(playbook: Playbook, azure: Emulated, tmp_path: Path) -> None:
    done = playbook([READ, READ, READ], "-vvv", defaults={"token_cache": CACHE})
    succeeded(done)
    assert asked(azure) == {"metadata": 1, "openid": 1, "token": 1, "vault": 3}
    assert not TOKEN.search(done.stdout + done.stderr)
    assert left_behind(tmp_path) == []


def test_without_a_folder_each_task_logs_in(playbook: Playbook, azure: Emulated) -> None:
    succeeded(playbook([READ, READ]))
    assert asked(azure) == {"metadata": 2, "openid": 2, "token": 2, "vault": 2}


def test_what_is_kept_is_for_its_owner_only_while_the_run_lasts(playbook: Playbook) -> None:
    look = {"ansible.builtin.command": f"find {CACHE} -maxdepth 1 ( -samefile {CACHE} -o -name image-trust-* ) -printf '%y %m,'"}
    done = playbook([READ, look], "-v", defaults={"token_cache": CACHE})
    succeeded(done)
    assert '"stdout": "d 700,f 600,f 600,"' in done.stdout


def test_forks_share_the_login(playbook: Playbook, azure: Emulated, tmp_path: Path) -> None:
    hosts: dict[str, Any] = {f"host{number}": {} for number in range(4)}
    succeeded(playbook([READ, READ], "--forks", "2", hosts=hosts, defaults={"token_cache": CACHE}))
    found = asked(azure)
    assert found["vault"] == 8
    # The first of each fork may ask at the same time.
    assert found["token"] <= 2
    assert found["metadata"] <= 2
    assert left_behind(tmp_path) == []


def test_hosts_with_logins_of_their_own_do_not_mix(playbook: Playbook, azure: Emulated) -> None:
    other = ServicePrincipal("55555555-5555-5555-5555-555555555555", "55555555-0000-0000-0000-555555555555", "other", "another secret")
    azure.state.service_principals[other.client_id] = other
    new_assignment(azure.state, f"/subscriptions/{azure.state.subscription}", OWNER.guid, other.object_id)
    hosts = {
        "mine": {"login": {"client_id": CLIENT_ID, "secret": SECRET}},
        "other": {"login": {"client_id": other.client_id, "secret": other.secret}},
        "wrong": {"login": {"client_id": other.client_id, "secret": "wrong"}},
    }
    login = "{{ {'token_cache': lookup('image_trust.azure.run_folder')} | combine(login) }}"
    done = playbook([READ, READ], hosts=hosts, defaults=login)
    assert done.returncode == 2
    assert "AADSTS7000215" in done.stdout
    assert re.search(r"wrong +: ok=0 .*failed=1", done.stdout)
    assert Counter(entry.principal for entry in azure.requests if "/vaults/" in entry.path) == {OBJECT_ID: 2, other.object_id: 2}
    assert sum(entry.status == 200 for entry in azure.requests if entry.path.endswith("/token")) == 2


def test_the_playbooks_log_in_once_a_run_as_azure_login_says(playbook: Playbook, azure: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_SECRET")
    plays = [play for file in (ROOT / "playbooks").glob("*.yml") for play in yaml.safe_load(file.read_text())]
    asks_nothing = [play for play in plays if play["name"] == "Get the waves"]
    assert asks_nothing
    (defaults,) = {play["module_defaults"][GROUP] for play in plays if "import_playbook" not in play and play not in asks_nothing}
    succeeded(playbook([READ, READ], hosts={"one": {"azure_login": {"secret": SECRET}}}, defaults=defaults))
    assert asked(azure) == {"metadata": 1, "openid": 1, "token": 1, "vault": 2}


def test_every_module_that_logs_in_is_in_the_action_group() -> None:
    group = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["action_groups"]["azure"]
    modules = sorted(file.stem for file in (ROOT / "plugins/modules").glob("*.py") if "- image_trust.azure.azure\n" in file.read_text())
    assert group == modules, "the modules with the fragment image_trust.azure.azure are those of the group in meta/runtime.yml, in order of the alphabet"
