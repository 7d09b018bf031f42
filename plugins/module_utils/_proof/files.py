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
            return json.loads(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None

    def check(self) -> None:
        """Raises `OSError` where it could not be written."""
        tempfile.TemporaryFile(dir=self.path.parent).close()

    def write(self, record: bytes, signature: bytes | None, page: str) -> None:
        """All of it. Between the steps there is a record without a signature, never one with the signature of another. Raises `OSError`."""
        self.signature.unlink(missing_ok=True)
        self.page.unlink(missing_ok=True)
        _write(self.path, record)
        _write(self.page, page.encode())
        if signature:
            _write(self.signature, signature)


def encoded(document: Mapping[str, Any]) -> bytes:
    """The bytes of a record, which are what is signed."""
    return f"{json.dumps(document, indent=4, sort_keys=True)}\n".encode()


def _write(path: Path, content: bytes) -> None:
    """The file, in one step."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), MODE)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
