from __future__ import annotations

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError
from ansible_collections.image_trust.azure.plugins.module_utils._azure.writes import Write, in_turn


def failing() -> str:
    raise ModuleError("No.", code="No")


def working() -> str:
    return "answer"


def test_writes_are_made_in_turn_until_one_fails() -> None:
    assert in_turn([Write("a", working), Write("b", working)], "there") == ["answer", "answer"]
    with pytest.raises(ModuleError, match=r"^No\. Done before it: a\. Not done: b, c\.$") as failure:
        in_turn([Write("a", working), Write("b", failing), Write("c", working)], "there")
    assert failure.value.results == {"changed": True, "done": ["a"], "not_done": ["b", "c"]}
    with pytest.raises(ModuleError, match=r"^No\. Done before it: nothing\. Not done: a, b\.$") as failure:
        in_turn([Write("a", failing), Write("b", working)], "there")
    assert failure.value.results["changed"] is False


def test_a_single_write_that_fails_needs_no_list() -> None:
    with pytest.raises(ModuleError, match=r"^No\.$") as failure:
        in_turn([Write("a", failing)], "there")
    assert failure.value.results == {}


def test_a_better_reason_carries_what_was_done_too() -> None:
    with pytest.raises(ModuleError, match=r"^Because\. Done before it: a\. Not done: b\.$") as failure:
        in_turn([Write("a", working), Write("b", failing)], "there", lambda _: ModuleError("Because.", code="Reason"))
    assert (failure.value.code, failure.value.results["done"]) == ("Reason", ["a"])
