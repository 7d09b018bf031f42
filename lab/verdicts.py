"""`python -m lab.verdicts PROOF`: the verdicts of a proof as a page, which is docs/verdicts.md when the proof is the lab's."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Json = Mapping[str, Any]
SHAPES = {
    "container": "container",
    "init_container": "init container",
    "ephemeral_container": "ephemeral container (`kubectl debug`)",
    "deployment": "Deployment",
    "replica_set": "ReplicaSet",
    "stateful_set": "StatefulSet",
    "daemon_set": "DaemonSet",
    "replication_controller": "ReplicationController",
    "job": "Job",
    "cron_job": "CronJob",
    "patched_deployment": "patch of a Deployment",
    "patched_pod": "patch of a pod",
    "image_volume": "image volume",
}
"""The name of each on the page, in the order of its rows."""
_ABOUT = """# The verdicts

This page has the verdicts of the lab's cluster on each of the lab's images. `python -m lab.verdicts
proof.json` wrote it from the proof of a run, and the end-to-end tests compare it with theirs.

Each image is asked for in every kind of object by which an image gets into a cluster, with
server-side dry runs. As a container of a pod it is also really created: a node pulls the admitted
images, and starts none of their programs.

"""
_KINDS = """
## Kinds of objects

The first table has the verdict of all these kinds together. In a patch of a pod and in an image
volume only images that have to be denied are asked for: Ratify replaces no tag there, so a signed
image that is named by its tag is denied too.

"""
_EXEMPT = """
A column *in …* is about a namespace that the policy excludes: every image is admitted there, or the
cluster could not start.
"""


def said(verdict: Json) -> str:
    """The reason of a denial without Ratify's own words, or what became of an admitted image."""
    if verdict["ran"]:
        return str(verdict["ran"]["message"])
    before, is_not, reason = str(verdict["message"]).partition(" is not verified: ")
    return (reason if is_not else before).partition(" (")[0]


def page(proof: Json) -> str:
    """The page, the same for each run that passed."""
    covered = [verdict for verdict in proof["verdicts"] if verdict["namespace"] == proof["namespace"]]
    others = [verdict for verdict in proof["verdicts"] if verdict["namespace"] != proof["namespace"]]
    places = list(dict.fromkeys(verdict["namespace"] for verdict in others))
    images = [["image", "verdict", *(f"in {place}" for place in places), "reason"]]
    for image in dict.fromkeys(verdict["image"] for verdict in covered):
        here = [verdict for verdict in covered if verdict["image"] == image]
        exempt = [_cell(verdict for verdict in others if (verdict["image"], verdict["namespace"]) == (image, place)) for place in places]
        images.append([f"`{image}`", _cell(here), *exempt, said(here[0])])
    kinds = [["kind", "images to admit", "images to deny"]]
    for shape in SHAPES:
        if here := [verdict for verdict in covered if verdict["shape"] == shape]:
            kinds.append([SHAPES[shape], *(_cell(verdict for verdict in here if verdict["expected"] == expected) for expected in ("admitted", "denied"))])
    return _ABOUT + _table(images) + (_EXEMPT if places else "") + _KINDS + _table(kinds)


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *others = rows
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *others))


def _cell(verdicts: Iterable[Json]) -> str:
    return " and ".join(sorted({str(verdict["verdict"]) + ("" if verdict["passed"] else ", **failed**") for verdict in verdicts})) or "not asked"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.verdicts", description=__doc__)
    parser.add_argument("proof", type=Path)
    print(page(json.loads(parser.parse_args().proof.read_text())), end="")


if __name__ == "__main__":
    main()
