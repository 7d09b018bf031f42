"""`make demo`: the lab up, site.yml on it, the cluster's verdicts as a table, site.yml again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab import bring_up, cli
from lab.config import home
from lab.verdicts import said

ROOT = Path(__file__).parents[1]
CONSOLE = Console(width=160, highlight=False)


def play(playbook: str, *arguments: str) -> str:
    """Run a playbook of the collection on the lab's inventory, shown as it goes with the time that each task takes; returns what it printed."""
    command = ["ansible-playbook", f"image_trust.azure.{playbook}", "-i", str(ROOT / "inventories/lab"), *arguments]
    environment = {**os.environ, **cli.environment(), "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_tasks", "ANSIBLE_FORCE_COLOR": "false"}
    CONSOLE.print(f"\n[bold]$ ansible-playbook image_trust.azure.{playbook} -i inventories/lab[/bold]")
    printed = []
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            printed.append(line)
            CONSOLE.print(line, end="", markup=False)
    if process.returncode:
        sys.exit(f"{playbook}.yml failed with {process.returncode}; the lab is left running: python -m lab status")
    return "".join(printed)


def outcome(verdict: Any) -> str:
    """What the cluster said of an image; of an admitted one, what the kubelet pulled, with its digest cut short."""
    ran = verdict["ran"]
    if not ran or not ran["image_id"]:
        return said(verdict)
    started = f"{ran['message']}, " if ran["started"] else ""
    return f"{started}pulled from the registry as {ran['image_id'].rpartition('@')[2][:15]}…"


def place(verdict: Any) -> str:
    """The column of a verdict: what makes pods is one, and so is what the policy does not cover; a patch of a pod is of its container."""
    if verdict["namespace"] != "default":
        return f"in {verdict['namespace']}"
    shape = "container" if verdict["shape"] == "patched_pod" else str(verdict["shape"])
    return f"as {shape.replace('_', ' ')}" if shape.endswith(("container", "volume")) else "in workloads"


def verdicts(proof: Path) -> Table:
    """The verdicts of a proof: a line an image, a column for each way into the cluster."""
    found = json.loads(proof.read_text())["verdicts"]
    by_place: dict[tuple[str, str], list[Any]] = {}
    for verdict in found:
        by_place.setdefault((verdict["image"], place(verdict)), []).append(verdict)
    images = list(dict.fromkeys(verdict["image"] for verdict in found))
    places = list(dict.fromkeys(place(verdict) for verdict in found))
    table = Table(title="What the cluster says", title_justify="left", show_lines=True)
    table.add_column("image", min_width=max(map(len, images)))
    for each in places:
        table.add_column(each, max_width=11)
    table.add_column("reason", overflow="fold")
    for image in images:
        said_there = [sorted({verdict["verdict"] for verdict in by_place.get((image, each), [])}) for each in places]
        table.add_row(image, *(" and ".join(each) or "not asked" for each in said_there), escape(outcome(by_place[image, places[0]][0])))
    return table


def main() -> None:
    bring_up.up(clusters=1)
    proof = home() / "proof" / "lab1.json"
    proof.parent.mkdir(exist_ok=True)
    play("site", "-e", json.dumps({"verify_proof_path": str(proof)}))
    CONSOLE.print(verdicts(proof))
    again = play("site")
    if not re.search(r"changed=0 ", again):
        sys.exit("the second run of site.yml changed something: see above")
    CONSOLE.print("\nThe second run changed nothing. Look around: . .venv/bin/activate; python -m lab status")


if __name__ == "__main__":
    main()
