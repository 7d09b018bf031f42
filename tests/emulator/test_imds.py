"""Instance metadata service of a cluster's nodes."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from lab.azure import imds
from lab.azure.context import Azure
from tests.emulator.services import CLIENT, GROUP, PRINCIPAL, cluster
from tests.emulator.services import azure as emulated

RESOURCE = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/lab1-agentpool"
KUBELET = {"kubeletidentity": {"resourceId": RESOURCE, "clientId": CLIENT, "objectId": PRINCIPAL}}
PATH = "/metadata/identity/oauth2/token"
HEADERS = {"Metadata": "true"}
QUERY = {"api-version": "2018-02-01", "resource": "https://management.azure.com/"}


@pytest.fixture
def azure() -> Azure:
    azure = emulated()
    cluster(azure, "lab1", identityProfile=KUBELET)
    cluster(azure, "creating")
    return azure


@pytest.fixture
def client(azure: Azure) -> TestClient:
    return TestClient(imds.app(azure, "lab1"), base_url="http://169.254.169.254")


@pytest.mark.parametrize("named", [{}, {"client_id": CLIENT.upper()}, {"object_id": PRINCIPAL}, {"mi_res_id": RESOURCE}, {"msi_res_id": RESOURCE.lower()}])
def test_the_kubelet_identity_gets_a_token_for_the_resource(azure: Azure, client: TestClient, named: dict[str, str]) -> None:
    answer = client.get(PATH, params={**QUERY, **named}, headers=HEADERS).json()
    claims = azure.tokens.verify_access_token(answer["access_token"], ["https://management.azure.com"])
    assert (claims["oid"], claims["appid"]) == (PRINCIPAL, CLIENT)
    assert (answer["client_id"], answer["resource"], answer["token_type"]) == (CLIENT, QUERY["resource"], "Bearer")
    assert int(answer["expires_on"]) == claims["exp"]


@pytest.mark.parametrize(
    ("query", "headers", "said"),
    [
        (QUERY, {}, "Required metadata header not specified"),
        (QUERY, {"Metadata": "false"}, "Required metadata header not specified"),
        (QUERY, {**HEADERS, "X-Forwarded-For": "10.0.0.1"}, "Requests with an X-Forwarded-For header are not allowed"),
        ({"resource": "r"}, HEADERS, "Required query variable 'api-version' is missing"),
        ({"api-version": "2018-02-01"}, HEADERS, "Required query variable 'resource' is missing"),
        ({**QUERY, "client_id": PRINCIPAL}, HEADERS, "Identity not found"),
        ({**QUERY, "mi_res_id": GROUP}, HEADERS, "Identity not found"),
    ],
)
def test_other_requests_are_refused(client: TestClient, query: dict[str, str], headers: dict[str, str], said: str) -> None:
    answer = client.get(PATH, params=query, headers=headers)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request", "error_description": said})


@pytest.mark.parametrize("name", ["creating", "gone"])
def test_a_cluster_without_kubelet_identity_gets_no_token(azure: Azure, name: str) -> None:
    client = TestClient(imds.app(azure, name), base_url="http://169.254.169.254")
    assert client.get(PATH, params=QUERY, headers=HEADERS).json()["error_description"] == "Identity not found"


@pytest.mark.parametrize("version", ["2018-02-02", "1.0", "2099-01-01"])
def test_an_api_version_that_the_service_does_not_know_is_refused_with_those_that_it_does(client: TestClient, version: str) -> None:
    answer = client.get(PATH, params={**QUERY, "api-version": version}, headers=HEADERS)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Bad request. api-version is invalid or was not specified in the request.")
    assert imds.VERSIONS[-1] in answer.json()["newest-versions"]
