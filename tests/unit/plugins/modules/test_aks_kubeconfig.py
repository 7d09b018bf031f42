from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.emulated import Emulated
from tests.support.module_runs import Backend, Run, failure

MODULE = "aks_kubeconfig"
LAB1 = {"resource_group": "image-trust-lab", "cluster_name": "lab1"}


@pytest.fixture
def cluster(run: Run, backend: Backend) -> Backend:
    assert run("aks_cluster", resource_group="image-trust-lab", name="lab1", location="eastus")["changed"]
    return backend


def test_it_is_written_for_the_owner_only(run: Run, cluster: Backend, azure: Emulated, tmp_path: Path) -> None:
    path = tmp_path / "clusters/lab1"
    assert run(MODULE, check=True, **LAB1, path=str(path))["changed"] is True
    assert not path.parent.exists()
    result = run(MODULE, **LAB1, path=str(path))
    assert result["changed"] is True
    assert result["path"] == str(path)
    assert path.read_text() == cluster.kubeconfig_text
    assert path.stat().st_mode & 0o777 == 0o600
    assert "c2VjcmV0" not in json.dumps(result)
    for check in (True, False):
        assert run(MODULE, check=check, **LAB1, path=str(path))["changed"] is False
    # Two more ask Entra for its configuration and a token.
    assert [entry.path.rpartition("/")[2] for entry in azure.requests if not entry.host.startswith("localhost")] == ["endpoints", "listClusterUserCredential"]


def test_a_changed_file_is_written_again(run: Run, cluster: Backend, tmp_path: Path) -> None:
    path = tmp_path / "lab1"
    path.write_text("other")
    path.chmod(0o644)
    result = run(MODULE, **LAB1, path=str(path))
    assert "mode: 0644\n" in result["diff"]["before"]
    assert "mode: 0600\n" in result["diff"]["after"]
    assert path.read_text() == cluster.kubeconfig_text


def test_without_path_it_is_returned(run: Run, cluster: Backend) -> None:
    result = run(MODULE, **LAB1)
    assert (result["changed"], result["kubeconfig"]) == (False, cluster.kubeconfig_text)


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_empty_path_is_not_a_path_that_is_not_given(run: Run, cluster: Backend, azure: Emulated, state: str) -> None:
    """The kubeconfig would be in what the task prints."""
    result = run(MODULE, **LAB1, path="", state=state)
    assert failure(result) == "path is empty; give the file, or leave it out to have the kubeconfig returned."
    assert "kubeconfig" not in result
    assert azure.requests == []


def test_absent_removes_the_file_without_asking_azure(run: Run, azure: Emulated, tmp_path: Path) -> None:
    path = tmp_path / "lab1"
    path.write_text("text")
    assert run(MODULE, check=True, **LAB1, path=str(path), state="absent")["changed"] is True
    assert path.exists()
    assert run(MODULE, **LAB1, path=str(path), state="absent")["changed"] is True
    assert not path.exists()
    assert run(MODULE, **LAB1, path=str(path), state="absent")["changed"] is False
    assert azure.requests == []
    assert run(MODULE, **LAB1, state="absent")["failed"]


def test_a_cluster_that_does_not_exist_is_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "lab1"
    sentence = failure(run(MODULE, **LAB1, path=str(path)))
    assert sentence == "There is no cluster lab1 in resource group image-trust-lab; create it, or check cluster_name, resource_group and subscription_id."
    assert not path.exists()


def test_in_check_mode_the_cluster_need_not_exist(run: Run, tmp_path: Path) -> None:
    assert run(MODULE, check=True, **LAB1, path=str(tmp_path / "lab1"))["changed"] is True
    assert run(MODULE, check=True, **LAB1)["kubeconfig"] is None


@pytest.mark.parametrize("status", [429, 503])
def test_a_read_by_post_is_tried_again(run: Run, cluster: Backend, azure: Emulated, status: int) -> None:
    azure.fail(method="POST", path="listClusterUserCredential", status=status, count=1)
    assert run(MODULE, **LAB1)["kubeconfig"] == cluster.kubeconfig_text


def test_a_path_that_cannot_be_written_is_named(run: Run, cluster: Backend, tmp_path: Path) -> None:
    assert failure(run(MODULE, **LAB1, path=str(tmp_path))) == f"Cannot read the file {tmp_path} (Is a directory); check path."


def test_bad_names_are_refused_before_any_request(run: Run, azure: Emulated) -> None:
    assert "cluster_name is 'a/b', but must be 1 to 63" in failure(run(MODULE, **{**LAB1, "cluster_name": "a/b"}))
    assert azure.requests == []
