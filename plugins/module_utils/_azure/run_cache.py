# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one run of Ansible need not ask twice: tokens, and where a cloud's services are. Private to the collection."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import private_file


class RunCache:
    """Values in files of a folder that belongs to the run. Without such a folder, or with one that is not only ours, it keeps nothing."""

    def __init__(self, folder: str | None) -> None:
        self._folder = Path(folder) if folder and _only_ours(folder) else None

    def get(self, *key: str, margin: float = 0) -> Any:
        """What was cached under `key`; None where there is nothing, or it expires within `margin` seconds."""
        if not self._folder:
            return None
        try:
            # A link could lead to a file that another user wrote.
            with open(os.open(_file(self._folder, key), os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as file:
                cached = json.load(file) if _private(os.fstat(file.fileno()), stat.S_ISREG) else {"expires": 0}
            return cached["value"] if cached["expires"] - margin > time.time() else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, value: Any, *key: str, expires: float) -> None:
        """Keep `value` (JSON) under `key`, which may hold secrets, until `expires` (seconds since the epoch). A folder that is full or gone is no error."""
        if self._folder:
            with suppress(OSError):
                private_file.write(_file(self._folder, key), json.dumps({"value": value, "expires": expires}))

    def drop(self, *key: str) -> None:
        """Forget what is cached under `key`."""
        if self._folder:
            with suppress(OSError):
                _file(self._folder, key).unlink(missing_ok=True)


def _file(folder: Path, key: Sequence[str]) -> Path:
    # Everything that decides about the value is in the name: another secret never finds this one's token.
    return folder / f"image-trust-{hashlib.sha256(json.dumps(key).encode()).hexdigest()}"


def _only_ours(folder: str) -> bool:
    try:
        return _private(os.lstat(folder), stat.S_ISDIR)
    except OSError:
        return False


def _private(found: os.stat_result, kind: Any) -> bool:
    return bool(kind(found.st_mode)) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
