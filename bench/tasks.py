"""The tasks that are compared, and the objects of which the requests are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.config import RESOURCE_GROUP, SUBSCRIPTION, TENANT, VAULT

GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
PRINCIPAL = "5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11"
Task = dict[str, Any]

NOTHING: Task = {"ansible.builtin.meta": "noop"}
PING: Task = {"ansible.builtin.ping": {}}


@dataclass(frozen=True)
class Pair:
    """The same work for our module and for azure.azcollection's nearest one."""

    what: str
    ours: Task
    theirs: Task


PAIRS = (
    Pair(
        "read a vault",
        {"image_trust.azure.keyvault_info": {"resource_group": RESOURCE_GROUP, "name": VAULT}},
        {"azure.azcollection.azure_rm_keyvault_info": {"resource_group": RESOURCE_GROUP, "name": VAULT}},
    ),
    Pair(
        "a role assignment that is there",
        {"image_trust.azure.role_assignment": {"scope": GROUP_ID, "role": ACR_PULL, "principal_id": PRINCIPAL}},
        {
            "azure.azcollection.azure_rm_roleassignment": {
                "scope": GROUP_ID,
                "role_definition_id": f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ACR_PULL}",
                "assignee_object_id": PRINCIPAL,
            }
        },
    ),
)


def name(task: Task) -> str:
    """The module's full name."""
    return next(iter(task))


IDENTITY = {"resource_group": RESOURCE_GROUP, "identity_name": "bench"}
ISSUER = f"https://eastus.oic.prod-aks.azure.com/{TENANT}/"
OBJECTS: tuple[Task, ...] = (
    {"image_trust.azure.aks_cluster": {"resource_group": RESOURCE_GROUP, "name": "bench", "oidc_issuer": True, "workload_identity": True}},
    {"image_trust.azure.user_assigned_identity": {"resource_group": RESOURCE_GROUP, "name": "bench"}, "register": "identity"},
    {"image_trust.azure.federated_credential": {**IDENTITY, "name": "bench", "issuer": f"{ISSUER}bench/", "subject": "system:serviceaccount:a:b"}},
    {
        "image_trust.azure.keyvault_access_policy": {
            "resource_group": RESOURCE_GROUP,
            "vault_name": VAULT,
            "object_id": "{{ identity.identity.principal_id }}",
            "permissions": {"secrets": ["get"]},
        }
    },
    *(
        {"image_trust.azure.role_assignment": {"scope": GROUP_ID, "role": role, "principal_id": "{{ identity.identity.principal_id }}"}}
        for role in ("AcrPull", "Key Vault Secrets User")
    ),
)
"""One object a task."""
SET: Task = {
    "image_trust.azure.federated_credential": {
        **IDENTITY,
        "credentials": [{"name": f"set{n}", "issuer": f"{ISSUER}{n}/", "subject": "system:serviceaccount:a:b"} for n in range(10)],
    }
}
"""Ten objects in one task."""
