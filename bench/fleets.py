"""Runs without a change on many hosts at once: what a host costs as they become more, and more of them are worked on at a time."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import yaml

from bench.commands import ANSIBLE_PLAYBOOK, Spent, run
from bench.contenders import Lab, Site
from bench.counting import azure_requests
from bench.recorded import Exchange, Recorded, RecordedClusters, recording
from lab.config import LOCATION, REGISTRY, RESOURCE_GROUP, VAULT
from lab.progress import say
from tests.support.emulated import OBJECT_ID, emulated
from tests.support.module_runs import Backend

EACH, STEEPER = 1.1, 1.05
"""At most: the CPU a host over that of a run on one, and how many times as long as its hosts are more a run takes, with the same forks."""
LATENCY = 0.3
"""Seconds that the emulated Azure waits before each answer. In recordings of the real one, reads of az, which starts each time, follow in 1.2 s."""
PLAY = {
    "hosts": "clusters",
    "connection": "local",
    "gather_facts": False,
    # As site.yml has it.
    "module_defaults": {"group/image_trust.azure.azure": {"token_cache": "{{ lookup('image_trust.azure.run_folder') }}"}},
    "roles": ["image_trust.azure.aks", "image_trust.azure.identity"],
}
Play = Callable[[Sequence[str], int], tuple[Spent, int]]
"""A run on these hosts with so many forks: what it took, and how many requests it sent to Azure, logins left out."""


@dataclass(frozen=True)
class Fleet:
    """Runs on so many hosts with so many forks: what each took, and its requests to Azure."""

    hosts: int
    forks: int
    runs: Sequence[tuple[Spent, int]]

    def median(self, of: Callable[[Spent], float]) -> float:
        return median(of(spent) for spent, _ in self.runs)

    @property
    def wall(self) -> float:
        return self.median(lambda spent: spent.wall)

    @property
    def cpu_each(self) -> float:
        return self.median(lambda spent: spent.cpu) / self.hosts

    @property
    def requests_each(self) -> float:
        return median(requests for _, requests in self.runs) / self.hosts

    def __str__(self) -> str:
        return f"{self.hosts} hosts with {self.forks} forks"


@dataclass(frozen=True)
class Slope:
    """Fleets of more and more hosts; the first is one host."""

    what: str
    fleets: Sequence[Fleet]

    @property
    def missed(self) -> list[str]:
        """The goals that are not met."""
        one, *others = self.fleets
        found = [f"CPU a host of {fleet} ({self.what})" for fleet in others if fleet.cpu_each > EACH * one.cpu_each]
        found += [f"requests a host of {fleet} ({self.what})" for fleet in others if fleet.requests_each > one.requests_each]
        return found + [f"wall of {fleet} ({self.what})" for fleet in others if any(_steeper(fleet, fewer) for fewer in others)]


def _steeper(fleet: Fleet, fewer: Fleet) -> bool:
    return fleet.forks == fewer.forks and fewer.hosts < fleet.hosts and fleet.wall / fewer.wall > STEEPER * fleet.hosts / fewer.hosts


def slope(what: str, shapes: Sequence[tuple[int, int]], repetitions: int, play: Play) -> Slope:
    """Runs of so many hosts and forks, which take turns."""
    taken: dict[tuple[int, int], list[tuple[Spent, int]]] = {shape: [] for shape in shapes}
    for number in range(1, repetitions + 1):
        for (hosts, forks), runs in taken.items():
            say(f"{what}: {hosts} hosts, {forks} forks, run {number} of {repetitions}")
            runs.append(play([f"lab{host}" for host in range(1, hosts + 1)], forks))
            if re.search("changed=[1-9]", runs[-1][0].out):
                raise RuntimeError(f"this run changed something:\n{runs[-1][0].out[-5000:]}")
    return Slope(what, [Fleet(hosts, forks, runs) for (hosts, forks), runs in taken.items()])


def recorded_run(site: Site) -> list[Exchange]:
    """What lab1 is asked and answers in a run without a change."""
    with recording("lab1") as exchanges:
        # The first run writes the kubeconfig with the address of who records.
        site.run()
        exchanges.clear()
        site.run()
    return exchanges


def lab_clusters(lab: Lab, site: Site, repetitions: int) -> Slope:
    """site.yml on real clusters."""

    def play(hosts: Sequence[str], forks: int) -> tuple[Spent, int]:
        lab.forget_requests()
        spent = site.run(hosts, {"ANSIBLE_FORKS": str(forks)})
        requests = lab.requests(site.caller)
        return spent, requests.reads + requests.writes

    say("first run of site.yml on four clusters")
    site.run([f"lab{number}" for number in range(1, 5)])
    return slope("site.yml on clusters of the lab", [(1, 5), (2, 5), (4, 5)], repetitions, play)


def recorded_clusters(folder: Path, lab: Lab, site: Site, exchanges: list[Exchange], sizes: Sequence[int] = (10, 100), forks: Sequence[int] = (50,)) -> Slope:
    """site.yml on clusters that answer as lab1 did in `exchanges`, against an emulated Azure that holds what the lab's does. What is written lies in
    `folder`.
    """
    clusters = RecordedClusters("lab1", exchanges)
    every = [f"lab{number}" for number in range(1, max(sizes) + 1)]
    with emulated(folder, clusters) as azure:
        azure.resume(lab.state)
        recorded = Recorded(exchanges, lambda host: clusters.names(azure.state.identities, host))
        with azure.served(recorded) as url:
            clusters.url, clusters.authority = url, azure.authority
            here = {
                "AZURE_CLOUD_ENVIRONMENT": azure.azure.arm_url,
                "REQUESTS_CA_BUNDLE": str(azure.authority),
                "SSL_CERT_FILE": str(azure.authority),
                "LAB_HOME": str(folder),
                "LAB_AZURE_PROXY": azure.public["HTTPS_PROXY"],
            }

            def play(hosts: Sequence[str], forks: int) -> tuple[Spent, int]:
                azure.forget_requests()
                recorded.begin()
                spent = site.run(hosts, {**here, "ANSIBLE_FORKS": str(forks)}, among=every)
                requests = azure_requests((asdict(entry) for entry in azure.requests), site.caller.object_id)
                return spent, requests.reads + requests.writes

            say(f"first run of roles aks and identity on {max(sizes)} hosts: their clusters need no more")
            (folder / "play.yml").write_text(yaml.safe_dump([PLAY]))
            site.run(every, {**here, "ANSIBLE_FORKS": str(max(forks))}, str(folder / "play.yml"))
            azure.fail(delay=LATENCY)
            shapes = [(1, min(forks)), *((size, each) for each in forks for size in sizes)]
            return slope(f"site.yml on recorded answers of one cluster of the lab, the emulated Azure {LATENCY:g} s late", shapes, 1, play)


def azure_part(folder: Path, collections: Path, sizes: Sequence[int] = (10, 100), forks: Sequence[int] = (5, 10, 50), latency: float = LATENCY) -> Slope:
    """Roles aks and identity of the collection that is installed in `collections`, against the emulated Azure alone: there are no clusters behind it. What is
    written lies in `folder`.
    """
    variables = {
        "ansible_python_interpreter": sys.executable,
        "aks_resource_group": RESOURCE_GROUP,
        "aks_create": True,
        "aks_location": LOCATION,
        "aks_registries": [{"name": REGISTRY, "resource_group": RESOURCE_GROUP}],
        "aks_kubeconfig": f"{folder}/kubeconfigs/{{{{ inventory_hostname }}}}",
        "identity_resource_group": RESOURCE_GROUP,
        "identity_vaults": [{"name": VAULT, "resource_group": RESOURCE_GROUP}],
    }
    (folder / "play.yml").write_text(yaml.safe_dump([PLAY]))
    (folder / "inventory").write_text("\n".join(["[clusters]", *(f"lab{number}" for number in range(1, max(sizes) + 1))]))
    words = [ANSIBLE_PLAYBOOK, "play.yml", "-i", "inventory", "-e", json.dumps(variables)]
    with emulated(folder, Backend()) as azure:
        environment: Mapping[str, str] = {**os.environ, **azure.environment, "ANSIBLE_COLLECTIONS_PATH": str(collections)}

        def play(hosts: Sequence[str], forks: int) -> tuple[Spent, int]:
            azure.forget_requests()
            spent = run([*words, "--limit", ",".join(hosts)], {**environment, "ANSIBLE_FORKS": str(forks)}, folder)
            requests = azure_requests((asdict(entry) for entry in azure.requests), OBJECT_ID)
            return spent, requests.reads + requests.writes

        say(f"first run of roles aks and identity on {max(sizes)} hosts")
        run(words, environment, folder)
        azure.fail(delay=latency)
        shapes = [(1, min(forks)), *((size, each) for each in forks for size in sizes)]
        return slope(f"roles aks and identity, the emulated Azure {latency:g} s late", shapes, 1, play)
