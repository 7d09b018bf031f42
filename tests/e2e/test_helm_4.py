"""Helm 4 on the controller: refused with a kubernetes.core that does not know it, and with one that does it goes on from Helm 3. About five minutes."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator

import pytest

from lab.build import tools
from tests.gates import NEWEST, NEWEST_PYTHON
from tests.support.seeds import soak

from .conftest import Lab, Run
from .plans import succeeded


@pytest.fixture(scope="module")
def helm_4(lab: Lab) -> Lab:
    """The lab, with Helm 4 first on PATH."""
    tools.HELM_4.build()
    return Lab({**lab.environment, "PATH": f"{tools.HELM_4.output}:{lab.environment['PATH']}"}, lab.owner)


@pytest.fixture(scope="module")
def newer(helm_4: Lab, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The same, with the kubernetes.core of the newest Ansible."""
    folder = tmp_path_factory.mktemp("newer")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "--python-version", NEWEST_PYTHON, "--dest", folder, NEWEST[1]], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith("ansible_collections/kubernetes/core/")])
    collections = os.pathsep.join([str(folder), helm_4.environment["ANSIBLE_COLLECTIONS_PATH"]])
    return Lab({**helm_4.environment, "ANSIBLE_COLLECTIONS_PATH": collections}, helm_4.owner)


@pytest.fixture
def by_helm_3(lab: Lab) -> Iterator[None]:
    """Afterwards all is there again as the other tests expect it."""
    yield
    succeeded(lab.play("site"))
    assert succeeded(lab.play("site")).changed == []


@soak("the refusal in tests/roles")
def test_nothing_is_written_with_a_kubernetes_core_that_does_not_know_helm_4(site: Run, helm_4: Lab) -> None:
    for playbook in ("site", "teardown"):
        helm_4.forget_requests()
        run = helm_4.play(playbook)
        assert f"Helm {tools.HELM_4.version('helm.sh/helm/v4')} does not work with kubernetes.core" in run.error
        assert run.changed == []
        assert [request for request in helm_4.requests() if request.writes] == []


@soak("site.yml with Helm 3")
def test_helm_4_goes_on_from_helm_3_and_a_second_run_changes_nothing(site: Run, newer: Lab, by_helm_3: None) -> None:
    assert succeeded(newer.play("site")).changed == []
    level = {"logger": {"level": "debug"}}
    assert "image_trust.azure.release : Install chart ratify" in succeeded(newer.play("site", ratify_values=level)).changed
    assert succeeded(newer.play("site", ratify_values=level)).changed == []
