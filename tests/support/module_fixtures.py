"""Runs modules whole, as Ansible does, against the emulated Azure."""

from __future__ import annotations

import importlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.module_utils._azure import retries, session

from tests.support.emulated import Emulated, emulated
from tests.support.module_runs import Backend, Run, agree

FASTER = 50
"""Azure's delays, in seconds here and minutes there, and our patience are shorter by that; Retry-After is not."""


@pytest.fixture(scope="session")
def running_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    with emulated(tmp_path_factory.mktemp("azure"), Backend()) as azure:
        yield azure


@pytest.fixture
def backend(azure: Emulated) -> Backend:
    fresh = Backend()
    azure.azure.backend = fresh
    return fresh


@pytest.fixture
def azure(running_azure: Emulated, monkeypatch: pytest.MonkeyPatch) -> Emulated:
    """The emulated Azure as `Emulated.reset` says, and the environment to log in to it."""
    running_azure.reset()
    for name, value in running_azure.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(session.POLLING, "polling_interval", 0)
    for answer, retry in retries.RETRIES.items():
        times = {name: getattr(retry, name) / FASTER for name in ("bound", "first_pause", "longest_pause")}
        monkeypatch.setitem(retries.RETRIES, answer, replace(retry, **times))
    return running_azure


@pytest.fixture
def public_azure(azure: Emulated, monkeypatch: pytest.MonkeyPatch) -> Emulated:
    """The same, which the login of the environment finds under the public names of the real one."""
    for name, value in azure.public.items():
        monkeypatch.setenv(name, value)
    return azure


@pytest.fixture
def run(azure: Emulated) -> Run:
    """`run(module, check=False, **options)`: what the module answers, in diff mode. Azure's request log begins with it."""

    def run_module(module: str, /, *, check: bool = False, **options: Any) -> dict[str, Any]:
        azure.forget_requests()
        main = importlib.import_module(f"ansible_collections.image_trust.azure.plugins.modules.{module}").main
        printed = io.StringIO()
        # What a module writes into the machine's log is Ansible's matter.
        arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_no_log": True}
        with patch_module_args(arguments), redirect_stdout(printed), pytest.raises(SystemExit) as ended:
            main()
        result: dict[str, Any] = json.loads(printed.getvalue())
        assert bool(ended.value.code) is bool(result.get("failed"))
        return result

    return run_module


@pytest.fixture
def converge(run: Run, azure: Emulated) -> Run:
    """`converge(module, **options)`: check, run, run again; what the run answers. Check and second run write nothing; check and run agree."""

    def converge_module(module: str, /, **options: Any) -> dict[str, Any]:
        predicted = run(module, check=True, **options)
        assert azure.writes == []
        result = run(module, **options)
        writes = azure.writes
        assert not result.get("failed"), result
        assert predicted["changed"] is result["changed"] is bool(writes)
        assert predicted["diff"]["before"] == result["diff"]["before"]
        agree(predicted["diff"]["after"], result["diff"]["after"])
        again = run(module, **options)
        assert (again["changed"], azure.writes) == (False, [])
        assert len(azure.reads) == 1
        assert again["diff"]["before"] == again["diff"]["after"] == result["diff"]["after"]
        azure.forget_requests()
        return {**result, "writes": writes}

    return converge_module


def meanwhile(azure: Emulated, path: str, deed: Callable[[], None]) -> None:
    """What another client does after the module has read, and before its PUT to `path` (a regular expression) takes effect."""
    azure.fail(method="PUT", path=path, delay=1, count=1)

    def once_the_write_is_on_its_way() -> None:
        while azure.azure.faults.active:
            time.sleep(0.01)
        deed()

    threading.Thread(target=once_the_write_is_on_its_way, daemon=True).start()
