# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From where a key vault takes requests. Private to the collection. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALLOW = "Approve a private endpoint in the cluster's network, or allow the cluster's subnet or outbound address in the vault's firewall"


@dataclass(frozen=True)
class Network:
    """From where a vault takes requests, whatever the caller may do: https://learn.microsoft.com/azure/key-vault/general/network-security

    `ip_rules` and `virtual_network_rules` count while public network access is enabled, and what they do not name is treated by `default_action`. Of the
    private endpoints, those that are approved. A network security perimeter has rules of its own, which the vault does not tell.
    """

    public_network_access: str = "Enabled"
    default_action: str = "Allow"
    ip_rules: tuple[str, ...] = ()
    virtual_network_rules: tuple[str, ...] = ()
    private_endpoints: tuple[str, ...] = ()

    def shown(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}

    def problem(self, vault: str) -> str | None:
        """Why no cluster reaches the vault of that name; None where one may. Trusted services pass its firewall, but no pod of a cluster is one."""
        rules = "its public network access is disabled, and it has" if self._is_private else "its firewall denies by default, and has no rule and"
        sentence = (
            f"The vault {vault} takes no requests from any cluster: {rules} no approved private endpoint. Ratify could not read its certificates. {ALLOW}; "
            "in a network security perimeter, set publicNetworkAccess to SecuredByPerimeter."
        )
        return None if self._is_open or self._allowed else sentence

    def warning(self, vault: str) -> str | None:
        """Where only some networks reach the vault, which."""
        sentence = (
            f"The vault {vault} takes requests only from {', '.join(self._allowed)}. Whether the cluster is among these cannot be read here; if it is not, "
            f"Ratify reads no certificate (403) and every image is denied. {ALLOW}."
        )
        return sentence if self._allowed and not self._is_open else None

    @property
    def _is_open(self) -> bool:
        return self.public_network_access.lower() == "enabled" and self.default_action.lower() == "allow"

    @property
    def _is_private(self) -> bool:
        return self.public_network_access.lower() == "disabled"

    @property
    def _allowed(self) -> list[str]:
        public = [*(f"the address {each}" for each in self.ip_rules), *(f"the subnet {each}" for each in self.virtual_network_rules)]
        by_access = {"enabled": public, "disabled": []}
        named = by_access.get(self.public_network_access.lower(), ["its network security perimeter"])
        return [*named, *(f"the private endpoint {each}" for each in self.private_endpoints)]


def network_of(properties: Mapping[str, Any]) -> Network:
    """Of a vault's properties, as Resource Manager returns them."""
    rules = properties.get("networkAcls") or {}
    connections = [each.get("properties") or {} for each in properties.get("privateEndpointConnections") or ()]
    approved = [each for each in connections if (each.get("privateLinkServiceConnectionState") or {}).get("status") == "Approved"]
    return Network(
        properties.get("publicNetworkAccess") or "Enabled",
        rules.get("defaultAction") or "Allow",
        tuple(each["value"] for each in rules.get("ipRules") or ()),
        tuple(each["id"] for each in rules.get("virtualNetworkRules") or ()),
        tuple((each.get("privateEndpoint") or {}).get("id") or "?" for each in approved),
    )
