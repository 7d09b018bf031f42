"""The modules that return lists: all, those of one name, and none."""

from __future__ import annotations

from typing import Any

import pytest

from lab.azure.arm.identities import new_identity
from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import ACR_PULL, OWNER, READER
from lab.azure.state import FederatedCredential
from tests.support.emulated import Emulated
from tests.support.module_runs import Backend, Run, failure

GROUP = {"resource_group": "image-trust-lab"}
NOWHERE = {"resource_group": "nowhere"}
ME, OTHER = "5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11", "99999999-9999-9999-9999-999999999999"
SUBSCRIPTION = "/subscriptions/22222222-2222-2222-2222-222222222222"
REGISTRY = f"{SUBSCRIPTION}/resourceGroups/image-trust-lab/providers/Microsoft.ContainerRegistry/registries/imagetrustlab"
AUDIENCES = ["api://AzureADTokenExchange"]


@pytest.fixture(autouse=True)
def things(azure: Emulated, backend: Backend, run: Run) -> None:
    """Two identities, one with two credentials; two policies of one principal and one of another; a cluster."""
    new_identity(azure.state, "image-trust-lab", "other", "eastus")
    ratify = new_identity(azure.state, "image-trust-lab", "ratify", "eastus", {"team": "ops"})
    for name in ("lab1", "lab2"):
        ratify.credentials[name] = FederatedCredential(name, f"https://issuer/{name}/", "subject", AUDIENCES)
    vault = azure.state.vault_named("image-trust-lab")
    assert vault
    mine = {"tenantId": azure.state.tenant, "objectId": ME, "permissions": {"secrets": ["Get"]}}
    vault.properties["accessPolicies"] = [mine, {**mine, "applicationId": OTHER}, {**mine, "objectId": OTHER}]
    run("aks_cluster", **GROUP, name="lab1", oidc_issuer=True)


def names(found: list[dict[str, Any]], key: str = "name") -> list[str]:
    return [one[key] for one in found]


@pytest.mark.parametrize(
    ("module", "options", "returned", "expected"),
    [
        ("user_assigned_identity_info", {}, "identities", ["other", "ratify", "lab1-agentpool"]),
        ("user_assigned_identity_info", GROUP, "identities", ["other", "ratify"]),
        ("user_assigned_identity_info", {**GROUP, "name": "Ratify"}, "identities", ["ratify"]),
        ("user_assigned_identity_info", {**GROUP, "name": "nobody"}, "identities", []),
        ("user_assigned_identity_info", {**NOWHERE, "name": "ratify"}, "identities", []),
        ("user_assigned_identity_info", NOWHERE, "identities", []),
        ("federated_credential_info", {**GROUP, "identity_name": "ratify"}, "federated_credentials", ["lab1", "lab2"]),
        ("federated_credential_info", {**GROUP, "identity_name": "RATIFY", "name": "LAB2"}, "federated_credentials", ["lab2"]),
        ("federated_credential_info", {**GROUP, "identity_name": "ratify", "name": "lab3"}, "federated_credentials", []),
        ("federated_credential_info", {**GROUP, "identity_name": "other"}, "federated_credentials", []),
        ("federated_credential_info", {**GROUP, "identity_name": "nobody"}, "federated_credentials", []),
        ("federated_credential_info", {**NOWHERE, "identity_name": "ratify"}, "federated_credentials", []),
        ("federated_credential_info", {**GROUP, "identity_name": "ratify", "subject": "subject"}, "federated_credentials", ["lab1", "lab2"]),
        ("federated_credential_info", {**GROUP, "identity_name": "ratify", "subject": "Subject"}, "federated_credentials", []),
        ("aks_cluster_info", {}, "clusters", ["lab1"]),
        ("aks_cluster_info", GROUP, "clusters", ["lab1"]),
        ("aks_cluster_info", {**GROUP, "name": "LAB1"}, "clusters", ["lab1"]),
        ("aks_cluster_info", {**GROUP, "name": "lab2"}, "clusters", []),
        ("aks_cluster_info", NOWHERE, "clusters", []),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_existing_objects_are_listed_with_one_request(
    run: Run, azure: Emulated, module: str, options: dict[str, Any], returned: str, expected: list[str], check: bool
) -> None:
    result = run(module, check=check, **options)
    assert names(result[returned]) == expected
    assert result["changed"] is False
    assert (len(azure.reads), azure.writes) == (1, [])


@pytest.mark.parametrize(
    ("options", "expected", "asked"),
    [
        ({**GROUP, "except_identities": []}, ["lab1", "lab2"], 2),
        ({**GROUP, "except_identities": ["other"]}, ["lab1", "lab2"], 1),
        ({**GROUP, "except_identities": ["RATIFY"]}, [], 1),
        ({**NOWHERE, "except_identities": []}, [], 0),
        ({**GROUP, "except_identities": [], "issuer": "https://issuer/lab2/"}, ["lab2"], 2),
        ({**GROUP, "except_identities": [], "issuer": "https://issuer/lab2"}, [], 2),
    ],
)
def test_credentials_of_a_whole_resource_group_take_a_request_for_each_identity_that_is_not_left_out(
    run: Run, azure: Emulated, options: dict[str, Any], expected: list[str], asked: int
) -> None:
    assert names(run("federated_credential_info", **options)["federated_credentials"]) == expected
    assert len(azure.reads) == 1 + asked
    assert azure.writes == []


@pytest.mark.parametrize(
    ("module", "options", "one", "returned"),
    [
        ("user_assigned_identity", {**GROUP, "name": "ratify"}, "identity", "identities"),
        ("aks_cluster", {**GROUP, "name": "lab1"}, "cluster", "clusters"),
    ],
)
def test_an_object_looks_as_the_module_that_manages_it_returns_it(run: Run, module: str, options: dict[str, Any], one: str, returned: str) -> None:
    managed = run(module, **options)[one]
    for fewer in (options, GROUP, {}):
        assert managed in run(f"{module}_info", **fewer)[returned]


def test_credentials_and_policies_look_as_the_modules_that_manage_them_return_them(run: Run) -> None:
    identity = {**GROUP, "identity_name": "ratify"}
    (found,) = run("federated_credential_info", **identity, name="lab1")["federated_credentials"]
    managed = run("federated_credential", **identity, name="lab1", issuer="https://issuer/lab1/", subject="subject")
    assert (managed["changed"], managed["federated_credential"]) == (False, found)
    vault = {**GROUP, "vault_name": "image-trust-lab"}
    policies = run("keyvault_access_policy_info", **vault)
    managed = run("keyvault_access_policy", **vault, object_id=ME, permissions={"secrets": ["get"]})
    assert (managed["changed"], managed["access_policy"]) == (False, policies["access_policies"][0])
    assert managed["vault"] == policies["vault"]


def test_a_cluster_s_secrets_are_neither_asked_for_nor_returned(run: Run, azure: Emulated, backend: Backend) -> None:
    found = str(run("aks_cluster_info", **GROUP, name="lab1"))
    assert "client-key-data" in backend.kubeconfig_text
    assert not any(entry.method == "POST" and "managedClusters" in entry.path for entry in azure.requests)
    assert "client-key-data" not in found


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, [(ME, None), (ME, OTHER), (OTHER, None)]), ({"object_id": ME.upper()}, [(ME, None), (ME, OTHER)]), ({"object_id": ME.replace("5", "6")}, [])],
)
def test_policies_of_a_vault(run: Run, azure: Emulated, options: dict[str, Any], expected: list[tuple[str, str | None]]) -> None:
    result = run("keyvault_access_policy_info", **GROUP, vault_name="image-trust-lab", **options)
    assert [(policy["object_id"], policy["application_id"]) for policy in result["access_policies"]] == expected
    assert result["vault"]["uri"] == "https://image-trust-lab.vault.azure.net/"
    assert len(azure.reads) == 1


