# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a module changes. Private to the collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


class Shown(Protocol):
    """An object that can be returned to the playbook."""

    def shown(self) -> dict[str, Any]: ...


T = TypeVar("T", bound=Shown)


@dataclass(frozen=True)
class Change(Generic[T]):
    """An object before and after; None where it does not exist. Values that are only known afterwards are None in a planned `after`."""

    before: T | None
    after: T | None

    @property
    def changed(self) -> bool:
        return self.before != self.after

    def diff(self) -> dict[str, Any]:
        """As Ansible's diff mode shows it."""
        return {"before": self.before.shown() if self.before else {}, "after": self.after.shown() if self.after else {}}


def exit_changed(module: AnsibleModule, change: Change[Any], returned_as: str, **results: Any) -> NoReturn:
    """End the module with the object as it is afterwards, `changed`, and the diff where it is asked for."""
    diff = {"diff": change.diff()} if module._diff else {}
    module.exit_json(changed=change.changed, **{returned_as: change.after.shown() if change.after else None}, **diff, **results)
