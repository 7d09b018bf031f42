# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What is wrong with the variables of role policy, found before anything is written. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import combinations

from .namespace_patterns import is_namespace, is_pattern, matches_all, overlap
from .references import completed
from .references import is_pattern as names_repositories
from .variables import Exemption, Json, Policy, read, shown

_LONGEST_SUFFIX = "-dryrun"
_LONGEST = 63 - len(_LONGEST_SUFFIX)
"""Gatekeeper's webhook refuses names of more than 63 characters, and the constraints of stages have the stage at the end of theirs.
https://github.com/open-policy-agent/gatekeeper/blob/v3.23.1/pkg/webhook/policy.go"""
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")


def findings(variables: Json, unasked: Iterable[str] = ()) -> list[str]:
    """A sentence for each fault; `unasked` are namespaces about which Gatekeeper is never asked."""
    policy = read(variables)
    return list(
        dict.fromkeys(
            [
                *policy.problems,
                *_names(policy),
                *_patterns(policy),
                *_stages(policy),
                *_unasked(policy, unasked),
                *(sentence for exemption in policy.exemptions for sentence in _exemption(exemption)),
            ]
        )
    )


def _names(policy: Policy) -> Iterator[str]:
    if not _SUBDOMAIN.fullmatch(policy.constraint) or len(policy.constraint) > _LONGEST:
        sentence = f"policy_constraint is {shown(policy.constraint)}, but must be a DNS name of at most {_LONGEST} characters, such as images-verified."
        yield sentence
    if not is_namespace(policy.gatekeeper_namespace):
        sentence = f"policy_gatekeeper_namespace is {shown(policy.gatekeeper_namespace)}, but must be the name of a namespace, such as gatekeeper-system."
        yield sentence


def _patterns(policy: Policy) -> Iterator[str]:
    named = [("policy_excluded_namespaces", each.name) for each in policy.excluded]
    named += [("policy_stages", name) for stage in policy.stages for name in stage.namespaces]
    for variable, pattern in named:
        if matches_all(pattern):
            remedy = "set policy_enforcement instead" if variable == "policy_stages" else "the policy would cover nothing, so name the namespaces"
            sentence = f"{variable} has {pattern} alone, which matches every namespace: {remedy}."
            yield sentence
        elif not is_pattern(pattern):
            sentence = f"{variable} has {shown(pattern)}, which Gatekeeper refuses or no namespace can match: use a-z, 0-9 and -, with * only first or last."
            yield sentence


def _stages(policy: Policy) -> Iterator[str]:
    staged = [(name, stage.enforcement) for stage in policy.stages for name in stage.namespaces if is_pattern(name) and not matches_all(name)]
    names = [name for name, _enforcement in staged]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        sentence = f"policy_stages names a namespace twice: {', '.join(twice)}."
        yield sentence
    for (one, enforcement), (other, others) in combinations(staged, 2):
        if enforcement != others and one != other and overlap(one, other):
            sentence = (
                f"policy_stages sets {enforcement} for {one} and {others} for {other}, which one namespace can match both:"
                " name each namespace in one stage, or give both the same enforcement."
            )
            yield sentence
    for name, enforcement in staged:
        for each in policy.excluded:
            if is_pattern(each.name) and not matches_all(each.name) and overlap(name, each.name):
                sentence = (
                    f"policy_stages sets {enforcement} for {name}, and policy_excluded_namespaces names {each.name}, which one namespace can match both:"
                    " it would be excluded. Take one of them out."
                )
                yield sentence


def _unasked(policy: Policy, unasked: Iterable[str]) -> Iterator[str]:
    if missing := sorted({*unasked} - {each.name for each in policy.excluded}):
        sentence = f"Gatekeeper is not asked in {', '.join(missing)} (gatekeeper_exempt_namespaces), so that policy_excluded_namespaces has to name them too."
        yield sentence


def _exemption(exemption: Exemption) -> Iterator[str]:
    entry, covers = f"Entry {exemption.entry} of policy_exemptions", exemption.covers
    if not _is_day(exemption.ends):
        sentence = f"{entry} has ends {shown(exemption.ends)}, which is no day of the calendar: write a day such as 2026-12-31."
        yield sentence
    if not covers:
        sentence = f"{entry} names nothing that it covers: give it namespaces, images or service_accounts."
        yield sentence
    for name in covers.get("namespaces", ()):
        if not is_namespace(name):
            sentence = f"{entry} has {shown(name)} in namespaces, and exemptions take whole names of namespaces only: name each one."
            yield sentence
    yield from _images(exemption, entry)
    for account in covers.get("service_accounts", ()):
        namespace, slash, name = account.partition("/")
        if not slash or not is_namespace(namespace) or not _SUBDOMAIN.fullmatch(name):
            sentence = f"{entry} has {shown(account)} in service_accounts: write namespace/name."
            yield sentence
        elif namespace == "kube-system":
            sentence = f"{entry} has {account} in service_accounts, and controllers of kube-system make the pods of all workloads: name another account."
            yield sentence


def _images(exemption: Exemption, entry: str) -> Iterator[str]:
    everywhere = not {"namespaces", "service_accounts"} & exemption.covers.keys()
    for image in exemption.covers.get("images", ()):
        if not names_repositories(image):
            sentence = f"{entry} has {shown(image)} in images: name a repository with its registry and no tag, or all below one with /* at its end."
            yield sentence
        elif everywhere and image.count("/") == 1 and image.endswith("/*"):
            registry = completed(image.removesuffix("*")).removesuffix("/")
            sentence = f"{entry} would admit every image of {registry} in all namespaces: name repositories, or add namespaces or service_accounts."
            yield sentence


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
