# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Runs a module in the process of its task, where that is on this machine as well: one more process costs half a second of a core, for each task and host.

Ansible forks the task's process for one task and host, after it has loaded the module; see docs/adr/0028-what-a-run-spends-on-ansible.md.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.json import Direction, get_module_decoder, get_module_encoder
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action.normal import ActionModule as ModuleProcess
from ansible_collections.image_trust.azure.plugins.module_utils._module import MADE_BY

Json = dict[str, Any]


class Ended(SystemExit):
    """The module returns this result."""

    def __init__(self, result: Json) -> None:
        super().__init__()
        self.result = result


class TaskModule(AnsibleModule):
    """An AnsibleModule whose options are `given`, with Ansible's own among them, and that ends by raising `Ended`."""

    def __init__(self, given: Json, **arguments: Any) -> None:
        self._given = given
        self._warnings: list[str] = []
        AnsibleModule.__init__(self, **arguments)

    def _load_params(self) -> None:
        self.params = self._given

    def warn(self, warning: str, *, help_text: str | None = None) -> None:
        self._warnings.append(warning)

    def exit_json(self, **results: Any) -> NoReturn:
        warned = {"warnings": self._warnings} if self._warnings else {}
        raise Ended(self._without_secrets({"invocation": {"module_args": self.params}, **warned, **results}))

    def fail_json(self, msg: str, *, exception: object = None, **results: Any) -> NoReturn:
        self.exit_json(failed=True, msg=str(msg), **results)

    def _without_secrets(self, results: Json) -> Json:
        """As AnsibleModule does it: also where a secret is the text of a bool, results of that kind stay what they are."""
        kept = {name: value for name, value in results.items() if value is None or isinstance(value, bool)}
        return {**remove_values(results, self.no_log_values), **kept}


class InProcess(ModuleProcess):
    """The action plugin of a module whose `main` is this."""

    main: Callable[[], NoReturn]

    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> Json:
        if not self._is_here(task_vars or {}):
            result: Json = ModuleProcess.run(self, tmp, task_vars)
            return result
        given = dict(self._task.args)
        self._update_module_args(self._task.action, given, task_vars)
        environment: dict[str, str] = {}
        ModuleProcess._compute_environment_string(self, environment)
        # Where Ansible starts a process on this machine.
        with chdir(self._loader.get_basedir()), environ(environment):
            return _plain(_ended(self.main, _plain(given, Direction.CONTROLLER_TO_MODULE)), Direction.MODULE_TO_CONTROLLER)

    def _is_here(self, task_vars: Mapping[str, Any]) -> bool:
        """Whether a process of its own would be this user's, on this machine, of this Python, and waited for.

        On macOS a forked process must not look for proxies: https://docs.ansible.com/ansible/latest/reference_appendices/faq.html
        """
        python = self._templar.template(task_vars.get("ansible_python_interpreter"))
        elsewhere = self._connection.transport != "local" or self._connection.become or self._task.delegate_to or self._task.async_val
        return sys.platform == "linux" and _is_ours(python) and not elsewhere


def _is_ours(python: object) -> bool:
    """Whether that is the Python of this process: `python` and `python3` in the folder of a virtual environment are one."""
    named, ours = Path(str(python)), Path(sys.executable)
    return named.parent == ours.parent and named.exists() and named.samefile(ours)


def _ended(main: Callable[[], NoReturn], given: Json) -> Json:
    made_by = MADE_BY.set(lambda **arguments: TaskModule(given, **arguments))
    try:
        main()
    except Ended as ended:
        return ended.result
    finally:
        MADE_BY.reset(made_by)


def _plain(content: Json, direction: Direction) -> Json:
    """Content as it is when it has been sent to a process of a module, or from it: dates are text, and nothing is tagged."""
    sent = json.dumps(content, cls=get_module_encoder("legacy", direction))
    received: Json = json.loads(sent, cls=get_module_decoder("legacy", direction))
    return received


@contextmanager
def environ(more: Mapping[str, str]) -> Iterator[None]:
    """These variables beside those of the environment."""
    before = dict(os.environ)
    os.environ.update({name: str(value) for name, value in more.items()})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
