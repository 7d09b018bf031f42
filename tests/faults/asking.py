"""Asks a cluster for images all the time, in the background, and keeps every answer.

An answer that is no verdict, because a webhook is away or takes too long, is a denial here: the API server says that nothing would have been made. That it
says nothing at all is none: such a sample shows nothing of what must be denied.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._admission.namespace import Namespace
from ansible_collections.image_trust.azure.plugins.module_utils._admission.verdict import Answer, Expectation, is_expected
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from lab.azure.registries.docker_hub import PREFIX as DOCKER_HUB
from lab.clusters import Clusters
from lab.signing.publishing import Repository
from tests.e2e.conftest import INVENTORY

PACE = 1.0
"""Seconds between two beginnings of the same question, where it is answered sooner."""
NO_ANSWER = ("the API server did not answer", "HTTP 0")
"""How a message begins where the API server has said nothing."""
NOTHING = "(?!)"


@dataclass(frozen=True)
class Question:
    """One image in one shape. With a `digest`, it is asked for by that, under another tag each time: of such a name no cache has an answer."""

    image: Expectation
    shape: str
    digest: str | None = None

    @property
    def must_run(self) -> bool:
        return self.image.expect == "admitted"

    @property
    def name(self) -> str:
        """`tag` or `digest`: what the image is asked for by."""
        return "digest" if self.digest else "tag"

    def reference(self, number: int) -> str:
        return f"{self.image.image}-{number}@{self.digest}" if self.digest else self.image.image


@dataclass(frozen=True)
class Sample:
    """One answer. Times are those of time.monotonic()."""

    question: Question
    began: float
    ended: float
    answer: Answer

    @property
    def is_expected(self) -> bool:
        return is_expected(self.question.image, self.answer)

    @property
    def admitted(self) -> bool:
        return self.answer.verdict == "admitted"

    @property
    def answered(self) -> bool:
        """Whether the API server has said what becomes of the image, and be it that a webhook is away."""
        return not self.answer.message.startswith(NO_ANSWER)


def expectations() -> list[Expectation]:
    """The images of the lab, what the cluster has to say to each, and why."""
    return [Expectation(**image) for image in yaml.safe_load((INVENTORY / "group_vars/clusters.yml").read_text())["verify_images"]]


def matrix() -> list[Question]:
    """Every image as a pod, by tag and by digest, and two as a Deployment."""
    images = expectations()
    with httpx.Client(base_url=Clusters.registry) as storage:
        digests = {image: _digest(storage, image.image) for image in images}
    first = [next(image for image in images if image.expect == expect) for expect in ("admitted", "denied")]
    return [
        *(Question(image, "container") for image in images),
        *(Question(image, "container", digest) for image, digest in digests.items() if digest),
        *(Question(image, "deployment") for image in first),
    ]


def _digest(storage: httpx.Client, image: str) -> str | None:
    """None where no registry of the lab has it."""
    name, _, tag = image.rpartition(":")
    return Repository(storage, name if "/" in name else f"{DOCKER_HUB}/library/{name}").digest(tag)


@dataclass
class Asking:
    """Every question again and again, each in a thread of its own, by server-side dry run."""

    kubeconfig: Path
    questions: Sequence[Question]
    remembered: tuple[str, float] = (NOTHING, 0.0)
    """What may still be said of a fault that is over, as a regular expression, and to whom asks before when."""
    _samples: list[Sample] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def going_on(self) -> Iterator[Asking]:
        threads = [threading.Thread(target=self._ask, args=(question, number / len(self.questions))) for number, question in enumerate(self.questions)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _ask(self, question: Question, first: float) -> None:
        place, number = Namespace(str(self.kubeconfig), "default"), 0
        pause = first
        while not self._stop.wait(pause):
            began, number = time.monotonic(), number + 1
            answer = place.ask(question.shape, question.reference(number), companion="", host={}, constraint=None)
            self._samples.append(Sample(question, began, time.monotonic(), answer))
            pause = max(0.0, began + PACE - time.monotonic())

    def since(self, moment: float) -> list[Sample]:
        """The answers to what was asked since then."""
        return [sample for sample in self._samples if sample.began >= moment]

    def said_of(self, questions: Collection[Question], moment: float, true: Callable[[Sample], bool], *, in_a_row: int = 1) -> bool:
        """Whether each of the questions was asked so often since then, and of the last answers it is true."""
        given: dict[Question, list[Sample]] = {question: [] for question in questions}
        for sample in self.since(moment):
            if sample.question in given:
                given[sample.question].append(sample)
        return all(len(samples) >= in_a_row and all(map(true, samples[-in_a_row:])) for samples in given.values())

    def wrongly_admitted(self) -> list[str]:
        """What must be denied, and was not, ever."""
        return [f"{sample.question.image.image} as {sample.answer.image}" for sample in self._samples if sample.admitted and not sample.question.must_run]


def until(true: Callable[[], bool], what: str, seconds: float) -> float:
    """Wait until it is true; returns for how long that was. While the API server is away, nothing is."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        with suppress(ApiException, HTTPError, OSError):
            if true():
                return time.monotonic() - began
        time.sleep(0.1)
    pytest.fail(f"{what}: not within {seconds:.0f} s")
