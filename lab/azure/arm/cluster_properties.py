"""What a managed cluster is after a request that creates or changes it: https://learn.microsoft.com/rest/api/aks/managed-clusters/create-or-update"""

from __future__ import annotations

import re
from typing import Any

from lab.azure.arm import agent_pools, cluster_identity, cluster_users
from lab.azure.arm.errors import ArmError, bad_request
from lab.azure.arm.gateway import Call
from lab.azure.context import Azure, blocking
from lab.azure.state import ManagedCluster, guid
from lab.errors import LabError

NAMESPACE = "Microsoft.ContainerService"
PATH_TYPE = f"{NAMESPACE}/managedClusters"
ISSUER_IS_DEFAULT_FROM = (1, 34)
"""New clusters of this Kubernetes version have the OIDC issuer on unless the request says otherwise."""


def enabled(properties: dict[str, Any], *path: str) -> bool | None:
    """The flag `enabled` below `path`; None when the request does not say."""
    value: Any = properties
    for step in (*path, "enabled"):
        value = value.get(step) if isinstance(value, dict) else None
    return None if value is None else bool(value)


async def created(call: Call) -> ManagedCluster:
    """The cluster that the request asks for, with Azure's defaults. Raises `ArmError` where Azure refuses."""
    azure, name, group, sent = call.azure, call["name"], call["group"], call.properties()
    if not re.fullmatch(r"[a-zA-Z0-9]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?", name):
        message = (
            "The value of parameter name is invalid. Error details: it has 1 to 63 letters, digits, '-' and '_', and starts and ends with a letter or digit."
        )
        raise bad_request(message, "InvalidParameter")
    if azure.state.cluster_named(name):
        raise ArmError(409, "NodeInUse", f"The lab has one node '{name}', and it is a managed cluster of another resource group already.")
    location = call.location()
    for required in ("agentPoolProfiles", "dnsPrefix"):
        if not sent.get(required):
            raise bad_request(f"Required parameter {required} is missing (null).", "InvalidParameter")
    if not re.fullmatch(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,52}[a-zA-Z0-9])?", str(sent["dnsPrefix"])):
        rules = "Please see https://aka.ms/aks-naming-rules for more details."
        raise bad_request(
            f"The value of parameter dnsPrefix is invalid. Error details: DNS prefix '{sent['dnsPrefix']}' is invalid. "
            f"DNS prefix must contain between 1 and 54 characters. {rules}. {rules}",
            "InvalidParameter",
        )
    identity = cluster_identity.wanted(call, {})
    if not identity and not sent.get("servicePrincipalProfile"):
        raise bad_request("Required parameter servicePrincipalProfile is missing (null).", "InvalidParameter")
    version = await _version(azure, name, sent)
    pools = [agent_pools.new_pool(pool, version) for pool in sent["agentPoolProfiles"]]
    agent_pools.check(pools, location)
    oidc = enabled(sent, "oidcIssuerProfile")
    if oidc is None:
        oidc = tuple(map(int, version.split(".")[:2])) >= ISSUER_IS_DEFAULT_FROM
    if enabled(sent, "securityProfile", "workloadIdentity") and not oidc:
        raise _workload_identity_needs_issuer()
    try:
        issuer = await blocking(azure.backend.issuer, name)
    except LabError as error:
        raise bad_request(f"The value of parameter name is invalid. Error details: {error}", "InvalidParameter") from error
    if call.key in azure.state.clusters:
        raise ArmError(409, "Conflict", f"The managed cluster '{name}' is being created by another request.")
    fqdn = f"{sent['dnsPrefix']}-{guid()[:8]}"
    properties: dict[str, Any] = {
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "kubernetesVersion": version,
        "currentKubernetesVersion": version,
        "dnsPrefix": sent["dnsPrefix"],
        "fqdn": f"{fqdn}.hcp.{location}.azmk8s.io",
        "azurePortalFQDN": f"{fqdn}.portal.hcp.{location}.azmk8s.io",
        "agentPoolProfiles": pools,
        "servicePrincipalProfile": {"clientId": (sent.get("servicePrincipalProfile") or {}).get("clientId", "msi")},
        "nodeResourceGroup": sent.get("nodeResourceGroup") or f"MC_{group}_{name}_{location}"[:80],
        "enableRBAC": sent.get("enableRBAC", True),
        "supportPlan": "KubernetesOfficial",
        "networkProfile": _network(sent.get("networkProfile") or {}),
        "maxAgentPools": 100,
        "disableLocalAccounts": sent.get("disableLocalAccounts", False),
        "securityProfile": {},
        "storageProfile": {"diskCSIDriver": {"enabled": True}, "fileCSIDriver": {"enabled": True}, "snapshotController": {"enabled": True}},
        "oidcIssuerProfile": {"enabled": True, "issuerURL": issuer} if oidc else {"enabled": False},
        "workloadAutoScalerProfile": {},
    }
    entra = cluster_users.profile(azure, None, sent.get("aadProfile"))
    properties |= {"aadProfile": entra} if entra else {}
    asked = {key: value for key, value in sent.items() if value not in (None, {}) and key not in (*properties, "identityProfile")}
    given = {key: sent[key] for key in ("securityProfile", "storageProfile") if sent.get(key)}
    return ManagedCluster(
        id=f"/subscriptions/{call['subscription']}/resourcegroups/{group}/providers/{PATH_TYPE}/{name}",
        name=name,
        location=location,
        tags=call.tags(),
        properties=_merged(_merged(properties, asked), given),
        identity=identity,
        sku={"name": "Base", "tier": "Free"} | (call.body.get("sku") or {}),
    )


