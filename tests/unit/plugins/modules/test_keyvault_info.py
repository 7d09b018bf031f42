"""What the module finds in a vault that would keep Ratify from verifying: its network, and certificates that Ratify does not trust."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from lab.azure.state import Secret, SecretVersion, Vault, now
from tests.support.cluster_states import chain, pem
from tests.support.emulated import OBJECT_ID, Emulated
from tests.support.module_runs import Run

ASKED: dict[str, Any] = {"resource_group": "image-trust-lab", "name": "image-trust-lab"}
CHAIN = {**chain(), "self-signed": pem("brooklyn.io"), "key": "-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n"}
ALONE = (
    "Ratify cannot verify by the certificate release of the vault image-trust-lab: a certificate authority issued it and its chain is not in the vault "
    "with it, so Ratify does not trust it by itself; import it with its intermediate and root."
)


@pytest.fixture
def vault(public_azure: Emulated) -> Vault:
    """The vault, under its public name, whose certificates and secrets the login may read."""
    found = public_azure.state.vault_named("image-trust-lab")
    assert found
    found.registered_at = 0
    permit(found, certificates=["get"], secrets=["get"])
    return found


def permit(vault: Vault, **permissions: list[str]) -> None:
    vault.properties["accessPolicies"] = [{"tenantId": vault.properties["tenantId"], "objectId": OBJECT_ID, "permissions": permissions}]


def imported(vault: Vault, *names: str, called: str = "release") -> None:
    vault.secrets[called] = Secret("1", {"1": SecretVersion("".join(CHAIN[name] for name in names), "application/x-pem-file", now())})
    vault.certificates.append(called)


def found(run: Run, **certificate: Any) -> list[str]:
    result = run("keyvault_info", **ASKED, certificates=[{"name": "release", **certificate}])
    problems: list[str] = result["problems"]
    return problems


@pytest.mark.parametrize("names", [*permutations(("leaf", "mid", "root")), ("mid",), ("root",), ("self-signed",), ("key", "self-signed")], ids="-".join)
@pytest.mark.parametrize("version", [None, "1"])
def test_chains_in_any_order_authorities_and_self_signed_certificates_are_good(vault: Vault, run: Run, names: tuple[str, ...], version: str | None) -> None:
    imported(vault, *names)
    assert found(run, version=version) == []


def test_a_leaf_without_its_chain_is_found(vault: Vault, run: Run) -> None:
    imported(vault, "leaf")
    assert found(run) == [ALONE]


@pytest.mark.parametrize(("others", "good"), [(("root",), True), (("mid",), True), (("leaf",), False), (("self-signed",), False), (("key", "leaf"), True)])
def test_a_leaf_whose_authority_may_be_another_certificate_is_good(vault: Vault, run: Run, others: tuple[str, ...], good: bool) -> None:
    imported(vault, "leaf")
    imported(vault, *others, called="other")
    certificates = [{"name": "release"}, {"name": "other"}]
    problems = run("keyvault_info", **ASKED, certificates=certificates)["problems"]
    assert problems == [] if good else ALONE in problems


def test_a_certificate_that_is_not_in_the_vault_is_found(vault: Vault, run: Run) -> None:
    (problem,) = found(run)
    assert "A certificate with (name/id) release was not found in this key vault" in problem


UNKNOWN: dict[str, tuple[tuple[str, ...], dict[str, list[str]]]] = {
    "the certificate may not be read": (("leaf",), {"secrets": ["get"]}),
    "its secret may not be read": (("leaf",), {"certificates": ["get"]}),
    "its secret has the private key": (("key", "leaf"), {"certificates": ["get"], "secrets": ["get"]}),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_no_problem_and_a_private_key_is_never_read(vault: Vault, run: Run, azure: Emulated, name: str) -> None:
    names, permissions = UNKNOWN[name]
    imported(vault, *names)
    permit(vault, **permissions)
    assert found(run) == []
    assert not [entry for entry in azure.requests if entry.path.startswith("/secrets") and entry.status == 200]


def test_a_self_signed_certificate_needs_no_secret(vault: Vault, run: Run, azure: Emulated) -> None:
    imported(vault, "self-signed")
    assert found(run) == []
    assert not [entry for entry in azure.requests if entry.path.startswith("/secrets")]


def test_a_vault_that_does_not_answer_is_asked_for_one_certificate(vault: Vault, run: Run, azure: Emulated) -> None:
    vault.registered_at = now() + 600
    run("keyvault_info", **ASKED, certificates=[{"name": "a"}])
    once = len([entry for entry in azure.requests if entry.host.startswith("image-trust-lab.vault")])
    assert run("keyvault_info", **ASKED, certificates=[{"name": "a"}, {"name": "b"}, {"name": "c"}])["problems"] == []
    assert len([entry for entry in azure.requests if entry.host.startswith("image-trust-lab.vault")]) <= once + 2


def test_a_vault_that_no_cluster_reaches_is_a_problem_and_is_not_asked(vault: Vault, run: Run, azure: Emulated) -> None:
    vault.properties["publicNetworkAccess"] = "Disabled"
    imported(vault, "leaf")
    result = run("keyvault_info", **ASKED, certificates=[{"name": "release"}])
    assert result["network"]["public_network_access"] == "Disabled"
    assert [problem.partition(":")[0] for problem in result["problems"]] == ["The vault image-trust-lab takes no requests from any cluster"]
    assert not [entry for entry in azure.requests if ".vault." in entry.host]


def test_a_vault_that_some_networks_reach_is_a_warning(vault: Vault, run: Run) -> None:
    vault.properties["networkAcls"] = {"defaultAction": "Deny", "bypass": "None", "ipRules": [{"value": "203.0.113.7/32"}], "virtualNetworkRules": []}
    result = run("keyvault_info", **ASKED)
    assert result["network"] == {
        "public_network_access": "Enabled",
        "default_action": "Deny",
        "ip_rules": ["203.0.113.7/32"],
        "virtual_network_rules": [],
        "private_endpoints": [],
    }
    assert result["problems"] == []
    assert "takes requests only from the address 203.0.113.7/32" in str(result["warnings"])
