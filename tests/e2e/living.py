"""What a team has in a cluster before site.yml, and does with it every day, by kubectl and helm as teams do it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab.build import tools
from lab.clusters import cluster
from lab.config import OTHER_REPOSITORY, REGISTRY
from lab.node.control import Node

from .pods import pod

Json = dict[str, Any]
CHAINED = f"{REGISTRY}.azurecr.io/{OTHER_REPOSITORY}:chained"
"""Another signed image."""
KINDS = "deployments,replicasets,statefulsets,daemonsets,jobs,cronjobs,horizontalpodautoscalers,pods"
CALM = 2.5
"""Seconds without a change after which an operation has had its effect: a controller that does not find what it made makes it again at once."""

RELEASED = '{"metadata": {"finalizers": null}}'


@dataclass(frozen=True)
class Said:
    """What a command ended with."""

    returncode: int
    text: str


@dataclass(frozen=True)
class Team:
    """A team with a namespace, in which all is made of one image, named by its tag."""

    namespace: str
    image: str
    folder: Path

    def run(self, program: str, *words: str, given: Any = None) -> Said:
        """kubectl or helm as administrator of the cluster, in the namespace; `given` is a manifest for -f -."""
        environment = {**os.environ, "KUBECONFIG": str(cluster("lab1").kubeconfig), "HOME": str(self.folder)}
        command = [str(tools.program(program)), "-n", self.namespace, *words]
        text = None if given is None else json.dumps(given)
        done = subprocess.run(command, env=environment, input=text, capture_output=True, text=True, timeout=180, check=False)
        return Said(done.returncode, done.stdout + done.stderr)

    def kubectl(self, *words: str, given: Any = None) -> Said:
        return self.run("kubectl", *words, given=given)

    def done(self, *words: str, given: Any = None) -> None:
        said = self.kubectl(*words, given=given)
        assert said.returncode == 0, said.text

    def settle_in(self) -> None:
        """The namespace with all that the team has, running."""
        self.leave()
        self.done("create", "namespace", self.namespace)
        self.done("apply", "-f", "-", given=self.applied())
        self.done("apply", "--server-side", "--field-manager=gitops", "-f", "-", given=self.from_git())
        assert self.helm().returncode == 0
        self.calm()

    def leave(self) -> None:
        """Whatever is left of the team goes."""
        self.kubectl("patch", "pod", "kept", "--type=merge", "-p", RELEASED)
        self.done("delete", "namespace", self.namespace, "--ignore-not-found", "--timeout=60s")

    def applied(self) -> Json:
        return {"apiVersion": "v1", "kind": "List", "items": [*self._pods(), *self._workloads()]}

    def from_git(self) -> Json:
        return self._deployment("from-git")

    def helm(self) -> Said:
        """Install or upgrade the team's own chart."""
        chart = self.folder / self.namespace
        (chart / "templates").mkdir(parents=True, exist_ok=True)
        (chart / "Chart.yaml").write_text(yaml.safe_dump({"apiVersion": "v2", "name": "web", "version": "1.0.0"}))
        (chart / "templates/web.yaml").write_text(yaml.safe_dump(self._deployment("from-chart")))
        return self.run("helm", "upgrade", "--install", "web", str(chart), "--wait", "--timeout", "60s")

    def _labels(self, app: str) -> dict[str, str]:
        return {"app": app, "team": self.namespace}

    def _template(self, app: str, **spec: Any) -> Json:
        return {"metadata": {"labels": self._labels(app)}, "spec": {**pod(self.image)["spec"], **spec}}

    def _object(self, version: str, kind: str, name: str, **spec: Any) -> Json:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}

    def _deployment(self, name: str, **spec: Any) -> Json:
        return self._object("apps/v1", "Deployment", name, selector={"matchLabels": {"app": name}}, template=self._template(name), **spec)

    def _pods(self) -> list[Json]:
        return [
            pod(self.image, name="lone", labels=self._labels("lone")),
            pod(self.image, name="kept", labels=self._labels("kept"), finalizers=["example.com/kept"]),
        ]

    def _workloads(self) -> list[Json]:
        selected = {"selector": {"matchLabels": {"app": "store"}}, "serviceName": "store"}
        once = {"template": self._template("once", restartPolicy="OnFailure")}
        return [
            self._deployment("web", replicas=2),
            self._deployment("idle", replicas=0),
            # No replicas, as the autoscaler's documentation asks for.
            self._deployment("auto"),
            self._object("autoscaling/v2", "HorizontalPodAutoscaler", "auto", minReplicas=1, maxReplicas=3, scaleTargetRef=_target("auto")),
            self._object("apps/v1", "StatefulSet", "store", **selected, template=self._template("store")),
            self._object("apps/v1", "DaemonSet", "agent", selector={"matchLabels": {"app": "agent"}}, template=self._template("agent")),
            self._object("batch/v1", "Job", "once", **once),
            self._object("batch/v1", "CronJob", "nightly", schedule="0 3 1 1 *", jobTemplate={"spec": once}),
        ]

    def items(self) -> list[Json]:
        said = self.kubectl("get", KINDS, "-o", "json")
        assert said.returncode == 0, said.text
        return list(json.loads(said.text)["items"])

    def calm(self, seconds: float = 60) -> list[Json]:
        """The objects once nothing has changed for a while and nothing is on its way, or after so many seconds."""
        deadline, since, before = time.monotonic() + seconds, time.monotonic(), None
        while True:
            found = self.items()
            now = {item["metadata"]["uid"]: item["metadata"]["resourceVersion"] for item in found}
            since = since if now == before else time.monotonic()
            if (time.monotonic() - since > CALM and not any(map(_on_its_way, found))) or time.monotonic() > deadline:
                return found
            before = now
            time.sleep(0.5)


