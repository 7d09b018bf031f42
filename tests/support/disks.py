"""Disks that are full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def small_disk(folder: Path, pages: int = 64) -> Iterator[Path]:
    """A file system of so many memory pages, which is how such a one counts, mounted at the folder."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={pages * PAGE}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def full(disk: Path, free: int = 0) -> Iterator[None]:
    """Only so many pages of it are free."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for _ in range(os.statvfs(disk).f_bavail - free):
            file.write(b"0" * PAGE)
    try:
        yield
    finally:
        filler.unlink()
