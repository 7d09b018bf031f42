"""A report as metrics, as Prometheus' own program reads them."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._report.metrics import metrics
from ansible_collections.image_trust.azure.plugins.module_utils._report.report import Found, Terms, report

from tests.support.prometheus import program
from tests.support.report_proofs import anchor, exemption, pilot, proof, with_policy

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ODD = 'a "quoted" name\\n of two\nlines, {with}= everything €'


def written(*found: Found) -> str:
    return metrics(report(found, Terms(AT, hours=48, days=30, versions={})))


def samples(text: str, name: str) -> list[str]:
    return [line.removeprefix(name) for line in text.splitlines() if line.startswith(f"{name}{{")]


def seconds(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp())


def of(name: str, **more: Any) -> Found:
    return Found(name, "/", proof=proof(name, **more))


NEXT = anchor("release", "2027-01-12T08:00:00Z", version="2", sha256="e" * 64)
FOUND = [
    of(
        "web",
        anchors=[
            anchor("release", "2027-11-24T12:00:00Z"),
            anchor("cosign", None, kind="key"),
            anchor("release", "2027-01-12T08:00:00Z", version="2", sha256="e" * 64),
        ],
    ),
    Found("old", "/", proof=with_policy(proof("old", time="2026-11-01T06:10:00Z"), exemptions=[exemption("me", "2026-12-31"), exemption("me", None)])),
    Found("opened", "/", proof=proof("opened"), break_glass={"state": "open"}),
    Found("pilot", "/", proof=pilot("pilot", "shop")),
    Found("never", None),
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "image_trust_cluster_passed",
            ['{inventory_host="never"} 0', '{inventory_host="old"} 0', '{inventory_host="opened"} 0', '{inventory_host="pilot"} 0', '{inventory_host="web"} 1'],
        ),
        (
            "image_trust_cluster_open",
            ['{inventory_host="never"} 0', '{inventory_host="old"} 0', '{inventory_host="opened"} 1', '{inventory_host="pilot"} 0', '{inventory_host="web"} 0'],
        ),
        (
            "image_trust_proof_timestamp_seconds",
            [
                f'{{inventory_host="old"}} {seconds(2026, 11, 1, 6, 10)}',
                *(f'{{inventory_host="{name}"}} {seconds(2026, 11, 24, 6, 10)}' for name in ("opened", "pilot", "web")),
            ],
        ),
        ("image_trust_exemption_expiry_timestamp_seconds", [f'{{inventory_host="old",owner="me"}} {seconds(2027, 1, 1)}']),
    ],
)
def test_each_cluster_is_there_and_times_are_those_of_its_proof(name: str, expected: list[str]) -> None:
    assert samples(written(*FOUND), name) == expected


def test_of_two_certificates_with_one_name_the_first_that_expires_counts() -> None:
    found = samples(written(FOUND[0]), "image_trust_certificate_expiry_timestamp_seconds")
    assert found == [f'{{inventory_host="web",certificate="release"}} {seconds(2027, 1, 12, 8)}']


@pytest.mark.parametrize("found", [[], FOUND, [of(ODD, anchors=[anchor(ODD, "2027-11-24T12:00:00Z")])]], ids=["none", "some", "odd"])
def test_prometheus_reads_them_and_finds_nothing_to_say_against_them(found: list[Found]) -> None:
    text = written(*found)
    checked = subprocess.run([program("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert text.endswith("\n# EOF\n")
