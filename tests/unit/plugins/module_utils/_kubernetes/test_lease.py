"""Which of two runs gets a cluster."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes import api as _cluster_api
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import ClusterApi, ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.holder import holder
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.lease import Lease, acquire, blocks, of_another_run, parsed, release, taken

from tests.support.kubernetes_api import serving
from tests.support.leases import OTHER, Leases, lease

from .test_holder import gone

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OWN = "ops@controller, process 1, run 9f2c41d07e3b:ansible-local-1abcdefgh"


@contextmanager
def cluster(leases: Leases, folder: Path) -> Iterator[ClusterApi]:
    with serving(leases.answer, folder / "kubeconfig"):
        yield ClusterApi(str(folder / "kubeconfig"))


@pytest.mark.parametrize(
    ("named", "until", "over", "blocked"),
    [
        (OTHER, NOW + HOUR, False, True),
        (OTHER, NOW + HOUR, True, False),
        (OTHER, NOW, False, False),
        (OTHER, NOW - HOUR, False, False),
        (OTHER, None, False, True),
        (OTHER, None, True, False),
        (OWN, NOW + HOUR, False, False),
        ("", NOW + HOUR, False, False),
        ("", None, False, False),
    ],
)
def test_a_lease_keeps_other_runs_off_until_it_expires_or_its_run_is_over(named: str, until: datetime | None, over: bool, blocked: bool) -> None:
    assert blocks(Lease(named, NOW - HOUR, until, "1"), OWN, NOW, over=over) is blocked


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"holderIdentity": OTHER, "acquireTime": "2026-11-30T11:00:00.000000Z", "renewTime": "2026-11-30T11:30:00.000000Z", "leaseDurationSeconds": 1800},
         Lease(OTHER, NOW - HOUR, NOW, "7")),
        ({"holderIdentity": OTHER, "renewTime": "2026-11-30T12:00:00Z"}, Lease(OTHER, None, None, "7")),
        ({"holderIdentity": OTHER, "leaseDurationSeconds": 1}, Lease(OTHER, None, None, "7")),
        ({"holderIdentity": "", "leaseTransitions": 3}, Lease("", None, None, "7")),
        ({}, Lease("", None, None, "7")),
        (None, Lease("", None, None, "7")),
    ],
)  # fmt: skip
def test_parsed(spec: Any, expected: Lease) -> None:
    assert parsed({"metadata": {"resourceVersion": "7"}, "spec": spec}) == expected


@pytest.mark.parametrize(
    ("found", "version", "since"),
    [
        (None, None, NOW),
        (Lease(OTHER, NOW - HOUR, NOW - HOUR, "7"), "7", NOW),
        (Lease(OWN, NOW - HOUR, NOW + HOUR, "7"), "7", NOW - HOUR),
        (Lease(OWN, None, None, "7"), "7", NOW),
    ],
)
def test_what_is_written_replaces_what_was_read_and_keeps_since_when_the_run_has_it(found: Lease | None, version: str | None, since: datetime) -> None:
    body = taken(found, OWN, NOW, 60)
    assert body["metadata"].get("resourceVersion") == version
    assert parsed({**body, "metadata": {"resourceVersion": "8"}}) == Lease(OWN, since, NOW + timedelta(seconds=60), "8")


def test_the_sentence_names_the_run_since_when_and_the_remedy() -> None:
    assert str(Lease(OTHER, NOW, NOW + HOUR, "1").refusal) == (
        f"Another run configures the cluster: {OTHER}, since 2026-11-30 12:00:00 UTC. Run again when it is over. If it was killed, remove its lease "
        "(kubectl --namespace kube-system delete lease image-trust), or wait until 2026-11-30 13:00:00 UTC."
    )
    assert "wait until an unknown time" in str(Lease(OTHER, None, None, "1").refusal)


def test_a_run_takes_the_lease_extends_it_and_deletes_it(tmp_path: Path) -> None:
    leases = Leases()
    with cluster(leases, tmp_path) as api:
        assert acquire(api, OWN, 60) is None
        first = leases.found
        assert first
        assert of_another_run(api, OWN) is None
        assert acquire(api, OWN, 120) is None
        assert leases.found
        assert leases.found["spec"]["acquireTime"] == first["spec"]["acquireTime"]
        assert leases.found["spec"]["leaseDurationSeconds"] == 120
        assert release(api, OWN) is None
        assert release(api, OWN) is None
    assert leases.log == [("POST", OWN), ("PUT", OWN), ("DELETE", "")]


def test_the_lease_of_another_run_is_left_as_it_is(tmp_path: Path) -> None:
    leases = Leases(lease())
    with cluster(leases, tmp_path) as api:
        found = [acquire(api, OWN, 60), of_another_run(api, OWN), release(api, OWN)]
    assert [each.holder if each else None for each in found] == [OTHER] * 3
    assert leases.log == []


def over() -> str:
    """A run on this machine whose process is gone."""
    return holder("ops", "controller", "", f"/home/ops/tmp/ansible-local-{gone()}abcdefgh")


@pytest.mark.parametrize(
    "found",
    [lease(since=2 * HOUR), lease(over()), lease("")],
    ids=["expired", "its process is gone", "released by a client of another kind"],
)
def test_a_lease_that_no_run_holds_is_taken_and_not_deleted(found: dict[str, Any], tmp_path: Path) -> None:
    leases = Leases(found)
    with cluster(leases, tmp_path) as api:
        assert of_another_run(api, OWN) is None
        assert release(api, OWN) is None
        assert leases.log == []
        assert acquire(api, OWN, 60) is None
    assert leases.log == [("PUT", OWN)]


@pytest.mark.parametrize("found", [None, lease(since=2 * HOUR)], ids=["new", "expired"])
def test_of_two_runs_at_once_one_gets_the_cluster_and_the_other_learns_which(found: dict[str, Any] | None, tmp_path: Path) -> None:
    both = threading.Barrier(2)
    reads = iter(range(2))

    def together(method: str) -> None:
        # Both read before one of them writes.
        if method == "GET" and next(reads, None) is not None:
            both.wait(10)

    leases = Leases(found, before=together)
    results: dict[str, Lease | None] = {}
    with cluster(leases, tmp_path) as _api:

        def run(named: str) -> None:
            results[named] = acquire(ClusterApi(str(tmp_path / "kubeconfig")), named, 60)

        runs = [threading.Thread(target=run, args=(named,)) for named in ("first", "second")]
        for each in runs:
            each.start()
        for each in runs:
            each.join()
    winner, loser = sorted(results, key=lambda named: results[named] is not None)
    assert results[winner] is None
    other = results[loser]
    assert other
    assert other.holder == winner == leases.holder
    assert len(leases.log) == 1


def test_a_write_whose_answer_is_lost_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cluster_api, "TIMEOUT", (5, 0.2))
    leases, slow = Leases(), threading.Event()

    def lost(method: str) -> tuple[int, dict[str, Any]] | None:
        if method == "POST" and not leases.found:
            leases.store(taken(None, OWN, datetime.now(UTC), 60))
            slow.wait(1)
            return 200, {}
        return None

    leases.before = lost
    with cluster(leases, tmp_path) as api:
        assert acquire(api, OWN, 60) is None
    assert leases.holder == OWN
    assert leases.log == [("PUT", OWN)]


@pytest.mark.parametrize(("method", "status"), [("GET", 403), ("POST", 403), ("POST", 409)])
def test_a_refusal_of_the_api_server_is_an_error(method: str, status: int, tmp_path: Path) -> None:
    def refuse(asked: str) -> tuple[int, dict[str, Any]] | None:
        return (status, {"message": "no"}) if asked == method else None

    with cluster(Leases(before=refuse), tmp_path) as api, pytest.raises(ClusterError, match=f"HTTP {status} no"):
        acquire(api, OWN, 60)


def test_a_lease_that_another_run_took_meanwhile_is_not_deleted(tmp_path: Path) -> None:
    leases = Leases(lease(OWN))

    def taken_over(method: str) -> None:
        if method == "DELETE":
            leases.store(lease())

    leases.before = taken_over
    with cluster(leases, tmp_path) as api, pytest.raises(ClusterError, match="HTTP 409"):
        release(api, OWN)
    assert leases.holder == OTHER
