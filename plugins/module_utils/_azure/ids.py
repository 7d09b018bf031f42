# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names and ids of Azure: their rules, and comparison without case. Private to the collection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .errors import refuse

_GUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


@dataclass(frozen=True)
class Rule:
    """What a name must look like, as pattern and in words."""

    pattern: str
    words: str

    def check(self, option: str, value: str | None) -> str:
        """`value`, if it follows the rule; raises `ModuleError` with option, value and rule otherwise, also for the null that a playbook may give."""
        if value is None or not re.fullmatch(self.pattern, value, re.ASCII):
            raise refuse(f"{option} is {value!r}, but must be {self.words}.")
        return value


# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
GUID = Rule(_GUID, "a GUID such as 00000000-0000-0000-0000-000000000000")
RESOURCE_GROUP = Rule(r"(?!.*\.$)[\w.()-]{1,90}", "1 to 90 letters, digits, '_', '-', '.', '(' or ')', not ending with '.'")
IDENTITY = Rule(r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}", "3 to 128 letters, digits, '-' or '_', starting with a letter or digit")
FEDERATED_CREDENTIAL = Rule(r"[A-Za-z0-9][A-Za-z0-9_-]{2,119}", "3 to 120 letters, digits, '-' or '_', starting with a letter or digit")
VAULT = Rule(
    r"(?!.*--)[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]",
    "3 to 24 letters, digits or '-', starting with a letter, ending with a letter or digit, without '--'",
)
REGISTRY = Rule(r"[A-Za-z0-9]{5,50}", "5 to 50 letters or digits, without the domain")
CLUSTER = Rule(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", "1 to 63 letters, digits, '-' or '_', starting and ending with a letter or digit")
LOCATION = Rule(r"[A-Za-z0-9 ]{2,60}", "the name of an Azure region such as eastus")
_IN_A_SUBSCRIPTION = rf"/subscriptions/{_GUID}(?:/resource[gG]roups/[^/\s]+)?"
_MANAGEMENT_GROUP = r"/providers/Microsoft\.Management/managementGroups/[^/\s]+"
SCOPE = Rule(
    rf"(?:{_IN_A_SUBSCRIPTION}|{_MANAGEMENT_GROUP})(?:/providers/[^/\s]+(?:/[^/\s]+/[^/\s]+)+)*",
    "the id of a subscription, resource group, resource or management group such as /subscriptions/<GUID>/resourceGroups/<name>, without '/' at its end",
)
ROLE_ID = Rule(rf"(?:/subscriptions/{_GUID}(?:/[^/\s]+)*)?/providers/Microsoft\.Authorization/roleDefinitions/{_GUID}", "the id of a role definition")
RULES = {
    "cluster": CLUSTER,
    "federated_credential": FEDERATED_CREDENTIAL,
    "identity": IDENTITY,
    "registry": REGISTRY,
    "resource_group": RESOURCE_GROUP,
    "vault": VAULT,
}
"""What a name must look like, by kind of resource."""
TYPES = {"registry": "Microsoft.ContainerRegistry/registries", "vault": "Microsoft.KeyVault/vaults"}


def resource(option: str, kind: str, entry: Mapping[str, str | None]) -> dict[str, str]:
    """`name`, `resource_group` and, where it is given, `subscription_id` of a resource that an entry names by these or by its `id`. Raises `ModuleError` where
    it does neither, or a name is none that Azure takes."""
    given = {key: value for key, value in entry.items() if value}
    if "id" not in given:
        if not {"name", "resource_group"} <= given.keys():
            raise refuse(f"{option} needs name and resource_group, or id.")
        named = given
    elif given.keys() - {"id"}:
        raise refuse(f"{option} has id and {', '.join(sorted(given.keys() - {'id'}))}; leave out one or the other.")
    else:
        found = re.fullmatch(rf"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/{re.escape(TYPES[kind])}/([^/]+)", given["id"], re.IGNORECASE)
        if not found:
            raise refuse(f"{option}.id is {given['id']!r}, but must be such as /subscriptions/<GUID>/resourceGroups/<name>/providers/{TYPES[kind]}/<name>.")
        named = dict(zip(("subscription_id", "resource_group", "name"), found.groups(), strict=True))
    RULES[kind].check(f"{option}.name", named["name"])
    RESOURCE_GROUP.check(f"{option}.resource_group", named["resource_group"])
    if "subscription_id" in named:
        GUID.check(f"{option}.subscription_id", named["subscription_id"])
    return {key: named[key] for key in ("name", "resource_group", "subscription_id") if key in named}


def is_https(url: str) -> bool:
    """Whether it is an https URL with a host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)


def same(one: str | None, other: str | None) -> bool:
    """Whether two ids or names mean the same object: Azure's are case-insensitive."""
    return (one or "").lower() == (other or "").lower()


def location(option: str) -> str:
    """A location as Azure writes it: `East US` is `eastus`."""
    return option.replace(" ", "").lower()


def last(resource_id: str) -> str:
    """The last segment of an id: the object's name."""
    return resource_id.rstrip("/").rpartition("/")[2]


def subscription_of(resource_id: str) -> str:
    """The beginning of an id up to its subscription, such as /subscriptions/<GUID>; empty where it is in none."""
    found = re.match(r"/subscriptions/[^/]+", resource_id, re.IGNORECASE)
    return found.group(0) if found else ""


def resource_group_of(resource_id: str) -> str:
    """Name of the resource group in an id, whichever way the provider spells the segment; empty where there is none."""
    found = re.search(r"/resourcegroups/([^/]+)", resource_id, re.IGNORECASE)
    return found.group(1) if found else ""


def group(subscription_id: str, resource_group: str) -> str:
    """Id of the resource group."""
    return f"/subscriptions/{subscription_id}/resourceGroups/{resource_group}"
