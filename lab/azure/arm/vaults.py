"""Key vaults and their access policies: https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from lab.azure.arm import access_policies, vault_errors
from lab.azure.arm.errors import bad_request, resource_not_found
from lab.azure.arm.gateway import GROUP, SUBSCRIPTION, Call, Operation, ResourceType, answer, nothing, page, versions
from lab.azure.state import DeletedVault, State, Vault, now, replaced

TYPE = "Microsoft.KeyVault/vaults"
VAULTS = ResourceType(
    "Microsoft.KeyVault",
    "vaults",
    versions("""
        2015-06-01 2016-10-01 2018-02-14-preview 2018-02-14 2019-09-01 2020-04-01-preview 2021-04-01-preview 2021-06-01-preview 2021-10-01
        2021-11-01-preview 2022-07-01 2022-11-01 2023-02-01 2023-07-01 2024-04-01-preview 2024-11-01 2024-12-01-preview 2025-05-01
        2026-02-01 2026-05-15
    """),
)
PATH = GROUP + f"/providers/{TYPE}/{{name}}"

RBAC_IS_DEFAULT_FROM = "2026-02-01"
"""New vaults are under Azure RBAC from this api-version on, unless the request says otherwise."""
STAY = ("enableRbacAuthorization", "enablePurgeProtection")
"""Properties that an update that does not name them leaves as they are. Purge protection cannot be dropped at all."""
MOST_IN_A_CALL = 16
MOST_IN_A_VAULT = 1024
RETENTION = 90
"""Days that a deleted vault is kept, unless its `softDeleteRetentionInDays` says otherwise."""


def new_vault(state: State, group: str, name: str, location: str, properties: dict[str, Any], tags: dict[str, str] | None = None) -> Vault:
    """Create a vault, as PUT does; `properties` as in ARM. It answers on its own name after `Settings.vault_dns_delay`."""
    resource_id = f"/subscriptions/{state.subscription}/resourceGroups/{group}/providers/{TYPE}/{name}"
    registered_at = now() + state.settings.vault_dns_delay
    vault = Vault(resource_id, name, location, tags or {}, _kept(properties), registered_at)
    state.vaults[resource_id.lower()] = vault
    return vault


def soft_delete(state: State, vault: Vault) -> None:
    """Delete a vault, as DELETE does; it can be recovered, but not the role assignments on it.

    https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
    """
    del state.vaults[vault.id.lower()]
    for key in [key for key, one in state.role_assignments.items() if f"{one.scope.lower()}/".startswith(f"{vault.id.lower()}/")]:
        del state.role_assignments[key]
    at = float(int(now()))
    days = vault.properties.get("softDeleteRetentionInDays", RETENTION)
    state.deleted_vaults[vault.name.lower()] = DeletedVault(vault, at, at + days * 86400)


def _kept(properties: dict[str, Any]) -> dict[str, Any]:
    """What a vault keeps of the properties of a request."""
    read_only = ("vaultUri", "provisioningState", "hsmPoolResourceId", "privateEndpointConnections", "createMode")
    kept = {key: value for key, value in properties.items() if key not in read_only and value is not None}
    acls = kept.get("networkAcls") or {}
    if acls.get("defaultAction", "Allow") == "Allow" and not {"ipRules", "virtualNetworkRules"} & acls.keys():
        kept.pop("networkAcls", None)
    else:
        kept["networkAcls"] = {"bypass": "AzureServices", "ipRules": [], "virtualNetworkRules": [], **acls}
    return {"accessPolicies": [], "enabledForDeployment": False, "publicNetworkAccess": "Enabled", **kept, "enableSoftDelete": True}


def _view(vault: Vault) -> dict[str, Any]:
    registered = vault.registered_at <= now()
    properties = {
        **vault.properties,
        "vaultUri": f"https://{vault.name.lower()}.vault.azure.net/",
        "provisioningState": "Succeeded" if registered else "RegisteringDns",
    }
    return {"id": vault.id, "name": vault.name, "type": TYPE, "location": vault.location, "tags": vault.tags, "properties": properties}


def _vault(call: Call) -> Vault:
    vault = call.azure.state.vaults.get(call.key.partition("/accesspolicies")[0])
    if vault is None:
        raise resource_not_found(TYPE, call["name"], call["group"])
    return vault


async def _get(call: Call) -> Response:
    return answer(_view(_vault(call)))


async def _list(call: Call) -> Response:
    prefix = call.key.partition("/providers/")[0] + "/"
    return page(call, [_view(vault) for key, vault in call.azure.state.vaults.items() if key.startswith(prefix)])


async def _put(call: Call) -> Response:
    state, name = call.azure.state, call["name"]
    if not vault_errors.is_name(name):
        raise bad_request(vault_errors.invalid_name(name), "VaultNameNotValid")
    async with call.azure.writing(call.key, vault_errors.conflict(name)):
        existing, deleted = state.vaults.get(call.key), state.deleted_vault_named(name)
        location = call.location(existing.location if existing else None)
        if not existing and call.properties().get("createMode") == "recover":
            return _recover(call, deleted, location)
        properties = _checked_properties(call)
        if existing:
            stays = {key: existing.properties.get(key) for key in STAY if properties.get(key) is None}
            _change(call, existing, _kept({**properties, **stays}))
            existing.tags = call.tags()
            call.azure.save()
            return answer(_view(existing))
        if deleted:
            raise vault_errors.is_deleted()
        if state.vault_named(name):
            raise vault_errors.name_taken(name)
        if call.version >= RBAC_IS_DEFAULT_FROM:
            properties.setdefault("enableRbacAuthorization", True)
        vault = new_vault(state, call["group"], name, location, properties, call.tags())
        call.azure.save()
    view = _view(vault)
    view["properties"] |= {"vaultUri": f"https://{name}.vault.azure.net", "provisioningState": "RegisteringDns"}
    return answer(view)


def _change(call: Call, vault: Vault, properties: dict[str, Any]) -> None:
    """Give the vault other properties. Its data plane goes by the former ones until that has propagated."""
    vault.former = replaced(vault.former, vault.properties, call.azure.state.settings.vault_permission_delay)
    vault.properties = properties


def _recover(call: Call, deleted: DeletedVault | None, location: str) -> Response:
    """The deleted vault again, with all that was in it, where it was."""
    if deleted is None or deleted.vault.id.lower() != call.key or deleted.vault.location != location:
        raise vault_errors.deleted_vault_not_found(call["name"])
    del call.azure.state.deleted_vaults[deleted.vault.name.lower()]
    call.azure.state.vaults[call.key] = deleted.vault
    call.azure.save()
    return answer(_view(deleted.vault))


def _checked_properties(call: Call) -> dict[str, Any]:
    properties = dict(call.properties())
    if call.required("properties", "tenantId").lower() != call.azure.state.tenant.lower():
        raise bad_request(f"The tenant ID '{properties['tenantId']}' in the request does not match the tenant of the subscription.")
    sku = call.required("properties", "sku")
    if not isinstance(sku, dict) or sku.get("family") != "A" or str(sku.get("name")).lower() not in ("standard", "premium"):
        raise bad_request("An invalid value was provided for 'sku'.")
    if properties.get("accessPolicies") is None and not properties.get("enableRbacAuthorization") and call.version < RBAC_IS_DEFAULT_FROM:
        raise bad_request("The parameter 'accessPolicies' is not specified.")
    _check_changes(call, properties)
    return properties


def _check_changes(call: Call, properties: dict[str, Any]) -> None:
    """Raise `ArmError` for what neither PUT nor PATCH may say."""
    if properties.get("accessPolicies") is not None:
        access_policies.check(properties["accessPolicies"], call.azure.state.tenant, MOST_IN_A_VAULT)
    days = properties.get("softDeleteRetentionInDays")
    if days is not None and not (isinstance(days, int) and 7 <= days <= RETENTION):
        raise bad_request('The property "softDeleteRetentionInDays" must be between 7 and 90.')
    if properties.get("enablePurgeProtection") is False:
        raise bad_request('The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is an irreversible action.')


async def _patch(call: Call) -> Response:
    vault = _vault(call)
    async with call.azure.writing(call.key, vault_errors.conflict(vault.name)):
        properties = call.properties()
        _check_changes(call, properties)
        _change(call, vault, _kept({**vault.properties, **{key: value for key, value in properties.items() if value is not None}}))
        vault.tags = call.tags(vault.tags)
        call.azure.save()
    return answer(_view(vault))


async def _delete(call: Call) -> Response:
    vault = call.azure.state.vaults.get(call.key)
    if vault is None:
        return nothing(204)
    soft_delete(call.azure.state, vault)
    call.azure.save()
    return nothing(200)


async def _policies(call: Call) -> Response:
    """accessPolicies/add, replace, remove. A vault under RBAC takes and keeps them too; they have no effect there."""
    vault = _vault(call)
    async with call.azure.writing(vault.id.lower(), vault_errors.conflict(vault.name)):
        sent = call.properties().get("accessPolicies")
        if sent is None:
            raise bad_request("The parameter 'accessPolicies' is not specified.")
        access_policies.check(sent, call.azure.state.tenant, MOST_IN_A_CALL)
        change = {"add": access_policies.add, "replace": access_policies.replace, "remove": access_policies.remove}.get(call["kind"].lower())
        if change is None:
            raise bad_request(f"'{call['kind']}' is not an operation on access policies; these are add, replace, remove.")
        who = access_policies.who
        entries = {who(entry): entry for entry in vault.properties["accessPolicies"]}
        for entry in sent:
            changed = change(entries.get(who(entry)), entry)
            entries.pop(who(entry), None) if changed is None else entries.update({who(entry): changed})
        if len(entries) > MOST_IN_A_VAULT:
            raise bad_request(f"The vault has more than {MOST_IN_A_VAULT} access policies.")
        _change(call, vault, {**vault.properties, "accessPolicies": list(entries.values())})
        call.azure.save()
    result = [entries[who] for who in dict.fromkeys(map(who, sent)) if who in entries]
    return answer({"id": f"{vault.id}/accessPolicies/", "type": f"{TYPE}/accessPolicies", "properties": {"accessPolicies": result}})


OPERATIONS = [
    Operation("GET", SUBSCRIPTION + f"/providers/{TYPE}", f"{TYPE}/read", VAULTS, _list),
    Operation("GET", GROUP + f"/providers/{TYPE}", f"{TYPE}/read", VAULTS, _list),
    Operation("GET", PATH, f"{TYPE}/read", VAULTS, _get),
    Operation("PUT", PATH, f"{TYPE}/write", VAULTS, _put),
    Operation("PATCH", PATH, f"{TYPE}/write", VAULTS, _patch),
    Operation("DELETE", PATH, f"{TYPE}/delete", VAULTS, _delete),
    Operation("PUT", PATH + "/accessPolicies/{kind}", f"{TYPE}/accessPolicies/write", VAULTS, _policies),
]
