"""aks_kubeconfig where Entra signs the cluster's users in."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml

from lab.config import AKS_SERVER, TENANT
from tests.support.emulated import OBJECT_ID, Emulated
from tests.support.module_runs import Backend, Run, failure

MODULE = "aks_kubeconfig"
LAB1 = {"resource_group": "image-trust-lab", "cluster_name": "lab1"}
GROUP = "66666666-0000-0000-0000-000000000001"
OTHER_USER = "99999999-0000-0000-0000-000000000001"
Entra = Callable[..., None]


def access_review(azure: Emulated) -> type[BaseHTTPRequestHandler]:
    """What a Kubernetes API answers to the one question of the module: members of the cluster's groups are administrators."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
            assert asked["spec"]["resourceAttributes"]["verb"] == "create"
            cluster = azure.state.cluster_named("lab1")
            assert cluster
            try:
                claims = azure.azure.tokens.verify_access_token(self.headers["Authorization"].removeprefix("Bearer "), [AKS_SERVER])
            except jwt.InvalidTokenError:
                self.send_error(401)
                return
            allowed = bool({*claims.get("groups", [])} & {*cluster.properties["aadProfile"].get("adminGroupObjectIDs", [])})
            self.send_response(201)
            self.end_headers()
            self.wfile.write(json.dumps({**asked, "status": {"allowed": allowed}}).encode())

        def log_request(self, *args: Any) -> None: ...

        def log_error(self, *args: Any) -> None: ...

    return Handler


