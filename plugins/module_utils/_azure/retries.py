# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one table of what is worth another try, and what tries again by it. Private to the collection."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError

_RANDOM = random.SystemRandom()
"""Keeps writers that wait for each other apart."""


@dataclass(frozen=True)
class Retry:
    """Why the same request may succeed later, and how long it is tried: `bound`, and the pauses that double between two tries, in seconds."""

    waits_for: str
    bound: float
    first_pause: float = 1.0
    longest_pause: float = 10.0


_RECOVERY = Retry("Azure to recover", bound=120)
_OTHER_WRITERS_OF_VAULT = Retry("other writers of this vault", bound=180)

NO_CONNECTION, LOST_CONNECTION, RETRY_AFTER = "no connection", "lost connection", "Retry-After"

RETRIES: dict[int | str, Retry] = {
    # Azure's error codes
    "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity": Retry("other writers of this identity's federated credentials", bound=300),
    "ConflictError": _OTHER_WRITERS_OF_VAULT,
    "ConditionNotMet": _OTHER_WRITERS_OF_VAULT,
    "PrincipalNotFound": Retry("the new principal to be known to Azure RBAC", bound=180, first_pause=2),
    # HTTP status
    408: _RECOVERY,
    # An identity takes a write in four seconds (https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/known-issues).
    429: Retry("Azure to take more requests", bound=600, longest_pause=30),
    500: _RECOVERY,
    502: _RECOVERY,
    503: _RECOVERY,
    504: _RECOVERY,
    # any other refusal with which Azure says when to come again
    RETRY_AFTER: Retry("the time that Azure named", bound=300),
    # no answer at all
    NO_CONNECTION: Retry("a connection", bound=20, longest_pause=5),
    LOST_CONNECTION: Retry("an answer", bound=120),
}
"""By Azure's code first, then by status. The time that Azure names in Retry-After is the least pause.

Every method is repeated, also after an answer was lost: whatever the collection sends (PUT, DELETE, PATCH of tags, POST for credentials) may be sent twice.
"""


def of_answer(response: Any) -> Retry | None:
    """The row for an HTTP answer, None where another try is not worth it."""
    if response.status_code < 400:
        return None
    by_header = RETRIES[RETRY_AFTER] if retry_after(response) is not None else None
    return RETRIES.get(_code(response)) or RETRIES.get(response.status_code) or by_header


def of_error(error: AzureError) -> Retry | None:
    """The row for what the SDK raised, None where another try is not worth it."""
    from azure.core.exceptions import HttpResponseError, IncompleteReadError, ServiceRequestError, ServiceResponseError

    if isinstance(error, HttpResponseError) and error.response is not None:
        return of_answer(error.response)
    if isinstance(error, ServiceRequestError):
        return None if "CERTIFICATE_VERIFY_FAILED" in str(error) else RETRIES[NO_CONNECTION]
    # A plain HttpResponseError without a response, and IncompleteReadError: lost amid the answer.
    lost = isinstance(error, (ServiceResponseError, IncompleteReadError)) or error.__class__ is HttpResponseError
    return RETRIES[LOST_CONNECTION] if lost else None


def retry_after(response: Any) -> int | None:
    """Seconds that Azure asks to wait, as a number or until a date; None where it does not say."""
    said = str(response.headers.get("Retry-After", ""))
    if said.isdecimal():
        return int(said)
    try:
        until = parsedate_to_datetime(said)
        return max(0, ceil((until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()))
    except (ValueError, OverflowError):
        return None


class Retrying:
    """Repeats requests as RETRIES says: a policy for azure-core's pipelines in place of their own.

    That one leaves alone a 409, repeats a POST or PATCH neither after 429 nor after a lost answer, and gives up after three tries whatever time they took.
    """

    next: Any
    """The rest of the pipeline; set by azure-core."""

    def __init__(self, **settings: Any) -> None:
        """azure-identity makes it itself, with settings for its own policy."""

    def send(self, request: Any) -> Any:
        """The answer. Raises the SDK's error where a try that was worth it has not helped within the bound."""
        from azure.core.exceptions import AzureError, HttpResponseError

        # Settings for azure-core's own policy, which no other policy may see.
        for option in [name for name in request.context.options if name.startswith("retry_")]:
            del request.context.options[option]
        started, tries = time.monotonic(), 0
        while True:
            try:
                response = self.received(self.next.send(request))
                retry, asked = of_answer(response.http_response), retry_after(response.http_response)
                failure = None
            except AzureError as error:
                retry, asked, failure = of_error(error), None, error
            pause = _pause(retry, tries, asked) if retry else 0.0
            if not retry and not failure:
                return response
            if not retry or time.monotonic() - started + pause > retry.bound:
                raise failure or HttpResponseError(response=response.http_response)
            time.sleep(pause)
            tries += 1

    def received(self, response: Any) -> Any:
        """`response` with its body, which the SDK leaves to be read later for long operations: a connection lost amid it is seen here."""
        answer = response.http_response
        if hasattr(answer, "read"):
            answer.read()
            # Older SDKs ask for a stream of it first, which cannot be any more, and then read it as well.
            answer.stream_download = lambda *_, **__: iter(())
        return response


def _pause(retry: Retry, tries: int, asked: int | None) -> float:
    usual = min(retry.first_pause * 2.0**tries, retry.longest_pause) * _RANDOM.uniform(0.5, 1.0)
    # A time of zero, or a date that is over by this machine's clock, is no reason to ask without end.
    return usual if asked is None else max(usual, asked + retry.first_pause * _RANDOM.random())


def _code(response: Any) -> str:
    """Azure's error code; empty where the answer has none."""
    try:
        return str(json.loads(response.text())["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""
