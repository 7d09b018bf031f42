# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What can be said of all clusters together. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._verification.digest import digest
from .cluster import Facts

Json = Mapping[str, Any]


def headline(summary: Mapping[str, int]) -> str:
    """How many clusters are in which state, in a sentence."""
    words = {"failed": "failed", "unknown": "unknown", "attention": "in need of attention", "proven": "proven"}
    count, there = sum(summary.values()), {state: number for state, number in summary.items() if number}
    if not count:
        return "There is no cluster in this report."
    if len(there) == 1:
        (state,) = there
        return f"The cluster is {words[state]}." if count == 1 else f"All {count} clusters are {words[state]}."
    *most, last = [f"{number} {'is' if number == 1 else 'are'} {words[state]}" for state, number in there.items()]
    return f"Of {count} clusters {', '.join(most)} and {last}."


def findings_of_all(clusters: Sequence[Json]) -> list[dict[str, Any]]:
    """Each finding once, with its clusters, in the order of `clusters` and so the worst first."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for cluster in clusters:
        for finding in cluster["findings"]:
            found.setdefault(tuple(finding.values()), {**finding, "clusters": []})["clusters"].append(cluster["name"])
    return sorted(found.values(), key=lambda each: ("failed", "unknown", "attention").index(each["state"]))


def policies(known: Sequence[tuple[str, str | None, Mapping[str, str]]]) -> list[dict[str, Any]]:
    """The policies of clusters, by their groups, the most frequent first. `differs` are the parts in which one differs from the most frequent of its group;
    where two are as frequent, from that of the cluster whose name comes first. Without a group none is compared."""
    groups: dict[str | None, dict[str, list[tuple[str, Mapping[str, str]]]]] = {}
    for name, group, compared in sorted(known, key=lambda each: (each[1] is None, each[1] or "", each[0])):
        groups.setdefault(group, {}).setdefault(digest(dict(compared)), []).append((name, compared))
    made = []
    for group, by_digest in groups.items():
        ordered = sorted(by_digest.items(), key=lambda each: -len(each[1]))
        most = ordered[0][1][0][1]
        for sha256, some in ordered:
            compared = some[0][1]
            differs = sorted(part for part in most.keys() | compared.keys() if most.get(part) != compared.get(part)) if group else []
            made.append({"group": group, "sha256": sha256, "clusters": [name for name, _same in some], "differs": differs})
    return made


def trust(known: Sequence[tuple[str, Facts]]) -> list[dict[str, Any]]:
    """Who is trusted for which repositories, each trust policy once, with its clusters."""
    found: dict[str, dict[str, Any]] = {}
    for name, held in known:
        for each in held.trust:
            called = {anchor["called"]: None for anchor in held.anchors if anchor["provider"] in each["providers"] and anchor["held"]}
            said = {**{key: each[key] for key in ("kind", "policy", "repositories", "signers")}, "certificates": [*called]}
            found.setdefault(digest(said), {**said, "clusters": []})["clusters"].append(name)
    return sorted(found.values(), key=lambda each: (each["repositories"], each["policy"] or ""))
