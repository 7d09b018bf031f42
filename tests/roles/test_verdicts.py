"""What role verify says of verdicts that failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
WARNS = "The constraint images-verified denies nothing: its enforcement is warn."
SAID = (
    "6 of 6 verdicts of localhost failed. "
    "a as container should be denied, it is admitted; b as deployment in kube-system should be denied, it is admitted. "
    "f as container should be admitted and started, it is admitted: admitted and pulled, but not started: no. "
    "e as container should be admitted and pulled, it is admitted: admitted, but not pulled: 401. "
    "d as container should be admitted, it is denied: it has no signature. "
    "c as container should be denied, it is denied for another reason: the registry is too busy. " + WARNS
)


def failed(image: str, expected: str, verdict: str, message: str = "", shape: str = "container", namespace: str = "default") -> dict[str, Any]:
    said = {"image": image, "expected": expected, "verdict": verdict, "message": message}
    return {**said, "shape": shape, "namespace": namespace, "passed": False, "ran": None}


def test_each_failed_verdict_is_named_with_what_was_said_and_what_explains_them_all(tmp_path: Path) -> None:
    verdicts = [
        failed("a", "denied", "admitted"),
        failed("b", "denied", "admitted", shape="deployment", namespace="kube-system"),
        failed("c", "denied", "denied", "the registry is too busy"),
        failed("d", "admitted", "denied", "it has no signature"),
        {**failed("e", "admitted", "admitted", "admitted, but not pulled: 401"), "ran": {"pulled": False, "started": False}},
        {**failed("f", "admitted", "admitted", "admitted and pulled, but not started: no"), "ran": {"pulled": True, "started": False}},
    ]
    given = {"verify_namespace": "default", "verify_result": {"verdicts": verdicts, "problems": [WARNS]}, "said": SAID}
    task = {"ansible.builtin.assert": {"that": "__verify_message.split() == said.split()", "fail_msg": "{{ __verify_message }}"}}
    play = tmp_path / "play.yml"
    variables = str(ROOT / "roles/verify/vars/main.yml")
    play.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "vars_files": [variables], "vars": given, "tasks": [task]}]))
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    done = subprocess.run([program, str(play)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
