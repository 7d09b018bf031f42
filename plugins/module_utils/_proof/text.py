# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""A proof in words: what of it needs attention, what differs from the one before, and a page to read. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from .._admission.verdict import Verdict
from .._verification.coverage import FAILS_OPEN
from .._verification.dates import moment
from .._verification.statuses import ago
from .document import is_as_asked, of_a_chain, stamp, verdicts_of

Json = Mapping[str, Any]
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def notes(proof: Json, days: int) -> list[str]:
    """What has not failed, but expires within so many days, has expired, is not known, or opens the cluster, for a known reason, while Gatekeeper is away."""
    now = str(proof["time"])
    soon = stamp(datetime.strptime(now, _TIME) + timedelta(days=days))
    reason = proof["policy"].get("failure_policy_reason")
    found = [f"{FAILS_OPEN}: {reason}."] if reason else []
    for anchor in proof["anchors"]:
        ends = anchor["not_after"] or soon + "~"
        if anchor["problem"]:
            found.append(f"{called(anchor, proof['anchors'])}: {anchor['problem']}.")
        elif ends <= soon:
            found.append(f"{called(anchor, proof['anchors'])} {'expired' if ends < now else 'expires'} on {ends[:10]}.")
    for exemption in proof["policy"]["exemptions"]:
        if str(exemption["ends"]) <= soon[:10]:
            found.append(f"The exemption of {_owner(exemption)} {'expired' if exemption['ended'] else 'expires'} on {exemption['ends']}.")
    return [_plain(each) for each in found]


def failures(proof: Json) -> str:
    """Which verdicts failed, those with the same message together, and the problems that explain them; empty where the proof passed."""
    if proof["passed"]:
        return ""
    verdicts = verdicts_of(proof)
    failed = [verdict for verdict in verdicts if not verdict.passed]
    sentence = f"{len(failed)} of {len(verdicts)} verdicts of {proof['cluster']['name']} failed."
    sentences = [sentence]
    for message in sorted({verdict.message for verdict in failed}):
        alike = "; ".join(_failure(verdict, proof["namespace"]) for verdict in failed if verdict.message == message)
        sentences.append(f"{alike}{f': {message}' if message else ''}.")
    return _plain(" ".join([*sentences, *proof["problems"]]))


def _failure(verdict: Verdict, namespace: str | None) -> str:
    ran, expected = verdict.ran, verdict.expected
    place = "" if verdict.namespace == namespace else f" in {verdict.namespace}"
    more = "" if not ran else " and started" if ran.pulled else " and pulled"
    reason = " for another reason" if verdict.verdict == expected == "denied" else ""
    return f"{verdict.image} as {verdict.shape}{place} should be {expected}{more}, it is {verdict.verdict}{reason}"


def differences(was: Mapping[str, str], is_now: Mapping[str, str]) -> list[str]:
    """What is not as in the proof before, of what `depends_on` returned of both; nothing where there was none."""
    changed = [what for what in sorted(was.keys() | is_now.keys()) if was and was.get(what) != is_now.get(what)]
    return [_plain(f"{what}: {was.get(what, 'none')} -> {is_now.get(what, 'none')}") for what in changed]


def lines(depends: Mapping[str, str]) -> str:
    """As a diff shows them."""
    return "".join(_plain(f"{what}: {value}") + "\n" for what, value in sorted(depends.items()))


def depends_on(proof: Any) -> dict[str, str]:
    """That on which the verdicts of a proof depend, and whether it passed, in a word each, by what it is called. Empty for what is no proof."""
    try:
        cluster, policy, _time = proof["cluster"], proof["policy"], proof["time"]
        found = {
            "cluster": f"{cluster['name']} {cluster['uid']}",
            "Kubernetes": str(cluster["kubernetes_version"]),
            "issuer": str(cluster["issuer"]),
            "collection": str(proof["collection"]["version"]),
            "passed": "yes" if proof["passed"] else "no",
            **{f"policy, {name.replace('_', ' ')}": str(part["sha256"])[:12] for name, part in policy["parts"].items()},
            **{name: ", ".join(sorted({image["image_id"] or image["image"] for image in program["images"]})) for name, program in proof["programs"].items()},
            **{f"exempt namespace {each['name']}": ", ".join(each["by"]) for each in policy["exempt_namespaces"]},
            **{called(anchor, proof["anchors"]): str(anchor["version"] or anchor["sha256"])[:16] for anchor in proof["anchors"]},
            "exemptions": str(sum(not exemption["ended"] for exemption in policy["exemptions"])),
        }
    except (KeyError, TypeError, AttributeError):
        return {}
    return found


