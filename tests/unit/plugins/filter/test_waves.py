"""Which clusters are worked on first."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.image_trust.azure.plugins.filter.planned_waves import planned_waves
from ansible_collections.image_trust.azure.plugins.filter.waves import waves

HOSTS = [f"web{number:02}" for number in range(20)]
GROUPS = {"canary": ["web19", "elsewhere"], "staging": ["web19", "web03", "web04"], "empty": []}


@pytest.mark.parametrize(
    ("wanted", "sizes"),
    [
        ([], []),
        ([1, "10%", "100%"], [1, 2, 17]),
        ("1, 10%,100%", [1, 2, 17]),
        (["1%", 30], [1, 19]),
        (["35%"], [7, 7, 6]),
        ([1, 8], [1, 8, 8, 3]),
        (["canary", "staging", "100%"], [1, 2, 17]),
        (["staging"], [3, 17]),
        (["empty", "canary"], [1, 19]),
        (["canary", 10], [1, 10, 9]),
        ("", []),
    ],
)
def test_waves_are_numbers_shares_and_groups_until_no_cluster_is_left(wanted: Any, sizes: list[int]) -> None:
    numbers = list(waves(HOSTS, wanted, GROUPS).values())
    assert [numbers.count(wave) for wave in sorted(set(numbers))] == sizes
    assert sum(sizes) in (0, len(HOSTS))


def test_a_group_comes_first_in_the_order_of_the_inventory_and_once() -> None:
    found = waves(HOSTS, ["canary", "staging", "100%"], GROUPS)
    assert list(found.items())[:4] == [("web19", 1), ("web03", 2), ("web04", 2), ("web00", 3)]


@pytest.mark.parametrize("wanted", [["canari"], ["-1"], [0], ["0%"], ["ten%"], ["1.5"], ["1", "%"]])
def test_what_is_no_wave_is_an_error(wanted: list[Any]) -> None:
    with pytest.raises(AnsibleFilterError, match="is no wave: give a number of clusters, a share of them such as 10%, or a group of the inventory"):
        waves(HOSTS, wanted, GROUPS)


@pytest.mark.parametrize(
    ("after", "left"), [(None, [["a"], ["b", "c"], ["d"]]), ("a", [["b", "c"], ["d"]]), ("c", [["d"]]), ("d", []), ("x", [["a"], ["b", "c"], ["d"]])]
)
def test_planned_waves_are_read_from_their_groups(after: str | None, left: list[list[str]]) -> None:
    groups = {"clusters": ["a"], "image_trust_wave_010": ["d"], "image_trust_wave_001": ["a"], "image_trust_wave_002": ["b", "c"]}
    assert planned_waves(groups, after) == left
    assert planned_waves({"clusters": ["a"]}, after) == []
