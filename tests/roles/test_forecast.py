"""What role policy says of a forecast: the tasks that follow the question, by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._forecast.judgement import Outcome, Prediction, listed, summary

from .conftest import ROOT
from .one_play import play

ROLE = ROOT / "roles/policy"


def outcome(number: int, verdict: Prediction) -> Outcome:
    return Outcome("shop", (f"Deployment d{number}", f"Job j{number}"), ("x",), verdict, "image x is not verified")


def said(folder: Path, *found: Outcome) -> tuple[bool, str]:
    """Whether the role goes on, and its output in one line."""
    tasks = yaml.safe_load((ROLE / "tasks/forecast.yml").read_text())[1:]
    texts = {"blocking": summary(found, "denied", "not_judged"), "not_known": summary(found, "unknown")}
    (folder / "forecast.yml").write_text(yaml.safe_dump({"__policy_forecast": {"workloads": 200, **texts, **listed(found)}}))
    (folder / "tasks.yml").write_text(yaml.safe_dump(tasks))
    content = f"vars_files: [{ROLE}/vars/main.yml, {folder}/forecast.yml]\n  tasks: [{{ansible.builtin.import_tasks: {folder}/tasks.yml}}]\n"
    done = play(folder, content)
    return done.returncode == 0, " ".join(done.stdout.split())


def test_a_forecast_without_denials_goes_on(tmp_path: Path) -> None:
    assert said(tmp_path)[0]


def test_what_is_not_known_is_listed_and_stops_nothing(tmp_path: Path) -> None:
    goes_on, text = said(tmp_path, outcome(1, "unknown"))
    assert goes_on
    assert "Of 2 workloads it is not known, and they do not stop the run: shop: Deployment d1, Job j1: image x is not verified" in text


@pytest.mark.parametrize(("denied", "not_judged", "last"), [(60, 1, "d49"), (2, 1, "d2"), (0, 1, "d0")])
def test_the_numbers_are_of_all_and_the_list_is_one_that_people_read(tmp_path: Path, denied: int, not_judged: int, last: str) -> None:
    numbers = list(range(denied + not_judged))
    goes_on, text = said(tmp_path, *(outcome(number, "denied" if number < denied else "not_judged") for number in numbers))
    assert not goes_on
    assert (
        f"Of 200 workloads of localhost that deny would cover now, {2 * denied} would be denied when their pods are created again, and 2 could not be" in text
    )
    assert ("; and more, which module admission_forecast returns." in text) is (denied > 50)
    assert f"Deployment {last}, " in text
    assert f"Deployment d{int(last[1:]) + 1}, " not in text


@pytest.mark.parametrize(("path", "refused"), [("", False), ("audit.json", True), ("~/audit.json", False), ("/audits/a.json", False), ("https://a/b/c", False)])
def test_an_audit_is_not_written_beside_the_playbook(tmp_path: Path, path: str, refused: bool) -> None:
    (tmp_path / "tasks.yml").write_text(yaml.safe_dump(yaml.safe_load((ROLE / "tasks/audit.yml").read_text())[:1]))
    done = play(tmp_path, f"vars: {{policy_audit_path: '{path}'}}\n  tasks: [{{ansible.builtin.import_tasks: {tmp_path}/tasks.yml}}]\n")
    assert ("policy_audit_path audit.json is not absolute" in " ".join(done.stdout.split())) is refused
    assert (done.returncode != 0) is refused


OURS = "r.io/web@sha256:1"
NEEDS = {
    "signed by the next version": ({"trusted": True, "signatures": ["next"]}, ""),
    "signed by the version that is replaced": ({"trusted": True, "signatures": ["former"]}, f"without it these images would be denied: {OURS}."),
    "signed by a signer who is not trusted": ({"trusted": False, "signatures": ["former"]}, ""),
    "not read": ({"trusted": None, "signatures": None}, f"may have a signature of it, which is not known: {OURS}. The list above has the reason"),
}


@pytest.mark.parametrize(("found", "says"), NEEDS.values(), ids=NEEDS)
def test_a_rotation_stops_where_the_version_replaced_is_needed_or_that_is_not_known(tmp_path: Path, found: dict[str, object], says: str) -> None:
    # Outside of the scopes no signature counts.
    others = {"image": "docker.io/library/x:1", "trusted": None, "signatures": None}
    given = {
        "rotate_signer": "localhost",
        "rotate_version": "v1",
        "signer_rotation": {"sha256": "former"},
        "ratify_trust_policies": [{"registryScopes": ["r.io/web"]}],
        "policy_audit": {"images": [others, {"image": OURS, **found}]},
    }
    (tmp_path / "given.yml").write_text(yaml.safe_dump(given))
    imported = ", ".join(f"{{ansible.builtin.import_tasks: {ROOT}/playbooks/tasks/rotate_{each}.yml}}" for each in ("known", "needs"))
    done = play(tmp_path, f"tasks: [{imported}]\n", "-e", f"@{tmp_path}/given.yml")
    assert (done.returncode == 0) is (says == "")
    assert says in " ".join(done.stdout.split())
