"""From where a vault takes requests, by a table of what Resource Manager returns."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.vault_network import network_of

SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/aks"
ENDPOINT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateEndpoints/vault"
CLOSED, OPEN = "takes no requests", ""


def rules(action: str = "Deny", addresses: list[str] | None = None, subnets: list[str] | None = None) -> dict[str, Any]:
    listed = {"ipRules": [{"value": each} for each in addresses or []], "virtualNetworkRules": [{"id": each} for each in subnets or []]}
    return {"networkAcls": {"bypass": "AzureServices", "defaultAction": action, **listed}}


def endpoint(status: str) -> dict[str, Any]:
    connection = {"privateEndpoint": {"id": ENDPOINT}, "privateLinkServiceConnectionState": {"status": status}, "provisioningState": "Succeeded"}
    return {"privateEndpointConnections": [{"id": "c", "properties": connection}]}


NETWORKS: dict[str, tuple[dict[str, Any], str]] = {
    "nothing is said": ({}, OPEN),
    "all is null": ({"networkAcls": None, "publicNetworkAccess": None, "privateEndpointConnections": None}, OPEN),
    "all is allowed": ({**rules("Allow", ["203.0.113.7/32"]), "publicNetworkAccess": "Enabled"}, OPEN),
    "the default is to deny": (rules(), CLOSED),
    "the default is to deny, in another case": (rules("deny"), CLOSED),
    "one address": (rules("Deny", ["203.0.113.7/32"]), "takes requests only from the address 203.0.113.7/32."),
    "one subnet": (rules("Deny", None, [SUBNET]), f"takes requests only from the subnet {SUBNET}."),
    "a private endpoint": ({**rules(), **endpoint("Approved")}, f"takes requests only from the private endpoint {ENDPOINT}."),
    "a private endpoint that is not approved": ({**rules(), **endpoint("Pending")}, CLOSED),
    "no public access": ({"publicNetworkAccess": "Disabled"}, CLOSED),
    "no public access, in another case": ({"publicNetworkAccess": "disabled"}, CLOSED),
    "no public access, whatever the rules": ({"publicNetworkAccess": "Disabled", **rules("Allow", ["203.0.113.7/32"], [SUBNET])}, CLOSED),
    "no public access, and a private endpoint": (
        {"publicNetworkAccess": "Disabled", **rules("Deny", ["203.0.113.7/32"]), **endpoint("Approved")},
        f"takes requests only from the private endpoint {ENDPOINT}.",
    ),
    "a perimeter": ({"publicNetworkAccess": "SecuredByPerimeter"}, "takes requests only from its network security perimeter."),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_vault_that_no_cluster_reaches_is_refused_and_one_that_some_reach_is_a_warning(name: str) -> None:
    properties, says = NETWORKS[name]
    network = network_of(properties)
    reported = {"problem": network.problem("v"), "warning": network.warning("v")}
    assert {kind for kind, sentence in reported.items() if sentence} == ({"problem"} if says == CLOSED else {"warning"} if says else set())
    assert not says or f"The vault v {says}" in f"{reported['problem']}{reported['warning']}"


def test_the_reason_why_no_cluster_reaches_it_is_in_the_sentence() -> None:
    by_rules, by_access = (network_of(each).problem("v") for each in (rules(), {"publicNetworkAccess": "Disabled"}))
    assert "its firewall denies by default, and has no rule and no approved private endpoint" in str(by_rules)
    assert "its public network access is disabled, and it has no approved private endpoint" in str(by_access)
