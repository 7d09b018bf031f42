"""What can be broken, and what breaking it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.node.control import Node
from tests.e2e.conftest import Lab

NAMESPACE = "gatekeeper-system"
GATEKEEPER = "gatekeeper-controller-manager"
RATIFY = "ratify"
MERGE = "application/merge-patch+json"


@dataclass
class World:
    """What can be broken. What is put into `afterwards` is restored when the cluster has recovered."""

    lab: Lab
    kube: Any
    node: Node
    folder: Path
    afterwards: ExitStack = field(default_factory=ExitStack)

    def objects(self, version: str, kind: str) -> Any:
        return self.kube.resources.get(api_version=version, kind=kind)

    def patch(self, version: str, kind: str, name: str, body: Mapping[str, Any], namespace: str | None = NAMESPACE) -> Any:
        return self.objects(version, kind).patch(name=name, namespace=namespace, body=body, content_type=MERGE)

    def pods(self, deployment: str) -> list[Any]:
        found = self.objects("apps/v1", "Deployment").get(name=deployment, namespace=NAMESPACE)
        labels = ",".join(f"{key}={value}" for key, value in found.spec.selector.matchLabels.to_dict().items())
        return list(self.objects("v1", "Pod").get(namespace=NAMESPACE, label_selector=labels).items)


Felt = Callable[[], bool]
"""Whether a fault has been felt, for those that no client would notice otherwise."""
Break = Callable[[World], AbstractContextManager[Felt]]
"""Inside whose block a fault is there."""


def processes(pod: Any) -> list[int]:
    """Ids, on the machine, of the processes of a pod."""
    found = [int(file.parent.name) for file in Path("/proc").glob("[0-9]*/cgroup") if f"pod{pod.metadata.uid}" in _read(file)]
    assert found
    return found


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
