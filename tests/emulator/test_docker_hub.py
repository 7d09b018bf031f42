"""Docker Hub, with an OCI registry in memory behind it."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from lab.azure.context import Azure
from lab.azure.registries import docker_hub
from tests.emulator.services import Storage
from tests.emulator.services import azure as emulated

HUB, TOKENS = "https://registry-1.docker.io", "https://auth.docker.io/token"
NGINX = f"{HUB}/v2/library/nginx/manifests/latest"


@pytest.fixture
def azure() -> Azure:
    return emulated()


@pytest.fixture
def client(azure: Azure) -> TestClient:
    storage = Storage()
    storage.content |= {"docker.io/library/nginx@latest": b"{}", "lab.azurecr.io/app@latest": b"{}"}
    return TestClient(docker_hub.app(azure, storage.client()))


def anonymous(client: TestClient, repository: str, actions: str = "pull") -> dict[str, str]:
    answer = client.get(TOKENS, params={"service": "registry.docker.io", "scope": f"repository:{repository}:{actions}"})
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def test_a_request_without_a_token_is_answered_with_where_to_get_one(client: TestClient) -> None:
    realm = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'
    assert client.get(f"{HUB}/v2/").headers["www-authenticate"] == realm
    answer = client.get(NGINX)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, f'{realm},scope="repository:library/nginx:pull"')


def test_everybody_may_pull_what_exists(client: TestClient) -> None:
    headers = anonymous(client, "library/nginx")
    assert client.get(NGINX, headers=headers).content == b"{}"
    assert client.get(NGINX.replace("latest", "none"), headers=headers).status_code == 404


def test_no_client_may_push(client: TestClient) -> None:
    answer = client.put(NGINX, content=b"{}", headers=anonymous(client, "library/nginx", "pull,push"))
    assert answer.status_code == 401


@pytest.mark.parametrize("repository", ["library/none", "app", "lab.azurecr.io/app"])
def test_an_unknown_repository_is_refused_not_missing(client: TestClient, repository: str) -> None:
    answer = client.get(f"{HUB}/v2/{repository}/manifests/latest", headers=anonymous(client, repository))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")


def test_a_token_is_for_the_repository_that_was_asked_and_of_docker_hub(azure: Azure, client: TestClient) -> None:
    assert client.get(NGINX, headers=anonymous(client, "library/other")).status_code == 401
    foreign = azure.tokens.sign({"access": []}, issuer="Azure Container Registry", audience="registry.docker.io", seconds=60)
    assert client.get(NGINX, headers={"Authorization": f"Bearer {foreign}"}).headers["www-authenticate"].endswith('error="invalid_token"')
