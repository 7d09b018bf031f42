"""Roles and playbooks read like the list of what an operator would do: short files, short templates, tasks named by what they do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
MOST_VARIABLES, MOST_TASKS, LONGEST, MOST_PIPES, MOST_WORDS = 130, 80, 120, 4, 8
VERBS = {
    "reads": {"Get", "Check", "Judge", "Forecast", "Verify"},
    "asserts": {"Require", "Reject"},
    "waits": {"Wait"},
    "writes": {"Install", "Configure", "Remove", "Restore", "Write", "Record", "Let", "Sign"},
    "reports": {"Report", "Return", "Keep"},
}
EXPRESSIONS = ("when", "that", "until", "changed_when", "failed_when")
"""Keywords whose values are templates without braces."""
TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.S)
Json = dict[str, Any]


def files(role: str) -> list[Path]:
    return sorted(path for folder in ("tasks", "vars", "defaults", "handlers") for path in (ROOT / "roles" / role / folder).rglob("*.yml"))


def kind(path: Path) -> str:
    """Such as tasks, of roles/aks/tasks/main.yml."""
    return path.relative_to(ROOT).parts[2]


def read() -> dict[str, Any]:
    """All that is held to the rules, by its path."""
    paths = [path for role in ROLES for path in files(role)] + [ROOT / f"playbooks/{name}.yml" for name in PLAYBOOKS]
    return {str(path.relative_to(ROOT)): yaml.safe_load(path.read_text()) for path in paths}


FILES = read()


def templates(value: Any, key: str = "") -> Iterator[str]:
    """Each template of a value, in one line."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from templates(inner, str(name))
    elif isinstance(value, list):
        for each in value:
            yield from templates(each, key)
    elif isinstance(value, str):
        whole = [value] if key in EXPRESSIONS else TEMPLATE.findall(value)
        yield from (" ".join(each.split()) for each in whole)


def pipes(template: str) -> int:
    return re.sub(r"'[^']*'|\"[^\"]*\"", "", template).count("|")


def names(tasks: Any) -> Iterator[str]:
    """The names of plays and tasks, also of those within blocks."""
    for task in tasks:
        yield task["name"]
        for inside in ("pre_tasks", "tasks", "block", "rescue", "always"):
            yield from names(task.get(inside, []))


def named() -> dict[str, list[str]]:
    """The names of all tasks, by role or playbook."""
    found: dict[str, list[str]] = {}
    for path, content in FILES.items():
        if path.startswith("playbooks/") or "/tasks/" in path:
            found.setdefault(path.split("/")[1], []).extend(names(content))
    return found


def test_each_template_is_short() -> None:
    found = [(path, each) for path, content in FILES.items() for each in templates(content)]
    assert len(found) > 100
    assert [(path, each) for path, each in found if len(each) > LONGEST or pipes(each) > MOST_PIPES or each.startswith("{%")] == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": "x {{ b\n  | c }} and {{ d }}"}, ["{{ b | c }}", "{{ d }}"]),
        ([{"when": ["a", "b | c"], "msg": "not one"}], ["a", "b | c"]),
        ({"a": "{% for b in c %}{{ b }}{% endfor %}"}, ["{% for b in c %}", "{{ b }}", "{% endfor %}"]),
    ],
)
def test_templates_are_what_is_in_braces_and_what_decides(value: Any, found: list[str]) -> None:
    assert list(templates(value)) == found


def test_a_pipe_in_a_text_is_no_filter() -> None:
    assert pipes("{{ a | b('x|y') | c }}") == 2


@pytest.mark.parametrize("role", ROLES)
def test_no_file_is_long(role: str) -> None:
    most = {"vars": MOST_VARIABLES, "tasks": MOST_TASKS}
    long = [path.name for path in files(role) if len(path.read_text().splitlines()) > most.get(kind(path), MOST_VARIABLES)]
    assert long == []


def test_internal_variables_are_named_by_their_own_role_alone() -> None:
    foreign = []
    for path in FILES:
        whose = path.split("/")[1].removesuffix(".yml")
        found = set(re.findall(r"\b__[a-z0-9]+(?=_)", (ROOT / path).read_text()))
        foreign += [(path, each) for each in sorted(found) if each != f"__{whose}"]
    assert foreign == []


@pytest.mark.parametrize("role", ROLES)
def test_a_variable_has_one_meaning(role: str) -> None:
    """What one file of vars defines, no other file defines, and no task registers."""
    defined = [name for path in files(role) if kind(path) == "vars" for name in re.findall(r"^(\w+):", path.read_text(), re.M)]
    registered = {name for path in files(role) if kind(path) == "tasks" for name in re.findall(r"^ +register: (\w+)", path.read_text(), re.M)}
    assert sorted({name for name in defined if defined.count(name) > 1 or name in registered}) == []


@pytest.mark.parametrize(("whose", "found"), named().items(), ids=named())
def test_a_task_is_named_once_by_what_it_does(whose: str, found: list[str]) -> None:
    known = set.union(*VERBS.values())
    assert [name for name in found if name.split()[0] not in known or len(TEMPLATE.sub("it", name).split()) > MOST_WORDS] == []
    assert sorted({name for name in found if found.count(name) > 1}) == []
