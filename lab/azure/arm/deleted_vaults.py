"""Deleted vaults, purging them, and whether a name is free: https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/list-deleted

A deleted vault is recovered by PUT of the vault with `createMode` `recover`.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from lab.azure.arm import vault_errors, vaults
from lab.azure.arm.errors import ArmError, bad_request
from lab.azure.arm.gateway import SUBSCRIPTION, Call, Operation, ResourceType, answer, nothing, page
from lab.azure.context import Azure
from lab.azure.state import DeletedVault, guid, now
from lab.azure.state import Operation as Job

NAMESPACE = vaults.VAULTS.namespace
TYPE = f"{NAMESPACE}/deletedVaults"
SINCE = vaults.VAULTS.versions[1:]
DELETED = ResourceType(NAMESPACE, "deletedVaults", SINCE)
RESULTS = ResourceType(NAMESPACE, "locations/operationResults", SINCE)
LOCATION = SUBSCRIPTION + f"/providers/{NAMESPACE}/locations/{{location}}"
PATH = LOCATION + "/deletedVaults/{name}"
POLL_AFTER = "5"
"""Seconds, as recorded."""


def _view(call: Call, deleted: DeletedVault) -> dict[str, Any]:
    vault = deleted.vault
    properties = {
        "vaultId": vault.id,
        "location": vault.location,
        "tags": vault.tags,
        "deletionDate": f"{datetime.fromtimestamp(deleted.deleted_at, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "scheduledPurgeDate": f"{datetime.fromtimestamp(deleted.purged_at, UTC):%Y-%m-%dT%H:%M:%SZ}",
    } | ({"purgeProtectionEnabled": True} if vault.properties.get("enablePurgeProtection") else {})
    location = f"/subscriptions/{call['subscription']}/providers/{NAMESPACE}/locations/{vault.location}"
    return {"id": f"{location}/deletedVaults/{vault.name}", "name": vault.name, "type": TYPE, "properties": properties}


def _deleted(call: Call) -> DeletedVault:
    deleted = call.azure.state.deleted_vault_named(call["name"])
    if deleted is None or deleted.vault.location != call["location"].lower():
        raise vault_errors.deleted_vault_not_found(call["name"])
    return deleted


async def _list(call: Call) -> Response:
    return page(call, [_view(call, deleted) for deleted in call.azure.state.deleted_vaults.values() if deleted.purged_at > now()])


async def _get(call: Call) -> Response:
    return answer(_view(call, _deleted(call)))


async def _purge(call: Call) -> Response:
    """Asynchronous: 202 with `Location`, to be polled until 200."""
    deleted = _deleted(call)
    if deleted.vault.properties.get("enablePurgeProtection"):
        raise ArmError(405, "MethodNotAllowed", "Operation 'DeletedVaultPurge' is not allowed.")
    job = Job(id=guid(), status="InProgress", started=now())
    call.azure.state.operations[job.id] = job
    call.azure.save()
    call.azure.work(_forget(call.azure, deleted, job))
    return nothing(202, _poll_at(call, job))


async def _forget(azure: Azure, deleted: DeletedVault, job: Job) -> None:
    await asyncio.sleep(azure.state.settings.operation_delay)
    if azure.state.deleted_vaults.get(deleted.vault.name.lower()) is deleted:
        del azure.state.deleted_vaults[deleted.vault.name.lower()]
    job.status, job.ended = "Succeeded", now()
    azure.save()


def _poll_at(call: Call, job: Job) -> dict[str, str]:
    path = f"subscriptions/{call['subscription']}/providers/{NAMESPACE}/locations/{call['location']}/operationResults/{job.id}"
    return {"Location": f"{call.request.base_url}{path}?api-version={call.version}", "Retry-After": POLL_AFTER}


async def _operation_result(call: Call) -> Response:
    job = call.azure.state.operations.get(call["operation"].lower())
    if job is None:
        raise ArmError(404, "NotFound", f"The operation {call['operation']} was not found.")
    created = {"createdDateTime": _time(job.started)}
    if job.ended is None:
        return answer({**created, "status": "NotStarted"}, 202, _poll_at(call, job))
    return answer({**created, "lastActionDateTime": _time(job.ended), "status": job.status})


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%SZ}"


async def _check_name(call: Call) -> Response:
    """Whether a vault may be called so; the names of all deleted vaults are taken."""
    name, state = str(call.required("name")), call.azure.state
    if str(call.required("type")).lower() != vaults.TYPE.lower():
        raise bad_request(f"The type '{call.body['type']}' is not {vaults.TYPE}.")
    if not vault_errors.is_name(name):
        return answer({"nameAvailable": False, "reason": "AccountNameInvalid", "message": vault_errors.invalid_name(name)})
    if not state.vault_named(name) and not state.deleted_vault_named(name):
        return answer({"nameAvailable": True})
    message = (
        f"The vault name '{name}' is already in use. Vault names are globally unique so it is possible that the name is already taken. If you are sure "
        "that the vault name was not taken then it is possible that a vault with the same name was recently deleted but not purged after being placed in a "
        "recoverable state. If the vault is in a recoverable state then the vault will need to be purged before reusing the name. For more information "
        "about VaultAlreadyExists, soft delete and purging a vault follow this link https://go.microsoft.com/fwlink/?linkid=2147740."
    )
    return answer({"nameAvailable": False, "reason": "AlreadyExists", "message": message})


OPERATIONS = [
    Operation("GET", SUBSCRIPTION + f"/providers/{TYPE}", f"{TYPE}/read", DELETED, _list),
    Operation("GET", PATH, f"{NAMESPACE}/locations/deletedVaults/read", DELETED, _get),
    Operation("POST", PATH + "/purge", f"{NAMESPACE}/locations/deletedVaults/purge/action", DELETED, _purge),
    Operation("GET", LOCATION + "/operationResults/{operation}", f"{NAMESPACE}/locations/operationResults/read", RESULTS, _operation_result),
    Operation("POST", SUBSCRIPTION + f"/providers/{NAMESPACE}/checkNameAvailability", f"{NAMESPACE}/checkNameAvailability/read", vaults.VAULTS, _check_name),
]
