from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure import errors
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import RETRIES, ModuleError, ask, find
from azure.core.exceptions import HttpResponseError, ServiceRequestError


def answer(status: int, code: str, message: str = "Something is wrong.") -> HttpResponseError:
    body = json.dumps({"error": {"code": code, "message": message}})
    response: Any = SimpleNamespace(status_code=status, reason="Reason", headers={"x-ms-request-id": "req-1"}, text=lambda: body)
    return HttpResponseError(response=response)


class Clock:
    """Time that only passes by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.sleeps.append(seconds)

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(errors, "time", clock)
    return clock


def failing(times: int, error: Exception) -> Callable[[], str]:
    left = iter([error] * times)

    def request() -> str:
        for failure in left:
            raise failure
        return "done"

    return request


@pytest.mark.parametrize("code", list(RETRIES))
def test_what_is_in_the_table_is_tried_again_with_growing_pauses(clock: Clock, code: str) -> None:
    assert ask("write it", failing(5, answer(409, code))) == "done"
    assert len(clock.sleeps) == 5
    assert clock.sleeps[4] > clock.sleeps[0]
    assert max(clock.sleeps) <= RETRIES[code].longest_pause


@pytest.mark.parametrize("code", list(RETRIES))
def test_the_wait_has_a_bound_and_says_what_was_waited_for(clock: Clock, code: str) -> None:
    with pytest.raises(ModuleError, match=f"^Could not write it: Something is wrong .*waiting for {RETRIES[code].waits_for}"):
        ask("write it", failing(10_000, answer(409, code)))
    assert RETRIES[code].bound * 0.8 < clock.now <= RETRIES[code].bound


@pytest.mark.parametrize(("status", "code"), [(409, "Conflict"), (409, "RoleAssignmentExists"), (400, "BadRequest"), (403, "AuthorizationFailed")])
def test_what_is_not_in_the_table_is_not_tried_again(clock: Clock, status: int, code: str) -> None:
    with pytest.raises(ModuleError) as failed:
        ask("write it", failing(1, answer(status, code)))
    assert clock.sleeps == []
    assert failed.value.error == {"code": code, "message": "Something is wrong.", "status": status, "request_id": "req-1"}


def test_the_sentence_names_the_object_what_azure_said_and_the_way_out() -> None:
    with pytest.raises(ModuleError) as failed:
        ask("read the vault v in resource group g", failing(1, answer(404, "ResourceGroupNotFound", "Resource group 'g' could not be found.")))
    assert failed.value.sentence == (
        "Could not read the vault v in resource group g: Resource group 'g' could not be found (ResourceGroupNotFound);"
        " check resource_group and subscription_id."
    )


@pytest.mark.parametrize("code", ["ResourceNotFound", "NotFound", "ParentResourceNotFound", "ResourceGroupNotFound"])
def test_what_is_not_there_is_none(code: str) -> None:
    assert find("read it", failing(1, answer(404, code))) is None


@pytest.mark.parametrize(("status", "code"), [(404, "SubscriptionNotFound"), (403, "AuthorizationFailed"), (400, "NotFound")])
def test_what_could_not_be_read_is_not_taken_as_missing(status: int, code: str) -> None:
    with pytest.raises(ModuleError, match=code):
        find("read it", failing(1, answer(status, code)))


def test_no_answer() -> None:
    with pytest.raises(
        ModuleError, match=r"^Could not read it: connection refused .Unreachable.; check cloud_environment, the proxy and the network"
    ) as failed:
        ask("read it", failing(1, ServiceRequestError("connection refused")))
    assert failed.value.error["status"] is None
