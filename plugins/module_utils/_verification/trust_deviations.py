# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Where Ratify trusts others than the inventory names, or is not the one that is asked. No I/O.

The objects are compared by what they mean, in the form in which role ratify gives it to the chart (`ratify_result.trust`), for charts write them in many ways.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from .._ratify.vaults import FIRST, INLINE
from .deviations import RUN, of_arguments, of_authority, of_images, of_service
from .programs import arguments
from .state import RATIFY, Verification

Json = Mapping[str, Any]
CONFIGURATION = {
    **RATIFY,
    "CertificateStore": "certificate_stores",
    "NamespacedPolicy": "namespaced_policies",
    "NamespacedStore": "namespaced_stores",
    "NamespacedVerifier": "namespaced_verifiers",
    "NamespacedKeyManagementProvider": "namespaced_key_management_providers",
}
"""Kinds of Ratify's configuration, and where `Verification` has them."""
POLICY = {"type": "config-policy", "parameters": {"artifactVerificationPolicies": {"default": "all"}}}
"""The chart's: every artifact that has a verifier is verified by each of them. One that needs less would admit more."""
VAULTS = {"azure.com": "vault.azure.net", "azure.cn": "vault.azure.cn", "azure.us": "vault.usgovcloudapi.net"}
"""Domains of the vaults in Microsoft's clouds, by those of the clusters' issuers.
https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates"""
SIGNATURES = {
    "verifier-notation": {"name": "notation", "artifactTypes": "application/vnd.cncf.notary.signature"},
    "verifier-cosign": {"name": "cosign", "artifactTypes": "application/vnd.dev.cosign.artifact.sig.v1+json"},
}
"""What the chart's verifiers verify. With one of another kind of artifact, an image that has such an artifact and no signature counts as verified."""
PLUGINS = ("address", "source")
"""Fields by which a verifier or a store is another program than Ratify's own."""
LABELS = {"app.kubernetes.io/name": "ratify", "app.kubernetes.io/instance": "ratify"}
"""Labels of the pods that Ratify's service has to select."""
KEY = "ratify-cosign-inline-key-"
"""How the chart names the providers of keys."""


def trust_deviations(found: Verification, expected: Json) -> list[str]:
    """`expected` is what role ratify returns: `namespace`, `images`, `trust_policies` (as the chart takes them), `vaults` (as filter vault_providers does),
    `inline_certificates`, `cosign_keys` (PEM), `cosign_scopes`, `cache` and `store_cache` (how long answers are remembered, as Ratify takes it), and
    `foreign_objects` (titles that an administrator has reviewed)."""
    flags = {"--cache-ttl": str(expected["cache"])}
    of_pods = [*of_images(found, "ratify", expected), *of_arguments(found, "ratify", flags), *_of_crds(found), *of_service(found, "ratify", "Ratify", LABELS)]
    sentences = [*_of_provider(found, expected), *_of_trust(found, expected), *_of_plugins(found), *of_pods]
    return [*(f"{sentence}. {RUN}" for sentence in sentences), *_of_objects(found, expected)]


def _of_provider(found: Verification, expected: Json) -> Iterator[str]:
    url = f"https://ratify.{expected['namespace']}:6001/ratify/gatekeeper/v1/verify"
    for item in found.objects["providers"]:
        if item["metadata"]["name"] == "ratify-provider" and item["spec"].get("url") != url:
            yield f"Gatekeeper asks {item['spec'].get('url')} in place of Ratify"
        if item["metadata"]["name"] == "ratify-provider":
            yield from of_authority(item["spec"].get("caBundle"), "Gatekeeper's provider ratify-provider")


def _of_crds(found: Verification) -> Iterator[str]:
    given = [one["arguments"] for one in arguments(found.pods) if one["program"] == "ratify"]
    if not all("--enable-crd-manager" in each for each in given):
        yield "A pod of Ratify does not read Ratify's configuration from the cluster"


