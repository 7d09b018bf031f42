# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Who is trusted for which repositories, as Ratify's verifiers are configured. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def trusted(verifiers: Sequence[Json]) -> list[dict[str, Any]]:
    """An entry for each trust policy of each verifier. A verifier without any is an entry without repositories: what it trusts is not known."""
    found = []
    for verifier in verifiers:
        spec = _mapping(verifier.get("spec"))
        parameters, kind = _mapping(spec.get("parameters")), str(spec.get("name") or verifier["metadata"]["name"])
        listed = [*_of_notation(parameters), *_of_cosign(parameters)] or [_entry(None, [], [], [])]
        found += [{"kind": kind, **each} for each in listed]
    return found


def _of_notation(parameters: Json) -> Iterator[dict[str, Any]]:
    stores = _mapping(parameters.get("verificationCertStores"))
    for policy in _mappings(_mapping(parameters.get("trustPolicyDoc")).get("trustPolicies")):
        providers: list[str] = []
        for store in _texts(policy.get("trustStores")):
            kind, _colon, name = store.partition(":")
            providers += _texts(_mapping(stores.get(kind)).get(name) or stores.get(name))
        yield _entry(policy.get("name"), policy.get("registryScopes"), policy.get("trustedIdentities") or ["*"], providers)


def _of_cosign(parameters: Json) -> Iterator[dict[str, Any]]:
    for policy in _mappings(parameters.get("trustPolicies")):
        keyless = _mapping(policy.get("keyless"))
        identities = [keyless[key] for key in ("certificateIdentity", "certificateIdentityRegExp") if keyless.get(key)]
        keys = [key["provider"] for key in _mappings(policy.get("keys")) if key.get("provider")]
        yield _entry(policy.get("name"), policy.get("scopes"), identities or (["*"] if keyless else []), keys)


def _entry(policy: Any, repositories: Any, signers: Any, providers: Any) -> dict[str, Any]:
    listed = {"repositories": repositories, "signers": signers, "providers": providers}
    return {"policy": str(policy) if policy else None, **{key: list(dict.fromkeys(_texts(value))) for key, value in listed.items()}}


def _mapping(value: Any) -> Json:
    """Ratify's parameters have no schema."""
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> list[Json]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value if each not in (None, "")] if isinstance(value, list) else []
