"""`python -m lab.verdicts PROOF`: the verdicts of a proof as a page, which is docs/verdicts.md when the proof is the lab's."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
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
"""By what each is called here, in the order of the columns."""
_BEFORE = """# The verdicts

What the lab's cluster says to each of the lab's images in every way by which an image gets into a cluster: pods and what makes pods, asked by server-side dry
runs; the first column also for real: a node pulls the admitted images and starts none. `python -m lab.verdicts proof.json` wrote this page, from the proof of
a run; the end-to-end tests compare it with theirs.

Where the policy does not hold, everything is admitted, or the cluster could not start. As patches of a pod and as volumes, only images that have to be
denied are asked for: nothing replaces their tags there, so a signed image is denied too when it is named by its tag.

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
    shapes = [shape for shape in SHAPES if any(verdict["shape"] == shape for verdict in covered)]
    places = list(dict.fromkeys(verdict["namespace"] for verdict in others))
    rows = [["image", *(SHAPES[shape] for shape in shapes), *(f"in {place}" for place in places), "reason"]]
    rows.append(["---"] * len(rows[0]))
    for image in dict.fromkeys(verdict["image"] for verdict in covered):
        here = [verdict for verdict in covered if verdict["image"] == image]
        cells = [_cell(verdict for verdict in here if verdict["shape"] == shape) for shape in shapes]
        cells += [_cell(verdict for verdict in others if (verdict["image"], verdict["namespace"]) == (image, place)) for place in places]
        rows.append([f"`{image}`", *cells, said(here[0])])
    return _BEFORE + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(verdicts: Iterable[Json]) -> str:
    return " and ".join(sorted({str(verdict["verdict"]) + ("" if verdict["passed"] else ", **failed**") for verdict in verdicts})) or "not asked"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.verdicts", description=__doc__)
    parser.add_argument("proof", type=Path)
    print(page(json.loads(parser.parse_args().proof.read_text())), end="")


if __name__ == "__main__":
    main()
