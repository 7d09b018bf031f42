"""The page on versions says what the sources say, and a release is as the page and CONTRIBUTING say."""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._preflight.cluster_rules import NEWEST_KUBERNETES

from lab.build.charts import GATEKEEPER, PREVIOUS_RATIFY, RATIFY, Chart
from tests.release import problems
from tests.support.ansibles import NEWEST, NEXT

from .pages import ROOT

PAGE = (ROOT / "docs/releases.md").read_text()


def read(path: str) -> str:
    return (ROOT / path).read_text()


def pinned(name: str) -> str:
    """The version that everything is tested with."""
    return str(re.findall(rf"^{name}==(.+)$", read("requirements-dev.txt"), flags=re.M)[0])


def version(requirement: str) -> str:
    return requirement.partition("==")[2]


def built(family: str, module: str) -> str:
    """The version of a program of the lab."""
    return str(re.findall(rf"{module} v(\S+)", read(f"lab/tools/{family}/go.mod"))[0])


def installed(chart: Chart) -> str:
    """The version of a chart of the lab."""
    return str(yaml.safe_load((chart.source / "Chart.yaml").read_text())["version"])


ANSIBLE_CORE = str(yaml.safe_load(read("meta/runtime.yml"))["requires_ansible"].removeprefix(">="))
KUBERNETES_CORE = str(yaml.safe_load(read("galaxy.yml"))["dependencies"]["kubernetes.core"].removeprefix(">="))
VERSIONS = {
    "ansible-core": [ANSIBLE_CORE, pinned("ansible-core"), version(NEWEST.core), version(NEXT.core)],
    "Python of the controller": [yaml.safe_load(read("tests/config.yml"))["modules"]["python_requires"].removeprefix(">="), NEWEST.python],
    "kubernetes.core": [KUBERNETES_CORE, version(NEWEST.package)],
    "Python packages": [pinned("ansible")],
    "Helm": [built("helm", "helm.sh/helm/v3"), built("helm-4", "helm.sh/helm/v4")],
    "Kubernetes": [built("kubernetes", "k8s.io/kubernetes"), built("kubernetes-previous", "k8s.io/kubernetes")],
    "Gatekeeper": [yaml.safe_load(read("roles/gatekeeper/defaults/main.yml"))["gatekeeper_chart_version"], installed(GATEKEEPER)],
    "Ratify": [yaml.safe_load(read("roles/ratify/defaults/main.yml"))["ratify_chart_version"], installed(RATIFY), installed(PREVIOUS_RATIFY)],
}


@pytest.mark.parametrize("what", VERSIONS)
def test_the_page_says_the_versions_that_are_needed_and_tested(what: str) -> None:
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| {what} |"))
    assert [version for version in VERSIONS[what] if version not in row] == [], f"docs/releases.md has other versions of {what}"


def test_the_kubernetes_core_of_the_tests_is_the_oldest_that_is_promised() -> None:
    folder = Path(sysconfig.get_path("purelib")) / "ansible_collections/kubernetes/core"
    assert json.loads((folder / "MANIFEST.json").read_text())["collection_info"]["version"] == KUBERNETES_CORE


def test_preflight_knows_the_newest_kubernetes_of_the_page() -> None:
    assert ".".join(map(str, NEWEST_KUBERNETES)) == built("kubernetes", "k8s.io/kubernetes").rpartition(".")[0]


VERSION = str(yaml.safe_load(read("galaxy.yml"))["version"])
FRAGMENTS = "changelogs/fragments/*.yml"


def tree(folder: Path) -> Path:
    """What the changelog is made of, as a collection; without its cache, which may be of other plugins."""
    made = folder / "ansible_collections/image_trust/azure"
    made.mkdir(parents=True)
    for name in ("changelogs", "plugins", "roles", "meta", "galaxy.yml", "CHANGELOG.md"):
        subprocess.run(["cp", "-r", ROOT / name, made], check=True)
    (made / "changelogs/.plugin-cache.yaml").unlink(missing_ok=True)
    return made


def test_a_version_that_is_released_is_the_newest_of_the_changelog_and_no_fragment_is_left() -> None:
    newest, *_ = re.findall(r"^## v(.+)$", read("CHANGELOG.md").replace("\\", ""), flags=re.M)
    if not VERSION.endswith("-dev"):
        assert (newest, list(ROOT.glob(FRAGMENTS))) == (VERSION, []), "antsibull-changelog release --update-existing"


def test_the_changelog_is_as_its_tool_writes_it(tmp_path: Path) -> None:
    made = tree(tmp_path)
    subprocess.run(["antsibull-changelog", "generate"], cwd=made, check=True)
    assert (made / "CHANGELOG.md").read_text() == read("CHANGELOG.md")


def test_the_next_release_writes_the_changelog_with_all_that_users_call_and_without_macros(tmp_path: Path) -> None:
    made = tree(tmp_path)
    major, minor, _ = VERSION.split(".")
    version = VERSION.removesuffix("-dev") if VERSION.endswith("-dev") else f"{major}.{int(minor) + 1}.0"
    (made / "galaxy.yml").write_text(read("galaxy.yml").replace(VERSION, version))
    (made / "changelogs/fragments/next.yml").write_text(yaml.safe_dump({"minor_changes": ["audit - counts ``pods``."], "release_summary": "The next one."}))
    subprocess.run(["antsibull-changelog", "release"], cwd=made, check=True)
    assert problems(f"v{version}", version, (made / "CHANGELOG.md").read_text()) == []
    written = (made / "CHANGELOG.md").read_text().replace("\\", "")
    assert f"## v{version}\n" in written
    assert "* audit - counts <code>pods</code>." in written
    called = [path.stem for place in ("plugins/modules/*.py", "playbooks/*.yml") for path in ROOT.glob(place)]
    called += [path.parents[1].name for path in ROOT.glob("roles/*/meta/argument_specs.yml")]
    assert [name for name in called if f"* image_trust.azure.{name} - " not in written] == []
    assert re.findall(r"\b[A-Z]{1,2}\([^)]*\)", written) == [], "macros are for documentation; a changelog has ``code``"
    assert list(made.glob(FRAGMENTS)) == []
