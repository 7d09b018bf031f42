"""Role identity, which refuses a vault that Ratify could not use before it writes anything."""

from __future__ import annotations

from typing import Any

import pytest

from lab.azure.state import Secret, SecretVersion, Vault, now
from tests.support.cluster_states import chain
from tests.support.emulated import OBJECT_ID, Emulated

from .conftest import GROUP, Play

ISSUER = "https://issuer/"
CLOSED: dict[str, tuple[dict[str, Any], str]] = {
    "firewall": ({"networkAcls": {"defaultAction": "Deny", "ipRules": [], "virtualNetworkRules": []}}, "its firewall denies by default"),
    "no public access": ({"publicNetworkAccess": "Disabled"}, "its public network access is disabled"),
}


@pytest.fixture
def vault(public_azure: Emulated) -> Vault:
    """The vault, under its public name, with a leaf and without its chain."""
    found = public_azure.state.vault_named(GROUP)
    assert found
    found.registered_at = 0
    permissions = {"certificates": ["get"], "secrets": ["get"]}
    found.properties["accessPolicies"] = [{"tenantId": found.properties["tenantId"], "objectId": OBJECT_ID, "permissions": permissions}]
    found.secrets["release"] = Secret("1", {"1": SecretVersion(chain()["leaf"], "application/x-pem-file", now())})
    found.certificates.append("release")
    return found


@pytest.mark.parametrize("name", CLOSED)
def test_a_vault_that_no_cluster_reaches_is_refused_before_the_identity_is_made(vault: Vault, play: Play, azure: Emulated, name: str) -> None:
    properties, says = CLOSED[name]
    vault.properties |= properties
    played = play("identity", identity_issuer_url=ISSUER)
    assert says in played.errors[0]
    assert azure.writes == []


def test_a_vault_that_a_private_endpoint_reaches_is_a_warning(vault: Vault, play: Play, azure: Emulated) -> None:
    connection = {"privateEndpoint": {"id": "/subscriptions/s/endpoint"}, "privateLinkServiceConnectionState": {"status": "Approved"}}
    vault.properties |= {"publicNetworkAccess": "Disabled", "privateEndpointConnections": [{"properties": connection}]}
    played = play("identity", identity_issuer_url=ISSUER)
    assert played.errors == []
    assert "takes requests only from the private endpoint /subscriptions/s/endpoint" in played.said
    assert azure.writes


def test_a_leaf_without_its_chain_is_refused_before_the_identity_is_made(vault: Vault, play: Play, azure: Emulated) -> None:
    played = play("identity", identity_issuer_url=ISSUER, ratify_certificates=[{"name": "release"}])
    assert "Ratify cannot verify by the certificate release of the vault image-trust-lab: a certificate authority issued it" in played.errors[0]
    assert azure.writes == []


def test_what_was_made_is_taken_away_whatever_became_of_the_vault(vault: Vault, play: Play, azure: Emulated) -> None:
    assert play("identity", identity_issuer_url=ISSUER).errors == []
    vault.properties["publicNetworkAccess"] = "Disabled"
    assert play("identity", identity_state="absent", ratify_certificates=[{"name": "release"}]).errors == []
    assert azure.state.identities == {}
