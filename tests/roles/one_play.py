"""One play in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .conftest import ROOT


def play(folder: Path, content: str, *options: str, helm: str = "v3.22.0", collections: Path | None = None) -> subprocess.CompletedProcess[str]:
    """With a Helm on PATH that knows its version; `collections` are looked for before the others."""
    file, program = folder / "play.yml", folder / "bin/helm"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\nprintf {helm}\n")
    program.chmod(0o755)
    file.write_text(f"- hosts: localhost\n  gather_facts: false\n  {content}")
    words: list[str | Path] = [
        Path(sys.executable).with_name("ansible-playbook"),
        "-i",
        "localhost,",
        "-c",
        "local",
        "-e",
        f"ansible_python_interpreter={sys.executable}",
        *options,
        file,
    ]
    searched = f"{collections}:{ROOT}/.build" if collections else f"{ROOT}/.build"
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "ANSIBLE_COLLECTIONS_PATH": searched, "HOME": str(folder)}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=120)
