# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Ask a cluster whether it would admit images, until each answer is expected or final."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Literal

from .namespace import Namespace, pause
from .verdict import Answer, Expectation, Ran, Verdict, container_state, is_expected, is_final, repository
from .workloads import HOSTED, IMAGE_VOLUME, KEEPS_TAGS, POD, no_such_command, pod

Run = Literal["pull", "start", "none"]
"""What becomes of an admitted image: a pod of it is made that pulls it, or that starts its program too, or none is made."""

PAUSE = 2.0
"""Seconds between two rounds of questions."""
AT_ONCE = 4
"""Questions that are asked, or pods that are made, at the same time: Gatekeeper answers one for each of its processors."""


@dataclass(frozen=True)
class Question:
    """One image in one shape in one namespace."""

    expectation: Expectation
    shape: str
    namespace: str


@dataclass(frozen=True)
class Asker:
    """Where a probe asks, and with what. `companion` is an image that is admitted: the other container of a pod, and what exists where something is added.

    `constraint` has to be the one that denies, any if None.
    """

    namespaces: Mapping[str, Namespace]
    companion: str
    constraint: str | None


def questions(images: Iterable[Expectation], shapes: Iterable[str], namespace: str, exempt: Iterable[str], *, read_only: bool) -> list[Question]:
    """Every image in every shape in the namespace, and in the exempt ones, where each has to be admitted whatever it is.

    Nothing is made in an exempt namespace, and nothing at all with `read_only`: shapes in HOSTED, which need something that exists, are left out there.
    In KEEPS_TAGS only images that have to be denied are asked for, in the namespace only.
    """
    bare = [shape for shape in shapes if shape not in HOSTED]
    covered = bare if read_only else shapes
    here = [Question(expectation, shape, namespace) for shape in covered for expectation in _expected(images, shape)]
    return here + [
        Question(replace(image, expect="admitted", reason=None), shape, place)
        for place in exempt
        for shape in bare
        for image in images
        if shape not in KEEPS_TAGS
    ]


def _expected(images: Iterable[Expectation], shape: str) -> list[Expectation]:
    """In KEEPS_TAGS a signed image is denied as well by its tag, and `reason` is about what is said of new containers.

    The denial of a volume has to name the image as it was given, for the companion beside it has a digest; that of a patch only its repository.
    """
    if shape not in KEEPS_TAGS:
        return list(images)
    named = repository if shape != IMAGE_VOLUME else str
    return [replace(image, reason=re.escape(named(image.image))) for image in images if image.expect == "denied"]


def probe(asker: Asker, asked: Sequence[Question], *, timeout: float, run: Run) -> list[Verdict]:
    """Ask until each answer is expected or final, or `timeout` seconds have passed; each image of which a pod is made has as long again.

    Unless `run` is `none`, each image is once asked for by really making a pod of it in the covered namespace; those that are admitted have to be pulled,
    and to start where `run` says so. The program of an image that has to be denied is never started.
    Raises ClusterError when nothing can be asked, or when something that the probe made could not be removed.
    """
    end = time.monotonic() + timeout
    answers: dict[Question, Answer] = {}
    still_open = list(asked)
    while still_open:
        answers.update(zip(still_open, _ask_all(asker, still_open), strict=True))
        still_open = [question for question in still_open if not is_final(question.expectation, answers[question])]
        if time.monotonic() + PAUSE >= end:
            break
        if still_open:
            time.sleep(PAUSE)
    covered = asked[0].namespace if asked else ""

    def verdict(question: Question) -> Verdict:
        made = question.shape == "container" and question.namespace == covered
        return _verdict(asker, question, answers[question], run if made else "none", timeout)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(verdict, [question for question in asked if not _has_no_volume(question, answers[question])]))


def _has_no_volume(question: Question, answer: Answer) -> bool:
    """Whether the pod was admitted without the image volume, which brings no image in: an API server that does not have them drops them.

    https://github.com/kubernetes/kubernetes/blob/v1.36.4/pkg/api/pod/util.go, dropImageVolumes
    """
    return question.shape == IMAGE_VOLUME and answer.verdict == "admitted" and answer.image is None


