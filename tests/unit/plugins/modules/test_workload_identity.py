"""An identity, whom it trusts and what it may do as one thing: what is given follows from what is found, and nothing is written where something is refused."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._arm import identities
from ansible_collections.image_trust.azure.plugins.module_utils._arm.federated_credentials import AUDIENCE
from ansible_collections.image_trust.azure.plugins.module_utils._arm.vaults import Vault
from ansible_collections.image_trust.azure.plugins.module_utils._arm.workload_identity import Found, FoundVault, Wanted, WantedVault, plan
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError

from lab.azure.arm.identities import new_identity
from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import ACR_PULL, BUILT_IN, KEY_VAULT_SECRETS_USER, REPOSITORY_READER
from lab.azure.state import FederatedCredential, Identity
from lab.azure.state import Vault as EmulatedVault
from tests.support import vaults
from tests.support.emulated import Emulated
from tests.support.module_runs import Backend, Run, agree, failure, session

GROUP = "image-trust-lab"
ISSUER = "https://issuer.example/lab1/"
SUBJECT = "system:serviceaccount:gatekeeper-system:ratify-admin"
TRUST = {"name": "lab1", "issuer": ISSUER, "subject": SUBJECT}
REGISTRY, VAULT = {"name": "imagetrustlab", "resource_group": GROUP}, {"name": GROUP, "resource_group": GROUP}
WANTED: dict[str, Any] = {
    "resource_group": GROUP,
    "name": "ratify",
    "federated_credentials": [TRUST],
    "change_issuer": False,
    "registries": [REGISTRY],
    "vaults": [VAULT],
    "except_identities": [],
}
OTHER_USER = "99999999-0000-0000-0000-000000000001"
READ = {"secrets": ["get"]}
LEGACY, ABAC = "LegacyRegistryPermissions", "AbacRepositoryPermissions"
MODELS = {LEGACY: ACR_PULL.name, ABAC: REPOSITORY_READER.name}
OLD_ISSUER = "https://issuer.example/gone/"


def registry_and_vault(azure: Emulated) -> tuple[Any, Any]:
    registry, vault = azure.state.registry_named("imagetrustlab"), azure.state.vault_named(GROUP)
    assert registry
    assert vault
    return registry, vault


def switch(azure: Emulated, mode: str, *, rbac: bool) -> None:
    registry, vault = registry_and_vault(azure)
    registry.properties["roleAssignmentMode"] = mode
    vault.properties["enableRbacAuthorization"] = rbac


def identity(azure: Emulated, name: str = "ratify") -> Identity:
    return next(one for one in azure.state.identities.values() if one.name == name)


def permitted(azure: Emulated, principal: str) -> tuple[set[str], Any]:
    """Its roles, and its entry in the vault."""
    held = [each for each in azure.state.role_assignments.values() if each.principal_id == principal]
    _, vault = registry_and_vault(azure)
    entries = {entry["objectId"]: entry["permissions"] for entry in vault.properties["accessPolicies"]}
    return {BUILT_IN[each.role_definition_id.rpartition("/")[2]].name for each in held}, entries.get(principal)


def trusts(azure: Emulated) -> dict[str, str]:
    return {name: one.issuer for name, one in identity(azure).credentials.items()}


def converged(run: Run, azure: Emulated, **options: Any) -> dict[str, Any]:
    """Check, run and run again: the check writes nothing and predicts the run exactly, each change is one write, and the second run finds nothing to do."""
    asked = {**WANTED, **options}
    predicted = run("workload_identity", check=True, **asked)
    assert azure.writes == []
    made = run("workload_identity", **asked)
    assert not made.get("failed"), made
    assert predicted["changes"] == made["changes"]
    assert len(made["changes"]) == len(azure.writes) == len(made["diff"])
    assert predicted["changed"] is made["changed"] is bool(azure.writes)
    for before, after in zip(predicted["diff"], made["diff"], strict=True):
        assert before["before"] == after["before"]
        agree(before["after"], after["after"])
    again = run("workload_identity", **asked)
    assert (again["changed"], again["changes"], again["diff"], azure.writes) == (False, [], [], [])
    assert {**again, "changed": True, "changes": made["changes"], "diff": made["diff"]} == {**made, "changed": True}
    return made


@pytest.mark.parametrize("mode", MODELS)
@pytest.mark.parametrize("rbac", [False, True], ids=["access policies", "Azure RBAC"])
def test_from_nothing_it_gets_whatever_counts_in_these_models_and_nothing_else(run: Run, azure: Emulated, mode: str, rbac: bool) -> None:
    switch(azure, mode, rbac=rbac)
    made = converged(run, azure)
    by_role = {KEY_VAULT_SECRETS_USER.name} if rbac else set()
    assert permitted(azure, identity(azure).principal_id) == ({MODELS[mode]} | by_role, None if rbac else READ)
    assert trusts(azure) == {"lab1": ISSUER}
    assert [change.partition(" in mode ")[0].partition(", whose")[0] for change in made["changes"]] == [
        "create the identity ratify in resource group image-trust-lab",
        "create the federated credential lab1",
        f"assign the role {MODELS[mode]} on the registry imagetrustlab",
        f"assign the role {KEY_VAULT_SECRETS_USER.name} on the vault {GROUP}" if rbac else f"add permissions to the access policy in the vault {GROUP}",
    ]
    assert made["identity"]["client_id"] == identity(azure).client_id
    assert made["registries"][0]["pull_role"] == MODELS[mode]
    assert made["vaults"][0]["rbac_enabled"] is rbac
    assert made["federated_credentials"][0]["id"]
    assert len(azure.reads) == 7


def test_a_switch_of_the_models_is_followed_there_and_back_and_what_others_have_stays(run: Run, azure: Emulated) -> None:
    registry, vault = registry_and_vault(azure)
    for role, scope in ((ACR_PULL, registry.id), (REPOSITORY_READER, registry.id), (KEY_VAULT_SECRETS_USER, vault.id)):
        new_assignment(azure.state, scope, role.guid, OTHER_USER)
    vault.properties["accessPolicies"].append({"tenantId": azure.state.tenant, "objectId": OTHER_USER, "permissions": READ})
    others = permitted(azure, OTHER_USER)
    converged(run, azure)
    identity(azure).credentials["mine"] = FederatedCredential("mine", "https://issuer.example/mine/", SUBJECT, [AUDIENCE])
    switch(azure, ABAC, rbac=True)
    followed = converged(run, azure)
    assert len(followed["changes"]) == 4
    assert permitted(azure, identity(azure).principal_id) == ({REPOSITORY_READER.name, KEY_VAULT_SECRETS_USER.name}, None)
    switch(azure, LEGACY, rbac=False)
    converged(run, azure)
    assert permitted(azure, identity(azure).principal_id) == ({ACR_PULL.name}, READ)
    assert permitted(azure, OTHER_USER) == others
    assert trusts(azure) == {"lab1": ISSUER, "mine": "https://issuer.example/mine/"}


def test_the_role_that_counts_is_assigned_before_the_idle_one_goes(run: Run, azure: Emulated) -> None:
    converged(run, azure)
    switch(azure, ABAC, rbac=False)
    run("workload_identity", **WANTED)
    assert [write.partition(" ")[0] for write in azure.writes] == ["PUT", "DELETE"]


def take_role(azure: Emulated) -> None:
    azure.state.role_assignments = {key: one for key, one in azure.state.role_assignments.items() if one.principal_id != identity(azure).principal_id}


def take_entry(azure: Emulated) -> None:
    registry_and_vault(azure)[1].properties["accessPolicies"].clear()


def take_credential(azure: Emulated) -> None:
    identity(azure).credentials.clear()


def other_subject(azure: Emulated) -> None:
    identity(azure).credentials["lab1"].subject = "other"


def more_permissions(azure: Emulated) -> None:
    registry_and_vault(azure)[1].properties["accessPolicies"][0]["permissions"] = {"secrets": ["list"]}


@pytest.mark.parametrize(
    ("drift", "change"),
    [
        (take_role, "assign the role AcrPull on the registry imagetrustlab in mode LegacyRegistryPermissions"),
        (take_entry, f"add permissions to the access policy in the vault {GROUP}, whose permission model is Vault access policy"),
        (more_permissions, f"add permissions to the access policy in the vault {GROUP}, whose permission model is Vault access policy"),
        (take_credential, "create the federated credential lab1"),
        (other_subject, "change the federated credential lab1"),
    ],
)
def test_one_thing_that_is_missing_is_the_only_one_that_is_written(run: Run, azure: Emulated, drift: Any, change: str) -> None:
    converged(run, azure)
    drift(azure)
    assert converged(run, azure)["changes"] == [change]


def test_tags_and_only_an_identity_are_enough(run: Run, azure: Emulated) -> None:
    alone = {"resource_group": GROUP, "name": "ratify"}
    assert run("workload_identity", **alone, tags={"team": "a"})["changes"] == ["create the identity ratify in resource group image-trust-lab"]
    tagged = run("workload_identity", **alone, tags={"env": 1}, append_tags=True)
    assert tagged["changes"] == ["set the tags of the identity ratify in resource group image-trust-lab"]
    assert (tagged["identity"]["tags"], tagged["vaults"], tagged["registries"]) == ({"team": "a", "env": "1"}, [], [])
    assert len(azure.reads) == 1


def test_the_issuer_is_that_of_the_cluster_and_in_check_mode_it_may_be_unknown(run: Run, azure: Emulated, backend: Backend) -> None:
    of_cluster = [{"name": "lab1", "subject": SUBJECT, "cluster": {"resource_group": GROUP, "name": "lab1"}}]
    unknown = run("workload_identity", check=True, **{**WANTED, "federated_credentials": of_cluster})
    assert unknown["changes"][1] == "create the federated credential lab1"
    assert "There is no cluster lab1" in failure(run("workload_identity", **{**WANTED, "federated_credentials": of_cluster}))
    run("aks_cluster", resource_group=GROUP, name="lab1", oidc_issuer=False)
    assert "The cluster lab1 in resource group image-trust-lab has no OIDC issuer" in failure(
        run("workload_identity", **{**WANTED, "federated_credentials": of_cluster})
    )
    assert azure.writes == []
    run("aks_cluster", resource_group=GROUP, name="lab1", oidc_issuer=True)
    converged(run, azure, federated_credentials=of_cluster)
    assert trusts(azure) == {"lab1": backend.issuer("lab1")}


def test_a_credential_without_an_issuer_is_refused_but_in_check_mode(run: Run, azure: Emulated) -> None:
    nameless = [{**TRUST, "issuer": ""}]
    assert "federated_credentials[0]: issuer is empty" in failure(run("workload_identity", **{**WANTED, "federated_credentials": nameless}))
    assert azure.requests == []


def of_another_cluster(run: Run, azure: Emulated) -> None:
    run("aks_cluster", resource_group=GROUP, name="lab2", oidc_issuer=True)
    made = new_identity(azure.state, GROUP, "ratify", "eastus")
    made.credentials["lab1"] = FederatedCredential("lab1", "https://eastus.oic.prod-aks.azure.com/tenant/lab2/", SUBJECT, [AUDIENCE])


def twenty(run: Run, azure: Emulated) -> None:
    made = new_identity(azure.state, GROUP, "ratify", "eastus")
    for number in range(20):
        made.credentials[f"c{number:02}"] = FederatedCredential(f"c{number:02}", f"https://issuer.example/{number}/", SUBJECT, [AUDIENCE])


def twin(run: Run, azure: Emulated) -> None:
    new_identity(azure.state, GROUP, "ratify", "eastus").credentials["old"] = FederatedCredential("old", ISSUER, SUBJECT, [AUDIENCE])


def closed_vault(run: Run, azure: Emulated) -> None:
    registry_and_vault(azure)[1].properties["publicNetworkAccess"] = "Disabled"


def unknown_mode(run: Run, azure: Emulated) -> None:
    registry_and_vault(azure)[0].properties["roleAssignmentMode"] = "Tomorrow"


def elsewhere(run: Run, azure: Emulated) -> None:
    new_identity(azure.state, GROUP, "ratify", "westus")


def full_vault(run: Run, azure: Emulated) -> None:
    entries = [{"tenantId": azure.state.tenant, "objectId": f"99999999-0000-0000-0000-{n:012}", "permissions": READ} for n in range(1024)]
    registry_and_vault(azure)[1].properties["accessPolicies"] = entries


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "credential of another cluster": (of_another_cluster, {}, "of cluster lab2 in resource group image-trust-lab, which could not log in"),
    "21st credential": (twenty, {}, "has 20 federated credentials and Azure allows 20, so lab1 cannot be added"),
    "a pair in use": (twin, {}, "already trusted under the name old"),
    "a pair twice": (None, {"federated_credentials": [TRUST, {**TRUST, "name": "lab2"}]}, "twice, as lab1 and lab2"),
    "vault that no cluster reaches": (closed_vault, {}, "takes no requests from any cluster"),
    "no such vault": (None, {"vaults": [VAULT, {**VAULT, "name": "nowhere"}]}, "There is no vault nowhere"),
    "vault that is full": (full_vault, {}, "has 1024 access policies and Azure allows 1024"),
    "no such registry": (None, {"registries": [REGISTRY, {**REGISTRY, "name": "nowhere"}]}, "There is no registry nowhere"),
    "registry in an unknown mode": (unknown_mode, {}, "is in the mode Tomorrow"),
    "identity elsewhere": (elsewhere, {"location": "eastus"}, "is in westus and cannot be moved to eastus"),
    "name and id": (None, {"registries": [{**REGISTRY, "id": "/x"}]}, "registries[0] has id and name, resource_group"),
    "a vault twice": (None, {"vaults": [VAULT, {**VAULT, "name": GROUP.upper()}]}, f"vaults has {GROUP} twice"),
    "no name": (None, {"vaults": [{"name": GROUP}]}, "vaults[0] needs name and resource_group, or id"),
}


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_refused_before_the_first_write(run: Run, azure: Emulated, backend: Backend, case: str, check: bool) -> None:
    prepare, options, says = REFUSED[case]
    if prepare:
        prepare(run, azure)
    result = run("workload_identity", check=check, **{**WANTED, **options})
    assert says in failure(result)
    assert azure.writes == []


def test_a_credential_whose_cluster_is_gone_and_one_that_may_be_taken_get_the_new_issuer(run: Run, azure: Emulated, backend: Backend) -> None:
    of_another_cluster(run, azure)
    assert converged(run, azure, change_issuer=True)["changes"][0] == "change the federated credential lab1"
    identity(azure).credentials["lab1"].issuer = OLD_ISSUER
    assert converged(run, azure)["changes"] == ["change the federated credential lab1"]
    assert trusts(azure) == {"lab1": ISSUER}


def test_registries_and_vault_may_be_given_by_id_and_are_looked_for_in_their_subscription(run: Run, azure: Emulated) -> None:
    registry, vault = registry_and_vault(azure)
    converged(run, azure)
    by_id = run("workload_identity", **{**WANTED, "registries": [{"id": registry.id}], "vaults": [{"id": vault.id}]})
    assert by_id["changes"] == []
    hub = "99999999-9999-9999-9999-999999999999"
    for options in ({"registries": [{"id": registry.id.replace(azure.state.subscription, hub)}]}, {"vaults": [{**VAULT, "subscription_id": hub}]}):
        assert hub in failure(run("workload_identity", **{**WANTED, **options}))
        assert azure.writes == []


@pytest.fixture
def partner(azure: Emulated) -> EmulatedVault:
    return vaults.partner(azure)


def test_each_of_several_vaults_gets_the_permission_of_its_own_model_and_nothing_idle(run: Run, azure: Emulated, partner: EmulatedVault) -> None:
    asked = [VAULT, {"name": "contoso-partner", "resource_group": "rg-partner"}]
    made = converged(run, azure, vaults=asked)
    assert [(vault["name"], vault["rbac_enabled"]) for vault in made["vaults"]] == [(GROUP, False), ("contoso-partner", True)]
    assert made["changes"][-2:] == [
        f"add permissions to the access policy in the vault {GROUP}, whose permission model is Vault access policy",
        f"assign the role {KEY_VAULT_SECRETS_USER.name} on the vault contoso-partner, whose permission model is Azure role-based access control",
    ]
    principal = identity(azure).principal_id
    assert permitted(azure, principal) == ({ACR_PULL.name, KEY_VAULT_SECRETS_USER.name}, READ)
    assert [each.scope for each in azure.state.role_assignments.values() if each.principal_id == principal][-1].lower() == partner.id.lower()
    registry_and_vault(azure)[1].properties["enableRbacAuthorization"] = True
    partner.properties["enableRbacAuthorization"] = False
    assert len(converged(run, azure, vaults=asked)["changes"]) == 4
    (entry,) = partner.properties["accessPolicies"]
    assert (entry["objectId"], entry["permissions"], permitted(azure, principal)[1]) == (principal, READ, None)


def test_another_vault_costs_a_request_for_itself_and_one_for_the_roles_there(run: Run, azure: Emulated, partner: EmulatedVault) -> None:
    asked = []
    for several in ([VAULT], [VAULT, {"id": partner.id}]):
        converged(run, azure, vaults=several)
        azure.forget_requests()
        assert run("workload_identity", **{**WANTED, "vaults": several})["changes"] == []
        asked.append(len(azure.reads))
    assert asked[1] == asked[0] + 2


def test_faults_of_all_vaults_come_in_one_error(run: Run, azure: Emulated, partner: EmulatedVault) -> None:
    for vault in (registry_and_vault(azure)[1], partner):
        vault.properties["publicNetworkAccess"] = "Disabled"
    said = failure(run("workload_identity", **{**WANTED, "vaults": [VAULT, {"id": partner.id}]}))
    assert [name in said for name in (f"vault {GROUP} takes no requests", "vault contoso-partner takes no requests")] == [True, True]
    assert azure.writes == []


def test_a_certificate_of_no_given_vault_is_refused(run: Run, azure: Emulated, partner: EmulatedVault) -> None:
    asked = {**WANTED, "vaults": [VAULT, {"id": partner.id}]}
    assert "names no vault, and several are given" in failure(run("workload_identity", **asked, certificates=[{"name": "a"}]))
    assert "names the vault elsewhere" in failure(run("workload_identity", **asked, certificates=[{"name": "a", "vault": "elsewhere"}]))
    assert azure.requests == []


def test_an_access_policy_is_written_in_the_subscription_of_the_vault(run: Run, azure: Emulated) -> None:
    hub = "99999999-9999-9999-9999-999999999999"
    principal = run("user_assigned_identity", resource_group=GROUP, name="ratify")["identity"]
    elsewhere = WantedVault({**VAULT, "subscription_id": hub})
    vault = FoundVault(elsewhere, Vault(GROUP, registry_and_vault(azure)[1].id, rbac_enabled=False))
    found = Found(identities.Identity(**principal), vaults=(vault,), roles=defaultdict(list))
    asked = Wanted(identities.Wanted("ratify", GROUP), vaults=(elsewhere,))
    (step,) = (step for step in plan(session(azure), asked, found) if "the access policy in" in step.does)
    with pytest.raises(ModuleError, match=hub):
        step.request()


@pytest.mark.parametrize("rbac", [False, True], ids=["access policies", "Azure RBAC"])
def test_an_identity_that_still_trusts_the_same_tokens_is_named_with_what_it_may_do(run: Run, azure: Emulated, rbac: bool) -> None:
    switch(azure, LEGACY, rbac=rbac)
    run("workload_identity", **{**WANTED, "name": "old"})
    run("workload_identity", **{**WANTED, "name": "unrelated", "federated_credentials": [{**TRUST, "issuer": OLD_ISSUER}]})
    (former,) = converged(run, azure)["former_identities"]
    assert (former["name"], former["federated_credential"]["name"]) == ("old", "lab1")
    permission = f"{KEY_VAULT_SECRETS_USER.name} on {GROUP}" if rbac else f"secrets: get in {GROUP}"
    assert former["permissions"] == ["AcrPull on imagetrustlab", permission]
    for options in ({"except_identities": ["OLD"]}, {"except_identities": None}):
        assert run("workload_identity", **{**WANTED, **options})["former_identities"] == []


@pytest.mark.parametrize(
    ("path", "done"),
    [
        ("/userAssignedIdentities/ratify$", 0),
        ("/federatedIdentityCredentials/", 1),
        ("/roleAssignments/", 2),
        ("/accessPolicies/", 3),
    ],
)
def test_where_a_write_fails_it_is_said_what_was_done_and_the_next_run_goes_on_from_there(run: Run, azure: Emulated, path: str, done: int) -> None:
    predicted = run("workload_identity", check=True, **WANTED)["changes"]
    azure.fail(method="PUT", path=path, status=400, code="BadRequest")
    failed = run("workload_identity", **WANTED)
    assert f"Not done: {', '.join(predicted[done:])}." in failure(failed)
    assert (failed["changed"], failed["done"], failed["not_done"]) == (done > 0, predicted[:done], predicted[done:])
    azure.azure.faults.active.clear()
    assert run("workload_identity", **WANTED)["changes"] == predicted[done:]