def _target(name: str) -> Json:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}


def _on_its_way(item: Json) -> bool:
    status = item.get("status") or {}
    if "deletionTimestamp" in item["metadata"]:
        return not item["metadata"].get("finalizers")
    if item["kind"] == "Pod":
        return status["phase"] == "Pending" or (status["phase"] == "Running" and not all(each["ready"] for each in status["containerStatuses"]))
    if item["kind"] in ("Deployment", "StatefulSet"):
        return bool(item["spec"]["replicas"] != status.get("readyReplicas", 0) or item["metadata"]["generation"] != status.get("observedGeneration"))
    return False


@dataclass
class Seen:
    """What came of an operation: how the command ended, and the objects, compared with those before."""

    returncode: int
    workloads: dict[str, Any] = field(default_factory=dict)
    """By kind and name: repositories of the template's images, and by how much the generation grew."""
    replica_sets: dict[str, int] = field(default_factory=dict)
    pods: dict[str, list[Any]] = field(default_factory=dict)
    """By app: repository of each container, restarts since, phase, whether the pod is an old one."""
    text: str = field(default="", compare=False)


def look(before: list[Json], after: list[Json], said: Said) -> Seen:
    known = {item["metadata"]["uid"]: item for item in before}
    seen = Seen(said.returncode, text=said.text)
    for item in after:
        old = known.get(item["metadata"]["uid"])
        if item["kind"] == "Pod":
            seen.pods.setdefault(item["metadata"]["labels"].get("app", ""), []).append(
                (_repositories(item["spec"]), _restarts(item) - (_restarts(old) if old else 0), item["status"]["phase"], bool(old))
            )
        elif item["kind"] == "ReplicaSet":
            app = item["metadata"]["labels"]["app"]
            seen.replica_sets[app] = seen.replica_sets.get(app, 0) + 1
        elif item["kind"] != "HorizontalPodAutoscaler":
            grown = item["metadata"]["generation"] - (old["metadata"]["generation"] if old else 0)
            seen.workloads[f"{item['kind']} {item['metadata']['name']}"] = (_repositories(_pod_spec(item)), grown)
    for found in seen.pods.values():
        found.sort()
    return seen


def _pod_spec(item: Json) -> Json:
    if item["kind"] == "CronJob":
        item = item["spec"]["jobTemplate"]
    return dict(item["spec"]["template"]["spec"])


def images(spec: Json) -> list[str]:
    return [container["image"] for kind in ("initContainers", "containers", "ephemeralContainers") for container in spec.get(kind, [])]


def _repositories(spec: Json) -> list[str]:
    return [image.partition("@")[0].rpartition("/")[2].partition(":")[0] for image in images(spec)]


def _restarts(item: Json) -> int:
    return sum(each["restartCount"] for each in item["status"].get("containerStatuses", []))


THE_NODE = object()
"""Stands for an operation on the node, which all teams share."""


def restart_the_node() -> Said:
    node = Node(cluster("lab1"))
    node.stop()
    node.start()
    node.wait()
    node.wait_for_pods()
    return Said(0, "")


