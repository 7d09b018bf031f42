"""Access to a vault: by the caller's token, the vault's network and its permission model.

https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

import jwt
from starlette.requests import Request

from lab.azure.context import Azure
from lab.azure.keyvault.errors import KeyVaultError
from lab.azure.roles import allows_data
from lab.azure.state import Vault

AUDIENCE = "https://vault.azure.net"


@dataclass(frozen=True)
class Kind:
    """A kind of object: its word in paths and access policies, in messages and error codes, and what may be done to it: the data action by permission."""

    plural: str
    singular: str
    actions: Mapping[str, str]


SECRETS = Kind("secrets", "secret", {"get": "Microsoft.KeyVault/vaults/secrets/getSecret/action"})
CERTIFICATES = Kind(
    "certificates",
    "certificate",
    {
        "get": "Microsoft.KeyVault/vaults/certificates/read",
        "list": "Microsoft.KeyVault/vaults/certificates/read",
        **{name: f"Microsoft.KeyVault/vaults/certificates/{name}/action" for name in ("create", "import", "update", "recover")},
        "delete": "Microsoft.KeyVault/vaults/certificates/delete",
    },
)
KEYS = Kind("keys", "key", {"get": "Microsoft.KeyVault/vaults/keys/read", "sign": "Microsoft.KeyVault/vaults/keys/sign/action"})


def authenticate(azure: Azure, request: Request) -> dict[str, Any]:
    """Claims of the caller's Entra token for Key Vault; without a good one the answer says where to get it."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        if kind.lower() == "bearer" and token:
            return azure.tokens.verify_access_token(token, [AUDIENCE])
        why = "AKV10000: Request is missing a Bearer or PoP token."
    except jwt.InvalidAudienceError:
        why = f"AKV10022: Invalid audience. Expected {AUDIENCE}."
    except jwt.ExpiredSignatureError:
        why = "[TokenExpired] Error validating token: 'IDX10223: Lifetime validation failed. The token is expired.'"
    except jwt.InvalidTokenError:
        why = "[BearerReadAccessTokenFailed] Error occurred while reading token."
    challenge = f'Bearer authorization="https://login.microsoftonline.com/{azure.state.tenant}", resource="{AUDIENCE}"'
    raise KeyVaultError(401, "Unauthorized", why, headers={"WWW-Authenticate": challenge})


def admit(vault: Vault, claims: dict[str, Any], address: str) -> None:
    """Raise KeyVaultError 403 where the vault's network keeps the caller out, whatever the caller may do. There are no private endpoints, and a pod is no
    trusted service.

    https://learn.microsoft.com/azure/key-vault/general/network-security
    """
    rules = vault.properties.get("networkAcls") or {}
    where = f"Caller: {_caller(claims)}\r\nVault: {vault.name};location={vault.location}"
    if vault.properties.get("publicNetworkAccess") == "Disabled":
        why = "Public network access is disabled and request is not from a trusted service nor via an approved private link."
        raise KeyVaultError(403, "Forbidden", f"{why}\r\n{where}", inner="ForbiddenByConnection")
    if rules.get("defaultAction") == "Deny" and not any(ip_address(address) in ip_network(rule["value"]) for rule in rules.get("ipRules") or ()):
        why = f"Client address is not authorized and caller is not a trusted service.\r\nClient address: {address}"
        raise KeyVaultError(403, "Forbidden", f"{why}\r\n{where}", inner="ForbiddenByFirewall")


def _caller(claims: dict[str, Any]) -> str:
    return f"appid={claims['appid']};oid={claims['oid']};iss={claims['iss']}"


def authorize(azure: Azure, vault: Vault, claims: dict[str, Any], kind: Kind, name: str, permission: str) -> None:
    """By whichever permission model the vault has. Raises KeyVaultError 403 in the words of that model."""
    caller = _caller(claims)
    if vault.in_effect().get("enableRbacAuthorization"):
        resource = f"{vault.id.lower()}/{kind.plural}/{name}"
        action = kind.actions[permission]
        if not allows_data(azure.state.granted(claims["oid"], resource), action):
            raise KeyVaultError(
                403,
                "Forbidden",
                "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, "
                f"please observe propagation time.\r\nCaller: {caller}\r\nAction: '{action}'\r\nResource: '{resource}'\r\nAssignment: (not found)\r\n"
                f"DenyAssignmentId: null\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: {vault.name};location={vault.location}\r\n",
                inner="ForbiddenByRbac",
            )
    elif not _permits(vault, claims, kind, permission):
        raise KeyVaultError(
            403,
            "Forbidden",
            f"The user, group or application '{caller}' does not have {kind.plural} {permission} permission on key vault "
            f"'{vault.name};location={vault.location}'. "
            "For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287",
            inner="ForbiddenByPolicy",
        )


def _permits(vault: Vault, claims: dict[str, Any], kind: Kind, wanted: str) -> bool:
    """Whether an access policy gives the caller that. One with an applicationId is for a user through that application, so for no caller here."""
    return any(
        permission.lower() in (wanted, "all")
        for policy in vault.in_effect().get("accessPolicies") or ()
        if policy["tenantId"].lower() == claims["tid"].lower() and policy["objectId"].lower() == claims["oid"].lower() and not policy.get("applicationId")
        for permission in policy["permissions"].get(kind.plural) or []
    )
