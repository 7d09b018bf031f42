"""Whatever fails, nothing is admitted that must be denied, and what must run is admitted again by itself. A quarter of an hour."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable

import pytest

from .asking import Asking, Sample, until
from .report import Report
from .table import CACHED, FAULTS, Fault
from .world import World

FELT, ASKED, QUIET = 90.0, 60.0, 120.0
"""Seconds within which a fault has to be felt, everything has to be asked while it is, and everything has to be said for the usual reasons again."""
IN_A_ROW = 3
"""Answers after which an image counts as admitted: each of Gatekeeper's pods remembers for itself."""
CUT_OFF = "context deadline exceeded|context canceled|operation timed out after|invalid character '{' after top-level value"
"""What was under way when the fault began or ended, and a machine that has too much to do, whatever the fault: time-outs of the API server, of
Gatekeeper, and of Ratify, which may then send two answers as one."""


def is_sensible(fault: Fault, sample: Sample, remembered: tuple[str, float]) -> bool:
    """Whether a denial names the fault, the problem of the image, or the fault before, while a pod may remember it."""
    before, until_then = remembered
    says = [fault.says, CUT_OFF, *([before] if sample.began < until_then else [])]
    return sample.is_expected or re.search("|".join(says), sample.answer.message) is not None


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_nothing_is_admitted_that_must_be_denied_and_what_must_run_is_admitted_again(fault: Fault, asking: Asking, world: World, report: Report) -> None:
    must_run = [question for question in asking.questions if question.must_run]
    must_not_run = [question for question in asking.questions if not question.must_run]
    denied, admitted = ([question for question in must_run if fault.meanwhile(question) == meanwhile] for meanwhile in ("denied", "admitted"))

    def wait(true: Callable[[], bool], what: str, seconds: float) -> None:
        until(lambda: asking.wrongly_admitted() != [] or true(), what, seconds)
        assert asking.wrongly_admitted() == []

    began = time.monotonic()
    wait(lambda: asking.said_of(asking.questions, began, lambda sample: sample.is_expected), "every verdict is expected before anything fails", QUIET)

    def denied_for_it() -> bool:
        seen = (sample for sample in asking.since(broken) if sample.question.must_run is fault.denies and not sample.is_expected)
        return any(re.search(fault.says, sample.answer.message) for sample in seen)

    def waited_for_it() -> bool:
        return any(sample.ended - sample.began >= fault.takes for sample in asking.since(broken))

    broken, remembered = time.monotonic(), asking.remembered
    asking.remembered = fault.says, math.inf
    with fault.strike(world) as felt:
        wait(lambda: felt() and waited_for_it() and asking.said_of(denied, broken, lambda sample: not sample.admitted), "the fault is felt", FELT)
        wait(lambda: not fault.tells or denied_for_it(), "a client reads of the fault", FELT)
        struck = time.monotonic()
        wait(lambda: asking.said_of(must_not_run, struck, lambda sample: sample.answered), "everything is asked while the fault is there", ASKED)
        wait(lambda: asking.said_of(admitted, struck, lambda sample: sample.admitted), "what the fault does not concern is admitted", ASKED)
    recovered = time.monotonic()
    wait(lambda: asking.said_of(must_run, recovered, lambda sample: sample.admitted, in_a_row=IN_A_ROW), "what must run is admitted", fault.recovers + IN_A_ROW)
    seconds = max((sample.ended for sample in asking.since(recovered) if sample.question.must_run and not sample.admitted), default=recovered) - recovered
    assert seconds <= fault.recovers
    wait(lambda: asking.said_of(asking.questions, recovered, lambda sample: sample.is_expected), "every verdict is expected", QUIET)
    asking.remembered = fault.says, time.monotonic() + CACHED
    wait(lambda: world.node.pods_missing() == [], "all pods are back", QUIET)

    samples = [sample for sample in asking.since(broken) if sample.began < recovered]
    refused = [sample for sample in samples if sample.question.must_run and not sample.admitted]
    assert not [sample for sample in refused if fault.meanwhile(sample.question) == "admitted" and not re.search(CUT_OFF, sample.answer.message)]
    assert {sample.answer.message for sample in samples if not is_sensible(fault, sample, remembered)} == set()
    report.fault(fault, samples, seconds)
