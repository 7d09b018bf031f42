# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Which of the values given to a Helm chart the chart would ignore, or could not use."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

# https://yaml.org/spec/1.1/#plain, and what Helm's YAML takes for a number or a word of its own: go.yaml.in/yaml/v2 v2.4.4, resolve.go.
_PLAIN = re.compile(r"[^\s?:,\[\]{}#&*!|>'\"%@`-]((?!: | #)[^\x00-\x1f\x7f-\x9f\u2028\u2029])*(?<![ :])")
_NUMBER = re.compile(r"[-+]?(0x[0-9a-f]+|0o[0-7]+|0b[01]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)(e[-+]?[0-9]+)?|\.inf|\.nan)")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"))


def stays_text(value: str) -> bool:
    """Whether the value is still the same text where a chart writes it into YAML without quotation marks."""
    word = value.lower()
    return bool(_PLAIN.fullmatch(value)) and word not in _WORDS and not _NUMBER.fullmatch(word.replace("_", ""))


def problems(given: Mapping[str, Any], chart: Mapping[str, Any], also_read: Collection[str] = (), free: Collection[str] = ()) -> list[str]:
    """A line for each value of `given` that is wrong, in their order. No I/O.

    `chart` is the chart's own values.yaml, which names every key that it reads but the dotted names in `also_read`; Helm says nothing of others. Below an
    empty mapping, and below the dotted names in `free`, any key may stand. A boolean takes a boolean: a chart's templates take the text "false" for true.
    """
    return [*_problems(given, chart, "", Known(chart, frozenset(also_read), frozenset(free)))]


class Known:
    """All names of a chart."""

    def __init__(self, chart: Mapping[str, Any], also_read: frozenset[str], free: frozenset[str]) -> None:
        self.also_read, self.free = also_read, free
        self.names = [*_names(chart, ""), *also_read]

    def like(self, name: str) -> str:
        """Which names the user may have meant, in brackets."""
        leaf = name.rpartition(".")[2].lower()
        elsewhere = [each for each in self.names if each.rpartition(".")[2].lower() == leaf]
        siblings = {each.lower(): each for each in self.names if each.rpartition(".")[0] == name.rpartition(".")[0]}
        close = [siblings[each] for each in get_close_matches(name.lower(), siblings, n=2, cutoff=0.7)]
        found = list(dict.fromkeys([*elsewhere, *close]))[:3]
        return f" (did you mean {' or '.join(found)}?)" if found else ""


def _names(chart: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in chart.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _names(value, f"{prefix}{key}.")


def _problems(given: Mapping[str, Any], chart: Mapping[str, Any], prefix: str, known: Known) -> Iterator[str]:
    for key, value in given.items():
        name = f"{prefix}{key}"
        if name in known.also_read:
            continue
        if key not in chart:
            yield f"{name} is not a value of the chart{known.like(name)}"
        elif wrong := _wrong_type(value, chart[key]):
            yield f"{name} {wrong}"
        elif isinstance(value, Mapping) and chart[key]:
            yield from _below_free(value, chart[key], name) if name in known.free else _problems(value, chart[key], f"{name}.", known)


def _below_free(given: Mapping[str, Any], chart: Mapping[str, Any], name: str) -> Iterator[str]:
    """Free names whose values are all of one type in the chart, such as the feature flags, are of that type."""
    if all(isinstance(value, bool) for value in chart.values()):
        yield from (f"{name}.{key} {wrong}" for key, value in given.items() if (wrong := _wrong_type(value, False)))


def _wrong_type(value: Any, default: Any) -> str | None:
    """What is wrong with a value in place of the chart's own; null takes the chart's own away, and may always be given."""
    if value is None or default is None:
        return None
    if isinstance(default, bool):
        return None if isinstance(value, bool) else f"is a boolean, not {value!r}"
    for kind, word in ((Mapping, "mapping"), (list, "list")):
        if isinstance(default, kind) != isinstance(value, kind):
            return f"is a {word}" if isinstance(default, kind) else f"is not a {word}"
    return None
