# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that only their owner can read. Private to the collection."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write `text` with mode 0600, in one step: a reader sees the old content or all of the new. Raises `OSError`."""
    # mkstemp makes it with mode 0600.
    handle, new = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as out:
            out.write(text)
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise
