"""What GitHub runs: workflows that call the Makefile with few permissions, what a release has to be, and the pins that Renovate moves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.build.tools import GO_PACKAGE
from tests.gates import IMPORTER
from tests.release import notes, problems
from tests.support.ansibles import NEWEST, NEXT
from tests.support.azure_cli import AZURE_CLI

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob(".github/actions/*/action.yml")]
WORKFLOWS: dict[str, Json] = {path.stem: yaml.safe_load(path.read_text()) for path in FILES if path.parent.name == "workflows"}
MACHINE: Json = yaml.safe_load((ROOT / ".github/actions/machine/action.yml").read_text())
JOBS = [(workflow, name, job) for workflow, content in WORKFLOWS.items() for name, job in content["jobs"].items()]
STEPS: list[Json] = [step for *_, job in JOBS for step in job.get("steps", [])] + MACHINE["runs"]["steps"]
TARGETS = set(re.findall(r"^([a-z0-9-]+)(?: [a-z0-9- ]+)?:(?!=)", (ROOT / "Makefile").read_text(), re.M))
MORE = {
    ("docs", "publish"): {"pages": "write", "id-token": "write"},
    ("release", "github"): {"attestations": "write", "contents": "write", "id-token": "write"},
}
"""The jobs that write, and what they may."""
RENOVATE: Json = json.loads((ROOT / ".github/renovate.json").read_text())
CHANGELOG = """\
<a id="v1-1-0"></a>
## v1\\.1\\.0

<a id="bugfixes"></a>
### Bugfixes

* aks \\- new\\.

<a id="v1-0-0"></a>
## v1\\.0\\.0

### Release Summary

