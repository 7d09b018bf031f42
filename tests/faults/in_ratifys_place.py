"""Gatekeeper is led to something else than Ratify."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab.pki import Authority

from .asking import until
from .front import NAME, PORT, Front, Way, ask_ratify, inside, pair
from .world import NAMESPACE, RATIFY, Break, Felt, World, processes


def ratify_answers(way: Way, *, foreign: bool = False) -> Break:
    """Another server takes Ratify's place and answers so; with a certificate of Ratify's name, but of a foreign authority, if `foreign`."""

    @contextmanager
    def broken(world: World) -> Iterator[Felt]:
        secrets, folder = world.objects("v1", "Secret"), world.folder / f"front-{time.monotonic_ns()}"
        folder.mkdir()
        own = secrets.get(name="ratify-tls", namespace=NAMESPACE)
        client = secrets.get(name="gatekeeper-webhook-server-cert", namespace=NAMESPACE)
        network = f"/proc/{world.node.init_file.read_text()}/ns/net"
        certificate = Authority.kept(folder, "somebody").issue(folder / "foreign", NAME, names=[NAME]) if foreign else pair(own, folder / "own")
        [pod] = world.pods(RATIFY)
        front = Front(network, world.node.cluster.node_address, ask_ratify(network, pod.status.podIP, own, pair(client, folder / "client")))
        with front.answering(way, certificate), _in_its_place(world) as service:
            until(lambda: _reaches(network, service, front), "the front is reached", 30)
            # Gatekeeper keeps its connections, and they would lead to Ratify for ever.
            close = ("ss", "--kill", "--tcp", "state", "established", f"( sport = :{PORT} )")
            subprocess.run(["nsenter", "--target", str(processes(pod)[0]), "--net", "--", *close], check=True, capture_output=True)
            before = front.connections
            yield lambda: front.connections > before if foreign else front.answers > 0

    return broken


def _reaches(network: str, service: str, front: Front) -> bool:
    inside(network, lambda: socket.create_connection((service, PORT), timeout=10)).close()
    return front.connections > 0


@contextmanager
def _in_its_place(world: World) -> Iterator[str]:
    """The node's address is in Ratify's Service, in place of its pods; yields the Service's address."""
    slices = world.objects("discovery.k8s.io/v1", "EndpointSlice")
    body = {
        "metadata": {"name": "ratify-front", "labels": {"kubernetes.io/service-name": RATIFY}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [world.node.cluster.node_address], "conditions": {"ready": True}}],
        "ports": [{"name": "", "port": PORT, "protocol": "TCP"}],
    }
    try:
        service = world.patch("v1", "Service", RATIFY, {"spec": {"selector": {"front": "true"}}})
        # kube-proxy learns of both in this order: who reaches the front does not reach Ratify any more.
        mine = f"kubernetes.io/service-name={RATIFY}"
        until(lambda: not any(each.endpoints for each in slices.get(namespace=NAMESPACE, label_selector=mine).items), "Ratify's pods leave the Service", 30)
        slices.create(body=body, namespace=NAMESPACE)
        yield str(service.spec.clusterIP)
    finally:
        world.patch("v1", "Service", RATIFY, {"spec": {"selector": {"front": None}}})
        slices.delete(name="ratify-front", namespace=NAMESPACE)
