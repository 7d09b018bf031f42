"""Microsoft Graph: who may look, and what is found."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from lab.azure.context import Azure
from lab.azure.state import State, now
from tests.emulator.machine import CLUSTER, IDENTITY, OWNER_CLIENT, OWNER_ID, SUBSCRIPTION, TENANT, Lab, Machine, error_of

GRAPH = "https://graph.microsoft.com"
BY_IDS = "/v1.0/directoryObjects/getByIds"
PRINCIPALS = "/v1.0/servicePrincipals"


@pytest.fixture
def reader(lab: Lab) -> Lab:
    """The owner may read the directory."""
    lab.state.service_principals[OWNER_CLIENT].graph_permissions = ["Directory.Read.All"]
    return lab


def ask(lab: Lab, path: str, body: Any = None, *, token: str | None = None, method: str = "", **query: str) -> httpx.Response:
    bearer = lab.token(audience=lab.azure.graph_url) if token is None else token
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    method = method or ("POST" if body is not None else "GET")
    response: httpx.Response = lab.client.request(method, f"{lab.azure.graph_url}{path}", json=body, params=query, headers=headers)
    return response


def names(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [found["displayName"] for found in response.json()["value"]]


def test_an_owner_of_the_subscription_may_not_read_the_directory(lab: Lab) -> None:
    assert error_of(ask(lab, BY_IDS, {"ids": [OWNER_ID]})) == (403, "Authorization_RequestDenied")


@pytest.mark.parametrize("permission", ["User.Read.All", "Mail.Read"])
def test_a_permission_for_something_else_does_not_help(lab: Lab, permission: str) -> None:
    lab.state.service_principals[OWNER_CLIENT].graph_permissions = [permission]
    assert error_of(ask(lab, PRINCIPALS)) == (403, "Authorization_RequestDenied")


def test_only_a_token_of_this_tenant_for_graph_is_accepted(reader: Lab) -> None:
    foreign = Azure(State(TENANT, SUBSCRIPTION), Machine()).tokens.access_token(OWNER_ID, OWNER_ID, GRAPH)
    for token in ("", "not.a.jwt", foreign, reader.token(), reader.token(audience=GRAPH, seconds=-1)):
        assert error_of(ask(reader, PRINCIPALS, token=token)) == (401, "InvalidAuthenticationToken")
    assert ask(reader, PRINCIPALS, token=reader.token(audience=GRAPH)).status_code == 200


def test_a_token_for_graph_is_had_by_the_address_that_the_metadata_names(reader: Lab) -> None:
    metadata = reader.client.get("/metadata/endpoints", params={"api-version": "2022-09-01"}).json()
    form = {"grant_type": "client_credentials", "client_id": OWNER_CLIENT, "client_secret": "owner's secret"}
    form["scope"] = f"{metadata['microsoftGraphResourceId']}/.default"
    token = reader.client.post(f"{reader.azure.login_url}/{TENANT}/oauth2/v2.0/token", data=form).json()["access_token"]
    assert ask(reader, PRINCIPALS, token=token).status_code == 200


def test_objects_are_found_by_id_and_kind(reader: Lab) -> None:
    identity = reader.identity()["properties"]["principalId"]
    unknown = "99999999-0000-0000-0000-000000000000"
    body = {"ids": [identity.upper(), unknown, OWNER_ID], "types": ["user", "servicePrincipal"]}
    response = ask(reader, BY_IDS, body)
    assert names(response) == ["ratify", "owner"]
    assert {found["@odata.type"] for found in response.json()["value"]} == {"#microsoft.graph.servicePrincipal"}
    assert names(ask(reader, BY_IDS, {**body, "types": ["user", "group"]})) == []
    assert names(ask(reader, BY_IDS, {"ids": [identity]})) == ["ratify"]


def test_principals_are_found_by_their_client_id(reader: Lab) -> None:
    client_id = reader.identity()["properties"]["clientId"]
    assert names(ask(reader, PRINCIPALS, **{"$filter": f"servicePrincipalNames/any(c:c eq '{client_id}')"})) == ["ratify"]
    assert names(ask(reader, PRINCIPALS, **{"$filter": f"appId eq '{OWNER_CLIENT}'"})) == ["owner"]
    assert names(ask(reader, PRINCIPALS, **{"$filter": f"appId eq '{OWNER_ID}'"})) == []
    assert error_of(ask(reader, PRINCIPALS, **{"$filter": "startswith(displayName,'r')"})) == (400, "Request_UnsupportedQuery")


def test_the_directory_names_the_resource_of_a_managed_identity(reader: Lab) -> None:
    reader.identity()
    reader.cluster()
    found = {one["displayName"]: one for one in ask(reader, PRINCIPALS).json()["value"]}
    explicit, resource = found["ratify"]["alternativeNames"]
    assert (explicit, resource.lower(), found["ratify"]["servicePrincipalType"]) == ("isExplicit=True", IDENTITY.lower(), "ManagedIdentity")
    explicit, resource = found["one"]["alternativeNames"]
    assert (explicit, resource.lower()) == ("isExplicit=False", CLUSTER.lower())
    assert (found["owner"]["alternativeNames"], found["owner"]["servicePrincipalType"]) == ([], "Application")


def test_a_new_identity_is_not_there_at_once(reader: Lab) -> None:
    principal_id = reader.identity()["properties"]["principalId"]
    next(iter(reader.state.identities.values())).visible_at = now() + 60
    assert names(ask(reader, BY_IDS, {"ids": [principal_id]})) == []


@pytest.mark.parametrize("body", [{}, {"ids": "x"}, {"ids": ["not a guid"]}, {"ids": [OWNER_ID] * 1001}, [1]])
def test_a_request_that_makes_no_sense_is_refused(reader: Lab, body: Any) -> None:
    assert error_of(ask(reader, BY_IDS, body)) == (400, "Request_BadRequest")


def test_what_graph_does_not_have_is_refused(reader: Lab) -> None:
    assert error_of(ask(reader, "/v1.0/deviceThings")) == (400, "BadRequest")
    assert error_of(ask(reader, PRINCIPALS, method="DELETE")) == (405, "Request_BadRequest")
