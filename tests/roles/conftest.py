"""Runs the roles that only need Azure, by ansible-playbook, against the emulated one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.certificates import SelfSigned
from tests.support.emulated import Emulated
from tests.support.module_fixtures import azure, backend, public_azure, running_azure
from tests.support.module_runs import Backend
from tests.support.plays import LOADED_ONCE

__all__ = ["azure", "backend", "public_azure", "running_azure"]

ROOT = Path(__file__).parents[2]
GROUP = "image-trust-lab"

OF_ALL_ROLES: dict[str, Any] = {
    "ratify_inline_certificates": [{"name": "root", "certificate": SelfSigned().pem}],
    "ratify_trust_policies": [
        {
            "name": "web",
            "registryScopes": ["imagetrustlab.azurecr.io/web"],
            "trustedIdentities": ["x509.subject: C=US, ST=WA, O=X"],
            "trustStores": ["ca:root"],
        }
    ],
    "verify_images": [{"image": "imagetrustlab.azurecr.io/web:1", "expect": "admitted"}, {"image": "nginx", "expect": "denied"}],
}
"""What the roles for clusters need, beside what `command` gives to those that only need Azure."""


@dataclass(frozen=True)
class Played:
    """One run. `changed` has task and loop item, or change; `facts` are the roles' results; `said` is all that was printed, `modules` each run of ours."""

    changed: list[str]
    facts: dict[str, Any]
    errors: list[str]
    said: str
    modules: list[str]


Play = Callable[..., Played]


def _results(printed: str) -> list[tuple[str, dict[str, Any]]]:
    found = re.search(r"^\{.*^\}", printed, re.M | re.S)
    assert found, printed
    tasks = [task for play in json.loads(found[0])["plays"] for task in play["tasks"]]
    results = [(task["task"]["name"], result) for task in tasks for result in task["hosts"].values()]
    return [(name, one) for name, result in results for one in result.get("results", [result])]


Command = Callable[..., tuple[list[str], dict[str, str]]]


@pytest.fixture
def command(azure: Emulated, backend: Backend, tmp_path: Path) -> Command:
    """`command(*roles, check=False, hosts=("lab1",), **variables)` for these clusters, the registry and the vault: words and environment of a run of these
    roles."""

    def build(*roles: str, check: bool = False, hosts: Sequence[str] = ("lab1",), **variables: Any) -> tuple[list[str], dict[str, str]]:
        given = {
            "aks_resource_group": GROUP,
            "aks_create": True,
            "aks_location": "eastus",
            "aks_registries": [{"name": "imagetrustlab"}],
            "aks_kubeconfig": str(tmp_path / "kubeconfig"),
            "identity_vaults": [{"name": GROUP}],
            **variables,
        }
        play, inventory = tmp_path / "play.yml", tmp_path / "inventory"
        named = [f"image_trust.azure.{role}" for role in roles]
        play.write_text(yaml.safe_dump([{"name": LOADED_ONCE, "hosts": "all", "gather_facts": False, "roles": named}]))
        inventory.write_text("".join(f"{host} ansible_connection=local ansible_python_interpreter={sys.executable}\n" for host in hosts))
        helm = tmp_path / "bin/helm"
        helm.parent.mkdir(exist_ok=True)
        helm.write_text("#!/bin/sh\nprintf v3.22.0\n")
        helm.chmod(0o755)
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        words = [program, "-i", str(inventory), str(play), "-e", json.dumps(given), *(["--check"] if check else [])]
        path = f"{helm.parent}:{os.environ['PATH']}"
        return words, {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"), "HOME": str(tmp_path), "PATH": path}

    return build


@pytest.fixture
def play(azure: Emulated, command: Command) -> Play:
    """`play(*roles, check=False, **variables)`: such a run."""

    def run(*roles: str, **variables: Any) -> Played:
        azure.forget_requests()
        return played(*command(*roles, **variables))

    return run


def played(words: Sequence[str], environment: dict[str, str]) -> Played:
    """What a run with these words and this environment did."""
    done = subprocess.run(words, env={**environment, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}, capture_output=True, text=True, check=False)
    results = _results(done.stdout)
    errors = [f"{name}: {one.get('msg')}" for name, one in results if one.get("failed")]
    assert bool(errors) is bool(done.returncode), done.stdout + done.stderr
    # Of several changes, each.
    changed = [f"{name}: {change}" for name, one in results if one.get("changed") for change in one.get("changes", [one.get("_ansible_item_label", "")])]
    facts = {key: value for _, one in results for key, value in one.get("ansible_facts", {}).items()}
    modules = [one["action"] for _, one in results if one.get("action", "").startswith("image_trust.azure.") and not one.get("skipped")]
    return Played(changed, facts, errors, done.stdout + done.stderr, modules)
