# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """What modules promise. One that promises less, or more exactly, says only that itself."""

    DOCUMENTATION = r"""
attributes:
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the controller.
    support: full
    details:
      - Runs in the process of its task, which saves half a second of a core, where the connection is local and C(ansible_python_interpreter) is the Python of
        Ansible itself, as in the playbooks of this collection. With privilege escalation, C(delegate_to) or C(async) it has a process of its own.
  check_mode:
    description: Can run in C(check_mode) and return the changed status prediction without modifying the target.
    support: full
    details:
      - The result predicts an object that does not exist yet, with null for values that only Azure or the cluster can assign.
        Objects that it belongs to need not exist either.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

    INFO = r"""
attributes:
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the controller.
    support: full
    details:
      - Runs in the process of its task, which saves half a second of a core, where the connection is local and C(ansible_python_interpreter) is the Python of
        Ansible itself, as in the playbooks of this collection. With privilege escalation, C(delegate_to) or C(async) it has a process of its own.
  check_mode:
    description: Can run in C(check_mode) and return the changed status prediction without modifying the target.
    support: full
    details:
      - This module changes nothing.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: N/A
    details:
      - This module changes nothing.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""
