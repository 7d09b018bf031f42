# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""A report as metrics. The text is OpenMetrics, and Prometheus' older form too, which the textfile collector of node-exporter reads. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from .._verification.dates import moment

Json = Mapping[str, Any]
Samples = dict[tuple[tuple[str, str], ...], int]
HOST = "inventory_host"
"""The label of a cluster. Prometheus itself gives its targets a label `cluster`, which is that of the machine with the file."""


def metrics(report: Json) -> str:
    """Times and not ages, so that the text is the same as long as the proofs are, and what is no longer written grows old."""
    clusters = report["clusters"]
    families: dict[str, tuple[str, Samples]] = {
        "image_trust_cluster_passed": (
            "Whether the last proof of a cluster counts and shows that it denies what it should.",
            {((HOST, each["name"]),): int(each["name"] not in report["unproven"]) for each in clusters},
        ),
        "image_trust_cluster_open": (
            "Whether a cluster admits every image.",
            {((HOST, each["name"]),): int(each["enforcement"] == "open") for each in clusters},
        ),
        "image_trust_proof_timestamp_seconds": (
            "When the last proof of a cluster was made that counts.",
            {((HOST, each["name"]),): _seconds(each["proof"]["time"]) for each in clusters if each["proof"]["time"]},
        ),
        "image_trust_certificate_expiry_timestamp_seconds": (
            "When a certificate expires that a cluster trusts.",
            _first(
                (((HOST, cluster), ("certificate", each["called"])), _seconds(each["not_after"]))
                for each in report["certificates"]
                if each["not_after"]
                for cluster in each["clusters"]
            ),
        ),
        "image_trust_exemption_expiry_timestamp_seconds": (
            "When an exemption of a cluster expires.",
            _first((((HOST, each["cluster"]), ("owner", each["owner"])), _after(each["ends"])) for each in report["exemptions"] if each["ends"]),
        ),
    }
    lines = [line for name, (about, samples) in families.items() for line in _family(name, about, samples)]
    return "\n".join([*lines, "# EOF", ""])


def _family(name: str, about: str, samples: Samples) -> Iterable[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} gauge"
    for labels, value in sorted(samples.items()):
        yield f"{name}{{{','.join(f'{key}={_quoted(text)}' for key, text in labels)}}} {value}"


def _first(found: Iterable[tuple[tuple[tuple[str, str], ...], int]]) -> Samples:
    """Of those with the same labels, the one that expires first."""
    samples: Samples = {}
    for labels, value in found:
        samples[labels] = min(value, samples.get(labels, value))
    return samples


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _seconds(time: str) -> int:
    return int(moment(time).timestamp())


def _after(day: str) -> int:
    """When the day is over, in UTC."""
    return int((datetime.fromisoformat(f"{day}T00:00:00+00:00") + timedelta(days=1)).timestamp())
