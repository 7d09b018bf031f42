"""Faults of pods, of the node and of what runs on it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from lab.node.processes import Processes

from .world import NAMESPACE, Break, Felt, World, processes

WEBHOOK_PORT = 8443


def scaled_to_nothing(deployment: str) -> Break:
    @contextmanager
    def broken(world: World) -> Iterator[Felt]:
        replicas = world.objects("apps/v1", "Deployment").get(name=deployment, namespace=NAMESPACE).spec.replicas
        world.patch("apps/v1", "Deployment", deployment, {"spec": {"replicas": 0}})
        try:
            yield lambda: not world.pods(deployment)
        finally:
            world.patch("apps/v1", "Deployment", deployment, {"spec": {"replicas": replicas}})

    return broken


def a_pod_lost(deployment: str) -> Break:
    """One pod ends without a word."""

    @contextmanager
    def broken(world: World) -> Iterator[Felt]:
        lost = _asked(world.pods(deployment)).metadata
        world.objects("v1", "Pod").delete(name=lost.name, namespace=NAMESPACE, body={"gracePeriodSeconds": 0})
        yield lambda: all(pod.metadata.uid != lost.uid for pod in world.pods(deployment))

    return broken


def a_pod_frozen(deployment: str) -> Break:
    """One pod takes connections and never answers, until the kubelet has noticed it."""

    @contextmanager
    def broken(world: World) -> Iterator[Felt]:
        pod = _asked(world.pods(deployment))
        frozen = processes(pod)
        _signal(frozen, signal.SIGSTOP)
        try:
            yield lambda: pod.metadata.uid not in [each.metadata.uid for each in world.pods(deployment) if _is_ready(each)]
        finally:
            _signal(frozen, signal.SIGCONT)

    return broken


def _is_ready(pod: Any) -> bool:
    return any(condition.type == "Ready" and condition.status == "True" for condition in pod.status.conditions)


def _asked(pods: list[Any]) -> Any:
    """The pod to which most connections lead: the API server keeps its own, and does not ask the others."""

    def connections(pod: Any) -> int:
        command = ["nsenter", "--target", str(processes(pod)[0]), "--net", "ss", "--no-header", "--tcp", "state", "established", f"( sport = :{WEBHOOK_PORT} )"]
        return len(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines())

    asked = max(pods, key=connections)
    assert connections(asked)
    return asked


def _signal(ids: list[int], number: signal.Signals) -> None:
    for pid in ids:
        # The kubelet may have stopped it meanwhile, as it does with what does not answer.
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def restarted(deployment: str) -> Break:
    """All pods are replaced, as by `kubectl rollout restart`."""

    @contextmanager
    def broken(world: World) -> Iterator[Felt]:
        before = {pod.metadata.uid for pod in world.pods(deployment)}
        at = {"kubectl.kubernetes.io/restartedAt": str(time.time())}
        world.patch("apps/v1", "Deployment", deployment, {"spec": {"template": {"metadata": {"annotations": at}}}})
        yield lambda: not before & {pod.metadata.uid for pod in world.pods(deployment)}

    return broken


def component_hangs(component: str) -> Break:
    """A component of the node takes requests and never answers."""

    @contextmanager
    def broken(world: World) -> Iterator[Felt]:
        world.node.signal(component, signal.SIGSTOP)
        try:
            yield lambda: True
        finally:
            world.node.signal(component, signal.SIGCONT)

    return broken


@contextmanager
def api_server_restarted(world: World) -> Iterator[Felt]:
    component, processes = "kube-apiserver", Processes(world.node.cluster)
    before = processes.pid(component)
    world.node.restart(component)
    yield lambda: processes.pid(component) != before


@contextmanager
def node_restarted(world: World) -> Iterator[Felt]:
    world.node.stop()
    world.node.start()
    yield lambda: True
