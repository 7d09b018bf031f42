"""One virtual environment with `ansible`, the requirements of the azure.azcollection that it bundles, and ours at the lowest versions that we promise.

It is made once, in the cache folder, and again when one of the pins changes: about two minutes and 2 GB.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib.metadata import distribution, version
from pathlib import Path

from lab.config import cache
from lab.locks import locked
from lab.progress import step

ROOT = Path(__file__).parents[1]
OURS = ROOT / "requirements.txt"
PINS = [f"{name}=={version(name)}" for name in ("ansible", "ansible-core")]


def of_azcollection() -> Path:
    """The requirements of the bundled azure.azcollection."""
    return Path(str(distribution("ansible").locate_file("ansible_collections/azure/azcollection/requirements.txt")))


def tools() -> list[str]:
    """What the tests of the modules need besides, as pinned for them; PyJWT and cryptography are azure.azcollection's."""
    names = {"httpx", "hypothesis", "pydantic", "pytest", "starlette", "uvicorn"}
    return [line for line in (ROOT / "requirements-dev.txt").read_text().splitlines() if line.partition("==")[0] in names]


def lowest() -> str:
    """Our requirements at their lower bounds, as pip's constraints."""
    return OURS.read_text().replace(">=", "==")


def ready() -> Path:
    """Folder of the environment; makes it where it is missing."""
    wanted = [*PINS, *tools()]
    key = hashlib.sha256("\n".join([*wanted, of_azcollection().read_text(), OURS.read_text(), sys.version]).encode()).hexdigest()[:12]
    folder = cache() / f"azcollection-{key}"
    marker = folder / "ready"
    with locked(folder.with_suffix(".lock")):
        if not marker.exists():
            with step(f"Environment with {PINS[0]}, azure.azcollection's requirements and ours (about two minutes)"):
                subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
                constraints = folder / "lowest.txt"
                constraints.write_text(lowest())
                pip: list[str | Path] = [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
                subprocess.run([*pip, "-r", of_azcollection(), "-r", OURS, "-c", constraints], check=True)
            marker.touch()
    return folder
