"""`python -m bench [repetitions]`: measure, print the tables, keep them in docs/bench.md. Exits 1 where a goal is missed."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import report
from bench.measurements import compare, count
from bench.runs import Ansible
from bench.tasks import ACR_PULL, GROUP_ID, PRINCIPAL
from lab.azure.arm.role_assignments import new_assignment
from tests import azcollection
from tests.emulated import emulated
from tests.module_runs import Backend


def main(repetitions: int = 7) -> int:
    installed = azcollection.ready()
    with TemporaryDirectory(prefix="bench-") as folder, emulated(Path(folder), Backend()) as azure, azure.public() as login:
        ansible = Ansible(installed, Path(folder), login)
        counted = count(ansible, azure)
        new_assignment(azure.state, GROUP_ID, ACR_PULL, PRINCIPAL)
        comparisons = compare(ansible, repetitions)
    report.show(comparisons, counted)
    report.keep(comparisons, counted)
    missed = [c.pair.what for c in comparisons if not c.met] + [c.what for c in counted if (c.second.reads, c.second.writes) != (c.objects, 0)]
    print(f"Missed: {', '.join(missed)}" if missed else "All goals are met.")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
