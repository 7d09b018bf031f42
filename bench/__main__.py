"""`python -m bench tasks|walkthrough|pairs|signing [repetitions]`: measure, print the tables, keep them in docs/bench.md. Exits 1 where a goal is missed.

`pairs` is `walkthrough` without more clusters, which take most of its hour.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import azure_part, pairs, report, run_tables, signing, task_tables
from bench.contenders import Lab, Site, Walkthrough
from bench.measurements import compare, count
from bench.runs import Ansible
from bench.tasks import ACR_PULL, GROUP_ID, PRINCIPAL
from lab.azure.arm.role_assignments import new_assignment
from lab.errors import LabError
from tests.support import azcollection
from tests.support.artifact import installed
from tests.support.emulated import emulated
from tests.support.module_runs import Backend


def tasks(repetitions: int) -> list[str]:
    """What a task costs beside azure.azcollection's nearest and ping; the goals that it misses."""
    environment = azcollection.ready()
    with TemporaryDirectory(prefix="bench-") as folder, emulated(Path(folder), Backend()) as azure, azure.public() as login:
        ansible = Ansible(environment, Path(folder), login)
        counted = count(ansible, azure)
        new_assignment(azure.state, GROUP_ID, ACR_PULL, PRINCIPAL)
        comparisons = compare(ansible, repetitions)
    tables = task_tables.tables(comparisons, counted)
    report.show(tables)
    report.keep(tables, "python -m bench tasks")
    return [c.pair.what for c in comparisons if not c.met] + [c.what for c in counted if (c.second.reads, c.second.writes) != (c.objects, 0)]


def walkthrough(repetitions: int, *, slopes: bool = True) -> list[str]:
    """What a run of site.yml costs beside the walk-through, on a new lab, and with `slopes` on more clusters; the goals that it misses."""
    with TemporaryDirectory(prefix="bench-") as folder:
        by_script, by_site, of_azure, collections = (Path(folder) / name for name in ("script", "site", "azure", "collections"))
        for each in (by_script, by_site, of_azure, collections):
            each.mkdir()
        lab = Lab()
        # The checkout may change within the hour.
        site = Site(lab, by_site, installed(collections))
        found = pairs.measure(lab, site, Walkthrough(lab, by_script), repetitions)
        measured = [pairs.lab_clusters(site, repetitions), azure_part.measure(of_azure, collections)] if slopes else []
    tables = run_tables.tables(found, measured)
    report.show(tables)
    report.keep(tables, "python -m bench walkthrough")
    return found.missed + [missed for slope in measured for missed in slope.missed]


def signed(_repetitions: int) -> list[str]:
    """What sign.yml costs for 1, 20 and 200 images; there is no goal."""
    with TemporaryDirectory(prefix="bench-") as folder, TemporaryDirectory(prefix="collections-") as collections:
        tables = signing.tables(Path(folder), installed(Path(collections)))
    report.show(tables)
    report.keep(tables, "python -m bench signing")
    return []


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    pages: dict[str, tuple[Callable[[int], list[str]], int]] = {
        "tasks": (tasks, 7),
        "walkthrough": (walkthrough, 3),
        "pairs": (partial(walkthrough, slopes=False), 3),
        "signing": (signed, 1),
    }
    parser.add_argument("page", choices=pages)
    parser.add_argument("repetitions", type=int, nargs="?", help="default: 7 of tasks, 3 of the others")
    given = parser.parse_args()
    measure, default = pages[given.page]
    try:
        missed = measure(given.repetitions or default)
    except LabError as error:
        sys.exit(f"error: {error}")
    print(f"Missed: {', '.join(missed)}" if missed else "All goals are met.")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
