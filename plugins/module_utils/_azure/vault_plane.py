# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The data plane of one key vault, in JSON. Private to the collection.

https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import ids
from .credentials import Credential, policy
from .errors import ModuleError, ask, refuse
from .retries import Retrying

if TYPE_CHECKING:
    from azure.core import PipelineClient
    from azure.core.rest import HttpRequest, HttpResponse

API_VERSION = "7.4"
_CHALLENGE = re.compile(r'(?:resource|scope)="?(https://[^"\s,]+)')


class VaultPlane:
    """`uri` is the vault's, as Resource Manager tells it; `again`: whether a request is repeated by the table of retries. Everything that asks raises
    `ModuleError`."""

    def __init__(self, uri: str, credential: Credential, *, again: bool = True) -> None:
        if not ids.is_https(uri) or urlsplit(uri).path.strip("/"):
            raise refuse(f"{uri!r} is not the URI of a key vault; give it as keyvault_info returns it.")
        self.uri = uri.rstrip("/")
        self._credential = credential
        self._again = again

    def get(self, what: str, path: str) -> dict[str, Any]:
        """The object there. `what` completes "Could not ..."."""
        return self._send(what, "GET", path, None)

    def post(self, what: str, path: str, content: Mapping[str, str]) -> dict[str, Any]:
        """The answer to what is sent there."""
        return self._send(what, "POST", path, content)

    def _send(self, what: str, method: str, path: str, content: Mapping[str, str] | None) -> dict[str, Any]:
        def answer() -> dict[str, Any]:
            with self._client(policy(self._credential, self._scope)) as client:
                return dict(self._answer(client, method, path, content).json())

        return ask(what, answer)

    def _answer(self, client: PipelineClient[HttpRequest, HttpResponse], method: str, path: str, content: Mapping[str, str] | None = None) -> HttpResponse:
        from azure.core.rest import HttpRequest

        answer = client.send_request(HttpRequest(method, f"{self.uri}/{path}", params={"api-version": API_VERSION}, json=content))
        answer.raise_for_status()
        return answer

    def _client(self, *policies: Any) -> PipelineClient[HttpRequest, HttpResponse]:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import UserAgentPolicy

        agent: list[Any] = [UserAgentPolicy("image_trust.azure"), *([Retrying()] if self._again else [])]
        return PipelineClient(self.uri, policies=[*agent, *policies], connection_timeout=15, read_timeout=60)

    @cached_property
    def _scope(self) -> str:
        """For what a token has to be: the vault answers it to a request without one. Each cloud has its own."""
        from azure.core.exceptions import HttpResponseError

        resource = ""
        try:
            with self._client() as client:
                self._answer(client, "GET", "keys")
        except HttpResponseError as error:
            headers: Mapping[str, str] = getattr(error.response, "headers", {})
            challenge = _CHALLENGE.search(headers.get("WWW-Authenticate", "")) if error.status_code == 401 else None
            if (error.status_code or 500) >= 500:
                raise
            resource = challenge[1].removesuffix("/.default").rstrip("/") if challenge else ""
        # A token goes only to the owner of the resource: https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses
        if not resource or not f".{urlsplit(self.uri).hostname}".endswith(f".{urlsplit(resource).hostname}"):
            raise ModuleError(f"{self.uri} does not answer as a key vault does; check its URI, and the proxy of this machine.", code="InvalidVault")
        return f"{resource}/.default"
