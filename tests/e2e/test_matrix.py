"""Versions on the controller: one cluster, configured by one Ansible, kubernetes.core and Helm after the other.

The first is `site`: the ansible-core and the kubernetes.core that are promised at least, and Helm 3.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from lab.build import tools
from tests.support.ansibles import NEWEST, NEXT, Ansible, NoPythonError

from .conftest import Lab, Run
from .plans import succeeded

pytestmark = pytest.mark.matrix

HELM_3 = tools.family("helm")
LINES = {HELM_3: "v3", tools.HELM_4: "v4"}
By = Callable[[Ansible | None, tools.Family], Lab]


@pytest.fixture(scope="module")
def by(lab: Lab) -> By:
    """The lab, with this Ansible (None: ours) and this Helm first on PATH."""

    def by(ansible: Ansible | None, helm: tools.Family) -> Lab:
        helm.build()
        try:
            path = [*([ansible.programs] if ansible else []), str(helm.output), lab.environment["PATH"]]
        except NoPythonError as missing:
            pytest.skip(str(missing))
        other = Lab({**lab.environment, "PATH": ":".join(path)}, lab.owner)
        assert printed(other, "helm", "version", "--short").startswith(LINES[helm])
        assert ansible is None or printed(other, "ansible", "--version").startswith(f"ansible [core {ansible.core.partition('==')[2]}]")
        return other

    return by


def printed(lab: Lab, *command: str) -> str:
    return subprocess.run(command, env=lab.environment, capture_output=True, text=True, check=True).stdout


def test_nothing_is_written_with_a_kubernetes_core_that_does_not_know_helm_4(site: Run, by: By) -> None:
    oldest = by(None, tools.HELM_4)
    for playbook in ("site", "teardown"):
        oldest.forget_requests()
        run = oldest.play(playbook)
        assert f"Helm {tools.HELM_4.version('helm.sh/helm/v4')} does not work with kubernetes.core" in run.error
        assert run.changed == []
        assert [request for request in oldest.requests() if request.writes] == []


@pytest.mark.parametrize(
    ("ansible", "helm", "level"),
    [
        pytest.param(NEWEST, HELM_3, "debug", id="newest-and-Helm-3"),
        pytest.param(NEWEST, tools.HELM_4, "warn", id="newest-and-Helm-4"),
        pytest.param(NEXT, tools.HELM_4, "error", id="next-and-Helm-4"),
    ],
)
def test_each_goes_on_from_the_one_before_and_changes_only_what_is_asked(site: Run, by: By, ansible: Ansible, helm: tools.Family, level: str) -> None:
    other = by(ansible, helm)
    asked = {"ratify_values": {"logger": {"level": level}}}
    assert succeeded(other.play("site", "--check", **asked)).changed == ["image_trust.azure.release : Install chart ratify"]
    assert succeeded(other.play("site", **asked)).changed == ["image_trust.azure.release : Install chart ratify"]
    assert succeeded(other.play("site", **asked)).changed == []


def test_the_newest_remove_it_and_install_it_again(site: Run, by: By) -> None:
    newest = by(NEWEST, tools.HELM_4)
    assert "image_trust.azure.release : Remove release ratify" in " ".join(succeeded(newest.play("teardown")).changed)
    assert "image_trust.azure.release : Install chart ratify" in succeeded(newest.play("site")).changed
    assert succeeded(newest.play("site")).changed == []
