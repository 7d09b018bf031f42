"""What the documentation's examples may say: the arguments of roles and modules, as Ansible checks them."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .pages import ROOT

PLUGINS = "ansible_collections.image_trust.azure.plugins"
CHECKED = ("type", "elements", "choices", "required", "options")
Options = dict[str, Any]


@cache
def role(name: str) -> Options:
    """Argument specification of a role of ours."""
    read = yaml.safe_load((ROOT / f"roles/{name}/meta/argument_specs.yml").read_text())
    return _spec(read["argument_specs"]["main"]["options"])


@cache
def module(name: str) -> Options:
    """That of a module of ours, from its documentation; ansible-test compares the two."""
    documentation = yaml.safe_load(importlib.import_module(f"{PLUGINS}.modules.{name}").DOCUMENTATION)
    options = {**documentation.get("options", {})}
    for fragment in documentation.get("extends_documentation_fragment", []):
        options |= _fragment(*fragment.removeprefix("image_trust.azure.").split("."))
    return _spec(options)


def login() -> Options:
    """The options that all modules for Azure have."""
    return _spec(_fragment("azure"))


def _fragment(file: str, part: str = "documentation") -> Options:
    fragment = importlib.import_module(f"{PLUGINS}.doc_fragments.{file}").ModuleDocFragment
    read: Options = yaml.safe_load(getattr(fragment, part.upper())).get("options", {})
    return read


def _spec(documented: Options) -> Options:
    found = {}
    for name, option in documented.items():
        found[name] = {key: option[key] for key in CHECKED if key in option}
        if below := option.get("suboptions") or option.get("options"):
            found[name]["options"] = _spec(below)
    return found


def problems(spec: Options, given: dict[str, Any], *, whole: bool) -> list[str]:
    """What Ansible would say to these arguments; with `whole` also what is missing. What is a template alone may be anything."""
    wanted = spec if whole else {name: {**option, "required": False} for name, option in spec.items()}
    wanted = {name: {"type": "raw"} if _is_template(given.get(name)) else option for name, option in wanted.items()}
    errors: list[str] = ArgumentSpecValidator(wanted).validate(given).error_messages
    return errors


def _is_template(value: object) -> bool:
    return isinstance(value, str) and value.startswith("{{") and value.endswith("}}")
