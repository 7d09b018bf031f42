"""What role policy refuses before it writes: of its variables, before there is a cluster, and of the cluster."""

from __future__ import annotations

import subprocess
from pathlib import Path
from textwrap import indent

import pytest

from tests.support.cluster_states import cluster, item, items
from tests.support.kubernetes_api import reading, serving

from . import one_play

ROLE = "  roles:\n    - role: image_trust.azure.policy\n      policy_kubeconfig: nobody\n"
CHECK = """
  tasks:
    - name: Check
      ansible.builtin.include_role:
        name: image_trust.azure.policy
        tasks_from: check
    - name: Require sound variables
      ansible.builtin.assert:
        that: policy_check.findings | length == 0
        fail_msg: "{{ policy_check.findings | join(' ') }}"
"""
FAULTS = """
policy_stages:
  - {namespaces: ["team-*"], enforcement: warn}
  - {namespaces: [team-a, kube-system], enforcement: deny}
policy_exemptions:
  - {images: [docker.io/bitnami/*], owner: a, reason: b, ends: "2027-02-30"}
  - {images: [], namespaces: [legacy], owner: a, reason: b, ends: 2099-12-31}
  - {images: [docker.io/*], owner: a, reason: b, ends: 2099-12-31}
policy_constraint: Images
"""
SENTENCES = (
    "policy_stages sets warn for team-* and deny for team-a",
    "policy_stages sets deny for kube-system, and policy_excluded_namespaces names kube-system",
    "Entry 1 of policy_exemptions has ends 2027-02-30",
    "Entry 2 of policy_exemptions has an empty list images",
    "Entry 3 of policy_exemptions would admit every image of docker.io",
    "policy_constraint is Images",
)


def play(folder: Path, what: str, variables: str = "", *options: str) -> subprocess.CompletedProcess[str]:
    given = f"  vars:\n{indent(variables, '    ')}" if variables else ""
    return one_play.play(folder, f"{given}{what}".removeprefix("  "), *options)


@pytest.mark.parametrize("what", [ROLE, CHECK], ids=["the role", "its check alone"])
def test_all_that_is_wrong_is_reported_at_once_and_nothing_else_runs(tmp_path: Path, what: str) -> None:
    done = play(tmp_path, what, FAULTS, "--check")
    said = " ".join(done.stdout.split())
    assert [sentence for sentence in SENTENCES if sentence not in said] == [], done.stdout
    assert done.returncode != 0
    assert "failed=1" in said
    assert "would create" not in said


def test_the_check_alone_passes_for_the_defaults_before_anything_else_ran(tmp_path: Path) -> None:
    done = play(tmp_path, CHECK)
    assert done.returncode == 0, done.stdout


def test_the_check_alone_knows_the_namespaces_that_gatekeeper_will_not_be_asked_about(tmp_path: Path) -> None:
    exempt = "gatekeeper_exempt_namespaces: [{name: kube-system, reason: nodes}, {name: storage, reason: volumes}]\n"
    assert play(tmp_path, CHECK, exempt).returncode == 0
    own = "policy_excluded_namespaces: [{name: kube-system, reason: nodes}, {name: gatekeeper-system, reason: itself}]\n"
    done = play(tmp_path, CHECK, exempt + own)
    assert "Gatekeeper is not asked in storage (gatekeeper_exempt_namespaces)" in " ".join(done.stdout.split())


def test_a_number_and_a_boolean_of_the_command_line_are_what_they_say(tmp_path: Path) -> None:
    done = play(tmp_path, ROLE, "", "--check", "--diff", "-e", "policy_require_digest=false", "-e", "policy_wait_timeout=60", "-e", "policy_message_suffix=1")
    assert done.returncode == 0, done.stdout
    assert "spec parameters requireDigest: false" in done.stdout
    assert "spec parameters messageSuffix: 1" in done.stdout


def test_text_that_is_no_number_and_no_boolean_is_refused(tmp_path: Path) -> None:
    done = play(tmp_path, CHECK, "", "-e", "policy_require_digest=perhaps", "-e", "policy_wait_timeout=60s")
    said = " ".join(done.stdout.split())
    assert "policy_require_digest is perhaps, but must be true or false." in said
    assert "policy_wait_timeout is 60s, but must be a whole number of seconds greater than 0." in said


CONFIGS = "/apis/config.gatekeeper.sh/v1alpha1/configs"


def test_namespaces_that_others_exempt_are_refused_before_the_first_write_unless_they_were_reviewed(tmp_path: Path) -> None:
    config = item("config", {"match": [{"excludedNamespaces": ["team-a", "kube-system"], "processes": ["webhook"]}]})
    config["metadata"]["namespace"] = "gatekeeper-system"
    kubeconfig, sent = tmp_path / "kubeconfig", list[tuple[str, str, str | None]]()
    role = ROLE.replace("nobody", str(kubeconfig))
    reviewed = "policy_excluded_namespaces: [" + ", ".join(f"{{name: {name}, reason: a}}" for name in ("team-a", "kube-system", "gatekeeper-system")) + "]\n"
    with serving(reading({**cluster(), CONFIGS: items(config)}), kubeconfig, sent):
        refused = play(tmp_path, role, "policy_message_suffix: Ask us\n")
        assert {method for method, _path, _type in sent} == {"GET"}
        going_on = play(tmp_path, role, f"{reviewed}policy_wait_timeout: 1\n")
    said = " ".join(refused.stdout.split())
    assert "In localhost nothing of the policy was changed. " in said
    assert "does not name: team-a (Gatekeeper's Config). Take that out of Gatekeeper's Config" in said
    assert refused.returncode == 2
    # The stand-in has no kinds, of which the first write has to know one.
    first_write = "the cluster knows no ConstraintTemplate"
    assert (first_write in refused.stdout, first_write in going_on.stdout) == (False, True)
