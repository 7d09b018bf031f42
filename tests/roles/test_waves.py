"""site.yml in waves, checked before there is a cluster: a wave begins only when the one before has passed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.support.emulated import Emulated
from tests.support.seeds import soak

from .conftest import OF_ALL_ROLES, ROOT, Command, played

HOSTS = ("production1", "production2", "staging1", "staging2", "canary1")
WRONG = {"gatekeeper_replicas": 0}


def run(command: Command, folder: Path, wrong: str, limit: str = "all", **variables: Any) -> tuple[list[list[str]], str]:
    """The hosts of each wave that came to role preflight, in order, and all that was said. Host `wrong` is refused there."""
    words, environment = command("aks", check=True, **OF_ALL_ROLES)
    at = words.index("-e") + 1
    given = json.loads(words[at])
    given.pop("aks_kubeconfig")
    common = {**given, **variables, "ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = {host: WRONG if host == wrong else {} for host in HOSTS}
    groups: dict[str, Any] = {group: {"hosts": {host: {} for host in HOSTS if host.startswith(group)}} for group in ("canary", "staging", "production")}
    (folder / "fleet.yml").write_text(yaml.safe_dump({"clusters": {"hosts": hosts, "vars": common}, **groups}))
    done = played([words[0], "-i", str(folder / "fleet.yml"), str(ROOT / "playbooks/site.yml"), "--check", "--limit", limit], environment)
    read = re.search(r"^\{.*^\}", done.said, re.M | re.S)
    assert read
    tasks = [task for play in json.loads(read[0])["plays"] for task in play["tasks"]]
    asked = [sorted(task["hosts"]) for task in tasks if task["task"]["name"] == FIRST]
    return asked, " ".join(str(one.get("msg")) for task in tasks for one in task["hosts"].values())


FIRST = "image_trust.azure.preflight : Check what would be refused"
WAVES = ["canary", "staging", "100%"]


def test_a_wave_with_a_cluster_that_fails_is_the_last_and_what_is_not_begun_is_named(azure: Emulated, command: Command, tmp_path: Path) -> None:
    asked, said = run(command, tmp_path, "staging2", site_waves=WAVES)
    assert asked == [["canary1"], ["staging1", "staging2"]]
    assert "This wave is not begun, and nothing was changed on production1, production2: staging2 failed before, and no cluster may fail." in said
    assert "only for what is left with --limit staging2,staging1,production1,production2" in said


def test_a_wave_of_one_cluster_that_fails_names_what_is_not_begun(azure: Emulated, command: Command, tmp_path: Path) -> None:
    asked, said = run(command, tmp_path, "canary1", site_waves=WAVES)
    assert asked == [["canary1"]]
    assert "not begun yet are staging1, staging2, production1, production2. Correct what failed and run again" in said


@soak("the test of a wave that is the last")
def test_waves_go_on_while_no_more_fail_than_may(azure: Emulated, command: Command, tmp_path: Path) -> None:
    asked, said = run(command, tmp_path, "staging1", "canary1,staging1,production1", site_waves="canary,1", site_max_failures=1)
    assert asked == [["canary1"], ["production1"], ["staging1"]]
    assert "not begun" not in said
