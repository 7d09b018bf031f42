"""Prometheus inside the lab's cluster, with docs/monitoring/ as it is."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from lab.clusters import cluster
from lab.node.control import Node
from lab.pki import ClusterPki
from tests.support.prometheus import MONITORING, configuration, program

NAMESPACE = "gatekeeper-system"
API = "http://127.0.0.1:9090/api/v1"
ACCOUNT: dict[str, Any] = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "image-trust-prometheus"}}
ROLE: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "image-trust-prometheus"},
    "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}],
}
BINDING: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "image-trust-prometheus"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "image-trust-prometheus"},
    "subjects": [{"kind": "ServiceAccount", "name": "image-trust-prometheus", "namespace": "default"}],
}


def inside(*words: str | Path, folder: Path) -> list[str]:
    """A command in the cluster's node, where pods are reached by their addresses."""
    return Node(cluster("lab1")).command([str(word) for word in words], {"PATH": os.environ["PATH"]}, folder)


def ask(folder: Path, *paths: str) -> list[Any]:
    """The `data` of what Prometheus' API answers to each path, by one command for all; None where it refuses."""
    (folder / "asked").write_text("".join(f'url = "{API}/{path}"\noutput = "{folder}/answer-{number}"\n' for number, path in enumerate(paths)))
    subprocess.run(inside("curl", "--silent", "--globoff", "-K", folder / "asked", folder=folder), check=True, timeout=60)
    return [json.loads((folder / f"answer-{number}").read_text()).get("data") for number in range(len(paths))]


def query(expression: str) -> str:
    return f"query?query={quote(expression)}"


def targets(kube: Any) -> dict[str, list[dict[str, str]]]:
    """By job what Kubernetes' discovery would find of what runs, in Prometheus' words (role pod, and role endpoints for the API server)."""
    pods = [
        {
            "__address__": f"{pod['status']['podIP']}:{port['containerPort']}",
            "__meta_kubernetes_pod_name": pod["metadata"]["name"],
            "__meta_kubernetes_pod_phase": pod["status"]["phase"],
            "__meta_kubernetes_pod_container_port_number": str(port["containerPort"]),
            "__meta_kubernetes_pod_label_gatekeeper_sh_operation": pod["metadata"]["labels"].get("gatekeeper.sh/operation", ""),
            "__meta_kubernetes_pod_label_app_kubernetes_io_name": pod["metadata"]["labels"].get("app.kubernetes.io/name", ""),
        }
        for pod in kube.resources.get(api_version="v1", kind="Pod").get(namespace=NAMESPACE).to_dict()["items"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
    ]
    found = kube.resources.get(api_version="v1", kind="Endpoints").get(name="kubernetes", namespace="default").to_dict()
    api = [
        {
            "__address__": f"{address['ip']}:{port['port']}",
            "__meta_kubernetes_service_name": "kubernetes",
            "__meta_kubernetes_endpoint_port_name": port["name"],
        }
        for subset in found["subsets"]
        for address in subset["addresses"]
        for port in subset["ports"]
    ]
    return {"gatekeeper": pods, "ratify": pods, "apiserver": api}


@contextmanager
def account(kube: Any) -> Iterator[str]:
    """A token that may read metrics, and nothing else."""
    made = [(kube.resources.get(api_version=each["apiVersion"], kind=each["kind"]), each) for each in (ACCOUNT, ROLE, BINDING)]
    try:
        for resource, body in made:
            resource.create(body=body, **({"namespace": "default"} if body is ACCOUNT else {}))
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
        path = "/api/v1/namespaces/default/serviceaccounts/image-trust-prometheus/token"
        yield kube.request("post", path, body=request).to_dict()["status"]["token"]
    finally:
        for resource, body in made:
            resource.delete(name=body["metadata"]["name"], **({"namespace": "default"} if body is ACCOUNT else {}))


@contextmanager
def prometheus(kube: Any, folder: Path) -> Iterator[None]:
    """One that has scraped everything some times, and judged the alerts."""
    written = configuration(targets(kube))
    written["global"] = {"scrape_interval": "2s", "evaluation_interval": "2s"}
    written["rule_files"] = [str(MONITORING / "alerts.yml")]
    (api,) = (job for job in written["scrape_configs"] if job["job_name"] == "apiserver")
    # It answers with five megabytes, from which these few are taken.
    api["scrape_interval"] = api["scrape_timeout"] = "8s"
    api["authorization"]["credentials_file"], api["tls_config"]["ca_file"] = str(folder / "token"), str(ClusterPki(cluster("lab1")).folder / "ca.crt")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(written))
    words = ("--config.file", folder / "prometheus.yml", "--storage.tsdb.path", folder / "data", "--web.listen-address", "127.0.0.1:9090", "--log.level=error")
    with account(kube) as token, (folder / "log").open("w") as log:
        (folder / "token").write_text(token)
        # nsenter passes no signal on; when it ends, this does.
        command = inside("setpriv", "--pdeathsig", "TERM", program("prometheus"), *words, folder=folder)
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait(folder, process)
            yield
        finally:
            process.terminate()
            process.wait(30)


def _wait(folder: Path, process: subprocess.Popen[bytes], seconds: float = 180) -> None:
    """Until each target was read twice, and each rule was judged after that."""
    deadline, complete, seen = time.monotonic() + seconds, float("inf"), ""
    while time.monotonic() < deadline:
        assert process.poll() is None, (folder / "log").read_text()
        time.sleep(1)
        try:
            found, active, rules = ask(folder, query("count(sum_over_time(up[1m]) >= 2)"), "targets?state=active", "rules")
        except subprocess.CalledProcessError:
            continue
        if found["result"] and int(found["result"][0]["value"][1]) == len(active["activeTargets"]):
            complete = min(complete, float(found["result"][0]["value"][0]))
        judged = [(rule["health"], datetime.fromisoformat(rule["lastEvaluation"]).timestamp()) for group in rules["groups"] for rule in group["rules"]]
        seen = f"{found} {judged}"
        if all(health == "ok" and at > complete for health, at in judged):
            return
    raise TimeoutError(f"Prometheus has not read everything within {seconds:.0f} s: {seen} {(folder / 'log').read_text()}")
