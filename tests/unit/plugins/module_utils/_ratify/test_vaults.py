"""In which vault a certificate is, and by which provider Ratify reads it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._ratify.vaults import name_of, objects, problems, provider_name, providers, store_name

A, B = "https://contoso-signing.vault.azure.net/", "contoso-partner"
RELEASE, PARTNER = {"name": "release", "version": "1", "vault": "Contoso-Signing"}, {"name": "partner", "vault": B}
FIRST, SECOND = "kmprovider-akv", "ratify-notation-inline-cert-1001"
TABLE: dict[str, tuple[list[str], list[dict[str, Any]], list[tuple[str, str, list[str]]], list[str]]] = {
    "one vault, not named": ([A], [{"name": "release"}], [(FIRST, A, ["release"])], []),
    "one vault, by name": ([A], [RELEASE], [(FIRST, A, ["release"])], []),
    "two vaults": ([A, B], [PARTNER, RELEASE], [(FIRST, A, ["release"]), (SECOND, B, ["partner"])], []),
    "the first without a certificate": ([A, B], [PARTNER], [(FIRST, B, ["partner"])], []),
    "no certificate": ([A, B], [], [], []),
    "no vault is known": ([], [{"name": "release"}], [(FIRST, "", ["release"])], []),
    "another vault": (
        [A],
        [RELEASE, PARTNER],
        [(FIRST, A, ["release"])],
        ["The certificate partner names the vault contoso-partner, but those given are contoso-signing; name one of them."],
    ),
}


@pytest.mark.parametrize(("vaults", "certificates", "made", "wrong"), TABLE.values(), ids=TABLE)
def test_each_vault_with_certificates_has_a_provider(vaults: list[str], certificates: list[Any], made: Any, wrong: list[str]) -> None:
    found = providers(vaults, certificates)
    assert [(each["name"], each["vault"], [one["name"] for one in each["certificates"]]) for each in found] == made
    assert not any("vault" in one for each in found for one in each["certificates"])
    assert problems(vaults, certificates) == wrong


def test_a_certificate_of_several_vaults_has_to_name_its_own() -> None:
    (sentence,) = problems([A, B], [{"name": "release"}, PARTNER])
    assert sentence == "The certificate release names no vault, and several are given; name contoso-signing or contoso-partner as its vault."


def test_a_vault_has_its_name_whatever_names_it() -> None:
    by_uri = (A, A.rstrip("/"), "Contoso-Signing", "https://CONTOSO-SIGNING.vault.azure.cn")
    entries = ({"name": "contoso-signing"}, {"id": "/subscriptions/2/resourceGroups/a/providers/Microsoft.KeyVault/vaults/Contoso-Signing"})
    assert {name_of(each) for each in (*by_uri, *entries)} == {"contoso-signing"}


def test_the_providers_are_as_the_chart_makes_its_own() -> None:
    (made,) = objects(providers([A, B], [RELEASE, PARTNER])[1:], "client", "tenant", "1h")
    assert made["metadata"]["name"] == SECOND
    assert made["spec"] == {
        "type": "azurekeyvault",
        "refreshInterval": "1h",
        "parameters": {"vaultURI": B, "certificates": [{"name": "partner"}], "clientID": "client", "tenantID": "tenant"},
    }
    assert "refreshInterval" not in objects(providers([A], [RELEASE]), "client", "tenant", "")[0]["spec"]


def test_the_charts_trust_stores_name_the_same_providers() -> None:
    assert [(store_name(number), provider_name(number)) for number in range(2)] == [("azurekeyvault", FIRST), ("notationCerts[1001]", SECOND)]
