# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A file that only its owner can read. Private to the collection."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._azure import private_file
from ._azure.errors import ModuleError
from ._change import KNOWN_AFTERWARDS, Change

MODE = 0o600


@dataclass(frozen=True)
class SecretFile:
    """A file by the SHA-256 of what is compared of its content, which may be shown; None where the content is not known yet."""

    path: str
    sha256: str | None
    mode: int = MODE

    def shown(self) -> dict[str, Any]:
        return {"path": self.path, "sha256": self.sha256, "mode": f"{self.mode:04o}"}

    def compared(self) -> dict[str, Any]:
        return {"sha256": self.sha256 or KNOWN_AFTERWARDS, "mode": f"{self.mode:04o}"}


def all_of(content: bytes) -> bytes:
    return content


def read(path: str, comparable: Callable[[bytes], bytes] = all_of) -> SecretFile | None:
    """The file as it is; None where there is none. `comparable` leaves out of its content what is no change. Raises `ModuleError`."""
    try:
        return SecretFile(path, _digest(comparable(Path(path).read_bytes())), Path(path).stat().st_mode & 0o7777)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable("read", path, error) from None


def plan(current: SecretFile | None, path: str, text: str | None, *, present: bool, comparable: Callable[[bytes], bytes] = all_of) -> Change[SecretFile]:
    """The file with that text (None: not known yet), or no file."""
    return Change(current, SecretFile(path, None if text is None else _digest(comparable(text.encode()))) if present else None)


def apply(change: Change[SecretFile], text: str | None, *, renew: bool = False) -> None:
    """Write `text`, in one step and never readable by others, or remove the file; with `renew` also what is no change. Raises `ModuleError`."""
    file = change.after or change.before
    if not file or not (change.changed or (renew and change.after)):
        return
    path = Path(file.path)
    try:
        if not change.after:
            path.unlink()
            return
        _make_folder(path.parent)
        private_file.write(path, text or "")
    except OSError as error:
        raise _unusable("write" if change.after else "remove", file.path, error) from None


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _unusable(verb: str, path: str, error: OSError) -> ModuleError:
    return ModuleError(f"Cannot {verb} the file {path} ({error.strerror}); check path.", code="FileError", message=str(error))
