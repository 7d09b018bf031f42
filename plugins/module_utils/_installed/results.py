# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""How a module ends that reads what is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from .._kubernetes.api import ClusterApi, ClusterError
from .._kubernetes.helm import RecordError
from .release import Removal

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

Read = Callable[[ClusterApi, dict[str, Any]], dict[str, Any]]
"""Returns those results that the cluster decides, by the module's options. Raises `ClusterError` and `RecordError`."""


def exit_installed(module: AnsibleModule, program: str, *, present: Read, absent: Read, **nothing: Any) -> NoReturn:
    """End the module with what `present` or `absent`, by its option `state`, finds of the program. `nothing` is returned where it finds no other: what is
    true of a program that is not installed, as in check mode where the cluster does not exist yet."""
    options = module.params
    results = dict(installed=None, current=None, interrupted=False, problems=[], removal=Removal().shown()) | nothing
    if module.check_mode and not Path(options["kubeconfig"]).exists():
        module.exit_json(changed=False, **results)
    try:
        read = present if options["state"] == "present" else absent
        results |= read(ClusterApi(options["kubeconfig"], options["context"]), options)
    except RecordError as e:
        module.fail_json(msg=str(e))
    except ClusterError as e:
        module.fail_json(msg=f"What is installed of {program} is not known: {e}.")
    module.exit_json(changed=False, **results)