def _of_plugins(found: Verification) -> Iterator[str]:
    """A verifier or store of another program, and a verifier of no signatures, which admits unsigned images, even if it was reviewed."""
    for kind, item in [(listed, item) for listed in ("Verifier", "Store") for item in found.objects[RATIFY[listed]]]:
        name, spec = item["metadata"]["name"], item["spec"]
        if more := [field for field in PLUGINS if spec.get(field)]:
            yield f"Ratify's {kind} {name} names a program of its own: {', '.join(more)}"
        if kind == "Verifier" and any(spec.get(key) != value for key, value in SIGNATURES.get(name, {}).items()):
            yield f"Ratify's Verifier {name} is not the chart's"
        if kind == "Verifier" and spec.get("artifactTypes") not in {each["artifactTypes"] for each in SIGNATURES.values()}:
            yield f"Ratify's Verifier {name} verifies no signatures: it admits an image that has {spec.get('artifactTypes')} and no signature. Delete it"


def _of_objects(found: Verification, expected: Json) -> Iterator[str]:
    wanted = {"Policy ratify-policy", "Store store-oras", *(f"Verifier {name}" for name in _verifiers(expected))}
    wanted |= {f"KeyManagementProvider {name}" for name in _providers(expected)} | set(expected["foreign_objects"])
    titles = [f"{kind} {_place(item)}" for kind, listed in CONFIGURATION.items() for item in found.objects[listed]]
    if more := sorted(set(titles) - wanted):
        yield (
            f"Ratify has configuration that the inventory does not name: {', '.join(more)}. Delete it, or name it in ratify_foreign_objects with the reason."
        )


def _of_trust(found: Verification, expected: Json) -> Iterator[str]:
    by_name = {(kind, item["metadata"]["name"]): item["spec"] for kind in ("Policy", "Store", "Verifier") for item in found.objects[RATIFY[kind]]}
    if (policy := by_name.get(("Policy", "ratify-policy"))) and {key: policy.get(key) for key in POLICY} != POLICY:
        yield "Ratify's Policy ratify-policy is not the chart's"
    store = (by_name.get(("Store", "store-oras")) or {}).get("parameters") or {}
    if store.get("useHttp"):
        yield "Ratify's Store store-oras asks registries without TLS"
    if store.get("cacheEnabled") and str(store.get("ttl")) != str(expected["store_cache"]):
        yield f"Ratify's Store store-oras remembers what registries answered for {store.get('ttl')} s, and not for {expected['store_cache']} s"
    if (notation := by_name.get(("Verifier", "verifier-notation"))) and notation_trust(notation) != wanted_trust(expected["trust_policies"]):
        yield "Ratify's Verifier verifier-notation trusts others than ratify_trust_policies names"
    if (cosign := by_name.get(("Verifier", "verifier-cosign"))) and expected["cosign_keys"] and _cosign_trust(cosign) != _wanted_cosign(expected):
        yield "Ratify's Verifier verifier-cosign trusts others than ratify_cosign_keys and ratify_cosign_scopes name"
    held = {item["metadata"]["name"]: item["spec"] for item in found.objects["key_management_providers"]}
    for name, wanted in _providers(expected).items():
        if name in held and _held(held[name]) != wanted and not _same_vault(_held(held[name]), wanted, found.issuer):
            yield f"Ratify's KeyManagementProvider {name} does not hold what the inventory names"


def _place(item: Json) -> str:
    metadata = item["metadata"]
    return "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)


def _verifiers(expected: Json) -> list[str]:
    return ["verifier-notation", *(["verifier-cosign"] if expected["cosign_keys"] else [])]


def _providers(expected: Json) -> dict[str, Any]:
    """What each provider has to hold, as `_held` reads it."""
    return {
        **{each["name"]: ("vault", each["vault"], _versions(each["certificates"])) for each in expected["vaults"]},
        **{f"{INLINE}{index}": ("certificate", each.strip()) for index, each in enumerate(expected["inline_certificates"])},
        **{f"{KEY}{index}": ("key", each.strip()) for index, each in enumerate(expected["cosign_keys"])},
    }


