# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What a report says of a cluster's audit, which is a file that anybody may have written. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
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
    images: list[dict[str, Any]] = field(default_factory=list)
    until: list[dict[str, Any]] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many workloads each verdict has."""
        return _counts(self.outcomes)

    def facts(self) -> dict[str, Any]:
        """What the report has of it. Workloads that are admitted without an exemption are counted only."""
        names = sorted({each.namespace for each in self.outcomes})
        namespaces = [{"name": name, **_counts([each for each in self.outcomes if each.namespace == name])} for name in names]
        listed = [each.to_dict() for each in self.outcomes if each.verdict != "admitted"]
        # Those first whose signatures count no longer at some day.
        images = sorted(self.images, key=lambda each: (each["trusted"] is not True, each["trusted"] is False, each["day"] or "~", each["image"]))
        return {"time": self.time, "counts": self.counts, "namespaces": namespaces, "outcomes": listed, "images": images, "until": self.until}


def audit(read: Any) -> Audit:
    """What the audit says. Raises AttributeError, KeyError, OverflowError, TypeError or ValueError where it is not of the form that role policy writes."""
    outcomes = [_outcome(verdict, each) for verdict in VERDICTS for each in read[verdict]]
    # Audits that were written before there were these fields have none.
    images, until = ([made(each) for each in read.get(key) or []] for key, made in (("images", _image), ("until", _end)))
    return Audit(str(read["cluster"]), str(read["time"]), moment(read["time"]), outcomes, images, sorted(until, key=lambda each: str(each["day"])))


def _outcome(verdict: Prediction, each: Mapping[str, Any]) -> Outcome:
    return Outcome(str(each["namespace"]), tuple(texts(each["workloads"])), tuple(texts(each["images"])), verdict, str(each["message"]))


def _image(each: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "image": str(each["image"]),
        "workloads": _workloads(each["workloads"]),
        "trusted": _truth(each["trusted"]),
        "problem": _text(each["problem"]),
        "day": _day(each["restartable_until"]) if each["restartable_until"] else None,
        "ending": _text(each["ending"]),
        "signatures": [_signature(one) for one in each["signatures"] or []],
    }


def _signature(each: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: _text(each[key]) for key in ("kind", "signer", "thumbprint_sha256", "certificate_expires", "expires", "time_stamp", "trust_policy")}
    return {**said, "trusted": _truth(each["trusted"])}


def _end(each: Mapping[str, Any]) -> dict[str, Any]:
    return {"day": _day(each["day"]), "reason": str(each["reason"]), "images": texts(each["images"]), "workloads": _workloads(each["workloads"])}


def _workloads(found: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [{key: str(each[key]) for key in ("namespace", "kind", "name")} for each in found]


def _truth(value: Any) -> bool | None:
    """Whatever is neither true nor false is not known."""
    return value if isinstance(value, bool) else None


def _day(value: Any) -> str:
    return date.fromisoformat(str(value)[:10]).isoformat()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _counts(outcomes: list[Outcome]) -> dict[str, int]:
    return {verdict: sum(len(each.workloads) for each in outcomes if each.verdict == verdict) for verdict in VERDICTS}
