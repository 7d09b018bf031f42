"""What becomes of everything that modules do when Azure fails: with a fault that passes the same as without it, and else a sentence."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest

from tests.support.azure_states import comparable, labelled, labels
from tests.support.emulated import Emulated
from tests.support.module_fixtures import FASTER
from tests.support.module_runs import Run, failure

pytestmark = pytest.mark.slow
GROUP = {"resource_group": "image-trust-lab"}
IDENTITY = {**GROUP, "name": "ratify"}
CREDENTIAL = {**GROUP, "identity_name": "ratify", "name": "on-lab1"}
TRUST = {**CREDENTIAL, "issuer": "https://issuer.example/one/", "subject": "system:serviceaccount:a:b"}
POLICY = {**GROUP, "vault_name": "image-trust-lab", "object_id": "44444444-4444-4444-4444-444444444444"}
GET = {**POLICY, "permissions": {"secrets": ["get"]}}
ROLE = {
    "scope": "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust-lab",
    "role": "AcrPull",
    "principal_id": "44444444-4444-4444-4444-444444444444",
    "principal_type": "ServicePrincipal",
}
CLUSTER = {**GROUP, "name": "lab1"}
IDENTITIES, CREDENTIALS, POLICIES = "/userAssignedIdentities/ratify$", "/federatedIdentityCredentials/on-lab1$", "/accessPolicies/"
ROLES, CLUSTERS = "/roleAssignments/", "/managedClusters/lab1$"

Task = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Deed:
    """What a module does, the one request that does it, and what was done before."""

    module: str
    options: dict[str, Any]
    method: str
    path: str
    before: Sequence[Task] = field(default=())


THE_IDENTITY: Task = ("user_assigned_identity", IDENTITY)
THE_CREDENTIAL: Task = ("federated_credential", TRUST)
THE_CLUSTER: Task = ("aks_cluster", CLUSTER)
REGISTRIES = [{**GROUP, "name": "imagetrustlab"}]
WORKLOAD: dict[str, Any] = {
    **IDENTITY,
    "federated_credentials": [{"name": "on-lab1", "issuer": "https://issuer.example/one/", "subject": "system:serviceaccount:a:b"}],
    "registries": REGISTRIES,
    "vaults": [{**GROUP, "name": "image-trust-lab"}],
}
DEEDS = {
    "identity made": Deed(*THE_IDENTITY, "PUT", IDENTITIES),
    "tags set": Deed("user_assigned_identity", {**IDENTITY, "tags": {"team": "ops"}}, "PATCH", IDENTITIES, [THE_IDENTITY]),
    "identity deleted": Deed("user_assigned_identity", {**IDENTITY, "state": "absent"}, "DELETE", IDENTITIES, [THE_IDENTITY]),
    "credential made": Deed(*THE_CREDENTIAL, "PUT", CREDENTIALS, [THE_IDENTITY]),
    "credential changed": Deed("federated_credential", {**TRUST, "subject": "other"}, "PUT", CREDENTIALS, [THE_IDENTITY, THE_CREDENTIAL]),
    "credential deleted": Deed("federated_credential", {**CREDENTIAL, "state": "absent"}, "DELETE", CREDENTIALS, [THE_IDENTITY, THE_CREDENTIAL]),
    "policy added": Deed("keyvault_access_policy", GET, "PUT", POLICIES),
    "policy replaced": Deed(
        "keyvault_access_policy", {**POLICY, "permissions": {"keys": ["get"]}, "exact": True}, "PUT", POLICIES, [("keyvault_access_policy", GET)]
    ),
    "policy removed": Deed("keyvault_access_policy", {**POLICY, "state": "absent"}, "PUT", POLICIES, [("keyvault_access_policy", GET)]),
    "role assigned": Deed("role_assignment", ROLE, "PUT", ROLES),
    "role taken": Deed("role_assignment", {**ROLE, "state": "absent"}, "DELETE", ROLES, [("role_assignment", ROLE)]),
    "cluster made": Deed(*THE_CLUSTER, "PUT", CLUSTERS),
    "cluster changed": Deed("aks_cluster", {**CLUSTER, "workload_identity": True}, "PUT", CLUSTERS, [THE_CLUSTER]),
    "cluster deleted": Deed("aks_cluster", {**CLUSTER, "state": "absent"}, "DELETE", CLUSTERS, [THE_CLUSTER]),
    "cluster attached": Deed("aks_cluster", {**CLUSTER, "registries": REGISTRIES}, "PUT", ROLES, [THE_CLUSTER]),
    "workload's identity made": Deed("workload_identity", WORKLOAD, "PUT", IDENTITIES),
    "workload's credential made": Deed("workload_identity", WORKLOAD, "PUT", CREDENTIALS),
    "workload's role assigned": Deed("workload_identity", WORKLOAD, "PUT", ROLES),
    "workload's policy added": Deed("workload_identity", WORKLOAD, "PUT", POLICIES),
    "operation followed": Deed(*THE_CLUSTER, "GET", "/operations/"),
    "cluster read": Deed(*THE_CLUSTER, "GET", CLUSTERS),
    "identity read": Deed(*THE_IDENTITY, "GET", IDENTITIES),
    "credentials listed": Deed(*THE_CREDENTIAL, "GET", "/federatedIdentityCredentials$", [THE_IDENTITY]),
    "vault read": Deed("keyvault_info", {**GROUP, "name": "image-trust-lab"}, "GET", "/vaults/"),
    "roles listed": Deed("role_assignment", ROLE, "GET", "/roleAssignments$"),
    "registry read": Deed("registry_info", {**GROUP, "name": "imagetrustlab"}, "GET", "/registries/"),
    "kubeconfig asked for": Deed("aks_kubeconfig", {**GROUP, "cluster_name": "lab1"}, "POST", "/listClusterUserCredential$", [THE_CLUSTER]),
}
PASSING: dict[str, dict[str, Any]] = {
    "429": {"status": 429, "code": "TooManyRequests", "count": 3},
    "503": {"status": 503, "count": 3},
    "reset before it took effect": {"reset": "before", "count": 2},
    "reset after it took effect": {"reset": "after", "count": 2},
}
ALSO_PASSING = {"429 with Retry-After": {"status": 429, "retry_after": 1, "count": 1}, **{str(n): {"status": n, "count": 3} for n in (408, 500, 502, 504)}}
"""Shown with one deed of each HTTP method."""
OF_EACH_METHOD = ("identity made", "tags set", "credential deleted", "kubeconfig asked for", "operation followed")
UNDISTURBED: dict[str, tuple[dict[str, Any], Any]] = {}


def do(run: Run, deed: Deed, azure: Emulated) -> tuple[dict[str, Any], Any]:
    """What the module answers, and what Azure holds then."""
    names = labels(asdict(azure.state))
    result = run(deed.module, **deed.options)
    assert not result.get("failed"), result
    state = asdict(azure.state)
    result.pop("invocation", None)
    return labelled(result, names | labels(state)), comparable(state)


def undisturbed(run: Run, deed: Deed, azure: Emulated) -> tuple[dict[str, Any], Any]:
    """The same without a fault, done once; then everything is as before it."""
    name = f"{deed.module} {deed.options}"
    if name not in UNDISTURBED:
        prepare(run, deed)
        UNDISTURBED[name] = do(run, deed, azure)
        azure.reset()
    prepare(run, deed)
    return UNDISTURBED[name]


def prepare(run: Run, deed: Deed) -> None:
    for module, options in deed.before:
        assert not run(module, **options).get("failed")


CASES = [(deed, fault) for deed in DEEDS for fault in PASSING] + [(deed, fault) for deed in OF_EACH_METHOD for fault in ALSO_PASSING]


@pytest.mark.parametrize(("name", "passing"), CASES)
def test_what_passes_changes_neither_the_result_nor_azure(run: Run, azure: Emulated, name: str, passing: str) -> None:
    deed, fault = DEEDS[name], {**PASSING, **ALSO_PASSING}[passing]
    wanted = undisturbed(run, deed, azure)
    azure.fail(method=deed.method, path=deed.path, **fault)
    assert do(run, deed, azure) == wanted
    assert azure.azure.faults.active == [], "the fault did not strike as often as it should"


OTHER_WRITERS = {
    "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity": (409, ["credential made", "credential changed", "credential deleted"]),
    "ConflictError": (409, ["policy added", "policy replaced", "policy removed"]),
    "ConditionNotMet": (412, ["policy added", "policy replaced", "policy removed"]),
}


@pytest.mark.parametrize(("code", "status", "deed"), [(code, status, deed) for code, (status, deeds) in OTHER_WRITERS.items() for deed in deeds])
def test_other_writers_are_waited_for(run: Run, azure: Emulated, code: str, status: int, deed: str) -> None:
    wanted = undisturbed(run, DEEDS[deed], azure)
    azure.fail(method=DEEDS[deed].method, path=DEEDS[deed].path, status=status, code=code, count=5)
    assert do(run, DEEDS[deed], azure) == wanted
    assert azure.azure.faults.active == []


IS_CHANGED, IS_BUSY = (412, "PreconditionFailed"), (409, "OperationNotAllowed")


@pytest.mark.parametrize(("name", "refusal"), [("cluster made", IS_CHANGED), ("cluster changed", IS_CHANGED), ("cluster deleted", IS_BUSY)])
def test_a_lost_answer_to_a_long_operation_does_not_begin_another(run: Run, azure: Emulated, name: str, refusal: tuple[int, str]) -> None:
    """The repeated request meets the operation that the lost one began, is refused, and waits for its end."""
    deed = DEEDS[name]
    wanted = undisturbed(run, deed, azure)
    azure.state.settings.operation_delay = 0.5
    azure.fail(method=deed.method, path=deed.path, reset="after", count=1)
    assert do(run, deed, azure) == wanted
    assert [(entry.status, entry.error) for entry in azure.requests if entry.method == deed.method and entry.path.endswith("/lab1")] == [
        (None, "reset after"),
        refusal,
    ]


def test_what_another_client_began_is_waited_for_and_then_done(run: Run, azure: Emulated) -> None:
    deed = DEEDS["cluster changed"]
    wanted = undisturbed(run, deed, azure)
    azure.fail(method="PUT", path=CLUSTERS, status=409, code="OperationNotAllowed", count=1)
    assert do(run, deed, azure) == wanted
    azure.fail(method="PUT", path=CLUSTERS, status=409, code="OperationNotAllowed")
    assert "(OperationNotAllowed)" in failure(run("aks_cluster", **CLUSTER, workload_identity=False))
    assert len(azure.writes) == 2


def test_a_role_assignment_whose_answer_was_lost_is_a_change_also_where_azure_says_that_it_exists(run: Run, azure: Emulated) -> None:
    wanted = undisturbed(run, DEEDS["role assigned"], azure)
    azure.fail(method="PUT", path=ROLES, reset="after", count=1)
    azure.fail(method="PUT", path=ROLES, status=409, code="RoleAssignmentExists", count=1)
    assert do(run, DEEDS["role assigned"], azure) == wanted
    assert azure.azure.faults.active == []


def test_a_principal_that_azure_rbac_learns_of_after_thirty_seconds(run: Run, azure: Emulated) -> None:
    wanted = undisturbed(run, DEEDS["role assigned"], azure)
    azure.fail(method="PUT", path=ROLES, status=400, code="PrincipalNotFound")
    learned = threading.Timer(30 / FASTER, lambda: azure.azure.faults.active.clear())
    learned.start()
    assert do(run, DEEDS["role assigned"], azure) == wanted
    assert sum(entry.error == "PrincipalNotFound" for entry in azure.requests) >= 2


LASTING: dict[str, tuple[str, dict[str, Any], str]] = {
    "429 with a Retry-After beyond the bound": (
        "identity made",
        {"status": 429, "retry_after": 3600},
        "Tried for 0 s, waiting for Azure to take more requests.",
    ),
    "503": ("identity made", {"status": 503, "code": "ServerBusy"}, " s, waiting for Azure to recover."),
    "reset": ("policy added", {"reset": "before"}, "(Unreachable); check cloud_environment, the proxy and the network of this machine. Tried for "),
    "other writers of the identity": (
        "credential made",
        {"status": 409, "code": "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"},
        " s, waiting for other writers of this identity's federated credentials.",
    ),
    "other writers of the vault": ("policy added", {"status": 409, "code": "ConflictError"}, " s, waiting for other writers of this vault."),
    "unknown principal": ("role assigned", {"status": 400, "code": "PrincipalNotFound"}, " s, waiting for the new principal to be known to Azure RBAC."),
    "503 while an operation goes on": ("operation followed", {"status": 503}, " s, waiting for Azure to recover."),
}


@pytest.mark.parametrize(("name", "fault", "said"), LASTING.values(), ids=LASTING.keys())
def test_what_does_not_pass_is_said_after_a_bound(run: Run, azure: Emulated, name: str, fault: dict[str, Any], said: str) -> None:
    deed = DEEDS[name]
    prepare(run, deed)
    azure.fail(method=deed.method, path=deed.path, **fault)
    sentence = failure(run(deed.module, **deed.options))
    assert sentence.startswith("Could not ")
    assert said in sentence


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "BadRequest"), (401, "InvalidAuthenticationToken"), (403, "AuthorizationFailed"), (404, "NotFound"), (409, "Conflict"), (501, "NotImplemented")],
)
@pytest.mark.parametrize("name", ["credential made", "policy added", "cluster made"])
def test_what_does_not_pass_by_waiting_is_asked_once(run: Run, azure: Emulated, name: str, status: int, code: str) -> None:
    deed = DEEDS[name]
    prepare(run, deed)
    azure.fail(method=deed.method, path=deed.path, status=status, code=code)
    sentence = failure(run(deed.module, **deed.options))
    assert f"({code})" in sentence
    assert "Tried for" not in sentence
    assert len(azure.writes) == 1


PAGES = ["<html>Blocked</html>", "", "null", "[]", '{"id": "/subscr']
WITHOUT_TEXT = {name for name, deed in DEEDS.items() if deed.method == "DELETE"} | {"operation followed"}
"""What Azure, too, answers without a text."""


@pytest.mark.parametrize(("name", "page"), [(name, page) for name in DEEDS for page in PAGES if page or name not in WITHOUT_TEXT])
def test_a_proxy_that_answers_in_azures_place_is_not_believed(run: Run, azure: Emulated, name: str, page: str) -> None:
    deed = DEEDS[name]
    prepare(run, deed)
    azure.fail(method=deed.method, path=deed.path, status=200, page=page)
    sentence = failure(run(deed.module, **deed.options))
    assert "(InvalidAnswer); check cloud_environment and the proxy of this machine." in sentence


def test_a_cluster_that_never_gets_ready_is_waited_for_no_longer_than_asked(run: Run, azure: Emulated) -> None:
    azure.state.settings.operation_delay = 3600
    sentence = failure(run("aks_cluster", **CLUSTER, wait_timeout=1))
    assert sentence == (
        "The cluster lab1 in resource group image-trust-lab was still InProgress after 1 s;"
        " Azure goes on with it, so run again later, or give a longer wait_timeout."
    )


ENDPOINTS = {"metadata": ("^127", "/metadata/endpoints$"), "discovery": ("^localhost", "/openid-configuration$"), "token": ("^localhost", "/token$")}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
@pytest.mark.parametrize(("host", "path"), ENDPOINTS.values(), ids=ENDPOINTS.keys())
def test_the_login_is_tried_again(run: Run, azure: Emulated, host: str, path: str, fault: dict[str, Any]) -> None:
    azure.fail(host=host, path=path, **fault)
    result = run("keyvault_info", **GROUP, name="image-trust-lab")
    assert not result.get("failed"), result
    assert azure.azure.faults.active == []


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429, "retry_after": 3600}, {"reset": "before"}], ids=str)
@pytest.mark.parametrize(("host", "path"), ENDPOINTS.values(), ids=ENDPOINTS.keys())
def test_a_login_that_stays_impossible_says_so(run: Run, azure: Emulated, host: str, path: str, fault: dict[str, Any]) -> None:
    azure.fail(host=host, path=path, **fault)
    sentence = failure(run("keyvault_info", **GROUP, name="image-trust-lab"))
    assert azure.azure.arm_url in sentence or azure.azure.login_url in sentence
    assert "refuses" not in sentence, "no client was refused"
    assert "there is no such tenant" not in sentence
