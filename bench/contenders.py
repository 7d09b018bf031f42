"""The walk-through and site.yml on a lab: how each is run, and what is counted of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.commands import ANSIBLE_PLAYBOOK, Spent, run
from bench.counting import Task, administrators_requests, azure_requests, commands, tasks
from bench.measurements import Requests
from lab import cli, seed, services
from lab.azure import state
from lab.azure.state import ServicePrincipal
from lab.build import charts, tools
from lab.clusters import cluster
from lab.config import CERTIFICATE, LOCATION, REGISTRY, REPOSITORY, RESOURCE_GROUP, SUBSCRIPTION, TENANT, VAULT, home
from lab.errors import LabError
from tests.support.azure_cli import Az, azure_cli
from tests.support.environments import ROOT

SCRIPT = Path(__file__).with_name("walkthrough.sh")
CLUSTER = "walkthrough"
"""Name of the script's cluster; those of site.yml are lab1, lab2 and so on."""
TELLING = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
"""Environment in which Ansible prints what bench.counting.tasks reads."""


class Lab:
    """The running lab, and what it has counted."""

    def __init__(self) -> None:
        self.environment = cli.environment()
        kept = self.state
        if kept.clusters:
            raise LabError("the lab has clusters already, so that no first run can be measured; run `python -m lab down --delete` and `python -m lab up`")
        self.owner, self.controller = kept.service_principals[seed.OWNER], kept.service_principals[seed.CONTROLLER]

    @property
    def state(self) -> state.State:
        """What its Azure holds now."""
        kept = state.load(home() / "azure/state.json")
        assert kept
        return kept

    def forget_requests(self) -> None:
        with services.client() as http:
            http.delete("/lab/requests").raise_for_status()

    def requests(self, caller: ServicePrincipal) -> Requests:
        """Of a client to Azure, since they were forgotten."""
        with services.client() as http:
            return azure_requests(http.get("/lab/requests").raise_for_status().json()["requests"], caller.object_id)

    def cluster_requests(self, name: str) -> int:
        """Of administrators to the API server of a cluster, since its start; with this one."""
        kubectl = [str(tools.program("kubectl")), f"--kubeconfig={cluster(name).kubeconfig}", "get", "--raw", "/metrics"]
        return administrators_requests(subprocess.run(kubectl, capture_output=True, text=True, check=True).stdout)


class Walkthrough:
    """The script, run by Microsoft's az and the lab's helm and kubectl, on a cluster of its own."""

    title, cluster = "walk-through", CLUSTER

    def __init__(self, lab: Lab, folder: Path) -> None:
        az = Az(azure_cli(), folder, lab.environment)
        az.sign_in(lab.owner.client_id, lab.owner.secret)
        self.caller, self._folder = lab.owner, folder
        self._environment = {
            **az.environment,
            "PATH": f"{az.program.parent}:{lab.environment['PATH']}",
            "SSL_CERT_FILE": lab.environment["SSL_CERT_FILE"],
            "SUBSCRIPTION": SUBSCRIPTION,
            "TENANT": TENANT,
            "GROUP": RESOURCE_GROUP,
            "LOCATION": LOCATION,
            "CLUSTER": CLUSTER,
            "IDENTITY": f"ratify-{CLUSTER}",
            "REGISTRY": REGISTRY,
            "VAULT": VAULT,
            "CERTIFICATE": CERTIFICATE,
            "NAMESPACE": "gatekeeper-system",
            "GATEKEEPER_CHARTS": f"{services.URL}/charts/gatekeeper",
            "GATEKEEPER_VERSION": default("gatekeeper", "gatekeeper_chart_version"),
            "RATIFY_CHARTS": f"{services.URL}/charts/ratify",
            "RATIFY_VERSION": default("ratify", "ratify_chart_version"),
            # Of the Ratify that the chart installs.
            "POLICY": str(tools.module_folder(charts.RATIFY.family, charts.RATIFY.module) / "library/default"),
            "SIGNED": f"{seed.LOGIN_SERVER}/{REPOSITORY}:signed",
            "UNSIGNED": "nginx:latest",
        }

    def run(self) -> Spent:
        return run(["bash", str(SCRIPT)], self._environment, self._folder)

    def commands(self) -> int:
        """How many a run takes: by another run."""
        return commands(run(["bash", "-x", str(SCRIPT)], self._environment, self._folder).err)


class Site:
    """site.yml on clusters of the lab, by the lab's own inventory, of the collection as it is installed in `collections`."""

    title = "site.yml"

    def __init__(self, lab: Lab, folder: Path, collections: Path) -> None:
        self.caller, self._folder = lab.controller, folder
        self._environment = {**os.environ, **lab.environment, "ANSIBLE_COLLECTIONS_PATH": str(collections)}
        self._more = folder / "more"

    def run(
        self,
        hosts: Sequence[str] = ("lab1",),
        environment: Mapping[str, str] | None = None,
        playbook: str = "image_trust.azure.site",
        among: Sequence[str] = (),
        **variables: Any,
    ) -> Spent:
        """A run on these hosts of an inventory that has those of `among` too."""
        self._more.write_text("\n".join(["[clusters]", *hosts, *among]))
        inventories = ["-i", str(ROOT / "inventories/lab"), "-i", str(self._more), "--limit", ",".join(hosts)]
        words = [ANSIBLE_PLAYBOOK, playbook, *inventories, "-e", json.dumps(variables)]
        return run(words, {**self._environment, **(environment or {})}, self._folder)

    def first(self) -> tuple[Spent, list[Task]]:
        """The first run, and its tasks."""
        spent = self.run(environment=TELLING)
        return spent, tasks(spent.out)

    def counted(self) -> tuple[int, int]:
        """How many tasks a run on one cluster has, and how many processes of modules: by another run."""
        kept = self._folder / "kept"
        spent = self.run(environment={**TELLING, "ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_REMOTE_TEMP": str(kept)})
        return len(tasks(spent.out)), len(list(kept.glob("*/AnsiballZ_*.py")))


def default(role: str, variable: str) -> str:
    """Default of a role's variable."""
    return str(yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text())[variable])
