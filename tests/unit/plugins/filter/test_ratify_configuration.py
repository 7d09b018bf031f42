from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.filter.ratify_configuration import ratify_configuration

ALWAYS = ["Store store-oras", "Verifier verifier-notation"]
ONE, OTHER = ({"name": "release", "vault": "a"}, {"name": "partner", "vault": "b"})
TABLE: dict[str, tuple[list[dict[str, str]], int, int, list[str]]] = {
    "nothing": ([], 0, 0, ALWAYS),
    "certificates of a vault": ([ONE, ONE], 0, 0, [*ALWAYS, "KeyManagementProvider kmprovider-akv"]),
    "certificates of the second vault alone": ([OTHER], 0, 0, [*ALWAYS, "KeyManagementProvider kmprovider-akv"]),
    "certificates of two vaults": (
        [OTHER, ONE],
        0,
        0,
        [*ALWAYS, "KeyManagementProvider kmprovider-akv", "KeyManagementProvider ratify-notation-inline-cert-1001"],
    ),
    "inline certificates": ([], 2, 0, [*ALWAYS, *(f"KeyManagementProvider ratify-notation-inline-cert-{number}" for number in (0, 1))]),
    "a key of cosign": ([], 0, 1, [*ALWAYS, "Verifier verifier-cosign", "KeyManagementProvider ratify-cosign-inline-key-0"]),
}


@pytest.mark.parametrize(("certificates", "inline", "keys", "expected"), TABLE.values(), ids=TABLE)
def test_the_chart_makes_a_provider_for_each_source_of_trust(certificates: list[dict[str, str]], inline: int, keys: int, expected: list[str]) -> None:
    variables: dict[str, Any] = {
        "ratify_vault_uris": ["https://a.vault.azure.net/", "b"],
        "ratify_certificates": certificates,
        "ratify_inline_certificates": ["x"] * inline,
        "ratify_cosign_keys": ["x"] * keys,
    }
    assert [f"{each['kind']} {each['name']}" for each in ratify_configuration(variables)] == expected
