"""The module, run whole against a stand-in for the API server."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.modules import cluster_lease

from tests.support.kubernetes_api import serving
from tests.support.leases import OTHER, Leases, lease
from tests.support.return_values import not_returned

OWN = "ops@controller, process 1, run 9f2c41d07e3b:ansible-local-1abcdefgh"
Json = dict[str, Any]


def run(leases: Leases, folder: Path, *, check: bool = False, **options: Any) -> Json:
    printed = io.StringIO()
    arguments = {"kubeconfig": str(folder / "kubeconfig"), "holder": OWN, **options, "_ansible_check_mode": check}
    with serving(leases.answer, folder / "kubeconfig"), patch_module_args(arguments), redirect_stdout(printed), pytest.raises(SystemExit):
        cluster_lease.main()
    result: Json = json.loads(printed.getvalue())
    return result


def warnings(result: Json) -> str:
    return " ".join(str(each) for each in result.get("warnings", []))


def test_the_lease_is_taken_for_an_hour_and_released(tmp_path: Path) -> None:
    leases = Leases()
    result = run(leases, tmp_path)
    assert (result["held"], result["changed"], result["kubeconfig"]) == (True, False, str(tmp_path / "kubeconfig"))
    assert leases.found
    assert leases.found["spec"].items() >= {"holderIdentity": OWN, "leaseDurationSeconds": 3600}.items()
    assert not_returned("cluster_lease", result) == set()
    released = run(leases, tmp_path, state="absent")
    assert (released["held"], released["changed"], warnings(released)) == (False, False, "")
    assert leases.found is None


def test_another_run_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    leases = Leases(lease())
    result = run(leases, tmp_path)
    assert result["msg"].startswith(f"Another run configures the cluster: {OTHER}, since 20")
    assert "kubectl --namespace kube-system delete lease image-trust" in result["msg"]
    assert leases.log == []


@pytest.mark.parametrize(
    ("found", "state", "warned"),
    [(None, "present", False), (lease(), "present", True), (lease(), "absent", False), (lease(OWN), "present", False), (lease(OWN), "absent", False)],
)
def test_a_check_takes_nothing_and_warns_of_another_run(found: Json | None, state: str, warned: bool, tmp_path: Path) -> None:
    leases = Leases(found)
    result = run(leases, tmp_path, check=True, state=state)
    assert (result["held"], OTHER in warnings(result)) == (False, warned)
    assert leases.log == []


def test_a_check_without_a_kubeconfig_is_that_of_a_cluster_to_be_made(tmp_path: Path) -> None:
    assert run(Leases(), tmp_path, check=True, kubeconfig=str(tmp_path / "none"))["held"] is False
    assert "the file does not exist" in run(Leases(), tmp_path, kubeconfig=str(tmp_path / "none"))["msg"]


def test_a_cluster_that_refuses_is_an_error_before_and_a_warning_after(tmp_path: Path) -> None:
    leases = Leases(before=lambda _method: (403, {"message": "leases is forbidden"}))
    before = run(leases, tmp_path)
    assert before["msg"].startswith("Whether another run configures the cluster is not known: it refuses GET ")
    after = run(leases, tmp_path, state="absent")
    assert not after.get("failed")
    assert "The lease of this run is still in the cluster" in warnings(after)
    assert "leases is forbidden. Remove it: kubectl --namespace kube-system delete lease image-trust" in warnings(after)


def test_a_lease_that_another_run_took_when_it_had_expired_is_a_warning_and_stays(tmp_path: Path) -> None:
    leases = Leases(lease())
    result = run(leases, tmp_path, state="absent")
    assert f"The lease of this run expired before its end. Another run configures the cluster: {OTHER}" in warnings(result)
    assert leases.log == []


def test_its_examples_take_the_lease_and_release_it(tmp_path: Path) -> None:
    leases = Leases()
    for task, holder in zip(yaml.safe_load(cluster_lease.EXAMPLES), (OWN, ""), strict=True):
        options = task["image_trust.azure.cluster_lease"]
        assert options.pop("holder") == "{{ lookup('image_trust.azure.run_holder') }}"
        del options["kubeconfig"]
        assert not run(leases, tmp_path, **options).get("failed")
        assert leases.holder == holder
