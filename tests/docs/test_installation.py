"""The collection is built and installed by the commands of README.md, and can be used then."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.artifact import checkout

from .pages import ROOT, tokens

VERSION = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
COLLECTION = ".ansible/collections/ansible_collections/image_trust/azure"


def commands(page: str, heading: str) -> str:
    """The first block below the heading."""
    below = iter(tokens(ROOT / page))
    assert any(token.type == "heading_open" and next(below).content == heading for token in below)
    return next(token.content for token in below if token.type == "code_block")


INSTALLATION = commands("README.md", "Installation")


def of_users(home: Path) -> dict[str, str]:
    """An environment without anything of this checkout. pip downloads and writes nothing: what it misses is an error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {**environment, "HOME": str(home), "PIP_NO_INDEX": "1", "PIP_DRY_RUN": "1"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a user who has typed what README.md says, in a clone."""
    home = tmp_path_factory.mktemp("home")
    done = subprocess.run(["bash", "-euxc", INSTALLATION], cwd=checkout(home / "clone"), env=of_users(home), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def run(home: Path, *command: str) -> str:
    """What it prints, run in a folder without a collection, with the installed inventory."""
    inventory = str(home / COLLECTION / "inventories/example")
    done = subprocess.run(command, cwd=home, env={**of_users(home), "ANSIBLE_INVENTORY": inventory}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_artifact_has_the_version_in_its_name_and_is_what_is_installed(home: Path) -> None:
    assert [path.name for path in home.glob("clone/*.tar.gz")] == [f"image_trust-azure-{VERSION}.tar.gz"]
    listed = run(home, "ansible-galaxy", "collection", "list", "image_trust.azure")
    assert [str(home / ".ansible/collections") in listed, f"image_trust.azure {VERSION}" in listed] == [True, True]


def test_modules_roles_and_playbooks_are_found_after_it(home: Path) -> None:
    for kind, name in (("module", "federated_credential"), ("role", "ratify")):
        assert str(home / COLLECTION) in run(home, "ansible-doc", "--type", kind, f"image_trust.azure.{name}")
    playbooks = [path.stem for path in sorted((ROOT / "playbooks").glob("*.yml"))]
    checked = run(home, "ansible-playbook", "--syntax-check", *(f"image_trust.azure.{name}" for name in playbooks))
    assert [name for name in playbooks if f"{home / COLLECTION}/playbooks/{name}.yml" not in checked] == []


def test_the_quick_start_has_the_same_commands() -> None:
    assert commands("docs/quickstart.md", "1. Install the collection") == INSTALLATION
