"""The emulated Azure over real connections: TLS, sockets, resets, and Microsoft's own clients."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.storage.blob import ContainerClient

from lab import pki
from lab.azure import app, server
from lab.azure.arm.role_assignments import new_assignment
from lab.azure.blob_storage import new_account
from lab.azure.context import Azure
from lab.azure.roles import STORAGE_BLOB_DATA_CONTRIBUTOR
from lab.azure.state import ManagedCluster
from lab.config import LOCATION, REGISTRY, RESOURCE_GROUP, SUBSCRIPTION, TENANT, VAULT, Cluster
from tests.emulator.machine import Machine, cluster_body, new_state
from tests.support.emulated import CLIENT_ID, OBJECT_ID, SECRET, Emulated, emulated

PLACE = {"location": LOCATION}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    with emulated(tmp_path_factory.mktemp("lab"), Machine()) as azure:
        yield azure


@pytest.fixture
def outside(running: Emulated) -> Emulated:
    running.reset()
    return running


def credential(azure: Emulated, secret: str = SECRET) -> ClientSecretCredential:
    trusted = azure.environment["REQUESTS_CA_BUNDLE"]
    return ClientSecretCredential(TENANT, CLIENT_ID, secret, authority=azure.azure.login_url, disable_instance_discovery=True, connection_verify=trusted)


def client(kind: Any, azure: Emulated, secret: str = SECRET) -> Any:
    """One of Microsoft's clients, as it is made for a cloud of one's own."""
    base = azure.azure.arm_url
    options = {"base_url": base, "credential_scopes": [f"{base}/.default"], "connection_verify": azure.environment["REQUESTS_CA_BUNDLE"], "retry_total": 0}
    return kind(credential(azure, secret), SUBSCRIPTION, **options)


def test_the_client_of_managed_identities_works(outside: Emulated) -> None:
    msi = client(ManagedServiceIdentityClient, outside)
    identity = msi.user_assigned_identities.create_or_update(RESOURCE_GROUP, "ratify", PLACE)
    trust = {"issuer": "https://issuer/", "subject": "system:serviceaccount:a:b", "audiences": ["api://AzureADTokenExchange"]}
    msi.federated_identity_credentials.create_or_update(RESOURCE_GROUP, "ratify", "ratify", trust)
    assert [each.issuer for each in msi.federated_identity_credentials.list(RESOURCE_GROUP, "ratify")] == ["https://issuer/"]
    assert [each.principal_id for each in msi.user_assigned_identities.list_by_resource_group(RESOURCE_GROUP)] == [identity.principal_id]
    msi.federated_identity_credentials.delete(RESOURCE_GROUP, "ratify", "ratify")
    msi.user_assigned_identities.delete(RESOURCE_GROUP, "ratify")
    assert list(msi.user_assigned_identities.list_by_subscription()) == []


def test_the_client_of_key_vault_works(outside: Emulated) -> None:
    vaults = client(KeyVaultManagementClient, outside).vaults
    entry = {"tenantId": TENANT, "objectId": OBJECT_ID, "permissions": {"secrets": ["get"]}}
    vaults.update_access_policy(RESOURCE_GROUP, VAULT, "add", {"properties": {"accessPolicies": [entry]}})
    assert [each.permissions.secrets for each in vaults.get(RESOURCE_GROUP, VAULT).properties.access_policies] == [["get"]]
    body = {"location": LOCATION, "properties": {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}}}
    made = vaults.begin_create_or_update(RESOURCE_GROUP, "another-vault", body, polling_interval=0).result()
    assert (made.properties.vault_uri, made.properties.enable_rbac_authorization) == ("https://another-vault.vault.azure.net/", True)


def test_the_client_of_authorization_works(outside: Emulated) -> None:
    authorization = client(AuthorizationManagementClient, outside)
    registry = client(ContainerRegistryManagementClient, outside).registries.get(RESOURCE_GROUP, REGISTRY)
    [role] = authorization.role_definitions.list(registry.id, filter="roleName eq 'AcrPull'")
    wanted = {"properties": {"roleDefinitionId": role.id, "principalId": OBJECT_ID, "principalType": "ServicePrincipal"}}
    made = authorization.role_assignments.create(registry.id, str(uuid.uuid4()), wanted)
    found = [each.id for each in authorization.role_assignments.list_for_scope(registry.id, filter=f"principalId eq '{OBJECT_ID}'")]
    assert made.id in found
    authorization.role_assignments.delete_by_id(made.id)
    with pytest.raises(HttpResponseError, match="RoleAssignmentNotFound"):
        authorization.role_assignments.get_by_id(made.id)


def test_the_client_of_managed_clusters_works(outside: Emulated) -> None:
    clusters = client(ContainerServiceClient, outside).managed_clusters
    made = clusters.begin_create_or_update(RESOURCE_GROUP, "one", cluster_body(), polling_interval=0).result(timeout=20)
    assert made.provisioning_state == "Succeeded"
    assert made.identity_profile["kubeletidentity"].object_id
    assert b"current-context: one" in clusters.list_cluster_user_credentials(RESOURCE_GROUP, "one").kubeconfigs[0].value
    clusters.begin_update_tags(RESOURCE_GROUP, "one", {"tags": {"a": "b"}}, polling_interval=0).result(timeout=20)
    assert clusters.get(RESOURCE_GROUP, "one").tags == {"a": "b"}
    clusters.begin_delete(RESOURCE_GROUP, "one", polling_interval=0).result(timeout=20)
    assert list(clusters.list()) == []


def test_the_client_of_blob_storage_works(outside: Emulated) -> None:
    """By public names only: it knows no other, and takes a token from no other host."""
    account = new_account(outside.state, RESOURCE_GROUP, "contoso", LOCATION, "proofs")
    trusted = outside.environment["REQUESTS_CA_BUNDLE"]
    options: dict[str, Any] = {"connection_verify": trusted, "proxies": {"https": outside.public["HTTPS_PROXY"]}, "retry_total": 0}
    proofs = ContainerClient("https://contoso.blob.core.windows.net", "proofs", credential(outside), **options)
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        proofs.upload_blob("web.json", b"1")
    new_assignment(outside.state, account.id, STORAGE_BLOB_DATA_CONTRIBUTOR.guid, OBJECT_ID)
    etag = proofs.upload_blob("web.json", b"1").get_blob_properties().etag
    with pytest.raises(ResourceExistsError, match="BlobAlreadyExists"):
        proofs.upload_blob("web.json", b"2")
    unchanged: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
    proofs.upload_blob("web.json", b"2", overwrite=True, **unchanged)
    with pytest.raises(ResourceModifiedError, match="ConditionNotMet"):
        proofs.upload_blob("web.json", b"3", overwrite=True, **unchanged)
    assert proofs.download_blob("web.json").readall() == b"2"
    assert proofs.upload_blob("empty", b"").download_blob().readall() == b""
    assert proofs.get_container_properties().public_access is None
    proofs.delete_blob("web.json")
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        proofs.download_blob("web.json")
    with pytest.raises(ResourceNotFoundError, match="ContainerNotFound"):
        ContainerClient("https://contoso.blob.core.windows.net", "none", credential(outside), **options).download_blob("web.json")


def test_the_client_of_resources_works(outside: Emulated) -> None:
    resources = client(ResourceManagementClient, outside)
    resources.resource_groups.create_or_update("other", PLACE)
    assert sorted(group.name for group in resources.resource_groups.list()) == sorted([RESOURCE_GROUP, "other"])
    resources.resource_groups.begin_delete("other").result(timeout=20)
    assert not resources.resource_groups.check_existence("other")
    found = resources.resources.list(filter="resourceType eq 'Microsoft.ContainerRegistry/registries'")
    assert [each.name for each in found] == [REGISTRY]


def test_a_wrong_secret_is_reported_by_the_client(outside: Emulated) -> None:
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        client(KeyVaultManagementClient, outside, "wrong").vaults.get(RESOURCE_GROUP, VAULT)


@pytest.mark.parametrize(("when", "took_effect"), [("before", False), ("after", True)])
def test_a_reset_is_a_reset_for_the_client(outside: Emulated, when: str, took_effect: bool) -> None:
    msi = client(ManagedServiceIdentityClient, outside)
    outside.fail(method="PUT", reset=when, count=1)
    with pytest.raises((ServiceRequestError, ServiceResponseError), match=r"EOF occurred|reset by peer|Connection aborted"):
        msi.user_assigned_identities.create_or_update(RESOURCE_GROUP, "ratify", PLACE)
    assert bool(list(msi.user_assigned_identities.list_by_resource_group(RESOURCE_GROUP))) is took_effect


def test_a_reset_is_a_reset_on_the_wire(outside: Emulated) -> None:
    outside.fail(reset="before")
    context = ssl.create_default_context(cafile=outside.environment["REQUESTS_CA_BUNDLE"])
    with context.wrap_socket(socket.create_connection(("127.0.0.1", outside.azure.port)), server_hostname="127.0.0.1") as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        # Below TLS, which makes an end of file of it.
        with socket.socket(fileno=os.dup(connection.fileno())) as raw, pytest.raises(ConnectionResetError):
            list(iter(lambda: raw.recv(65536), b""))


def test_the_inside_is_reached_by_a_unix_socket_under_the_real_names(tmp_path: Path) -> None:
    async def story() -> httpx.Response:
        azure, listeners, path = Azure(new_state(), Machine()), server.Listeners(), tmp_path / "azure.sock"
        await listeners.open("inside", server.unix(path), app.inside(azure), pki.azure_certificate())
        assert path.stat().st_mode & 0o777 == 0o600
        trusted = ssl.create_default_context(cafile=tmp_path / "ca.crt")
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path), verify=trusted)) as pod:
            answer = await pod.get("https://lab-vault.vault.azure.net/secrets/one", params={"api-version": "7.4"})
            login = await pod.get(f"https://login.microsoftonline.com/{TENANT}/v2.0/.well-known/openid-configuration")
            assert login.json()["issuer"] == f"https://login.microsoftonline.com/{TENANT}/v2.0"
        await listeners.close_all()
        return answer

    with mock.patch.dict(os.environ, {"LAB_HOME": str(tmp_path)}):
        answer = asyncio.run(story())
    assert answer.status_code == 401
    assert "login.microsoftonline.com" in answer.headers["www-authenticate"]


def test_the_metadata_service_comes_and_goes_with_its_cluster(tmp_path: Path) -> None:
    kubelet = {"resourceId": "id", "clientId": "client", "objectId": "object"}
    made = ManagedCluster("id", "one", LOCATION, {}, {"identityProfile": {"kubeletidentity": kubelet}})
    query = {"api-version": "2018-02-01", "resource": "https://management.azure.com/"}

    async def story() -> None:
        azure, listeners, socket_file = Azure(new_state(), Machine()), server.Listeners(), Cluster("one", 0).imds_socket
        following = asyncio.create_task(server.MetadataServices(azure, listeners).follow())
        azure.state.clusters["id"] = made
        azure.clusters_changed()
        await _until(lambda: "imds of one" in listeners.names)
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(socket_file)), base_url="http://169.254.169.254") as node:
            answer = (await node.get("/metadata/identity/oauth2/token", params=query, headers={"Metadata": "true"})).json()
        assert azure.tokens.verify_access_token(answer["access_token"], ["https://management.azure.com"])["oid"] == "object"
        azure.state.clusters.clear()
        azure.clusters_changed()
        await _until(lambda: not socket_file.exists())
        assert listeners.names == set()
        following.cancel()

    with mock.patch.dict(os.environ, {"LAB_HOME": str(tmp_path)}):
        asyncio.run(story())


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it does not happen")
