# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Programs that modules start: what Ansible offers for it has no time-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


def run(
    words: Sequence[str], environment: Mapping[str, str], seconds: float, *, given: bytes | None = None, folder: str | Path | None = None
) -> tuple[int, bytes, bytes]:
    """Exit code of a program, and what it printed to its two outputs; it gets `given` as its input. Raises OSError, and TimeoutError once it was killed."""
    # Its import costs more than all else that asks a cluster, and few modules start a program.
    import asyncio

    async def ended() -> tuple[int, bytes, bytes]:
        pipe = asyncio.subprocess.PIPE
        source = asyncio.subprocess.DEVNULL if given is None else pipe
        process = await asyncio.create_subprocess_exec(*words, cwd=folder, env=environment, stdin=source, stdout=pipe, stderr=pipe)
        try:
            printed, complaint = await asyncio.wait_for(process.communicate(given), seconds)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        return process.returncode or 0, printed, complaint

    return asyncio.run(ended())
