# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Which versions are behind which. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable

SUPPORTED = 3
"""Minor versions of Kubernetes that AKS supports, the newest and those before it: https://learn.microsoft.com/azure/aks/supported-kubernetes-versions"""


def number(version: str) -> tuple[int, ...]:
    """A version as it is compared; what is behind a hyphen or a plus does not count. Of one that is none: older than all."""
    parts = re.match(r"v?(\d{1,9}(?:\.\d{1,9})*)(?:[-+]|$)", version)
    return tuple(int(part) for part in parts[1].split(".")) if parts else ()


def newest_minor(versions: Iterable[str]) -> str | None:
    """The newest minor version of these, such as 1.36; None where none of them has one."""
    newest = max((number(version)[:2] for version in versions), default=())
    return ".".join(map(str, newest)) if len(newest) == 2 else None


def minors_behind(version: str, newest: str) -> int | None:
    """How many minor versions it is behind `newest`, at least 0; None where either is no version of the same major one."""
    ours, theirs = number(version), number(newest)
    return max(theirs[1] - ours[1], 0) if len(ours) > 1 and len(theirs) > 1 and ours[0] == theirs[0] else None
