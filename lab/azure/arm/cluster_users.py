"""Who may use the Kubernetes API of a managed cluster, and the kubeconfigs that AKS answers.

https://learn.microsoft.com/azure/aks/enable-authentication-microsoft-entra-id, https://learn.microsoft.com/azure/aks/manage-local-accounts-managed-azure-ad
"""

from __future__ import annotations

import base64
import re
from typing import Any

import yaml
from starlette.responses import Response

from lab.azure.arm.errors import ArmError, bad_request
from lab.azure.arm.gateway import Call, answer
from lab.azure.context import Azure, blocking
from lab.azure.state import ManagedCluster, guid
from lab.config import AKS_SERVER

KUBELOGIN_CLIENT = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
"""Client id of the public application `Azure Kubernetes Service AAD Client`, with which people sign in."""


def profile(azure: Azure, before: dict[str, Any] | None, sent: dict[str, Any] | None) -> dict[str, Any] | None:
    """The `aadProfile` after a request; None where users do not sign in with Entra. Raises `ArmError` for what Azure or the lab cannot do."""
    if not sent:
        return before
    said = {key: value for key, value in sent.items() if value is not None}
    if not said.get("managed", bool(before)):
        # Legacy integration is retired, and clusters that have it stay so.
        raise bad_request(
            "The value of parameter aadProfile.managed is invalid. Error details: only managed Entra ID integration is supported.", "InvalidParameter"
        )
    if said.get("enableAzureRBAC"):
        raise bad_request("The lab does not emulate Azure RBAC for Kubernetes authorization (aadProfile.enableAzureRBAC).", "InvalidParameter")
    groups = said.get("adminGroupObjectIDs", [])
    if not isinstance(groups, list) or not all(re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", str(group)) for group in groups):
        raise bad_request("The value of parameter aadProfile.adminGroupObjectIDs is invalid. Error details: it has object ids of groups.", "InvalidParameter")
    return {"managed": True, "enableAzureRBAC": False, "tenantID": azure.state.tenant, **(before or {}), **said}


async def provision(azure: Azure, cluster: ManagedCluster) -> None:
    """Make the real cluster know whom the managed cluster's properties name."""
    entra = cluster.properties.get("aadProfile")
    if entra:
        await blocking(azure.backend.admit_entra, cluster.name, entra["tenantID"], entra.get("adminGroupObjectIDs", []), unprivileged(azure))


async def forget(azure: Azure, cluster: ManagedCluster) -> None:
    """Local accounts only, which Azure cannot go back to: a switch of the lab."""
    cluster.properties.pop("aadProfile", None)
    cluster.properties["disableLocalAccounts"] = False
    await blocking(azure.backend.forget_entra, cluster.name, unprivileged(azure))
    azure.save()


def unprivileged(azure: Azure) -> str:
    """A token for AKS of a user without permissions."""
    return azure.tokens.access_token(guid(), guid(), AKS_SERVER, seconds=300)


async def user_credential(call: Call, cluster: ManagedCluster) -> Response:
    """The kubeconfig of a user: who it is, Entra has to say, or the one local account."""
    entra = cluster.properties.get("aadProfile")
    if not entra:
        return await _local(call, cluster, "clusterUser")
    form = call.request.query_params.get("format") or "exec"
    if form not in ("exec", "azure"):
        raise bad_request(f"The value of parameter format is invalid. Error details: {form} is neither azure nor exec.", "InvalidParameter")
    local = yaml.safe_load(await blocking(call.azure.backend.kubeconfig, cluster.name))
    user = f"clusterUser_{call['group']}_{cluster.name}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "clusters": [{"name": cluster.name, "cluster": local["clusters"][0]["cluster"]}],
        "contexts": [{"name": cluster.name, "context": {"cluster": cluster.name, "user": user}}],
        "current-context": cluster.name,
        "users": [{"name": user, "user": _kubelogin(entra["tenantID"]) if form == "exec" else _auth_provider(entra["tenantID"])}],
    }
    return _answer("clusterUser", yaml.safe_dump(config))


async def admin_credential(call: Call, cluster: ManagedCluster) -> Response:
    return await _local(call, cluster, "clusterAdmin")


async def _local(call: Call, cluster: ManagedCluster, name: str) -> Response:
    if cluster.properties["disableLocalAccounts"]:
        raise ArmError(400, "BadRequest", "Getting static credential is not allowed because this cluster is set to disable local accounts.")
    return _answer(name, await blocking(call.azure.backend.kubeconfig, cluster.name))


def _answer(name: str, kubeconfig: str) -> Response:
    return answer({"kubeconfigs": [{"name": name, "value": base64.b64encode(kubeconfig.encode()).decode()}]})


def _kubelogin(tenant: str) -> dict[str, Any]:
    applications = ["--server-id", AKS_SERVER, "--client-id", KUBELOGIN_CLIENT]
    hint = "\nkubelogin is not installed which is required to connect to AAD enabled cluster.\n\nTo learn more, please go to https://aka.ms/aks/kubelogin\n"
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "args": ["get-token", "--environment", "AzurePublicCloud", *applications, "--tenant-id", tenant, "--login", "devicecode"],
            "command": "kubelogin",
            "env": None,
            "installHint": hint,
            "provideClusterInfo": False,
        }
    }


def _auth_provider(tenant: str) -> dict[str, Any]:
    config = {"apiserver-id": AKS_SERVER, "client-id": KUBELOGIN_CLIENT, "config-mode": "1", "environment": "AzurePublicCloud", "tenant-id": tenant}
    return {"auth-provider": {"name": "azure", "config": config}}
