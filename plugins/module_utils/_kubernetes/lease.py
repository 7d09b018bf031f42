# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The Lease that names the run which configures a cluster: one at a time.

https://kubernetes.io/docs/concepts/architecture/leases/, https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .api import ClusterApi, ClusterError
from .holder import is_over

Json = dict[str, Any]
NAMESPACE, NAME = "kube-system", "image-trust"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
LEASE = f"{LEASES}/{NAME}"
REMOVAL = f"kubectl --namespace {NAMESPACE} delete lease {NAME}"
_CONFLICTS = 5
"""How often another run may write the Lease between our reading and writing it."""


class LeaseError(Exception):
    """The cluster is another run's, or whose it is cannot be known. The text is a sentence for people."""


@dataclass(frozen=True)
class Lease:
    """`holder` is empty where no run has it. Times are None where the object has none: without `until` it never expires. `version` is what a write replaces."""

    holder: str
    since: datetime | None
    until: datetime | None
    version: str

    @property
    def refusal(self) -> LeaseError:
        since, until = (f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "an unknown time" for moment in (self.since, self.until))
        return LeaseError(
            f"Another run configures the cluster: {self.holder}, since {since}. Run again when it is over. If it was killed, remove its lease ({REMOVAL}), "
            f"or wait until {until}."
        )


def converge(given: Mapping[str, Any], *, check_mode: bool, warn: Callable[[str], object]) -> Json:
    """Do what the options of module cluster_lease say; returns its results. Raises `LeaseError`."""
    present, holder = given["state"] == "present", given["holder"]
    results = dict(changed=False, held=present and not check_mode, kubeconfig=given["kubeconfig"])
    if check_mode and not (present and Path(given["kubeconfig"]).exists()):
        return results
    try:
        api = ClusterApi(given["kubeconfig"], given["context"])
        if check_mode:
            if other := of_another_run(api, holder):
                warn(str(other.refusal))
        elif present:
            if other := acquire(api, holder, given["duration"]):
                raise other.refusal
        elif other := release(api, holder):
            warn(f"The lease of this run expired before its end. {other.refusal}")
    except ClusterError as e:
        if present:
            raise LeaseError(f"Whether another run configures the cluster is not known: {e}.") from None
        # What the run has done is done.
        warn(f"The lease of this run is still in the cluster, and keeps other runs off until it expires: {e}. Remove it: {REMOVAL}")
    return results


def of_another_run(api: ClusterApi, holder: str) -> Lease | None:
    """The Lease, where a run other than `holder` has it. Raises `ClusterError`."""
    found = read(api)
    return found if found and blocks(found, holder, datetime.now(UTC), over=is_over(found.holder)) else None


def acquire(api: ClusterApi, holder: str, seconds: int) -> Lease | None:
    """Take the Lease, or extend what `holder` has already; the Lease of another run where that has it, of which nothing is written. Raises `ClusterError`."""
    for left in reversed(range(_CONFLICTS)):
        found, now = read(api), datetime.now(UTC)
        if found and blocks(found, holder, now, over=is_over(found.holder)):
            return found
        try:
            api.write(*(("put", LEASE) if found else ("post", LEASES)), taken(found, holder, now, seconds))
            break
        except ClusterError as refused:
            # Another run was faster, or the answer is lost. The next look shows whose it is.
            if refused.status not in (None, 409) or not left:
                raise
    return None


def release(api: ClusterApi, holder: str) -> Lease | None:
    """Delete the Lease if it is `holder`'s; otherwise that of the run that has it. Raises `ClusterError`."""
    found = read(api)
    if found and found.holder == holder:
        api.delete(LEASE, version=found.version)
        return None
    return of_another_run(api, holder)


def read(api: ClusterApi) -> Lease | None:
    """None where there is none. Raises `ClusterError`."""
    found = api.get(LEASE, missing={})
    return parsed(found) if found else None


def parsed(found: Mapping[str, Any]) -> Lease:
    """The Lease of what the API server answers. No I/O."""
    spec = found.get("spec") or {}
    since, renewed = (datetime.fromisoformat(spec[name]) if spec.get(name) else None for name in ("acquireTime", "renewTime"))
    seconds = spec.get("leaseDurationSeconds")
    until = renewed + timedelta(seconds=seconds) if renewed and seconds else None
    return Lease(spec.get("holderIdentity") or "", since, until, found["metadata"]["resourceVersion"])


def blocks(found: Lease, holder: str, now: datetime, *, over: bool) -> bool:
    """Whether the Lease keeps `holder` off; `over`: its run is known to be over. No I/O."""
    return found.holder not in ("", holder) and not over and (found.until is None or now < found.until)


def taken(found: Lease | None, holder: str, now: datetime, seconds: int) -> Json:
    """What is written in place of `found`. Who has it already has it since then. No I/O."""
    since = found.since if found and found.holder == holder and found.since else now
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, "namespace": NAMESPACE, **({"resourceVersion": found.version} if found else {})},
        "spec": {"holderIdentity": holder, "acquireTime": _stamp(since), "renewTime": _stamp(now), "leaseDurationSeconds": seconds},
    }


def _stamp(moment: datetime) -> str:
    """As the API server's MicroTime: six digits of a second, and Z."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
