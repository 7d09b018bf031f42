# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Whether Ratify trusts who has made a signature, and until when the signature counts. No I/O. The signature itself is not verified: Ratify does that, whom the
forecast asks.

Source: notation-go v1.3.2, verifier/verifier.go; Ratify v1.4.6, pkg/policyprovider/configpolicy/configpolicy.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._ratify.trust_policies import identified
from .._verification.trust_deviations import POLICY, SIGNATURES, providers_of

Json = Mapping[str, Any]
NOTATION, COSIGN = "notation", "cosign"
LISTS = ("ratify_policies", "verifiers", "key_management_providers", "namespaced_policies", "namespaced_stores", "namespaced_verifiers")
"""Of `_verification.state.LISTS`, what decides by whom an image has to be signed."""


@dataclass(frozen=True)
class TrustPolicy:
    """A trust policy of Ratify, with the certificates of its trust stores by their SHA-256. `whole`: all of them are known."""

    name: str
    scopes: tuple[str, ...]
    identities: tuple[str, ...]
    level: str
    certificates: frozenset[str]
    whole: bool
    stamped: bool
    """Every signature needs a time stamp, and then counts longer than its certificate."""


@dataclass(frozen=True)
class Trust:
    """`kinds`: of whose signatures Ratify verifies every one, and an image needs one of them at least."""

    policies: tuple[TrustPolicy, ...]
    kinds: frozenset[str]

    def policy(self, repository: str) -> TrustPolicy | None:
        """The one that decides about the repository; one that names it comes before one of all."""
        return next((each for scope in (repository, "*") for each in self.policies if scope in each.scopes), None)


@dataclass(frozen=True)
class Judged:
    """`trusted` is None where it is not known, and `reason` is why it is not true. `until` is the last moment at which the signature counts as far as dates
    go, None where it has none, and `ending` what expires then."""

    trusted: bool | None
    policy: str | None = None
    reason: str | None = None
    until: str | None = None
    ending: str | None = None


def trust(objects: Mapping[str, Sequence[Json]], anchors: Iterable[Json]) -> Trust | None:
    """Whom Ratify trusts by its objects, as LISTS has them, and the described certificates of its providers. None where it verifies by more than what this
    collection installs: who is trusted is not known then."""
    verifiers = {item["metadata"]["name"]: item["spec"] for item in objects["verifiers"]}
    policies = [{key: (item.get("spec") or {}).get(key) for key in POLICY} for item in objects["ratify_policies"]]
    usual = all(name in SIGNATURES and SIGNATURES[name].items() <= spec.items() for name, spec in verifiers.items())
    if policies != [POLICY] or not usual or any(objects[name] for name in LISTS if name.startswith("namespaced_")):
        return None
    held: dict[str, list[Json]] = {}
    for anchor in anchors:
        held.setdefault(anchor["provider"], []).append(anchor)
    parameters = (verifiers.get("verifier-notation") or {}).get("parameters") or {}
    documented = (parameters.get("trustPolicyDoc") or {}).get("trustPolicies") or []
    if any(set(each.get("signatureVerification") or {}) != {"level"} for each in documented):
        return None
    made = tuple(_policy(each, parameters.get("verificationCertStores") or {}, held) for each in documented)
    return Trust(made, frozenset(SIGNATURES[name]["name"] for name in verifiers))


def _policy(policy: Json, stores: Json, held: Mapping[str, Sequence[Json]]) -> TrustPolicy:
    named = [providers_of(stores, str(store)) for store in policy.get("trustStores") or []]
    providers = [provider for kind, some in named if kind == "ca" for provider in some]
    # What a provider that could not be asked holds is not known either.
    anchors = [anchor for provider in providers for anchor in held.get(provider) or [{"held": True}] if anchor["held"]]
    return TrustPolicy(
        name=str(policy.get("name")),
        scopes=tuple(policy.get("registryScopes") or ()),
        identities=tuple(policy.get("trustedIdentities") or ()),
        level=str(policy["signatureVerification"]["level"]),
        certificates=frozenset(str(anchor["sha256"]) for anchor in anchors if anchor.get("sha256")),
        whole=all(anchor.get("sha256") for anchor in anchors),
        stamped=any(kind == "tsa" for kind, _some in named),
    )


def judged(signature: Json, repository: str, whom: Trust | None) -> Judged:
    """A signature, as module image_signature_info returns it, of an image in the repository."""
    if whom is None:
        return Judged(None, reason="how Ratify verifies is not what this collection installs, or cannot be read")
    if signature["kind"] not in whom.kinds:
        return Judged(False, reason=f"Ratify does not look at signatures of {signature['kind']}")
    if signature["kind"] == COSIGN:
        return Judged(None, reason="by which key cosign has signed is not known")
    policy = whom.policy(repository)
    if policy is None:
        return Judged(False, reason="no trust policy covers the repository")
    if signature["problem"] or not signature["certificates"]:
        return Judged(None, policy.name, signature["problem"] or "it has no certificate")
    until, ending = _until(signature, policy)
    trusted, reason = _trusted(signature, policy)
    return Judged(trusted, policy.name, reason, until, ending)


def _trusted(signature: Json, policy: TrustPolicy) -> tuple[bool | None, str | None]:
    chain = signature["certificates"]
    if not identified(policy.identities, chain[0]["subject"]):
        return False, f"the trust policy {policy.name} does not trust its signer"
    if signature["scheme"] != "notary.x509":
        return None, f"of its signing scheme {signature['scheme']} nothing is known here"
    if not policy.certificates & {each["thumbprint_sha256"] for each in chain}:
        known = f"no trust store of the trust policy {policy.name} has its certificate, or one that issued it"
        return (False, known) if policy.whole else (None, f"not all certificates that the trust policy {policy.name} trusts could be read")
    if policy.stamped and policy.level == "strict":
        if not signature["time_stamp"]:
            return False, f"it has no time stamp, which the trust policy {policy.name} wants"
        if signature["time_stamp"] > _first(chain)["expires"]:
            return False, "its time stamp is later than the end of its certificate"
    return True, None


def _until(signature: Json, policy: TrustPolicy) -> tuple[str | None, str | None]:
    """Of levels below strict, no date ends anything. A stamp counts only where the policy has a trust store of stamps."""
    if policy.level != "strict":
        return None, None
    first, ends = _first(signature["certificates"]), []
    if signature["expires"]:
        ends.append((signature["expires"], f"the signature of {signature['certificates'][0]['subject']} expires"))
    if not policy.stamped:
        ends.append((first["expires"], f"the certificate {first['subject']} expires"))
    return min(ends, default=(None, None))


def _first(chain: Sequence[Json]) -> Json:
    """Which of the certificates expires first. All times are of one form, and of UTC."""
    return min(chain, key=lambda each: str(each["expires"]))
