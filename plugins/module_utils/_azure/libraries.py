# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Libraries that may not be installed. Private to the collection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ansible.module_utils.basic import missing_required_lib

from .errors import ModuleError


@contextmanager
def library(distribution: str) -> Iterator[None]:
    """Within it an import that fails is a `ModuleError` that names the distribution to install."""
    try:
        yield
    except ImportError:
        raise ModuleError(missing_required_lib(distribution), code="MissingLibrary") from None
