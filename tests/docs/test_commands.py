"""Commands of the pages: the shell can read them, and what they name of this collection exists."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.cli.playbook import PlaybookCLI
from ansible_collections.image_trust.azure.plugins.filter.unknown_variable_findings import known

from .pages import PAGES, ROOT, name, tokens
from .test_examples import OF_A_CONTROLLER

PROGRAMS = (
    "ansible-builder",
    "ansible-doc",
    "ansible-galaxy",
    "ansible-playbook",
    "az",
    "cp",
    "curl",
    "export",
    "git",
    "helm",
    "kubectl",
    "make",
    "openssl",
    "python",
)
PLAYBOOK = "ansible-playbook"
OF_PLAYBOOKS = {variable for path in (ROOT / "playbooks").rglob("*.yml") for variable in re.findall(r"\b(?:rotate|teardown)_\w+", path.read_text())}
KNOWN = {"azure_login", *OF_PLAYBOOKS, *OF_A_CONTROLLER, *(variable for variables in known().values() for variable in variables)}


def shell(page: Path) -> Iterator[str]:
    """Each command of its blocks, and each of ansible-playbook within a sentence. A block with prompts has output between its commands."""
    for token in tokens(page):
        if token.type == "code_inline" and token.content.startswith(f"{PLAYBOOK} image_trust"):
            yield token.content
        if token.type not in ("fence", "code_block"):
            continue
        lines = token.content.replace("\\\n", " ").splitlines()
        if any(line.startswith("$ ") for line in lines):
            yield from (line[2:] for line in lines if line.startswith("$ "))
        elif token.content.startswith(tuple(f"{program} " for program in PROGRAMS)):
            yield from lines


COMMANDS = [(page, command) for page in PAGES for command in shell(page)]


def given(words: argparse.Namespace) -> set[str]:
    """Names of the variables behind -e."""
    found: set[str] = set()
    for text in words.extra_vars:
        if not text.startswith("@"):
            found |= json.loads(text).keys() if text.startswith("{") else {each.partition("=")[0] for each in shlex.split(text)}
    return found


def wrong(command: str) -> list[str]:
    """What is not as it says, of a command of ansible-playbook."""
    words = shlex.split(command, comments=True)
    cli = PlaybookCLI(words)
    cli.init_parser()
    assert cli.parser
    asked = cli.parser.parse_args(words[1:])
    playbooks = [each.removeprefix("image_trust.azure.") for each in asked.args if each.startswith("image_trust.azure.")]
    missing = [f"there is no playbook {each}" for each in playbooks if not (ROOT / f"playbooks/{each}.yml").exists()]
    return missing + [f"no role has the variable {each}" for each in sorted(given(asked) - KNOWN)] if playbooks else []


def test_commands_are_found() -> None:
    assert sum(command.startswith(PLAYBOOK) for _page, command in COMMANDS) > 40


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[f"{name(page)}-{number}" for number, (page, _command) in enumerate(COMMANDS)])
def test_the_command_can_be_run_as_it_is_printed(page: Path, command: str) -> None:
    read = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True, check=False)
    assert read.stderr == ""
    if command.startswith(PLAYBOOK):
        assert wrong(command) == []
    for target in re.findall(r"\bmake ([a-z-]+)", command):
        assert re.search(rf"^[a-z -]*\b{target}\b[a-z -]*:", (ROOT / "Makefile").read_text(), re.M), target


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("ansible-playbook image_trust.azure.sight -i inventory", "sight"),
        ("ansible-playbook image_trust.azure.site -i inventory -e site_wave=1", "site_wave"),
        ("""ansible-playbook image_trust.azure.site -e '{"policy_enforcment": "deny"}'""", "policy_enforcment"),
    ],
)
def test_what_does_not_exist_is_found(command: str, said: str) -> None:
    assert said in " ".join(wrong(command))
