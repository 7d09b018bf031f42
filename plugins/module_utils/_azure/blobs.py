# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Blobs in a private container where the collection writes files: https://<account>.blob.core.windows.net/<container>/<name>.

https://learn.microsoft.com/azure/storage/blobs/storage-blobs-introduction
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import ModuleError, ask, find, refuse
from .retries import Retrying
from .session import Azure

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

T = TypeVar("T")
_CONTAINER = "(?=[^/]{3,63}/)[a-z0-9](?:-?[a-z0-9])+"
_SEGMENT = r"(?![^/]*\.(?:/|$))[^\s\x00-\x1f\x7f/\\%]+"
_NO_ETAG = '"0x0"'
"""No blob has it."""
_TYPES = {"html": "text/html; charset=utf-8", "json": "application/json", "prom": "text/plain; charset=utf-8", "txt": "text/plain; charset=utf-8"}
"""What a browser makes of a blob, by the end of its name."""
_OF_OTHERS = ("BlobAlreadyExists", "ConditionNotMet")
"""Codes with which Azure refuses a write because the blob is not as it was read."""


@dataclass(frozen=True)
class Place:
    """Where a blob is: URL of the account, how the names of its cloud's accounts end, name of the container, name of the blob."""

    account: str
    storage: str
    container: str
    name: str

    @property
    def around(self) -> str:
        return f"the container {self.account}/{self.container}"


@dataclass(frozen=True)
class Blob:
    """A blob as it was read; it has another `etag` after each write."""

    content: bytes
    etag: str


def is_url(path: str) -> bool:
    """Whether a path is the URL of a blob."""
    return "://" in path


def place(option: str, url: str) -> Place:
    """Where that URL leads. Raises `ModuleError`."""
    bare = re.sub(r"//[^/]*@", "//", re.split("[?#]", url)[0])
    if bare != url:
        raise refuse(
            f"{option} is {bare} and more, of which a part may be a secret, such as a token (SAS); leave it out, revoke the token, since logs keep what is in a"
            " URL, and give the login a role on the container."
        )
    found = re.fullmatch(rf"(https://[a-z0-9]{{3,24}}\.blob\.([a-z0-9.-]+))/({_CONTAINER})/({_SEGMENT}(?:/{_SEGMENT})*)", url)
    if not found or len(found[4]) > 1024:
        raise refuse(
            f"{option} is {url!r}, but must be such as https://contoso.blob.core.windows.net/image-trust/web.json: https, a storage account, a container, and a"
            " name without blanks, '%' and '\\'."
        )
    return Place(*found.groups())


class Blobs:
    """Blobs as a login reads and writes them, by their URLs. Everything raises `ModuleError`. A container is never created."""

    def __init__(self, azure: Azure, option: str) -> None:
        self._azure = azure
        self._option = option
        self._clients: dict[tuple[str, str], ContainerClient] = {}
        self._private: set[str] = set()

    def check(self, url: str) -> None:
        """Raises where it could not be written, and writes nothing: Azure looks at the condition, which no blob meets, when all else is well."""
        try:
            self._upload(self._place(url), b"", Blob(b"", _NO_ETAG))
        except ModuleError as failure:
            if failure.code != "ConditionNotMet":
                raise

    def read(self, url: str) -> Blob | None:
        """None where there is none."""
        at = self._place(url)

        def download() -> Blob:
            stream = self._client(at).download_blob(at.name)
            return Blob(stream.readall(), str(stream.properties.etag))

        return self._asked(lambda: find(f"read blobs of {at.around}", download))

    def write(self, url: str, content: bytes, before: Blob | None) -> None:
        """Write it whole, if it is still as it was read before."""
        try:
            self._upload(self._place(url), content, before)
        except ModuleError as failure:
            if failure.code not in _OF_OTHERS:
                raise
            # It may be our own write, whose answer was lost.
            found = self.read(url)
            if not found or found.content != content:
                raise _changed(url, failure) from None

    def delete(self, url: str, before: Blob) -> None:
        """Delete it, if it is still as it was read before. One that is gone is no error."""
        at = self._place(url)

        def remove() -> None:
            self._client(at).delete_blob(at.name, **_unchanged(before))

        try:
            self._asked(lambda: find(f"delete the blob {url}", remove))
        except ModuleError as failure:
            raise _changed(url, failure) if failure.code in _OF_OTHERS else failure from None

    def _place(self, url: str) -> Place:
        """The login's token is good for any storage account, so that no host but those of its cloud may see it."""
        at, storage = place(self._option, url), self._azure.storage
        if at.storage != storage:
            raise refuse(
                f"{self._option} is {url!r}, but the storage accounts of this cloud are called https://<account>.blob.{storage or '<unknown>'}; correct it, or"
                " cloud_environment."
            )
        return at

    def _upload(self, at: Place, content: bytes, before: Blob | None) -> None:
        self._require_private(at)

        def upload() -> None:
            from azure.storage.blob import ContentSettings

            settings = ContentSettings(content_type=_TYPES.get(at.name.rpartition(".")[2], "application/octet-stream"))
            condition = {"overwrite": True, **_unchanged(before)} if before else {"overwrite": False}
            self._client(at).upload_blob(at.name, content, content_settings=settings, **condition)

        self._asked(lambda: ask(f"write the blob {at.account}/{at.container}/{at.name}", upload))

    def _require_private(self, at: Place) -> None:
        if at.around in self._private:
            return
        found = self._asked(lambda: ask(f"read the properties of {at.around}", lambda: self._client(at).get_container_properties()))
        if found.public_access:
            raise refuse(f"Everybody may read what is in {at.around}; set its public access level to private, and run again.")
        self._private.add(at.around)

    def _client(self, at: Place) -> ContainerClient:
        key = (at.account, at.container)
        if key not in self._clients:
            self._clients[key] = self._azure.container(at.account, at.container, _Retrying())
        return self._clients[key]

    def _asked(self, request: Callable[[], T]) -> T:
        """A cached token that the account refuses leads to one new login, as elsewhere; the SDK's own policy keeps to the one that it was given."""
        try:
            return request()
        except ModuleError as failure:
            if failure.status != 401 or not self._azure.forget_token():
                raise
        self._clients.clear()
        return request()


class _Retrying(Retrying):
    """In place of the SDK's own policy, which knows of a second place to ask and tells which one has answered; there is only one here."""

    def send(self, request: Any) -> Any:
        request.context.options.pop("hosts", None)
        mode = request.context.options.pop("location_mode", None)
        response = super().send(request)
        response.http_response.location_mode = mode
        return response

    def received(self, response: Any) -> Any:
        """A blob is left for the SDK to be read."""
        return super().received(response) if response.http_response.status_code >= 400 else response


def _unchanged(before: Blob) -> dict[str, Any]:
    """Arguments of a request that counts only while the blob is as it was read before."""
    from azure.core import MatchConditions

    return {"etag": before.etag, "match_condition": MatchConditions.IfNotModified}


def _changed(url: str, failure: ModuleError) -> ModuleError:
    sentence = f"The blob {url} was written by another run since this one has read it; run again, once the other one has finished."
    return ModuleError(sentence, code=failure.code, message=failure.message, status=failure.status, request_id=failure.request_id)
