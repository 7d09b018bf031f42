"""A namespace with workloads, and what is done to them by kubectl."""

from __future__ import annotations

import time
from typing import Any

from .changes import WEBHOOK
from .pods import pod

Json = dict[str, Any]
MUTATING = {**WEBHOOK, "kind": "MutatingWebhookConfiguration", "metadata": {"name": "gatekeeper-mutating-webhook-configuration"}}
VERSIONS = {"Pod": "v1", "CronJob": "batch/v1"}
MERGE = "application/merge-patch+json"


def no_pods(item: Json) -> None:
    item["webhooks"][0]["objectSelector"] = {"matchLabels": {"nobody": "has-this"}}


def deployment(name: str, image: str, replicas: int) -> Json:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {**pod(image)["spec"], "nodeSelector": {"no": "node"}}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def operated(image: str) -> Json:
    body = pod(image, name="operated")
    body["spec"]["nodeSelector"] = {"no": "node"}
    return body


class Namespace:
    """A namespace with such workloads."""

    def __init__(self, kube: Any, name: str) -> None:
        self.kube, self.name = kube, name

    def kind(self, kind: str) -> Any:
        return self.kube.resources.get(api_version=VERSIONS.get(kind, "apps/v1"), kind=kind)

    def create(self, body: Json) -> None:
        self.kind(body["kind"]).create(namespace=self.name, body=body)

    def patch(self, kind: str, name: str, body: Json) -> Any:
        return self.kind(kind).patch(namespace=self.name, name=name, body=body, content_type=MERGE)

    def pods(self, app: str) -> list[Any]:
        return list(self.kind("Pod").get(namespace=self.name, label_selector=f"app={app}").items)

    def replica_sets(self, app: str) -> list[Any]:
        return list(self.kind("ReplicaSet").get(namespace=self.name, label_selector=f"app={app}").items)

    def operate(self, image: str, rounds: int = 5) -> int:
        """An operator asks for the pod `operated` of this image, compares it with the existing one, and recreates it where they differ; how often it did."""
        made = 0
        for _round in range(rounds):
            found = [each for each in self.kind("Pod").get(namespace=self.name).items if each.metadata.name == "operated"]
            if not found or found[0].spec.containers[0].image != image:
                if found:
                    self.kind("Pod").delete(namespace=self.name, name="operated", grace_period_seconds=0)
                self.create(operated(image))
                made += 1
        return made

    def wait_for_pods(self, app: str, number: int) -> None:
        deadline = time.monotonic() + 30
        while len(self.pods(app)) != number:
            assert time.monotonic() < deadline, f"{app} has {len(self.pods(app))} pods and not {number}"
            time.sleep(0.5)
