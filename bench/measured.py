"""Stands in for the Python of a module: runs $BENCH_PYTHON with the same arguments, and adds the seconds and the peak memory (KiB) to $BENCH_MEASURES."""

import os
import sys
import time

began = time.monotonic()
python = os.environ["BENCH_PYTHON"]
child = os.posix_spawn(python, [python, *sys.argv[1:]], os.environ)
_, status, usage = os.wait4(child, 0)
with open(os.environ["BENCH_MEASURES"], "a") as measures:
    measures.write(f"{time.monotonic() - began} {usage.ru_maxrss}\n")
sys.exit(os.waitstatus_to_exitcode(status))
