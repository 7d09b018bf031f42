"""What the documentation says that a module returns is what it returns: the same keys in the samples, and values of the same kinds."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.azure.arm.identities import new_identity
from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import ACR_PULL
from lab.azure.state import FederatedCredential
from tests.emulated import Emulated
from tests.examples import ELSEWHERE, cluster_of_the_examples, prepare_machine
from tests.module_runs import Backend, Run
from tests.proofs import state, verdict

GROUP = {"resource_group": "image-trust-lab"}
ME = "5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11"
REGISTRY = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust-lab/providers/Microsoft.ContainerRegistry/registries/imagetrustlab"
TRUST = {"name": "lab1", "issuer": "https://issuer/lab1/", "subject": "subject"}
KUBERNETES = {"kubeconfig": ".kube/image-trust/production/web.yaml"}
GET = {"object_id": ME, "permissions": {"secrets": ["get"]}}
RUNS: list[tuple[str, dict[str, Any]]] = [
    ("aks_cluster", {**GROUP, "name": "lab1"}),
    ("aks_cluster_info", GROUP),
    ("aks_kubeconfig", {**GROUP, "cluster_name": "lab1"}),
    ("aks_kubeconfig", {**GROUP, "cluster_name": "lab1", "path": "kubeconfig"}),
    ("federated_credential", {**GROUP, "identity_name": "ratify", **TRUST}),
    ("federated_credential", {**GROUP, "identity_name": "ratify", "credentials": [TRUST]}),
    ("federated_credential_info", {**GROUP, "identity_name": "ratify"}),
    ("keyvault_access_policy", {**GROUP, "vault_name": "image-trust-lab", **GET}),
    ("keyvault_access_policy", {**GROUP, "vault_name": "image-trust-lab", "policies": [GET]}),
    ("keyvault_access_policy_info", {**GROUP, "vault_name": "image-trust-lab"}),
    ("keyvault_info", {**GROUP, "name": "image-trust-lab"}),
    ("registry_info", {**GROUP, "name": "imagetrustlab"}),
    ("role_assignment", {"scope": REGISTRY, "role": "AcrPull", "principal_id": ME}),
    ("role_assignment_info", {"scope": REGISTRY, "principal_id": ME}),
    ("user_assigned_identity", {**GROUP, "name": "ratify"}),
    ("user_assigned_identity_info", GROUP),
    (
        "admission_probe",
        {**KUBERNETES, "images": [{"image": "nginx:latest", "expect": "denied"}, {"image": "example.azurecr.io/web:1.2", "expect": "admitted"}]},
    ),
    ("cluster_objects_info", {**KUBERNETES, "groups": ["templates.gatekeeper.sh"]}),
    ("verification_info", KUBERNETES),
    ("chart_values_check", {"chart_repo_url": "https://charts.example", "chart": "c", "chart_version": "1", "values": {"replicaCount": 2}}),
    ("proof", {"cluster": "lab1", "path": "proof.json", "verification": state(), "verdicts": [verdict()]}),
    ("proof", {"cluster": "lab1", "path": "proof.json", "verification": state(), "verdicts": [verdict()], "signing_key": "keys/proof.pem"}),
    ("proof", {"cluster": "lab1"}),
]
MODULES = sorted({module for module, _ in RUNS})
BY_ANSIBLE = {"changed", "diff", "invocation", "mode", "state", "size", "owner", "group", "uid", "gid"}
"""What Ansible adds, also where a module returns a path."""
NAMED_BY_THE_USER = {"tags", "addons", "parts", "labels", "reference"}
"""Dictionaries whose keys are not ours."""


@pytest.fixture
def returned(azure: Emulated, backend: Backend, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, Any]]]:
    """By module what its runs returned, where all that can exist does."""
    monkeypatch.chdir(tmp_path)
    identity = new_identity(azure.state, "image-trust-lab", "ratify", "eastus")
    identity.credentials["lab1"] = FederatedCredential("lab1", "https://issuer/lab1/", "subject", ["api://AzureADTokenExchange"])
    vault = azure.state.vault_named("image-trust-lab")
    assert vault
    vault.properties["accessPolicies"] = [{"tenantId": azure.state.tenant, "objectId": ME, "permissions": {"secrets": ["get"]}}]
    assignment = new_assignment(azure.state, REGISTRY, ACR_PULL.guid, ME)
    assignment.properties["description"] = "Ratify reads signatures of images"
    prepare_machine(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    results: dict[str, list[dict[str, Any]]] = {module: [] for module in MODULES}
    with cluster_of_the_examples(tmp_path):
        for module, options in RUNS:
            result = run(module, **options)
            assert not result.get("failed"), result
            results[module].append({key: value for key, value in result.items() if key not in BY_ANSIBLE})
    return results


def fits(sample: Any, value: Any, where: str) -> None:
    """`sample` could be `value`: the same keys all the way down; what is null on one side may be anything on the other."""
    if isinstance(sample, dict) and isinstance(value, dict):
        if where.rpartition(".")[2] not in NAMED_BY_THE_USER:
            assert sorted(sample) == sorted(value), where
            for key in sample:
                fits(sample[key], value[key], f"{where}.{key}")
    elif isinstance(sample, list) and isinstance(value, list):
        if sample and value:
            fits(sample[0], value[0], f"{where}[]")
    elif sample is not None and value is not None:
        assert type(sample) is type(value), where


def test_the_samples_are_what_the_modules_return(returned: dict[str, list[dict[str, Any]]]) -> None:
    for module, results in returned.items():
        documented = yaml.safe_load(importlib.import_module(f"ansible_collections.image_trust.azure.plugins.modules.{module}").RETURN)
        only_of_failures = {key for key, value in documented.items() if "failure" in value["returned"]}
        assert {key for result in results for key in result} == documented.keys() - only_of_failures, module
        for result in results:
            for key, value in result.items():
                fits(documented[key]["sample"], value, f"{module} {key}")
                assert value is None or type(value).__name__ == documented[key]["type"], (module, key)


def test_every_module_is_here() -> None:
    folder = Path(importlib.import_module("ansible_collections.image_trust.azure.plugins.modules.registry_info").__file__ or "").parent
    assert {file.stem for file in folder.glob("*.py")} - ELSEWHERE == set(MODULES)
