"""Azure Container Registry's front, with an OCI registry in memory behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from lab.azure.context import Azure
from lab.azure.registries import container_registry
from lab.azure.registries.distribution import MANIFEST_LIMIT, Distribution
from lab.azure.roles import (
    ACR_PULL,
    ACR_PUSH,
    CONTRIBUTOR,
    KEY_VAULT_ADMINISTRATOR,
    OWNER,
    READER,
    REPOSITORY_CATALOG_LISTER,
    REPOSITORY_CONTRIBUTOR,
    REPOSITORY_READER,
    REPOSITORY_WRITER,
    USER_ACCESS_ADMINISTRATOR,
    Role,
)
from lab.azure.state import State, load, now, save
from tests.emulator.services import CLIENT, GROUP, PRINCIPAL, SUBSCRIPTION, Storage, assign, other_azure
from tests.emulator.services import azure as emulated

REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/lab"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + "c" * 64, "size": 2}
IMAGE = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": CONFIG, "layers": []}).encode()
SIGNATURE = "application/vnd.cncf.notary.signature"


@pytest.fixture
def azure() -> Azure:
    return emulated()


@pytest.fixture
def storage() -> Storage:
    return Storage()


@pytest.fixture
def client(azure: Azure, storage: Storage) -> TestClient:
    return at("lab", azure, storage)


def at(name: str, azure: Azure, storage: Storage) -> TestClient:
    return TestClient(container_registry.app(azure, storage.client()), base_url=f"https://{name}.azurecr.io")


def entra(azure: Azure, audience: str = "https://containerregistry.azure.net") -> str:
    return azure.tokens.access_token(PRINCIPAL, CLIENT, audience)


def exchange(client: TestClient, access_token: str, service: str = "lab.azurecr.io") -> httpx.Response:
    answer: httpx.Response = client.post(
        "/oauth2/exchange", data={"grant_type": "access_token", "service": service, "tenant": "t", "access_token": access_token}
    )
    return answer


def login(client: TestClient, actions: str = "pull,push,delete", repository: str = "app") -> dict[str, str]:
    """Authorization header of CLIENT, who asks for `actions`."""
    answer = client.get("/oauth2/token", params={"scope": f"repository:{repository}:{actions}"}, auth=(CLIENT, "secret"))
    return {"Authorization": f"Bearer {answer.json()['access_token']}"} if answer.status_code == 200 else {}


def push(client: TestClient, manifest: bytes = IMAGE, reference: str = "latest") -> httpx.Response:
    headers = {**login(client), "Content-Type": MANIFEST}
    answer: httpx.Response = client.put(f"/v2/app/manifests/{reference}", content=manifest, headers=headers)
    return answer


def referrer(subject: str, kind: str = SIGNATURE, **annotations: str) -> bytes:
    of = {"mediaType": MANIFEST, "digest": subject, "size": len(IMAGE)}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind, "config": CONFIG, "subject": of, "annotations": annotations}).encode()


LEGACY, ABAC = "LegacyRegistryPermissions", "AbacRepositoryPermissions"


@pytest.mark.parametrize(
    ("mode", "role", "allowed"),
    [
        (LEGACY, None, ""),
        (LEGACY, ACR_PULL, "pull"),
        (LEGACY, ACR_PUSH, "pull push"),
        (LEGACY, READER, "pull"),
        (LEGACY, CONTRIBUTOR, "pull push delete"),
        (LEGACY, OWNER, "pull push delete"),
        (LEGACY, USER_ACCESS_ADMINISTRATOR, "pull"),
        (LEGACY, REPOSITORY_READER, ""),
        (LEGACY, REPOSITORY_WRITER, ""),
        (LEGACY, KEY_VAULT_ADMINISTRATOR, ""),
        (ABAC, None, ""),
        (ABAC, ACR_PULL, ""),
        (ABAC, ACR_PUSH, ""),
        (ABAC, READER, ""),
        (ABAC, CONTRIBUTOR, ""),
        (ABAC, OWNER, ""),
        (ABAC, REPOSITORY_READER, "pull"),
        (ABAC, REPOSITORY_WRITER, "pull push"),
        (ABAC, REPOSITORY_CONTRIBUTOR, "pull push delete"),
        (ABAC, KEY_VAULT_ADMINISTRATOR, ""),
    ],
)
def test_a_role_allows_what_it_allows_in_azure(azure: Azure, client: TestClient, storage: Storage, mode: str, role: Role | None, allowed: str) -> None:
    azure.state.registries[REGISTRY.lower()].properties["roleAssignmentMode"] = mode
    if role:
        assign(azure, role, REGISTRY)
    storage.content["lab.azurecr.io/app@latest"] = IMAGE
    requests = {"pull": ("GET", 200), "push": ("PUT", 201), "delete": ("DELETE", 202)}
    headers = {**login(client), "Content-Type": MANIFEST}
    answers = {
        action: client.request(method, "/v2/app/manifests/latest", headers=headers, content=IMAGE if method == "PUT" else None).status_code
        for action, (method, _) in requests.items()
    }
    assert answers == {action: good if action in allowed.split() else 401 for action, (_, good) in requests.items()}
    assert exchange(client, entra(azure)).status_code == (200 if allowed else 401)


@pytest.mark.parametrize("scope", [REGISTRY, REGISTRY.upper(), GROUP, f"/subscriptions/{SUBSCRIPTION}"])
def test_a_role_on_the_registry_or_above_counts(azure: Azure, client: TestClient, scope: str) -> None:
    assign(azure, ACR_PULL, scope)
    assert exchange(client, entra(azure)).status_code == 200


@pytest.mark.parametrize("scope", [f"{REGISTRY}2", REGISTRY.replace("lab", "other"), GROUP.replace("group", "groups")])
def test_a_role_elsewhere_does_not_count(azure: Azure, client: TestClient, scope: str) -> None:
    assign(azure, ACR_PULL, scope)
    assert exchange(client, entra(azure)).status_code == 401


def test_a_role_counts_from_the_moment_it_takes_effect(azure: Azure, client: TestClient) -> None:
    assignment = assign(azure, ACR_PULL, REGISTRY, effective_at=now() + 60)
    assert exchange(client, entra(azure)).status_code == 401
    assignment.effective_at = now() - 1
    assert exchange(client, entra(azure)).status_code == 200


def test_a_revoked_role_ends_the_use_of_tokens_that_are_still_valid(azure: Azure, client: TestClient) -> None:
    assign(azure, ACR_PUSH, REGISTRY)
    push(client)
    headers = login(client)
    assert client.get("/v2/app/manifests/latest", headers=headers).status_code == 200
    azure.state.role_assignments.clear()
    assert client.get("/v2/app/manifests/latest", headers=headers).status_code == 401


@pytest.mark.parametrize("audience", ["https://containerregistry.azure.net", "https://management.azure.com/", "https://management.core.windows.net/"])
def test_an_entra_token_is_exchanged(azure: Azure, client: TestClient, audience: str) -> None:
    assign(azure, ACR_PULL, REGISTRY)
    assert exchange(client, entra(azure, audience)).json()["refresh_token"]


@pytest.mark.parametrize(
    ("token", "service", "status"),
    [
        (lambda azure: entra(azure, "https://vault.azure.net"), "lab.azurecr.io", 401),
        (lambda azure: entra(other_azure()), "lab.azurecr.io", 401),
        (lambda azure: "", "lab.azurecr.io", 401),
        (entra, "other.azurecr.io", 400),
    ],
    ids=["for another service", "signed by somebody else", "none", "for another registry"],
)
def test_an_exchange_is_refused(azure: Azure, client: TestClient, token: Callable[[Azure], str], service: str, status: int) -> None:
    assign(azure, ACR_PULL, REGISTRY)
    assert exchange(client, token(azure), service).status_code == status


def test_every_client_gets_its_access_token_in_its_own_way(azure: Azure, client: TestClient) -> None:
    assign(azure, ACR_PULL, REGISTRY)
    refresh, null = exchange(client, entra(azure)).json()["refresh_token"], container_registry.NULL_GUID
    scope = {"service": "lab.azurecr.io", "scope": "repository:app:pull"}
    ways = {
        "oras, crane": client.get("/oauth2/token", params=scope, auth=(null, refresh)),
        "containerd": client.post("/oauth2/token", data={**scope, "grant_type": "password", "username": null, "password": refresh}),
        "docker": client.post("/oauth2/token", data={**scope, "grant_type": "refresh_token", "refresh_token": refresh}),
        "service principal": client.get("/oauth2/token", params=scope, auth=(CLIENT, "secret")),
    }
    for way, answer in ways.items():
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert client.get("/v2/app/manifests/none", headers=headers).status_code == 404, way


def test_a_token_request_without_good_credentials_is_refused(azure: Azure, client: TestClient) -> None:
    assign(azure, ACR_PULL, REGISTRY)
    access = login(client)["Authorization"].removeprefix("Bearer ")
    elsewhere = azure.tokens.sign({"sub": PRINCIPAL, "grant_type": "refresh_token"}, issuer=container_registry.ISSUER, audience="other.azurecr.io", seconds=60)
    bad = [(CLIENT, "wrong"), (CLIENT, ""), ("", ""), ("nobody", "secret"), (container_registry.NULL_GUID, access), (container_registry.NULL_GUID, elsewhere)]
    scope = {"scope": "repository:app:pull"}
    for user, password in bad:
        assert client.get("/oauth2/token", params=scope, auth=(user, password)).status_code == 401
        assert client.post("/oauth2/token", data={**scope, "grant_type": "password", "username": user, "password": password}).status_code == 401
    assert client.get("/oauth2/token", params=scope).status_code == 401


def test_an_access_token_carries_only_what_was_asked_and_is_allowed(azure: Azure, client: TestClient) -> None:
    assign(azure, ACR_PUSH, REGISTRY)
    push(client)
    assert client.put("/v2/app/manifests/latest", content=IMAGE, headers=login(client, "pull")).status_code == 401
    assert client.get("/v2/app/manifests/latest", headers=login(client, "pull", "elsewhere")).status_code == 401
    refused = client.get("/oauth2/token", params={"scope": "repository:app:delete"}, auth=(CLIENT, "secret"))
    assert refused.status_code == 401
    assert refused.json()["errors"][0]["detail"] == [{"Type": "repository", "Name": "app", "Action": "delete"}]


def test_a_request_without_a_token_is_answered_with_where_to_get_one(client: TestClient) -> None:
    realm = 'Bearer realm="https://lab.azurecr.io/oauth2/token",service="lab.azurecr.io"'
    assert client.get("/v2/").headers["www-authenticate"] == realm
    answer = client.get("/v2/app/manifests/latest")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, f'{realm},scope="repository:app:pull"')
    assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"
    assert answer.json()["errors"][0]["message"].startswith("authentication required, visit https://aka.ms/acr/authorization for more information.")
    bad = client.get("/v2/app/manifests/latest", headers={"Authorization": "Bearer bad"})
    assert bad.headers["www-authenticate"].endswith('scope="repository:app:pull",error="invalid_token"')


def test_a_refresh_token_and_an_entra_token_open_no_repository(azure: Azure, client: TestClient) -> None:
    assign(azure, OWNER, REGISTRY)
    push(client)
    for token in (exchange(client, entra(azure)).json()["refresh_token"], entra(azure)):
        assert client.get("/v2/app/manifests/latest", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_blob_is_uploaded_and_downloaded(azure: Azure, client: TestClient, storage: Storage) -> None:
    assign(azure, ACR_PUSH, REGISTRY)
    headers, digest = login(client), "sha256:" + "b" * 64
    begun = client.post("/v2/app/blobs/uploads/", params={"mount": digest, "from": "secret/of/others"}, headers=headers)
    assert (begun.status_code, begun.headers["location"]) == (202, "/v2/app/blobs/uploads/id-1?_state=s")
    assert not storage.seen[0].url.query, "nothing is mounted from another repository"
    assert client.put("/v2/app/blobs/uploads/id-1", params={"_state": "s", "digest": digest}, content=b"layer" * 100_000, headers=headers).status_code == 201
    assert client.get(f"/v2/app/blobs/{digest}", headers=headers).content == b"layer" * 100_000


def test_tags_are_listed_under_the_repository_that_was_asked(azure: Azure, client: TestClient) -> None:
    assign(azure, ACR_PUSH, REGISTRY)
    push(client, reference="one")
    answer = client.get("/v2/app/tags/list", headers=login(client))
    assert answer.json() == {"name": "app", "tags": ["one"]}
    assert answer.headers["link"] == '</v2/app/tags/list?last=b&n=1>; rel="next"'


def listing(client: TestClient, scope: str) -> dict[str, str]:
    """Authorization header of CLIENT for a list."""
    answer = client.get("/oauth2/token", params={"scope": scope}, auth=(CLIENT, "secret"))
    return {"Authorization": f"Bearer {answer.json()['access_token']}"} if answer.status_code == 200 else {}


@pytest.mark.parametrize(
    ("mode", "role", "lists"),
    [
        (LEGACY, None, ""),
        (LEGACY, ACR_PULL, "repositories tags"),
        (LEGACY, REPOSITORY_CATALOG_LISTER, ""),
        (ABAC, ACR_PULL, ""),
        (ABAC, OWNER, ""),
        (ABAC, REPOSITORY_READER, "tags"),
        (ABAC, REPOSITORY_CONTRIBUTOR, "tags"),
        (ABAC, REPOSITORY_CATALOG_LISTER, "repositories"),
    ],
)
def test_a_role_lists_what_it_lists_in_azure(azure: Azure, client: TestClient, storage: Storage, mode: str, role: Role | None, lists: str) -> None:
    azure.state.registries[REGISTRY.lower()].properties["roleAssignmentMode"] = mode
    if role:
        assign(azure, role, REGISTRY)
    storage.content["lab.azurecr.io/app@latest"] = IMAGE
    requests = {"repositories": ("/acr/v1/_catalog", "registry:catalog:*"), "tags": ("/acr/v1/app/_tags", "repository:app:metadata_read")}
    tokens = {what: listing(client, scope) for what, (_, scope) in requests.items()}
    answers = {what: client.get(path, headers=tokens[what]).status_code for what, (path, _) in requests.items()}
    assert answers == {what: 200 if what in lists.split() else 401 for what in requests}
    assert {what for what, token in tokens.items() if token} == set(lists.split())


@pytest.mark.parametrize("path", ["/acr/v1/_catalog", "/acr/v1/app/_tags"])
@pytest.mark.parametrize("scope", ["repository:app:pull", "repository:catalog:pull,metadata_read", "repository:other:metadata_read"])
def test_a_list_needs_a_token_of_its_own_scope(azure: Azure, client: TestClient, path: str, scope: str) -> None:
    assign(azure, OWNER, REGISTRY)
    push(client)
    needed = "registry:catalog:*" if "catalog" in path else "repository:app:metadata_read"
    assert f'scope="{needed}"' in client.get(path).headers["www-authenticate"]
    refused = client.get(path, headers=listing(client, scope))
    assert (refused.status_code, f'scope="{needed}",error="insufficient_scope"' in refused.headers["www-authenticate"]) == (401, True)
    kind, name, action = needed.split(":")
    assert refused.json()["errors"][0]["detail"] == [{"Type": kind, "Name": name, "Action": action}]
    assert client.get(path, headers=listing(client, needed)).status_code == 200


def test_a_token_for_the_catalog_is_none_for_a_repository_of_this_name(azure: Azure, client: TestClient) -> None:
    assign(azure, OWNER, REGISTRY)
    headers = listing(client, "registry:catalog:*")
    assert client.get("/acr/v1/catalog/_tags", headers=headers).status_code == 401
    assert client.put("/v2/catalog/manifests/latest", content=IMAGE, headers=headers).status_code == 401


def test_lists_come_in_pages(azure: Azure, client: TestClient, storage: Storage) -> None:
    assign(azure, ACR_PULL, REGISTRY)
    for name in ("shop/web", "app", "shop/cart"):
        storage.content[f"lab.azurecr.io/{name}@latest"] = IMAGE
    storage.content["other.azurecr.io/secret@latest"] = IMAGE
    headers = listing(client, "registry:catalog:*")
    assert client.get("/acr/v1/_catalog", headers=headers).json() == {"repositories": ["app", "shop/cart", "shop/web"]}
    first = client.get("/acr/v1/_catalog?n=2", headers=headers)
    assert first.json() == {"repositories": ["app", "shop/cart"]}
    assert first.headers["link"] == '</acr/v1/_catalog?last=shop%2Fcart&n=2&orderby=>; rel="next"'
    second = client.get("/acr/v1/_catalog?last=shop%2Fcart&n=2&orderby=", headers=headers)
    assert (second.json(), "link" in second.headers) == ({"repositories": ["shop/web"]}, False)
    for number in ("0", "x", "-1"):
        assert client.get(f"/acr/v1/_catalog?n={number}", headers=headers).json()["errors"][0]["code"] == "PAGINATION_NUMBER_INVALID"


def test_tags_are_listed_with_what_they_name(azure: Azure, client: TestClient) -> None:
    assign(azure, ACR_PUSH, REGISTRY)
    digests = {tag: push(client, content, tag).headers["docker-content-digest"] for tag, content in {"two": IMAGE, "one": IMAGE, "other": IMAGE + b" "}.items()}
    answer = client.get("/acr/v1/app/_tags?n=2", headers=listing(client, "repository:app:metadata_read"))
    assert answer.json() == {
        "registry": "lab.azurecr.io",
        "imageName": "app",
        "tags": [{"name": "one", "digest": digests["one"]}, {"name": "other", "digest": digests["other"]}],
    }
    assert answer.headers["link"] == '</acr/v1/app/_tags?last=other&n=2&orderby=>; rel="next"'
    missing = client.get("/acr/v1/none/_tags", headers=listing(client, "repository:none:metadata_read"))
    assert (missing.status_code, missing.json()["errors"][0]["code"]) == (404, "NAME_UNKNOWN")


def test_two_registries_share_no_content(azure: Azure, client: TestClient, storage: Storage) -> None:
    assign(azure, OWNER, GROUP)
    other = at("other", azure, storage)
    push(client)
    assert client.get("/v2/app/manifests/latest", headers=login(client)).status_code == 200
    assert other.get("/v2/app/manifests/latest", headers=login(other)).status_code == 404
    assert other.get("/v2/app/manifests/latest", headers=login(client)).status_code == 401, "a token is for one registry"


@pytest.mark.parametrize(
    "path",
    [
        "/v2/app",
        "/v2/_catalog",
        "/v2/App/manifests/x",
        "/v2/app/manifests/%2e%2e%2fx",
        "/v2/app/manifests/..",
        "/v2/app/blobs/a/b",
        "/v2/app/%2e%2e/other.azurecr.io/app/manifests/x",
        "/acr/v1/%2e%2e/other.azurecr.io/app/_tags",
        "/acr/v1/App/_tags",
    ],
)
def test_a_path_outside_the_specification_is_refused(azure: Azure, client: TestClient, path: str) -> None:
    assign(azure, OWNER, REGISTRY)
    url = client.base_url.copy_with(raw_path=path.encode())
    answer = client.get(url, headers=login(client))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "NAME_INVALID")


def test_a_manifest_that_is_too_large_is_refused(azure: Azure, client: TestClient) -> None:
    assign(azure, ACR_PUSH, REGISTRY)
    assert push(client, b" " * (MANIFEST_LIMIT + 1)).status_code == 413


def test_a_storage_that_cannot_be_reached_is_an_error_not_an_answer(azure: Azure) -> None:
    assign(azure, ACR_PULL, REGISTRY)
    azure.backend.registry = "http://127.0.0.1:9"
    client = TestClient(container_registry.app(azure, Distribution()), base_url="https://lab.azurecr.io")
    assert client.get("/v2/app/manifests/latest", headers=login(client)).status_code == 503


class TestReferrers:
    @pytest.fixture(autouse=True)
    def _writer(self, azure: Azure) -> None:
        assign(azure, OWNER, REGISTRY)

    @pytest.fixture
    def image(self, client: TestClient) -> str:
        digest: str = push(client).headers["docker-content-digest"]
        return digest

    def listed(self, client: TestClient, digest: str, **params: str) -> list[dict[str, Any]]:
        answer = client.get(f"/v2/app/referrers/{digest}", params=params, headers=login(client))
        assert answer.headers["content-type"] == "application/vnd.oci.image.index.v1+json"
        found: list[dict[str, Any]] = answer.json()["manifests"]
        return found

    def test_an_image_without_referrers_has_an_empty_list(self, client: TestClient, image: str) -> None:
        assert self.listed(client, image) == []

    def test_what_refers_to_an_image_is_listed_once(self, client: TestClient, image: str) -> None:
        signature = referrer(image, title="one")
        for _ in range(2):
            pushed = push(client, signature, "signature")
            assert pushed.headers["oci-subject"] == image
        expected = {"mediaType": MANIFEST, "digest": pushed.headers["docker-content-digest"], "size": len(signature), "artifactType": SIGNATURE}
        assert self.listed(client, image) == [{**expected, "annotations": {"title": "one"}}]

    def test_the_list_is_filtered_by_artifact_type(self, client: TestClient, image: str) -> None:
        push(client, referrer(image), "signature")
        push(client, referrer(image, "application/sbom"), "sbom")
        answer = client.get(f"/v2/app/referrers/{image}", params={"artifactType": SIGNATURE}, headers=login(client))
        assert answer.headers["oci-filters-applied"] == "artifactType"
        assert [found["artifactType"] for found in answer.json()["manifests"]] == [SIGNATURE]
        assert len(self.listed(client, image)) == 2

    def test_a_deleted_referrer_is_gone(self, client: TestClient, image: str) -> None:
        digest = push(client, referrer(image), "signature").headers["docker-content-digest"]
        client.delete(f"/v2/app/manifests/{digest}", headers=login(client))
        assert self.listed(client, image) == []

    def test_the_list_needs_the_permission_to_pull(self, azure: Azure, client: TestClient, image: str) -> None:
        headers = login(client)
        azure.state.role_assignments.clear()
        assert client.get(f"/v2/app/referrers/{image}", headers=headers).status_code == 401

    def test_the_list_outlives_a_restart(self, azure: Azure, client: TestClient, storage: Storage, image: str, tmp_path: Any) -> None:
        def persist(state: State) -> None:
            save(state, tmp_path / "state.json")

        azure.persist = persist
        push(client, referrer(image), "signature")
        stored = load(tmp_path / "state.json")
        assert stored
        assert len(self.listed(at("lab", Azure(stored, azure.backend), storage), image)) == 1
