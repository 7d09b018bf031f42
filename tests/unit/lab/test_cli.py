from __future__ import annotations

import sys

import pytest

from lab import cli, progress
from lab.errors import LabError
from lab.progress import wait_for


def test_a_fault_may_set_whatever_the_switchboard_knows() -> None:
    given = cli._parser().parse_args(["faults", "add", "--path", "vaults", "--status", "503", "--retry-after", "2", "--count", "1"])
    assert (given.path, given.status, given.retry_after, given.count, given.delay) == ("vaults", "503", "2", "1", None)


def test_what_exec_runs_may_have_options() -> None:
    given = cli._parser().parse_args(["exec", "--cluster", "lab2", "--", "kubectl", "get", "pods", "-A"])
    assert (given.cluster, given.argv) == ("lab2", ["kubectl", "get", "pods", "-A"])


@pytest.mark.parametrize("argv", [["settings", "operation_delay"], ["settings", "operation_delay=soon"], ["up", "--clusters", "two"], ["faults"], []])
def test_a_malformed_command_is_refused(argv: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli._parser().parse_args(argv)


@pytest.mark.parametrize(("argv", "message"), [(["env"], "there is no lab"), (["requests"], "does not run"), (["exec", "true"], "there is no cluster lab1")])
def test_without_a_lab_a_command_says_so_in_one_sentence(argv: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["lab", *argv])
    with pytest.raises(SystemExit, match=f"^lab: .*{message}"):
        cli.main()


def test_waiting_has_a_bound_and_says_what_for() -> None:
    with pytest.raises(LabError, match="dawn: not so after 0 s"):
        wait_for("dawn", lambda: None, 0)


def test_a_slow_machine_is_given_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 8)
    with pytest.raises(LabError, match=r"dawn: not so after 2 s"):
        wait_for("dawn", lambda: None, 0.25)


def test_waiting_ends_when_it_has_become_useless() -> None:
    def gone() -> None:
        raise LabError("the sun has gone out")

    with pytest.raises(LabError, match="gone out"):
        wait_for("dawn", lambda: None, 60, gone)