def _held(spec: Json) -> tuple[Any, ...]:
    parameters = spec.get("parameters") or {}
    if spec.get("type") == "azurekeyvault":
        return ("vault", parameters.get("vaultURI"), _versions([*(parameters.get("certificates") or []), *(parameters.get("keys") or [])]))
    return (parameters.get("contentType"), str(parameters.get("value")).strip()) if spec.get("type") == "inline" else ()


def _same_vault(held: tuple[Any, ...], wanted: tuple[Any, ...], issuer: str | None) -> bool:
    """Whether it is the vault of that URI, or, where only its name is known, of that name in the cloud of the cluster's issuer, or in any of Microsoft's."""
    if not held[:1] == wanted[:1] == ("vault",) or held[2] != wanted[2]:
        return False
    uri, known = str(held[1]).rstrip("/").lower(), str(wanted[1]).rstrip("/").lower()
    cloud = ".".join((urlsplit(issuer or "").hostname or "").split(".")[-2:])
    domains = [VAULTS[cloud]] if cloud in VAULTS else list(VAULTS.values())
    return uri == known or uri in {f"https://{known}.{domain}" for domain in domains}


def _versions(certificates: Sequence[Json]) -> list[tuple[str, str]]:
    return sorted((str(each["name"]), str(each.get("version") or "")) for each in certificates)


def wanted_trust(policies: Sequence[Json]) -> list[Any]:
    """Trust policies as the chart takes them, with the providers by their names in place of the chart's."""
    return sorted(
        _policy(each, {"level": each.get("level") or "strict"}, [(kind, (_provider(ref),)) for kind, ref in (s.split(":", 1) for s in each["trustStores"])])
        for each in policies
    )


def _provider(reference: str) -> str:
    number = re.search(r"\[(\d+)\]", reference)
    return f"{INLINE}{number[1]}" if number else FIRST


def notation_trust(spec: Json) -> list[Any]:
    """The same of a Verifier, whose trust stores name lists of providers."""
    parameters = spec.get("parameters") or {}
    stores, made = parameters.get("verificationCertStores") or {}, []
    for each in (parameters.get("trustPolicyDoc") or {}).get("trustPolicies") or []:
        named = [providers_of(stores, str(store)) for store in each.get("trustStores") or []]
        made.append(_policy(each, each.get("signatureVerification") or {}, named))
    return sorted(made)


def providers_of(stores: Json, store: str) -> tuple[str, tuple[str, ...]]:
    """Type of a trust store that a policy of a Verifier names, and the providers whose certificates it holds."""
    kind, ref = store.split(":", 1)
    return kind, tuple(sorted((stores.get(kind) or {}).get(ref) or stores.get(ref) or ()))


def _policy(policy: Json, verification: Json, stores: Sequence[tuple[str, tuple[str, ...]]]) -> Any:
    """`verification` whole: beside the level, it may say that what is wrong with a signature is only logged."""
    scopes, identities = (tuple(sorted(policy.get(key) or ["*"] * (key == "trustedIdentities"))) for key in ("registryScopes", "trustedIdentities"))
    return (json.dumps(verification, sort_keys=True), scopes, identities, tuple(sorted(stores)))


def _cosign_trust(spec: Json) -> Any:
    policies = (spec.get("parameters") or {}).get("trustPolicies") or []
    return [
        (sorted(each.get("scopes") or []), sorted(str(key.get("provider")) for key in each.get("keys") or []), bool(each.get("keyless"))) for each in policies
    ]


def _wanted_cosign(expected: Json) -> Any:
    return [(sorted(expected["cosign_scopes"]), [f"{KEY}{index}" for index, _key in enumerate(expected["cosign_keys"])], False)]
