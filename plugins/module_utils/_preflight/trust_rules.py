# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is found of whom Ratify trusts before anything is written. Private to the collection. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from .._arm.vault_anchors import Certificate
from .._policy.references import registry_of_region
from .._ratify import signers
from .._ratify.trust_policies import distinguished_name
from .findings import Findings

Json = Mapping[str, Any]
VAULT = "vault"
"""The trust store of all certificates in vaults."""


def options() -> dict[str, Any]:
    """Whom Ratify will trust: its trust policies as the inventory has them, their scopes and those of cosign, and the registries at which it logs in, where
    they are not those of the identity."""
    return dict(
        policies=dict(type="list", elements="dict", default=[]),
        scopes=dict(type="list", elements="str", default=[]),
        registries=dict(type="list", elements="str", default=[]),
        warn_days=dict(type="int", default=30),
    )


def of_registries(found: Findings, scopes: Sequence[str], registries: Sequence[str]) -> None:
    """Ratify logs in at no other registry, and asks it anonymously: pkg/referrerstore/oras/oras.go of v1.4.6, createDefaultRepository."""
    for host in dict.fromkeys(scope.partition("/")[0] for scope in scopes if scope != "*"):
        if registries and not {host, registry_of_region(host)} & {*registries}:
            found.warn(
                f"A scope of Ratify's trust is in {host}, which is not among its registries ({', '.join(registries)}): it verifies images there only where "
                "they can be pulled without a login. Correct the scope, or add the registry to identity_registries.",
                "trust",
            )


def of_certificate(found: Findings, about: str, one: Certificate, trust: Json, now: datetime) -> None:
    """Its end, and whether Notation takes signatures of it."""
    named = f"certificate {one.name} of the vault {one.vault}"
    if (end := signers.expires(one.ders)) and end <= now:
        found.warn(
            f"The {named} expired on {end:%Y-%m-%d}. Signatures of it count only with a time stamp of an authority that their trust policy trusts. "
            "Renew it, and sign again what has none.",
            about,
        )
    elif end and end <= now + timedelta(days=trust["warn_days"]):
        found.warn(f"The {named} expires on {end:%Y-%m-%d}. Renew it, and sign again what has no time stamp.", about)
    certificate = signers.self_signed(one.ders)
    if certificate and not _stamps(trust["policies"]) and (problem := signers.usage_problem(certificate)):
        found.refuse(
            f"Notation takes no signature of the {named}: {problem}. Make one with the key usage digital signature alone, marked critical, and the "
            "extended key usage code signing.",
            about,
        )


def of_identities(found: Findings, policies: Sequence[Json], certificates: Sequence[Certificate]) -> None:
    """`certificates`: all of the vaults. Of an authority's it is not known whom it certifies."""
    known = [signers.self_signed(one.ders) for one in certificates]
    if not known or None in known:
        return
    for policy in policies:
        if {store.partition(":")[2] for store in policy.get("trustStores") or [f"ca:{VAULT}"] if not store.startswith("tsa:")} != {VAULT}:
            continue
        for identity in policy.get("trustedIdentities") or ():
            if not _may_match(str(identity), [each for each in known if each]):
                found.warn(
                    f"The trust policy {policy.get('name', '')} trusts {identity}, which no certificate of the vault has, and all of them are self-signed: "
                    "it trusts no signature by that. Correct it (openssl x509 -noout -subject -nameopt RFC2253), or add the certificate.",
                    "trust",
                )


def _may_match(identity: str, certificates: Sequence[Any]) -> bool:
    try:
        attributes = distinguished_name(identity)
    except ValueError:
        # All are meant by *, and role ratify refuses what is no name.
        return True
    return any(signers.matches(each, attributes) for each in certificates)


def _stamps(policies: Sequence[Json]) -> bool:
    """Whether certificates of vaults are trusted as those of time stamps, too, which have another usage."""
    return any(store == f"tsa:{VAULT}" for policy in policies for store in policy.get("trustStores") or ())
