"""The page of verdicts: it has the verdicts that the inventory expects, and a failed one cannot hide in it."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._admission.workloads import SHAPES

from lab import verdicts
from tests.support.proofs import verdict

ROOT = Path(__file__).parents[3]


def tables(page: str) -> list[list[list[str]]]:
    """Rows of each table of the page, without the line below the head."""
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines() if not line.startswith("| ---")]
        for block in page.split("\n\n")
        if block.startswith("|")
    ]


def test_the_page_has_each_image_of_the_lab_and_each_kind_of_object_with_the_expected_verdict() -> None:
    asked = yaml.safe_load((ROOT / "inventories/lab/group_vars/clusters.yml").read_text())["verify_images"]
    (head, *images), kinds = tables((ROOT / "docs/verdicts.md").read_text())
    assert head == ["image", "verdict", "in kube-system", "reason"]
    assert [row[:3] for row in images] == [[f"`{image['image']}`", image["expect"], "admitted"] for image in asked]
    assert all(row[3] for row in images)
    assert kinds == [
        ["kind", "images to admit", "images to deny"],
        *([verdicts.SHAPES[shape], "not asked" if shape in ("patched_pod", "image_volume") else "admitted", "denied"] for shape in SHAPES),
    ]


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
    (_, image), (_, container, job) = tables(verdicts.page(proof))
    assert image == ["`nginx:latest`", "admitted, **failed** and denied", "admitted and admitted, **failed**", "it has no signature"]
    assert container == ["container", "not asked", "denied"]
    assert job == ["Job", "not asked", "admitted, **failed**"]
