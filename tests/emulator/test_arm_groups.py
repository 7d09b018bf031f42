"""Resource groups, the list of resources, and registries."""

from __future__ import annotations

import time

import httpx
import pytest

from lab.azure.arm import resource_groups
from lab.azure.state import Operation, now
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


def test_nothing_is_written_into_a_group_that_is_being_deleted(lab: Lab) -> None:
    lab.identity()
    lab.state.settings.operation_delay = 0.5
    gone = lab.call("DELETE", GROUP)
    assert gone.status_code == 202
    assert lab.call("GET", GROUP).json()["properties"]["provisioningState"] == "Deleting"
    said = "The resource group 'group' is in deprovisioning state and cannot perform this operation."
    assignment = f"{VAULT}/providers/Microsoft.Authorization/roleAssignments/99999999-0000-0000-0000-000000000001"
    credential = f"{IDENTITY}/federatedIdentityCredentials/one"
    for method, path in (("PUT", GROUP.upper()), ("PUT", IDENTITY), ("PATCH", VAULT), ("PUT", credential), ("PUT", assignment)):
        refused = lab.call(method, path, {"location": "eastus"})
        assert (*error_of(refused), refused.json()["error"]["message"].lower()) == (409, "ResourceGroupBeingDeleted", said.lower()), path
    assert lab.call("GET", VAULT).status_code == 200
    wait_until_deleted(lab, gone)
    assert error_of(lab.call("PUT", IDENTITY, {"location": "eastus"})) == (404, "ResourceGroupNotFound")
    assert lab.call("PUT", GROUP, {"location": "westus"}).status_code == 201


def test_a_deletion_of_a_group_that_a_stop_interrupted_is_taken_up_again(lab: Lab) -> None:
    lab.state.resource_groups[GROUP.lower()]["properties"]["provisioningState"] = "Deleting"
    job = Operation("one", "InProgress", now(), deletes=GROUP.lower())
    lab.state.operations[job.id] = job
    assert lab.client.portal is not None
    lab.client.portal.call(_resume, lab)
    for _ in range(500):
        if job.status == "Succeeded":
            break
        time.sleep(0.005)
    assert (job.status, lab.state.resource_groups) == ("Succeeded", {})


async def _resume(lab: Lab) -> None:
    resource_groups.resume(lab.azure)


def wait_until_deleted(lab: Lab, gone: httpx.Response) -> None:
    path = gone.headers["location"].partition("?")[0].removeprefix(lab.azure.arm_url)
    while (status := lab.call("GET", path).status_code) == 202:
        time.sleep(0.05)
    assert status == 200
