"""Federated credentials of a managed identity: https://learn.microsoft.com/rest/api/managedidentity/federated-identity-credentials

Rules and limits: https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
"""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from lab.azure.arm import identities
from lab.azure.arm.errors import ArmError, bad_request, parent_not_found, resource_not_found
from lab.azure.arm.gateway import Call, Operation, ResourceType, answer, nothing, page
from lab.azure.state import FederatedCredential, Identity, now, replaced

CHILD = "federatedIdentityCredentials"
TYPE = f"{identities.TYPE}/{CHILD}"
CREDENTIALS = ResourceType(identities.NAMESPACE, f"userAssignedIdentities/{CHILD}", identities.IDENTITIES.versions[3:])
LIST = identities.PATH + f"/{CHILD}"
PATH = LIST + "/{credential}"

MOST = 20
LONGEST = 600


def _identity(call: Call, verb: str) -> Identity:
    key = call.key.partition(f"/{CHILD.lower()}")[0]
    identity = call.azure.state.identities.get(key)
    if identity is None:
        raise parent_not_found(verb, f"userAssignedIdentities/{CHILD}", key)
    return identity


def _view(identity: Identity, credential: FederatedCredential) -> dict[str, Any]:
    properties = {"issuer": credential.issuer, "subject": credential.subject, "audiences": credential.audiences}
    return {"id": f"{identity.id}/{CHILD}/{credential.name}", "name": credential.name, "type": TYPE, "properties": properties}


def _conflict(identity: Identity) -> ArmError:
    return ArmError(
        409,
        "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
        f"Too many Federated Identity Credentials are written concurrently for the managed identity '{identity.id.lower()}'. "
        "Concurrent Federated Identity Credentials writes under the same managed identity are not supported.",
    )


async def _get(call: Call) -> Response:
    identity = _identity(call, "read")
    credential = identity.credentials.get(call["credential"].lower())
    if credential is None:
        raise resource_not_found(f"{identities.TYPE}/{call['name']}/{CHILD}", call["credential"], call["group"])
    return answer(_view(identity, credential))


async def _list(call: Call) -> Response:
    identity = _identity(call, "read")
    return page(call, [_view(identity, credential) for credential in identity.credentials.values()])


async def _put(call: Call) -> Response:
    identity, name = _identity(call, "write"), call["credential"]
    async with call.azure.writing(identity.id.lower(), _conflict(identity)):
        existing = identity.credentials.get(name.lower())
        wanted = _wanted(call, existing.name if existing else name)
        others = [other for other in identity.credentials.values() if other is not existing]
        if any((other.issuer, other.subject) == (wanted.issuer, wanted.subject) for other in others):
            raise ArmError(409, "Conflict", "Issuer and subject combination already exists for this Managed Identity.")
        if len(others) >= MOST:
            message = f"Too many Federated Identity Credentials: the managed identity '{identity.id}' has {MOST}, the maximum."
            raise bad_request(message, "TooManyFederatedIdentityCredentials")
        if existing is None or (existing.issuer, existing.subject, existing.audiences) != (wanted.issuer, wanted.subject, wanted.audiences):
            wanted.effective_at = now() + call.azure.state.settings.federated_credential_delay
            identity.credentials[name.lower()] = wanted
            _goes_on(call, identity, existing)
            call.azure.save()
    view = _view(identity, identity.credentials[name.lower()])
    return answer(view) if existing else answer(view, 201, {"Location": view["id"]})


def _wanted(call: Call, name: str) -> FederatedCredential:
    """The credential that the body describes. Raises `ArmError` where Azure refuses; wrong issuers and subjects are accepted and fail at the token exchange."""
    properties = call.properties()
    issuer, subject, audiences = (properties.get(key) for key in ("issuer", "subject", "audiences"))
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,119}", name):
        raise bad_request(f"Federated Identity Credential name '{name}' is invalid.")
    if not properties:
        raise bad_request("Federated Identity Credential from HTTP body has empty properties")
    if not issuer or not subject or not audiences:
        raise bad_request("The request format was unexpected. Federated Identity Credential must specify 'issuer', 'subject' and 'audience'.")
    if not isinstance(audiences, list) or len(audiences) != 1:
        raise bad_request("Federated identity credentials must have exactly one audience.")
    for what, value in (("Issuer", issuer), ("Subject", subject), ("Audience", audiences[0])):
        if not isinstance(value, str) or len(value) > LONGEST:
            raise bad_request(f"The request format was unexpected. {what} is a string of at most {LONGEST} characters.")
    return FederatedCredential(name, issuer, subject, audiences)


def _goes_on(call: Call, identity: Identity, former: FederatedCredential | None) -> None:
    """Entra honours what was removed or changed until that has propagated."""
    if former:
        identity.former_credentials = replaced(identity.former_credentials, former, call.azure.state.settings.federated_credential_removal_delay)


async def _delete(call: Call) -> Response:
    identity = _identity(call, "delete")
    async with call.azure.writing(identity.id.lower(), _conflict(identity)):
        removed = identity.credentials.pop(call["credential"].lower(), None)
        _goes_on(call, identity, removed)
        call.azure.save()
    return nothing(200 if removed else 204)


OPERATIONS = [
    Operation("GET", LIST, f"{TYPE}/read", CREDENTIALS, _list),
    Operation("GET", PATH, f"{TYPE}/read", CREDENTIALS, _get),
    Operation("PUT", PATH, f"{TYPE}/write", CREDENTIALS, _put),
    Operation("DELETE", PATH, f"{TYPE}/delete", CREDENTIALS, _delete),
]
