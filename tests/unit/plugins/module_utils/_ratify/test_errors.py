"""What Ratify reports of a vault that refuses it, as Ratify 1.4 writes it into a status, and in our words."""

from __future__ import annotations

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._ratify.errors import explained

HEAD = (
    "KEY_MANAGEMENT_PROVIDER_FAILURE: Failed to refresh key management provider: Unable to fetch certificates from key management provider [kmprovider-akv] of "
    "type [azurekeyvault]: failed to get secret objectName:release, objectVersion:, error: GET https://contoso-signing.vault.azure.net/secrets/release/\n"
    "--------------------------------------------------------------------------------\nRESPONSE 403: 403 Forbidden\nERROR CODE: Forbidden\n"
    '--------------------------------------------------------------------------------\n{\n  "error": {\n    "code": "Forbidden",\n    "message": "'
)
CALLER = "Caller: appid=a;oid=b;iss=https://sts.windows.net/c/\\r\\nVault: contoso-signing;location=westeurope"


def status(message: str, inner: str) -> str:
    return f'{HEAD}{message}",\n    "innererror": {{\n      "code": "{inner}"\n    }}\n  }}\n}}\n{"-" * 80}\n'


BY_FIREWALL = "Client address is not authorized and caller is not a trusted service.\\r\\nClient address: {}\\r\\n" + CALLER
ALLOW = "Approve a private endpoint in the cluster's network, or allow the cluster's subnet or outbound address in the vault's firewall"
FIREWALL = (
    "the firewall of the vault contoso-signing.vault.azure.net refuses the cluster{} (403 ForbiddenByFirewall), and no permission or waiting changes that. "
)
CONNECTION = (
    "the vault contoso-signing.vault.azure.net only takes requests by private endpoints, and the cluster's came by none (403 ForbiddenByConnection); no "
    "permission or waiting changes that. Approve a private endpoint in the cluster's network, whose DNS has to answer its address for the vault's name"
)
POLICY = "The user, group or application 'appid=a' does not have secrets get permission on key vault 'contoso-signing;location=westeurope'."
NAMED = "failed to get secret objectName:ForbiddenByFirewall, objectVersion:, error: GET https://v.vault.azure.net/secrets/ForbiddenByFirewall/ RESPONSE 404"
ERRORS: dict[str, tuple[str, str]] = {
    "firewall": (status(BY_FIREWALL.format("20.1.2.3"), "ForbiddenByFirewall"), FIREWALL.format(", whose address is 20.1.2.3") + ALLOW),
    "firewall, IPv6": (status(BY_FIREWALL.format("2001:db8::7"), "ForbiddenByFirewall"), FIREWALL.format(", whose address is 2001:db8::7") + ALLOW),
    "firewall, no address": (status("Client address is not authorized.", "ForbiddenByFirewall"), FIREWALL.format("") + ALLOW),
    "no public access": (status("Public network access is disabled and request is not from a trusted service.", "ForbiddenByConnection"), CONNECTION),
    "a permission is missing": (status(POLICY, "ForbiddenByPolicy"), status(POLICY, "ForbiddenByPolicy")),
    "another error": ("no such host", "no such host"),
    "a certificate of that name": (NAMED, NAMED),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_refusal_by_the_network_is_distinguished_from_a_missing_permission(name: str) -> None:
    error, says = ERRORS[name]
    assert explained(error) == says
