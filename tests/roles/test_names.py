"""What becomes of the objects in Azure when the name of a host, a cluster or an identity changes, or is none that Azure takes."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest

from tests.support.emulated import Emulated

from .conftest import GROUP, OF_ALL_ROLES, Command, Play


def site(azure: Emulated, command: Command, **variables: Any) -> str:
    """How role preflight, with which site.yml begins, fails with the roles that need Azure alone."""
    azure.forget_requests()
    words, environment = command("preflight", **OF_ALL_ROLES, **variables)
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    # With what came before it, pytest leaves out what failed.
    return " ".join(done.stdout.partition("fatal:")[2].split())


def trusted(azure: Emulated) -> dict[str, dict[str, str]]:
    """By identity and credential, whose tokens are trusted."""
    return {
        identity.name: {name: one.issuer for name, one in identity.credentials.items()} for identity in azure.state.identities.values() if identity.credentials
    }


@pytest.mark.parametrize("there", [True, False], ids=["another cluster that is there", "one yet to be created"])
def test_a_credential_is_not_taken_from_another_cluster_and_that_is_known_before_anything_is_written(
    azure: Emulated, play: Play, command: Command, there: bool
) -> None:
    assert play("aks", "identity").errors == []
    if there:
        assert play("aks", aks_name="blue").errors == []
    before = trusted(azure)
    said = site(azure, command, aks_name="blue")
    issuer = "https://eastus.oic.prod-aks.azure.com/tenant/lab1/"
    assert f"The federated credential ratify-lab1 trusts the issuer {issuer} of cluster lab1 in resource group image-trust-lab, which" in said
    assert (azure.writes, trusted(azure)) == ([], before)
    (error,) = play("identity", identity_issuer_url="https://issuer.example/blue/").errors
    assert "set change_issuer" in error
    assert (azure.writes, trusted(azure)) == ([], before)


def test_a_credential_is_taken_from_another_cluster_when_that_is_asked_for(azure: Emulated, play: Play) -> None:
    assert play("aks", "identity").errors == []
    assert play("aks", "identity", aks_name="blue", identity_change_issuer=True).errors == []
    assert trusted(azure) == {"ratify-lab1": {"ratify-lab1": "https://eastus.oic.prod-aks.azure.com/tenant/blue/"}}


@pytest.mark.parametrize("rbac", [False, True], ids=["access policies", "Azure RBAC"])
def test_an_identity_that_a_changed_name_left_behind_is_named_with_its_permissions_until_it_is_gone(azure: Emulated, play: Play, rbac: bool) -> None:
    vault = azure.state.vault_named(GROUP)
    assert vault
    vault.properties["enableRbacAuthorization"] = rbac
    assert play("aks", "identity").errors == []
    for _run in ("the run that makes another", "every later one"):
        renamed = play("aks", "identity", identity_name="ratify-web")
        assert renamed.errors == []
        permission = "Key Vault Secrets User on image-trust-lab" if rbac else "secrets: get in image-trust-lab"
        assert (
            "The identity ratify-lab1 in image-trust-lab still trusts Ratify of lab1, by its federated credential ratify-lab1, and has"
            f" AcrPull on imagetrustlab, {permission}. Ratify acts as ratify-web."
        ) in renamed.said.replace("\n", " ")
        (credential,) = renamed.facts["identity_result"]["former_credentials"]
        assert credential.endswith("/userAssignedIdentities/ratify-lab1/federatedIdentityCredentials/ratify-lab1")
    remedy = re.search(r"(identity_state=\S+) (identity_name=\S+) (identity_federation_name=\S+)\.", renamed.said)
    assert remedy
    assert play("identity", **dict(pair.split("=") for pair in remedy.groups())).errors == []
    assert trusted(azure).keys() == {"ratify-web"}
    assert "still trusts" not in play("aks", "identity", identity_name="ratify-web").said


def test_identities_of_the_inventory_s_other_clusters_are_not_asked_about(azure: Emulated, play: Play) -> None:
    hosts = ("lab1", "web.prod")
    assert play("aks", "identity", hosts=hosts, aks_kubeconfig="~/{{ inventory_hostname }}").errors == []
    again = play("aks", "identity", hosts=hosts, aks_kubeconfig="~/{{ inventory_hostname }}")
    assert (again.errors, again.changed) == ([], [])
    assert sum(entry.path.endswith("/federatedIdentityCredentials") for entry in azure.requests) == len(hosts)
    assert sum(entry.path.endswith("/userAssignedIdentities") for entry in azure.requests) == len(hosts)


def test_a_host_with_dots_has_names_in_azure_with_hyphens(azure: Emulated, play: Play) -> None:
    assert play("aks", "identity", hosts=("web.prod.example.com",)).errors == []
    assert azure.state.cluster_named("web-prod-example-com")
    issuer = "https://eastus.oic.prod-aks.azure.com/tenant/web-prod-example-com/"
    assert trusted(azure) == {"ratify-web-prod-example-com": {"ratify-web-prod-example-com": issuer}}
    assert play("aks", "identity", hosts=("web.prod.example.com",)).changed == []


def test_two_hosts_whose_clusters_would_have_one_name_are_refused(azure: Emulated, play: Play) -> None:
    (error,) = play("aks", hosts=("web.prod", "web-prod"), aks_kubeconfig="~/{{ inventory_hostname }}").errors
    assert "web.prod and another host of image-trust-lab have web-prod for the name of their cluster" in error
    apart = play("aks", hosts=("web.prod", "web-prod"), aks_kubeconfig="~/{{ inventory_hostname }}", aks_resource_group="{{ inventory_hostname }}")
    assert not any("name of their cluster" in error for error in apart.errors)


def test_all_names_that_azure_does_not_take_are_refused_before_anything_is_written(azure: Emulated, command: Command) -> None:
    said = site(
        azure,
        command,
        aks_name="lab1",
        identity_name="ratify-web.prod",
        identity_federation_name="a",
        identity_registries=[{"name": "contoso.azurecr.io", "resource_group": GROUP}],
        identity_vaults=[{"name": "contoso--signing", "resource_group": GROUP}],
    )
    for name in (
        "identity_name is 'ratify-web.prod'",
        "identity_federation_name is 'a'",
        "identity_registries[0].name is 'contoso.azurecr.io'",
        "identity_vaults[0].name is 'contoso--signing'",
    ):
        assert f"{name}, but must be " in said
    assert azure.writes == []


def test_a_registry_and_a_vault_are_found_by_their_ids_or_in_a_subscription_of_their_own(azure: Emulated, play: Play) -> None:
    registry, vault = azure.state.registry_named("imagetrustlab"), azure.state.vault_named(GROUP)
    assert registry
    assert vault
    assert play("aks", "identity").errors == []
    by_id = play("aks", "identity", aks_registries=[{"id": registry.id}], identity_vaults=[{"id": vault.id}])
    assert (by_id.errors, by_id.changed) == ([], [])
    hub = "99999999-9999-9999-9999-999999999999"
    elsewhere = play("aks", "identity", aks_registries=[{"id": registry.id.replace(azure.state.subscription, hub)}])
    assert [hub in error for error in elsewhere.errors] == [True]
    vault_elsewhere = play(
        "identity", identity_vaults=[{"name": GROUP, "resource_group": GROUP, "subscription_id": hub}], identity_issuer_url="https://a.example/"
    )
    assert [hub in error for error in vault_elsewhere.errors] == [True]
    assert {entry.path.split("/")[2] for entry in azure.requests if "/vaults/" in entry.path} == {hub}
