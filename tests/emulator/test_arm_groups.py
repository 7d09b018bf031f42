"""Resource groups, the list of resources, and registries."""

from __future__ import annotations

import pytest

from tests.emulator.machine import GROUP, IDENTITY, REGISTRY, SUBSCRIPTION, VAULT, Lab, error_of

RESOURCES = f"/subscriptions/{SUBSCRIPTION}/resources"


def test_a_group_is_created_updated_and_listed(lab: Lab) -> None:
    other = GROUP.replace("/group", "/other")
    assert [lab.call("PUT", other, {"location": "westus", "tags": tags}).status_code for tags in ({}, {"a": "b"})] == [201, 200]
    assert lab.call("GET", other.upper()).json()["tags"] == {"a": "b"}
    assert [group["name"] for group in lab.call("GET", f"/subscriptions/{SUBSCRIPTION}/resourcegroups").json()["value"]] == ["group", "other"]
    assert error_of(lab.call("PUT", other, {"location": "eastus"})) == (409, "InvalidResourceLocation")
    assert [lab.call("HEAD", path).status_code for path in (other, other + "x")] == [204, 404]


@pytest.mark.parametrize("name", ["ends.", "a b", "x" * 91])
def test_a_name_that_a_group_cannot_have_is_refused(lab: Lab, name: str) -> None:
    assert error_of(lab.call("PUT", GROUP.replace("/group", f"/{name}"), {"location": "eastus"})) == (400, "InvalidResourceGroup")


def test_the_subscription_is_listed_with_its_tenant(lab: Lab) -> None:
    [subscription] = lab.call("GET", "/subscriptions").json()["value"]
    assert (subscription["subscriptionId"], subscription["tenantId"]) == (SUBSCRIPTION, lab.state.tenant)


@pytest.mark.parametrize(
    ("odata_filter", "ids"),
    [
        ("", [IDENTITY, VAULT, REGISTRY]),
        ("resourceType eq 'Microsoft.ContainerRegistry/registries'", [REGISTRY]),
        ("resourceType eq 'microsoft.keyvault/VAULTS' and name eq 'lab-vault'", [VAULT]),
        ("name eq 'nothing'", []),
        ("resourceGroup eq 'GROUP' and name eq 'ratify'", [IDENTITY]),
        ("resourceGroup eq 'another'", []),
    ],
)
def test_resources_are_found_by_type_and_name(lab: Lab, odata_filter: str, ids: list[str]) -> None:
    lab.identity()
    query = {"$filter": odata_filter} if odata_filter else {}
    found = lab.call("GET", RESOURCES, **query).json()["value"]
    assert [resource["id"].lower() for resource in found] == [each.lower() for each in ids]


def test_a_filter_that_is_not_understood_is_refused(lab: Lab) -> None:
    assert lab.call("GET", RESOURCES, **{"$filter": "tagName eq 'x'"}).status_code == 400