@pytest.mark.parametrize("place", [{**GROUP, "vault_name": "nowhere"}, {**NOWHERE, "vault_name": "image-trust-lab"}])
def test_a_vault_that_does_not_exist_has_no_policies(run: Run, place: dict[str, Any]) -> None:
    result = run("keyvault_access_policy_info", **place)
    assert (result["access_policies"], result["vault"], result["changed"]) == ([], None, False)


class TestRoles:
    @pytest.fixture(autouse=True)
    def assignments(self, azure: Emulated) -> None:
        azure.state.role_assignments = {key: a for key, a in azure.state.role_assignments.items() if a.scope == SUBSCRIPTION}
        for scope, role, principal in (
            (REGISTRY, ACR_PULL, ME),
            (REGISTRY, OWNER, ME),
            (REGISTRY, ACR_PULL, OTHER),
            (SUBSCRIPTION, READER, ME),
            (f"{REGISTRY}/repositories/a", ACR_PULL, ME),
        ):
            new_assignment(azure.state, scope, role.guid, principal)

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({}, [(ACR_PULL, ME), (OWNER, ME), (ACR_PULL, OTHER)]),
            ({"principal_id": ME.upper()}, [(ACR_PULL, ME), (OWNER, ME)]),
            ({"role": "acrpull"}, [(ACR_PULL, ME), (ACR_PULL, OTHER)]),
            ({"role": ACR_PULL.guid.upper(), "principal_id": ME}, [(ACR_PULL, ME)]),
            ({"role": f"/providers/Microsoft.Authorization/roleDefinitions/{OWNER.guid}"}, [(OWNER, ME)]),
            ({"inherited": True, "principal_id": ME}, [(ACR_PULL, ME), (OWNER, ME), (READER, ME)]),
            ({"inherited": True, "role": READER.guid}, [(READER, ME)]),
            ({"scope": REGISTRY.replace("imagetrustlab", "ImageTrustLab")}, [(ACR_PULL, ME), (OWNER, ME), (ACR_PULL, OTHER)]),
            ({"scope": f"{REGISTRY}/repositories/b"}, []),
            ({"scope": REGISTRY.replace("image-trust-lab", "nowhere"), "role": "No role"}, []),
        ],
    )
    def test_roles_on_a_scope(self, run: Run, azure: Emulated, options: dict[str, Any], expected: list[tuple[Any, str]]) -> None:
        result = run("role_assignment_info", **{"scope": REGISTRY, **options})
        found = [(a["role_definition_id"].rpartition("/")[2], a["principal_id"]) for a in result["role_assignments"]]
        assert sorted(found) == sorted((role.guid, principal) for role, principal in expected)
        assert len(azure.reads) == 1

    def test_a_role_that_is_not_built_in_is_looked_up_and_one_that_is_not_known_is_an_error(self, run: Run, azure: Emulated) -> None:
        found = run("role_assignment_info", scope=REGISTRY, role=READER.name, inherited=True)["role_assignments"]
        assert names(found, "scope") == [SUBSCRIPTION]
        assert len(azure.reads) == 2
        assert "There is no role 'Image Puller' on" in failure(run("role_assignment_info", scope=REGISTRY, role="Image Puller"))

    def test_an_assignment_looks_as_the_module_that_manages_it_returns_it(self, run: Run) -> None:
        pull = {"scope": REGISTRY, "role": "AcrPull", "principal_id": ME}
        assert run("role_assignment_info", **pull)["role_assignments"] == [run("role_assignment", **pull)["role_assignment"]]

    @pytest.mark.parametrize("unknown", [{"scope": ""}, {"scope": None}, {"principal_id": ""}])
    def test_in_check_mode_neither_scope_nor_principal_needs_to_exist(self, run: Run, azure: Emulated, unknown: dict[str, Any]) -> None:
        assert run("role_assignment_info", check=True, **{"scope": REGISTRY, **unknown})["role_assignments"] == []
        assert "is empty" in failure(run("role_assignment_info", **{"scope": REGISTRY, **unknown}))
        assert azure.requests == []


