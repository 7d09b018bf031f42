"""The page of verdicts: what the inventory asks for is what it tells, and a failed verdict cannot hide in it."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._admission.workloads import SHAPES

from lab import verdicts
from tests.support.proofs import verdict

ROOT = Path(__file__).parents[3]


def rows() -> list[list[str]]:
    lines = [line for line in (ROOT / "docs/verdicts.md").read_text().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_has_each_image_of_the_lab_and_each_way_into_a_cluster_with_the_expected_verdict() -> None:
    asked = yaml.safe_load((ROOT / "inventories/lab/group_vars/clusters.yml").read_text())["verify_images"]
    head, _, *found = rows()
    assert head == ["image", *(verdicts.SHAPES[shape] for shape in SHAPES), "in kube-system", "reason"]
    to_deny = {"admitted": "not asked", "denied": "denied"}
    assert [(row[0], set(row[1:12]), set(row[12:14]), row[14]) for row in found] == [
        (f"`{image['image']}`", {image["expect"]}, {to_deny[image["expect"]]}, "admitted") for image in asked
    ]
    assert all(row[15] for row in found)


def test_every_shape_has_a_name() -> None:
    assert tuple(verdicts.SHAPES) == SHAPES


def test_a_failed_verdict_is_marked_where_it_is_one_of_several() -> None:
    proof = {
        "namespace": "default",
        "verdicts": [
            verdict(),
            verdict(shape="job", verdict="admitted", passed=False),
            *(verdict(shape=shape, namespace="kube-system", expected="admitted", passed=shape != "job") for shape in ("container", "job")),
        ],
    }
    *_, row = verdicts.page(proof).splitlines()
    assert row == "| `nginx:latest` | denied | admitted, **failed** | admitted and admitted, **failed** | it has no signature |"
