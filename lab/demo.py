"""`make demo`: the lab up, site.yml on it, the cluster's verdicts as a table, site.yml again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab import cli
from lab.config import home

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


def verdicts(proof: Path) -> Table:
    """The verdicts of a proof, one line an image and pod shape."""
    table = Table(title="What the cluster says", title_justify="left", show_lines=True)
    for heading, width in (("image", 44), ("as", 20), ("verdict", 20), ("reason", None)):
        table.add_column(heading, width=width, overflow="fold")
    for verdict in json.loads(proof.read_text())["verdicts"]:
        table.add_row(verdict["image"], verdict["shape"], verdict["verdict"], verdict["message"])
    return table


def main() -> None:
    cli.up(clusters=1)
    proof = home() / "proof" / "lab1.json"
    play("site", "-e", json.dumps({"verify_proof_path": str(proof)}))
    CONSOLE.print(verdicts(proof))
    again = play("site")
    if not re.search(r"changed=0 ", again):
        sys.exit("the second run of site.yml changed something: see above")
    CONSOLE.print('\nThe second run changed nothing. Look around: eval "$(python -m lab env)"; python -m lab status')


if __name__ == "__main__":
    main()
