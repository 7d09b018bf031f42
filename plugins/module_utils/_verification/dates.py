# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Days and the axis on which they are drawn. Days are those of the calendar in UTC, so that a report says the same all day long. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

FARTHEST = 730
"""Days that the axis has at most. What ends later is drawn to its end, and says when."""
_NEAREST = 180


def moment(text: str) -> datetime:
    """A time as proofs tell it, such as 2026-11-24T12:00:00Z. Raises ValueError, also for other forms of ISO 8601."""
    read = datetime.fromisoformat(text)
    if read.tzinfo is None or text[10] != "T":
        raise ValueError(text)
    return read


def days_to(text: str, at: datetime) -> int:
    """Days from `at` to a day or a time; negative for what has passed. Raises ValueError."""
    return (date.fromisoformat(text[:10]) - at.date()).days


def plot(days: Sequence[int | None], at: datetime, warn: int) -> dict[str, Any]:
    """The axis of the certificates' ends: its length in days, how many of them are near, and marks at the first of months, each at so many thousandths."""
    length = min(max([_NEAREST, warn, *(each for each in days if each is not None)]), FARTHEST)
    every = 2 if length <= 366 else 4
    months = ((at.year * 12 + at.month + each) for each in range(length // 28 + 1))
    firsts = [date(month // 12, month % 12 + 1, 1) for month in months if month % every == 0]
    marks = [(first, (first - at.date()).days) for first in firsts]
    return {
        "days": length,
        "near": 1000 * warn // length,
        "marks": [{"month": f"{first:%Y-%m}", "at": 1000 * day // length} for first, day in marks if 0 < day <= length],
    }
