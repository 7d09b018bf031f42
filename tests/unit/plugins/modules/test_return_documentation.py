"""The documentation of what modules return: whole, alike in all modules, and with samples that are as it says."""

from __future__ import annotations

from typing import Any

from tests.support.return_values import Json, documented, faults_of_value, modules, values

FREE = {
    "tags": ("by name", "who owns the identity names them"),
    "addons": ("by name", "AKS has new ones at any time"),
    "labels": ("by name", "who made the object names them"),
    "versions": ("by name", "the user says of which programs"),
    "given_values": ("by name", "the chart names them"),
    "permissions": ("by kind", "one of the kinds is called keys, which no documented key may be"),
    "parts": ("by part", "thirteen alike, which docs/proof.schema.json lists"),
    "covered": ("by verdict", "only verdicts that occur"),
    "exempt": ("by verdict", "only verdicts that occur"),
    "annotations": ("by name", "who wrote them names them"),
    **dict.fromkeys(("before", "release", "records", "leftovers", "stale"), ("references", "exact_objects says what those are")),
}
"""Dictionaries whose keys are not described one by one: how the description says what they are, and why they are not ours to list."""
EVERYTHING = [each for module in modules() for each in values(documented(module), module)]


def test_each_key_of_a_dictionary_is_described_or_it_is_said_what_the_keys_are() -> None:
    free = set()
    for where, said in EVERYTHING:
        assert {"description", "type", "returned"} <= said.keys(), where
        if "dict" in (said["type"], said.get("elements")) and "contains" not in said:
            name = where.rpartition(" ")[2]
            assert name in FREE, f"{where} has no contains"
            assert FREE[name][0] in str(said["description"]).lower(), f"{where} does not say what its keys are"
            free.add(name)
    assert free == FREE.keys()


def test_what_has_the_same_keys_is_described_by_the_same_words_in_every_module() -> None:
    described: dict[frozenset[str], Any] = {}
    for where, said in EVERYTHING:
        if "contains" in said:
            words = {key: {part: text for part, text in one.items() if part not in ("sample", "contains")} for key, one in said["contains"].items()}
            assert described.setdefault(frozenset(words), words) == words, where


def test_samples_are_what_the_rest_says() -> None:
    for where, said in EVERYTHING:
        assert list(faults_of_value(said, said["sample"], where) if "sample" in said else ()) == []


def test_everything_that_a_module_returns_has_a_sample() -> None:
    assert [(module, key) for module in modules() for key, said in documented(module).items() if not has_sample(said)] == []


def has_sample(said: Json) -> bool:
    """Of its own, or each of its keys has one."""
    return "sample" in said or ("contains" in said and all(map(has_sample, said["contains"].values())))
