"""Somebody asks for images all the time, by dry runs of pods, while something else goes on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import kubernetes

from lab.clusters import cluster

from .test_policy import pod


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
    made = kube.resources.get(api_version="v1", kind="Pod").create(namespace="default", body=pod(image), query_params=[("dryRun", "All")])
    repository, _, digest = made.spec.containers[0].image.partition("@")
    return f"{repository.rpartition(':')[0] or repository}:asked-{{}}@{digest}"


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
            while not done.is_set() and not broken:
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
    containers = [kubernetes.client.V1Container(name="it", image=image)]
    pod = kubernetes.client.V1Pod(metadata=kubernetes.client.V1ObjectMeta(generate_name="asking-"), spec=kubernetes.client.V1PodSpec(containers=containers))
    try:
        kubernetes.client.CoreV1Api(client).create_namespaced_pod("default", pod, dry_run="All")
    except kubernetes.client.ApiException as error:
        return str(json.loads(error.body or "{}")["message"])
    return ""
