"""Managed identities and their federated credentials."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lab.azure.roles import ACR_PULL
from tests.emulator.machine import AUDIENCE, GROUP, IDENTITY, REGISTRY, SUBSCRIPTION, Lab, error_of

CREDENTIALS = f"{IDENTITY}/federatedIdentityCredentials"
ISSUER, SUBJECT = "https://eastus.oic.prod-aks.azure.com/t/c/", "system:serviceaccount:gatekeeper-system:ratify-admin"


def wanted(**changes: Any) -> dict[str, Any]:
    return {"properties": {"issuer": ISSUER, "subject": SUBJECT, "audiences": [AUDIENCE], **changes}}


def test_an_identity_is_created_then_updated_and_keeps_its_principal(lab: Lab) -> None:
    made = lab.call("PUT", IDENTITY, {"location": "East US", "tags": {"a": "b"}})
    again = lab.call("PUT", IDENTITY, {"location": "eastus"})
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["location"] == "eastus"
    assert made.json()["id"] == IDENTITY.replace("resourceGroups", "resourcegroups") == made.headers["location"]
    assert again.json()["properties"]["principalId"] == made.json()["properties"]["principalId"]
    assert again.json()["tags"] == {}


def test_an_identity_cannot_move(lab: Lab) -> None:
    lab.identity()
    assert error_of(lab.call("PUT", IDENTITY, {"location": "westus"})) == (409, "InvalidResourceLocation")


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [("id", {"location": "eastus"}, "InvalidResourceName"), ("-identity", {"location": "eastus"}, "InvalidResourceName"), ("ratify", {}, "LocationRequired")],
)
def test_an_identity_that_azure_refuses_is_refused(lab: Lab, name: str, body: dict[str, Any], code: str) -> None:
    assert error_of(lab.call("PUT", IDENTITY.replace("ratify", name), body)) == (400, code)


def test_tags_are_changed_by_patch(lab: Lab) -> None:
    lab.identity()
    assert lab.call("PATCH", IDENTITY, {"tags": {"team": "trust"}}).json()["tags"] == {"team": "trust"}
    assert lab.call("GET", IDENTITY).json()["tags"] == {"team": "trust"}


def test_identities_are_listed_by_group_and_by_subscription(lab: Lab) -> None:
    lab.identity()
    for scope in (GROUP, f"/subscriptions/{SUBSCRIPTION}"):
        listed = lab.call("GET", f"{scope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities").json()["value"]
        assert [identity["name"] for identity in listed] == ["ratify"]


def test_deleting_an_identity_leaves_its_role_assignments(lab: Lab) -> None:
    principal = lab.identity()["properties"]["principalId"]
    lab.assign(ACR_PULL, principal, REGISTRY)
    assert lab.call("DELETE", IDENTITY).status_code == 200
    assert lab.call("DELETE", IDENTITY).status_code == 204
    left = lab.call("GET", f"{REGISTRY}/providers/Microsoft.Authorization/roleAssignments", **{"$filter": f"principalId eq '{principal}'"})
    assert len(left.json()["value"]) == 1


def test_a_federated_credential_is_created_replaced_and_removed(lab: Lab) -> None:
    lab.identity()
    made = lab.call("PUT", f"{CREDENTIALS}/ratify", wanted())
    changed = lab.call("PUT", f"{CREDENTIALS}/ratify", wanted(subject="system:serviceaccount:a:b"))
    assert (made.status_code, changed.status_code) == (201, 200)
    assert made.headers["location"] == made.json()["id"]
    assert changed.json()["properties"] == {"issuer": ISSUER, "subject": "system:serviceaccount:a:b", "audiences": [AUDIENCE]}
    assert lab.call("GET", f"{CREDENTIALS}/RATIFY").json() == changed.json()
    assert [lab.call("DELETE", f"{CREDENTIALS}/ratify").status_code for _ in range(2)] == [200, 204]
    assert lab.call("GET", CREDENTIALS).json() == {"value": []}


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("fi", wanted(), "name 'fi' is invalid"),
        ("_credential", wanted(), "name '_credential' is invalid"),
        ("x" * 121, wanted(), "is invalid"),
        ("ratify", {"properties": {}}, "has empty properties"),
        ("ratify", wanted(issuer=""), "must specify 'issuer', 'subject' and 'audience'"),
        ("ratify", wanted(subject=None), "must specify 'issuer', 'subject' and 'audience'"),
        ("ratify", wanted(audiences=[]), "must specify 'issuer', 'subject' and 'audience'"),
        ("ratify", wanted(audiences=["a", "b"]), "exactly one audience"),
        ("ratify", wanted(issuer="https://" + "x" * 593), "Issuer is a string of at most 600"),
        ("ratify", wanted(subject="x" * 601), "Subject is a string of at most 600"),
        ("ratify", wanted(audiences=["x" * 601]), "Audience is a string of at most 600"),
    ],
)
def test_a_federated_credential_that_azure_refuses_is_refused(lab: Lab, name: str, body: dict[str, Any], words: str) -> None:
    lab.identity()
    response = lab.call("PUT", f"{CREDENTIALS}/{name}", body)
    assert error_of(response) == (400, "BadRequest")
    assert words in response.json()["error"]["message"]
    assert lab.call("GET", CREDENTIALS).json() == {"value": []}


def test_six_hundred_characters_are_not_too_many(lab: Lab) -> None:
    lab.identity()
    assert lab.call("PUT", f"{CREDENTIALS}/ratify", wanted(issuer="https://" + "x" * 592, subject="x" * 600, audiences=["x" * 600])).status_code == 201


def test_the_same_issuer_and_subject_under_another_name_is_a_conflict(lab: Lab) -> None:
    lab.identity()
    lab.federate(ISSUER, SUBJECT)
    response = lab.call("PUT", f"{CREDENTIALS}/another", wanted())
    assert error_of(response) == (409, "Conflict")
    assert response.json()["error"]["message"] == "Issuer and subject combination already exists for this Managed Identity."
    assert lab.call("PUT", f"{CREDENTIALS}/another", wanted(issuer=ISSUER.rstrip("/"))).status_code == 201


def test_an_identity_has_at_most_twenty_federated_credentials(lab: Lab) -> None:
    lab.identity()
    for number in range(20):
        lab.federate(ISSUER, f"{SUBJECT}-{number}", f"credential-{number}")
    assert lab.call("PUT", f"{CREDENTIALS}/one-more", wanted()).status_code == 400
    assert lab.call("PUT", f"{CREDENTIALS}/credential-3", wanted()).status_code == 200


def test_a_missing_identity_is_reported_as_a_missing_parent(lab: Lab) -> None:
    for method, body in (("PUT", wanted()), ("GET", None), ("DELETE", None)):
        assert error_of(lab.call(method, f"{CREDENTIALS}/ratify", body)) == (404, "ParentResourceNotFound")


def test_two_writes_under_one_identity_at_a_time_are_refused_and_under_two_identities_are_not(lab: Lab) -> None:
    lab.identity()
    lab.done(IDENTITY.replace("ratify", "another"), {"location": "eastus"})
    lab.state.settings.write_duration = 0.3

    def put(path: str, subject: str) -> int:
        return lab.call("PUT", path, wanted(subject=subject)).status_code

    with ThreadPoolExecutor() as pool:
        same = sorted(pool.map(put, [f"{CREDENTIALS}/first", f"{CREDENTIALS}/second"], ["a", "b"]))
        apart = sorted(pool.map(put, [f"{CREDENTIALS}/third", f"{CREDENTIALS.replace('/ratify/', '/another/')}/third"], ["c", "c"]))
    assert same == [201, 409]
    assert apart == [201, 201]


def test_the_refusal_of_overlapping_writes_has_azures_code(lab: Lab) -> None:
    lab.identity()
    lab.state.settings.write_duration = 0.3
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda name: lab.call("DELETE", f"{CREDENTIALS}/{name}"), ["first", "second"]))
    refused = next(response for response in both if response.status_code == 409)
    assert error_of(refused) == (409, "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity")
    assert "retry-after" not in refused.headers


def test_a_list_comes_in_pages_when_asked(lab: Lab) -> None:
    lab.identity()
    for number in range(3):
        lab.federate(ISSUER, f"{SUBJECT}-{number}", f"credential-{number}")
    first = lab.call("GET", CREDENTIALS, **{"$top": "2"}).json()
    second = lab.client.get(first["nextLink"], headers={"Authorization": f"Bearer {lab.token()}"}).json()
    assert [c["name"] for c in first["value"] + second["value"]] == ["credential-0", "credential-1", "credential-2"]
    assert "nextLink" not in second
