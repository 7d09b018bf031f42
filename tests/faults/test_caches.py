"""What Ratify and Gatekeeper remember of an image: how soon a verdict follows what has changed. Two minutes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._admission.verdict import Expectation

from lab import seed
from lab.clusters import cluster
from lab.config import CERTIFICATE
from lab.seed import LOGIN_SERVER, SIGNER, Seeded

from .asking import Asking, Question, Sample, until
from .report import Report
from .table import CERTIFICATE_REMOVED, IDENTITY_REMOVED, SIGNED_LATE, Change
from .world import World

BEFORE, AFTER = 4, 8
"""Answers in a row: after the first ones there is something to remember, and for some time still; after the others all of Gatekeeper's pods have been asked."""
SPEC = "config.ratify.deislabs.io/v1beta1"


def follows(image: str, change: Change, make: Callable[[], None], report: Report) -> None:
    """Ask for the image all the time, make the change, and see when the last answer was that does not know of it."""
    before, after = ("denied", "admitted") if change is SIGNED_LATE else ("admitted", "denied")
    question = Question(Expectation(image, "admitted"), "container")

    def all_are(verdict: str, samples: list[Sample], in_a_row: int) -> bool:
        return len(samples) >= in_a_row and all(sample.answer.verdict == verdict for sample in samples[-in_a_row:])

    with Asking(cluster("lab1").kubeconfig, [question]).going_on() as asking:
        began = time.monotonic()
        until(lambda: all_are(before, asking.since(began), BEFORE), f"it is {before} before", 60)
        make()
        changed = time.monotonic()
        until(lambda: all_are(after, asking.since(changed), AFTER), f"it is {after}", change.follows + 30)
        seconds = max((sample.ended - changed for sample in asking.since(changed) if sample.answer.verdict != after), default=0.0)
    assert seconds <= change.follows
    assert seconds > 1, "nothing was remembered: this test has seen no cache"
    report.change(change, seconds)


def test_an_image_that_is_signed_after_it_was_denied_is_admitted(world: World, report: Report) -> None:
    late = Seeded(f"late-{time.time_ns()}")
    seed.image(late)
    follows(f"{LOGIN_SERVER}/{late.repository}:{late.tag}", SIGNED_LATE, lambda: seed.image(Seeded(late.tag, signer=SIGNER)), report)


def without_identity(spec: dict[str, Any]) -> dict[str, Any]:
    policy, *others = spec["parameters"]["trustPolicyDoc"]["trustPolicies"]
    other_signer = {**policy, "trustedIdentities": ["x509.subject: C=US, ST=WA, O=Somebody, CN=somebody.example"]}
    return {"parameters": {"trustPolicyDoc": {"trustPolicies": [other_signer, *others]}}}


def without_certificate(spec: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": {"certificates": [each for each in spec["parameters"]["certificates"] if each["name"] != CERTIFICATE]}}


@pytest.mark.parametrize(
    ("change", "kind", "name", "less"),
    [
        (IDENTITY_REMOVED, "Verifier", "verifier-notation", without_identity),
        (CERTIFICATE_REMOVED, "KeyManagementProvider", "kmprovider-akv", without_certificate),
    ],
    ids=["identity", "certificate"],
)
def test_an_image_whose_signer_is_trusted_no_longer_is_denied(world: World, report: Report, change: Change, kind: str, name: str, less: Any) -> None:
    before = world.objects(SPEC, kind).get(name=name).spec.to_dict()
    image = f"{LOGIN_SERVER}/net-monitor:signed"
    try:
        follows(image, change, lambda: world.patch(SPEC, kind, name, {"spec": less(before)}, None), report)
    finally:
        world.patch(SPEC, kind, name, {"spec": before}, None)
