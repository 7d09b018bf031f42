# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is found before anything is written. Private to the collection. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .._azure.errors import ModuleError

T = TypeVar("T")
LEVELS = ("refuse", "warn", "ok")
"""Nothing is written while there is a `refuse`."""


@dataclass(frozen=True)
class Finding:
    """One fact, or one fault with the remedy. `level` is one of LEVELS, `about` names the object."""

    level: str
    about: str
    text: str

    def shown(self) -> dict[str, str]:
        return dict(vars(self))


CUT_OFF = ("AADSTS", "LoginFailed", "Unreachable")
"""What the codes of failures begin with that every request to Azure would have."""


class Findings:
    """Collects findings; each text once."""

    def __init__(self) -> None:
        self.all: list[Finding] = []
        self._cut_off = False

    def refuse(self, text: str, about: str) -> None:
        self._add("refuse", about, text)

    def warn(self, text: str, about: str) -> None:
        self._add("warn", about, text)

    def accept(self, text: str, about: str) -> None:
        """`text` says what the object is, where nothing else was found about it."""
        if all(one.about != about for one in self.all):
            self.all.append(Finding("ok", about, text))

    def known(self, about: str, read: Callable[[], T]) -> T | None:
        """What `read` returns; None where it raises `ModuleError`, which is then a refusal. Nothing is read after Azure could not be reached or has refused
        the login: each further read would wait as long for the same answer."""
        if self._cut_off:
            return None
        try:
            return read()
        except ModuleError as failure:
            self.refuse(failure.sentence, about)
            self._cut_off = failure.code.startswith(CUT_OFF)
            return None

    def refused(self, about: str) -> bool:
        return any(one.level == "refuse" for one in self.all if one.about == about)

    def texts(self, level: str) -> list[str]:
        return [one.text for one in self.all if one.level == level]

    def _add(self, level: str, about: str, text: str) -> None:
        # A login that fails fails for each object alike.
        if text not in self.texts(level):
            self.all.append(Finding(level, about, text))


def table(findings: Sequence[Finding]) -> list[str]:
    """A line for each finding, refusals first."""
    width = max((len(one.about) for one in findings), default=0)
    ordered = sorted(findings, key=lambda one: LEVELS.index(one.level))
    return [f"{one.level:6}  {one.about:{width}}  {one.text}" for one in ordered]


def summary(refusals: Sequence[str]) -> str:
    """All refusals in one line."""
    sentence = f"Nothing was changed. {refusals[0]}"
    if len(refusals) > 1:
        numbered = " ".join(f"({number}) {text}" for number, text in enumerate(refusals, 1))
        sentence = f"Nothing was changed. {len(refusals)} reasons: {numbered}"
    return sentence
