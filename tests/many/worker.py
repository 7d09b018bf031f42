"""A process that runs modules of the collection one after another: a writer among several. Says "ready", then takes one JSON line `[module, options]` a run
from its standard input and answers with the module's result, one line each.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
from contextlib import redirect_stdout, suppress
from typing import Any

from ansible.module_utils.testing import patch_module_args

MODULES = "ansible_collections.image_trust.azure.plugins.modules"


def run(module: str, options: dict[str, Any]) -> str:
    printed = io.StringIO()
    with patch_module_args(options), redirect_stdout(printed), suppress(SystemExit):
        importlib.import_module(f"{MODULES}.{module}").main()
    return printed.getvalue().strip()


if __name__ == "__main__":
    # What takes time is over before the work begins, so that several workers begin together.
    for name in sys.argv[1:]:
        importlib.import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        print(run(*json.loads(line)), flush=True)
