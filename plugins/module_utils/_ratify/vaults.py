# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""In which vault each certificate is, and by which key management provider Ratify reads it. No I/O. A vault is its URI, its name alone, or an entry of
`identity_vaults`, before role identity has run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

FIRST, INLINE = "kmprovider-akv", "ratify-notation-inline-cert-"
"""How the chart names its provider of a vault, and those of certificates that are given in place, by their number."""
FURTHER = 1001
"""Number of the second vault. The chart makes a provider of one vault only, and a verifier of it can name no other providers than those: by a number above all
that the chart makes it names one that role ratify makes."""


def name_of(vault: str | Json) -> str:
    """Its name as Azure compares it. Whether Azure takes it, role identity checks."""
    text = vault if isinstance(vault, str) else str(vault.get("name") or vault.get("id") or "")
    return text.lower().rstrip("/").rpartition("/")[2].partition(".")[0]


def problems(vaults: Sequence[str | Json], certificates: Sequence[Json]) -> list[str]:
    """A sentence for each certificate of which it is not known in which vault it is."""
    named, found = [name_of(vault) for vault in vaults], []
    for each in certificates:
        if not each.get("vault") and len(vaults) > 1:
            sentence = f"The certificate {each['name']} names no vault, and several are given; name {' or '.join(named)} as its vault."
            found.append(sentence)
        elif each.get("vault") and name_of(str(each["vault"])) not in named:
            sentence = f"The certificate {each['name']} names the vault {each['vault']}, but those given are {', '.join(named) or 'none'}; name one of them."
            found.append(sentence)
    return found


def by_vault(vaults: Sequence[str], certificates: Sequence[Json]) -> list[list[dict[str, Any]]]:
    """The certificates of each vault, without its name. One that names no vault is in the only one."""
    return [
        [{key: value for key, value in each.items() if key != "vault"} for each in certificates if name_of(str(each.get("vault") or vault)) == name_of(vault)]
        for vault in vaults
    ]


def providers(vaults: Sequence[str | Json], certificates: Sequence[Json]) -> list[dict[str, Any]]:
    """Name, vault and certificates of each provider, one for each vault with certificates. The first is the chart's. Where no vault is known, there is one."""
    known = [vault if isinstance(vault, str) else name_of(vault) for vault in vaults] or [""]
    used = [(vault, held) for vault, held in zip(known, by_vault(known, certificates), strict=True) if held]
    return [{"name": provider_name(number), "vault": vault, "certificates": held} for number, (vault, held) in enumerate(used)]


def objects(made: Sequence[Json], client_id: str, tenant_id: str, refresh_interval: str) -> list[dict[str, Any]]:
    """The providers as the chart makes its own, with the annotations by which they are found and removed as those are."""
    return [
        {
            "apiVersion": "config.ratify.deislabs.io/v1beta1",
            "kind": "KeyManagementProvider",
            "metadata": {"name": each["name"], "annotations": {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-weight": "5"}},
            "spec": {
                "type": "azurekeyvault",
                **({"refreshInterval": refresh_interval} if refresh_interval else {}),
                "parameters": {
                    "vaultURI": each["vault"],
                    "certificates": [{key: value for key, value in one.items() if value} for one in each["certificates"]],
                    "tenantID": tenant_id,
                    "clientID": client_id,
                },
            },
        }
        for each in made
    ]


def provider_name(number: int) -> str:
    """Name of the provider of a vault, by its place among those with certificates."""
    return f"{INLINE}{FURTHER + number - 1}" if number else FIRST


def store_name(number: int) -> str:
    """The same as the chart's trust policies refer to it."""
    return f"notationCerts[{FURTHER + number - 1}]" if number else "azurekeyvault"
