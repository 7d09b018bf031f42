"""How findings are collected, and what is printed of them."""

from __future__ import annotations

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError, refuse
from ansible_collections.image_trust.azure.plugins.module_utils._preflight.findings import Findings, summary, table


def test_an_error_is_a_refusal_and_its_text_is_there_once() -> None:
    found = Findings()

    def failing() -> int:
        raise refuse("The login failed.")

    assert found.known("cluster lab1", failing) is None
    assert found.known("vault web", failing) is None
    assert found.known("vault web", lambda: 1) == 1
    assert [(one.level, one.about, one.text) for one in found.all] == [("refuse", "cluster lab1", "The login failed.")]


@pytest.mark.parametrize("code", ["Unreachable", "LoginFailed", "AADSTS7000215"])
def test_an_azure_that_answers_no_request_is_asked_once(code: str) -> None:
    found, asked = Findings(), []

    def failing() -> int:
        asked.append(1)
        raise ModuleError(f"No answer to request {len(asked)}.", code=code)

    assert [found.known(about, failing) for about in ("cluster lab1", "vault web")] == [None, None]
    assert [one.text for one in found.all] == ["No answer to request 1."]


def test_ok_is_only_what_nothing_else_was_found_about() -> None:
    found = Findings()
    found.warn("It is being changed.", "cluster lab1")
    for about in ("cluster lab1", "vault web", "vault web"):
        found.accept("It exists.", about)
    assert [(one.level, one.about) for one in found.all] == [("warn", "cluster lab1"), ("ok", "vault web")]
    assert not found.refused("cluster lab1")


def test_the_table_begins_with_the_refusals() -> None:
    found = Findings()
    found.accept("It exists.", "vault web")
    found.warn("It is being changed.", "cluster lab1")
    found.refuse("There is no registry a.", "registry a")
    assert table(found.all) == [
        "refuse  registry a    There is no registry a.",
        "warn    cluster lab1  It is being changed.",
        "ok      vault web     It exists.",
    ]
    assert table([]) == []


def test_the_summary_has_every_refusal_in_one_line() -> None:
    assert summary(["There is no vault web."]) == "Nothing was changed. There is no vault web."
    assert summary(["There is no vault web.", "The cluster is stopped."]) == (
        "Nothing was changed. 2 reasons: (1) There is no vault web. (2) The cluster is stopped."
    )
