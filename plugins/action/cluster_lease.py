# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does what module cluster_lease does in the process of the task, where the module would run on this machine too: a process more costs a second of each run."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import URLLIB3_IMPORT_ERROR
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_options
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.lease import LeaseError, converge, options


class ActionModule(ActionBase):
    """As Ansible looks for what runs a module of the same name."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = ArgumentSpecValidator({**cluster_options(), **options()}).validate(self._task.args)
        # What is wrong with the options, the module says.
        if given.error_messages or not self._is_here():
            return {**result, **self._execute_module(task_vars=task_vars)}
        try:
            return {**result, **converge(given.validated_parameters, check_mode=self._task.check_mode, warn=Display().warning)}
        except LeaseError as e:
            return {**result, "failed": True, "msg": str(e)}

    def _is_here(self) -> bool:
        """Whether a process of its own would see the same files, variables and libraries."""
        plain = not any(self._task.environment or ()) and not self._connection.become
        return self._connection.transport == "local" and plain and URLLIB3_IMPORT_ERROR is None
