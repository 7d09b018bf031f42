"""The documentation of what modules return: whole, alike in all modules, and with samples that are as it says."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any

from tests.support.proofs import SCHEMA
from tests.support.return_values import Json, documented, faults_of_value, modules, reference, referenced, values, written

FREE = {
    "tags": ("by name", "who owns the identity names them"),
    "addons": ("by name", "AKS has new ones at any time"),
    "labels": ("by name", "who made the object names them"),
    "versions": ("by name", "the user says of which programs"),
    "current": ("by name", "sanity forbids the key values, and the chart names those"),
    "permissions": ("by kind", "one of the kinds is called keys, which no documented key may be"),
    "parts": ("by part", "thirteen alike, which docs/proof.schema.json lists"),
    "covered": ("by verdict", "only verdicts that occur"),
    "exempt": ("by verdict", "only verdicts that occur"),
    "identity": ("in check mode", "module workload_identity describes them"),
    **dict.fromkeys(("before", "release", "records", "leftovers", "stale"), ("references", "exact_objects says what those are")),
}
"""Dictionaries whose keys are not described one by one: how the description says what they are, and why they are not ours to list."""
WRITTEN = [(module, where, said) for module in modules() for where, said in values(written(module), module)]


@functools.cache
def everything() -> list[tuple[str, Json]]:
    return [each for module in modules() for each in values(documented(module), module)]


def test_each_key_of_a_dictionary_is_described_or_it_is_said_what_the_keys_are() -> None:
    free = set()
    for where, said in everything():
        assert {"description", "type", "returned"} <= said.keys(), where
        if "dict" in (said["type"], said.get("elements")) and "contains" not in said:
            name = where.rpartition(" ")[2]
            assert name in FREE, f"{where} has no contains"
            assert FREE[name][0] in str(said["description"]).lower(), f"{where} does not say what its keys are"
            free.add(name)
    assert free == FREE.keys()


def test_a_structure_is_documented_once_and_elsewhere_by_reference() -> None:
    owners = {where for _module, where, said in WRITTEN if "contains" in said}
    found: dict[Any, str] = {}
    for where, said in everything():
        if where in owners:
            assert found.setdefault(keys(said), where) == where, f"write: as RV({found[keys(said)]})"


def test_keys_that_two_structures_share_are_documented_once() -> None:
    owners = [(where, described(said["contains"])) for _module, where, said in WRITTEN if "contains" in said]
    assert [(one, other, shared) for (one, a), (other, b) in itertools.combinations(owners, 2) if len(shared := a & b) > 1] == [], "write: C(...) of RV(...)"


def described(contains: Json) -> set[tuple[str, str, str]]:
    """The keys with what is written of each."""
    return {(key, one["type"], str(one["description"])) for key, one in contains.items()}


def keys(said: Json) -> Any:
    """The keys that a value is documented with, and the type of each, however deep."""
    return frozenset((key, one["type"], one.get("elements"), keys(one)) for key, one in (said.get("contains") or {}).items())


def test_each_reference_is_to_a_value_that_documents_its_keys_and_adds_to_them() -> None:
    references = [(module, where, said, to) for module, where, said in WRITTEN if (to := reference(said, module))]
    assert references
    for module, where, said, to in references:
        assert "dict" in (said["type"], said.get("elements")), where
        assert sample(module, where), f"{where} has no sample, which shows its keys here"
        there = referenced(to)
        for key, one in said.get("contains", {}).items():
            assert one != there.get(key), f"{where} {key} is documented at {to}"


def sample(module: str, where: str) -> Any:
    """That of the value, or its part of the sample of a value around it."""
    shown: Any = None
    contains = written(module)
    for key in where.split(" ")[1:]:
        around = shown[0] if isinstance(shown, list) and shown else shown
        shown = contains[key].get("sample", around.get(key) if isinstance(around, dict) else None)
        contains = contains[key].get("contains", {})
    return shown


def test_the_form_of_the_proof_has_the_keys_of_the_documentation_with_their_types() -> None:
    written_of = {where: of_documentation(said) for where, said in values(documented("proof")["proof"]["contains"], "proof")}
    parts = "proof policy parts "
    assert {where: types for where, types in in_schema(SCHEMA, "proof") if not where.startswith(parts)} == written_of


TYPES = {"str": "string", "int": "integer", "bool": "boolean", "list": "array", "dict": "object"}


def of_documentation(said: Json) -> set[str]:
    return {TYPES[said["type"]], *(["null"] if "null" in str(said["description"]) else [])}


def in_schema(said: Json, where: str) -> Iterator[tuple[str, set[str]]]:
    """Each key of a JSON schema, however deep, with where it is and its types."""
    said = whole(said)
    for inner in [*said.get("oneOf", ()), *([said["items"]] if "items" in said else [])]:
        yield from in_schema(inner, where)
    for key, inner in said.get("properties", {}).items():
        yield f"{where} {key}", types(inner)
        yield from in_schema(inner, f"{where} {key}")


def types(said: Json) -> set[str]:
    said = whole(said)
    if "oneOf" in said:
        return set().union(*map(types, said["oneOf"]))
    if "type" not in said:
        return {"null" if each is None else TYPES[type(each).__name__] for each in said.get("enum", [said.get("const")])}
    return {said["type"]} if isinstance(said["type"], str) else {*said["type"]}


def whole(said: Json) -> Json:
    found: Json = SCHEMA["$defs"][said["$ref"].rpartition("/")[2]] if "$ref" in said else said
    return found


def test_samples_are_what_the_rest_says() -> None:
    for where, said in everything():
        assert list(faults_of_value(said, said["sample"], where) if "sample" in said else ()) == []


def test_everything_that_a_module_returns_has_a_sample() -> None:
    assert [(module, key) for module in modules() for key, said in written(module).items() if not has_sample(said)] == []


def has_sample(said: Json) -> bool:
    """Of its own, or each of its keys has one."""
    return "sample" in said or ("contains" in said and all(map(has_sample, said["contains"].values())))
