# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The variables of role policy, read once into typed values: a number or boolean of the command line is text. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

Json = Mapping[str, Any]
ACTIONS = ("deny", "warn", "dryrun")
COVERS = ("namespaces", "images", "service_accounts")
"""What an exemption may name. It covers what matches all that it names."""


@dataclass(frozen=True)
class _Form:
    """What each entry of a list has: keys with text, all of them needed, and keys with lists of text, of which `needed` are."""

    texts: tuple[str, ...]
    lists: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()

    @property
    def keys(self) -> str:
        return ", ".join(self.texts + self.lists)


_FORMS: Mapping[str, _Form] = {
    "policy_excluded_namespaces": _Form(("name", "reason")),
    "policy_stages": _Form(("enforcement",), ("namespaces",), needed=("namespaces",)),
    "policy_exemptions": _Form(("owner", "reason", "ends"), COVERS),
}


@dataclass(frozen=True)
class Excluded:
    """Namespaces that are not judged, by name or pattern."""

    name: str
    reason: str


@dataclass(frozen=True)
class Stage:
    """Namespaces, by names or patterns, that have an enforcement of their own."""

    namespaces: tuple[str, ...]
    enforcement: str


@dataclass(frozen=True)
class Exemption:
    """What is admitted without being verified; `covers` has those of COVERS that are given, and `ends` the last day."""

    entry: int
    """Its place in policy_exemptions, from 1."""
    owner: str
    reason: str
    ends: str
    covers: Mapping[str, tuple[str, ...]]

    def parameter(self) -> dict[str, Any]:
        """As the constraints have it."""
        lists = {key: list(values) for key, values in self.covers.items()}
        return {"owner": self.owner, "reason": self.reason, "ends": self.ends, **lists}


@dataclass(frozen=True)
class Policy:
    """What the inventory asks for. `problems` are sentences about values of another form than documented; an entry with such a value is left out."""

    constraint: str
    gatekeeper_namespace: str
    enforcement: str
    excluded: tuple[Excluded, ...]
    stages: tuple[Stage, ...]
    exemptions: tuple[Exemption, ...]
    message_suffix: str
    placeholder_images: tuple[str, ...]
    """Names that what makes pods may have in place of an image."""
    require_digest: bool
    wait_timeout: int
    problems: tuple[str, ...]


def read(variables: Json) -> Policy:
    """The role's public variables by name; those that are not given have the role's defaults."""
    problems: list[str] = []

    def entries(name: str) -> list[tuple[int, dict[str, Any]]]:
        found = [*_entries(name, variables.get(name, []))]
        problems.extend(each for each in found if isinstance(each, str))
        return [each for each in found if not isinstance(each, str)]

    def one(name: str, default: Any, reader: Callable[[Any], Any], wanted: str) -> Any:
        try:
            return reader(variables.get(name, default))
        except ValueError:
            sentence = f"{name} is {shown(variables[name])}, but must be {wanted}."
            problems.append(sentence)
            return default

    return Policy(
        constraint=one("policy_constraint", "images-verified", _text, "text"),
        gatekeeper_namespace=one("policy_gatekeeper_namespace", "gatekeeper-system", _text, "text"),
        enforcement=one("policy_enforcement", "deny", _action, "deny, warn or dryrun"),
        excluded=tuple(Excluded(**each) for _number, each in entries("policy_excluded_namespaces")),
        stages=tuple(Stage(**each) for _number, each in entries("policy_stages")),
        exemptions=tuple(_exemption(number, each) for number, each in entries("policy_exemptions")),
        message_suffix=one("policy_message_suffix", "", _text, "text"),
        placeholder_images=one("policy_placeholder_images", (), _placeholders, "a list of names without registry, tag and digest, such as auto"),
        require_digest=one("policy_require_digest", True, _boolean, "true or false"),
        wait_timeout=one("policy_wait_timeout", 120, _seconds, "a whole number of seconds greater than 0"),
        problems=tuple(problems),
    )


def shown(value: Any) -> str:
    """A value as a sentence quotes it, at most 80 characters."""
    text = value if isinstance(value, str) and value.strip() and value.isprintable() else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _exemption(number: int, entry: Json) -> Exemption:
    return Exemption(number, entry["owner"], entry["reason"], entry["ends"], {key: entry[key] for key in COVERS if key in entry})


def _entries(name: str, given: Any) -> Iterator[tuple[int, dict[str, Any]] | str]:
    """The entries of a list that are well formed, with their places, and a sentence for each fault of the others."""
    form = _FORMS[name]
    if not isinstance(given, list | tuple):
        sentence = f"{name} is {shown(given)}, but must be a list of entries with {form.keys}."
        yield sentence
        return
    for number, entry in enumerate(given, 1):
        wrong = [*_wrong_entry(f"Entry {number} of {name}", entry, form)]
        yield from wrong
        if not wrong:
            yield (
                number,
                {
                    **{key: _text(entry[key]) for key in form.texts},
                    **{key: tuple(_text(each) for each in entry[key]) for key in form.lists if key in entry},
                },
            )


def _wrong_entry(called: str, entry: Any, form: _Form) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        sentence = f"{called} is {shown(entry)}, but must be an entry with {form.keys}."
        yield sentence
        return
    for key in (*form.texts, *form.needed):
        if entry.get(key) is None or not str(entry[key]).strip():
            sentence = f"{called} needs {key}: it is missing or blank."
            yield sentence
    for key in form.texts:
        value = entry.get(key)
        if value is not None and not _is_text(value):
            sentence = f"{called} has {key} {shown(value)}, which is no text: put text between quotation marks."
            yield sentence
        elif key == "enforcement" and str(value or "").strip() and value not in ACTIONS:
            sentence = f"{called} has enforcement {shown(value)}, but it must be deny, warn or dryrun."
            yield sentence
    for key in form.lists:
        if key in entry and not (key in form.needed and entry[key] is None):
            yield from _wrong_list(called, key, entry[key], may_be_empty=key in form.needed)
    for key in entry:
        if key not in (*form.texts, *form.lists):
            sentence = f"{called} has an unknown key {key}: it can have {form.keys}."
            yield sentence


def _wrong_list(called: str, key: str, given: Any, *, may_be_empty: bool) -> Iterator[str]:
    if given is None or (isinstance(given, list | tuple) and not given and not may_be_empty):
        sentence = f"{called} has an empty list {key}, which matches nothing: name what it has to match, or leave {key} out."
        yield sentence
    elif not isinstance(given, list | tuple):
        sentence = f"{called} has {key} {shown(given)}, which is no list: write {key} as a list."
        yield sentence
    else:
        for each in given:
            if not _is_text(each):
                sentence = f"{called} has {shown(each)} in {key}, which is no text: put text between quotation marks."
                yield sentence


def _is_text(value: Any) -> bool:
    """Numbers and dates too: YAML reads 1 and 2026-12-31 as such where quotation marks are missing. `no` is a boolean then, of which the text is lost."""
    return isinstance(value, str | int | float | date) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not _is_text(value):
        raise ValueError
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else str(value)


def _action(value: Any) -> str:
    if value not in ACTIONS:
        raise ValueError
    return str(value)


def _placeholders(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", each) for each in value):
        raise ValueError
    return tuple(value)


def _boolean(value: Any) -> bool:
    try:
        return bool(boolean(value, strict=True))
    except TypeError:
        raise ValueError from None


def _seconds(value: Any) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", str(value).strip()) or not int(value):
        raise ValueError
    return int(value)
