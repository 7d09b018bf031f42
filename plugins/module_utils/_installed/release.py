# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What the two Helm releases have in common: what may not be installed over them, and what their removal leaves. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible.module_utils.compat.version import LooseVersion

from .._kubernetes.helm import Records
from .._kubernetes.inventory import ClusterObject

RECORD = "sh.helm.release.v1"
"""Names of Helm's records begin with it."""


@dataclass(frozen=True)
class Removal:
    """What to delete, in this order, besides what Helm deletes."""

    before: Sequence[ClusterObject] = ()
    """Before Helm removes the release."""
    release: Sequence[ClusterObject] = ()
    """Of the release itself, where Helm was interrupted when it removed it."""
    records: Sequence[ClusterObject] = ()
    """Helm's records of it, after all of `release`: by them the next run knows that something is left."""
    leftovers: Sequence[ClusterObject] = ()
    """What Helm does not delete: custom resource definitions, objects of hooks, the namespace."""

    def shown(self) -> dict[str, Any]:
        """References of the objects, by step."""
        return {step: [each.reference for each in objects] for step, objects in vars(self).items()}


def of_release(objects: Iterable[ClusterObject], release: str) -> list[ClusterObject]:
    """The objects of the release (namespace/name). Owned ones go with their owners: a ReplicaSet has its Deployment's annotations, too."""
    return [each for each in objects if each.release == release and not each.owned]


def records_of(objects: Iterable[ClusterObject], release: str) -> list[ClusterObject]:
    """Helm's records of the release (namespace/name)."""
    namespace, name = release.split("/")
    return [each for each in objects if each.kind == "Secret" and each.namespace == namespace and each.name.startswith(f"{RECORD}.{name}.")]


def newer(chart: str, wanted: str, installed: Collection[str], *, downgrade: bool) -> list[str]:
    """A sentence where a version of the chart in `installed` is newer than `wanted`, unless a downgrade is asked for."""
    versions = [each for each in installed if LooseVersion(each) > LooseVersion(wanted)]
    if downgrade or not versions:
        return []
    named = " and ".join(versions)
    return [
        f"Chart {chart} {named} is installed, and {chart}_chart_version is {wanted}. An older chart lacks what the newer one fixed, and replaces the"
        f" custom resource definitions by older ones. Set {chart}_chart_version to {named} or above, or {chart}_downgrade to true to install the older one."
    ]


def shown(records: Records) -> dict[str, Any]:
    """What a module returns of the records: the release as Helm has installed it and its `current` chart and values, or null of both, and whether Helm
    was interrupted. Raises `RecordError`."""
    installed = asdict(records.last) if records.last else None
    current = {"chart": f"{installed['chart']}-{installed['chart_version']}", "values": installed.pop("given_values")} if installed else None
    return {"installed": installed, "current": current, "interrupted": bool(records.unfinished)}
