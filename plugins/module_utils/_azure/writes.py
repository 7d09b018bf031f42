# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Requests that write to Azure, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from .._change import Change, diff
from .errors import ModuleError, ask

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

R = TypeVar("R")


@dataclass(frozen=True)
class Write(Generic[R]):
    """One request that writes. `does` is a verb and its object: "remove the federated credential lab1"."""

    does: str
    request: Callable[[], R]


@dataclass(frozen=True)
class Permission:
    """What a write asks for: an action of Resource Manager, and the ARM id of what is written; of its resource group where it does not exist yet."""

    action: str
    scope: str


@dataclass(frozen=True)
class Step(Write[Change[Any]]):
    """One of several changes of different objects: `request` makes `change` and returns it as Azure confirmed it. `called` names the object in the diff.
    `needs` None: nothing in Azure is written."""

    change: Change[Any]
    called: str
    needs: Permission | None = None


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


def exit_stepped(module: AnsibleModule, steps: Sequence[Step], **results: Any) -> NoReturn:
    """End the module with what each step that was needed did, in words, as `changes`, and a diff of each."""
    needed = [step for step in steps if step.change.changed]
    shown = {"diff": [diff([step.change], step.called) for step in needed]} if module._diff else {}
    module.exit_json(changed=bool(needed), changes=[step.does for step in needed], **results, **shown)
