"""What a run did, from what the emulated Azure, the API server, Ansible and bash have written down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench.measurements import Requests

PROGRAMS = ("az", "helm", "kubectl")


@dataclass(frozen=True)
class Task:
    """A task of Ansible that ran, on however many hosts: its name, its module, and the seconds that it took."""

    name: str
    module: str
    seconds: float


def azure_requests(log: Iterable[Mapping[str, Any]], caller: str) -> Requests:
    """Requests of a client outside the clusters whose object id is `caller`, from the log of the emulated Azure. What clusters ask is none of them, nor are
    charts, the description of the cloud, and what is asked before a token is sent.
    """
    reads = writes = logins = 0
    for entry in log:
        if entry["listener"] == "outside" and entry["method"] == "POST" and entry["path"].endswith("/token"):
            logins += 1
        elif entry["principal"] == caller and (entry["method"] == "GET" or entry["path"].lower().endswith("/listclusterusercredential")):
            reads += 1
        elif entry["principal"] == caller:
            writes += 1
    return Requests(reads, writes, logins)


def administrators_requests(metrics: str) -> int:
    """Requests of members of `system:masters` since the API server's start, from its /metrics: those that its flow schema `exempt` has let through.

    https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
    """
    found = re.search(r'^apiserver_flowcontrol_dispatched_requests_total\{flow_schema="exempt",priority_level="exempt"\} (\S+)$', metrics, re.M)
    if not found:
        raise ValueError("the API server does not count the requests of its flow schema exempt")
    return int(float(found[1]))


def commands(trace: str) -> int:
    """How many commands of Azure's, Helm's and Kubernetes' command lines a script has run, from what `bash -x` prints."""
    return len(re.findall(rf"^\++ (?:{'|'.join(PROGRAMS)}) ", trace, re.M))


def tasks(printed: str) -> list[Task]:
    """The tasks of a run that no host skipped altogether, in their order, from what the callback ansible.posix.json prints."""
    found = re.search(r"^\{.*^\}", printed, re.M | re.S)
    if not found:
        raise ValueError("the callback ansible.posix.json has printed nothing")
    results = [task for play in json.loads(found[0])["plays"] for task in play["tasks"]]
    return [_task(result) for result in results if not all(host.get("skipped") for host in result["hosts"].values())]


def _task(result: Mapping[str, Any]) -> Task:
    began, ended = (datetime.fromisoformat(result["task"]["duration"][each]) for each in ("start", "end"))
    module = next((host["action"] for host in result["hosts"].values() if "action" in host), "")
    return Task(result["task"]["name"].rpartition(" : ")[2], module, (ended - began).total_seconds())
