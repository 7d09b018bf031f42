# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a module changes. Private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar

from ._azure.errors import ModuleError, ask

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
R = TypeVar("R")


@dataclass(frozen=True)
class Change(Generic[T]):
    """An object before and after; None where it does not exist. Values that are only known afterwards are None in a planned `after`."""

    before: T | None
    after: T | None

    @property
    def changed(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class Write(Generic[R]):
    """One request that writes. `does` is a verb and its object: "remove the federated credential lab1"."""

    does: str
    request: Callable[[], R]


@dataclass(frozen=True)
class Step(Write[Change[Any]]):
    """One of several changes of different objects: `request` makes `change` and returns it as Azure confirmed it. `called` names the object in the diff."""

    change: Change[Any]
    called: str


def in_turn(writes: Sequence[Write[R]], place: str, reason: Callable[[ModuleError], ModuleError] = lambda failure: failure) -> list[R]:
    """Make the writes one after the other; the answers. Where one fails, the `ModuleError`, or the better one that `reason` knows, also says, and carries,
    what was done before and what was not."""
    answers: list[R] = []
    for number, write in enumerate(writes):
        try:
            answers.append(ask(f"{write.does} {place}", write.request))
        except ModuleError as refused:
            failure = reason(refused)
            done, left = [w.does for w in writes[:number]], [w.does for w in writes[number:]]
            if len(writes) > 1:
                failure.sentence += f" Done before it: {', '.join(done) or 'nothing'}. Not done: {', '.join(left)}."
                failure.results = {"changed": bool(done), "done": done, "not_done": left}
            raise failure from None
    return answers


def make(steps: Sequence[Step]) -> list[Step]:
    """Make the changes of those steps that have one, in order, and return all with the changes as Azure confirmed them. Raises as `in_turn`."""
    made = iter(in_turn([step for step in steps if step.change.changed], ""))
    return [replace(step, change=next(made)) if step.change.changed else step for step in steps]


def diff(changes: Sequence[Change[Any]], called: str) -> dict[str, str]:
    """The objects as Ansible's diff mode prints them: one value a line, each with the whole way to it, for only the lines around a change are printed."""
    return {
        "before_header": called,
        "after_header": called,
        "before": "".join(line for change in changes if change.before for line in _lines(change.before.compared())),
        "after": "".join(line for change in changes if change.after for line in _lines(change.after.compared())),
    }


def _lines(value: Any, way: str = "") -> list[str]:
    if isinstance(value, Mapping):
        return [line for key, inner in value.items() for line in _lines(inner, f"{way} {key}".lstrip())]
    if isinstance(value, list):
        return [line for inner in value for line in _lines(inner, way)]
    return [f"{_one_line(way)}: {_one_line(str(value).lower() if isinstance(value, bool) else str(value))}\n"]


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


def exit_stepped(module: AnsibleModule, steps: Sequence[Step], **results: Any) -> NoReturn:
    """End the module with what each step that was needed did, in words, as `changes`, and a diff of each."""
    needed = [step for step in steps if step.change.changed]
    shown = {"diff": [diff([step.change], step.called) for step in needed]} if module._diff else {}
    module.exit_json(changed=bool(needed), changes=[step.does for step in needed], **results, **shown)
