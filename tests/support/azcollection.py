"""One virtual environment with `ansible`, the requirements of the azure.azcollection that it bundles, and ours at the lowest versions that we promise.

It takes two minutes and 2 GB to make.
"""

from __future__ import annotations

import sys
from importlib.metadata import distribution, version
from pathlib import Path

from packaging.requirements import Requirement

from tests.support.environments import OURS, environment, tools

PINS = [f"{name}=={version(name)}" for name in ("ansible", "ansible-core")]


def theirs() -> list[str]:
    """The requirements of the bundled azure.azcollection; PyJWT and cryptography, which the tests of our modules need, are among them."""
    file = Path(str(distribution("ansible").locate_file("ansible_collections/azure/azcollection/requirements.txt")))
    return requirements(file)


def ours() -> list[str]:
    return requirements(OURS)


def lowest() -> list[str]:
    """Our requirements at their lower bounds, or at the version that azcollection pins, where that is a later one."""
    pinned = {Requirement(line).name: line for line in theirs() if "==" in line}
    return [pinned.get(Requirement(line).name, line.replace(">=", "==")) for line in ours()]


def requirements(file: Path) -> list[str]:
    """Those in a file of pip's, without comments."""
    lines = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    return [line for line in lines if line]


def ready() -> Path:
    """Folder of the environment; makes it where it is missing."""
    return environment("azcollection", [*PINS, *tools(), *theirs(), *ours()], sys.executable, lowest())
