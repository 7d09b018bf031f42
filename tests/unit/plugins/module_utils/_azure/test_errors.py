from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError, ask, find
from azure.core.exceptions import HttpResponseError, ServiceRequestError


def answer(status: int, code: str, message: str = "Something is wrong.") -> HttpResponseError:
    body = json.dumps({"error": {"code": code, "message": message}})
    response: Any = SimpleNamespace(status_code=status, reason="Reason", headers={"x-ms-request-id": "req-1"}, text=lambda: body)
    return HttpResponseError(response=response)


def failing(times: int, error: Exception) -> Callable[[], str]:
    left = iter([error] * times)

    def request() -> str:
        for failure in left:
            raise failure
        return "done"

    return request


def test_azure_s_words_and_numbers_are_kept() -> None:
    with pytest.raises(ModuleError) as failed:
        ask("write it", failing(1, answer(409, "Conflict")))
    assert failed.value.error == {"code": "Conflict", "message": "Something is wrong.", "status": 409, "request_id": "req-1"}


def test_what_was_tried_again_in_vain_says_what_was_waited_for() -> None:
    with pytest.raises(ModuleError, match=r"^Could not write it: Something is wrong .ConflictError.. Tried for 0 s, waiting for other writers of this vault.$"):
        ask("write it", failing(1, answer(409, "ConflictError")))


def test_the_sentence_names_the_object_what_azure_said_and_the_remedy() -> None:
    with pytest.raises(ModuleError) as failed:
        ask("read the vault v in resource group g", failing(1, answer(404, "ResourceGroupNotFound", "Resource group 'g' could not be found.")))
    assert failed.value.sentence == (
        "Could not read the vault v in resource group g: Resource group 'g' could not be found (ResourceGroupNotFound);"
        " check resource_group and subscription_id."
    )


@pytest.mark.parametrize("code", ["ResourceNotFound", "NotFound", "ParentResourceNotFound", "ResourceGroupNotFound"])
def test_what_is_not_there_is_none(code: str) -> None:
    assert find("read it", failing(1, answer(404, code))) is None


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "SubscriptionNotFound"),
        # A cloud that does not know the type, or not in this api-version.
        (404, "InvalidResourceType"),
        (404, "InvalidResourceNamespace"),
        (403, "AuthorizationFailed"),
        (400, "NotFound"),
    ],
)
def test_what_could_not_be_read_is_not_taken_as_missing(status: int, code: str) -> None:
    with pytest.raises(ModuleError, match=code):
        find("read it", failing(1, answer(status, code)))


@pytest.mark.parametrize("body", ["<html>Not Found</html>", "", "{}", '{"error": {}}'])
def test_who_does_not_answer_as_azure_does_is_not_taken_to_say_that_something_is_missing(body: str) -> None:
    response: Any = SimpleNamespace(status_code=404, reason="Not Found", headers={}, text=lambda: body)
    with pytest.raises(ModuleError, match=r"^Could not read it: .*Not Found.*; check cloud_environment and the proxy of this machine.$"):
        find("read it", failing(1, HttpResponseError(response=response)))


def test_no_answer() -> None:
    with pytest.raises(
        ModuleError, match=r"^Could not read it: connection refused .Unreachable.; check cloud_environment, the proxy and the network"
    ) as failed:
        ask("read it", failing(1, ServiceRequestError("connection refused")))
    assert failed.value.error["status"] is None
