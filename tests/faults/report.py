"""The results as tables, in docs/faults-admission.md when `FAULTS_TABLE=1`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .asking import Sample
from .table import CHANGES, FAULTS, Change, Fault

PAGE = Path(__file__).parents[2] / "docs/faults-admission.md"
WRITES = bool(os.environ.get("FAULTS_TABLE"))


@dataclass
class Report:
    """Rows of the tables by name; a row is written only when its test has passed."""

    rows: dict[str, str] = field(default_factory=dict)

    def fault(self, fault: Fault, samples: Sequence[Sample], seconds: float) -> None:
        """What was said while the fault was there, and after how many seconds what must run was admitted."""
        must_not_run = [sample for sample in samples if not sample.question.must_run and sample.answered]
        admitted = sum(sample.admitted for sample in must_not_run)
        by_tag, by_digest = (_denied([sample for sample in samples if sample.question.must_run and sample.question.name == name]) for name in ("tag", "digest"))
        self.rows[fault.name] = f"{admitted} of {len(must_not_run)} | {by_tag}; {by_digest} | {seconds:.0f} s ({fault.recovers:.0f} s)"

    def change(self, change: Change, seconds: float) -> None:
        self.rows[change.name] = f"{seconds:.0f} s ({change.follows:.0f} s)"

    def write(self) -> None:
        """Every row that was measured takes the place of the one before; the others stay."""
        text = PAGE.read_text()
        for name, row in self.rows.items():
            text = re.sub(rf"^\| {re.escape(name)} \|.*$", f"| {name} | {row} |", text, flags=re.MULTILINE)
        PAGE.write_text(text)


def _denied(samples: Sequence[Sample]) -> str:
    return f"{sum(not sample.admitted for sample in samples)} of {len(samples)}"


def documented() -> list[tuple[str, str]]:
    """Name and bound of each row of the page's tables, in their order."""
    return [(row[1], row[2]) for row in re.finditer(r"^\| (\S[^|]*?) \|.* \d+ s \((\d+ s)\) \|$", PAGE.read_text(), re.MULTILINE)]


def promised() -> list[tuple[str, str]]:
    """The same of the tests."""
    return [(fault.name, f"{fault.recovers:.0f} s") for fault in FAULTS] + [(change.name, f"{change.follows:.0f} s") for change in CHANGES]
