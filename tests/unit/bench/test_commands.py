"""What a command takes is that of all its processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.commands import run, stand_in

BUSY = "import time\nwhile time.process_time() < 0.3: pass"


def test_cpu_is_that_of_the_whole_process_tree(tmp_path: Path) -> None:
    spent = run(["sh", "-c", f"{sys.executable} -c '{BUSY}'; {sys.executable} -c '{BUSY}'; echo done; sleep 0.3"], os.environ, tmp_path)
    assert spent.out == "done\n"
    assert 0.6 <= spent.cpu <= spent.wall - 0.2


def test_memory_is_what_the_processes_had_at_the_same_time(tmp_path: Path) -> None:
    held = f"{sys.executable} -c 'import time; held = bytearray(50 << 20); time.sleep(2.5)'"
    assert 100 <= run(["sh", "-c", f"{held} & {held}; wait"], os.environ, tmp_path).memory <= 140


def test_a_command_that_fails_says_what_it_printed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"sh failed with 3:\nout\n\nerr"):
        run(["sh", "-c", "echo out; echo err >&2; exit 3"], os.environ, tmp_path)


def test_the_stand_in_counts_the_processes_that_it_starts(tmp_path: Path) -> None:
    measures = tmp_path / "measures"
    program = stand_in(Path(sys.executable), tmp_path)
    environment = {**os.environ, "BENCH_PYTHON": sys.executable, "BENCH_MEASURES": str(measures)}
    for _ in range(2):
        assert run([str(program), "-c", "print('a module')"], environment, tmp_path).out == "a module\n"
    assert len(measures.read_text().splitlines()) == 2
