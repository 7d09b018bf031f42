"""The error texts of the collection, read from its sources: what an expression puts in is `…`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.support.policy import rego_files

from .pages import ROOT

RAISING = ("fail_json", "refuse", "unusable", "warn")
"""Functions that end a module with their text, or go on with it as a warning; beside exceptions, which end in Error."""

OF_A_CLUSTER = ("coverage", "deviations", "trust_deviations")
"""Files whose functions yield the problems of a cluster, a sentence each."""
IN_LISTS = ("gatekeeper", "ratify", "release", "contents")
"""Files whose functions return such sentences in lists."""


def messages() -> dict[str, str]:
    """The file of each text, by text."""
    found: dict[str, str] = {}
    for folder in ("roles", "playbooks"):
        for file in sorted((ROOT / folder).rglob("*.yml")):
            read = yaml.safe_load(file.read_text())
            variables = [str(value) for name, value in read.items() if name.endswith("_message")] if isinstance(read, dict) else []
            for text in [*_of_tasks(read), *variables]:
                found.setdefault(_plain(text), str(file.relative_to(ROOT)))
    for file in sorted((ROOT / "plugins").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            collected = _of_yield(node) if file.stem in OF_A_CLUSTER else _of_list(node) if file.stem in IN_LISTS else ""
            if text := _of_call(node) or _of_sentence(node) or collected:
                found.setdefault(_plain(text), str(file.relative_to(ROOT)))
    return {text: where for text, where in found.items() if re.search(r"\w \w", text)}


def _of_tasks(node: Any) -> Iterator[str]:
    """`fail_msg` of assertions and `msg` of failures, at any depth."""
    if isinstance(node, list):
        for each in node:
            yield from _of_tasks(each)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("ansible.builtin.assert", "ansible.builtin.fail"):
                yield str(value.get("fail_msg") or value.get("msg") or "")
            else:
                yield from _of_tasks(value)


def _of_call(call: ast.AST) -> str:
    """The text of `raise SomeError(text)`, `module.fail_json(msg=text)` and the like, or nothing."""
    if not isinstance(call, ast.Call):
        return ""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    if function not in RAISING and not function.endswith("Error"):
        return ""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "msg"]
    return _text(next(iter([*call.args, *named]), None))


def _of_sentence(node: ast.AST) -> str:
    """The text of `sentence = text`, or nothing."""
    named = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "sentence"
    return _text(node.value) if named and isinstance(node, ast.Assign) else ""


def _of_yield(node: ast.AST) -> str:
    """The text of `yield text`, by which problems of a cluster are collected, or nothing."""
    return _text(node.value) if isinstance(node, ast.Yield) else ""


def _of_list(node: ast.AST) -> str:
    """The first text of `[text]` and of `found.append(text)`, or nothing."""
    if isinstance(node, ast.List) and node.elts and isinstance(node.elts[0], ast.JoinedStr):
        return _text(node.elts[0])
    appends = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append"
    return _text(node.args[0]) if appends and isinstance(node, ast.Call) and isinstance(node.args[0], ast.JoinedStr) else ""


def _text(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    return ""


def _plain(text: str) -> str:
    """One line, each expression of Python or Jinja as `…`."""
    text = re.sub(r"\{%.*?%\}", "", text, flags=re.S)
    text = re.sub(r"\{\{.*?\}\}|\{\}", "…", text, flags=re.S)
    return " ".join(text.split())


def denials() -> set[str]:
    """What the policy says of an image, and what it makes of Ratify's reports."""
    rego = "".join(file.read_text() for file in rego_files())
    said = re.findall(r'(?:denial\((?:sprintf\()?|"meaning": |\} else := )"([^"]+ [^"]+)"', rego)
    return {text.replace("%v", "…") for text in said}
