"""What the documentation says that a module returns, and whether a result is just that."""

from __future__ import annotations

import functools
import importlib
import json
import pkgutil
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule

Json = Mapping[str, Any]
BOTH = "success and failure"
"""When a key is returned that tells why the module failed, and is there without a failure too."""
MODULES = "ansible_collections.image_trust.azure.plugins.modules."
REFERENCE = re.compile(
    r"\b(?:[Aa]s|(?P<only>C\(\w+\)(?:(?:, | and )C\(\w+\))*) of) RV\((?:image_trust\.azure\.(?P<module>\w+)#module:)?(?P<path>[^:)]+)\)",
)
"""How a description says that a value has the keys of another one, or only some of them, and those of its own `contains`."""
ANSIBLES_OWN = {"exit_json": {"changed", "diff"}, "fail_json": {"changed", "msg", "exception"}}
"""Keys that every module may return: https://docs.ansible.com/ansible/latest/reference_appendices/common_return_values.html"""


def modules() -> list[str]:
    """Names of all of them."""
    return [module.name for module in pkgutil.iter_modules(importlib.import_module(MODULES.rstrip(".")).__path__)]


@functools.cache
def written(module: str) -> Json:
    """Its RETURN, by key, with references as they are."""
    found: Json = yaml.safe_load(importlib.import_module(MODULES + module).RETURN)
    return found


@functools.cache
def documented(module: str) -> Json:
    """Its RETURN, by key, where each reference is replaced by what it refers to."""
    return _resolved(written(module), module)


@dataclass(frozen=True)
class Reference:
    """A value, such as `report.clusters[].facts` of a module, whose keys another one has too, or only these."""

    module: str
    path: str
    only: tuple[str, ...]


def reference(said: Json, module: str) -> Reference | None:
    """None of a value without "as RV(...)" or "C(...) of RV(...)"."""
    found = REFERENCE.search(" ".join(text) if isinstance(text := said["description"], list) else text)
    return Reference(found["module"] or module, found["path"], tuple(re.findall(r"\w+(?=\))", found["only"] or ""))) if found else None


def referenced(to: Reference) -> Json:
    """The keys of the value. Raises KeyError where there is none, or where it documents no keys itself."""
    said: Json = {"contains": written(to.module)}
    for key in to.path.replace("[]", "").split("."):
        said = said["contains"][key]
    assert reference(said, to.module) is None, f"{to} is a reference itself"
    found: Json = said["contains"]
    return {key: found[key] for key in to.only or found}


def _resolved(contains: Json, module: str) -> Json:
    return {key: _whole(said, module) for key, said in contains.items()}


def _whole(said: Json, module: str) -> Json:
    own = _resolved(said.get("contains") or {}, module)
    if to := reference(said, module):
        own = {**_resolved(referenced(to), to.module), **own}
    return {**said, "contains": own} if own or "contains" in said else said


def of_failures(module: str, *, failed: bool) -> Json:
    """What of it a module returns that has failed, or that has not."""
    return {key: said for key, said in documented(module).items() if said["returned"].startswith("failure") is failed or said["returned"] == BOTH}


def faults(said: Json, returned: Json, where: str) -> Iterator[str]:
    """How a dictionary is not as its keys are documented: one that is not, one that is always there and is not, another type, an undocumented null."""
    yield from (f"{where} {key} is returned and not documented" for key in returned.keys() - said.keys())
    for key, one in said.items():
        if key in returned:
            yield from faults_of_value(one, returned[key], f"{where} {key}")
        elif one["returned"] in ("always", "success"):
            yield f"{where} {key} is documented and not returned"


def faults_of_value(said: Json, value: Any, where: str) -> Iterator[str]:
    """The same of one value, whatever it is."""
    if value is None:
        if "null" not in str(said["description"]).lower():
            yield f"{where} is null, of which its description says nothing"
    elif type(value).__name__ != said["type"]:
        yield f"{where} is documented as {said['type']} and is {type(value).__name__}"
    elif isinstance(value, list):
        one = {"description": "", "type": said["elements"], "contains": said.get("contains")}
        for each in value:
            yield from faults_of_value(one, each, f"{where}[]")
    elif isinstance(value, dict) and said.get("contains") is not None:
        yield from faults(said["contains"], value, where)


def values(said: Json, where: str) -> Iterator[tuple[str, Json]]:
    """Each value that is documented, however deep, with where it is."""
    for key, one in said.items():
        yield f"{where} {key}", one
        yield from values(one.get("contains") or {}, f"{where} {key}")


def not_returned(module: str, *results: Json) -> set[str]:
    """What it documents, however deep, and what none of these results, of runs that have not failed, has or has only as null."""
    always = {where for where, _said in values(of_failures(module, failed=False), module)}
    return always - {where for result in results for where in _ways(result, module)}


def _ways(value: Any, where: str) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _ways(each, where)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from [] if one is None else [f"{where} {key}"]
            yield from _ways(one, f"{where} {key}")


def keep_to_documentation(patch: pytest.MonkeyPatch) -> None:
    """A module of ours that ends with other results than its documentation tells of fails the test, also when a fixture started it."""
    for way in ANSIBLES_OWN:
        patch.setattr(AnsibleModule, way, _checked(way, getattr(AnsibleModule, way)))


def _checked(way: str, end: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    def checked(self: AnsibleModule, *args: Any, **results: Any) -> NoReturn:
        module = _running()
        returned = json.loads(json.dumps({key: value for key, value in results.items() if key not in ANSIBLES_OWN[way]}))
        found = list(faults(of_failures(module, failed=way == "fail_json"), returned, module))
        assert not found, "; ".join(found)
        end(self, *args, **results)

    return checked


def _running() -> str:
    names = (str(frame.f_globals.get("__name__")) for frame, _line in traceback.walk_stack(None))
    return next(name.removeprefix(MODULES) for name in names if name.startswith(MODULES))
