"""Each object that we manage, changed or deleted by hand, is found by `--check` and mended by a run. The objects are whatever site.yml has made."""

from __future__ import annotations

from typing import Any

import pytest

from . import drift, snapshots
from .conftest import Lab, Run
from .drift import CHANGES, Hand, content, managed
from .plans import FromNothing, check, succeeded

FEW: dict[str, Any] = {"verify_shapes": ["container"]}
"""Variables with which a run asks for few verdicts, so that it is a fast one."""


@pytest.fixture(scope="module")
def without(from_nothing: FromNothing) -> snapshots.Snapshot:
    """The cluster as it was before site.yml."""
    return from_nothing.cluster


@pytest.fixture(scope="module")
def hand(lab: Lab, site: Run) -> Hand:
    return Hand(lab)


def names(run: Run, item: drift.Json) -> bool:
    """Whether what the run printed names the object."""
    metadata = item["metadata"]
    return metadata["name"] in run.output and item["kind"] in run.output


def mended(lab: Lab, without: snapshots.Snapshot, before: snapshots.Snapshot) -> None:
    """A run brings back what was `before`."""
    succeeded(lab.play("site", **FEW))
    assert snapshots.differences(before, content(managed(without))) == []


def test_every_object_that_was_changed_by_hand_is_found_and_mended(lab: Lab, hand: Hand, without: snapshots.Snapshot) -> None:
    found, azure = managed(without), snapshots.of_azure(lab)
    before = content(found)
    changed = {title: item for title, item in found.items() if item.get("type") != drift.RECORD}
    assert {item["kind"] for item in changed.values()} == set(CHANGES), "each kind is changed, and each change is made"
    for item in changed.values():
        hand.patch(item, CHANGES[item["kind"]](item))
    hand.change_azure()
    after = content(managed(without))
    assert [title for title in changed if before[title] == after[title]] == []

    foretold = check(lab, "site")
    assert [title for title, item in changed.items() if not names(foretold, item)] == []
    mended(lab, without, before)
    assert snapshots.differences(azure, snapshots.of_azure(lab)) == []


def test_every_object_that_was_deleted_is_found_and_made_again(lab: Lab, hand: Hand, without: snapshots.Snapshot) -> None:
    azure, found = snapshots.of_azure(lab), managed(without)
    before = content(found)
    # What lives in the namespace goes with it, and Helm's records too: without them the release is installed anew, which is another test.
    deleted = {title: item for title, item in found.items() if item["kind"] != "Namespace" and item.get("type") != drift.RECORD}
    assert {item["kind"] for item in deleted.values()} == CHANGES.keys() - {"Namespace"}
    for item in deleted.values():
        hand.delete(item)
    hand.delete_in_azure()
    assert deleted.keys() & managed(without).keys() == set()

    foretold = check(lab, "site")
    assert [title for title, item in deleted.items() if not names(foretold, item)] == []
    mended(lab, without, before)
    assert snapshots.differences(azure, snapshots.of_azure(lab)) == []