async def _version(azure: Azure, name: str, sent: dict[str, Any]) -> str:
    """The Kubernetes version, full; the lab has one. Raises `ArmError` when another is asked for."""
    has = await blocking(azure.backend.kubernetes_version, name)
    wanted = sent.get("kubernetesVersion") or has
    if has != wanted and not has.startswith(wanted + "."):
        raise bad_request(
            f"Managed cluster {name} is on version {wanted}, which is not supported in this region. Please use [az aks get-versions] "
            "command to get the supported "
            "version list in this region.",
            "K8sVersionNotSupported",
        )
    return has


def _network(sent: dict[str, Any]) -> dict[str, Any]:
    """The network profile with Azure's defaults. What the lab's nodes really use is reported by Kubernetes only."""
    said = {key: value for key, value in sent.items() if value is not None}
    overlay = {"networkPlugin": "azure", "networkPluginMode": "overlay"} if "networkPlugin" not in said else {}
    pods, services = said.get("podCidr", "10.244.0.0/16"), said.get("serviceCidr", "10.0.0.0/16")
    defaults: dict[str, Any] = {
        "loadBalancerSku": "standard",
        "loadBalancerProfile": {"managedOutboundIPs": {"count": 1}},
        "podCidr": pods,
        "serviceCidr": services,
        "dnsServiceIP": "10.0.0.10",
        "outboundType": "loadBalancer",
        "podCidrs": [pods],
        "serviceCidrs": [services],
        "ipFamilies": ["IPv4"],
    }
    return {**defaults, **overlay, **said}


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`old` with what `new` says; what it does not say (or says null) stays."""
    result = dict(old)
    for key, value in new.items():
        if value is not None:
            result[key] = _merged(old[key], value) if isinstance(value, dict) and isinstance(old.get(key), dict) else value
    return result


def _workload_identity_needs_issuer() -> ArmError:
    return bad_request("Enabling workload identity requires enabling OIDC issuer.", "OIDCIssuerRequiredForWorkloadIdentity")


async def changed(call: Call, existing: ManagedCluster) -> ManagedCluster:
    """The cluster after an update; what the request does not mention stays. Raises `ArmError` where Azure refuses."""
    location, sent = call.location(existing.location), call.properties()
    properties = existing.properties
    for fixed in ("dnsPrefix", "nodeResourceGroup"):
        if sent.get(fixed) not in (None, properties[fixed]):
            raise bad_request(f"Changing property 'properties.{fixed}' is not allowed.", "PropertyChangeNotAllowed")
    asked_version = sent.get("kubernetesVersion")
    if asked_version and asked_version != properties["kubernetesVersion"] and not properties["kubernetesVersion"].startswith(asked_version + "."):
        raise bad_request(f"Upgrading to {asked_version} is not supported: the lab has one version.", "K8sVersionNotSupported")
    oidc = enabled(sent, "oidcIssuerProfile")
    if oidc is False and enabled(properties, "oidcIssuerProfile"):
        raise bad_request("OIDC issuer feature cannot be disabled.", "OIDCIssuerFeatureCannotBeDisabled")
    if enabled(sent, "securityProfile", "workloadIdentity") and not (oidc or enabled(properties, "oidcIssuerProfile")):
        raise _workload_identity_needs_issuer()
    read_only = (
        "servicePrincipalProfile",
        "provisioningState",
        "powerState",
        "fqdn",
        "azurePortalFQDN",
        "identityProfile",
        "kubernetesVersion",
        "currentKubernetesVersion",
        "agentPoolProfiles",
    )
    merged = _merged(properties, {key: value for key, value in sent.items() if key not in read_only})
    entra = cluster_users.profile(call.azure, properties.get("aadProfile"), sent.get("aadProfile"))
    merged |= {"aadProfile": entra} if entra else {}
    if oidc:
        merged["oidcIssuerProfile"] = {"enabled": True, "issuerURL": await blocking(call.azure.backend.issuer, existing.name)}
    pools = {pool["name"]: pool for pool in properties["agentPoolProfiles"]}
    for pool in sent.get("agentPoolProfiles") or []:
        name = pool.get("name")
        pools[name] = _merged(pools[name], pool) if name in pools else agent_pools.new_pool(pool, properties["kubernetesVersion"])
    agent_pools.check(list(pools.values()), location)
    merged |= {"agentPoolProfiles": list(pools.values()), "provisioningState": "Updating"}
    identity, sku = cluster_identity.wanted(call, existing.identity), existing.sku | (call.body.get("sku") or {})
    return ManagedCluster(existing.id, existing.name, location, call.tags(existing.tags), merged, identity, sku)
