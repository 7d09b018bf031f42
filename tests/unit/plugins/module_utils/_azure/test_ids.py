from __future__ import annotations

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure import ids

SUBSCRIPTION = "/subscriptions/22222222-2222-2222-2222-222222222222"
IDENTITY = f"{SUBSCRIPTION}/resourcegroups/Group/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ratify"
MANAGEMENT_GROUP = "/providers/Microsoft.Management/managementGroups/ops"


@pytest.mark.parametrize("one", [IDENTITY, IDENTITY.upper(), IDENTITY.replace("resourcegroups", "resourceGroups")])
def test_ids_are_the_same_whichever_way_a_provider_spells_them(one: str) -> None:
    assert ids.same(one, IDENTITY)


def test_nothing_is_the_same_as_nothing_only() -> None:
    assert ids.same(None, "")
    assert not ids.same(None, IDENTITY)


@pytest.mark.parametrize(
    ("resource_id", "subscription", "group", "last"),
    [
        (IDENTITY, SUBSCRIPTION, "Group", "ratify"),
        (f"{SUBSCRIPTION}/resourceGroups/Group", SUBSCRIPTION, "Group", "Group"),
        (f"{SUBSCRIPTION}/resourceGroups/Group/", SUBSCRIPTION, "Group", "Group"),
        (MANAGEMENT_GROUP, "", "", "ops"),
    ],
)
def test_parts_of_an_id(resource_id: str, subscription: str, group: str, last: str) -> None:
    assert (ids.subscription_of(resource_id), ids.resource_group_of(resource_id), ids.last(resource_id)) == (subscription, group, last)


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (ids.RESOURCE_GROUP, "a"),
        (ids.RESOURCE_GROUP, "_.()-" + "a" * 85),
        (ids.IDENTITY, "a" * 128),
        (ids.FEDERATED_CREDENTIAL, "a_-"),
        (ids.VAULT, "a-b"),
        (ids.VAULT, "a" * 24),
        (ids.REGISTRY, "a" * 50),
        (ids.CLUSTER, "a"),
        (ids.CLUSTER, "a" * 63),
        (ids.LOCATION, "East US 2"),
        (ids.SCOPE, MANAGEMENT_GROUP),
    ],
)
def test_names_at_the_limit_are_taken(rule: ids.Rule, name: str) -> None:
    assert rule.check("name", name) == name


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (ids.RESOURCE_GROUP, "a" * 91),
        (ids.RESOURCE_GROUP, "gr\u00fcppe"),
        (ids.IDENTITY, "a" * 129),
        (ids.VAULT, "a" * 25),
        (ids.REGISTRY, "a" * 51),
        (ids.REGISTRY, "lab.azurecr.io"),
        (ids.CLUSTER, "a" * 64),
        (ids.CLUSTER, "a-"),
        (ids.GUID, "22222222-2222-2222-2222-22222222222g"),
        (ids.GUID, "22222222-2222-2222-2222-222222222222\n"),
        (ids.LOCATION, "east/us"),
    ],
)
def test_names_over_the_limit_are_refused_with_rule_and_value(rule: ids.Rule, name: str) -> None:
    with pytest.raises(Exception, match=r"^name is '.*', but must be ") as refused:
        rule.check("name", name)
    assert rule.words in str(refused.value)
