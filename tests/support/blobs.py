"""A private container of Blob Storage that the tests' principal may write to."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.blob_storage import new_account
from lab.azure.roles import STORAGE_BLOB_DATA_CONTRIBUTOR, Role
from lab.azure.state import Blob, StorageAccount, guid, now
from lab.config import LOCATION
from tests.support.emulated import OBJECT_ID, Emulated

ACCOUNT = "https://contoso.blob.core.windows.net"
CONTAINER = "image-trust"
FOLDER = f"{ACCOUNT}/{CONTAINER}"


def new_container(azure: Emulated, group: str) -> StorageAccount:
    """The account, with an empty container."""
    account = new_account(azure.state, group, "contoso", LOCATION, CONTAINER)
    permit(azure, account)
    return account


def permit(azure: Emulated, account: StorageAccount, role: Role | None = STORAGE_BLOB_DATA_CONTRIBUTOR) -> None:
    """The tests' principal has this role on the container, and no other there."""
    scope = f"{account.id}/blobServices/default/containers/{CONTAINER}"
    for key in [key for key, each in azure.state.role_assignments.items() if each.scope == scope]:
        del azure.state.role_assignments[key]
    if role:
        new_assignment(azure.state, scope, role.guid, OBJECT_ID)


def texts(account: StorageAccount) -> dict[str, bytes]:
    """What is in the container, by name."""
    return {name: base64.b64decode(blob.content) for name, blob in account.containers[CONTAINER].blobs.items()}


def put(account: StorageAccount, given: Mapping[str, bytes]) -> None:
    """As another client writes it."""
    for name, content in given.items():
        account.containers[CONTAINER].blobs[name] = Blob(base64.b64encode(content).decode(), "application/json", f'"0x{guid()}"', now())
