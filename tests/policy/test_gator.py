"""Gatekeeper's own check of the suite in `gator`, on the template and the constraint that role policy makes of `gator/variables.yaml`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.build import tools

ROLE = Path(__file__).parents[2] / "roles/policy"
GATOR = Path(__file__).parent / "gator"
CASES = [case["name"] for test in yaml.safe_load((GATOR / "suite.yaml").read_text())["tests"] for case in test.get("cases", [test])]

# gator has no function `external_data`, so that the template alone does not compile there. The union hides the type of the answer from OPA's type check.
RATIFY = """
external_data(request) = object.union({"system_error": "", "errors": []}, {"responses": responses}) {
	not contains(concat(" ", request.keys), "unreachable.example")
	responses := [[image, verdicts[contains(image, "/signed")]] | image := request.keys[_]]
}

verdicts := {
	true: {"isSuccess": true},
	false: {"isSuccess": false, "verifierReports": [{"errorReason": "No verification results for the artifact"}]},
}
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What gator prints of the suite."""
    tools.family("gatekeeper").build()
    folder = tmp_path_factory.mktemp("suite") / "gator"
    shutil.copytree(GATOR, folder)
    objects = rendered(folder)
    [target] = objects["template"]["spec"]["targets"]
    target["rego"] += RATIFY
    [constraint] = objects["constraints"]
    (folder / "template.yaml").write_text(json.dumps(objects["template"]))
    (folder / "constraint.yaml").write_text(json.dumps(constraint))
    command = [str(tools.program("gator")), "verify", "--verbose", str(folder / "suite.yaml")]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def rendered(folder: Path) -> dict[str, Any]:
    """`__policy_wanted` of role policy."""
    written = folder / "objects.json"
    files = [ROLE / "defaults/main.yml", ROLE / "vars/main.yml", folder / "variables.yaml"]
    variables = [*(f"@{file}" for file in files), f"role_path={ROLE}", f"ansible_python_interpreter={sys.executable}"]
    command = [str(Path(sys.executable).with_name("ansible")), "localhost", "-i", "localhost,", "-c", "local", "-m", "ansible.builtin.copy"]
    command += ["-a", json.dumps({"dest": str(written), "content": "{{ __policy_wanted | to_json }}"}), *(part for each in variables for part in ("-e", each))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(written.read_text()))


@pytest.mark.parametrize("case", CASES)
def test_the_suite(report: str, case: str) -> None:
    assert f"--- PASS: {case}\t" in report, report
