"""What the documentation says that a module returns is returned by some run. That no run returns anything else, all tests of modules see, by conftest.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._arm.registries import Registry

from lab.azure.arm.identities import new_identity
from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import ACR_PULL
from lab.azure.state import FederatedCredential
from tests.support.blobs import FOLDER, new_container
from tests.support.cluster_states import CONSTRAINTS, RATIFY, VALIDATING, constraint, held, helm_record, in_vault, inline, items, pem, webhooks
from tests.support.emulated import OBJECT_ID, Emulated
from tests.support.examples import ELSEWHERE, cluster_of_the_examples, prepare_machine
from tests.support.module_runs import Backend, Run
from tests.support.proofs import ANCHOR, EXEMPTION, STATUS, state, verdict
from tests.support.return_values import Json, faults, modules, not_returned

from .discovery import RELEASE, kind

GROUP = {"resource_group": "image-trust-lab"}
ME = "5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11"
REGISTRY = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust-lab/providers/Microsoft.ContainerRegistry/registries/imagetrustlab"
TRUST = {"name": "lab1", "issuer": "https://issuer/lab1/", "subject": "subject"}
KUBERNETES = {"kubeconfig": ".kube/image-trust/production/web.yaml"}
GET = {"object_id": ME, "application_id": ME, "permissions": {"secrets": ["get"]}}
CONDITION = "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'web'"
ISSUER = {"kubernetes_version": "v1.36.4", "uid": "a2eb4051", "issuer": "https://issuer/lab1/"}
RAN = {"pulled": True, "started": False, "message": "pulled", "image_id": "nginx@sha256:1"}
SUBJECT = "C=US, ST=WA, O=Contoso, CN=contoso.io"
PROOF: dict[str, Any] = {
    "cluster": "lab1",
    "cluster_id": "/subscriptions/lab1",
    "constraint": "images-verified",
    "namespace": "default",
    "verification": state(cluster=ISSUER, anchors=[{**ANCHOR, "problem": "not read from the vault"}]),
    "verdicts": [verdict(admitted_image="nginx@sha256:1", ran=RAN)],
}
BUDGET = {"name": "web", "namespace": "web", "annotations": RELEASE, "managedFields": [{"manager": "helm"}]}
RUNS: list[tuple[str, dict[str, Any]]] = [
    ("aks_cluster", {**GROUP, "name": "lab1"}),
    ("aks_cluster", {**GROUP, "name": "lab1", "registries": [{**GROUP, "name": "imagetrustlab"}], "kubeconfig": {"path": "kubeconfig"}}),
    ("aks_cluster", {**GROUP, "name": "entra", "kubeconfig": {"path": "kubeconfig-of-entra"}}),
    ("aks_cluster_info", GROUP),
    ("aks_kubeconfig", {**GROUP, "cluster_name": "lab1"}),
    ("aks_kubeconfig", {**GROUP, "cluster_name": "lab1", "path": "kubeconfig"}),
    ("aks_kubeconfig", {**GROUP, "cluster_name": "entra"}),
    ("federated_credential", {**GROUP, "identity_name": "ratify", **TRUST}),
    ("federated_credential", {**GROUP, "identity_name": "ratify", "credentials": [TRUST]}),
    ("federated_credential_info", {**GROUP, "identity_name": "ratify"}),
    ("keyvault_access_policy", {**GROUP, "vault_name": "image-trust-lab", **GET}),
    ("keyvault_access_policy", {**GROUP, "vault_name": "image-trust-lab", "policies": [GET]}),
    ("keyvault_access_policy_info", {**GROUP, "vault_name": "image-trust-lab"}),
    ("keyvault_info", {**GROUP, "name": "image-trust-lab"}),
    ("keyvault_certificate", {**GROUP, "vault_name": "image-trust-lab", "name": "signer", "subject": SUBJECT}),
    ("keyvault_certificate", {**GROUP, "vault_name": "image-trust-lab", "name": "renewed", "subject": SUBJECT, "curve": "P-256", "auto_renew": True}),
    ("keyvault_certificate", {**GROUP, "vault_name": "image-trust-lab", "name": "by-days"}),
    ("keyvault_certificate", {**GROUP, "vault_name": "image-trust-lab", "name": "disabled", "subject": SUBJECT, "enabled": False}),
    *(("keyvault_certificate_info", {**GROUP, "vault_name": "image-trust-lab", "name": name}) for name in ("signer", "renewed", "by-days", "disabled")),
    ("registry_info", {**GROUP, "name": "imagetrustlab"}),
    ("role_assignment", {"scope": REGISTRY, "role": "AcrPull", "principal_id": ME, "condition": CONDITION}),
    ("role_assignment_info", {"scope": REGISTRY, "principal_id": ME}),
    ("user_assigned_identity", {**GROUP, "name": "ratify"}),
    (
        "workload_identity",
        {
            **GROUP,
            "name": "workload",
            "federated_credentials": [TRUST],
            "registries": [{**GROUP, "name": "imagetrustlab"}],
            "vaults": [{**GROUP, "name": "image-trust-lab"}],
            "except_identities": [],
        },
    ),
    ("preflight", {"findings": {"role aks": []}, "cluster": {**GROUP, "name": "lab1"}, "identity": {**GROUP, "name": "workload"}}),
    ("user_assigned_identity_info", GROUP),
    (
        "admission_probe",
        {**KUBERNETES, "images": [{"image": "nginx:latest", "expect": "denied"}, {"image": "example.azurecr.io/web:1.2", "expect": "admitted"}]},
    ),
    ("admission_probe", {"kubeconfig": "of-no-cluster", "check": True, "images": [{"image": "nginx:latest", "expect": "denied"}], "shapes": ["container"]}),
    ("cluster_objects_info", {**KUBERNETES, "groups": ["policy"]}),
    ("gatekeeper_info", {**KUBERNETES, "chart_version": "3.23.1", "exempt_namespaces": [{"name": "kube-system", "reason": "starts nodes"}]}),
    ("ratify_info", {**KUBERNETES, "chart_version": "1.15.7"}),
    ("helm_release_recovery", {**KUBERNETES, "name": "gatekeeper", "namespace": "gatekeeper-system"}),
    ("verification_info", KUBERNETES),
    ("chart_values_check", {"chart_repo_url": "https://charts.example", "chart": "c", "chart_version": "1", "values": {"replicaCount": 2}}),
    ("proof", PROOF),
    ("proof", {**PROOF, "signing_key": "~/keys/proof.pem"}),
    ("proof", {**PROOF, "verification": state(policy={**state()["policy"], "failure_policy": "Ignore", "failure_policy_reason": "a test cluster"})}),
    ("proof", {**PROOF, "verification": state(statuses=[{**STATUS, "refresh_interval": "1h", "older": [{"pod": "gatekeeper-1", "generation": 1}]}])}),
    ("proof", {"cluster": "lab1"}),
    ("storage_blob", {"url": f"{FOLDER}/web.json", "content": "{}"}),
    ("storage_blob", {"url": f"{FOLDER}/web.json", "state": "absent"}),
]
OUTDATED = constraint(exemptions=[EXEMPTION])
OUTDATED["metadata"] |= {"generation": 2, "creationTimestamp": "2026-11-24T08:00:00Z"}
OUTDATED["status"] = {"byPod": [{"id": "gatekeeper-1", "enforced": True, "observedGeneration": 1}]}
REFRESHED = in_vault([held()])
REFRESHED["spec"]["refreshInterval"] = "1h"
REFRESHED["status"]["lastfetchedtime"] = "2026-11-24T11:51:18Z"
OF_THE_CLUSTER = {
    f"{RATIFY}/keymanagementproviders": items(REFRESHED, inline("inline", pem("contoso"))),
    CONSTRAINTS: items(OUTDATED),
    VALIDATING: items(webhooks(failurePolicy="Ignore")),
    f"{VALIDATING}/gatekeeper-validating-webhook-configuration": webhooks(failurePolicy="Fail"),
    "/api/v1/namespaces/gatekeeper-system/secrets?labelSelector=owner=helm,name=ratify": items(
        helm_record("ratify", "gatekeeper-system", 1, "deployed", "1.15.7", {})
    ),
    "/apis/apps/v1/replicasets": items(
        *({"metadata": {"namespace": "shop", "name": f"web-{each}", "ownerReferences": [{"kind": "Deployment", "name": "web"}]}} for each in range(137))
    ),
    "/apis/apps/v1/namespaces/shop/deployments/web": {"status": {"collisionCount": 136}},
    "/apis": {
        "groups": [{"name": each.partition("/")[0], "preferredVersion": {"groupVersion": each}} for each in ("policy/v1", RATIFY.removeprefix("/apis/"))]
    },
    RATIFY: {"resources": [kind("Store", "stores", namespaced=False)]},
    f"{RATIFY}/stores": items({"metadata": {"name": "store-oras", "annotations": {"helm.sh/hook": "post-install"}}, "spec": {}, "status": {}}),
    "/apis/policy/v1": {"resources": [kind("PodDisruptionBudget", "poddisruptionbudgets", namespaced=True)]},
    "/apis/policy/v1/poddisruptionbudgets": items({"metadata": BUDGET}),
}
"""What it has beside that with which all is well."""
MODULES = sorted({module for module, _ in RUNS})


@pytest.fixture
def returned(azure: Emulated, backend: Backend, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, Any]]]:
    """By module what its runs returned, where all that can exist does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    identity = new_identity(azure.state, "image-trust-lab", "ratify", "eastus")
    identity.credentials["lab1"] = FederatedCredential("lab1", "https://issuer/lab1/", "subject", ["api://AzureADTokenExchange"])
    vault = azure.state.vault_named("image-trust-lab")
    assert vault
    vault.registered_at, azure.state.settings.operation_delay = 0, 0
    policy = {"tenantId": azure.state.tenant, "objectId": ME, "applicationId": ME, "permissions": {"secrets": ["get"]}}
    of_certificates = {"tenantId": azure.state.tenant, "objectId": OBJECT_ID, "permissions": {"certificates": ["get", "list", "create", "update"]}}
    vault.properties["accessPolicies"] = [policy, of_certificates]
    assignment = new_assignment(azure.state, REGISTRY, ACR_PULL.guid, ME)
    assignment.properties |= {"description": "Ratify reads signatures of images", "condition": CONDITION, "conditionVersion": "2.0"}
    backend.kubeconfig_text = yaml.safe_dump({"clusters": [{"name": "entra", "cluster": {"server": "https://entra"}}]})
    run("aks_cluster", **GROUP, name="entra")
    entra = azure.state.cluster_named("entra")
    assert entra
    entra.properties |= {"disableLocalAccounts": True, "aadProfile": {"managed": True, "tenantID": azure.state.tenant}}
    prepare_machine(tmp_path)
    new_container(azure, "image-trust-lab")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    results: dict[str, list[dict[str, Any]]] = {module: [] for module in MODULES}
    with cluster_of_the_examples(tmp_path, OF_THE_CLUSTER):
        for variable, value in azure.public.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        run("keyvault_certificate", **GROUP, vault_name="image-trust-lab", name="by-days", subject=SUBJECT)
        renewal = {"trigger": {"days_before_expiry": 30}, "action": {"action_type": "AutoRenew"}}
        vault.certificate_states["by-days"].policy["lifetime_actions"] = [renewal]
        for module, options in RUNS:
            result = run(module, **(options | {"path": str(tmp_path / "proof.json")} if module == "proof" else options))
            assert not result.get("failed"), result
            results[module].append(result)
    return results


