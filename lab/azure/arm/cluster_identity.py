"""The identity of a managed cluster's control plane: one of its own, or one of the user's.

https://learn.microsoft.com/azure/aks/use-managed-identity, https://learn.microsoft.com/rest/api/aks/managed-clusters/create-or-update#managedclusteridentity
"""

from __future__ import annotations

from typing import Any

from lab.azure.arm.errors import ArmError, bad_request
from lab.azure.arm.gateway import Call
from lab.azure.arm.identities import TYPE
from lab.azure.roles import allows
from lab.azure.state import guid


def wanted(call: Call, existing: dict[str, Any]) -> dict[str, Any]:
    """The cluster's identity after the request, `existing` where it names none. Raises `ArmError` where Azure refuses.

    AKS returns principalId and tenantId of a cluster's own identity only; one of the user's is in userAssignedIdentities, by its resource id.
    """
    sent = call.body.get("identity") or {}
    kind = sent.get("type") or "None"
    if kind == "None":
        return existing
    if kind == "SystemAssigned":
        return existing if existing.get("type") == kind else {"type": kind, "principalId": guid(), "tenantId": call.azure.state.tenant}
    if kind != "UserAssigned":
        raise bad_request(f"The identity type '{kind}' is not one of None, SystemAssigned, UserAssigned.", "InvalidIdentityType")
    ids = list(sent.get("userAssignedIdentities") or {})
    if len(ids) != 1:
        message = f"The value of parameter identity.userAssignedIdentities is invalid. Error details: it has {len(ids)} identities, not one."
        raise bad_request(message, "InvalidParameter")
    return {"type": kind, "userAssignedIdentities": {ids[0]: _assigned(call, ids[0], existing)}}


def _assigned(call: Call, resource_id: str, existing: dict[str, Any]) -> dict[str, str]:
    """The principal of the identity, which the caller must be allowed to assign if the cluster does not have it yet."""
    identity = call.azure.state.identities.get(resource_id.lower())
    if identity is None:
        raise bad_request(
            f"Identity operation for resource '{call.request.url.path}' failed with error 'Failed to perform resource identity operation. Status: "
            f'\'BadRequest\'. Response: \'{{"error":{{"code":"BadRequest","message":"Resource \'{resource_id}\' was not found."}}}}\'.\'.',
            "FailedIdentityOperation",
        )
    action = f"{TYPE}/assign/action"
    has = resource_id.lower() in (each.lower() for each in existing.get("userAssignedIdentities", {}))
    if not has and not allows(call.azure.state.granted(call.principal_id, resource_id), action):
        message = (
            f"The client '{call.principal_id}' has permission to perform action 'Microsoft.ContainerService/managedClusters/write' on scope "
            f"'{call.request.url.path}'; however, it does not have permission to perform action '{action}' on the linked scope(s) '{resource_id}' "
            "or the linked scope(s) are invalid."
        )
        raise ArmError(403, "LinkedAuthorizationFailed", message)
    return {"principalId": identity.principal_id, "clientId": identity.client_id}
