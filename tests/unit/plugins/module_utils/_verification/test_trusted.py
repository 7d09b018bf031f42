"""Who is trusted for which repositories, by tables of what verifiers may be."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._verification.trusted import trusted

IDENTITY = "x509.subject:CN=release,O=Contoso,ST=WA,C=US"
STORES = {"ca": {"cert-0": ["kmprovider-akv"], "cert-1": ["inline-0", "kmprovider-akv"]}, "old": ["flat"]}


def verifier(name: str, parameters: Any) -> dict[str, Any]:
    return {"metadata": {"name": f"verifier-{name}"}, "spec": {"name": name, "parameters": parameters}}


def notation(*policies: Any) -> dict[str, Any]:
    return verifier("notation", {"verificationCertStores": STORES, "trustPolicyDoc": {"version": "1.0", "trustPolicies": [*policies]}})


def entry(kind: str, policy: str | None, repositories: list[str], signers: list[str], providers: list[str]) -> dict[str, Any]:
    return {"kind": kind, "policy": policy, "repositories": repositories, "signers": signers, "providers": providers}


CASES: dict[str, tuple[list[Any], list[dict[str, Any]]]] = {
    "no verifier": ([], []),
    "a trust policy for two repositories": (
        [notation({"name": "release", "registryScopes": ["r.io/a", "r.io/b"], "trustedIdentities": [IDENTITY], "trustStores": ["ca:cert-0"]})],
        [entry("notation", "release", ["r.io/a", "r.io/b"], [IDENTITY], ["kmprovider-akv"])],
    ),
    "two stores have one provider in common, and no identity is named": (
        [notation({"name": "all", "registryScopes": ["*"], "trustStores": ["ca:cert-0", "ca:cert-1", "tsa:old"]})],
        [entry("notation", "all", ["*"], ["*"], ["kmprovider-akv", "inline-0", "flat"])],
    ),
    "keys of cosign": (
        [verifier("cosign", {"trustPolicies": [{"name": "keys", "scopes": ["r.io/*"], "keys": [{"provider": "key-0"}, {"file": "/key"}]}]})],
        [entry("cosign", "keys", ["r.io/*"], [], ["key-0"])],
    ),
    "cosign without keys": (
        [verifier("cosign", {"trustPolicies": [{"scopes": ["*"], "keyless": {"certificateIdentityRegExp": ".*@contoso"}}, {"keyless": {"x": "y"}}]})],
        [entry("cosign", None, ["*"], [".*@contoso"], []), entry("cosign", None, [], ["*"], [])],
    ),
    "a verifier of another": ([verifier("sbom", {"more": True})], [entry("sbom", None, [], [], [])]),
    "a verifier that says nothing": ([{"metadata": {"name": "odd"}}], [entry("odd", None, [], [], [])]),
    "parameters that are no parameters": ([verifier("notation", "text")], [entry("notation", None, [], [], [])]),
    "policies that are none": (
        [notation("text", {"registryScopes": "r.io", "trustStores": ["none", "ca:away"], "trustedIdentities": [None, IDENTITY]})],
        [entry("notation", None, [], [IDENTITY], [])],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_verifier_is_reported_by_its_trust_policies(case: str) -> None:
    given, found = CASES[case]
    assert trusted(given) == found
