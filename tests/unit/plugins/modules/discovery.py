"""What an API server says of its kinds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def kind(name: str, plural: str, *, namespaced: bool, verbs: tuple[str, ...] = ("list", "get")) -> Json:
    return {"kind": name, "name": plural, "namespaced": namespaced, "verbs": verbs}


def items(*metadata: Json) -> Json:
    return {"kind": "PartialObjectMetadataList", "items": [{"metadata": each} for each in metadata] or None}


RELEASE = {"meta.helm.sh/release-name": "ratify", "meta.helm.sh/release-namespace": "trust"}


def point_at(kubeconfig: Path, port: int) -> None:
    kubeconfig.write_text(
        json.dumps(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                "users": [{"name": "u", "user": {}}],
            }
        )
    )