First\\.
"""


def called(steps: list[Json]) -> set[str]:
    return {target for step in steps for target in re.findall(r"\bmake ([a-z0-9-]+)", step.get("run", ""))}


def test_targets_of_make_exist() -> None:
    assert called(STEPS) - TARGETS == set()


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_workflow_runs_the_target_of_its_name(workflow: str) -> None:
    assert workflow in called([step for job in WORKFLOWS[workflow]["jobs"].values() for step in job.get("steps", [])])


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_workflow_reads_and_its_runs_do_not_pile_up(workflow: str) -> None:
    assert WORKFLOWS[workflow]["permissions"] == {"contents": "read"}
    assert WORKFLOWS[workflow]["concurrency"]["group"].startswith(workflow)


@pytest.mark.parametrize(("workflow", "name", "job"), JOBS)
def test_a_job_ends_and_has_no_more_permissions_than_it_needs(workflow: str, name: str, job: Json) -> None:
    assert job.get("permissions") == MORE.get((workflow, name))
    assert "timeout-minutes" in job or job["uses"].startswith("./")


def test_what_a_fork_proposes_sees_no_secret() -> None:
    triggers = {name: set(content["on"]) for name, content in WORKFLOWS.items()}
    assert set().union(*triggers.values()) == {"pull_request", "push", "workflow_call"}
    secret = [(workflow, name, job) for workflow, name, job in JOBS if "secrets." in json.dumps(job)]
    assert [(workflow, name, job["environment"]) for workflow, name, job in secret] == [("release", "galaxy", "galaxy")]
    assert triggers["release"] == {"push"}


def test_a_script_is_not_made_of_expressions() -> None:
    assert [step["run"] for step in STEPS if "${{" in step.get("run", "")] == []


def test_a_checkout_leaves_no_token_behind() -> None:
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert [step for step in checkouts if step["with"] != {"persist-credentials": False}] == []


def test_an_action_is_pinned_by_one_commit_with_its_version() -> None:
    used = {use for path in FILES for use in re.findall(r"uses: (\S+(?: # \S+)?)", path.read_text()) if not use.startswith("./")}
    assert [use for use in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)] == []
    assert len(used) == len({use.partition("@")[0] for use in used})


def test_a_release_is_tested_then_published_then_announced() -> None:
    jobs = WORKFLOWS["release"]["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/test.yml"
    assert (jobs["galaxy"]["needs"], jobs["github"]["needs"]) == (["build", "test"], ["build", "galaxy"])


def test_what_is_released_on_github_is_attested_before() -> None:
    attest, create = WORKFLOWS["release"]["jobs"]["github"]["steps"][-2:]
    assert attest["uses"].startswith("actions/attest-build-provenance@")
    assert attest["with"]["subject-path"] == "*.tar.gz"
    assert create["run"].startswith("gh release create ")
    assert create["run"].endswith(" ./*.tar.gz")


def test_the_machine_has_the_pythons_of_the_tests() -> None:
    oldest = re.findall(r'^python_version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert MACHINE["runs"]["steps"][0]["with"]["python-version"].split() == [NEWEST.python, *oldest]


@pytest.mark.parametrize(
    ("tag", "version", "found"),
    [
        ("v1.1.0", "1.1.0", []),
        ("v1.0.0", "1.0.0", []),
        ("v1.1.0", "1.1.0-dev", ["galaxy.yml has version 1.1.0-dev: set it to 1.1.0"]),
        ("v1.1.1", "1.1.1", ["CHANGELOG.md has nothing on 1.1.1: run antsibull-changelog release"]),
        ("v1.1", "1.1", ["the tag 'v1.1' is not v and a version, such as v1.2.3"]),
        ("1.1.0", "1.1.0", ["the tag '1.1.0' is not v and a version, such as v1.2.3"]),
        ("", "1.1.0", ["the tag '' is not v and a version, such as v1.2.3"]),
    ],
)
def test_a_release_has_one_version(tag: str, version: str, found: list[str]) -> None:
    assert problems(tag, version, CHANGELOG) == found


def test_the_notes_of_a_release_are_its_part_of_the_changelog() -> None:
    assert notes(CHANGELOG, "1.1.0") == '<a id="bugfixes"></a>\n### Bugfixes\n\n* aks \\- new\\.'
    assert notes(CHANGELOG, "1.0.0") == "### Release Summary\n\nFirst\\."
    assert notes(CHANGELOG, "1.0") == notes(CHANGELOG, "1.1.0-dev") == ""


def pinned(datasource: str) -> Iterator[tuple[str, str]]:
    """Name and version of what a custom manager of Renovate finds."""
    for manager in (each for each in RENOVATE["customManagers"] if each["datasourceTemplate"] == datasource):
        (pattern,) = (each.replace("(?<", "(?P<") for each in manager["matchStrings"])
        for path in sorted(path for each in manager["managerFilePatterns"] for path in ROOT.glob(each)):
            yield from ((found["depName"], found["currentValue"]) for found in re.finditer(pattern, path.read_text()))


def test_renovate_finds_the_packages_that_are_pinned_in_python() -> None:
    ansibles = [NEWEST.core, NEWEST.package, NEXT.core, NEXT.package]
    assert sorted("==".join(found) for found in pinned("pypi")) == sorted([*ansibles, IMPORTER, AZURE_CLI, GO_PACKAGE])


def test_python_that_renovate_does_not_read_pins_nothing() -> None:
    read = {ROOT / path for manager in RENOVATE["customManagers"] for path in manager["managerFilePatterns"]}
    sources = [path for folder in ("bench", "lab", "tests") for path in (ROOT / folder).rglob("*.py") if path not in read]
    assert len(sources) > 200
    assert [(path, found) for path in sources for found in re.findall(r'"[a-z-]+==\d[^"]*"', path.read_text())] == []


def test_renovate_finds_the_charts() -> None:
    given = {name: yaml.safe_load((ROOT / f"roles/{name}/defaults/main.yml").read_text()) for name in ("gatekeeper", "ratify")}
    assert dict(pinned("helm")) == {name: defaults[f"{name}_chart_version"] for name, defaults in given.items()}


def test_renovate_reads_each_go_mod_but_those_of_the_versions_before() -> None:
    assert "gomod" in RENOVATE["enabledManagers"]
    modules = {path.parent for path in ROOT.glob("lab/tools/**/go.mod")}
    ignored = {path for pattern in RENOVATE["ignorePaths"] for path in ROOT.glob(pattern.removesuffix("/**"))}
    assert len(modules) > 10
    assert {path for path in modules if path in ignored} == {path for path in modules if path.name.endswith("-previous")}


def test_renovate_leaves_what_users_install() -> None:
    assert "requirements.txt" in RENOVATE["ignorePaths"]
    assert set(RENOVATE["enabledManagers"]) == {"custom.regex", "github-actions", "gomod", "pip_requirements"}