def _ask_all(asker: Asker, asked: Sequence[Question]) -> list[Answer]:
    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as pool:
        places = {(question.shape, question.namespace) for question in asked}
        hosts = {(shape, place): stack.enter_context(asker.namespaces[place].host(shape, asker.companion, asker.constraint)) for shape, place in sorted(places)}
        return list(pool.map(lambda question: _ask(asker, question, *hosts[question.shape, question.namespace]), asked))


def _ask(asker: Asker, question: Question, host_answer: Answer, host: Mapping[str, Any]) -> Answer:
    if question.shape in HOSTED and not host:
        return Answer("error", f"what the image is to be added to was refused: {host_answer.message}", host_answer.refused_by)
    place = asker.namespaces[question.namespace]
    return place.ask(question.shape, question.expectation.image, companion=asker.companion, host=host, constraint=asker.constraint)


def _verdict(asker: Asker, question: Question, answer: Answer, run: Run, timeout: float) -> Verdict:
    passed = is_expected(question.expectation, answer)
    place, image = asker.namespaces[question.namespace], question.expectation.image
    ran, failure = None, ""
    if run != "none" and passed and answer.verdict == "denied":
        # A dry run that is refused and a pod that is made would be a bypass that dry runs do not show.
        with place.existing(POD, pod(image, command=no_such_command()), asker.constraint) as (answer, _stored):
            passed = is_expected(question.expectation, answer)
    elif run != "none" and passed:
        ran = _run(place, image, asker.constraint, run, time.monotonic() + timeout)
        failure = _failure(run, ran)
    return Verdict(
        image,
        question.shape,
        question.namespace,
        question.expectation.expect,
        answer.verdict,
        passed and not failure,
        answer.message or failure,
        answer.refused_by,
        answer.image,
        ran,
    )


def _failure(run: Run, ran: Ran) -> str:
    """What an admitted image lacks of what `run` asks for; empty where it lacks nothing."""
    if not ran.pulled:
        return f"admitted, but not pulled: {ran.message}"
    if run == "start" and not ran.started:
        return f"admitted and pulled, but not started: {ran.message}"
    if run == "pull" and ran.started:
        return f"admitted and pulled, but a program was started ({ran.message}): another webhook replaces the command of the probe's pod, which no image has"
    return ""


def _run(place: Namespace, image: str, constraint: str | None, run: Run, end: float) -> Ran:
    """Make a pod of the image. The kubelet's pauses between two pulls grow to minutes, so a pod whose pull failed is made again until `end`."""
    failed: Ran | None = None
    while True:
        with place.existing(POD, pod(image, command=no_such_command() if run == "pull" else None), constraint) as (answer, stored):
            ran = _wait_for_start(place, stored["metadata"]["name"], end, failed) if stored else Ran(False, False, f"refused: {answer.message}")
        if run == "pull" and ran.pulled and not ran.started:
            return replace(ran, message="pulled")
        if ran.started or time.monotonic() + PAUSE >= end:
            return ran
        failed = ran
        time.sleep(PAUSE)


def _wait_for_start(place: Namespace, name: str, end: float, failed: Ran | None) -> Ran:
    """What became of the pod, or of the one before that failed, if the time ends first. Where its status has no image id, the event of the pull counts."""
    began = time.monotonic()
    while True:
        status = place.status(name)
        ran = container_state(status)
        if ran is None and time.monotonic() >= end:
            conditions = "; ".join(str(c["message"]) for c in status.get("conditions") or [] if c.get("message"))
            ran = failed or Ran(False, False, f"not started in time (phase {status.get('phase')}): {conditions}".rstrip(": "))
        if ran is not None:
            return ran if ran.pulled else replace(ran, pulled=place.has_pulled(name))
        pause(began)