def test_all_that_is_documented_is_returned_by_some_run(returned: dict[str, list[dict[str, Any]]]) -> None:
    for module, results in returned.items():
        assert not_returned(module, *results) == set()


def test_every_module_is_here() -> None:
    assert set(modules()) - ELSEWHERE ^ set(MODULES) == set(), "put it into RUNS, with options by which it returns all that it can"


def test_a_run_of_a_module_that_returns_what_is_not_documented_fails_its_test(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Registry.shown
    monkeypatch.setattr(Registry, "shown", lambda self: {**shown(self), "color": "red"})
    with pytest.raises(AssertionError, match="registry_info registry color is returned and not documented"):
        run("registry_info", **GROUP, name="imagetrustlab")


SAID = {
    "name": {"description": "Name.", "type": "str", "returned": "always"},
    "ends": {"description": "Its end; null where there is none.", "type": "int", "returned": "when it is asked"},
    "all": {"description": "All.", "type": "list", "elements": "dict", "returned": "always", "contains": {}},
}


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        ({"name": "a", "ends": None, "all": []}, []),
        ({"name": "a", "all": [{}]}, []),
        ({"name": "a"}, ["it all is documented and not returned"]),
        ({"name": None, "all": []}, ["it name is null, of which its description says nothing"]),
        ({"name": "a", "ends": True, "all": []}, ["it ends is documented as int and is bool"]),
        ({"name": "a", "all": [None, "b"]}, ["it all[] is null, of which its description says nothing", "it all[] is documented as dict and is str"]),
        ({"name": "a", "all": [{"more": 1}]}, ["it all[] more is returned and not documented"]),
    ],
)
def test_what_is_not_as_it_is_documented_is_reported(returned: Json, found: list[str]) -> None:
    assert list(faults(SAID, returned, "it")) == found
