"""Virtual environments of programs that cannot live in ours, in the cache folder; each is made once."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.config import cache
from lab.locks import locked
from lab.progress import step

ROOT = Path(__file__).parents[2]
OURS = ROOT / "requirements.txt"


def tools() -> list[str]:
    """What the tests of the modules need besides, as pinned for them."""
    names = {"httpx", "hypothesis", "pydantic", "pytest", "pytest-xdist", "starlette", "uvicorn"}
    return [line for line in (ROOT / "requirements-dev.txt").read_text().splitlines() if line.partition("==")[0] in names]


def environment(name: str, requirements: Sequence[str], python: str, constraints: Sequence[str] = ()) -> Path:
    """Folder of the environment `name` of the interpreter `python`; recreated when one of these changes.

    `requirements` are arguments of pip, `constraints` the lines of a file of pip's: versions of what is installed, whatever requires it.
    """
    version = subprocess.run([python, "--version"], capture_output=True, check=True, text=True).stdout.strip()
    key = hashlib.sha256("\n".join([*requirements, *constraints, version]).encode()).hexdigest()[:12]
    folder = cache() / f"{name}-{key}"
    ready = folder / "ready"
    with locked(folder.with_suffix(".lock")):
        if not ready.exists():
            with step(f"Environment of {name}, a minute or two"):
                subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
                constrained = folder / "constraints.txt"
                constrained.write_text("\n".join(constraints))
                pip: list[str | Path] = [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", constrained]
                subprocess.run([*pip, *requirements], check=True)
            ready.touch()
    return folder
