# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What the proofs of many clusters say together. What is not known is never taken for good. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from .._verification.coverage import FAILS_OPEN, of_a_pilot, uncovered
from .._verification.dates import days_to, plot
from . import steps
from .audit import Audit, audit
from .cluster import Facts, facts
from .fleet import findings_of_all, headline, policies, trust
from .steps import Finding
from .versions import SUPPORTED, minors_behind, newest_minor, number

SCHEMA = 1
"""Grows when a reader of the report's JSON has to read it otherwise."""
STATES = ("failed", "unknown", "attention", "proven")
"""Of a cluster, the worst first."""
_CLOCKS = timedelta(minutes=5)
"""By how much two machines' clocks may differ."""
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """What was found of one cluster's proof. `proof` is None where there is none that can be read, and then `problem` says why. `signature` is "verified",
    "invalid", "missing" or "not checked". `break_glass` is the last entry of the cluster's break-glass record. `audit` is its audit, None where there is
    none or none that can be read, and then `audit_problem` says why. Clusters of one `policy_group` should have the same policy."""

    cluster: str
    path: str | None
    proof: Any = None
    problem: Finding | None = None
    sha256: str | None = None
    signature: str = "not checked"
    break_glass: Json | None = None
    audit: Any = None
    audit_problem: Finding | None = None
    policy_group: str | None = None


@dataclass(frozen=True)
class Terms:
    """By what is judged: the time, the hours after which a proof proves nothing any more, the days before an expiry at which it is reported, the versions below
    which a program is behind, and, as "kubernetes", the newest minor version that is known."""

    at: datetime
    hours: int
    days: int
    versions: Mapping[str, str]


def report(found: Sequence[Found], terms: Terms) -> dict[str, Any]:
    """The report, whose form docs/report.md tells. The worst clusters come first."""
    read = [(each, *_held(each)) for each in found]
    terms = _with_newest(terms, [held.kubernetes_version for cluster, held, findings in read if held])
    known = sorted(((each.cluster, each.policy_group, held) for each, held, findings in read if held), key=lambda each: each[0])
    compared = policies([(name, group, held.compared) for name, group, held in known])
    judged = [_cluster(each, held, [*findings, *_of_group(each, compared)], terms) for each, held, findings in read]
    clusters = sorted(judged, key=lambda cluster: (STATES.index(cluster["state"]), cluster["name"]))
    of_each = [(name, held) for name, group, held in known]
    certificates = _certificates(of_each, terms)
    unproven = [cluster["name"] for cluster in clusters if cluster["state"] in ("failed", "unknown") or (cluster["facts"] and cluster["facts"]["pilot"])]
    summary = {state: sum(cluster["state"] == state for cluster in clusters) for state in STATES}
    return {
        "schema": SCHEMA,
        "day": f"{terms.at:%Y-%m-%d}",
        "passed": bool(found) and not unproven,
        "headline": headline(summary),
        "unproven": unproven,
        "terms": {"max_age_hours": terms.hours, "warn_days": terms.days, "versions": dict(terms.versions)},
        "summary": summary,
        "findings": findings_of_all(clusters),
        "clusters": clusters,
        "policies": compared,
        "trust": trust(of_each),
        "certificates": certificates,
        "plot": plot([each["days"] for each in certificates], terms.at, terms.days),
        "exemptions": _exemptions(of_each, terms),
    }


def _held(found: Found) -> tuple[Facts | None, list[Finding]]:
    """What its proof says, or why nothing of it counts."""
    if findings := list(_of_file(found)):
        return None, findings
    try:
        held = facts(found.proof)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None, [Finding("unknown", "Its proof is not of the form that this version writes.", steps.VERIFY)]
    if held.name != found.cluster:
        return None, [Finding("unknown", f"It is the proof of another cluster, {held.name}. Nothing of it is shown.", steps.OWN_PATH)]
    return held, []


def _with_newest(terms: Terms, running: Sequence[str]) -> Terms:
    """What runs somewhere is known, too."""
    newest = newest_minor([*running, terms.versions.get("kubernetes", "")])
    return replace(terms, versions={**terms.versions, **({"kubernetes": newest} if newest else {})})


def _cluster(found: Found, held: Facts | None, findings: Sequence[Finding], terms: Terms) -> dict[str, Any]:
    behind = minors_behind(held.kubernetes_version, terms.versions.get("kubernetes", "")) if held else None
    if held:
        findings = [*findings, *_of_time(held, terms), *_of_verdicts(held), *_of_signature(found), *_of_programs(held, terms), *_of_ends(held, terms)]
        findings += _of_kubernetes(held, behind, terms)
    audited, of_audit = _audited(found, terms)
    opened = [*_of_break_glass(found)]
    findings = sorted([*opened, *findings, *of_audit], key=lambda finding: STATES.index(finding.state))
    asked = held is None or held.failure_policy is not None
    return {
        "name": found.cluster,
        "state": findings[0].state if findings else "proven",
        "enforcement": "open" if opened or not asked else held.enforcement if held else None,
        "findings": [finding.to_dict() for finding in findings],
        "proof": {
            "path": found.path,
            "sha256": found.sha256,
            "signature": found.signature,
            "signed_by": held.signed_by if held else None,
            "time": held.time if held else None,
            "days": -days_to(held.time, terms.at) if held else None,
        },
        "facts": {**held.facts(), "kubernetes_behind": behind} if held else None,
        "audit": _of_audit(audited, terms) if audited else None,
    }


