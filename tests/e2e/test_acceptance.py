"""The acceptance list of the design: each thing that a person types today, found done by asking Azure and the cluster."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml

from lab.clusters import cluster
from lab.config import CA_CERTIFICATE, CERTIFICATE, EXPIRED_CERTIFICATE, OTHER_REPOSITORY, REGISTRY, REPOSITORY, TENANT, VAULT

from .conftest import Lab, Run
from .objects import ACR_PULL, CLUSTER_PATH, IDENTITY_PATH, REGISTRY_PATH, VAULT_PATH, identity

NAMESPACE = "gatekeeper-system"


def pulling_principals(lab: Lab) -> set[str]:
    listed = lab.arm("GET", f"{REGISTRY_PATH}/providers/Microsoft.Authorization/roleAssignments", "2022-04-01")["value"]
    return {a["properties"]["principalId"] for a in listed if a["properties"]["roleDefinitionId"].endswith(ACR_PULL)}


def only(kube: Any, api_version: str, kind: str, name: str, namespace: str | None = None) -> Any:
    return kube.resources.get(api_version=api_version, kind=kind).get(name=name, namespace=namespace)


def kubeconfig() -> Path:
    """What role aks wrote, as inventories/lab says."""
    from lab.config import home

    return home() / "kubeconfigs" / "lab1.yaml"


def test_row_1_the_cluster_has_issuer_and_workload_identity_and_its_registry_attached(lab: Lab, site: Run) -> None:
    properties = lab.arm("GET", CLUSTER_PATH, "2024-09-01")["properties"]
    assert properties["oidcIssuerProfile"]["enabled"] is True
    assert properties["securityProfile"]["workloadIdentity"]["enabled"] is True
    assert properties["identityProfile"]["kubeletidentity"]["objectId"] in pulling_principals(lab)


def test_row_2_the_credentials_are_in_a_file_of_their_own_that_only_the_owner_reads(site: Run) -> None:
    assert stat.S_IMODE(kubeconfig().stat().st_mode) == 0o600
    assert yaml.safe_load(kubeconfig().read_text())["clusters"][0]["cluster"]["server"].startswith("https://127.0.0.1:")
    assert not Path("~/.kube/config").expanduser().exists() or "lab1" not in Path("~/.kube/config").expanduser().read_text()


def test_rows_3_and_6_the_identity_trusts_exactly_the_issuer_of_the_cluster_for_ratifys_service_account(lab: Lab, site: Run) -> None:
    trusted = lab.arm("GET", f"{IDENTITY_PATH}/federatedIdentityCredentials", "2024-11-30")["value"]
    assert [(c["properties"]["issuer"], c["properties"]["subject"]) for c in trusted] == [
        (cluster("lab1").issuer, f"system:serviceaccount:{NAMESPACE}:ratify-admin")
    ]


def test_rows_4_and_5_the_identity_exists_and_may_pull(lab: Lab, site: Run) -> None:
    assert identity(lab)["principalId"] in pulling_principals(lab)


def test_row_7_the_identity_may_get_secrets_and_nothing_else(lab: Lab, site: Run) -> None:
    policies = lab.arm("GET", VAULT_PATH, "2026-02-01")["properties"]["accessPolicies"]
    mine = [p["permissions"] for p in policies if p["objectId"] == identity(lab)["principalId"]]
    assert [{kind: [p.lower() for p in given] for kind, given in permissions.items() if given} for permissions in mine] == [{"secrets": ["get"]}]


def test_row_8_gatekeeper_serves_with_external_data_and_the_time_limits(kube: Any) -> None:
    validating = only(kube, "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "gatekeeper-validating-webhook-configuration")
    mutating = only(kube, "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "gatekeeper-mutating-webhook-configuration")
    assert {hook.name: hook.timeoutSeconds for hook in validating.webhooks}["validation.gatekeeper.sh"] == 5
    assert [hook.timeoutSeconds for hook in mutating.webhooks] == [10], "longer than by hand, for a burst of pods by tag"
    deployment = only(kube, "apps/v1", "Deployment", "gatekeeper-controller-manager", NAMESPACE)
    assert "--enable-external-data=true" in deployment.spec.template.spec.containers[0].args
    assert deployment.status.readyReplicas == deployment.spec.replicas


def test_rows_9_and_10_ratify_reads_the_certificate_of_the_vault_as_the_identity(lab: Lab, kube: Any) -> None:
    provider = only(kube, "config.ratify.deislabs.io/v1beta1", "KeyManagementProvider", "kmprovider-akv")
    uri = lab.arm("GET", VAULT_PATH, "2026-02-01")["properties"]["vaultUri"]
    assert provider.status.issuccess is True
    assert provider.spec.parameters.vaultURI.rstrip("/") == uri.rstrip("/") == f"https://{VAULT}.vault.azure.net"
    assert [c["name"] for c in provider.spec.parameters.certificates] == [CERTIFICATE, EXPIRED_CERTIFICATE, CA_CERTIFICATE]
    assert (provider.spec.parameters.tenantID, provider.spec.parameters.clientID) == (TENANT, identity(lab)["clientId"])
    secret = only(kube, "v1", "Secret", "ratify-tls", NAMESPACE)
    external = only(kube, "externaldata.gatekeeper.sh/v1beta1", "Provider", "ratify-provider")
    assert base64.b64decode(external.spec.caBundle).strip() == base64.b64decode(secret.data["ca.crt"]).strip()


def test_row_11_the_template_is_loaded_on_every_pod_of_gatekeeper(kube: Any) -> None:
    template = only(kube, "templates.gatekeeper.sh/v1", "ConstraintTemplate", "imagesverified")
    assert template.status.created is True
    assert {pod.observedGeneration for pod in template.status.byPod} == {template.metadata.generation}


def test_row_12_every_pod_of_the_webhook_enforces_the_constraint(kube: Any) -> None:
    constraint = only(kube, "constraints.gatekeeper.sh/v1beta1", "ImagesVerified", "images-verified")
    webhooks = [pod for pod in constraint.status.byPod if "webhook" in pod.operations]
    assert len(webhooks) == only(kube, "apps/v1", "Deployment", "gatekeeper-controller-manager", NAMESPACE).spec.replicas
    assert all(pod.enforced and pod.observedGeneration == constraint.metadata.generation for pod in webhooks)
    assert constraint.spec.enforcementAction == "deny"


def pod(image: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "acceptance", "namespace": "default"},
        "spec": {"containers": [{"name": "it", "image": image}], "terminationGracePeriodSeconds": 0},
    }


UNTRUSTED = [f"{REPOSITORY}:unsigned", f"{REPOSITORY}:other-signer", f"{REPOSITORY}:moved-tag", f"{REPOSITORY}:expired", f"{OTHER_REPOSITORY}:revoked"]


@pytest.mark.parametrize("image", ["nginx:latest", *(f"{REGISTRY}.azurecr.io/{name}" for name in UNTRUSTED)])
def test_row_13_an_image_without_a_trusted_signature_is_denied_with_the_reason(kube: Any, image: str) -> None:
    with pytest.raises(kubernetes.client.ApiException) as refusal:
        kube.resources.get(api_version="v1", kind="Pod").create(body=pod(image), namespace="default")
    message = json.loads(refusal.value.body or "{}")["message"]
    assert refusal.value.status == 403
    assert message.startswith('admission webhook "validation.gatekeeper.sh" denied the request: [images-verified] image ')
    assert "is not verified: " in message
    assert "@sha256:" in message


def test_row_14_a_signed_image_is_admitted_pulled_from_the_registry_and_runs(kube: Any) -> None:
    pods = kube.resources.get(api_version="v1", kind="Pod")
    body = pod(f"{REGISTRY}.azurecr.io/{REPOSITORY}:signed")
    body["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    pods.create(body=body, namespace="default")
    try:
        for event in pods.watch(namespace="default", name="acceptance", timeout=60):
            if event["object"].status.phase == "Running":
                break
        else:
            pytest.fail("the signed image did not run within 60 s")
        events = kube.resources.get(api_version="v1", kind="Event").get(namespace="default", field_selector="involvedObject.name=acceptance").items
        assert any("Successfully pulled image" in event.message for event in events)
    finally:
        pods.delete(name="acceptance", namespace="default")
