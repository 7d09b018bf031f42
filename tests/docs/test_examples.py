"""Every YAML example of the pages says only what roles and modules of the collection take."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.filter.unknown_variable_findings import OF_THE_PLAYBOOK

from . import specs
from .pages import PAGES, ROOT, Example, examples

ROLES = sorted(folder.name for folder in (ROOT / "roles").iterdir())
OURS = "image_trust.azure."
INVENTORY = [Example(file, 1, file.read_text()) for file in sorted((ROOT / "inventories/example").glob("*_vars/*.yml"))]
EXAMPLES = [*INVENTORY, *(example for page in PAGES for example in examples(page))]
OF_A_CONTROLLER = set(re.findall(r"image_trust_\w+", (ROOT / "awx/controller.yml").read_text()))
KEYWORDS = {"name", "hosts", "connection", "gather_facts", "module_defaults", "tasks", "roles", "register", "loop", "when", "vars"}


def of_variables(given: dict[str, Any], *, whole: bool = False) -> list[str]:
    """Variables of an inventory, or of one role with `whole`."""
    wrong = specs.problems(specs.login(), given.get("azure_login", {}), whole=False)
    known = {"azure_login"} | OF_THE_PLAYBOOK | OF_A_CONTROLLER | {name for name in given if name.startswith("ansible_")}
    for role in ROLES:
        own = {name: value for name, value in given.items() if name.startswith(f"{role}_")}
        wrong += specs.problems(specs.role(role), own, whole=whole) if own else []
        known |= own.keys()
    return wrong + [f"no role has the variable {name}" for name in given.keys() - known]


def of_task(task: dict[str, Any]) -> list[str]:
    modules = [key for key in task if key.startswith(OURS)]
    wrong = [f"{key} is neither a keyword nor a module of ours" for key in task.keys() - KEYWORDS - {*modules}]
    return wrong + [line for key in modules for line in specs.problems(specs.module(key.removeprefix(OURS)), task[key], whole=True)]


def of_play(play: dict[str, Any]) -> list[str]:
    wrong = [f"{key} is no keyword of a play" for key in play.keys() - KEYWORDS]
    for given in play.get("module_defaults", {}).values():
        wrong += specs.problems(specs.login(), given, whole=False)
    for entry in play.get("roles", []):
        role, variables = entry["role"].removeprefix(OURS), {key: value for key, value in entry.items() if key != "role"}
        wrong += specs.problems(specs.role(role), variables, whole=True)
    return wrong + [line for task in play.get("tasks", []) for line in of_task(task)]


def of_credential_type(read: dict[str, Any]) -> list[str]:
    """Of AWX: its inputs, or how they come into the environment, under names that the login reads."""
    page = (ROOT / "docs/login.md").read_text()
    unknown = [name for name in read.get("env", {}) if f"`{name}`" not in page]
    fields = [field.keys() - {"id", "type", "label", "secret", "multiline"} for field in read.get("fields", [])]
    missing = [name for name in read.get("required", []) if name not in [field["id"] for field in read["fields"]]]
    return [*unknown, *(str(each) for each in fields if each), *missing]


def of_inventory(groups: dict[str, Any]) -> list[str]:
    """Hosts of the groups that the playbooks run on, each with its variables."""
    unknown = [f"{key} is no part of a group" for group in groups.values() for key in group.keys() - {"hosts", "vars"}]
    hosts = [host or {} for group in groups.values() for host in group["hosts"].values()]
    return unknown + [line for given in [*hosts, *(group.get("vars", {}) for group in groups.values())] for line in of_variables(given)]


def problems(read: Any) -> list[str]:
    if isinstance(read, list):
        return [line for each in read for line in (of_play(each) if "hosts" in each else of_task(each))]
    if read.keys() <= {"clusters", "signers"}:
        return of_inventory(read)
    if read.keys() <= {"fields", "required", "file", "env"}:
        return of_credential_type(read)
    return of_variables(read)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_example_is_what_the_collection_takes(example: Example) -> None:
    assert problems(yaml.safe_load(example.text)) == []


@pytest.mark.parametrize(
    ("example", "wrong"),
    [
        ("aks_regestries: []", "aks_regestries"),
        ("ratify_certificates: [{nam: x}]", "nam"),
        ("policy_enforcement: perhaps", "perhaps"),
        ("azure_login: {auth_source: magic}", "magic"),
        ("other_variable: 1", "other_variable"),
        ("clusters: {hosts: {web: {aks_regestries: []}}}", "aks_regestries"),
        ("clusters: {hosts: {web: }, var: {}}", "var is no part"),
        ("- image_trust.azure.keyvault_info: {resource_group: rg}", "name"),
        ("- hosts: all\n  roles: [{role: image_trust.azure.verify, verify_kubeconfig: x}]", "verify_images"),
    ],
)
def test_what_the_collection_does_not_take_is_found(example: str, wrong: str) -> None:
    assert re.search(wrong, " ".join(problems(yaml.safe_load(example))))
