"""The Ansibles beside the one of requirements-dev.txt, which is the oldest that is promised: the newest, and the next."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .environments import OURS, environment, tools


class NoPythonError(Exception):
    """This machine has no Python that this Ansible needs; the message names it."""


@dataclass(frozen=True)
class Ansible:
    core: str
    package: str
    """The community package, with the collections of that time."""
    python: str

    @property
    def interpreter(self) -> str:
        """Path of its Python, no shim: ansible-test looks for it by its name on PATH. Raises NoPythonError."""
        name = f"python{self.python}"
        for found in (shutil.which(name), *Path.home().glob(f".pyenv/versions/{self.python}.*/bin/{name}")):
            if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
                return str(found)
        raise NoPythonError(f"no {name} on PATH or of pyenv")

    @property
    def programs(self) -> str:
        """Folders for PATH: its programs, with all that our modules and tests need, and those of its Python. Made where they are missing."""
        needed = [self.core, self.package, *tools(), "PyJWT", "cryptography", "jsonschema", *OURS.read_text().split()]
        folder = environment("ansible-core", needed, self.interpreter)
        real = subprocess.run([self.interpreter, "-c", "import sys; print(sys.prefix)"], capture_output=True, check=True, text=True).stdout.strip()
        return f"{folder / 'bin'}:{real}/bin"


NEWEST = Ansible("ansible-core==2.21.5", "ansible==14.5.0", "3.13")
NEXT = Ansible("ansible-core==2.22.0rc1", "ansible==15.0.0a3", "3.13")
"""Not released yet; where there is none, it goes."""