def test_in_check_mode_a_policy_s_principal_need_not_exist(run: Run, azure: Emulated) -> None:
    others = {**GROUP, "except_identities": ["ratify"]}
    assert run("federated_credential_info", check=True, **others, issuer="")["federated_credentials"] == []
    assert "issuer is empty" in failure(run("federated_credential_info", **others, issuer=""))
    vault = {**GROUP, "vault_name": "image-trust-lab"}
    assert run("keyvault_access_policy_info", check=True, **vault, object_id="")["access_policies"] == []
    assert "object_id is empty" in failure(run("keyvault_access_policy_info", **vault, object_id=""))


ALL = [
    ("user_assigned_identity_info", {}),
    ("user_assigned_identity_info", {**GROUP, "name": "ratify"}),
    ("federated_credential_info", {**GROUP, "identity_name": "ratify"}),
    ("federated_credential_info", {**GROUP, "except_identities": []}),
    ("keyvault_access_policy_info", {**GROUP, "vault_name": "image-trust-lab"}),
    ("role_assignment_info", {"scope": REGISTRY}),
    ("aks_cluster_info", {}),
    ("aks_cluster_info", GROUP),
]


@pytest.mark.parametrize(("module", "options"), ALL)
def test_a_missing_permission_or_subscription_is_no_empty_list(run: Run, azure: Emulated, module: str, options: dict[str, Any]) -> None:
    for status, code in ((403, "AuthorizationFailed"), (404, "SubscriptionNotFound")):
        azure.fail(method="GET", path=f"{SUBSCRIPTION}/", status=status, code=code, count=1)
        assert run(module, **options)["error"]["code"] == code


@pytest.mark.parametrize(
    ("module", "wrong", "sentence"),
    [
        ("user_assigned_identity_info", {**GROUP, "name": "a/b"}, "name is 'a/b', but must be"),
        ("user_assigned_identity_info", {"resource_group": "a/b"}, "resource_group is 'a/b', but must be"),
        ("federated_credential_info", {**GROUP, "identity_name": "ratify", "name": "a b"}, "name is 'a b', but must be"),
        ("federated_credential_info", {**GROUP, "identity_name": None}, "identity_name is None, but must be"),
        ("keyvault_access_policy_info", {**GROUP, "vault_name": "image-trust-lab", "object_id": "me"}, "object_id is 'me', but must be a GUID"),
        ("role_assignment_info", {"scope": "lab"}, "scope is 'lab', but must be"),
        ("role_assignment_info", {"scope": REGISTRY, "principal_id": "me"}, "principal_id is 'me', but must be a GUID"),
        ("role_assignment_info", {"scope": REGISTRY, "role": ""}, "role is empty"),
        ("aks_cluster_info", {**GROUP, "name": "a/b"}, "name is 'a/b', but must be"),
    ],
)
def test_bad_input_is_refused_before_any_request(run: Run, azure: Emulated, module: str, wrong: dict[str, Any], sentence: str) -> None:
    assert sentence in failure(run(module, **wrong))
    assert azure.requests == []


@pytest.mark.parametrize("module", ["user_assigned_identity_info", "aks_cluster_info"])
def test_a_name_alone_is_not_enough(run: Run, azure: Emulated, module: str) -> None:
    assert "resource_group" in run(module, name="lab1")["msg"]
    assert azure.requests == []
