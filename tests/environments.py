"""Virtual environments of programs that cannot live in ours, in the cache folder; each is made once."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.config import cache
from lab.locks import locked
from lab.progress import say


def environment(name: str, requirements: Sequence[str], python: str) -> Path:
    """Folder of the environment `name` of the interpreter `python`, with `requirements` as pip takes them; made anew when one of these changes."""
    version = subprocess.run([python, "--version"], capture_output=True, check=True, text=True).stdout.strip()
    key = hashlib.sha256("\n".join([*requirements, version]).encode()).hexdigest()[:12]
    folder = cache() / f"{name}-{key}"
    ready = folder / "ready"
    with locked(folder.with_suffix(".lock")):
        if not ready.exists():
            say(f"installing {name}, about a minute")
            subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
            subprocess.run([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *requirements], check=True)
            ready.touch()
    return folder
