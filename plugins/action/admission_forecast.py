# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs module admission_forecast and shows meanwhile how far it is, where it runs on this machine. A loop over batches would list all workloads for each, and
wait the whole timeout for each where Ratify does not answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

SECONDS = 10.0
"""Between two lines."""


def show(file: Path, say: Callable[[str], Any], ended: Event) -> None:
    """Say what is in the file, where that is another line than before, until that is over."""
    said = ""
    while not ended.wait(SECONDS):
        line = file.read_text() if file.exists() else ""
        if line not in ("", said):
            say(line)
            said = line


class ActionModule(ActionBase):
    """As Ansible looks for what runs a module of the same name."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        host, ended = (task_vars or {}).get("inventory_hostname", ""), Event()
        with TemporaryDirectory() as folder:
            file = Path(folder, "progress")
            watching = Thread(target=show, args=(file, lambda line: Display().display(f"{host}: {line}"), ended), daemon=True)
            watching.start()
            try:
                options = {"progress_file": str(file), **self._task.args}
                result.update(self._execute_module(module_args=options, task_vars=task_vars))
                return result
            finally:
                ended.set()
                watching.join()
