"""The examples of the modules' documentation as one play, and the subscription that they are about."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lab.azure.arm.groups import new_group
from lab.azure.arm.registries import new_registry
from lab.azure.arm.vaults import new_vault
from lab.azure.keyvault import keys
from lab.azure.state import Secret, SecretVersion, ServicePrincipal, guid
from tests.support import blobs
from tests.support.cluster_states import cluster, helm_record, pem
from tests.support.emulated import OBJECT_ID, Emulated
from tests.support.kubernetes_api import Cluster, denied, reading, serving

IN_ORDER = (
    "registry_info",
    "keyvault_info",
    "aks_cluster",
    "aks_kubeconfig",
    "user_assigned_identity",
    "federated_credential",
    "keyvault_access_policy",
    "role_assignment",
    "workload_identity",
    "preflight",
    "aks_cluster_info",
    "user_assigned_identity_info",
    "federated_credential_info",
    "keyvault_access_policy_info",
    "keyvault_certificate",
    "keyvault_certificate_info",
    "role_assignment_info",
    "chart_values_check",
    "cluster_objects_info",
    "gatekeeper_info",
    "ratify_info",
    "helm_release_recovery",
    "verification_info",
    "admission_probe",
    "proof",
    "storage_blob",
)


ELSEWHERE = {"admission_forecast", "cluster_lease", "exact_objects", "gatekeeper_readiness", "proof_report", "ratify_readiness", "ratify_trial"} | {
    "image_signature",
    "image_signature_info",
    "registry_images_info",
    "signature_forecast",
}
"""Modules whose examples and return values have tests of their own: by clusters with workloads and ones that store what is written, in tests/report, and with a
registry of images."""
PULLS = "5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11"
"""The principal of role_assignment's examples."""


def examples() -> list[dict[str, Any]]:
    """The tasks, those that take away at the end."""
    tasks = []
    for name in IN_ORDER:
        module = importlib.import_module(f"ansible_collections.image_trust.azure.plugins.modules.{name}")
        tasks += yaml.safe_load(module.EXAMPLES)
    return sorted(tasks, key=lambda task: any(isinstance(value, dict) and value.get("state") == "absent" for value in task.values()))


def prepare(azure: Emulated) -> None:
    """The objects before the examples run."""
    group = new_group(azure.state.subscription, "image-trust", "eastus")
    azure.state.resource_groups[group["id"].lower()] = group
    application = ServicePrincipal(client_id=guid(), object_id=PULLS, name="pulls", secret="")
    azure.state.service_principals[application.client_id] = application
    azure.state.registries.clear()
    azure.state.vaults.clear()
    new_registry(azure.state, "image-trust", "imagetrustlab", "eastus")
    properties = {"tenantId": azure.state.tenant, "sku": {"family": "A", "name": "standard"}}
    vault = new_vault(azure.state, "image-trust", "image-trust-lab", "eastus", properties)
    vault.registered_at = 0
    keys.add(vault, "proof", ec.generate_private_key(ec.SECP256R1()))
    vault.secrets["contoso-release"] = Secret("1", {"1": SecretVersion(pem("contoso-release"), "application/x-pem-file", 0)})
    vault.certificates.append("contoso-release")
    blobs.new_container(azure, "image-trust")
    permissions = {"keys": ["get", "sign"], "certificates": ["get", "list", "create", "update"]}
    vault.properties["accessPolicies"] = [{"tenantId": azure.state.tenant, "objectId": OBJECT_ID, "permissions": permissions}]


HELM = "#!/bin/sh\nprintf 'replicaCount: 1\\nresources:\\n  limits: {}\\n'\n"
"""A stand-in for helm that knows one chart."""


def prepare_machine(home: Path) -> None:
    """Programs and keys that the examples need, below their HOME."""
    for folder in ("bin", "keys", "proofs", ".kube/image-trust/production"):
        (home / folder).mkdir(parents=True)
    (home / "bin/helm").write_text(HELM)
    (home / "bin/helm").chmod(0o755)
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (home / "keys/proof.pem").write_bytes(key)
    (home / "keys/proof.pem").chmod(0o600)


@contextmanager
def cluster_of_the_examples(home: Path, more: Mapping[str, Any] | None = None) -> Iterator[None]:
    """The API server that their kubeconfig names: everything is well, and nginx is denied. `more` are other answers of it, by path."""
    denial = denied("[images-verified] image docker.io/library/nginx@sha256:1 is not verified: it has no signature (No verification results)")
    pods = Cluster(lambda image: denial if image == "nginx:latest" else None)
    records = {"items": [helm_record("gatekeeper", "gatekeeper-system", 2, "deployed", "3.23.1", {"replicas": 3})]}
    helm = {"/api/v1/namespaces/gatekeeper-system/secrets?labelSelector=owner=helm,name=gatekeeper": records}
    answers = {**cluster(), **helm, "/apis": {"groups": []}, **(more or {})}
    with serving(reading(answers, pods.answer), home / ".kube/image-trust/production/web.yaml"):
        yield
