# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What a Helm release has made, by its record in the cluster: `helm get manifest` leaves out definitions and hooks.

The record is a Secret: https://github.com/helm/helm/blob/main/pkg/storage/driver/secrets.go
"""

from __future__ import annotations

import base64
import gzip
import json
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ._cluster_api import ClusterApi

try:
    from yaml import SafeLoader, load_all
except ImportError:
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

    class _Loader(SafeLoader):
        """Helm's: what looks like a date is text."""

    _Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _loader, node: str(node.value))

Json = dict[str, Any]
ADVICE = "Nobody knows what the release should be. Delete that Secret, and the next run installs it anew over what is there."


class RecordError(Exception):
    """The record does not say what Helm has installed."""


def release_objects(api: ClusterApi, name: str, namespace: str) -> list[Json]:
    """The objects of the release as Helm asked for them, definitions first; none where it is not installed, or Helm is at work or was interrupted.

    Raises `RecordError` where somebody else wrote the record, `ClusterError` where the cluster does not answer.
    """
    secrets = api.get(f"/api/v1/namespaces/{namespace}/secrets", labelSelector=f"owner=helm,name={name}")["items"]
    record = newest(secrets)
    return objects(decoded(record), name, namespace) if record else []


def newest(secrets: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The record of the last revision, unless that one is being installed. One that failed counts: it is what Helm tried last, and goes on from.

    Raises `RecordError` where the last one is gone and older ones are there, from which Helm does not go on either.
    """
    last = max(secrets, key=lambda each: int(each["metadata"]["labels"]["version"]), default=None)
    if last and last["metadata"]["labels"]["status"] == "superseded":
        name, namespace = last["metadata"]["labels"]["name"], last["metadata"]["namespace"]
        raise RecordError(
            f"The last record of Helm's release {name} in {namespace} is gone. Nobody knows what the release should be. Delete the older ones too, "
            f"the Secrets with the labels owner=helm,name={name}, and the next run installs it anew over what is there."
        )
    return last if last and last["metadata"]["labels"]["status"] in ("deployed", "failed") else None


def decoded(secret: Mapping[str, Any]) -> Json:
    """What a record says. Raises `RecordError` where its data were written by another program than Helm, or cannot be read."""
    metadata = secret["metadata"]
    name, place = metadata["labels"]["name"], f"{metadata['namespace']}/{metadata['name']}"
    writers = {entry["manager"] for entry in metadata.get("managedFields") or [] if "f:data" in entry.get("fieldsV1", {})}
    if others := sorted(each for each in writers if each.lower() != "helm"):
        raise RecordError(f"The record of Helm's release {name}, Secret {place}, was changed by {', '.join(others)}. {ADVICE}")
    try:
        return dict(json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"])))))
    except (KeyError, TypeError, ValueError, OSError, EOFError) as e:
        raise RecordError(f"The record of Helm's release {name}, Secret {place}, cannot be read. {ADVICE}") from e


def objects(record: Mapping[str, Any], name: str, namespace: str) -> list[Json]:
    """The chart's definitions, the objects of the manifest with the marks that Helm puts on them, and those that its hooks leave behind, as Helm makes them
    one after the other. No I/O."""
    files = (record.get("chart") or {}).get("files") or []
    definitions = [base64.b64decode(file["data"]).decode() for file in files if file["name"].startswith("crds/")]
    hooks = [hook for hook in record.get("hooks") or [] if _stays(hook)]
    before, after = ([hook["manifest"] for hook in hooks if _is_before(hook) is early] for early in (True, False))
    return [
        *(each for text in definitions for each in _parsed(text, namespace)),
        *(each for text in before for each in _parsed(text, namespace)),
        *(_marked(each, name, namespace) for each in _parsed(record["manifest"], namespace)),
        *(each for text in after for each in _parsed(text, namespace)),
    ]


def _stays(hook: Mapping[str, Any]) -> bool:
    return "test" not in hook["events"] and "hook-succeeded" not in (hook.get("delete_policies") or [])


def _is_before(hook: Mapping[str, Any]) -> bool:
    return any(event.startswith("pre-") for event in hook["events"])


def _parsed(text: str, namespace: str) -> Iterator[Json]:
    for each in load_all(text, Loader=_Loader):
        if each:
            yield {**each, "metadata": {"namespace": namespace, **each["metadata"]}}


def _marked(item: Json, name: str, namespace: str) -> Json:
    metadata = item["metadata"]
    release = {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace}
    marks = {
        "labels": {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"},
        "annotations": {**(metadata.get("annotations") or {}), **release},
    }
    return {**item, "metadata": {**metadata, **marks}}
