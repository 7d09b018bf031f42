"""Key vaults and their access policies: https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults

Not emulated: soft delete (a deleted vault's name is free at once).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from lab.azure.arm.errors import ArmError, bad_request, resource_not_found
from lab.azure.arm.gateway import GROUP, SUBSCRIPTION, Call, Operation, ResourceType, answer, nothing, page, versions
from lab.azure.state import State, Vault, now

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
MOST_IN_A_CALL = 16
MOST_IN_A_VAULT = 1024

PERMISSIONS = {
    "keys": "all encrypt decrypt wrapKey unwrapKey sign verify get list create update import delete backup restore recover purge "
    "release rotate getrotationpolicy "
    "setrotationpolicy",
    "secrets": "all get list set delete backup restore recover purge",
    "certificates": "all get list delete create import update managecontacts getissuers listissuers setissuers deleteissuers "
    "manageissuers recover purge backup restore",
    "storage": "all get list delete set update regeneratekey recover purge backup restore setsas listsas getsas deletesas",
}
_KNOWN = {category: set(names.lower().split()) for category, names in PERMISSIONS.items()}


def new_vault(state: State, group: str, name: str, location: str, properties: dict[str, Any], tags: dict[str, str] | None = None) -> Vault:
    """Create a vault, as PUT does; `properties` as in ARM. It answers on its own name after `Settings.vault_dns_delay`."""
    resource_id = f"/subscriptions/{state.subscription}/resourceGroups/{group}/providers/{TYPE}/{name}"
    registered_at = now() + state.settings.vault_dns_delay
    vault = Vault(resource_id, name, location, tags or {}, _kept(properties), registered_at)
    state.vaults[resource_id.lower()] = vault
    return vault


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


def _conflict(name: str) -> ArmError:
    return ArmError(
        409,
        "ConflictError",
        f"A conflict occurred that prevented the operation from completing. The operation failed because the Key Vault '{name}' changed from the point the "
        "operation began. This can happen if parallel operations are being performed on the Key Vault. To prevent this error, serialize "
        "the operations so that only "
        "one operation is performed on the Key Vault at a time. Follow this link for more information: https://go.microsoft.com/fwlink/?linkid=2147741",
    )


async def _get(call: Call) -> Response:
    return answer(_view(_vault(call)))


async def _list(call: Call) -> Response:
    prefix = call.key.partition("/providers/")[0] + "/"
    return page(call, [_view(vault) for key, vault in call.azure.state.vaults.items() if key.startswith(prefix)])


async def _put(call: Call) -> Response:
    state, name = call.azure.state, call["name"]
    if not re.fullmatch(r"(?=.{3,24}$)[A-Za-z](-?[A-Za-z0-9])*", name):
        raise bad_request(
            f"The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name must begin with "
            "a letter, end with a letter "
            "or digit, and not contain consecutive hyphens",
            "VaultNameNotValid",
        )
    async with call.azure.writing(call.key, _conflict(name)):
        existing = state.vaults.get(call.key)
        location = call.location(existing.location if existing else None)
        properties = _checked_properties(call)
        if existing:
            properties.setdefault("enableRbacAuthorization", existing.properties.get("enableRbacAuthorization"))
            existing.properties, existing.tags = _kept(properties), call.tags()
            call.azure.save()
            return answer(_view(existing))
        if state.vault_named(name):
            raise _name_taken(name)
        if call.version >= RBAC_IS_DEFAULT_FROM:
            properties.setdefault("enableRbacAuthorization", True)
        vault = new_vault(state, call["group"], name, location, properties, call.tags())
        call.azure.save()
    view = _view(vault)
    view["properties"] |= {"vaultUri": f"https://{name}.vault.azure.net", "provisioningState": "RegisteringDns"}
    return answer(view)


def _checked_properties(call: Call) -> dict[str, Any]:
    properties = dict(call.properties())
    if call.required("properties", "tenantId").lower() != call.azure.state.tenant.lower():
        raise bad_request(f"The tenant ID '{properties['tenantId']}' in the request does not match the tenant of the subscription.")
    sku = call.required("properties", "sku")
    if not isinstance(sku, dict) or sku.get("family") != "A" or str(sku.get("name")).lower() not in ("standard", "premium"):
        raise bad_request("An invalid value was provided for 'sku'.")
    rbac = properties.get("enableRbacAuthorization")
    policies = properties.get("accessPolicies")
    if policies is None and not rbac and call.version < RBAC_IS_DEFAULT_FROM:
        raise bad_request("The parameter 'accessPolicies' is not specified.")
    if policies is not None:
        _check_policies(policies, call.azure.state.tenant, MOST_IN_A_VAULT)
    return properties


def _name_taken(name: str) -> ArmError:
    return ArmError(
        409,
        "VaultAlreadyExists",
        f"The vault name '{name}' is already in use. Vault names are globaly unique so it is possible that the name is already taken. If "
        "you are sure that the vault "
        "name was not taken then it is possible that a vault with the same name was recently deleted but not purged after being placed "
        "in a recoverable state. If the "
        "vault is in a recoverable state then the vault will need to be purged before reusing the name. For more information on soft "
        "delete and purging a vault "
        "follow this link https://go.microsoft.com/fwlink/?linkid=2147740.",
    )


async def _patch(call: Call) -> Response:
    vault = _vault(call)
    async with call.azure.writing(call.key, _conflict(vault.name)):
        properties = call.properties()
        if properties.get("accessPolicies") is not None:
            _check_policies(properties["accessPolicies"], call.azure.state.tenant, MOST_IN_A_VAULT)
        vault.properties = _kept({**vault.properties, **{key: value for key, value in properties.items() if value is not None}})
        vault.tags = call.tags(vault.tags)
        call.azure.save()
    return answer(_view(vault))


async def _delete(call: Call) -> Response:
    if call.azure.state.vaults.pop(call.key, None) is None:
        return nothing(204)
    call.azure.save()
    return nothing(200)


async def _policies(call: Call) -> Response:
    """accessPolicies/add, replace, remove. A vault under RBAC takes and keeps them too; they have no effect there."""
    vault = _vault(call)
    async with call.azure.writing(vault.id.lower(), _conflict(vault.name)):
        sent = call.properties().get("accessPolicies")
        if sent is None:
            raise bad_request("The parameter 'accessPolicies' is not specified.")
        _check_policies(sent, call.azure.state.tenant, MOST_IN_A_CALL)
        change = {"add": _add, "replace": _replace, "remove": _remove}.get(call["kind"].lower())
        if change is None:
            raise bad_request(f"'{call['kind']}' is not an operation on access policies; these are add, replace, remove.")
        entries = {_who(entry): entry for entry in vault.properties["accessPolicies"]}
        for entry in sent:
            changed = change(entries.get(_who(entry)), entry)
            entries.pop(_who(entry), None) if changed is None else entries.update({_who(entry): changed})
        if len(entries) > MOST_IN_A_VAULT:
            raise bad_request(f"The vault has more than {MOST_IN_A_VAULT} access policies.")
        vault.properties["accessPolicies"] = list(entries.values())
        call.azure.save()
    result = [entries[who] for who in dict.fromkeys(map(_who, sent)) if who in entries]
    return answer({"id": f"{vault.id}/accessPolicies/", "type": f"{TYPE}/accessPolicies", "properties": {"accessPolicies": result}})


Entry = dict[str, Any]


def _who(entry: Entry) -> tuple[str, str, str]:
    return entry["tenantId"].lower(), entry["objectId"].lower(), (entry.get("applicationId") or "").lower()


def _permissions(entry: Entry) -> dict[str, list[str]]:
    return {category: list(names) for category, names in (entry.get("permissions") or {}).items() if names is not None}


def _add(existing: Entry | None, sent: Entry) -> Entry:
    """The union; what was there comes first and keeps its spelling."""
    if existing is None:
        return _replace(None, sent)
    result = _permissions(existing)
    for category, names in _permissions(sent).items():
        have = result.setdefault(category, [])
        have += [name for name in names if name.lower() not in {other.lower() for other in have}]
    return {**existing, "permissions": result}


def _replace(existing: Entry | None, sent: Entry) -> Entry:
    return {key: value for key, value in {**sent, "permissions": _permissions(sent)}.items() if value is not None}


def _remove(existing: Entry | None, sent: Entry) -> Entry | None:
    """What is left when the permissions sent are taken away; None when that is nothing."""
    if existing is None:
        return None
    gone = {category: {name.lower() for name in names} for category, names in _permissions(sent).items()}
    left = {category: [name for name in names if name.lower() not in gone.get(category, set())] for category, names in _permissions(existing).items()}
    return {**existing, "permissions": left} if any(left.values()) else None


def _check_policies(policies: Any, tenant: str, most: int) -> None:
    """Raise `ArmError` where Azure refuses the list."""
    invalid = bad_request("An invalid value was provided for 'accessPolicies'.")
    if not isinstance(policies, list) or len(policies) > most or not all(isinstance(entry, dict) for entry in policies):
        raise invalid
    for index, entry in enumerate(policies):
        for field in ("objectId", *(["applicationId"] if entry.get("applicationId") else [])):
            if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", str(entry.get(field))):
                raise bad_request(f"Invalid value found at accessPolicies[{index}].{field[0].upper()}{field[1:]}: {entry.get(field)}")
        permissions = entry.get("permissions")
        if str(entry.get("tenantId")).lower() != tenant.lower() or not isinstance(permissions, dict) or not permissions.keys() <= _KNOWN.keys():
            raise invalid
        if not all(_are_known(category, names) for category, names in permissions.items()):
            raise invalid


def _are_known(category: str, names: Sequence[str] | None) -> bool:
    return names is None or (isinstance(names, list) and all(isinstance(name, str) and name.lower() in _KNOWN[category] for name in names))


OPERATIONS = [
    Operation("GET", SUBSCRIPTION + f"/providers/{TYPE}", f"{TYPE}/read", VAULTS, _list),
    Operation("GET", GROUP + f"/providers/{TYPE}", f"{TYPE}/read", VAULTS, _list),
    Operation("GET", PATH, f"{TYPE}/read", VAULTS, _get),
    Operation("PUT", PATH, f"{TYPE}/write", VAULTS, _put),
    Operation("PATCH", PATH, f"{TYPE}/write", VAULTS, _patch),
    Operation("DELETE", PATH, f"{TYPE}/delete", VAULTS, _delete),
    Operation("PUT", PATH + "/accessPolicies/{kind}", f"{TYPE}/accessPolicies/write", VAULTS, _policies),
]
