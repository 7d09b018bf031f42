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
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .api import ClusterApi

try:
    import yaml
except ImportError:
    # Reported by cluster_module.
    pass
else:
    # Helm's: what looks like a date is text. The loader in C, where PyYAML has it, takes a tenth of the time.
    _Loader: Any = type("_Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
    _Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _loader, node: str(node.value))

Json = dict[str, Any]
_FINISHED = {"deployed", "uninstalling", "uninstalled"}
"""Statuses of a revision that Helm had installed."""
_UNFINISHED = re.compile(r"pending-.*|uninstalling")
"""Statuses of a revision with which Helm refuses any other."""
_MADE = {"pre-install", "post-install", "pre-upgrade", "post-upgrade"}
ADVICE = "It is not known what the release should be. Delete that Secret, and the next run installs it again over the existing objects."


class RecordError(Exception):
    """The record does not say what Helm has installed."""


@dataclass(frozen=True)
class Revision:
    """What a record says of the chart and of the values that were given."""

    revision: int
    status: str
    chart: str
    chart_version: str
    given_values: Json


@dataclass(frozen=True)
class Records:
    """Helm's records of one release, oldest first. What asks a record for its content raises `RecordError` where another program than Helm wrote it."""

    name: str
    namespace: str
    secrets: Sequence[Json]

    @property
    def last(self) -> Revision | None:
        """What Helm tried last, and goes on from. None where it is not installed, and where Helm is at work or was interrupted."""
        record = newest(self.secrets)
        return _revision(record) if record else None

    @property
    def chart_versions(self) -> list[str]:
        """Versions of the chart of which objects may be in the cluster, each once; see `standing`."""
        return list(dict.fromkeys(_revision(each).chart_version for each in standing(self.secrets)))

    @property
    def objects(self) -> list[Json]:
        """The objects of the release as Helm asked for them, definitions first; none where `last` is None."""
        record = newest(self.secrets)
        return objects(decoded(record), self.name, self.namespace) if record else []

    @property
    def unfinished(self) -> list[Json]:
        """Those of an installation, an upgrade or a removal that Helm is at, or that was interrupted."""
        return [each for each in self.secrets if _UNFINISHED.fullmatch(_status(each))]

    def is_busy(self, now: float, timeout: float) -> bool:
        """Whether an unfinished record was written within `timeout` seconds of `now` (seconds since 1970), so that its writer may still be at work."""
        return any(int(each["metadata"]["labels"].get(at, 0)) > now - timeout for each in self.unfinished for at in ("createdAt", "modifiedAt"))

    def blocking(self) -> list[str]:
        """Names of the Secrets without which Helm goes on. After an interrupted removal these are all: Helm does not go on from a superseded revision."""
        all_of_them = any(_status(each) == "uninstalling" for each in self.unfinished)
        return [each["metadata"]["name"] for each in (self.secrets if all_of_them else self.unfinished)]


def read_records(api: ClusterApi, name: str, namespace: str) -> Records:
    """Helm's records of the release. Raises `ClusterError` where the cluster does not answer."""
    found = api.get(f"/api/v1/namespaces/{namespace}/secrets", labelSelector=f"owner=helm,name={name}")["items"] or []
    return Records(name, namespace, sorted(found, key=_number))


def _status(secret: Mapping[str, Any]) -> str:
    return str(secret["metadata"]["labels"]["status"])


def _revision(secret: Mapping[str, Any]) -> Revision:
    record, labels = decoded(secret), secret["metadata"]["labels"]
    try:
        chart = record["chart"]["metadata"]
        return Revision(int(labels["version"]), labels["status"], chart["name"], chart["version"], record.get("config") or {})
    except (KeyError, TypeError) as e:
        raise _unreadable(secret) from e


def standing(secrets: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The records, oldest first, of what may be in the cluster: of the last revision that Helm finished, and of all that it began later, whatever became of
    them; of all, where it has never finished one. What was finished before is superseded by that."""
    ordered = sorted(secrets, key=_number)
    finished = [at for at, each in enumerate(ordered) if _status(each) in _FINISHED]
    return ordered[finished[-1] if finished else 0 :]


def _number(secret: Mapping[str, Any]) -> int:
    return int(secret["metadata"]["labels"]["version"])


def newest(secrets: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The record of the last revision, unless that one is being installed. One that failed counts: it is what Helm tried last, and goes on from.

    Raises `RecordError` where the last one is gone and older ones are there, from which Helm does not go on either.
    """
    last = max(secrets, key=_number, default=None)
    if last and _status(last) == "superseded":
        name, namespace = last["metadata"]["labels"]["name"], last["metadata"]["namespace"]
        raise RecordError(
            f"The last record of Helm's release {name} in {namespace} is gone. It is not known what the release should be. Delete the older ones too, "
            f"the Secrets with the labels owner=helm,name={name}, and the next run installs it again over the existing objects."
        )
    return last if last and _status(last) in ("deployed", "failed") else None


def decoded(secret: Mapping[str, Any]) -> Json:
    """What a record says. Raises `RecordError` where its data were written by another program than Helm, or cannot be read."""
    metadata = secret["metadata"]
    name, place = metadata["labels"]["name"], f"{metadata['namespace']}/{metadata['name']}"
    writers = {entry["manager"] for entry in metadata.get("managedFields") or [] if "f:data" in entry.get("fieldsV1", {})}
    if others := sorted(each for each in writers if each.lower() != "helm"):
        raise RecordError(f"The record of Helm's release {name}, Secret {place}, was changed by {', '.join(others)}. {ADVICE}")
    try:
        return dict(json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"])))))
    except (KeyError, TypeError, ValueError, OSError, EOFError, zlib.error) as e:
        raise _unreadable(secret) from e


def _unreadable(secret: Mapping[str, Any]) -> RecordError:
    metadata = secret["metadata"]
    place = f"{metadata['namespace']}/{metadata['name']}"
    return RecordError(f"The record of Helm's release {metadata['labels']['name']}, Secret {place}, cannot be read. {ADVICE}")


def objects(record: Mapping[str, Any], name: str, namespace: str) -> list[Json]:
    """The chart's definitions, the objects of the manifest with the marks that Helm puts on them, and those that its hooks leave behind, as Helm makes them
    one after the other. No I/O."""
    files = (record.get("chart") or {}).get("files") or []
    definitions = [base64.b64decode(file["data"]).decode() for file in files if file["name"].startswith("crds/")]
    hooks = [hook for hook in record.get("hooks") or [] if _stays(hook)]
    before, after = ([hook["manifest"] for hook in hooks if _is_before(hook) is early] for early in (True, False))
    return [
        *(each for text in definitions for each in parsed(text, namespace)),
        *(each for text in before for each in parsed(text, namespace)),
        *(_marked(each, name, namespace) for each in parsed(record["manifest"], namespace)),
        *(each for text in after for each in parsed(text, namespace)),
    ]


def _stays(hook: Mapping[str, Any]) -> bool:
    """Whether Helm has made it when it installed or upgraded, and left it. What it makes before it deletes may be what deletes."""
    return bool(_MADE & set(hook["events"])) and "hook-succeeded" not in (hook.get("delete_policies") or [])


def _is_before(hook: Mapping[str, Any]) -> bool:
    return bool({"pre-install", "pre-upgrade"} & set(hook["events"]))


def parsed(text: str, namespace: str) -> Iterator[Json]:
    for each in yaml.load_all(text, Loader=_Loader):
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
