"""Who has signed what runs, whom Ratify trusts of them, and after which day workloads can no longer be created again."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._forecast.judgement import Workload
from ansible_collections.image_trust.azure.plugins.module_utils._forecast.signers import NO_DIGEST, joined, lines, running, to_read, until, wanted
from ansible_collections.image_trust.azure.plugins.module_utils._forecast.trust import LISTS, Trust, trust
from ansible_collections.image_trust.azure.plugins.module_utils._verification.trust_deviations import POLICY, SIGNATURES

Json = dict[str, Any]
OLD, NEW, OTHER = (f"r.azurecr.io/web@sha256:{digit * 64}" for digit in "123")
RELEASE, ROOT, STRANGER = "CN=release,O=Contoso,ST=WA,C=US", "CN=root,O=Contoso,ST=WA,C=US", "CN=stranger,O=Else,ST=WA,C=US"
IN_JUNE, IN_MAY, LATER = "2027-06-01T08:00:00Z", "2027-05-01T08:00:00Z", "2030-01-01T00:00:00Z"
BY_ROOT, BY_STRANGER = f"the certificate {ROOT} expires", f"the certificate {STRANGER} expires"
BY_CERTIFICATE, BY_SIGNATURE = f"the certificate {RELEASE} expires", f"the signature of {RELEASE} expires"
STRANGE = "the trust policy web does not trust its signer"
NO_STORE = "no trust store of the trust policy web has its certificate, or one that issued it"
UNREAD = "not all certificates that the trust policy web trusts could be read"
UNUSUAL = "how Ratify verifies is not what this collection installs, or cannot be read"
Ends = tuple[bool | None, str | None, str | None]


def certificate(subject: str = RELEASE, expires: str = IN_JUNE) -> Json:
    return {"subject": subject, "thumbprint_sha256": subject.encode().hex(), "expires": expires}


def signature(*chain: Json, kind: str = "notation", **more: Any) -> Json:
    """As module image_signature_info returns it."""
    held = [*chain] or [certificate()] if kind == "notation" else []
    leaf = held[0] if held else {"subject": None, "thumbprint_sha256": None, "expires": None}
    known = {"signer": leaf["subject"], "thumbprint_sha256": leaf["thumbprint_sha256"], "certificate_expires": leaf["expires"], "certificates": held}
    return {"kind": kind, **known, "scheme": "notary.x509", "expires": None, "time_stamp": None, "problem": None, **more}


def image(name: str, *signatures: Json, reference: str | None = None) -> Json:
    return {"image": name, "reference": reference or name, "problem": None, "signatures": [*signatures]}


def anchor(subject: str = RELEASE, provider: str = "kmprovider-akv", **more: Any) -> Json:
    return {"provider": provider, "kind": "certificate", "held": True, "sha256": subject.encode().hex(), **more}


def policy(*scopes: str, name: str = "web", level: str = "strict", stores: tuple[str, ...] = ("ca:cert-0",), **more: Any) -> Json:
    identities = ["x509.subject: C=US, ST=WA, O=Contoso"]
    return {
        "name": name,
        "registryScopes": [*scopes] or ["r.azurecr.io/web"],
        "trustedIdentities": identities,
        "trustStores": [*stores],
        "signatureVerification": {"level": level},
        **more,
    }


def named(title: str, **spec: Any) -> Json:
    return {"metadata": {"name": title}, "spec": spec}


def objects(*policies: Json, cosign: bool = False, **more: Any) -> Json:
    """Of Ratify, as its chart makes them."""
    stores = {"ca": {"cert-0": ["kmprovider-akv"]}, "tsa": {"cert-1": ["time"]}}
    parameters = {"verificationCertStores": stores, "trustPolicyDoc": {"version": "1.0", "trustPolicies": [*policies] or [policy()]}}
    verifiers = [named(name, **spec, parameters=parameters) for name, spec in SIGNATURES.items() if cosign or name == "verifier-notation"]
    return {**{name: [] for name in LISTS}, "ratify_policies": [named("ratify-policy", **POLICY)], "verifiers": verifiers, **more}


def whom(*policies: Json, held: list[Json] | None = None, **more: Any) -> Trust | None:
    return trust(objects(*policies, **more), [anchor()] if held is None else held)


STAMPED = policy(stores=("ca:cert-0", "tsa:cert-1"))
BOTH = whom(held=[anchor(), anchor(ROOT)])
ANYBODY = whom(policy(trustedIdentities=["*"]), held=[anchor(STRANGER)])
CASES: dict[str, tuple[Trust | None, list[Json], Ends, str | None]] = {
    "its certificate ends": (whom(), [signature()], (True, IN_JUNE, BY_CERTIFICATE), None),
    "the signature ends before": (whom(), [signature(expires=IN_MAY)], (True, IN_MAY, BY_SIGNATURE), None),
    "the signature ends after": (whom(), [signature(expires=LATER)], (True, IN_JUNE, BY_CERTIFICATE), None),
    "a stamp that the policy does not take": (whom(), [signature(time_stamp=IN_MAY)], (True, IN_JUNE, BY_CERTIFICATE), None),
    "a stamp that it takes": (whom(STAMPED), [signature(time_stamp=IN_MAY)], (True, None, None), None),
    "a stamp, and the signature ends": (whom(STAMPED), [signature(time_stamp=IN_MAY, expires=LATER)], (True, LATER, BY_SIGNATURE), None),
    "no stamp where the policy wants one": (whom(STAMPED), [signature()], (False, None, None), "it has no time stamp, which the trust policy web wants"),
    "a stamp too late": (whom(STAMPED), [signature(time_stamp=LATER)], (False, None, None), "its time stamp is later than the end of its certificate"),
    "of an authority": (whom(held=[anchor(ROOT)]), [signature(certificate(), certificate(ROOT, LATER))], (True, IN_JUNE, BY_CERTIFICATE), None),
    "of an authority that ends before": (
        whom(held=[anchor(ROOT)]),
        [signature(certificate(), certificate(ROOT, IN_MAY))],
        (True, IN_MAY, BY_ROOT),
        None,
    ),
    "no signature": (whom(), [], (False, None, None), "it has no signature"),
    "of a stranger": (whom(), [signature(certificate(STRANGER))], (False, None, None), STRANGE),
    "of a stranger whose certificate is held": (whom(held=[anchor(STRANGER)]), [signature(certificate(STRANGER))], (False, None, None), STRANGE),
    "by the name of the signer": (whom(held=[anchor(ROOT)]), [signature()], (False, None, None), NO_STORE),
    "a stranger beside the signer": (whom(), [signature(), signature(certificate(STRANGER))], (False, None, None), STRANGE),
    "two signers": (BOTH, [signature(), signature(certificate(ROOT, IN_MAY))], (True, IN_MAY, BY_ROOT), None),
    "another repository": (whom(policy("r.azurecr.io/api")), [signature()], (False, None, None), "no trust policy covers the repository"),
    "all repositories": (whom(policy("*")), [signature()], (True, IN_JUNE, BY_CERTIFICATE), None),
    "its repository before all": (whom(policy("*", trustedIdentities=["*"]), policy()), [signature(certificate(STRANGER))], (False, None, None), STRANGE),
    "whoever a store has": (ANYBODY, [signature(certificate(STRANGER))], (True, IN_JUNE, BY_STRANGER), None),
    "a vault that cannot be read": (whom(held=[anchor(sha256=None)]), [signature()], (None, IN_JUNE, BY_CERTIFICATE), UNREAD),
    "a vault that reports nothing": (whom(held=[]), [signature()], (None, IN_JUNE, BY_CERTIFICATE), UNREAD),
    "one that Ratify does not hold": (whom(held=[anchor(held=False)]), [signature()], (False, None, None), NO_STORE),
    "one of time stamps": (whom(STAMPED, held=[anchor(provider="time"), anchor(ROOT)]), [signature(time_stamp=IN_MAY)], (False, None, None), NO_STORE),
    "permissive": (whom(policy(level="permissive")), [signature(expires=IN_MAY)], (True, None, None), None),
    "it cannot be read": (whom(), [signature(problem="notation does not show it")], (None, None, None), "notation does not show it"),
    "a signing authority": (
        whom(), [signature(scheme="notary.x509.signingAuthority")], (None, IN_JUNE, BY_CERTIFICATE),
        "of its signing scheme notary.x509.signingAuthority nothing is known here",
    ),
    "cosign, at which Ratify does not look": (whom(), [signature(kind="cosign")], (False, None, None), "Ratify does not look at signatures of cosign"),
    "cosign beside the signer": (whom(), [signature(kind="cosign"), signature()], (True, IN_JUNE, BY_CERTIFICATE), None),
    "cosign, whose keys Ratify has": (whom(cosign=True), [signature(kind="cosign")], (None, None, None), "by which key cosign has signed is not known"),
    "Ratify may not be read": (None, [signature()], (None, None, None), UNUSUAL),
    "another policy": (whom(ratify_policies=[named("ratify-policy", type="config-policy", parameters={})]), [signature()], (None, None, None), UNUSUAL),
    "another verifier": (whom(verifiers=[named("sbom", name="sbom", artifactTypes="x")]), [signature()], (None, None, None), UNUSUAL),
    "a verifier of a namespace": (whom(namespaced_verifiers=[named("team")]), [signature()], (None, None, None), UNUSUAL),
    "an override": (whom(policy(signatureVerification={"level": "strict", "override": {"expiry": "log"}})), [signature()], (None, None, None), UNUSUAL),
    "no trust policy": (whom(verifiers=[]), [signature()], (False, None, None), "Ratify does not look at signatures of notation"),
}  # fmt: skip


@pytest.mark.parametrize(("trusting", "signatures", "ends", "problem"), CASES.values(), ids=CASES)
def test_who_signed_is_trusted_until_the_first_end_of_all_that_ratify_looks_at(
    trusting: Trust | None, signatures: list[Json], ends: Ends, problem: str | None
) -> None:
    [found] = joined({NEW: {("shop", "Deployment web")}}, {}, [image(NEW, *signatures)], trusting)
    assert (found["trusted"], found["restartable_until"], found["ending"]) == ends
    assert found["problem"] == problem
    assert len(found["signatures"]) == len(signatures)
    assert all((each["problem"] is None) is (each["trusted"] is True) for each in found["signatures"])


def pod(name: str, *, image: str = "r.azurecr.io/web:v1", ran: str | None = OLD, owner: tuple[str, str, str] | None = None, phase: str = "Running") -> Json:
    owners = [{"apiVersion": owner[0], "kind": owner[1], "name": owner[2], "controller": True}] if owner else []
    status = [{"name": "it", "image": image, "imageID": ran}] if ran else [{"name": "it", "image": image, "imageID": ""}]
    return {
        "metadata": {"name": name, "namespace": "shop", "ownerReferences": owners},
        "spec": {"containers": [{"name": "it", "image": image}]},
        "status": {"phase": phase, "containerStatuses": status},
    }


def owned(name: str, owner: tuple[str, str, str]) -> Json:
    return pod(name, owner=owner)


@pytest.mark.parametrize(
    ("pods", "others", "found"),
    [
        ([pod("a")], {}, {OLD: {"Pod a"}}),
        ([pod("a", owner=("apps/v1", "ReplicaSet", "web-1"))], {"ReplicaSet": [owned("web-1", ("apps/v1", "Deployment", "web"))]}, {OLD: {"Deployment web"}}),
        ([pod("a", owner=("apps/v1", "ReplicaSet", "web-1"))], {}, {OLD: {"ReplicaSet web-1"}}),
        ([pod("a", owner=("batch/v1", "Job", "n-1"))], {"Job": [owned("n-1", ("batch/v1", "CronJob", "n"))]}, {OLD: {"CronJob n"}}),
        ([pod("a", owner=("argoproj.io/v1", "Workflow", "w"))], {}, {OLD: {"Pod a"}}),
        ([pod("a"), pod("b")], {}, {OLD: {"Pod a", "Pod b"}}),
        # A node has the same image by another name too.
        ([pod("a", ran=OLD.replace("web", "copy"))], {}, {OLD: {"Pod a"}}),
        ([pod("a", image="nginx", ran=f"docker.io/library/nginx@sha256:{'9' * 64}")], {}, {f"docker.io/library/nginx@sha256:{'9' * 64}": {"Pod a"}}),
        # What was admitted by its digest is that, whatever a node says of the layers of its platform.
        ([pod("a", image=NEW, ran=OLD)], {}, {NEW: {"Pod a"}}),
        ([pod("a", ran=f"sha256:{'9' * 64}")], {}, {"r.azurecr.io/web:v1": {"Pod a"}}),
        ([pod("a", ran=None)], {}, {}),
        ([pod("a", phase="Succeeded")], {}, {}),
    ],
)  # fmt: skip
def test_what_runs_is_known_by_its_digest_and_by_what_made_its_pods(pods: list[Json], others: Json, found: Json) -> None:
    assert running({"Pod": pods, **others}) == {name: {("shop", each) for each in names} for name, names in found.items()}


def forecast(**verdicts: list[str]) -> Json:
    """As module admission_forecast returns it."""
    none: Json = {verdict: [] for verdict in ("denied", "not_judged", "unknown", "exempt", "admitted")}
    return {**none, **{verdict: [{"namespace": "shop", "workloads": names}] for verdict, names in verdicts.items()}}


def workload(name: str, image: str = "r.azurecr.io/web:v1", namespace: str = "shop") -> Workload:
    return Workload(namespace, name, True, {"spec": {"containers": [{"name": "it", "image": image}]}})


def test_what_the_forecast_denies_or_has_not_looked_at_has_no_day_after_which_it_is_denied() -> None:
    known = [workload(f"Deployment {name}") for name in ("web", "denied", "late")]
    found = wanted(
        [*known, workload("DaemonSet proxy", namespace="kube-system")],
        forecast(admitted=["Deployment web"], denied=["Deployment denied"], not_judged=["Deployment late"]),
    )
    assert found == {"r.azurecr.io/web:v1": {("shop", "Deployment web"), ("shop", "Deployment late")}}


def test_a_tag_that_was_moved_since_makes_new_pods_end_with_the_new_image() -> None:
    run, new = {OLD: {("shop", "Deployment web")}}, {"r.azurecr.io/web:v1": {("shop", "Deployment web")}}
    assert to_read(run, new) == ["r.azurecr.io/web:v1", OLD]
    read = [image(OLD, signature(expires=IN_MAY)), image("r.azurecr.io/web:v1", signature(), reference=NEW)]
    found = joined(run, new, read, whom())
    web = [{"namespace": "shop", "kind": "Deployment", "name": "web"}]
    assert [(each["image"], each["workloads"], each["needed_by"], each["restartable_until"]) for each in found] == [
        (OLD, web, [], IN_MAY),
        (NEW, [], web, IN_JUNE),
    ]
    assert until(found) == [{"day": "2027-06-01", "time": IN_JUNE, "reason": BY_CERTIFICATE, "images": [NEW], "workloads": web}]


def test_what_is_named_by_tag_and_by_digest_is_one_image() -> None:
    run, new = {NEW: {("shop", "Deployment web")}}, {"r.azurecr.io/web:v1": {("shop", "Deployment web")}}
    [found] = joined(run, new, [image(NEW, signature()), image("r.azurecr.io/web:v1", signature(), reference=NEW)], whom())
    assert found["workloads"] == found["needed_by"] == [{"namespace": "shop", "kind": "Deployment", "name": "web"}]


def test_a_registry_that_cannot_be_read_is_a_problem_and_never_trust() -> None:
    read = [{"image": NEW, "reference": None, "problem": "r.azurecr.io refuses this login.", "signatures": None}]
    [found] = joined({NEW: {("shop", "Pod a")}}, {NEW: {("shop", "Pod a")}}, read, whom())
    assert [found[key] for key in ("trusted", "signatures", "restartable_until", "problem")] == [None, None, None, "r.azurecr.io refuses this login."]
    assert until([found]) == []


def test_an_image_that_no_node_knows_by_digest_is_not_looked_for_by_its_tag() -> None:
    run = {"r.azurecr.io/web:v1": {("shop", "Pod a")}}
    assert to_read(run, {}) == []
    [found] = joined(run, {}, [], whom())
    assert [found[key] for key in ("image", "trusted", "problem")] == ["r.azurecr.io/web:v1", None, NO_DIGEST]


def test_what_ends_together_is_one_day_and_the_first_day_comes_first() -> None:
    new = {NEW: {("shop", "Deployment web"), ("ops", "CronJob nightly")}, OLD: {("shop", "Deployment web")}, OTHER: {("shop", "Deployment api")}}
    read = [image(NEW, signature()), image(OLD, signature()), image(OTHER, signature(expires=IN_MAY))]
    run = {NEW: {("shop", "Deployment web")}, "r.azurecr.io/x:v1": {("shop", "Pod x")}, OLD: {("shop", "Deployment web")}}
    found = joined(run, new, read, whom())
    assert [(each["day"], each["reason"], each["images"], [one["name"] for one in each["workloads"]]) for each in until(found)] == [
        ("2027-05-01", BY_SIGNATURE, [OTHER], ["api"]),
        ("2027-06-01", BY_CERTIFICATE, [OLD, NEW], ["nightly", "web"]),
    ]
    assert lines(found) == [
        "3 images run: 2 signed by trusted signers, 0 not, 1 not known.",
        f"not known: r.azurecr.io/x:v1: {NO_DIGEST}",
        f"not restartable after 2027-05-01, when {BY_SIGNATURE}: shop: Deployment api",
        f"not restartable after 2027-06-01, when {BY_CERTIFICATE}: ops: CronJob nightly, shop: Deployment web",
    ]
