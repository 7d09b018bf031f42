"""Which process each component of a node is, and which of them is to be started again when it ends. Written inside the node, read outside."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.config import Cluster


class Processes:
    """Of one node. Process ids are those inside its namespace."""

    def __init__(self, cluster: Cluster) -> None:
        self._folder = cluster.folder / "processes"

    def forget(self) -> None:
        """Begin again, as a node does that starts."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)

    def note(self, component: str, pid: int) -> None:
        (self._folder / component).write_text(str(pid))

    def pid(self, component: str) -> str:
        """Raises FileNotFoundError for a component that was never started."""
        return (self._folder / component).read_text()

    def start_again(self, component: str) -> None:
        """Ask for it, before the process is killed."""
        self._again(component).touch()

    def is_to_start_again(self, component: str) -> bool:
        """Whether it was asked for; once."""
        asked = self._again(component).exists()
        self._again(component).unlink(missing_ok=True)
        return asked

    def _again(self, component: str) -> Path:
        return self._folder / f"{component}.again"
