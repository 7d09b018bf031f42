# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Ask a cluster whether it would admit images, until each answer is right or final."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ._admission import Answer, Expectation, Ran, Verdict, container_state, is_final, is_right
from ._probe_pods import Pods, host_pod, pod

Shape = Literal["container", "init_container", "ephemeral_container"]

PAUSE = 2.0
"""Seconds between two rounds of questions."""


@dataclass(frozen=True)
class Result:
    """One image in one pod shape: asked, answered, compared."""

    image: str
    shape: Shape
    expected: str
    verdict: Verdict
    right: bool
    message: str
    refused_by: str | None
    admitted_image: str | None
    ran: Ran | None = None


def probe(
    pods: Pods,
    expectations: Sequence[Expectation],
    shapes: Sequence[Shape],
    *,
    companion: str | None,
    constraint: str | None,
    timeout: float,
    run: bool,
    read_only: bool,
) -> list[Result]:
    """Ask for every image in every shape until each answer is right or final, or `timeout` seconds have passed; each image that is run has as long again.

    `companion` is an image that is admitted: the main container beside an init container under test, and of the pod to which ephemeral containers are added.
    With `run`, images that are expected and found to be admitted are really run once. `read_only` creates no pod at all: ephemeral containers,
    which need a pod that exists, are left out then.
    Raises AdmissionError when nothing can be asked, or when a pod of the probe could not be removed.
    """
    end = time.monotonic() + timeout
    open_questions = [(e, s) for s in shapes for e in expectations if not (read_only and s == "ephemeral_container")]
    answers: dict[tuple[Expectation, Shape], Answer] = {}
    while open_questions:
        for question, answer in zip(open_questions, _ask_all(pods, open_questions, companion, constraint), strict=True):
            answers[question] = answer
        open_questions = [question for question in open_questions if not is_final(question[0], answers[question])]
        if time.monotonic() + PAUSE >= end:
            break
        if open_questions:
            time.sleep(PAUSE)
    return [_result(pods, *question, answer, constraint, timeout, run and not read_only) for question, answer in answers.items()]


def _ask_all(pods: Pods, questions: Sequence[tuple[Expectation, Shape]], companion: str | None, constraint: str | None) -> list[Answer]:
    if not any(shape == "ephemeral_container" for _expectation, shape in questions):
        return [_ask_one(pods, *question, companion, constraint, "") for question in questions]
    with pods.existing(host_pod(companion or ""), constraint) as (host_answer, host):
        return [
            Answer("error", f"the pod to which ephemeral containers are added was refused: {host_answer.message}", host_answer.refused_by)
            if shape == "ephemeral_container" and not host
            else _ask_one(pods, expectation, shape, companion, constraint, host)
            for expectation, shape in questions
        ]


def _ask_one(pods: Pods, expectation: Expectation, shape: Shape, companion: str | None, constraint: str | None, host: str) -> Answer:
    if shape == "ephemeral_container":
        return pods.try_ephemeral(host, expectation.image, constraint)
    if shape == "init_container":
        return pods.try_pod(pod(companion or "", init_image=expectation.image), constraint)
    return pods.try_pod(pod(expectation.image), constraint)


def _result(pods: Pods, expectation: Expectation, shape: Shape, answer: Answer, constraint: str | None, timeout: float, run: bool) -> Result:
    right = is_right(expectation, answer)
    ran = (
        _run(pods, expectation.image, constraint, time.monotonic() + timeout)
        if run and right and answer.verdict == "admitted" and shape == "container"
        else None
    )
    return Result(
        expectation.image,
        shape,
        expectation.expect,
        answer.verdict,
        right and (ran is None or ran.started),
        answer.message or (f"admitted, but it does not run: {ran.message}" if ran and not ran.started else ""),
        answer.refused_by,
        answer.image,
        ran,
    )


def _run(pods: Pods, image: str, constraint: str | None, end: float) -> Ran:
    """Really run the image. The kubelet's pauses between two pulls grow to minutes, so a pod whose pull failed is made anew until `end`."""
    while True:
        with pods.existing(pod(image), constraint) as (answer, name):
            ran = _wait_for_start(pods, name, end) if name else Ran(False, f"refused: {answer.message}")
        if ran.started or time.monotonic() + PAUSE >= end:
            return ran
        time.sleep(PAUSE)


def _wait_for_start(pods: Pods, name: str, end: float) -> Ran:
    while True:
        status = pods.status(name)
        ran = container_state(status)
        if ran is not None:
            return ran
        if time.monotonic() >= end:
            conditions = "; ".join(str(c["message"]) for c in status.get("conditions") or [] if c.get("message"))
            return Ran(False, f"not started in time (phase {status.get('phase')}): {conditions}".rstrip(": "))
        time.sleep(0.5)


def as_dict(result: Result) -> dict[str, Any]:
    """The result as the module returns it."""
    return asdict(result)
