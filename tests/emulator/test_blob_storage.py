"""Blob Storage's data plane."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from lab.azure import blob_storage
from lab.azure.arm.groups import new_group
from lab.azure.blob_storage import TYPE, new_account
from lab.azure.context import Azure
from lab.azure.roles import CONTRIBUTOR, OWNER, READER, STORAGE_BLOB_DATA_CONTRIBUTOR, STORAGE_BLOB_DATA_READER, Role
from lab.azure.state import Blob, StorageAccount, now
from tests.emulator.machine import Lab
from tests.emulator.services import CLIENT, GROUP, PRINCIPAL, TENANT, assign, other_azure
from tests.emulator.services import azure as emulated

ACCOUNT = f"{GROUP}/providers/{TYPE}/contoso"
CONTAINER = f"{ACCOUNT}/blobServices/default/containers/proofs"
WEB = "/proofs/clusters/web.json"
VERSION = {"x-ms-version": "2024-05-04"}
BLOCK = {"x-ms-blob-type": "BlockBlob"}
CHALLENGE = f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}/oauth2/authorize resource_id=https://storage.azure.com"


@pytest.fixture
def azure() -> Azure:
    """With the account `contoso`, in which no principal may do anything, and its containers `proofs` and `other`."""
    azure = emulated()
    new_account(azure.state, "group", "contoso", "eastus", "proofs", "other")
    return azure


@pytest.fixture
def client(azure: Azure) -> TestClient:
    return TestClient(blob_storage.app(azure), base_url="https://contoso.blob.core.windows.net")


def account(azure: Azure) -> StorageAccount:
    return azure.state.storage_accounts[ACCOUNT.lower()]


def bearer(azure: Azure, audience: str = "https://storage.azure.com", seconds: int = 60) -> dict[str, str]:
    return {"Authorization": f"Bearer {azure.tokens.access_token(PRINCIPAL, CLIENT, audience, seconds=seconds)}"}


def ask(client: TestClient, azure: Azure, method: str, path: str, content: bytes = b"", **headers: str) -> httpx.Response:
    sent = {**VERSION, **bearer(azure), **(BLOCK if method == "PUT" else {}), **{name.replace("_", "-"): value for name, value in headers.items()}}
    answer: httpx.Response = client.request(method, path, content=content or None, headers=sent)
    return answer


def element(answer: httpx.Response, name: str) -> str | None:
    """The text of an element of an error."""
    assert answer.headers["content-type"] == "application/xml"
    found = re.fullmatch(rf"\ufeff<\?xml .*\?><Error>.*?<{name}>([^<]+)</{name}>.*</Error>", answer.content.decode(), re.DOTALL)
    return found[1] if found else None


def code(answer: httpx.Response) -> str | None:
    """The error's code, which the header has too."""
    found = element(answer, "Code")
    assert found == answer.headers["x-ms-error-code"]
    return found


@pytest.mark.parametrize(
    ("role", "scope", "properties", "put", "get", "delete"),
    [
        (None, ACCOUNT, 403, 403, 403, 403),
        (STORAGE_BLOB_DATA_CONTRIBUTOR, GROUP, 200, 201, 200, 202),
        (STORAGE_BLOB_DATA_CONTRIBUTOR, ACCOUNT, 200, 201, 200, 202),
        (STORAGE_BLOB_DATA_CONTRIBUTOR, CONTAINER, 200, 201, 200, 202),
        (STORAGE_BLOB_DATA_CONTRIBUTOR, CONTAINER.replace("proofs", "other"), 403, 403, 403, 403),
        (STORAGE_BLOB_DATA_READER, CONTAINER, 200, 403, 200, 403),
        # What they may do is to the account, not to its data.
        (OWNER, ACCOUNT, 200, 403, 403, 403),
        (CONTRIBUTOR, ACCOUNT, 200, 403, 403, 403),
        (READER, ACCOUNT, 200, 403, 403, 403),
    ],
)
def test_a_role_permits_what_it_permits_in_azure(
    azure: Azure, client: TestClient, role: Role | None, scope: str, properties: int, put: int, get: int, delete: int
) -> None:
    account(azure).containers["proofs"].blobs["old"] = Blob("", "text/plain", '"0x1"', now())
    if role:
        assign(azure, role, scope)
    answers = [
        ask(client, azure, method, path)
        for method, path in (("GET", "/proofs?restype=container"), ("PUT", WEB), ("GET", "/proofs/old"), ("DELETE", "/proofs/old"))
    ]
    assert [answer.status_code for answer in answers] == [properties, put, get, delete]
    assert {code(answer) for answer in answers if answer.status_code == 403} <= {"AuthorizationPermissionMismatch"}


