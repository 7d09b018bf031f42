# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a module changes. Private to the collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

KNOWN_AFTERWARDS = "(known afterwards)"
"""Stands in a diff for what Azure, or an earlier task, only decides in a real run."""


class Shown(Protocol):
    """An object that can be returned to the playbook."""

    def shown(self) -> dict[str, Any]:
        """As it is returned."""

    def compared(self) -> dict[str, Any]:
        """As the diff shows it: what somebody decides, and nothing that Azure makes up or that is not set."""


T = TypeVar("T", bound=Shown)


@dataclass(frozen=True)
class Change(Generic[T]):
    """An object before and after; None where it does not exist. Values that are only known afterwards are None in a planned `after`."""

    before: T | None
    after: T | None

    @property
    def changed(self) -> bool:
        return self.before != self.after


def diff(changes: Sequence[Change[Any]], called: str) -> dict[str, str]:
    """The objects as Ansible's diff mode prints them: one value a line, each with the whole path to it, for only the lines around a change are printed."""
    return {
        "before_header": called,
        "after_header": called,
        "before": "".join(line for change in changes if change.before for line in _lines(change.before.compared())),
        "after": "".join(line for change in changes if change.after for line in _lines(change.after.compared())),
    }


def _lines(value: Any, path: str = "") -> list[str]:
    if isinstance(value, Mapping):
        return [line for key, inner in value.items() for line in _lines(inner, f"{path} {key}".lstrip())]
    if isinstance(value, list):
        return [line for inner in value for line in _lines(inner, path)]
    return [f"{_one_line(path)}: {_one_line(str(value).lower() if isinstance(value, bool) else str(value))}\n"]


def _one_line(text: str) -> str:
    return text if text.isprintable() else repr(text)


def exit_changed(module: AnsibleModule, change: Change[Any], returned_as: str, called: str, **results: Any) -> NoReturn:
    """End the module with the object as it is afterwards, `changed`, and the diff where it is asked for. `called` names the object in the diff."""
    _exit(module, [change], called, **{returned_as: change.after.shown() if change.after else None}, **results)


def exit_converged(module: AnsibleModule, changes: Sequence[Change[Any]], returned_as: str, called: str, **results: Any) -> NoReturn:
    """As `exit_changed`, with the list of those objects that are there afterwards."""
    _exit(module, changes, called, **{returned_as: [change.after.shown() for change in changes if change.after]}, **results)


def _exit(module: AnsibleModule, changes: Sequence[Change[Any]], called: str, **results: Any) -> NoReturn:
    shown = {"diff": diff(changes, called)} if module._diff else {}
    module.exit_json(changed=any(change.changed for change in changes), **results, **shown)
