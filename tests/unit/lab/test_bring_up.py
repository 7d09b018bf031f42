from __future__ import annotations

import re

import pytest

from lab.bring_up import STEPS, BringUp, Step
from lab.daemon import ROOT
from lab.errors import LabError


def test_the_steps_are_taken_in_turn_and_each_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    taken: list[str] = []
    lab = BringUp(clusters=1)
    lab.take([Step("lay the table", lambda given: taken.append(f"table for {given.clusters}")), Step("call the guests", lambda _: taken.append("guests"))])
    assert taken == ["table for 1", "guests"]
    assert re.findall(r"\] (.*)", capsys.readouterr().err) == ["step 1 of 2: lay the table", "step 2 of 2: call the guests"]
    assert not lab.started


def test_no_step_follows_one_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(_: BringUp) -> None:
        raise LabError("no table")

    with pytest.raises(LabError, match="no table"):
        BringUp(clusters=1).take([Step("lay the table", fails), Step("call the guests", lambda _: pytest.fail("called"))])
    assert "call the guests" not in capsys.readouterr().err


def test_the_page_lists_the_steps_in_their_order() -> None:
    listed = re.search(r"`up` takes these steps:\n\n((?:\d+\. .*\n)+)", (ROOT / "docs/lab.md").read_text())
    assert listed
    assert re.findall(r"^\d+\. ([^:\n]*)", listed[1], re.MULTILINE) == [step.name for step in STEPS]
