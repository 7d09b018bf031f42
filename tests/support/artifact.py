"""The collection as users get it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def checkout(folder: Path) -> Path:
    """`folder`, with all files of this checkout that git knows, as they are now."""
    folder.mkdir(parents=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    # git lists a deleted file until the deletion is staged.
    there = "\0".join(name for name in listed.split("\0") if name and os.path.lexists(ROOT / name))
    subprocess.run(["xargs", "-0", "cp", "--parents", "--no-dereference", "-t", folder], cwd=ROOT, input=there, text=True, check=True)
    return folder


def built(folder: Path) -> Path:
    """The artifact, made in `folder`."""
    subprocess.run(["ansible-galaxy", "collection", "build", "--output-path", folder], cwd=ROOT, capture_output=True, check=True)
    (artifact,) = folder.glob("*.tar.gz")
    return artifact


def installed(folder: Path) -> Path:
    """`folder`, as a path of collections in which the artifact was installed."""
    command: list[str | Path] = ["ansible-galaxy", "collection", "install", "--force", "--no-deps", "--collections-path", folder, built(folder)]
    # Where it finds the checkout, by this or by PYTHONPATH, it would install nothing.
    subprocess.run(command, env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(folder)}, capture_output=True, check=True)
    return folder
