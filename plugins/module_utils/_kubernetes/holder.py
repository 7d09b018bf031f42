# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""How a run of Ansible is named in a Lease: for people, and for a later run on the same machine, which finds by it that the run is over."""

from __future__ import annotations

import os
import re
import socket
from hashlib import sha256
from pathlib import Path

FOLDER = r"ansible-local-(?P<process>\d+)\w{8}$"
"""The name of a run's folder: the process that made it, and what tempfile.mkdtemp adds. ansible/config/manager.py of ansible-core 2.19, `tmppath`."""


def holder(user: str, host: str, job: str, folder: str) -> str:
    """The name of the run with this folder, which `user` started on `host`; `job` is the number of AWX' job, or empty."""
    name = Path(folder).name
    found = re.match(FOLDER, name)
    what = f"AWX job {job}, " if job else f"process {found['process']}, " if found else ""
    return f"{user}@{host}, {what}run {machine()}:{name}"


def is_over(named: str) -> bool:
    """Whether the run is known to be over: it was on this machine, and its process is gone. False where that is not known."""
    found = re.search(rf" run (?P<machine>\w+):{FOLDER}", named)
    if not found or found["machine"] != machine():
        return False
    try:
        os.kill(int(found["process"]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        # A process of another user, for one.
        return False
    return False


def machine() -> str:
    """The same where the same process id means the same process: in one PID namespace, until the machine is restarted. Empty where that is not known."""
    try:
        parts = (Path("/proc/sys/kernel/random/boot_id").read_text(), os.readlink("/proc/self/ns/pid"), socket.gethostname())
    except OSError:
        return ""
    return sha256("".join(parts).encode()).hexdigest()[:12]
