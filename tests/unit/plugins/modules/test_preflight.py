"""Preflight, whole, against the emulated Azure: it finds every fault at once, and writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lab.azure.arm.identities import new_identity
from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import CONTRIBUTOR, READER, Role
from lab.azure.state import DeletedVault, FederatedCredential, ManagedCluster, Secret, SecretVersion, Vault, now
from lab.seed import OWNER
from tests.support import vaults
from tests.support.certificates import of_signer
from tests.support.emulated import OBJECT_ID, Emulated
from tests.support.module_runs import Backend, Run, failure

GROUP = "image-trust-lab"
PLACE = {"resource_group": GROUP}
REGISTRY, VAULT = {**PLACE, "name": "imagetrustlab"}, {**PLACE, "name": GROUP}
SUBJECT = "system:serviceaccount:gatekeeper-system:ratify-admin"
CLUSTER: dict[str, Any] = {**PLACE, "name": "lab1", "create": False, "oidc_issuer": True, "workload_identity": True, "registries": [REGISTRY]}
IDENTITY: dict[str, Any] = {
    **PLACE,
    "name": "ratify",
    "federated_credentials": [{"name": "lab1", "cluster": {**PLACE, "name": "lab1"}, "subject": SUBJECT}],
    "change_issuer": False,
    "registries": [REGISTRY],
    "vaults": [VAULT],
    "except_identities": [],
}
ROLES: dict[str, list[str]] = {"role aks": [], "role identity": []}


@pytest.fixture
def lab1(azure: Emulated, backend: Backend, run: Run) -> ManagedCluster:
    """A cluster as it was made before OIDC issuers were on by default."""
    assert not run("aks_cluster", **PLACE, name="lab1").get("failed")
    cluster = azure.state.cluster_named("lab1")
    assert cluster
    cluster.properties["oidcIssuerProfile"] = {"enabled": False}
    return cluster


def checked(run: Run, azure: Emulated, **options: Any) -> dict[str, Any]:
    result = run("preflight", **{"findings": ROLES, "cluster": CLUSTER, "identity": IDENTITY, **options})
    assert azure.writes == []
    if result.get("failed"):
        failure(result)
        assert all(sentence in result["msg"] for sentence in result["refusals"])
    assert bool(result.get("failed")) is bool(result["refusals"])
    assert result["refusals"] == [one["text"] for one in result["findings"] if one["level"] == "refuse"]
    return result


def levels(result: dict[str, Any]) -> dict[str, str]:
    """The worst level by object."""
    order = ("refuse", "warn", "ok")
    return {one["about"]: one["level"] for one in sorted(result["findings"], key=lambda one: order.index(one["level"]), reverse=True)}


def test_what_can_be_configured_is_accepted_and_the_identity_is_returned_as_its_own_module_predicts_it(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    predicted = run("workload_identity", check=True, **IDENTITY)
    result = checked(run, azure)
    assert levels(result) == {
        "cluster lab1": "warn",
        "registry imagetrustlab": "ok",
        "vault image-trust-lab": "ok",
        "identity ratify": "ok",
        "role aks": "ok",
        "role identity": "ok",
        "permissions": "ok",
    }
    assert len(result["table"]) == len(result["findings"]) == 7
    assert result["identity"] == {key: value for key, value in predicted.items() if key in result["identity"]}
    assert result["identity"]["changed"] is True


def test_each_object_is_read_once_but_the_cluster_which_also_has_the_issuer(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    checked(run, azure)
    read = [path.lower() for path in azure.reads]
    assert [path.rpartition("/providers/")[2] for path in read if read.count(path) > 1] == ["microsoft.containerservice/managedclusters/lab1"] * 2


def test_nothing_is_to_be_done_where_everything_is_as_asked(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    run("aks_cluster", **CLUSTER)
    run("workload_identity", **IDENTITY)
    result = checked(run, azure)
    assert set(levels(result).values()) == {"ok"}
    assert result["identity"]["changes"] == []
    assert [path for path in azure.reads if path.endswith("/permissions")] == []


def only(azure: Emulated, *given: tuple[Role, str]) -> None:
    """The login has these roles, each in the subscription or on what is named there, and no others."""
    caller = azure.state.service_principals[OWNER].object_id
    azure.state.role_assignments.clear()
    for role, scope in given:
        new_assignment(azure.state, f"/subscriptions/{azure.state.subscription}{scope}", role.guid, caller).effective_at = 0


IN_GROUP = f"/resourceGroups/{GROUP}"


def test_each_permission_that_the_login_lacks_is_refused_by_action_and_scope(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    only(azure, (READER, ""))
    found = [one["text"].replace("/resourcegroups/", "/resourceGroups/") for one in checked(run, azure)["findings"] if one["about"] == "permissions"]
    group = f"/subscriptions/{azure.state.subscription}{IN_GROUP}"
    identities = "Microsoft.ManagedIdentity/userAssignedIdentities"
    assert found == [
        f"The login may not do {actions} on {group}{resource}. Assign it a role there that has the actions."
        for actions, resource in (
            ("Microsoft.ContainerService/managedClusters/write", "/providers/Microsoft.ContainerService/managedClusters/lab1"),
            ("Microsoft.Authorization/roleAssignments/write", "/providers/Microsoft.ContainerRegistry/registries/imagetrustlab"),
            (f"{identities}/write and {identities}/federatedIdentityCredentials/write", ""),
            ("Microsoft.KeyVault/vaults/accessPolicies/write", "/providers/Microsoft.KeyVault/vaults/image-trust-lab"),
        )
    ]


def test_a_role_on_a_resource_alone_counts_there(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    only(azure, (READER, ""), (CONTRIBUTOR, f"{IN_GROUP}/providers/Microsoft.KeyVault/vaults/image-trust-lab"))
    found = [one["text"] for one in checked(run, azure)["findings"] if one["about"] == "permissions"]
    assert [text for text in found if "KeyVault" in text] == []
    assert len(found) == 3


def test_permissions_that_are_not_known_are_a_warning(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    azure.fail(method="GET", path="/providers/Microsoft.Authorization/permissions$", status=403)
    assert levels(checked(run, azure))["permissions"] == "warn"


def test_faults_of_roles_cluster_registry_vault_and_identity_are_reported_at_once(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    lab1.properties |= {"addonProfiles": {"azurepolicy": {"enabled": True}}, "powerState": {"code": "Stopped"}}
    vault = azure.state.vault_named(GROUP)
    assert vault
    vault.properties["publicNetworkAccess"] = "Disabled"
    identity = new_identity(azure.state, GROUP, "ratify", "eastus")
    for number in range(20):
        identity.credentials[f"c{number}"] = FederatedCredential(f"c{number}", f"https://issuer/{number}/", SUBJECT, ["api://AzureADTokenExchange"])
    missing = {**PLACE, "name": "misspelt"}
    result = checked(
        run,
        azure,
        findings={**ROLES, "role ratify": ["ratify_replicas is 0, but must be 1 or more."]},
        cluster={**CLUSTER, "location": "westeurope", "registries": [missing]},
        identity={**IDENTITY, "registries": [missing]},
    )
    assert "Nothing was changed. 7 reasons: (1) ratify_replicas is 0" in result["msg"]
    for part in ("Azure Policy add-on", "is stopped", "cannot be moved to westeurope", "no registry misspelt", "takes no requests from any cluster", "20"):
        assert part in result["msg"]


def test_each_vault_has_findings_of_its_own(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    partner = vaults.partner(azure)
    asked = {**IDENTITY, "vaults": [VAULT, {**PLACE, "name": "misspelt"}, {"id": partner.id}]}
    result = checked(run, azure, identity=asked)
    of_vaults = {about: level for about, level in levels(result).items() if about.startswith("vault ")}
    assert of_vaults == {f"vault {GROUP}": "ok", "vault misspelt": "refuse", "vault contoso-partner": "ok"}
    (missing,) = result["refusals"]
    assert missing.startswith("There is no vault misspelt in resource group image-trust-lab; create it, or check vaults[1].name")
    partner.properties["publicNetworkAccess"] = "Disabled"
    assert len(checked(run, azure, identity=asked)["refusals"]) == 2


def test_a_missing_cluster_is_refused_or_created_as_it_is_asked(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    result = checked(run, azure, cluster={**CLUSTER, "name": "lab2"})
    assert "There is no cluster lab2 in resource group image-trust-lab, which has lab1" in result["msg"]
    created = checked(run, azure, cluster={**CLUSTER, "name": "lab2", "create": True, "location": "eastus"})
    assert levels(created)["cluster lab2"] == "ok"
    nowhere = checked(run, azure, cluster={**CLUSTER, "resource_group": "nowhere", "create": True})
    assert "find the location of resource group nowhere" in nowhere["msg"]


def test_the_kubeconfig_and_the_nodes_permissions_are_evaluated_too(run: Run, azure: Emulated, lab1: ManagedCluster, tmp_path: Path) -> None:
    result = checked(run, azure, cluster={**CLUSTER, "kubeconfig": {"path": str(tmp_path), "administrator": True}})
    assert "(Is a directory)" in result["msg"]
    del lab1.properties["identityProfile"]
    lab1.properties |= {"oidcIssuerProfile": {"enabled": True}, "securityProfile": {"workloadIdentity": {"enabled": True}}}
    assert "has no kubelet identity" in checked(run, azure)["msg"]


def test_what_cannot_be_read_is_a_refusal_and_stops_nothing_else(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    lab1.properties["powerState"] = {"code": "Stopped"}
    azure.fail(method="GET", path="/registries/imagetrustlab$", status=403)
    result = checked(run, azure)
    assert levels(result) == {
        "cluster lab1": "refuse",
        "registry imagetrustlab": "refuse",
        "vault image-trust-lab": "ok",
        "identity ratify": "ok",
        "role aks": "ok",
        "role identity": "ok",
        "permissions": "ok",
    }


def test_networks_and_an_unfinished_change_are_warnings(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    lab1.properties["provisioningState"] = "Failed"
    registry, vault = azure.state.registry_named("imagetrustlab"), azure.state.vault_named(GROUP)
    assert registry
    assert vault
    registry.properties["publicNetworkAccess"] = "Disabled"
    vault.properties["networkAcls"] = {"defaultAction": "Deny", "ipRules": [{"value": "198.51.100.4"}], "virtualNetworkRules": []}
    result = checked(run, azure)
    assert {about for about, level in levels(result).items() if level == "warn"} == {"cluster lab1", "registry imagetrustlab", "vault image-trust-lab"}
    assert len(result["warnings"]) == 4


def test_a_deleted_vault_is_refused_with_how_to_recover_it(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    vault = azure.state.vaults.pop(next(key for key, each in azure.state.vaults.items() if each.name == GROUP))
    azure.state.deleted_vaults[GROUP] = DeletedVault(vault, now(), now() + 90 * 86400)
    (refusal,) = checked(run, azure)["refusals"]
    assert f"The vault {GROUP} in resource group {GROUP} was deleted, from resource group {GROUP}, and is gone for good on 2" in refusal
    assert f"Recover it (az keyvault recover --name {GROUP})" in refusal
    azure.fail(method="GET", path="/deletedVaults$", status=403)
    (refusal,) = checked(run, azure)["refusals"]
    assert f"There is no vault {GROUP} in resource group {GROUP}; create it" in refusal


def test_only_a_vault_that_is_missing_is_looked_for_among_the_deleted_ones(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    checked(run, azure)
    assert [path for path in azure.reads if "deletedVaults" in path] == []
    (refusal,) = checked(run, azure, identity={**IDENTITY, "vaults": [{**VAULT, "name": "misspelt"}]})["refusals"]
    assert "There is no vault misspelt" in refusal
    assert len([path for path in azure.reads if path.endswith("/deletedVaults")]) == 1


CONTOSOS = "x509.subject: C=US, ST=WA, O=Contoso"
TRUST: dict[str, Any] = {"policies": [{"name": "web", "trustedIdentities": [CONTOSOS]}], "scopes": ["imagetrustlab.azurecr.io/web"]}


@pytest.fixture
def readable(public_azure: Emulated, lab1: ManagedCluster) -> Vault:
    """The vault, under its public name, whose certificates the login may read."""
    found = public_azure.state.vault_named(GROUP)
    assert found
    found.registered_at = 0
    policy = {"tenantId": found.properties["tenantId"], "objectId": OBJECT_ID, "permissions": {"certificates": ["get"], "secrets": ["get"]}}
    found.properties["accessPolicies"] = [policy]
    return found


def trusting(run: Run, azure: Emulated, *certificates: str, **trust: Any) -> list[tuple[str, str, str]]:
    """The warnings and refusals where these certificates of the vault are trusted."""
    identity = {**IDENTITY, "certificates": [{"name": name} for name in certificates]}
    result = checked(run, azure, identity=identity, trust={**TRUST, **trust})
    return [(one["level"], one["about"], one["text"]) for one in result["findings"] if one["level"] != "ok" and "issuer" not in one["text"]]


def held(vault: Vault, name: str, certificate: x509.Certificate) -> None:
    pem = certificate.public_bytes(Encoding.PEM).decode()
    vault.secrets[name] = Secret("1", {"1": SecretVersion(pem, "application/x-pem-file", now())})
    vault.certificates.append(name)


def test_certificates_of_the_vault_are_compared_with_what_notation_takes_and_the_policies_trust(run: Run, azure: Emulated, readable: Vault) -> None:
    held(readable, "good", of_signer())
    assert trusting(run, azure, "good") == []
    assert len([path for path in azure.reads if "/certificates/" in path]) <= 1
    held(readable, "old", of_signer(days=-1))
    held(readable, "soon", of_signer(days=40))
    held(readable, "server", of_signer(usages=["digital_signature", "key_encipherment"]))
    vault, other = f"vault {GROUP}", "x509.subject: C=US, ST=WA, O=Fabrikam"
    found = trusting(run, azure, "good", "old", "soon", "server", policies=[{"name": "web", "trustedIdentities": [CONTOSOS, other]}], warn_days=60)
    assert [(level, about, text[:40]) for level, about, text in found] == [
        ("warn", vault, "The certificate old of the vault image-t"),
        ("warn", vault, "The certificate soon of the vault image-"),
        ("refuse", vault, "Notation takes no signature of the certi"),
        ("warn", "trust", f"The trust policy web trusts {other}"[:40]),
    ]


def test_a_scope_outside_of_all_registries_is_a_warning(run: Run, azure: Emulated, lab1: ManagedCluster) -> None:
    scopes = ["imagetrustlab.azurecr.io/web", "imagetrustlab.eastus.geo.azurecr.io/web", "imagetrustlap.azurecr.io/web"]
    ((level, about, text),) = trusting(run, azure, scopes=scopes)
    assert (level, about) == ("warn", "trust")
    assert "is in imagetrustlap.azurecr.io, which is not among its registries (imagetrustlab.azurecr.io)" in text
    assert trusting(run, azure, scopes=scopes, registries=["imagetrustlab.azurecr.io", "imagetrustlap.azurecr.io"]) == []
    azure.fail(method="GET", path="/registries/imagetrustlab$", status=403)
    assert [about for _level, about, _text in trusting(run, azure, scopes=scopes)] == ["registry imagetrustlab"]


def test_a_login_that_fails_is_one_refusal(run: Run, azure: Emulated, lab1: ManagedCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_SECRET", "wrong")
    (refusal,) = checked(run, azure)["refusals"]
    assert "AADSTS7000215" in refusal


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"cluster": {"name": "lab1"}}, "Role aks gives wrong options to its module: missing required arguments: resource_group."),
        ({"identity": {**IDENTITY, "vualt": {}}}, "vualt"),
        ({"findings": {"role ratify": "one"}}, "findings.role ratify is 'one', but must be a list of sentences."),
        ({"cluster": {**CLUSTER, "name": "a.b"}}, "name is 'a.b', but must be"),
    ],
)
def test_options_that_the_other_modules_refuse_are_refused(run: Run, azure: Emulated, backend: Backend, options: dict[str, Any], part: str) -> None:
    assert part in checked(run, azure, **options)["msg"]


def test_a_fault_that_a_role_found_in_its_variables_is_not_reported_twice(run: Run, azure: Emulated, backend: Backend) -> None:
    result = checked(run, azure, findings={"role aks": ["aks_name is 'a.b'."]}, cluster={**CLUSTER, "name": "a.b"}, identity=None)
    assert result["refusals"] == ["aks_name is 'a.b'."]


def test_without_cluster_and_identity_only_the_roles_findings_count(run: Run, azure: Emulated) -> None:
    result = checked(run, azure, cluster=None, identity=None)
    assert (result["identity"], levels(result), azure.requests) == (None, {"role aks": "ok", "role identity": "ok"}, [])
