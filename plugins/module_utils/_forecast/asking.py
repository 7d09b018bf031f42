# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Ask a cluster what becomes of the pods of its workloads when they are created again, by server-side dry runs. Writes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .._admission.namespace import answer_of
from .._admission.probe import AT_ONCE
from .._admission.verdict import Answer
from .._admission.workloads import POD
from .._kubernetes.api import ClusterApi, ClusterError, Kind
from .._policy.objects import FORECAST
from .._verification.state import LISTS
from .judgement import KINDS, ImageSet, Json, Workload, asked_again, pod, workloads
from .trust import LISTS as TRUST

PAUSE = 2.0
"""Seconds between two rounds of questions."""
CHUNK = "500"
"""Objects that the API server returns at a time."""


@dataclass(frozen=True)
class Trial:
    """A constraint that judges only pods with FORECAST and the value `label`; `match` says in which namespaces."""

    name: str
    label: str
    match: Json


def trial(api: ClusterApi, name: str) -> Trial:
    """Raises ClusterError where it cannot be read, or judges other pods too."""
    spec = api.get(f"{LISTS['constraints']}/{name}").get("spec") or {}
    match = spec.get("match") or {}
    labels = (match.get("labelSelector") or {}).get("matchLabels") or {}
    if spec.get("enforcementAction") != "deny" or not labels.get(FORECAST):
        raise ClusterError(f"the constraint {name} has to deny pods whose label {FORECAST} has a value of its own, and no others")
    return Trial(name, labels[FORECAST], match)


def all_objects(api: ClusterApi) -> dict[str, list[Json]]:
    """Those of KINDS in all namespaces, by kind. Raises ClusterError."""
    return {kind.name: [*_all(api, kind)] for kind in KINDS}


def all_workloads(objects: Mapping[str, Sequence[Json]]) -> list[Workload]:
    return [each for kind, found in objects.items() for each in workloads(kind, found)]


def trust_objects(api: ClusterApi) -> dict[str, list[Json]] | None:
    """The objects of TRUST, by its names; None where the login may not read them all. Raises ClusterError where the cluster does not answer."""
    try:
        return {name: [*api.get(LISTS[name], missing={}).get("items", [])] for name in TRUST}
    except ClusterError as e:
        if e.status is None:
            raise
        return None


def _all(api: ClusterApi, kind: Kind) -> Iterator[Json]:
    query = {"limit": CHUNK}
    while True:
        answer = api.get(kind.path(None), missing=None, accept="application/json", **query)
        yield from answer.get("items") or []
        following = (answer.get("metadata") or {}).get("continue")
        if not following:
            return
        query = {"limit": CHUNK, "continue": following}


def ask(api: ClusterApi, judge: Trial, sets: Sequence[ImageSet], timeout: float, progress: Callable[[str], None] = lambda line: None) -> list[Answer]:
    """The answers to a dry run of one pod of each set, in their order. What may change is asked again until `timeout` seconds have passed, of the workloads
    of a set one after the other. After each answer `progress` gets how far this is, in words. Raises ClusterError where the trial is another one at the end:
    what it did not judge was admitted."""
    end = time.monotonic() + timeout
    answers: dict[int, Answer] = {}
    still_open, times = list(range(len(sets))), 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while still_open:
            answered = pool.map(lambda number, turn: _ask(api, judge, sets[number], turn), still_open, [times] * len(still_open))
            for done, (number, answer) in enumerate(zip(still_open, answered, strict=True), 1):
                answers[number] = answer
                progress(f"asked about {done} of {len(still_open)} image sets{' again' if times else ''}")
            times += 1
            still_open = [number for number in still_open if asked_again(answers[number], judge.name, times)]
            if time.monotonic() + PAUSE >= end:
                break
            if still_open:
                time.sleep(PAUSE)
    if trial(api, judge.name) != judge:
        raise ClusterError(f"the constraint {judge.name} was changed meanwhile; run again when no other run is at work")
    return [answers[number] for number in range(len(sets))]


def _ask(api: ClusterApi, judge: Trial, asked: ImageSet, times: int) -> Answer:
    workload = asked.workloads[times % len(asked.workloads)]
    return answer_of(api, judge.name, "post", POD.path(asked.namespace), pod(workload.template, judge.label), dry_run=True)[0]
