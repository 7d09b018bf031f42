"""Jobs as a controller runs them: by ansible-runner, in an environment that holds only what the job gives, on a checkout that cannot be written."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
READ_ONLY = 'for folder in "$1" "$2"; do mount --bind "$folder" "$folder" && mount -o remount,bind,ro "$folder" || exit 9; done; shift 2; exec "$@"'
RUN = "import json, sys; from ansible_runner.interface import run; run(**json.load(sys.stdin))"


@dataclass(frozen=True)
class Done:
    status: str
    stats: dict[str, Any]
    """The numbers that a controller shows, by name and host."""
    artifacts: dict[str, Any]
    """What `set_stats` leaves to the next job of a workflow."""
    printed: str


def run(folder: Path, playbook: str, environment: Mapping[str, str], **arguments: Any) -> Done:
    """Runs a playbook of `folder`/project. `arguments` are those of ansible-runner, as `limit`, `inventory` and `extravars`."""
    # The runner leaves the environment that it was given in the folder.
    given = {"private_data_dir": str(folder), "playbook": playbook, "quiet": True, "ident": "job", "envvars": dict(environment), **arguments}
    subprocess.run(["rm", "-rf", folder / "artifacts"], check=True)
    subprocess.run(
        ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", ROOT, folder / "project", sys.executable, "-c", RUN],
        input=json.dumps(given),
        env={"PATH": environment["PATH"], "HOME": environment["HOME"]},
        text=True,
        check=True,
        capture_output=True,
    )
    artifacts = folder / "artifacts/job"
    events = [json.loads(path.read_text()) for path in (artifacts / "job_events").glob("*.json")]
    (stats,) = [event["event_data"] for event in events if event["event"] == "playbook_on_stats"] or [{}]
    return Done((artifacts / "status").read_text(), stats, stats.get("artifact_data", {}), (artifacts / "stdout").read_text())


def write_project(folder: Path) -> None:
    """The files that a controller takes as its project, as awx/project.yml writes them."""
    command: list[str | Path] = [Path(sys.executable).with_name("ansible-playbook"), ROOT / "awx/project.yml", "-e", f"project_path={folder}"]
    subprocess.run(command, check=True, capture_output=True, text=True)
