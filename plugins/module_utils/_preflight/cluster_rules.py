# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is refused of a managed cluster before anything is written. Private to the collection. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._installed.gatekeeper import azure_policy
from .findings import Findings

Json = Mapping[str, Any]

OLDEST_KUBERNETES = (1, 30)
"""The first version with ValidatingAdmissionPolicy and matchConditions in v1:
https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/"""
NEWEST_KUBERNETES = (1, 37)
"""The newest version with which the roles' Gatekeeper and Ratify are tested (docs/releases.md)."""
SETTLED = ("Succeeded", "Failed", "Canceled")


def of_cluster(found: Findings, about: str, cluster: Json, *, issuer: bool) -> None:
    """Apply all rules to the cluster as Resource Manager describes it. `issuer`: whether its OIDC issuer has to be on.

    https://learn.microsoft.com/rest/api/aks/managed-clusters/get
    """
    properties: Json = cluster["properties"]
    _of_azure_policy(found, about, cluster, properties)
    _of_state(found, about, properties)
    _of_version(found, about, properties)
    if issuer and not (properties.get("oidcIssuerProfile") or {}).get("enabled"):
        found.warn("The cluster's OIDC issuer is off and will be turned on. Azure cannot turn it off again.", about)
    windows = [str(pool["name"]) for pool in properties.get("agentPoolProfiles") or () if pool.get("osType") == "Windows"]
    if windows:
        found.warn(
            f"The cluster has node pools with Windows ({', '.join(windows)}). Gatekeeper and Ratify run on its Linux nodes and verify Windows images too.",
            about,
        )


def _of_azure_policy(found: Findings, about: str, cluster: Json, properties: Json) -> None:
    """Whatever runs Azure Policy's own Gatekeeper."""
    addons = {name.lower(): profile for name, profile in (properties.get("addonProfiles") or {}).items()}
    for sentence in azure_policy(addon=bool((addons.get("azurepolicy") or {}).get("enabled"))):
        found.refuse(sentence, about)
    if str((cluster.get("sku") or {}).get("name")).lower() == "automatic":
        found.refuse("The cluster is AKS Automatic, which always runs Azure Policy's own Gatekeeper. Name a cluster of AKS Standard.", about)
    level = (properties.get("safeguardsProfile") or {}).get("level") or "Off"
    if level.lower() != "off":
        found.refuse(
            f"The cluster has deployment safeguards (level {level}), which Azure Policy's own Gatekeeper enforces. "
            "Turn them off (az aks safeguards delete) before Gatekeeper is installed here.",
            about,
        )
    if ((properties.get("securityProfile") or {}).get("imageIntegrity") or {}).get("enabled"):
        found.refuse(
            "The cluster has Image Integrity, which installs Ratify and Azure Policy's own Gatekeeper. "
            "Turn it off (az aks update --disable-image-integrity) before they are installed here.",
            about,
        )


def _of_state(found: Findings, about: str, properties: Json) -> None:
    state = str(properties.get("provisioningState"))
    if state == "Deleting":
        found.refuse("The cluster is being deleted. Name another one, or wait until it is gone and set aks_create.", about)
    elif (properties.get("powerState") or {}).get("code") == "Stopped":
        found.refuse("The cluster is stopped. Start it (az aks start).", about)
    elif state in ("Failed", "Canceled"):
        found.warn(f"The last change of the cluster did not succeed ({state}). It is written again as it is.", about)
    elif state not in SETTLED:
        found.warn(f"The cluster is being changed ({state}). The role aks waits until that has finished.", about)


def _of_version(found: Findings, about: str, properties: Json) -> None:
    version = str(properties.get("currentKubernetesVersion") or properties.get("kubernetesVersion") or "")
    numbers = re.match(r"(\d+)\.(\d+)", version)
    minor = (int(numbers[1]), int(numbers[2])) if numbers else OLDEST_KUBERNETES
    oldest, newest = (".".join(map(str, known)) for known in (OLDEST_KUBERNETES, NEWEST_KUBERNETES))
    if minor < OLDEST_KUBERNETES:
        found.refuse(f"The cluster has Kubernetes {version}, but at least {oldest} is needed. Upgrade it (az aks upgrade).", about)
    if minor > NEWEST_KUBERNETES:
        found.warn(
            f"The cluster has Kubernetes {version}, but Gatekeeper and Ratify are tested here up to {newest} only. Try them on such a cluster of tests first.",
            about,
        )
