# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The files of a proof: the record, its signature, and the page to read beside them."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MODE = 0o640


class ProofFile:
    """A record at `path`, with `.sig` and `.txt` added for the two others."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.signature, self.page = (self.path.with_name(f"{self.path.name}.{what}") for what in ("sig", "txt"))

    def previous(self) -> Any:
        """What is recorded there, which may be anything; None where nothing is that can be read."""
        try:
            return parsed(self.path.read_bytes())
        except OSError:
            return None

    def check(self) -> None:
        """Raises `OSError` where it could not be written."""
        tempfile.TemporaryFile(dir=self.path.parent).close()

    def write(self, record: bytes, signature: bytes | None, page: str) -> None:
        """All of it, or nothing: what was there before stays where a disk is full. Between the steps there is a record without a signature, never one with
        the signature of another. Raises `OSError`."""
        given = {self.path: record, self.page: page.encode(), **({self.signature: signature} if signature else {})}
        written: dict[Path, Path] = {}
        try:
            for path, content in given.items():
                _write(path, content, written)
            self.signature.unlink(missing_ok=True)
            for path, temporary in written.items():
                temporary.replace(path)
        finally:
            for temporary in written.values():
                temporary.unlink(missing_ok=True)


def parsed(content: bytes) -> Any:
    """The JSON of a record; None where it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def encoded(document: Mapping[str, Any]) -> bytes:
    """The bytes of a record, which are what is signed."""
    return f"{json.dumps(document, indent=4, sort_keys=True)}\n".encode()


def _write(path: Path, content: bytes, written: dict[Path, Path]) -> None:
    """A file beside it, which `written` has from its beginning. Some file systems say that they are full only when a file is synchronised."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    written[path] = Path(temporary)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), MODE)
        file.flush()
        os.fsync(file.fileno())
