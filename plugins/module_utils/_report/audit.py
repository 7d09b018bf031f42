# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What a report says of a cluster's audit, which is a file that anybody may have written. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from .._forecast.judgement import Outcome, Prediction
from .._verification.dates import moment
from .cluster import texts

VERDICTS: tuple[Prediction, ...] = get_args(Prediction)
"""The worst first."""


@dataclass(frozen=True)
class Audit:
    """What would become of the workloads of a cluster if their pods were created again. All texts are texts, all lists are lists."""

    cluster: str
    time: str
    at: datetime
    outcomes: list[Outcome]

    @property
    def counts(self) -> dict[str, int]:
        """How many workloads each verdict has."""
        return _counts(self.outcomes)

    def facts(self) -> dict[str, Any]:
        """What the report has of it. Workloads that are admitted without an exemption are counted only."""
        names = sorted({each.namespace for each in self.outcomes})
        namespaces = [{"name": name, **_counts([each for each in self.outcomes if each.namespace == name])} for name in names]
        listed = [each.to_dict() for each in self.outcomes if each.verdict != "admitted"]
        return {"time": self.time, "counts": self.counts, "namespaces": namespaces, "outcomes": listed}


def audit(read: Any) -> Audit:
    """What the audit says. Raises AttributeError, KeyError, OverflowError, TypeError or ValueError where it is not of the form that role policy writes."""
    outcomes = [_outcome(verdict, each) for verdict in VERDICTS for each in read[verdict]]
    return Audit(str(read["cluster"]), str(read["time"]), moment(read["time"]), outcomes)


def _outcome(verdict: Prediction, each: Mapping[str, Any]) -> Outcome:
    return Outcome(str(each["namespace"]), tuple(texts(each["workloads"])), tuple(texts(each["images"])), verdict, str(each["message"]))


def _counts(outcomes: list[Outcome]) -> dict[str, int]:
    return {verdict: sum(len(each.workloads) for each in outcomes if each.verdict == verdict) for verdict in VERDICTS}
