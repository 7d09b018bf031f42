"""What is refused of a cluster as Azure describes it, and what is only reported."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._preflight.cluster_rules import of_cluster
from ansible_collections.image_trust.azure.plugins.module_utils._preflight.findings import Findings

ON: dict[str, Any] = {"enabled": True}
PROPERTIES: dict[str, Any] = {
    "provisioningState": "Succeeded",
    "powerState": {"code": "Running"},
    "currentKubernetesVersion": "1.36.4",
    "oidcIssuerProfile": ON,
    "agentPoolProfiles": [{"name": "nodepool1", "osType": "Linux"}],
    "addonProfiles": {"omsagent": ON, "azurepolicy": {"enabled": False}},
}
WINDOWS = [{"name": "win", "osType": "Windows"}, {"name": "nodepool1", "osType": "Linux"}]


def found(*, issuer: bool = True, sku: str = "Base", **properties: Any) -> list[tuple[str, str]]:
    findings = Findings()
    of_cluster(findings, "cluster lab1", {"sku": {"name": sku}, "properties": {**PROPERTIES, **properties}}, issuer=issuer)
    assert {one.about for one in findings.all} <= {"cluster lab1"}
    return [(one.level, one.text) for one in findings.all]


@pytest.mark.parametrize(
    ("properties", "level", "part"),
    [
        ({"addonProfiles": {"azurepolicy": ON}}, "refuse", "Turn it off (az aks disable-addons --addons azure-policy)"),
        ({"addonProfiles": {"azurePolicy": {**ON, "config": None}}}, "refuse", "Azure Policy add-on"),
        ({"sku": "Automatic"}, "refuse", "is AKS Automatic"),
        ({"safeguardsProfile": {"level": "Warning"}}, "refuse", "deployment safeguards (level Warning)"),
        ({"securityProfile": {"imageIntegrity": ON}}, "refuse", "--disable-image-integrity"),
        ({"provisioningState": "Deleting"}, "refuse", "is being deleted"),
        ({"powerState": {"code": "Stopped"}}, "refuse", "Start it (az aks start)"),
        ({"provisioningState": "Failed"}, "warn", "did not succeed (Failed)"),
        ({"provisioningState": "Canceled"}, "warn", "did not succeed (Canceled)"),
        ({"provisioningState": "Upgrading"}, "warn", "is being changed (Upgrading)"),
        ({"currentKubernetesVersion": "1.29.15"}, "refuse", "has Kubernetes 1.29.15, but at least 1.30 is needed"),
        ({"currentKubernetesVersion": None, "kubernetesVersion": "1.9"}, "refuse", "has Kubernetes 1.9"),
        ({"currentKubernetesVersion": "1.38.0"}, "warn", "has Kubernetes 1.38.0, but Gatekeeper and Ratify are tested here up to 1.37 only"),
        ({"currentKubernetesVersion": "2.0.0"}, "warn", "has Kubernetes 2.0.0"),
        ({"oidcIssuerProfile": {"enabled": False}}, "warn", "Azure cannot turn it off again"),
        ({"oidcIssuerProfile": None}, "warn", "will be turned on"),
        ({"agentPoolProfiles": WINDOWS}, "warn", "node pools with Windows (win)"),
    ],
)
def test_a_fault_is_found_with_its_level_and_the_remedy(properties: dict[str, Any], level: str, part: str) -> None:
    ((level_found, text),) = found(**properties)
    assert (level_found, part in text) == (level, True), text


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"issuer": False, "oidcIssuerProfile": {"enabled": False}},
        {"safeguardsProfile": {"level": "Off"}, "securityProfile": {"imageIntegrity": {"enabled": False}, "workloadIdentity": ON}},
        {"currentKubernetesVersion": "1.30.0"},
        {"currentKubernetesVersion": "1.37.99"},
        {"currentKubernetesVersion": "preview"},
        {"addonProfiles": None, "powerState": None, "agentPoolProfiles": None, "securityProfile": None},
    ],
)
def test_nothing_is_found_of_a_cluster_that_is_taken(properties: dict[str, Any]) -> None:
    assert found(**properties) == []


def test_all_faults_are_found_at_once() -> None:
    assert len(found(sku="Automatic", addonProfiles={"azurepolicy": ON}, powerState={"code": "Stopped"}, currentKubernetesVersion="1.28.0")) == 4
