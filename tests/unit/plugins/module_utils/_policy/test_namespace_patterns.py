"""Patterns of namespaces, by Gatekeeper's rules."""

from __future__ import annotations

from itertools import product

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._policy.namespace_patterns import is_pattern, matches, matches_all, overlap


@pytest.mark.parametrize(
    ("pattern", "matched", "others"),
    [
        ("team-a", ["team-a"], ["team-ab", "a-team-a", "team"]),
        ("team-*", ["team-", "team-a"], ["team", "a-team-a"]),
        ("*-system", ["kube-system", "-system"], ["system", "kube-system-2"]),
        ("*system*", ["system", "kube-system", "system-a"], ["syste"]),
        ("*", ["a", ""], []),
        ("**", ["a"], []),
    ],
)
def test_a_pattern_matches_what_gatekeeper_says(pattern: str, matched: list[str], others: list[str]) -> None:
    assert [name for name in [*matched, *others] if matches(pattern, name)] == matched


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("team-a", "team-a", True),
        ("team-a", "team-b", False),
        ("team-*", "team-a", True),
        ("team-*", "teams", False),
        ("team-*", "team-a-*", True),
        ("team-*", "shop-*", False),
        ("*-system", "kube-system", True),
        ("*-system", "*-kube-system", True),
        ("*-system", "*-test", False),
        ("team-*", "*-system", True),
        ("team-*", "*a*", True),
        ("*shop*", "web-shop-1", True),
        ("*shop*", "web", False),
        ("*", "anything", True),
        ("**", "team-*", True),
    ],
)
def test_two_patterns_overlap_where_one_namespace_can_match_both(one: str, other: str, both: bool) -> None:
    assert overlap(one, other) is both
    assert overlap(other, one) is both


def test_every_two_small_patterns_overlap_just_when_a_name_matches_both() -> None:
    words = ["".join(letters) for length in (1, 2) for letters in product("ab", repeat=length)]
    patterns = [f"{before}{word}{after}" for word in words for before, after in product(("", "*"), repeat=2)] + ["*", "**"]
    names = ["".join(letters) for length in range(1, 6) for letters in product("ab", repeat=length)]
    matched = {pattern: {name for name in names if matches(pattern, name)} for pattern in patterns}
    wrong = [(one, other) for one, other in product(patterns, repeat=2) if overlap(one, other) is not bool(matched[one] & matched[other])]
    assert wrong == []


@pytest.mark.parametrize("pattern", ["team-a", "team-*", "*-system", "*a*", "1", "*", "**", "a" * 63, "a*", "*-*"])
def test_a_pattern_that_can_match_a_namespace_is_one(pattern: str) -> None:
    assert is_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["", "Team", "te*am", "team_a", "team.a", "team:a", "-team", "team-", "-team*", "*team-", "--*", "*-", "***", "a" * 64, "a\n", "team ?"],
)
def test_what_gatekeeper_refuses_or_no_namespace_can_match_is_no_pattern(pattern: str) -> None:
    assert not is_pattern(pattern)


@pytest.mark.parametrize(("pattern", "all_of_them"), [("*", True), ("**", True), ("*a", False), ("a", False), ("", False)])
def test_an_asterisk_alone_matches_all(pattern: str, all_of_them: bool) -> None:
    assert matches_all(pattern) is all_of_them
