# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""How a module begins: in a process of its own, or in that of the task."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ansible.module_utils.basic import AnsibleModule

MADE_BY: ContextVar[Callable[..., AnsibleModule]] = ContextVar("MADE_BY", default=AnsibleModule)
"""What makes a module of the arguments that AnsibleModule takes. Only plugin_utils/in_process.py sets another."""


def new_module(**arguments: Any) -> AnsibleModule:
    return MADE_BY.get()(**arguments)
