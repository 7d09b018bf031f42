"""site.yml whole, checked before there is a cluster."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.docs.least import least
from tests.support.emulated import Emulated
from tests.support.kubernetes_api import reading, serving
from tests.support.leases import OTHER, Leases, lease
from tests.support.module_runs import Backend

from .conftest import GROUP, OF_ALL_ROLES, ROOT, Command, Play, Played, played


def checked(command: Command, folder: Path, *, playbook: str = "site", check: bool = True, without: Sequence[str] = (), **variables: Any) -> Played:
    """A run of the playbook, in check mode unless it is known to write nothing, without some of the variables."""
    words, environment = command("aks", check=check, **{**OF_ALL_ROLES, **variables})
    at = words.index("-e") + 1
    words[at] = json.dumps({name: value for name, value in json.loads(words[at]).items() if name not in without})
    (folder / "inventory").write_text(f"[clusters]\nlab1 ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    words[3] = str(ROOT / f"playbooks/{playbook}.yml")
    return played(words, environment)


def test_a_check_before_there_is_a_cluster_goes_through_all_roles_and_writes_nothing(azure: Emulated, command: Command, tmp_path: Path) -> None:
    done = checked(command, tmp_path)
    assert done.errors == []
    roles = {name.partition(" : ")[0].rpartition(".")[2] for name in done.changed}
    assert roles == {"aks", "identity", "release", "policy"}
    assert azure.writes == []
    assert done.said.count("image_trust.azure.policy : Return what is wrong with the variables") == 1
    assert done.modules.count("image_trust.azure.preflight") == 1


def test_faults_of_three_roles_and_of_azure_come_in_one_error_and_nothing_is_written(azure: Emulated, command: Command, tmp_path: Path) -> None:
    vault = azure.state.vault_named("image-trust-lab")
    assert vault
    vault.properties["publicNetworkAccess"] = "Disabled"
    wrong: dict[str, Any] = {
        "verify_images": [{"image": "nginx", "expect": "denied"}],
        "gatekeeper_replicas": 0,
        "ratify_trust_policies": [{**OF_ALL_ROLES["ratify_trust_policies"][0], "trustedIdentities": ["x509.subject: CN=contoso"]}],
    }
    (error,) = checked(command, tmp_path, check=False, **wrong).errors
    assert "Nothing was changed. 4 reasons: (1) gatekeeper_replicas is 0" in error
    for part in ("CN=contoso", "verify_images needs at least one image to admit and one to deny.", "takes no requests from any cluster"):
        assert part in error
    assert azure.writes == []


def test_a_proof_that_cannot_be_written_is_one_of_the_faults(azure: Emulated, command: Command, tmp_path: Path) -> None:
    path = tmp_path / "nowhere/proof.json"
    (error,) = checked(command, tmp_path, check=False, verify_proof_path=str(path), gatekeeper_replicas=0).errors
    assert "Nothing was changed. 2 reasons: (1) gatekeeper_replicas is 0" in error
    assert f"The proof cannot be written to {path}: No such file or directory." in error
    assert azure.writes == []


def test_a_url_of_a_proof_that_is_none_of_a_blob_is_one_of_the_faults(azure: Emulated, command: Command, tmp_path: Path) -> None:
    url = "https://contoso.blob.core.windows.net/image-trust/web.json"
    (error,) = checked(command, tmp_path, check=False, verify_proof_path=f"{url}?sig=hush", gatekeeper_replicas=0).errors
    assert "Nothing was changed. 2 reasons: (1) gatekeeper_replicas is 0" in error
    assert f"path is {url} and more, of which a part may be a secret" in error
    assert "hush" not in error
    assert azure.writes == []


def test_the_azure_policy_add_on_is_refused_before_the_issuer_is_turned_on(azure: Emulated, command: Command, play: Play, tmp_path: Path) -> None:
    assert play("aks").errors == []
    cluster = azure.state.cluster_named("lab1")
    assert cluster
    cluster.properties |= {"addonProfiles": {"azurepolicy": {"enabled": True}}, "oidcIssuerProfile": {"enabled": False}}
    azure.forget_requests()
    done = checked(command, tmp_path, check=False)
    (error,) = done.errors
    assert "Nothing was changed. The cluster has the Azure Policy add-on" in error
    assert "az aks disable-addons --addons azure-policy" in error
    assert "Azure cannot turn it off again" in done.said
    assert (azure.writes, done.changed) == ([], [])


def test_a_misspelt_variable_is_named_with_the_right_one_unless_it_is_the_inventorys_own(azure: Emulated, command: Command, tmp_path: Path) -> None:
    misspelt: dict[str, Any] = {"gatekeeper_exempt_namespace": [], "policy_owner": "platform"}
    (error,) = checked(command, tmp_path, **misspelt, preflight_own_variables=["policy_owner"]).errors
    assert "Nothing was changed. Role gatekeeper has no variable gatekeeper_exempt_namespace; the nearest name is gatekeeper_exempt_namespaces." in error
    assert azure.writes == []


def test_missing_variables_and_those_of_another_type_come_in_a_sentence_each(azure: Emulated, command: Command, tmp_path: Path) -> None:
    done = checked(command, tmp_path, without=["aks_resource_group", "identity_vaults", "verify_images"], policy_enforcement="dent", gatekeeper_replicas="many")
    (error,) = done.errors
    assert "Nothing was changed. Variable aks_resource_group is missing: Resource group of the cluster. Variable identity_vaults is missing: " in error
    assert "Variable verify_images is missing: " in error
    assert (
        "A variable of role policy has another type or value than it takes: value of policy_enforcement must be one of: deny, warn, dryrun, got: dent." in error
    )
    assert "A variable of role gatekeeper has another type or value than it takes: argument 'gatekeeper_replicas' is of type str" in error
    assert len(done.said) < 7000
    assert azure.requests == []


def test_the_least_inventory_of_the_docs_is_all_that_is_needed(azure: Emulated, command: Command, play: Play, tmp_path: Path) -> None:
    assert play("aks").errors == []
    azure.forget_requests()
    known = {"rg-web": GROUP, "contosoimages": "imagetrustlab", "contoso-signing": GROUP}
    text = re.sub("|".join(known), lambda found: known[found[0]], json.dumps(least()))
    given: dict[str, Any] = json.loads(text)
    others = json.loads(command("aks", **OF_ALL_ROLES)[0][-1]).keys() - given.keys()
    done = checked(command, tmp_path, playbook="preflight", check=False, without=[*others], **given)
    assert done.errors == []
    assert "vault image-trust-lab" in done.said
    assert "registry imagetrustlab" in done.said
    assert azure.writes == []


def test_playbook_preflight_prints_a_table_also_when_it_refuses(azure: Emulated, command: Command, play: Play, tmp_path: Path) -> None:
    assert play("aks").errors == []
    azure.forget_requests()
    accepted = checked(command, tmp_path, playbook="preflight", check=False)
    assert accepted.errors == []
    # The emulated cluster has no API server.
    assert "warn    cluster lab1    " in accepted.said
    assert "What is in the cluster is not known: " in accepted.said
    refused = checked(command, tmp_path, playbook="preflight", check=False, aks_location="westeurope")
    assert len(refused.errors) == 1
    assert "refuse  cluster lab1" in refused.said
    assert azure.writes == []


def test_a_misspelt_host_creates_no_cluster(azure: Emulated, command: Command, tmp_path: Path) -> None:
    (error,) = checked(command, tmp_path, aks_create=False).errors
    assert "There is no cluster lab1 in resource group image-trust-lab, which has no cluster" in error


@pytest.fixture
def leases(azure: Emulated, backend: Backend, play: Play, tmp_path: Path) -> Iterator[Leases]:
    """Those of lab1, which exists, and whose API server serves nothing else."""
    leases = Leases(otherwise=reading({"/apis": {"groups": []}}))
    with serving(lambda *asked: leases.answer(*asked), tmp_path / "server"):
        backend.kubeconfig_text = (tmp_path / "server").read_text()
        assert play("aks").errors == []
        azure.forget_requests()
        yield leases


def test_a_cluster_that_another_run_configures_is_refused_before_a_write_and_a_check_goes_on(
    leases: Leases, azure: Emulated, command: Command, tmp_path: Path
) -> None:
    leases.store(lease())
    (error,) = checked(command, tmp_path, check=False).errors
    assert f"Nothing was changed. Another run configures the cluster: {OTHER}, since 20" in error
    assert "kubectl --namespace kube-system delete lease image-trust" in error
    done = checked(command, tmp_path)
    # Of an API server without secrets, role gatekeeper says nothing good.
    assert [error for error in done.errors if "image_trust.azure.gatekeeper : " not in error] == []
    assert f"Another run configures the cluster: {OTHER}, since 20" in done.said
    assert (azure.writes, leases.log) == ([], [])


def test_of_two_runs_that_preflight_lets_pass_one_stops_before_anything_is_installed(leases: Leases, azure: Emulated, command: Command, tmp_path: Path) -> None:
    def other_is_faster(method: str) -> None:
        if method == "POST":
            leases.store(lease())

    leases.before = other_is_faster
    done = checked(command, tmp_path, check=False)
    (error,) = done.errors
    assert f"Let no other run configure the cluster: Another run configures the cluster: {OTHER}" in error
    assert (azure.writes, leases.log, leases.holder) == ([], [], OTHER)
    assert "Let other runs configure the cluster" not in [name.partition(":")[0] for name in done.changed]


@pytest.mark.parametrize("playbook", ["site", "teardown"])
def test_a_run_that_fails_releases_the_cluster(playbook: str, leases: Leases, command: Command, tmp_path: Path) -> None:
    held: list[str] = []

    def otherwise(_method: str, path: str, _query: str, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        held.append(leases.holder)
        return 500, {"message": "etcd is slow"}

    def from_then_on(method: str) -> None:
        if method == "POST":
            leases.otherwise = otherwise

    leases.before = from_then_on
    done = checked(command, tmp_path, playbook=playbook, check=False)
    assert done.errors
    assert [method for method, _holder in leases.log] == ["POST", "DELETE"]
    assert set(held) == {leases.log[0][1]}
    assert done.modules.count("image_trust.azure.cluster_lease") == 2
