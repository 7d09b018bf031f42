"""`python -m bench tasks|walkthrough|fleet|signing [repetitions]`: measure, print the tables, keep them in docs/bench.md. Exits 1 where a goal is missed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import fleet_tables, fleets, pairs, report, run_tables, signing, task_tables
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
    with TemporaryDirectory(prefix="bench-") as folder, emulated(Path(folder), Backend()) as azure:
        ansible = Ansible(environment, Path(folder), azure.public)
        counted = count(ansible, azure)
        new_assignment(azure.state, GROUP_ID, ACR_PULL, PRINCIPAL)
        comparisons = compare(ansible, repetitions)
    tables = task_tables.tables(comparisons, counted)
    report.show(tables)
    report.keep(tables, "python -m bench tasks")
    return [c.pair.what for c in comparisons if not c.met] + [c.what for c in counted if (c.second.reads, c.second.writes) != (c.objects, 0)]


def walkthrough(repetitions: int) -> list[str]:
    """What a run of site.yml costs beside the walk-through, on a new lab; the goals that it misses."""
    with TemporaryDirectory(prefix="bench-") as folder:
        by_script, by_site, collections = _folders(folder, "script", "site", "collections")
        lab = Lab()
        # The checkout may change meanwhile.
        site = Site(lab, by_site, installed(collections))
        found = pairs.measure(lab, site, Walkthrough(lab, by_script), repetitions)
    tables = run_tables.tables(found)
    report.show(tables)
    report.keep(tables, "python -m bench walkthrough")
    return found.missed


def fleet(repetitions: int) -> list[str]:
    """What a run costs on more clusters, on a new lab, and on many hosts against the emulated Azure; the goals that it misses."""
    with TemporaryDirectory(prefix="bench-") as folder:
        by_site, of_recorded, of_azure, collections = _folders(folder, "site", "recorded", "azure", "collections")
        lab = Lab()
        site = Site(lab, by_site, installed(collections))
        on_lab = fleets.lab_clusters(lab, site, repetitions)
        measured = on_lab, fleets.recorded_clusters(of_recorded, lab, site, fleets.recorded_run(site)), fleets.azure_part(of_azure, collections)
    tables = fleet_tables.tables(*measured)
    report.show(tables)
    report.keep(tables, "python -m bench fleet")
    return [missed for slope in measured for missed in slope.missed]


def _folders(parent: str, *names: str) -> list[Path]:
    folders = [Path(parent) / name for name in names]
    for folder in folders:
        folder.mkdir()
    return folders


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
        "fleet": (fleet, 2),
        "signing": (signed, 1),
    }
    parser.add_argument("page", choices=pages)
    parser.add_argument("repetitions", type=int, nargs="?", help="default: 7 of tasks, 3 of walkthrough, 2 of fleet")
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
