"""aks_cluster with registries and a kubeconfig: what the nodes get follows from the registry's mode, and nothing is written where something is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import ACR_PULL, BUILT_IN, REPOSITORY_READER
from tests.support.emulated import Emulated
from tests.support.module_runs import Backend, Run, agree, failure

GROUP = "image-trust-lab"
REGISTRY = {"name": "imagetrustlab", "resource_group": GROUP}
LEGACY, ABAC = "LegacyRegistryPermissions", "AbacRepositoryPermissions"
MODES = {LEGACY: ACR_PULL.name, ABAC: REPOSITORY_READER.name}
OTHER_USER = "99999999-0000-0000-0000-000000000001"


@pytest.fixture
def wanted(tmp_path: Path, backend: Backend) -> dict[str, Any]:
    return {
        "resource_group": GROUP,
        "name": "lab1",
        "oidc_issuer": True,
        "workload_identity": True,
        "registries": [REGISTRY],
        "kubeconfig": {"path": str(tmp_path / "clusters/lab1"), "administrator": True},
    }


def registry(azure: Emulated) -> Any:
    found = azure.state.registry_named("imagetrustlab")
    assert found
    return found


def nodes(azure: Emulated) -> str:
    cluster = azure.state.cluster_named("lab1")
    assert cluster
    return str(cluster.properties["identityProfile"]["kubeletidentity"]["objectId"])


def roles(azure: Emulated, principal: str) -> set[str]:
    held = [each for each in azure.state.role_assignments.values() if each.principal_id == principal]
    return {BUILT_IN[each.role_definition_id.rpartition("/")[2]].name for each in held}


def converged(run: Run, azure: Emulated, wanted: dict[str, Any], path: Path) -> dict[str, Any]:
    """Check, run and run again: the check writes nothing and predicts the run exactly, and the second run finds nothing to do."""
    before = path.read_bytes() if path.exists() else None
    predicted = run("aks_cluster", check=True, **wanted)
    assert (azure.writes, path.read_bytes() if path.exists() else None) == ([], before)
    made = run("aks_cluster", **wanted)
    assert not made.get("failed"), made
    assert predicted["changes"] == made["changes"]
    assert len(made["changes"]) == len(azure.writes) + made["kubeconfig"]["written"] == len(made["diff"])
    assert predicted["kubeconfig"]["written"] is made["kubeconfig"]["written"]
    for one, other in zip(predicted["diff"], made["diff"], strict=True):
        assert one["before"] == other["before"]
        agree(one["after"], other["after"])
    again = run("aks_cluster", **wanted)
    assert (again["changed"], again["changes"], again["diff"], azure.writes) == (False, [], [], [])
    assert again["cluster"] == made["cluster"]
    assert again["kubeconfig"] == {**made["kubeconfig"], "written": False}
    assert len(azure.reads) == 3
    assert sum(entry.path.endswith("/listClusterUserCredential") for entry in azure.requests) == 1
    return made


@pytest.mark.parametrize("mode", MODES)
def test_from_nothing_the_nodes_get_the_role_that_counts_and_the_file_is_its_owner_s(
    run: Run, azure: Emulated, backend: Backend, wanted: dict[str, Any], mode: str
) -> None:
    registry(azure).properties["roleAssignmentMode"] = mode
    path = Path(wanted["kubeconfig"]["path"])
    made = converged(run, azure, wanted, path)
    assert made["changes"] == [
        "create the cluster lab1 in resource group image-trust-lab",
        f"assign the role {MODES[mode]} on the registry imagetrustlab in mode {mode}",
        f"write the kubeconfig {path}",
    ]
    assert roles(azure, nodes(azure)) == {MODES[mode]}
    assert (path.read_text(), path.stat().st_mode & 0o777) == (backend.kubeconfig_text, 0o600)
    assert made["registries"][0]["pull_role"] == MODES[mode]
    assert made["kubeconfig"]["token"] is None
    assert "c2VjcmV0" not in json.dumps(made)


def test_a_switch_of_the_mode_is_followed_and_what_others_have_stays(run: Run, azure: Emulated, wanted: dict[str, Any]) -> None:
    for role in (ACR_PULL, REPOSITORY_READER):
        new_assignment(azure.state, registry(azure).id, role.guid, OTHER_USER)
    path = Path(wanted["kubeconfig"]["path"])
    converged(run, azure, wanted, path)
    registry(azure).properties["roleAssignmentMode"] = ABAC
    assert [change.partition(" on ")[0] for change in converged(run, azure, wanted, path)["changes"]] == [
        "assign the role Container Registry Repository Reader",
        "take away the role AcrPull",
    ]
    assert (roles(azure, nodes(azure)), roles(azure, OTHER_USER)) == ({REPOSITORY_READER.name}, {ACR_PULL.name, REPOSITORY_READER.name})


def take_role(azure: Emulated, path: Path) -> None:
    azure.state.role_assignments = {key: one for key, one in azure.state.role_assignments.items() if one.principal_id != nodes(azure)}


def other_file(azure: Emulated, path: Path) -> None:
    path.write_text("other")


def readable_by_all(azure: Emulated, path: Path) -> None:
    path.chmod(0o644)


def no_workload_identity(azure: Emulated, path: Path) -> None:
    cluster = azure.state.cluster_named("lab1")
    assert cluster
    cluster.properties["securityProfile"] = {}


@pytest.mark.parametrize(
    ("drift", "change"),
    [
        (take_role, "assign the role AcrPull"),
        (other_file, "write the kubeconfig"),
        (readable_by_all, "write the kubeconfig"),
        (no_workload_identity, "update the cluster lab1"),
    ],
)
def test_one_thing_that_is_missing_is_the_only_one_that_is_written(run: Run, azure: Emulated, wanted: dict[str, Any], drift: Any, change: str) -> None:
    path = Path(wanted["kubeconfig"]["path"])
    converged(run, azure, wanted, path)
    drift(azure, path)
    (made,) = converged(run, azure, wanted, path)["changes"]
    assert made.startswith(change)


def unknown_mode(azure: Emulated, wanted: dict[str, Any]) -> None:
    registry(azure).properties["roleAssignmentMode"] = "Tomorrow"


def no_registry(azure: Emulated, wanted: dict[str, Any]) -> None:
    wanted["registries"] = [REGISTRY, {**REGISTRY, "name": "nowhere"}]


def no_name(azure: Emulated, wanted: dict[str, Any]) -> None:
    wanted["registries"] = [{"name": "imagetrustlab"}]


def a_folder(azure: Emulated, wanted: dict[str, Any]) -> None:
    Path(wanted["kubeconfig"]["path"]).mkdir(parents=True)


REFUSED = {
    "registry in an unknown mode": (unknown_mode, "is in the mode Tomorrow"),
    "no such registry": (no_registry, "There is no registry nowhere"),
    "no resource group": (no_name, "registries[0] needs name and resource_group, or id"),
    "a folder in place of the file": (a_folder, "Is a directory"),
}


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_refused_before_a_cluster_is_made(run: Run, azure: Emulated, wanted: dict[str, Any], case: str, check: bool) -> None:
    prepare, says = REFUSED[case]
    prepare(azure, wanted)
    assert says in failure(run("aks_cluster", check=check, **wanted))
    assert azure.writes == []


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_a_cluster_whose_nodes_have_no_identity_is_refused_unless_no_registry_is_asked_for(
    run: Run, azure: Emulated, wanted: dict[str, Any], check: bool
) -> None:
    run("aks_cluster", **wanted)
    cluster = azure.state.cluster_named("lab1")
    assert cluster
    del cluster.properties["identityProfile"]
    assert "has no kubelet identity, to which a role on the registries could be assigned" in failure(run("aks_cluster", check=check, **wanted))
    assert azure.writes == []
    assert not run("aks_cluster", check=check, **{**wanted, "registries": []})["changed"]


@pytest.mark.parametrize(("path", "done"), [("/managedClusters/lab1$", 0), ("/roleAssignments/", 1)])
def test_where_a_write_fails_it_is_said_what_was_done_and_the_next_run_goes_on_from_there(
    run: Run, azure: Emulated, wanted: dict[str, Any], path: str, done: int
) -> None:
    predicted = run("aks_cluster", check=True, **wanted)["changes"]
    azure.fail(method="PUT", path=path, status=400, code="BadRequest")
    failed = run("aks_cluster", **wanted)
    assert f"Not done: {', '.join(predicted[done:])}." in failure(failed)
    assert (failed["done"], failed["not_done"]) == (predicted[:done], predicted[done:])
    azure.azure.faults.active.clear()
    assert run("aks_cluster", **wanted)["changes"] == predicted[done:]


def test_absent_leaves_roles_and_file_alone(run: Run, azure: Emulated, wanted: dict[str, Any]) -> None:
    run("aks_cluster", **wanted)
    gone = run("aks_cluster", **wanted, state="absent")
    assert (gone["cluster"], gone["registries"]) == (None, [])
    assert len(azure.writes) == 1
    assert Path(wanted["kubeconfig"]["path"]).exists()


def test_a_cluster_whose_last_change_failed_is_repaired_also_where_it_has_no_credentials_before(
    run: Run, azure: Emulated, backend: Backend, wanted: dict[str, Any]
) -> None:
    run("aks_cluster", **{**wanted, "kubeconfig": None})
    cluster = azure.state.cluster_named("lab1")
    assert cluster
    cluster.properties["provisioningState"] = "Failed"
    azure.fail(method="POST", path="listClusterUserCredential$", status=400, code="BadRequest", count=1)
    repaired = run("aks_cluster", **wanted)
    assert [change.partition(" ")[0] for change in repaired["changes"]] == ["update", "write"]
    assert Path(wanted["kubeconfig"]["path"]).read_text() == backend.kubeconfig_text
    azure.fail(method="POST", path="listClusterUserCredential$", status=400, code="BadRequest", count=1)
    assert "(BadRequest)" in failure(run("aks_cluster", **wanted))
    assert azure.writes == []
