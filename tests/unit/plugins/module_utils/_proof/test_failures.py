"""What a proof reports of verdicts that failed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._proof.text import failures

WARNS = "The constraint images-verified denies nothing: its enforcement is warn."
UNPULLED: dict[str, Any] = {"pulled": False, "started": False, "message": "401", "image_id": None}


def verdict(image: str, expected: str, said: str, message: str = "", **more: Any) -> dict[str, Any]:
    failed = {"image": image, "expected": expected, "verdict": said, "message": message, "passed": False}
    return {**failed, "shape": "container", "namespace": "default", "refused_by": None, "admitted_image": None, "ran": None, **more}


PASSED = verdict("z", "denied", "denied", "it has no signature", passed=True)


def said(*verdicts: dict[str, Any], problems: tuple[str, ...] = ()) -> str:
    passed = not problems and all(each["passed"] for each in verdicts)
    return failures({"passed": passed, "verdicts": verdicts, "problems": [*problems], "cluster": {"name": "web"}, "namespace": "default"})


@pytest.mark.parametrize(
    ("failed", "sentence"),
    [
        (verdict("a", "denied", "admitted"), "a as container should be denied, it is admitted."),
        (
            verdict("b", "denied", "admitted", shape="deployment", namespace="kube-system"),
            "b as deployment in kube-system should be denied, it is admitted.",
        ),
        (
            verdict("c", "denied", "denied", "the registry is too busy"),
            "c as container should be denied, it is denied for another reason: the registry is too busy.",
        ),
        (verdict("d", "admitted", "denied", "no\nsignature"), "d as container should be admitted, it is denied: no\\nsignature."),
        (
            verdict("e", "admitted", "admitted", "not pulled: 401", ran=UNPULLED),
            "e as container should be admitted and pulled, it is admitted: not pulled: 401.",
        ),
        (
            verdict("f", "admitted", "admitted", "not started: no", ran={**UNPULLED, "pulled": True}),
            "f as container should be admitted and started, it is admitted: not started: no.",
        ),
    ],
    ids=["admitted", "in another namespace", "for another reason", "denied", "not pulled", "not started"],
)
def test_a_failed_verdict_is_named_with_what_was_expected_and_the_message(failed: dict[str, Any], sentence: str) -> None:
    assert said(PASSED, failed) == f"1 of 2 verdicts of web failed. {sentence}"


def test_verdicts_with_one_message_are_named_together_and_what_explains_them_all_comes_last() -> None:
    late = verdict("c", "denied", "denied", "the registry is too busy")
    assert said(late, verdict("a", "denied", "admitted"), verdict("b", "denied", "admitted"), problems=(WARNS,)) == (
        "3 of 3 verdicts of web failed. a as container should be denied, it is admitted; b as container should be denied, it is admitted. "
        f"c as container should be denied, it is denied for another reason: the registry is too busy. {WARNS}"
    )


def test_nothing_is_reported_of_a_proof_that_passed_and_the_problems_alone_of_one_whose_verdicts_did() -> None:
    assert said(PASSED) == ""
    assert said(PASSED, problems=(WARNS,)) == f"0 of 1 verdicts of web failed. {WARNS}"
