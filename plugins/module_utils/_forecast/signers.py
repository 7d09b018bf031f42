# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Who has signed the images that run, and after which day workloads can no longer be created again, because a certificate or a signature expires. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from .._admission.workloads import POD
from .._policy.references import reference
from .judgement import Prediction, Workload, controller, images_of, is_over
from .trust import Trust, judged

Json = Mapping[str, Any]
Images = dict[str, set[tuple[str, str]]]
"""Images by their names, and the workloads that have them: namespace, and kind and name."""
_STATUSES = {"containerStatuses": "containers", "initContainerStatuses": "initContainers", "ephemeralContainerStatuses": "ephemeralContainers"}
_DIGEST = re.compile(r".*@(sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})")
NO_DIGEST = "The node does not say by which digest it runs."


def running(objects: Mapping[str, Sequence[Json]]) -> Images:
    """The images of pods that run, by their digests. `objects` are those of KINDS, by kind. One whose digest no node says has the name of its container."""
    by_name = {(kind, item["metadata"].get("namespace"), item["metadata"]["name"]): item for kind, items in objects.items() for item in items}
    found: Images = {}
    for pod in objects[POD.name]:
        if is_over(POD.name, pod):
            continue
        namespace, name = pod["metadata"]["namespace"], f"{POD.name} {pod['metadata']['name']}"
        above: Json | None = pod
        while above and (owner := controller(above)):
            name = f"{owner['kind']} {owner['name']}"
            above = by_name.get((owner["kind"], namespace, owner["name"]))
        for image in _digests(pod):
            found.setdefault(image, set()).add((namespace, name))
    return found


def _digests(pod: Json) -> Iterator[str]:
    for statuses, group in _STATUSES.items():
        named = {each["name"]: each.get("image") or "" for each in pod["spec"].get(group) or []}
        for status in (pod.get("status") or {}).get(statuses) or []:
            image = named.get(status["name"]) or str(status.get("image") or "")
            # A node may have the same image by the name of another repository, so that of the container counts.
            meant, pulled = reference(image), _DIGEST.fullmatch(status.get("imageID") or "")
            digest = (meant.digest if meant else "") or (pulled[1] if pulled else "")
            if status.get("imageID"):
                yield f"{meant.repository}@{digest}" if meant and digest else image


def wanted(workloads: Iterable[Workload], forecast: Mapping[str, Sequence[Json]]) -> Images:
    """The images that new pods of the workloads would have, by the names that they give them, of those that the forecast has looked at and not denied."""
    admitted = {
        (each["namespace"], name) for verdict in get_args(Prediction) if verdict != "denied" for each in forecast[verdict] for name in each["workloads"]
    }
    found: Images = {}
    for each in workloads:
        for group in images_of(each.template["spec"]) if (each.namespace, each.name) in admitted else ():
            for image in group:
                found.setdefault(image, set()).add((each.namespace, each.name))
    return found


def to_read(run: Images, new: Images) -> list[str]:
    """Of which images the signatures are needed. What runs by no known digest may be another image than its name means now."""
    return sorted({*(name for name in run if "@" in name), *new})


def joined(run: Images, new: Images, read: Iterable[Json], whom: Trust | None) -> list[dict[str, Any]]:
    """Each image once, with its signatures; `read` is what module image_signature_info returns of the images of `to_read`."""
    by_image: dict[str, dict[str, Any]] = {}
    for each in read:
        image = each["reference"] or each["image"]
        entry = by_image.setdefault(image, {**_entry(image, each["problem"]), **_signed(image, each["signatures"], whom)})
        entry["workloads"] |= run.get(each["image"], set())
        entry["needed_by"] |= new.get(each["image"], set())
    for name in run:
        if "@" not in name:
            by_image.setdefault(name, _entry(name, NO_DIGEST))["workloads"] |= run[name]
    return [{**by_image[name], **{key: _listed(by_image[name][key]) for key in ("workloads", "needed_by")}} for name in sorted(by_image)]


def _entry(image: str, problem: str | None) -> dict[str, Any]:
    nothing = {"trusted": None, "restartable_until": None, "ending": None, "signatures": None}
    return {"image": image, "workloads": set(), "needed_by": set(), "problem": problem, **nothing}


def _signed(image: str, signatures: Sequence[Json] | None, whom: Trust | None) -> dict[str, Any]:
    """Ratify's policy is `all`: each signature that it looks at has to be good, and there has to be one. So the first that expires decides."""
    meant = reference(image)
    if signatures is None or meant is None:
        return {}
    each_judged = [(each, judged(each, meant.repository, whom)) for each in signatures]
    counted = [said for each, said in each_judged if whom is None or each["kind"] in whom.kinds]
    trusted = _all([said.trusted for said in counted])
    until, ending = min(((said.until, said.ending) for said in counted if said.until and trusted is not False), default=(None, None))
    reasons = dict.fromkeys(said.reason for _each, said in each_judged if said.reason and trusted is not True)
    return {
        "problem": None if trusted else "; ".join(reasons) or "it has no signature",
        "trusted": trusted,
        "restartable_until": until,
        "ending": ending,
        "signatures": [{**_shown(each), "trusted": said.trusted, "trust_policy": said.policy, "problem": said.reason} for each, said in each_judged],
    }


def _all(trusted: Sequence[bool | None]) -> bool | None:
    if not trusted or False in trusted:
        return False
    return None if None in trusted else True


def _shown(signature: Json) -> dict[str, Any]:
    return {key: signature[key] for key in ("kind", "signer", "thumbprint_sha256", "certificate_expires", "expires", "time_stamp")}


def _listed(workloads: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    split = [(namespace, *named.split(" ", 1)) for namespace, named in sorted(workloads)]
    return [{"namespace": namespace, "kind": kind, "name": name} for namespace, kind, name in split]


def until(found: Iterable[Json]) -> list[dict[str, Any]]:
    """After which day which workloads can no longer be created again, the first day first; those together that one end stops."""
    ends: dict[tuple[str, str], list[Json]] = {}
    for each in found:
        if each["restartable_until"] and each["needed_by"]:
            ends.setdefault((each["restartable_until"], each["ending"]), []).append(each)
    return [
        {
            "day": time[:10],
            "time": time,
            "reason": reason,
            "images": [each["image"] for each in some],
            "workloads": _listed({(one["namespace"], f"{one['kind']} {one['name']}") for each in some for one in each["needed_by"]}),
        }
        for (time, reason), some in sorted(ends.items())
    ]


def lines(found: Sequence[Json]) -> list[str]:
    """The same for people, below how many of the images that run are signed by whom Ratify trusts, and why that is not known of others."""
    run = [each["trusted"] for each in found if each["workloads"]]
    counted = f"{len(run)} images run: {run.count(True)} signed by trusted signers, {run.count(False)} not, {run.count(None)} not known."
    unknown: dict[str, list[str]] = {}
    for each in found:
        if each["workloads"] and each["trusted"] is None:
            unknown.setdefault(str(each["problem"]), []).append(each["image"])
    ends = [(each, ", ".join(f"{one['namespace']}: {one['kind']} {one['name']}" for one in each["workloads"])) for each in until(found)]
    reasons = [f"not known: {', '.join(images)}: {problem}" for problem, images in unknown.items()]
    return [counted, *reasons, *(f"not restartable after {each['day']}, when {each['reason']}: {named}" for each, named in ends)]
