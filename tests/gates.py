"""What a collection has to pass before Galaxy, the community and Red Hat take it: `python -m tests.gates [name ...]`; one line a gate at the end.

The fast ones (ansible-lint, antsibull-docs, antsibull-changelog, ruff, yamllint, mypy) are `make lint types`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.support.ansibles import NEWEST, NoPythonError
from tests.support.artifact import built, checkout, installed
from tests.support.environments import OURS, ROOT, environment
from tests.support.seeds import SOAK

IMPORTER = "galaxy-importer==0.4.44"


@dataclass(frozen=True)
class Gate:
    name: str
    check: Callable[[], str]
    """Runs it; says with what. Raises `NoPythonError`, or CalledProcessError when it is not passed."""
    soak: bool = False
    """Whether only `make soak` runs it, or who names it: minutes, in which the gate of the newest Ansible finds nearly all."""


def run(*command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """What it prints to both its outputs, which is also shown. Raises CalledProcessError."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    sys.stdout.write(done.stdout)
    done.check_returncode()
    return done.stdout


def newest() -> dict[str, str]:
    """PATH on which the newest Ansible and its Python come first. Raises NoPythonError."""
    return {"PATH": f"{NEWEST.programs}:{os.environ['PATH']}"}


def units(env: Mapping[str, str], *targets: str) -> str:
    """`ansible-test units`. It wants a real tree with the collection's name, of what git knows."""
    with tempfile.TemporaryDirectory() as folder:
        tree = checkout(Path(folder) / "ansible_collections/image_trust/azure")
        run("git", "init", "--quiet", ".", cwd=tree)
        run("git", "add", "--all", cwd=tree)
        run("ansible-test", "units", "--local", "--python", NEWEST.python, "--color", "no", *targets, cwd=tree, env=env)
    return f"Python {NEWEST.python}"


def tests_newest() -> str:
    """Of the tests of plugins and of plays, which `make unit plays` run with the oldest ansible-core, those that an Ansible decides: options, results, logins,
    check mode, filters, lookups and whole plays."""
    environment = newest()
    modules = (f"tests/unit/plugins/modules/test_{name}.py" for name in ("aks_cluster", "exact_objects", "info", "login", "return_values", "workload_identity"))
    folders = ("tests/unit/plugins/filter", "tests/unit/plugins/lookup", "tests/plays/test_login_runs.py", "tests/plays/test_cluster_lease.py")
    run("pytest", "-q", "-n", "auto", "-p", "no:cacheprovider", *modules, *folders, env=environment)
    return run("ansible", "--version", env=environment).splitlines()[0]


def execution_environment() -> str:
    """The image's recipe is made, and the Python packages that the collection asks an image for are those that users install."""
    with tempfile.TemporaryDirectory() as folder:
        run("ansible-builder", "create", "--file", "execution-environment.yml", "--context", f"{folder}/context")
        found = yaml.safe_load(run("ansible-builder", "introspect", installed(Path(folder))))
    asked = {package.partition("#")[0].strip() for package in found["python"]}
    if asked != set(OURS.read_text().split()):
        raise subprocess.CalledProcessError(1, "ansible-builder introspect", f"it asks for {sorted(asked)}")
    return f"{len(asked)} packages"


def importer() -> str:
    """A warning is a failure: on Galaxy no user would see it."""
    folder = environment("galaxy-importer", [IMPORTER], sys.executable)
    with tempfile.TemporaryDirectory() as work:
        printed = run(
            folder / "bin/python", "-m", "galaxy_importer.main", built(Path(work)), cwd=Path(work), env={"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
        )
    if findings := [line for line in printed.splitlines() if line.startswith(("WARNING", "ERROR"))]:
        raise subprocess.CalledProcessError(1, "galaxy-importer", "\n".join(findings))
    return IMPORTER


def sanity(env: Mapping[str, str], *options: str) -> str:
    run("tests/sanity/run", *options, env=env)
    return run("ansible-test", "--version", env=env).strip()


GATES = [
    Gate("reuse", lambda: run("reuse", "lint").splitlines()[-1]),
    Gate("galaxy-importer", importer),
    Gate("execution-environment", execution_environment),
    # The rules of pylint are those of the newest, and take half of the time.
    Gate("sanity", lambda: sanity({}, "--skip-test", "pylint"), soak=True),
    Gate("sanity-newest", lambda: sanity(newest())),
    # That ansible-test runs them, which leaves those that start ansible-playbook no Ansible to start; with the oldest ansible-core they are in `make unit`.
    Gate("units-newest", lambda: units(newest(), "tests/unit/plugins/module_utils/")),
    Gate("tests-newest", tests_newest),
]


def main(names: list[str]) -> int:
    """Number of gates that were not passed."""
    lines, failed, skipped = [], 0, 0
    for gate in [gate for gate in GATES if gate.name in names or (not names and (SOAK or not gate.soak))]:
        began = time.monotonic()
        print(f"== {gate.name}", flush=True)
        try:
            outcome = f"passed, {gate.check()}"
        except NoPythonError as missing:
            outcome, skipped = f"skipped: {missing}", skipped + 1
        except subprocess.CalledProcessError as error:
            outcome, failed = f"FAILED: {error.output or error}", failed + 1
        lines.append(f"{gate.name:<22} {time.monotonic() - began:4.0f} s  {outcome}")
    print("\n".join([*lines, f"{len(lines) - failed - skipped} passed, {failed} failed, {skipped} skipped"]), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