def _of_group(found: Found, compared: Sequence[Json]) -> Iterator[Finding]:
    """Whether its policy is that of its group."""
    for each in compared:
        if found.cluster in each["clusters"] and each["differs"]:
            parts = ", ".join(name.replace("_", " ") for name in each["differs"])
            yield Finding("attention", f"Its policy is not that of most clusters of {each['group']}, from which it differs in {parts}.", steps.SAME)


def _of_audit(audited: Audit, terms: Terms) -> dict[str, Any]:
    said = audited.facts()
    for each in (*said["images"], *said["until"]):
        each["days"] = days_to(each["day"], terms.at) if each["day"] else None
    return {**said, "days": -days_to(audited.time, terms.at)}


def _audited(found: Found, terms: Terms) -> tuple[Audit | None, list[Finding]]:
    """What its audit says, and what there is to say of it. An audit proves nothing, so a cluster is neither failed nor unknown because of it."""
    if found.audit is None:
        return None, [found.audit_problem] if found.audit_problem else []
    try:
        read = audit(found.audit)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None, [Finding("attention", "Its audit is not of the form that this version writes.", steps.AUDIT)]
    if read.cluster != found.cluster:
        return None, [Finding("attention", f"Its audit is that of another cluster, {read.cluster}.", steps.AUDIT)]
    if read.at > terms.at + _CLOCKS:
        return None, [Finding("attention", f"Its audit is of a time that is yet to come, {read.time}.", steps.AUDIT)]
    counts, asked = read.counts, sum(read.counts.values())
    said = f"Of {asked} workloads {counts['denied']} would be denied and {counts['not_judged']} not judged if their pods were created again"
    ends = [each for each in read.until if days_to(each["day"], terms.at) <= terms.days]
    sentences = [(f"{said}, says the audit of {read.time[:10]}.", steps.DENIED)] if counts["denied"] or counts["not_judged"] else []
    for each in ends:
        sentences.append((f"Of {len(each['workloads'])} workloads no pod can be created again after {each['day']}: {each['reason']}.", steps.RESTART))
    return read, [Finding("attention", *sentence) for sentence in sentences]


def _of_file(found: Found) -> Iterator[Finding]:
    """What keeps the file's content from being looked at."""
    if found.problem or found.proof is None:
        yield found.problem or Finding("unknown", "There is no proof.", steps.VERIFY)
    elif found.signature == "invalid":
        text = "The signature is not that of this proof: the proof was changed, or signed with another key. Nothing of it is shown."
        yield Finding("failed", text, steps.KEY)


def _of_signature(found: Found) -> Iterator[Finding]:
    if found.signature == "missing":
        yield Finding("unknown", "The proof is not signed.", steps.SIGN)


def _of_time(held: Facts, terms: Terms) -> Iterator[Finding]:
    if held.at > terms.at + _CLOCKS:
        yield Finding("unknown", f"The proof is of a time that is yet to come, {held.time}.", steps.CLOCK)
    elif held.at < terms.at - timedelta(hours=terms.hours):
        yield Finding("unknown", f"The proof is older than {terms.hours} hours.", steps.SCHEDULE)


def _of_verdicts(held: Facts) -> Iterator[Finding]:
    asked, failed = len(held.verdicts), sum(not verdict.passed for verdict in held.verdicts)
    if not asked:
        yield Finding("unknown", "The proof has no verdicts.", steps.IMAGES)
    if failed:
        yield Finding("failed", f"{failed} of {asked} verdicts failed.", steps.VERDICTS)
    problems = [*held.problems, *(each for each in uncovered(held.policy, held.constraint, held.pilot) if each not in held.problems)]
    limited = of_a_pilot(held.pilot) if held.pilot else None
    for problem in problems:
        yield Finding("attention", problem, steps.PILOT) if problem == limited else Finding("failed", problem, steps.SITE)
    if asked and not failed and not problems and not held.passed:
        yield Finding("failed", "The proof failed and does not say why.", steps.VERIFY)


def _of_break_glass(found: Found) -> Iterator[Finding]:
    if found.break_glass is None or found.break_glass.get("state") == "closed":
        return
    opened = {key: str(found.break_glass.get(key) or "?") for key in ("when", "who", "why")}
    since = f"It was opened on {opened['when']} by {opened['who']} and not closed since: {opened['why']}. While it is open it admits every image."
    yield Finding("failed", since, steps.CLOSE)