@pytest.fixture
def kubernetes(azure: Emulated, backend: Backend) -> Iterator[ThreadingHTTPServer]:
    """A listener as the cluster's Kubernetes API, which its kubeconfig names."""
    authority = Path(azure.environment["REQUESTS_CA_BUNDLE"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.parent / "azure/tls.crt", authority.parent / "azure/tls.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), access_review(azure))
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    data = base64.b64encode(authority.read_bytes()).decode()
    address = {"server": f"https://127.0.0.1:{server.server_port}", "certificate-authority-data": data}
    backend.kubeconfig_text = yaml.safe_dump({"clusters": [{"name": "lab1", "cluster": address}]})
    yield server
    server.shutdown()
    server.server_close()
    thread.join(30)


@pytest.fixture
def entra(run: Run, azure: Emulated, kubernetes: ThreadingHTTPServer) -> Entra:
    """`entra(**profile)`: make lab1 sign its users in with Entra, without local accounts."""
    assert run("aks_cluster", resource_group="image-trust-lab", name="lab1", location="eastus")["changed"]

    def switch(**profile: Any) -> None:
        cluster = azure.state.cluster_named("lab1")
        assert cluster
        cluster.properties |= {"disableLocalAccounts": True, "aadProfile": {"managed": True, "tenantID": TENANT, **profile}}

    switch()
    return switch


def token(path: Path) -> str:
    """The token in a kubeconfig, which holds nothing else to log in with."""
    [user] = yaml.safe_load(path.read_text())["users"]
    assert user["user"].keys() == {"token"}
    return str(user["user"]["token"])


def rewritten(azure: Emulated, path: Path, principal: str, *, seconds: int = 3600) -> None:
    """Put a token of `principal` in place of the one that is there."""
    other = azure.azure.tokens.access_token(principal, principal, AKS_SERVER, seconds=seconds)
    path.write_text(path.read_text().replace(token(path), other))


def test_the_login_gets_a_token_of_its_own_for_the_cluster(run: Run, azure: Emulated, entra: Entra, tmp_path: Path) -> None:
    path = tmp_path / "lab1"
    assert run(MODULE, check=True, **LAB1, path=str(path))["changed"] is True
    assert not path.exists()
    result = run(MODULE, **LAB1, path=str(path))
    assert result["changed"] is True
    claims = azure.azure.tokens.verify_access_token(token(path), [AKS_SERVER])
    assert (claims["oid"], claims["aud"]) == (OBJECT_ID, AKS_SERVER)
    assert result["token"].items() >= {"object_id": OBJECT_ID, "tenant_id": TENANT, "server_id": AKS_SERVER}.items()
    assert path.stat().st_mode & 0o777 == 0o600
    assert token(path) not in json.dumps(result)
    assert [entry.path.rpartition("/")[2] for entry in azure.requests if not entry.host.startswith("localhost")] == ["endpoints", "listClusterUserCredential"]


@pytest.mark.parametrize("check", [True, False])
def test_a_token_that_is_only_renewed_is_no_change_and_lives_on(run: Run, azure: Emulated, entra: Entra, tmp_path: Path, check: bool) -> None:
    path = tmp_path / "lab1"
    first = run(MODULE, **LAB1, path=str(path))
    rewritten(azure, path, OBJECT_ID, seconds=-60)
    renewed = run(MODULE, check=check, **LAB1, path=str(path))
    assert renewed["changed"] is False
    assert renewed["diff"]["before"] == renewed["diff"]["after"]
    assert renewed["file"] == first["file"]
    assert azure.azure.tokens.verify_access_token(token(path), [AKS_SERVER])["oid"] == OBJECT_ID


def test_a_token_of_another_user_is_a_change(run: Run, azure: Emulated, entra: Entra, tmp_path: Path) -> None:
    path = tmp_path / "lab1"
    run(MODULE, **LAB1, path=str(path))
    rewritten(azure, path, OTHER_USER)
    foreign = path.read_text()
    assert run(MODULE, check=True, **LAB1, path=str(path))["changed"] is True
    assert path.read_text() == foreign
    assert run(MODULE, **LAB1, path=str(path))["changed"] is True
    assert azure.azure.tokens.verify_access_token(token(path), [AKS_SERVER])["oid"] == OBJECT_ID


def test_without_path_it_is_returned_with_the_token(run: Run, azure: Emulated, entra: Entra) -> None:
    result = run(MODULE, **LAB1)
    [user] = yaml.safe_load(result["kubeconfig"])["users"]
    assert azure.azure.tokens.verify_access_token(user["user"]["token"], [AKS_SERVER])["oid"] == result["token"]["object_id"]


def test_a_local_account_has_no_token(run: Run, azure: Emulated, entra: Entra, tmp_path: Path) -> None:
    cluster = azure.state.cluster_named("lab1")
    assert cluster
    cluster.properties |= {"aadProfile": None, "disableLocalAccounts": False}
    assert run(MODULE, **LAB1, path=str(tmp_path / "lab1"), administrator=True)["token"] is None


ID = "/subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/image-trust-lab/providers/Microsoft.ContainerService/managedClusters/lab1"


@pytest.mark.parametrize(
    ("profile", "missing"),
    [
        ({}, "the cluster names no groups of administrators; name one that it is in (az aks update --aad-admin-group-object-ids), or bind it to cluster-admin"),
        ({"adminGroupObjectIDs": [GROUP]}, f"it is in none of the cluster's groups of administrators ({GROUP}); add it to one, or bind it to cluster-admin"),
        ({"enableAzureRBAC": True}, f"the cluster goes by Azure RBAC, so assign the role Azure Kubernetes Service RBAC Cluster Admin on {ID}"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_a_login_that_is_no_administrator_is_refused_with_the_permission_it_lacks(
    run: Run, entra: Entra, tmp_path: Path, profile: dict[str, Any], missing: str, check: bool
) -> None:
    entra(**profile)
    result = run(MODULE, check=check, **LAB1, path=str(tmp_path / "lab1"), administrator=True)
    who = f"The login (object id {OBJECT_ID} of tenant {TENANT}) may not administer the cluster lab1 in resource group image-trust-lab"
    assert failure(result) == f"{who}: {missing}."
    assert (result["error"]["code"], result["error"]["status"]) == ("Forbidden", 403)
    assert not (tmp_path / "lab1").exists()


def test_a_member_of_the_clusters_groups_is_an_administrator(run: Run, azure: Emulated, entra: Entra, tmp_path: Path) -> None:
    azure.state.groups[GROUP] = [OBJECT_ID]
    entra(adminGroupObjectIDs=[GROUP])
    assert run(MODULE, **LAB1, path=str(tmp_path / "lab1"), administrator=True)["changed"] is True


def test_a_cluster_of_another_tenant_is_named_before_anything_is_written(run: Run, entra: Entra, tmp_path: Path) -> None:
    entra(tenantID=OTHER_USER)
    sentence = failure(run(MODULE, **LAB1, path=str(tmp_path / "lab1")))
    assert f"signs in users of tenant {OTHER_USER}, and the login is of tenant {TENANT}" in sentence
    assert not (tmp_path / "lab1").exists()


def test_an_api_that_does_not_answer_is_named(run: Run, entra: Entra, kubernetes: ThreadingHTTPServer, tmp_path: Path) -> None:
    kubernetes.shutdown()
    kubernetes.server_close()
    sentence = failure(run(MODULE, **LAB1, path=str(tmp_path / "lab1"), administrator=True))
    assert f"Cannot ask the Kubernetes API of the cluster lab1 in resource group image-trust-lab at https://127.0.0.1:{kubernetes.server_port} (" in sentence
    # Who only wants the file gets it.
    assert run(MODULE, **LAB1, path=str(tmp_path / "lab1"))["changed"] is True


def test_a_token_that_the_cluster_does_not_accept_is_said_to_be_so(run: Run, azure: Emulated, entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.plugins.modules.test_aks_kubeconfig_entra.AKS_SERVER", "another application")
    assert "does not accept the login's token" in failure(run(MODULE, **LAB1, administrator=True))


ATTACHED: dict[str, Any] = {"resource_group": "image-trust-lab", "name": "lab1", "registries": [{"resource_group": "image-trust-lab", "name": "imagetrustlab"}]}


def test_aks_cluster_refuses_a_login_that_is_no_administrator_before_the_first_write(run: Run, azure: Emulated, entra: Entra, tmp_path: Path) -> None:
    kubeconfig = {"path": str(tmp_path / "lab1"), "administrator": True}
    result = run("aks_cluster", **ATTACHED, workload_identity=True, kubeconfig=kubeconfig)
    assert "may not administer the cluster lab1" in failure(result)
    assert (azure.writes, list(tmp_path.glob("lab1"))) == ([], [])


@pytest.mark.parametrize("check", [True, False])
def test_aks_cluster_renews_a_token_and_that_is_no_change(run: Run, azure: Emulated, entra: Entra, tmp_path: Path, check: bool) -> None:
    path = tmp_path / "lab1"
    written = run("aks_cluster", **ATTACHED, kubeconfig={"path": str(path)})
    assert written["kubeconfig"]["token"]["object_id"] == OBJECT_ID
    rewritten(azure, path, OBJECT_ID, seconds=-60)
    renewed = run("aks_cluster", check=check, **ATTACHED, kubeconfig={"path": str(path)})
    assert (renewed["changed"], renewed["kubeconfig"]["file"]) == (False, written["kubeconfig"]["file"])
    assert azure.azure.tokens.verify_access_token(token(path), [AKS_SERVER])["oid"] == OBJECT_ID
    assert token(path) not in json.dumps(renewed)


def test_aks_cluster_writes_no_token_of_before_its_change_of_the_cluster(run: Run, azure: Emulated, entra: Entra, tmp_path: Path) -> None:
    run("aks_cluster", **ATTACHED, workload_identity=True, kubeconfig={"path": str(tmp_path / "lab1")})
    asked = [entry.path.rpartition("/")[2] for entry in azure.requests]
    assert asked.count("listClusterUserCredential") == 2