def drain(team: Team) -> Said:
    """The node is drained of the team's pods that controllers make again, and is let in again."""
    node = json.loads(team.kubectl("get", "nodes", "-o", "json").text)["items"][0]["metadata"]["name"]
    said = team.kubectl("drain", node, f"--pod-selector=team={team.namespace},app in (web,store,from-git,from-chart)", "--ignore-daemonsets", "--timeout=60s")
    team.done("uncordon", node)
    return said


def end_the_job(team: Team) -> Said:
    """Its program ends by itself."""
    # What kills the first process of a container may end with it.
    team.kubectl("exec", "job/once", "--", "/bin/busybox", "kill", "1")
    return team.kubectl("wait", "job/once", "--for=condition=complete", "--timeout=60s")


def let_go(team: Team) -> Said:
    """A pod is deleted, and what kept it lets it go."""
    team.done("delete", "pod", "kept", "--wait=false")
    return team.kubectl("patch", "pod", "kept", "--type=merge", "-p", RELEASED)


def autoscale(team: Team) -> Said:
    """The autoscaler looks every 15 seconds."""
    team.done("patch", "hpa", "auto", "-p", '{"spec":{"minReplicas":2}}')
    return team.kubectl("wait", "deployment/auto", "--for=jsonpath={.spec.replicas}=2", "--timeout=60s")


def _commands(*words: str) -> Any:
    return lambda team: team.kubectl(*words)


ADDS_NO_IMAGE: Mapping[str, Any] = {
    "all is applied again unchanged": lambda team: team.kubectl("apply", "-f", "-", given=team.applied()),
    "a pod is labelled": _commands("label", "pod", "lone", "shelf=a"),
    "a pod is annotated": _commands("annotate", "pod", "lone", "note=a"),
    "workloads are labelled": _commands("label", "deployments,statefulsets,daemonsets,jobs,cronjobs,replicasets", "--all", "shelf=a"),
    "a Deployment is scaled down": _commands("scale", "deployment/web", "--replicas=1"),
    "a Deployment is scaled to nothing": _commands("scale", "deployment/from-chart", "--replicas=0"),
    "a controller of GitOps sees no difference": lambda team: team.kubectl("diff", "--server-side", "--field-manager=gitops", "-f", "-", given=team.from_git()),
    "a controller of GitOps applies again": lambda team: team.kubectl("apply", "--server-side", "--field-manager=gitops", "-f", "-", given=team.from_git()),
    "a Job ends": end_the_job,
    "a CronJob is suspended": _commands("patch", "cronjob", "nightly", "-p", '{"spec":{"suspend":true}}'),
    "the node starts again": THE_NODE,
    "a pod with a finalizer goes": let_go,
}
"""What is done every day with existing workloads, signed or not."""

ADDS_IMAGES: Mapping[str, Any] = {
    "a Deployment is scaled up": _commands("scale", "deployment/web", "--replicas=3"),
    "a Deployment at zero is scaled up": _commands("scale", "deployment/idle", "--replicas=1"),
    "the autoscaler scales": autoscale,
    "a StatefulSet is scaled up": _commands("scale", "statefulset/store", "--replicas=2"),
    "all is rolled out again": _commands("rollout", "restart", "deployment/web", "statefulset/store", "daemonset/agent"),
    "a CronJob's Job is created": _commands("create", "job", "now", "--from=cronjob/nightly"),
    "helm upgrades the same release": lambda team: team.helm(),
    "the node is drained": drain,
    "a pod is debugged": lambda team: team.kubectl("debug", "lone", f"--image={team.image}", "--container=debugger", "--", "/bin/busybox", "sleep", "1"),
}
"""What makes new pods of the image that is there already."""

OTHER_IMAGE: Mapping[str, Any] = {
    "another signed image": _commands("set", "image", "deployment/web", f"it={CHAINED}"),
    "the roll-out is undone": _commands("rollout", "undo", "deployment/web"),
}
END: Mapping[str, Any] = {
    "workloads are deleted": _commands("delete", "deployments,statefulsets,daemonsets,jobs,cronjobs", "--all"),
    "the namespace is deleted": lambda team: team.kubectl("delete", "namespace", team.namespace, "--timeout=60s"),
}


def do(operation: Any, *teams: Team) -> list[Seen]:
    """Let the teams do it at the same time, and see what came of it for each."""
    with ThreadPoolExecutor(len(teams)) as pool:
        before = list(pool.map(Team.items, teams))
        said = [restart_the_node()] * len(teams) if operation is THE_NODE else list(pool.map(operation, teams))
        after = list(pool.map(Team.calm, teams))
    return [look(*each) for each in zip(before, after, said, strict=True)]
