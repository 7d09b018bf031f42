"""The README names all that the collection has, and that of a role all its variables."""

from __future__ import annotations

import pytest

from . import specs
from .pages import ROOT

README = (ROOT / "README.md").read_text()
MODULES = {path.stem for path in (ROOT / "plugins/modules").glob("*.py")}


@pytest.mark.parametrize("playbook", sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml")))
def test_each_playbook(playbook: str) -> None:
    assert f"\n| `{playbook}` | " in README, "name it in README.md, in the table of the playbooks"


# Those for users; an internal role has no specification.
ROLES = sorted(path.parents[1].name for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))


@pytest.mark.parametrize("role", ROLES)
def test_each_role(role: str) -> None:
    assert f"\n| [{role}](roles/{role}/README.md) | " in README, "name it in README.md, in the table of the roles"


@pytest.mark.parametrize("role", ROLES)
def test_each_variable_of_a_role(role: str) -> None:
    readme = (ROOT / "roles" / role / "README.md").read_text()
    assert [variable for variable in specs.role(role) if f"`{variable}`" not in readme] == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_module(module: str) -> None:
    base = module.removesuffix("_info")
    also_reads = base in MODULES and "with `…_info`" in next(line for line in README.splitlines() if f"`{base}`" in line)
    assert f"`{module}`" in README or also_reads, "name it in README.md, in the table of the modules"
