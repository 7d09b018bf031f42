"""What a teardown deletes of a release whose removal was killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def found(kind: str, release: str | None, owned: bool = False) -> dict[str, Any]:
    name = "sh.helm.release.v1.NAME.v1" if kind == "Secret" else "it"
    return {"kind": kind, "title": f"{kind} gatekeeper-system/{name}", "release": release, "owned": owned}


@pytest.mark.parametrize("role", ["ratify", "gatekeeper"])
def test_what_goes_with_its_owner_is_not_deleted_beside_it(role: str, tmp_path: Path) -> None:
    """A ReplicaSet bears its Deployment's annotations; the cluster deletes it at the same time, and who comes second gets a 404."""
    release = f"gatekeeper-system/{role}"
    objects = [found("Secret", None), found("Deployment", release), found("ReplicaSet", release, owned=True), found("Deployment", "tools/other")]
    given = {f"__{role}_found": {"objects": json.loads(json.dumps(objects).replace("NAME", role))}, f"{role}_namespace": "gatekeeper-system"}
    made = tmp_path / "made.json"
    task = {"ansible.builtin.copy": {"content": f"{{{{ __{role}_rest | map(attribute='title') }}}}", "dest": str(made)}}
    variables = str(ROOT / f"roles/{role}/vars/main.yml")
    play = tmp_path / "play.yml"
    play.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "vars_files": [variables], "vars": given, "tasks": [task]}]))
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build")}
    subprocess.run([program, str(play)], env=environment, check=True, capture_output=True)
    assert json.loads(made.read_text()) == ["Deployment gatekeeper-system/it", f"Secret gatekeeper-system/sh.helm.release.v1.{role}.v1"]
