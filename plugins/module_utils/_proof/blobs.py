# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The blobs of a proof: as its files, in a container."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from .._azure.blobs import Blob, Blobs
from .._azure.errors import ModuleError
from .files import parsed


class ProofBlobs:
    """A record at `url`, with `.sig` and `.txt` added for the two others. Everything raises `ModuleError`."""

    def __init__(self, blobs: Blobs, url: str) -> None:
        self.url = url
        self.signature, self.page = (f"{url}.{what}" for what in ("sig", "txt"))
        self._blobs = blobs
        self._before: dict[str, Blob | None] = {}

    def previous(self) -> Any:
        """What is recorded there, which may be anything; None where nothing is. Read before it is written, so that no other run's is lost."""
        self._before = {each: self._blobs.read(each) for each in (self.page, self.signature, self.url)}
        found = self._before[self.url]
        return parsed(found.content) if found else None

    def check(self) -> None:
        """Raises where it could not be written."""
        self._blobs.check(self.url)

    def write(self, record: bytes, signature: bytes | None, page: str) -> None:
        """Blobs change one by one. The page is the first: of two runs at the same time, one cannot write it, and stops. Between the steps there is a record
        without a signature, never one with the signature of another."""
        signed = self._before[self.signature]
        self._write(self.page, page.encode())
        if signed:
            self._blobs.delete(self.signature, signed)
        try:
            self._write(self.url, record)
        except ModuleError:
            if signed:
                with suppress(ModuleError):
                    self._blobs.write(self.signature, signed.content, None)
            raise
        if signature:
            self._blobs.write(self.signature, signature, None)

    def _write(self, url: str, content: bytes) -> None:
        self._blobs.write(url, content, self._before[url])