def test_a_role_counts_from_when_it_takes_effect(azure: Azure, client: TestClient) -> None:
    assign(azure, STORAGE_BLOB_DATA_CONTRIBUTOR, CONTAINER, effective_at=now() + 60)
    assert code(ask(client, azure, "PUT", WEB)) == "AuthorizationPermissionMismatch"


def test_a_caller_without_a_good_token_is_shown_where_to_get_one(azure: Azure, client: TestClient) -> None:
    sent: list[tuple[dict[str, str], str, str | None]] = [
        ({}, "NoAuthenticationInformation", None),
        ({"Authorization": "Basic eDp5"}, "NoAuthenticationInformation", None),
        (bearer(azure, "https://vault.azure.net"), "InvalidAuthenticationInfo", "Audience validation failed. Audience did not match."),
        (bearer(azure, seconds=-60), "InvalidAuthenticationInfo", "Lifetime validation failed. The token is expired."),
        (bearer(other_azure()), "InvalidAuthenticationInfo", "Signature validation failed."),
        ({"Authorization": "Bearer x"}, "InvalidAuthenticationInfo", "Signature validation failed."),
    ]
    for headers, expected, detail in sent:
        answer = client.get(WEB, headers={**VERSION, **headers})
        assert (answer.status_code, code(answer), answer.headers["www-authenticate"]) == (401, expected, CHALLENGE)
        assert element(answer, "AuthenticationErrorDetail") == detail


def test_a_browser_is_shown_that_nothing_is_public_and_an_old_client_that_it_is_too_old(azure: Azure, client: TestClient) -> None:
    answer = client.get(WEB)
    assert (answer.status_code, code(answer)) == (409, "PublicAccessNotPermitted")
    answer = client.get(WEB, headers=bearer(azure))
    assert (answer.status_code, code(answer)) == (403, "AuthenticationFailed")


