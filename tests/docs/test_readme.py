"""The README names all that the collection has, and that of a role all its variables."""

from __future__ import annotations

import re

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


def test_it_has_the_headings_that_galaxy_and_automation_hub_look_for_in_the_order_of_readers() -> None:
    headings = re.findall(r"^## (.+)$", README, re.M)
    expected = ["Description", "Try it", "Requirements", "Installation", "Use Cases", "Testing", "Contributing", "Support", "Release notes", "Licence"]
    assert headings == expected


def test_the_first_screen_is_short_and_has_one_picture() -> None:
    description = README.partition("## Description\n")[2].partition("\n## ")[0]
    prose = [line for line in description.splitlines() if line and not line.startswith("![")]
    assert len(prose) <= 12
    assert README.count("![") == 1


def test_the_verdicts_in_short_are_those_of_the_lab() -> None:
    said = {image: row[1] for row in table(README, "image") for image in re.findall(r"`([^` ]+:[^` ]+)`", row[0])}
    verdicts = {row[0].strip("`").removeprefix("imagetrustlab.azurecr.io/"): row[1] for row in table((ROOT / "docs/verdicts.md").read_text(), "image")}
    assert said
    assert said == {image: verdicts[image] for image in said}


def table(page: str, head: str) -> list[list[str]]:
    """Cells of the rows of the page's table whose first column has that head."""
    rows = page.partition(f"\n| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
