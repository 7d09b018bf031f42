# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What exempts namespaces beside the policy. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]
IGNORE = "admission.gatekeeper.sh/ignore"
"""Gatekeeper's webhooks are not asked for what is in a namespace with this label; Gatekeeper itself says who may have it."""
CONFIG, LABEL = "Gatekeeper's Config", f"label {IGNORE}"
"""What exempts namespaces and no role of the collection makes."""


CONFIGS, LABELLED = "/apis/config.gatekeeper.sh/v1alpha1/configs", f"/api/v1/namespaces?labelSelector={IGNORE}"
"""Where the cluster has both. Of the Configs, Gatekeeper reads those of its own namespace only."""


def by_others(configs: Iterable[Json], labelled: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names, or patterns, of namespaces that Gatekeeper's Config objects exempt, and those with the label, each with CONFIG or LABEL."""
    for config in configs:
        for match in (config.get("spec") or {}).get("match") or []:
            if {"*", "webhook"} & set(match.get("processes") or []):
                yield from ((name, CONFIG) for name in match.get("excludedNamespaces") or [])
    yield from ((name, LABEL) for name in labelled)


def exempt(sources: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """By name, sorted, everything that exempts the namespace."""
    found: dict[str, set[str]] = {}
    for name, source in sources:
        found.setdefault(name, set()).add(source)
    return {name: sorted(found[name]) for name in sorted(found)}


def unreviewed(exempt: Mapping[str, Collection[str]], reviewed: Collection[str], namespace: str) -> list[str]:
    """The sentence about namespaces that something else than the roles exempts and `reviewed` does not name, by what `exempt` returned. What the roles make,
    a run puts right. `namespace` is Gatekeeper's, whose label is the roles' own."""
    found = [f"{name} ({', '.join(by)})" for name, by in exempt.items() if {CONFIG, LABEL} & {*by} and name not in (*reviewed, namespace)]
    sentence = (
        f"Images are not verified in namespaces that policy_excluded_namespaces does not name: {', '.join(found)}. Take that out of Gatekeeper's Config"
        f" {namespace}/config, or the label off the namespace, or name the namespace with the reason."
    )
    return [sentence] if found else []
