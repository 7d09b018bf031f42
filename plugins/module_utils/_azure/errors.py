# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes wrong with Azure, as one sentence. Private to the collection."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from . import retries

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError

T = TypeVar("T")


class ModuleError(Exception):
    """The one error of the collection: a sentence that names the object and the remedy, and what Azure said beside it.

    `code` is Azure's error code, or one of ours where Azure was not asked or did not answer: InvalidInput, LoginFailed, Unreachable, InvalidAnswer, Timeout,
    MissingLibrary.
    `status` is the HTTP status, `request_id` what Microsoft's support asks for; both None where there was no answer.
    """

    def __init__(self, sentence: str, *, code: str, message: str = "", status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code
        self.message = message or sentence
        self.status = status
        self.request_id = request_id
        self.results: dict[str, Any] = {}
        """What else the failed module returns."""

    def __str__(self) -> str:
        return self.sentence

    @property
    def error(self) -> dict[str, Any]:
        """The `error` that a failed module returns."""
        return {"code": self.code, "message": self.message, "status": self.status, "request_id": self.request_id}


class MissingError(ModuleError):
    """Azure's answer that the object, what it belongs to, or its resource group does not exist."""


def refuse(sentence: str) -> ModuleError:
    """Input that Azure would refuse, or worse accept; found before anything was asked."""
    return ModuleError(sentence, code="InvalidInput")


REMEDIES = {
    "ResourceGroupNotFound": "check resource_group and subscription_id",
    "SubscriptionNotFound": "check subscription_id, and that the login has a role in it",
    "InvalidSubscriptionId": "check subscription_id",
    "AuthorizationFailed": "give the login a role that includes this action",
    "LinkedAuthorizationFailed": "give the login a role that includes this action",
    "InvalidAuthenticationToken": "check that tenant is the subscription's",
    "InvalidAuthenticationTokenTenant": "check that tenant is the subscription's",
    "MissingSubscriptionRegistration": "register the resource provider in the subscription",
    "ParentResourceNotFound": "create the object it belongs to first, or correct its name",
    "InvalidResourceType": "check that this cloud has it, and cloud_environment",
    "InvalidResourceNamespace": "check that this cloud has it, and cloud_environment",
    "PrincipalNotFound": (
        "give the object id of a principal: of a managed identity its principal id, of an application that of its service principal, never a client id"
    ),
    "UnmatchedPrincipalType": "correct principal_type, or leave it out",
    "InvalidAnswer": "check cloud_environment and the proxy of this machine",
    "ForbiddenByFirewall": "reach the vault from a network that it allows: it refuses this machine, whatever the login may do",
    "ForbiddenByConnection": "reach the vault from a network that it allows: it refuses this machine, whatever the login may do",
    "ForbiddenByPolicy": "give the login this permission in an access policy of the vault",
    "ForbiddenByRbac": "assign the login a role on the vault that includes this action",
    "AuthorizationPermissionMismatch": (
        "assign the login the role Storage Blob Data Contributor on the container, or Storage Blob Data Reader where it only reads; a new assignment takes"
        " effect within ten minutes"
    ),
    "AuthorizationFailure": "reach the storage account from a network that it allows: it refuses this machine, whatever the login may do",
    "ContainerNotFound": "create it as a private one, or correct its name: the collection creates no container",
    "InvalidAuthenticationInfo": "check that tenant is the storage account's",
    "BlobImmutableDueToPolicy": "name a container without an immutability policy, and keep former versions by the versioning of its account",
    "Unreachable": "check cloud_environment, the proxy and the network of this machine",
}
NOT_OF_THE_OBJECT = ("ContainerNotFound", "SubscriptionNotFound", "InvalidResourceType", "InvalidResourceNamespace")
"""Codes of a 404 that says nothing of whether the object exists."""


def ask(what: str, request: Callable[[], T]) -> T:
    """Send one request to Azure, which the clients of a session repeat as RETRIES says. `what` completes "Could not ...". Raises `ModuleError`."""
    from azure.core.exceptions import AzureError

    started = time.monotonic()
    try:
        return request()
    except AzureError as error:
        raise failed(what, error, started) from None


def find(what: str, request: Callable[[], T]) -> T | None:
    """As `ask`, and None where the object, the object it belongs to or its resource group does not exist."""
    try:
        return ask(what, request)
    except MissingError:
        return None


def failed(what: str, error: AzureError, started: float) -> ModuleError:
    """The `ModuleError` for what the SDK raised: that it could not do `what`, and how long it has been tried since `started` (monotonic)."""
    failure = _failure_of(what, error)
    retry = retries.of_error(error)
    if retry:
        failure.sentence += f" Tried for {time.monotonic() - started:.0f} s, waiting for {retry.waits_for}."
    return failure


def _failure_of(what: str, error: AzureError) -> ModuleError:
    from azure.core.exceptions import DecodeError, HttpResponseError, ServiceRequestError, ServiceResponseError

    if isinstance(error, DecodeError):
        return _failure(what, "InvalidAnswer", str(error.message), error.status_code, None)
    if isinstance(error, HttpResponseError) and error.response is not None:
        detail = error.error
        headers: Mapping[str, str] = getattr(error.response, "headers", {})
        # Storage answers in XML, which azure-core does not read: its code is in a header, too, and its own SDK adds lines to the message.
        of_storage = headers.get("x-ms-error-code")
        own = str(detail.code) if detail and detail.code else of_storage
        message = str(detail.message) if detail and detail.message else str(error.message).partition("\n")[0] if of_storage else str(error.message)
        request_id = headers.get("x-ms-request-id") or headers.get("x-ms-correlation-request-id")
        # Of the reasons for Key Vault's Forbidden, Azure names which one it is in the innererror.
        inner = detail.innererror if detail else None
        reason = str(inner.get("code")) if isinstance(inner, Mapping) else ""
        return _failure(what, own or str(error.reason), message, error.status_code, request_id, by_azure=own is not None, reason=reason)
    if isinstance(error, (ServiceRequestError, ServiceResponseError)):
        return _failure(what, "Unreachable", str(error.message), None, None)
    return _failure(what, type(error).__name__, str(error.message), None, None)


def _failure(what: str, code: str, message: str, status: int | None, request_id: str | None, *, by_azure: bool = True, reason: str = "") -> ModuleError:
    text = " ".join(message.split()).rstrip(".")
    # A proxy's 404, say, does not mean that something is missing.
    strange = status == 404 and not by_azure
    remedy = REMEDIES["InvalidAnswer"] if strange else REMEDIES.get(reason) or REMEDIES.get(code)
    sentence = f"Could not {what}: {text} ({code})" + (f"; {remedy}." if remedy else ".")
    kind = MissingError if status == 404 and not strange and code not in NOT_OF_THE_OBJECT else ModuleError
    return kind(sentence, code=code, message=message, status=status, request_id=request_id)
