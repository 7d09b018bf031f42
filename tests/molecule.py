"""Every Molecule scenario on the lab: `python -m tests.molecule [scenario ...]`; one line a scenario at the end.

A scenario is checked before it converges, and both must change as much; then it converges again without a change, verifies, and cleans up.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

from lab.cli import environment

SCENARIOS = ["aks", "identity", "gatekeeper", "ratify", "policy", "verify", "site", "upgrade", "teardown"]
"""In the order in which the roles build on each other."""


def molecule(action: str, scenario: str) -> list[dict[str, int]]:
    """Runs `molecule <action>`; of each playbook that ran, how much changed on each host. Raises CalledProcessError."""
    command = ["molecule", action, "--scenario-name", scenario]
    running = subprocess.Popen(command, env={**os.environ, **environment()}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert running.stdout
    lines = []
    for line in running.stdout:
        sys.stdout.write(line)
        lines.append(line)
    if running.wait():
        raise subprocess.CalledProcessError(running.returncode, command)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "".join(lines))
    return [{host: int(changed) for host, changed in re.findall(r"(\S+) +: ok=\d+ +changed=(\d+)", recap)} for recap in plain.split("PLAY RECAP")[1:]]


def passes(scenario: str) -> str:
    """A line on the scenario. Raises CalledProcessError where it fails."""
    molecule("reset", scenario)
    predicted = molecule("check", scenario)[-1]
    changed = molecule("test", scenario)[0]
    if not changed or changed != predicted:
        raise subprocess.CalledProcessError(1, f"check predicted {predicted} changes, converge made {changed}")
    return f"changed {sum(changed.values())}, as its check predicted"


def main(scenarios: list[str]) -> int:
    """Number of scenarios that failed."""
    lines, failed = [], 0
    for scenario in scenarios or SCENARIOS:
        began = time.monotonic()
        try:
            outcome = f"passed, {passes(scenario)}"
        except subprocess.CalledProcessError as error:
            outcome, failed = f"FAILED: {error.cmd if isinstance(error.cmd, str) else error}", failed + 1
        lines.append(f"molecule {scenario}: {outcome} in {time.monotonic() - began:.0f} s")
    print("\n".join([*lines, f"{len(lines) - failed} passed, {failed} failed"]), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
