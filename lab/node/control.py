"""A node from outside: start, stop, wait for, enter, ask its API."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from lab import pki
from lab.build import tools
from lab.config import AZURE_PORT, Cluster
from lab.daemon import ROOT, Daemon
from lab.errors import LabError
from lab.locks import locked
from lab.node import cgroups
from lab.node.processes import Processes
from lab.progress import say, wait_for


def lab_environment() -> dict[str, str]:
    """Environment for the lab's own processes: where things are, and nothing else of the caller's."""
    kept = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "LAB_HOME", "LAB_PATIENCE", "LAB_KUBERNETES") if name in os.environ}
    return {**kept, "PATH": tools.search_path(), "PYTHONPATH": str(ROOT), "LAB_AZURE_PORT": str(AZURE_PORT), "LANG": "C.UTF-8"}


class Node:
    """One real node, whether it runs or not."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.outer = Daemon(cluster.folder, "node")

    @property
    def init_file(self) -> Path:
        """Holds the process id of the node's process 1."""
        return self.cluster.folder / "init.pid"

    @property
    def url(self) -> str:
        """Of the Kubernetes API."""
        return f"https://127.0.0.1:{self.cluster.api_port}"

    def administrator(self) -> ssl.SSLContext:
        """Trusts the API server, and shows it an administrator's certificate."""
        keys = pki.ClusterPki(self.cluster).folder
        trust = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        trust.load_cert_chain(keys / "admin.crt", keys / "admin.key")
        return trust

    @property
    def running(self) -> bool:
        return self.outer.pid() is not None

    @property
    def has_run(self) -> bool:
        """Whether there is something stored to go on from."""
        return (self.cluster.folder / "etcd").exists()

    @property
    def crashed(self) -> bool:
        """Whether it exited without having been stopped; its log says why."""
        return not self.running and self.init_file.exists()

    def start(self) -> bool:
        """Begin to boot; False where it already runs. Needs programs, charts and images (the first two fail with LabError where they are missing)."""
        with locked(self.cluster.folder / ".lock"):
            if self.running:
                return False
            pki.bundle()
            pki.ClusterPki(self.cluster).make()
            self.init_file.unlink(missing_ok=True)
            return self.outer.start((sys.executable, "-m", "lab.node", self.cluster.name, str(self.cluster.index)), lab_environment())

    def wait(self, seconds: float = 120) -> None:
        """Return when this life of the node is Ready and pods can be made. LabError names what is missing, or which component ended."""
        name = self.cluster.name

        def alive() -> None:
            if not self.running:
                raise LabError(f"cluster {name} has stopped:\n{self.outer.tail(25)}")

        def ready() -> bool:
            return self._ready() and self._get("/api/v1/namespaces/default/serviceaccounts/default") is not None

        wait_for(f"cluster {name} is Ready", ready, seconds, alive)

    def wait_for_pods(self, seconds: float = 120) -> None:
        """Return when every pod that was there before has come back. One that does not in time is named on a line of progress and left to its owner."""
        try:
            wait_for("pods", lambda: not self.pods_missing(), seconds, interval=0.5)
        except LabError:
            say(f"{self.cluster.name}: not ready in time: {', '.join(self.pods_missing())}")

    def pods_missing(self) -> list[str]:
        """Pods (`namespace/name`) that should run here and whose containers have not all become ready since the node was started."""
        began = self._began()
        pods = (self._get("/api/v1/pods") or {"items": []})["items"]
        return sorted(f"{p['metadata']['namespace']}/{p['metadata']['name']}" for p in pods if not _came_back(p, began))

    def stop(self) -> None:
        """Kill the node; returns when nothing of it is left but its folder."""
        self.outer.stop()
        cgroups.remove(self.cluster.cgroup)
        self.init_file.unlink(missing_ok=True)

    def delete(self) -> None:
        """Stop it and forget what it stored."""
        self.stop()
        shutil.rmtree(self.cluster.folder, ignore_errors=True)

    def command(self, argv: Sequence[str], environment: Mapping[str, str], folder: Path) -> list[str]:
        """Command that runs `argv` inside the node's namespaces, in `folder`, with kubectl's configuration. LabError where the node does not run."""
        if not self.running or not self.init_file.exists():
            raise LabError(f"cluster {self.cluster.name} does not run; run `python -m lab up`")
        inside = {**environment, "KUBECONFIG": f"{pki.ClusterPki(self.cluster).folder}/admin.kubeconfig", "PATH": tools.search_path()}
        enter = ["nsenter", "--target", self.init_file.read_text(), "--mount", "--net", "--uts", "--ipc", "--pid", "--cgroup", "--"]
        return [*enter, "env", f"--chdir={folder}", *(f"{name}={value}" for name, value in inside.items()), *argv]

    def signal(self, component: str, number: signal.Signals) -> None:
        """Send a signal to a component of the node, such as `coredns`. One that ends by it ends the node; LabError where the node does not run."""
        kill = self.command(["kill", f"-{number.value}", Processes(self.cluster).pid(component)], {}, Path("/"))
        subprocess.run(kill, check=True, capture_output=True)

    def restart(self, component: str) -> None:
        """Kill a component, as a crash would; the node starts it again at once."""
        Processes(self.cluster).start_again(component)
        self.signal(component, signal.SIGKILL)

    def get(self, path: str) -> Any:
        """JSON that the Kubernetes API answers to GET `path`. LabError where it answers something else or not at all."""
        answer = self._get(path)
        if answer is None:
            raise LabError(f"the Kubernetes API of cluster {self.cluster.name} does not answer {path}")
        return answer

    def dry_run(self, path: str, body: Mapping[str, Any]) -> Any:
        """The object that a POST to `path` would create, as admission leaves it; None where it is refused or no API server answers."""
        return self._ask("POST", path, params={"dryRun": "All"}, json=dict(body))

    def apply(self, path: str, body: Mapping[str, Any]) -> None:
        """Make the object at `path` be as `body` says. LabError where it is refused or no API server answers."""
        headers = {"Content-Type": "application/apply-patch+yaml"}
        if self._ask("PATCH", path, params={"fieldManager": "lab", "force": "true"}, content=json.dumps(dict(body)), headers=headers) is None:
            raise LabError(f"the Kubernetes API of cluster {self.cluster.name} does not take {path}")

    def delete_object(self, path: str) -> None:
        """Make the object at `path` not exist."""
        self._ask("DELETE", path)

    def accepts(self, token: str) -> bool:
        """Whether the Kubernetes API knows who the bearer of `token` is."""
        keys = pki.ClusterPki(self.cluster).folder
        trust = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        with httpx.Client(base_url=self.url, verify=trust, timeout=5, trust_env=False) as http:
            answer = http.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", headers={"Authorization": f"Bearer {token}"}, json=review)
        return answer.is_success

    def _get(self, path: str) -> Any:
        return self._ask("GET", path)

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        try:
            answer = self._api.request(method, path, **request)
        except httpx.HTTPError:
            return None
        return answer.json() if answer.is_success else None

    @cached_property
    def _api(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, verify=self.administrator(), timeout=5, trust_env=False)

    def _began(self) -> float:
        """When this life began, in whole seconds since the epoch, as Kubernetes writes times."""
        return float(int(self.init_file.stat().st_mtime)) if self.init_file.exists() else time.time()

    def _ready(self) -> bool:
        node = self._get(f"/api/v1/nodes/{self.cluster.name}")
        conditions = {c["type"]: c for c in node["status"].get("conditions", [])} if node else {}
        ready = conditions.get("Ready")
        # What an earlier life of the node reported does not count.
        return ready is not None and ready["status"] == "True" and _seconds(ready["lastHeartbeatTime"]) >= self._began()


def _came_back(pod: dict[str, Any], began: float) -> bool:
    """Whether there is nothing to wait for: the pod is ready in this life of the node, has done its work, or never could run."""
    states = pod["status"].get("containerStatuses", [])
    no_image = any(container["state"].get("waiting", {}).get("reason") in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName") for container in states)
    if pod["status"]["phase"] in ("Succeeded", "Failed") or "nodeName" not in pod["spec"] or no_image:
        return True
    started = [container["state"].get("running", {}).get("startedAt") for container in states]
    return bool(states) and all(container["ready"] for container in states) and all(at and _seconds(at) >= began for at in started)


def _seconds(time_text: str) -> float:
    return datetime.fromisoformat(time_text).timestamp()