def called(anchor: Json, anchors: Sequence[Json]) -> str:
    """A name for an anchor, one of `anchors`, that a person knows."""
    named = anchor["name"] or anchor["subject"] or str(anchor["sha256"])[:12]
    which = f" ({anchor['subject']})" if of_a_chain(anchor, anchors) else ""
    return f"The {anchor['kind']} {named}{which} of {anchor['provider']}"


def summary(proof: Json, sha256: str, days: int) -> str:
    """A page of plain text about the proof whose file has that SHA-256."""
    return "".join(f"{line}\n" for line in _lines(proof, sha256, days))


def _lines(proof: Json, sha256: str, days: int) -> Iterator[str]:
    cluster, policy, verdicts = proof["cluster"], proof["policy"], verdicts_of(proof)
    failed, at = [verdict for verdict in verdicts if not verdict.passed], moment(proof["time"])
    yield _plain(f"Cluster {cluster['name']}, {proof['time']}: {_result(proof)}")
    yield ""
    yield _plain(f"{len(verdicts)} verdicts on {len({verdict.image for verdict in verdicts})} images, {len(failed)} failed")
    yield from (_plain(f"  {v.image} as {v.shape} in {v.namespace}: {v.verdict}, not {v.expected}: {v.message}") for v in failed)
    yield from (_plain(f"  {problem}") for problem in proof["problems"])
    yield ""
    yield _plain(f"Kubernetes {cluster['kubernetes_version']}, uid {cluster['uid']}")
    for name, program in proof["programs"].items():
        yield _plain(f"{name.capitalize()} {', '.join(program['versions'])}, {program['ready']} of {program['pods']} pods ready")
    yield _plain(f"Policy {policy['sha256']}")
    yield from (_plain(f"  {each['name']}: {each['enforcement']}") for each in policy["constraints"])
    yield ""
    yield "Trusted"
    yield from (_plain(f"  {called(anchor, proof['anchors'])}: {_validity(anchor)}") for anchor in proof["anchors"])
    yield "Last read by Ratify"
    yield from (
        _plain(f"  {each['kind']} {each['name']}: {each['reported']}, {ago(each['reported'], at)} ago") for each in proof["statuses"] if each["reported"]
    )
    yield "Exempt namespaces"
    yield from (_plain(f"  {each['name']}: {each['reason'] or 'reason not known here'}") for each in policy["exempt_namespaces"])
    yield "Exemptions"
    yield from (_plain(f"  {_owner(each)}, {'ended' if each['ended'] else 'to'} {each['ends']}: {each['reason']}") for each in policy["exemptions"])
    yield ""
    yield from notes(proof, days)
    yield f"SHA-256 of the proof: {sha256}"


def _result(proof: Json) -> str:
    if proof["passed"]:
        return "passed"
    return "a pilot, as asked, which proves nothing of the other namespaces" if is_as_asked(proof) else "FAILED"


def _validity(anchor: Json) -> str:
    if anchor["problem"]:
        return str(anchor["problem"])
    return f"{anchor['subject'] or anchor['kind']}, {anchor['not_before']} to {anchor['not_after']}" if anchor["not_after"] else "without an end"


def _owner(exemption: Json) -> str:
    return str(exemption["owner"] or "no owner")


def _plain(text: str) -> str:
    """One line without control characters: what a registry or a cluster says goes to terminals and tickets."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
