"""A client asks for images all the time, by dry runs of what makes pods, while something else goes on."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import kubernetes
from urllib3.exceptions import HTTPError

from lab.clusters import cluster

from .pods import pod, refusal

PACE = 0.05
"""Seconds between two questions, for what is asked about has to run on the same machine."""


@dataclass(frozen=True)
class Answer:
    """What the cluster said once: when (seconds, of a monotonic clock), and why not; empty where it admitted the image."""

    at: float
    refusal: str


@dataclass
class Asked:
    """All answers by image, in their order."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)

    def admitted(self, image: str) -> int:
        return sum(not answer.refusal for answer in self.answers[image])

    def refused(self, image: str) -> int:
        return len(self.answers[image]) - self.admitted(image)

    def admitted_since(self, image: str, at: float) -> bool:
        """Whether the image was admitted, last, to a client that asked for it after `at`."""
        last = self.answers[image][-1] if self.answers[image] else None
        return last is not None and last.at > at and not last.refusal

    def longest_refusal(self, image: str) -> float:
        """Seconds for which the image was at most refused in a row: from the last answer before, or the first, to the first answer after, or the last."""
        answers = self.answers[image]
        longest, since = 0.0, answers[0].at
        for answer in answers:
            longest = max(longest, answer.at - since)
            since = since if answer.refusal else answer.at
        return longest


def afresh(kube: Any, image: str) -> str:
    """The image by its digest, and with a tag of which there is another each time it is asked for."""
    made = refusal(kube, pod(image), "default") or str(
        kube.resources.get(api_version="v1", kind="Pod").create(namespace="default", body=pod(image), dry_run="All")
    )
    [digest] = set(re.findall(r"sha256:[0-9a-f]{64}", made))
    return f"{image.rpartition(':')[0]}:asked-{{}}@{digest}"


@contextmanager
def asking_for(*images: str) -> Iterator[Asked]:
    """Asks in turn for each of them until the end of the block. What is no answer of an admission webhook ends the test.

    `{}` in an image becomes another number each time, so that no answer is one that was remembered: an image by its digest can have any tag beside it.
    """
    asked = Asked({image: [] for image in images})
    done = threading.Event()
    broken: list[str] = []

    def ask() -> None:
        with kubernetes.config.new_client_from_config(str(cluster("lab1").kubeconfig)) as client:
            while not done.wait(PACE) and not broken:
                for image in images:
                    refusal = _refusal(client, image.format(len(asked.answers[image])))
                    asked.answers[image].append(Answer(time.monotonic(), refusal))
                    if refusal and "webhook" not in refusal:
                        broken.append(refusal)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield asked
    finally:
        done.set()
        thread.join()
    assert not broken


def _refusal(client: kubernetes.client.ApiClient, image: str) -> str:
    # Of all that makes pods, Ratify's mutations leave this alone: they would take the tag away.
    template = {"metadata": {"labels": {"it": "asks"}}, "spec": {"containers": [{"name": "it", "image": image}]}}
    body: Any = {"metadata": {"generateName": "asking-"}, "spec": {"selector": {"it": "asks"}, "template": template}}
    try:
        kubernetes.client.CoreV1Api(client).create_namespaced_replication_controller("default", body, dry_run="All")
    except kubernetes.client.ApiException as error:
        return str(json.loads(error.body or "{}")["message"])
    except HTTPError as error:
        return f"the API server did not answer: {error}"
    return ""
