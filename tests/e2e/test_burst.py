"""Two hundred pods by tag at once, in every way in which they come: none is refused for good. No node takes them, so that only what admits them works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .pods import SIGNED, pod, refusal
from .workloads import Namespace, deployment

pytestmark = [pytest.mark.first_lab, pytest.mark.order(1)]

Json = dict[str, Any]
NUMBER = 200
AT_ONCE = 50
BOUND = 90
"""Seconds until all are there: a controller whose pods are refused waits longer each time, up to a quarter of an hour."""
NODE = "full"


@pytest.fixture
def made(kube: Any, team: str) -> Namespace:
    return Namespace(kube, team)


@pytest.fixture
def full_node(kube: Any) -> Iterator[None]:
    """A node without a kubelet: pods are on it by its name."""
    nodes = kube.resources.get(api_version="v1", kind="Node")
    nodes.create(body={"metadata": {"name": NODE}, "spec": {"unschedulable": True}})
    yield
    nodes.delete(name=NODE)


def nowhere(**spec: Any) -> Json:
    return {**pod(SIGNED)["spec"], "nodeSelector": {"no": "node"}, **spec}


def wait_for_all(made: Namespace, app: str, but: frozenset[str] = frozenset()) -> list[Any]:
    """The pods, as soon as there are so many that are none of these (by uid)."""
    deadline = time.monotonic() + BOUND
    while len(found := [each for each in made.pods(app) if each.metadata.uid not in but]) < NUMBER:
        assert time.monotonic() < deadline, f"{len(found)} of {NUMBER} pods after {BOUND} s: {refused(made)}"
        time.sleep(0.5)
    return found


def refused(made: Namespace) -> list[str]:
    """What controllers were answered when they could not create a pod."""
    events = made.kube.resources.get(api_version="v1", kind="Event").get(namespace=made.name, field_selector="reason=FailedCreate").items
    return [each.message for each in events]


def all_pinned(pods: list[Any]) -> bool:
    return all("@sha256:" in each.spec.containers[0].image for each in pods)


def test_bare(made: Namespace) -> None:
    end = time.monotonic() + BOUND

    def create(number: int) -> str:
        """As a user does who reads that Gatekeeper had no time: again."""
        body = {**pod(SIGNED, name=f"bare-{number}", labels={"app": "bare"}), "spec": nowhere()}
        while (said := refusal(made.kube, body, made.name, dry_run=False)) and time.monotonic() < end:
            time.sleep(1)
        return said

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert [said for said in pool.map(create, range(NUMBER)) if said] == []
    assert all_pinned(wait_for_all(made, "bare"))


def test_of_a_deployment(made: Namespace) -> None:
    made.create(deployment("many", SIGNED, NUMBER))
    assert all_pinned(wait_for_all(made, "many"))
    assert (refused(made), len(made.replica_sets("many"))) == ([], 1)


def test_of_a_job(made: Namespace) -> None:
    template = {"metadata": {"labels": {"app": "job"}}, "spec": nowhere(restartPolicy="Never")}
    spec = {"parallelism": NUMBER, "completions": NUMBER, "template": template}
    jobs = made.kube.resources.get(api_version="batch/v1", kind="Job")
    jobs.create(namespace=made.name, body={"metadata": {"name": "job"}, "spec": spec})
    assert all_pinned(wait_for_all(made, "job"))
    assert refused(made) == []


def test_of_a_drain(made: Namespace, full_node: None) -> None:
    body = deployment("moved", SIGNED, NUMBER)
    body["spec"]["template"]["spec"].update(nodeName=NODE, nodeSelector=None)
    made.create(body)
    before = wait_for_all(made, "moved")

    def evict(each: Any) -> None:
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": each.metadata.name}}
        made.kind("Pod").eviction.create(namespace=made.name, name=each.metadata.name, body=eviction)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(evict, before))
    assert all_pinned(wait_for_all(made, "moved", frozenset(each.metadata.uid for each in before)))
    assert refused(made) == []
