"""Bringing the lab up, as a list of steps. Each step does only what is missing, so that `up` builds, starts and resumes alike."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lab import seed, services
from lab.build import charts, images, tools
from lab.clusters import Clusters, cluster, nodes
from lab.config import home
from lab.errors import LabError
from lab.locks import locked
from lab.node import cgroups
from lab.node.control import Node
from lab.progress import say, step
from lab.signing import azure_kv

_PROGRAMS = ("containerd", "runc", "socat", "busybox", "curl", "iptables", "nft", "ip", "unshare", "nsenter", "setpriv", "openssl")


def up(clusters: int = 1) -> None:
    """Bring up the registry, Azure and the clusters lab1..lab<clusters>, and those that exist besides; returns when all of them serve. LabError where not."""
    check_machine()
    with locked(home() / ".lock"):
        lab = BringUp(clusters)
        lab.take(STEPS)
    say("up" if lab.started else "already up")


def check_machine() -> None:
    """Make the lab's home. LabError where the machine lacks what the lab needs."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root: it makes namespaces, mounts and cgroups")
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        raise LabError(f"these programs are missing: {', '.join(missing)}; run `make setup`, or install the packages in lab/packages.txt")
    cgroups.check()
    home().mkdir(mode=0o700, parents=True, exist_ok=True)


@dataclass
class BringUp:
    """One `up`, and what its later steps need to know of the earlier ones."""

    clusters: int
    """How many of lab1, lab2, ... are wanted."""
    services: bool = False
    """Whether it has started the registry or Azure."""
    booting: list[Node] = field(default_factory=list)
    """Nodes that it has started."""
    resumed: set[str] = field(default_factory=set)
    """Names of the clusters that have stored something to go on from."""

    @property
    def started(self) -> bool:
        """Whether anything had to be started."""
        return self.services or bool(self.booting)

    def take(self, steps: Sequence[Step]) -> None:
        """Take the steps in turn, each named on a line of progress. The first that fails is the last."""
        for number, each in enumerate(steps, 1):
            say(f"step {number} of {len(steps)}: {each.name}")
            each.does(self)

    def register_clusters(self) -> None:
        for number in range(1, self.clusters + 1):
            cluster(f"lab{number}")
        self.resumed = {node.cluster.name for node in nodes() if node.has_run}

    def start_registry(self) -> None:
        self.services |= services.start_registry()

    def seed_resources(self) -> None:
        if services.azure().pid() is None:
            seed.resources()

    def start_azure(self) -> None:
        self.services |= services.start_azure()

    def start_clusters(self) -> None:
        self.booting = [node for node in nodes() if node.start()]

    def wait_for_services(self) -> None:
        services.wait_for_registry()
        services.wait_for_azure()
        if self.services:
            say(f"registry and Azure serve: {services.URL}")

    def wait_for_clusters(self) -> None:
        for node in self.booting:
            name = node.cluster.name
            with step(f"cluster {name} boots"):
                node.wait()
            if name in self.resumed:
                with step(f"pods of {name} come back"):
                    node.wait_for_pods()
        for node in nodes():
            node.wait()


@dataclass(frozen=True)
class Step:
    """One step of a bring-up."""

    name: str
    """For the line of progress: what it does."""
    does: Callable[[BringUp], object]


STEPS = (
    Step("build programs", lambda _: tools.build()),
    Step("install the plugin of notation", lambda _: azure_kv.install(home() / "notation/plugins")),
    Step("package charts", lambda _: charts.package()),
    Step("make container images", lambda _: images.build()),
    Step("register clusters", BringUp.register_clusters),
    Step("start the registry", BringUp.start_registry),
    Step("seed Azure's resources", BringUp.seed_resources),
    Step("start Azure", BringUp.start_azure),
    Step("start clusters", BringUp.start_clusters),
    Step("wait for the registry and Azure", BringUp.wait_for_services),
    Step("push and sign images", lambda _: seed.images(Clusters.registry)),
    Step("wait for clusters", BringUp.wait_for_clusters),
)
"""In order: charts are packaged by helm, images hold programs and charts, and what is waited for boots while images are pushed."""