def _of_programs(held: Facts, terms: Terms) -> Iterator[Finding]:
    if held.failure_policy_reason:
        yield Finding("attention", f"{FAILS_OPEN}: {held.failure_policy_reason}.", steps.FAIL_CLOSED)
    for constraint in held.constraints:
        if constraint["enforcement"] != "deny":
            where = ", ".join(constraint["namespaces"]) or ("all other namespaces" if held.pilot else "all namespaces but the exempt ones")
            yield Finding("attention", f"It denies nothing in {where}: {constraint['enforcement']}.", steps.STAGE)
    for name, program in held.programs.items():
        wanted = terms.versions.get(name)
        if program["ready"] < program["pods"]:
            yield Finding("attention", f"{name.capitalize()}: {program['ready']} of {program['pods']} pods were ready.", steps.PODS)
        behind = [version for version in program["versions"] if wanted and number(version) < number(wanted)]
        if behind:
            yield Finding("attention", f"{name.capitalize()} {', '.join(behind)} is older than this collection's, {wanted}.", steps.UPGRADE)
        if len(program["versions"]) != 1:
            yield Finding("attention", f"{name.capitalize()} runs in {len(program['versions'])} versions.", steps.ROLLOUT)


def _of_kubernetes(held: Facts, behind: int | None, terms: Terms) -> Iterator[Finding]:
    if behind is None:
        yield Finding("attention", f"How far Kubernetes {held.kubernetes_version} is behind is not known.", steps.KUBERNETES)
    elif behind >= SUPPORTED:
        newest = terms.versions["kubernetes"]
        text = f"Kubernetes {held.kubernetes_version} is {behind} minor versions behind {newest}; AKS supports the newest {SUPPORTED}."
        yield Finding("attention", text, steps.KUBERNETES)


def _of_ends(held: Facts, terms: Terms) -> Iterator[Finding]:
    ended = [anchor for anchor in held.anchors if not anchor["held"] or (anchor["not_after"] and days_to(anchor["not_after"], terms.at) < 0)]
    if held.anchors and len(ended) == len(held.anchors):
        yield Finding("failed", "None of the certificates that it trusts is valid any more.", steps.NO_CERTIFICATE)
    for anchor in held.anchors:
        if anchor["problem"]:
            yield Finding("attention", f"The {anchor['kind']} {anchor['called']}: {anchor['problem']}.", steps.READ_CERTIFICATE)
        elif anchor["not_after"] and (days := days_to(anchor["not_after"], terms.at)) <= terms.days:
            yield Finding("attention", f"The {anchor['kind']} {anchor['called']} {_ends(days)}.", steps.CERTIFICATE)
    for exemption in held.exemptions:
        if not exemption["ends"]:
            yield Finding("attention", f"The exemption of {exemption['owner']} has no end.", steps.EXEMPTION)
        elif (days := days_to(exemption["ends"], terms.at)) <= terms.days:
            yield Finding("attention", f"The exemption of {exemption['owner']} {_ends(days)}.", steps.EXEMPTION)


def _certificates(known: Sequence[tuple[str, Facts]], terms: Terms) -> list[dict[str, Any]]:
    """Each once, with the clusters that trust it; those first whose end is not known, then by their end."""
    by_identity: dict[tuple[str, ...], dict[str, Any]] = {}
    for cluster, held in known:
        for anchor in held.anchors:
            identity = (anchor["sha256"],) if anchor["sha256"] else tuple(str(anchor[key]) for key in ("kind", "vault", "name", "version", "provider"))
            days = days_to(anchor["not_after"], terms.at) if anchor["not_after"] else None
            new = {**{key: anchor[key] for key in ("called", "kind", "subject", "sha256", "not_after", "problem")}, "days": days, "clusters": []}
            by_identity.setdefault(identity, {**new, "state": _state(days, terms, unknown=anchor["kind"] != "key" or bool(anchor["problem"]))})[
                "clusters"
            ].append(cluster)
    return sorted(by_identity.values(), key=lambda each: (each["state"] != "unknown", each["days"] is None, each["days"] or 0, each["called"]))


def _exemptions(known: Sequence[tuple[str, Facts]], terms: Terms) -> list[dict[str, Any]]:
    listed = [{"cluster": cluster, **exemption} for cluster, held in known for exemption in held.exemptions]
    for each in listed:
        each["days"] = days_to(each["ends"], terms.at) if each["ends"] else None
        each["state"] = _state(each["days"], terms, unknown=True)
    return sorted(listed, key=lambda each: (each["days"] is not None, each["days"] or 0, each["cluster"]))


def _state(days: int | None, terms: Terms, *, unknown: bool) -> str:
    if days is None:
        return "unknown" if unknown else "proven"
    return "failed" if days < 0 else "attention" if days <= terms.days else "proven"


def _ends(days: int) -> str:
    return "has expired" if days < 0 else "expires today" if days == 0 else f"expires in {days} day{'' if days == 1 else 's'}"
