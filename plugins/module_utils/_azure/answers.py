# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Azure answered, alike for all generations of the SDK. Private to the collection.

Newer generations' models are mappings with the names of the JSON, older ones' have attributes only, and drop what is newer than they. Which one is installed
is not ours to say: azure.azcollection pins old ones.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineRequest, PipelineResponse

OLDEST = {
    # Before it, roleAssignmentMode is not returned, and a registry in ABAC mode looks like any other.
    "microsoft.containerregistry": "2025-11-01",
    # All older ones retire on 27 February 2027.
    "microsoft.keyvault": "2026-02-01",
}
"""The oldest api-version that is sent to a resource provider; the SDK's own where that is newer."""


def new_enough(request: PipelineRequest[Any]) -> None:
    """`raw_request_hook` of a client: raises the api-version of a request to OLDEST."""
    url = urlsplit(request.http_request.url)
    query = parse_qs(url.query, keep_blank_values=True)
    oldest = OLDEST.get(url.path.lower().rpartition("/providers/")[2].split("/")[0], "")
    if query.get("api-version", [oldest])[0] < oldest:
        request.http_request.url = url._replace(query=urlencode({**query, "api-version": oldest}, doseq=True)).geturl()


def of_azure(response: PipelineResponse[Any, Any]) -> None:
    """`raw_response_hook` of a client: raises azure-core's `DecodeError` for a success that is not Azure's, such as the page of a proxy. The SDK takes one for
    a deletion that is done, or for nothing, or fails on it in its own ways."""
    answer: Any = response.http_response
    if answer.status_code not in (200, 201):
        return
    if hasattr(answer, "read"):
        answer.read()
    content = answer.body()
    if not content and (answer.request.method == "DELETE" or "/operation" in answer.request.url.lower()):
        return
    try:
        is_azures = isinstance(json.loads(content), dict)
    except ValueError:
        is_azures = False
    if not is_azures:
        from azure.core.exceptions import DecodeError

        raise DecodeError(f"a success (HTTP {answer.status_code}) was answered, but not as Azure does", response=answer)


def as_sent(response: PipelineResponse[Any, Any], model: Any, headers: Any) -> Any:
    """`cls` of an operation: the JSON that Azure sent instead of the SDK's model of it."""
    return json.loads(response.http_response.text())


def in_json(model: Any, *, writable: bool = False) -> Any:
    """A model by the names of the JSON; with `writable` without what Azure only tells, as it is sent back."""
    if hasattr(model, "serialize"):
        return model.serialize(keep_readonly=not writable)
    return model.as_dict(exclude_readonly=writable)
