"""Names and ids of Azure's resources in the roles' variables, before anything is asked."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.image_trust.azure.plugins.filter.azure_name_findings import azure_name_findings
from ansible_collections.image_trust.azure.plugins.filter.azure_resource import azure_resource

HUB = "22222222-2222-2222-2222-222222222222"
REGISTRY_ID = f"/subscriptions/{HUB}/resourceGroups/rg-hub/providers/Microsoft.ContainerRegistry/registries/contosoimages"
VAULT_ID = f"/subscriptions/{HUB}/resourcegroups/rg-hub/providers/microsoft.keyvault/vaults/contoso-signing"
NAMED = {"name": "contosoimages", "resource_group": "rg-hub"}


@pytest.mark.parametrize(
    ("kind", "entry", "found"),
    [
        ("registry", NAMED, NAMED),
        ("registry", {**NAMED, "subscription_id": HUB}, {**NAMED, "subscription_id": HUB}),
        # As templates make what is not given.
        ("registry", {**NAMED, "subscription_id": None, "id": ""}, NAMED),
        ("registry", {"id": REGISTRY_ID}, {**NAMED, "subscription_id": HUB}),
        ("vault", {"id": VAULT_ID}, {"name": "contoso-signing", "resource_group": "rg-hub", "subscription_id": HUB}),
    ],
)
def test_a_registry_or_vault_is_found_by_name_subscription_or_id(kind: str, entry: dict[str, Any], found: dict[str, str]) -> None:
    assert azure_resource(entry, kind) == found
    assert azure_name_findings({kind: {"variable": [entry]}}) == []


@pytest.mark.parametrize(
    ("kind", "entry", "said"),
    [
        ("registry", {"name": "contosoimages"}, " needs name and resource_group, or id."),
        ("registry", {}, " needs name and resource_group, or id."),
        ("registry", {**NAMED, "id": REGISTRY_ID}, " has id and name, resource_group; leave out one or the other."),
        ("registry", {"id": VAULT_ID}, f".id is {VAULT_ID!r}, but must be such as /subscriptions/<GUID>/"),
        ("registry", {"id": f"{REGISTRY_ID}/"}, ".id is "),
        ("registry", {"id": REGISTRY_ID.replace(HUB, "hub")}, ".subscription_id is 'hub', but must be a GUID"),
        ("registry", {**NAMED, "subscription_id": "hub"}, ".subscription_id is 'hub', but must be a GUID"),
        ("registry", {**NAMED, "name": "contosoimages.azurecr.io"}, ".name is 'contosoimages.azurecr.io', but must be 5 to 50 letters or digits"),
        (
            "registry",
            {**NAMED, "name": "contosoimages.eastus.geo.azurecr.io"},
            ".name is 'contosoimages.eastus.geo.azurecr.io', but must be 5 to 50 letters or digits, without the domain",
        ),
        ("vault", {**NAMED, "name": "a"}, ".name is 'a', but must be 3 to 24"),
        ("vault", {**NAMED, "resource_group": "rg."}, ".resource_group is 'rg.', but must be 1 to 90"),
    ],
)
def test_one_that_cannot_be_found_so_is_refused(kind: str, entry: dict[str, Any], said: str) -> None:
    with pytest.raises(AnsibleFilterError) as refused:
        azure_resource(entry, kind)
    assert f"the {kind}{said}" in str(refused.value)
    (sentence,) = azure_name_findings({kind: {"variable": [entry]}})
    assert f"variable[0]{said}" in sentence


def test_all_names_that_azure_does_not_take_are_found_at_once() -> None:
    names: dict[str, dict[str, Any]] = {
        "cluster": {"aks_name": "web.prod"},
        "identity": {"identity_name": "ratify-web.prod"},
        "federated_credential": {"identity_federation_name": "a"},
        "resource_group": {"good": "rg-web.prod", "bad": "rg-web."},
    }
    assert [sentence.partition(",")[0] for sentence in azure_name_findings(names)] == [
        "aks_name is 'web.prod'",
        "identity_name is 'ratify-web.prod'",
        "identity_federation_name is 'a'",
        "bad is 'rg-web.'",
    ]
