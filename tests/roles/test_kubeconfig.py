"""Which file role aks writes and removes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from .conftest import Command, Play

REFUSED = "aks_kubeconfig must not be the user's own ~/.kube/config"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The user's own kubeconfig; the run's home is `tmp_path`."""
    file = tmp_path / ".kube" / "config"
    file.parent.mkdir()
    file.write_text("mine\n")
    return file


@pytest.mark.parametrize(
    ("written", "state"),
    [("~/.kube/config", "present"), ("$HOME/.kube/config", "present"), ("{home}/.kube/../.kube/config", "absent"), ("{home}/link/config", "absent")],
)
def test_the_user_s_own_kubeconfig_is_refused_however_it_is_written(play: Play, own: Path, tmp_path: Path, written: str, state: str) -> None:
    (tmp_path / "link").symlink_to(own.parent)
    played = play("aks", aks_kubeconfig=written.format(home=tmp_path), aks_state=state)
    assert REFUSED in "".join(played.errors)
    assert own.read_text() == "mine\n"
    assert played.changed == []


def test_it_is_refused_where_only_the_kubeconfig_is_asked_for(command: Command, own: Path, tmp_path: Path) -> None:
    words, environment = command(aks_kubeconfig="~/.kube/config")
    only = {"ansible.builtin.include_role": {"name": "image_trust.azure.aks", "tasks_from": "kubeconfig"}}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": [only]}]))
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert REFUSED in done.stdout
    assert own.read_text() == "mine\n"


def test_a_folder_in_place_of_the_kubeconfig_is_not_removed(play: Play, own: Path) -> None:
    played = play("aks", aks_kubeconfig="~/.kube", aks_state="absent")
    assert own.read_text() == "mine\n"
    assert ".kube (Is a directory)" in "".join(played.errors)
