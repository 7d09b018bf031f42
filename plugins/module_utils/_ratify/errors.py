# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What Ratify reports in the status of its objects, where its own words mislead. No I/O."""

from __future__ import annotations

import re

from .._azure.vault_network import ALLOW

# The innererror of Key Vault's answer, which Ratify repeats whole: a name alone may be that of a certificate.
_INNER = re.compile(r'"innererror":\s*\{\s*"code":\s*"(ForbiddenByFirewall|ForbiddenByConnection)"')
_HOST = re.compile(r"GET https://([^/\s]+)/")
_ADDRESS = re.compile(r"Client address: ([0-9A-Fa-f.:]+)")


def explained(error: str) -> str:
    """The error, or what it means where a vault's network refuses Ratify, which looks like a missing permission and is none.

    https://learn.microsoft.com/azure/key-vault/general/rest-error-codes#http-403-insufficient-permissions
    """
    inner, host, address = _INNER.search(error), _HOST.search(error), _ADDRESS.search(error)
    if not inner:
        return error
    vault = f"vault {host[1]}" if host else "vault"
    if inner[1] == "ForbiddenByFirewall":
        which = f", whose address is {address[1]}" if address else ""
        sentence = f"the firewall of the {vault} refuses the cluster{which} (403 ForbiddenByFirewall), and no permission or waiting changes that. {ALLOW}"
    else:
        sentence = (
            f"the {vault} only takes requests by private endpoints, and the cluster's came by none (403 ForbiddenByConnection); no permission or waiting "
            "changes that. Approve a private endpoint in the cluster's network, whose DNS has to answer its address for the vault's name"
        )
    return sentence