@pytest.mark.parametrize(
    ("properties", "status"),
    [
        ({"publicNetworkAccess": "Disabled"}, 403),
        ({"networkAcls": {"defaultAction": "Deny", "ipRules": []}}, 403),
        ({"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "192.0.2.0/24"}]}}, 403),
        ({"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "127.0.0.1"}]}}, 404),
        ({}, 404),
    ],
)
def test_the_network_of_the_account_keeps_callers_out_whatever_they_may_do(azure: Azure, properties: dict[str, Any], status: int) -> None:
    client = TestClient(blob_storage.app(azure), base_url="https://contoso.blob.core.windows.net", client=("127.0.0.1", 1))
    assign(azure, STORAGE_BLOB_DATA_CONTRIBUTOR, ACCOUNT)
    account(azure).properties |= properties
    answer = ask(client, azure, "GET", WEB)
    assert (answer.status_code, code(answer)) == (status, "AuthorizationFailure" if status == 403 else "BlobNotFound")


def test_what_does_not_exist_is_named(azure: Azure, client: TestClient) -> None:
    assign(azure, STORAGE_BLOB_DATA_CONTRIBUTOR, ACCOUNT)
    for method, path, expected in (
        ("GET", WEB, "BlobNotFound"),
        ("DELETE", WEB, "BlobNotFound"),
        ("GET", "/none/web.json", "ContainerNotFound"),
        ("PUT", "/none/web.json", "ContainerNotFound"),
        ("GET", "/none?restype=container", "ContainerNotFound"),
    ):
        answer = ask(client, azure, method, path)
        assert (answer.status_code, code(answer)) == (404, expected)
    head = ask(client, azure, "HEAD", WEB)
    assert (head.status_code, head.headers["x-ms-error-code"], head.content) == (404, "BlobNotFound", b"")
    with pytest.raises(ConnectionResetError):
        client.get("https://nobody.blob.core.windows.net/proofs/web.json", headers=VERSION)


def test_a_blob_is_written_only_where_its_condition_is_met(azure: Azure, client: TestClient) -> None:
    assign(azure, STORAGE_BLOB_DATA_CONTRIBUTOR, CONTAINER)
    # A missing blob has no ETag, so that nothing is written.
    assert code(ask(client, azure, "PUT", WEB, b"0", if_match='"0x0"')) == "ConditionNotMet"
    assert account(azure).containers["proofs"].blobs == {}
    first = ask(client, azure, "PUT", WEB, b"1", if_none_match="*", x_ms_blob_content_type="application/json")
    assert first.status_code == 201
    again = ask(client, azure, "PUT", WEB, b"2", if_none_match="*")
    assert (again.status_code, code(again)) == (409, "BlobAlreadyExists")
    second = ask(client, azure, "PUT", WEB, b"2", if_match=first.headers["etag"])
    assert second.headers["etag"] != first.headers["etag"]
    for method in ("PUT", "GET", "DELETE"):
        late = ask(client, azure, method, WEB, if_match=first.headers["etag"])
        assert (late.status_code, code(late)) == (412, "ConditionNotMet")
    assert ask(client, azure, "GET", WEB).content == b"2"
    assert ask(client, azure, "DELETE", WEB, if_match=second.headers["etag"]).status_code == 202
    assert account(azure).containers["proofs"].blobs == {}


def test_a_blob_is_read_whole_or_in_a_range(azure: Azure, client: TestClient) -> None:
    assign(azure, STORAGE_BLOB_DATA_CONTRIBUTOR, CONTAINER)
    ask(client, azure, "PUT", WEB, b"0123456789", x_ms_blob_content_type="application/json")
    whole = ask(client, azure, "GET", WEB)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, b"0123456789", "application/json")
    part = ask(client, azure, "GET", WEB, x_ms_range="bytes=2-4")
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    rest = ask(client, azure, "GET", WEB, x_ms_range="bytes=8-4194303")
    assert (rest.content, rest.headers["content-range"]) == (b"89", "bytes 8-9/10")
    beyond = ask(client, azure, "GET", WEB, x_ms_range="bytes=10-20")
    assert (beyond.status_code, code(beyond)) == (416, "InvalidRange")


@pytest.mark.parametrize("access", ["", "blob", "container"])
def test_a_container_says_whether_everybody_may_read_it(azure: Azure, client: TestClient, access: str) -> None:
    assign(azure, STORAGE_BLOB_DATA_READER, CONTAINER)
    account(azure).containers["proofs"].public_access = access
    assert ask(client, azure, "GET", "/proofs?restype=container").headers.get("x-ms-blob-public-access", "") == access


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("PUT", f"{WEB}?comp=block&blockid=MQ==", BLOCK),
        ("PUT", WEB, {"x-ms-blob-type": "AppendBlob"}),
        ("GET", "/proofs?restype=container&comp=list", {}),
        ("PUT", "/proofs?restype=container", {}),
        ("GET", "/?comp=list", {}),
    ],
)
def test_what_is_not_emulated_says_so(azure: Azure, client: TestClient, method: str, path: str, headers: dict[str, str]) -> None:
    assign(azure, STORAGE_BLOB_DATA_CONTRIBUTOR, ACCOUNT)
    assert client.request(method, path, headers={**VERSION, **bearer(azure), **headers}).status_code == 400
    assert account(azure).containers.keys() == {"proofs", "other"}


def test_an_account_is_listed_takes_roles_and_goes_with_its_group(lab: Lab) -> None:
    group = new_group(lab.state.subscription, "evidence", "eastus")
    lab.state.resource_groups[group["id"].lower()] = group
    made = new_account(lab.state, "evidence", "contoso", "eastus", "proofs")
    [listed] = lab.call("GET", f"{group['id']}/resources").json()["value"]
    assert (listed["id"], listed["type"]) == (made.id, TYPE)
    scope = f"{made.id}/blobServices/default/containers/proofs"
    definition = f"/subscriptions/{lab.state.subscription}/providers/Microsoft.Authorization/roleDefinitions/{STORAGE_BLOB_DATA_READER.guid}"
    body = {"properties": {"roleDefinitionId": definition, "principalId": PRINCIPAL, "principalType": "ServicePrincipal"}}
    assert lab.call("PUT", f"{scope}/providers/Microsoft.Authorization/roleAssignments/{PRINCIPAL}", body).status_code == 201
    gone = httpx.URL(lab.call("DELETE", group["id"]).headers["location"])
    while lab.call("GET", gone.path, version=gone.params["api-version"]).status_code == 202:
        time.sleep(0.005)
    assert lab.state.storage_accounts == {}
