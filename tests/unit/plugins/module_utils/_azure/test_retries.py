from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure import retries
from ansible_collections.image_trust.azure.plugins.module_utils._azure.retries import LOST_CONNECTION, NO_CONNECTION, RETRIES, RETRY_AFTER, Retrying
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ServiceRequestError, ServiceResponseError


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
    monkeypatch.setattr(retries, "time", clock)
    return clock


def answer(status: int, code: str | None = None, retry_after: str | None = None) -> Any:
    text = "<html>" if code is None else json.dumps({"error": {"code": code}})
    return SimpleNamespace(status_code=status, reason="", headers={} if retry_after is None else {"Retry-After": retry_after}, text=lambda: text)


def send(outcome: Any, times: int = 10_000) -> Any:
    """What comes of a request that has this outcome so many times and then `DONE`: the last outcome, an answer or an exception."""
    left = iter([outcome] * times)

    def one(request: Any) -> Any:
        result = next(left, DONE)
        if isinstance(result, AzureError):
            raise result
        return SimpleNamespace(http_response=result)

    policy = Retrying()
    policy.next = SimpleNamespace(send=one)
    try:
        return policy.send(SimpleNamespace(context=SimpleNamespace(options={"retry_on_methods": ["POST"]}))).http_response
    except HttpResponseError as error:
        return error.response or error
    except AzureError as error:
        return error


DONE = answer(200)
PAST = "Wed, 21 Oct 2015 07:28:00 GMT"
OUTCOMES: dict[int | str, Any] = {
    **{row: answer(row) if isinstance(row, int) else answer(409, row) for row in RETRIES},
    RETRY_AFTER: answer(409, "Whatever", retry_after="3"),
    NO_CONNECTION: ServiceRequestError("connection refused"),
    LOST_CONNECTION: ServiceResponseError("connection reset"),
}


@pytest.mark.parametrize("row", RETRIES)
def test_what_is_in_the_table_is_tried_again(clock: Clock, row: int | str) -> None:
    assert send(OUTCOMES[row], 4) is DONE
    assert len(clock.sleeps) == 4


@pytest.mark.parametrize("row", RETRIES)
def test_every_row_has_a_bound(clock: Clock, row: int | str) -> None:
    assert send(OUTCOMES[row]) is OUTCOMES[row]
    assert RETRIES[row].bound * 0.7 < clock.now <= RETRIES[row].bound


@pytest.mark.parametrize("row", [row for row in RETRIES if row != RETRY_AFTER])
def test_pauses_double_up_to_the_longest(clock: Clock, row: int | str) -> None:
    send(OUTCOMES[row], 4)
    retry = RETRIES[row]
    for tries, pause in enumerate(clock.sleeps):
        usual = min(retry.first_pause * 2**tries, retry.longest_pause)
        assert usual / 2 <= pause <= usual


@pytest.mark.parametrize("status", [409, 429, 503])
def test_the_time_that_azure_names_is_the_least_pause(clock: Clock, status: int) -> None:
    assert send(answer(status, retry_after="20"), 3) is DONE
    assert all(20 <= pause <= 22 for pause in clock.sleeps)


def test_a_time_beyond_the_bound_is_not_waited_for(clock: Clock) -> None:
    assert send(answer(429, retry_after="3600")).status_code == 429
    assert clock.sleeps == []


@pytest.mark.parametrize("status", [409, 429, 503])
def test_the_time_that_azure_names_may_be_a_date(clock: Clock, status: int) -> None:
    assert send(answer(status, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)), 3) is DONE
    assert all(15 <= pause <= 22 for pause in clock.sleeps)


def test_a_date_beyond_the_bound_is_not_waited_for(clock: Clock) -> None:
    assert send(answer(429, retry_after=format_datetime(datetime.now(UTC) + timedelta(days=1)))).status_code == 429
    assert clock.sleeps == []


@pytest.mark.parametrize("said", ["0", PAST])
def test_a_time_that_is_over_is_no_reason_to_ask_without_end(clock: Clock, said: str) -> None:
    """Such as a date, where the clock of this machine is ahead."""
    assert send(answer(429, retry_after=said)).status_code == 429
    assert len(clock.sleeps) < 60
    assert len(set(clock.sleeps)) > 10


@pytest.mark.parametrize("said", ["soon", "1.5", "-1", "", "Wed, 99 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 +99999999"])
def test_a_time_that_cannot_be_read_is_none(said: str) -> None:
    assert retries.retry_after(answer(429, retry_after=said)) is None


@pytest.mark.parametrize(
    "outcome",
    [
        answer(400, "BadRequest"),
        answer(403, "AuthorizationFailed"),
        answer(404, "ResourceNotFound"),
        answer(409, "Conflict"),
        answer(409, "RoleAssignmentExists"),
        answer(409, "OperationNotAllowed"),
        answer(401, retry_after="soon"),
        answer(501),
        ServiceRequestError("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))"),
        ClientAuthenticationError("no"),
    ],
)
def test_all_else_is_not_tried_again(clock: Clock, outcome: Any) -> None:
    assert send(outcome) is outcome
    assert clock.sleeps == []
