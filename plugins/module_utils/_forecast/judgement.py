# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What becomes of the pods of a cluster's workloads when they are created again: which pods to ask for, and what the answers mean. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from .._admission.verdict import MUTATION, UNAVAILABLE, VALIDATION, Answer, violations
from .._admission.workloads import POD, WORKLOADS
from .._policy.namespace_patterns import matches
from .._policy.objects import FORECAST
from .._policy.references import covers

Json = Mapping[str, Any]
KINDS = (POD, *WORKLOADS.values())
Prediction = Literal["denied", "not_judged", "unknown", "exempt", "admitted"]
"""`not_judged`: Gatekeeper, Ratify or the API server gave no verdict. `unknown`: it depends on what the cluster does not say, or something else refuses.
`exempt`: admitted because an exemption covers an image."""
SHOWN = 50
"""Sentences that people read at once."""
NAMED = 10
"""Workloads that a sentence names."""
_OWNERS = {(kind.group_version.rpartition("/")[0], kind.name) for kind in KINDS}
_OF_A_NEW_POD = ("ephemeralContainers", "nodeName", "preemptionPolicy", "priority")
"""Fields of a stored pod that no user, or only the cluster, gives a new one."""
_QUOTA = re.compile(r"HTTP 403: .* is forbidden: (exceeded|failed) quota: ")
"""The API server asks quotas last, after all webhooks: https://github.com/kubernetes/kubernetes/blob/v1.36.4/pkg/kubeapiserver/options/plugins.go"""
_REFUSED = re.compile(r"HTTP 4(?!01|29)\d\d: (?!.* cannot create resource )")
"""The API server refuses the pod itself, and not the user who asks; 429 asks to come again."""


@dataclass(frozen=True)
class Workload:
    """A pod, or what makes pods. `by_controller`: a controller of kube-system creates the pods; who creates a bare pod is not known.
    `template` has the metadata and spec of its pods."""

    namespace: str
    name: str
    """With its kind: Deployment web."""
    by_controller: bool
    template: Json


@dataclass(frozen=True)
class ImageSet:
    """Images that pods of a namespace have together, sorted, and the workloads with these pods."""

    namespace: str
    images: tuple[str, ...]
    workloads: tuple[Workload, ...]


@dataclass(frozen=True)
class Outcome:
    """What becomes of the pods of workloads; `message` is why, empty where they are admitted without an exemption."""

    namespace: str
    workloads: tuple[str, ...]
    images: tuple[str, ...]
    verdict: Prediction
    message: str

    @property
    def named(self) -> str:
        more = f" and {len(self.workloads) - NAMED} more" if len(self.workloads) > NAMED else ""
        return f"{', '.join(self.workloads[:NAMED])}{more}"

    @property
    def sentence(self) -> str:
        return f"{self.namespace}: {self.named}: {self.message}"

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "workloads": [*self.workloads], "images": [*self.images]}


def workloads(kind: str, found: Iterable[Json]) -> Iterator[Workload]:
    """Of the objects of a kind of KINDS, those that create pods, or may be created again, and whose controller is not of KINDS itself."""
    for item in found:
        template = _template(kind, item)
        if template and not is_over(kind, item) and not controller(item):
            yield Workload(item["metadata"]["namespace"], f"{kind} {item['metadata']['name']}", kind != POD.name, template)


def _template(kind: str, item: Json) -> Json | None:
    if kind == POD.name:
        return item
    spec = item["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else item["spec"]
    template: Json | None = spec.get("template")
    claims = [{"name": each["metadata"]["name"], "emptyDir": {}} for each in spec.get("volumeClaimTemplates") or []]
    if not template or not claims:
        return template
    # A claim takes the place of a volume of that name. https://github.com/kubernetes/kubernetes/blob/v1.36.4/pkg/controller/statefulset/stateful_set_utils.go
    others = [each for each in template["spec"].get("volumes") or [] if each["name"] not in {claim["name"] for claim in claims}]
    return {**template, "spec": {**template["spec"], "volumes": [*others, *claims]}}


def is_over(kind: str, item: Json) -> bool:
    """Whether it creates no pods any more: nothing creates a bare pod again that has finished."""
    status = item.get("status") or {}
    finished = any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in status.get("conditions") or [])
    return "deletionTimestamp" in item["metadata"] or (kind == "Job" and finished) or (kind == POD.name and status.get("phase") in ("Succeeded", "Failed"))


def controller(item: Json) -> Json | None:
    """Its controller, where that is of KINDS."""
    owners = [each for each in item["metadata"].get("ownerReferences") or [] if each.get("controller")]
    return next((each for each in owners if (each["apiVersion"].rpartition("/")[0], each["kind"]) in _OWNERS), None)


def image_sets(found: Iterable[Workload], match: Json) -> list[ImageSet]:
    """Each distinct set of images in each namespace that a constraint with this `match` covers."""
    sets: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[Workload]] = {}
    for each in found:
        if _covers(match, each.namespace):
            sets.setdefault((each.namespace, *images_of(each.template["spec"])), []).append(each)
    return [ImageSet(namespace, images + volumes, tuple(all_of)) for (namespace, images, volumes), all_of in sets.items()]


def _covers(match: Json, namespace: str) -> bool:
    inside, excluded = match.get("namespaces") or ["*"], match.get("excludedNamespaces") or []
    return any(matches(each, namespace) for each in inside) and not any(matches(each, namespace) for each in excluded)


def images_of(spec: Json) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of a new pod's containers, whose tags are replaced, and of its volumes, whose are not."""
    containers = {each.get("image") or "" for group in ("initContainers", "containers") for each in spec.get(group) or []}
    volumes = {each["image"].get("reference") or "" for each in spec.get("volumes") or [] if each.get("image")}
    return tuple(sorted(containers)), tuple(sorted(volumes))


def pod(template: Json, label: str) -> dict[str, Any]:
    """A pod as the workload's, with its labels and annotations, for webhooks go by them, and with FORECAST."""
    metadata = template.get("metadata") or {}
    return {
        "apiVersion": POD.group_version,
        "kind": POD.name,
        "metadata": {
            "generateName": "image-trust-forecast-",
            "labels": {**(metadata.get("labels") or {}), FORECAST: label},
            "annotations": dict(metadata.get("annotations") or {}),
        },
        "spec": {key: value for key, value in template["spec"].items() if key not in _OF_A_NEW_POD},
    }


def asked_again(answer: Answer, constraint: str, times: int) -> bool:
    """Whether an answer that was given `times` times may become another one: a slow start only ever refuses, and a denial may be of a tag that
    was not replaced in time."""
    verdict, _messages = _read(answer, constraint)
    return verdict == "not_judged" or (verdict == "denied" and times < 2)


def outcomes(asked: ImageSet, answer: Answer, constraint: str, exemptions: Sequence[Json]) -> list[Outcome]:
    """What the answer to a dry run of one pod of the set means for the workloads.

    `constraint` judged the pod and has no exemptions by service account, so the answer does not depend on who asked, and holds for pods of controllers,
    which cannot be exempt. `exemptions` has those of the policy, also by service account."""
    verdict, messages = _read(answer, constraint)
    if verdict == "admitted" and (given := _exempt(asked, exemptions)):
        return [_outcome(asked, asked.workloads, "exempt", "; ".join(given))]
    accounts = [_accounts(exemptions, asked.namespace, message) for message in messages]
    if verdict != "denied" or not all(accounts):
        return [_outcome(asked, asked.workloads, verdict, "; ".join(messages))]
    said = "; ".join(messages)
    names = ", ".join(sorted({each for some in accounts for each in some}))
    perhaps = f"admitted only where {names} creates the pod, and who creates it is not known. For all others: {said}"
    bare, made = ([each for each in asked.workloads if each.by_controller is by] for by in (False, True))
    split: list[tuple[Sequence[Workload], Prediction, str]] = [(bare, "unknown", perhaps), (made, "denied", said)]
    return [_outcome(asked, some, verdict, message) for some, verdict, message in split if some]


def _outcome(asked: ImageSet, some: Sequence[Workload], verdict: Prediction, message: str) -> Outcome:
    return Outcome(asked.namespace, tuple(each.name for each in some), asked.images, verdict, message)


def _read(answer: Answer, constraint: str) -> tuple[Prediction, list[str]]:
    """The verdict, and why."""
    if answer.verdict == "admitted" or _QUOTA.match(answer.message):
        return "admitted", []
    messages = [message for name, message in violations(answer.message) if name == constraint] or [answer.message]
    if answer.verdict == "denied":
        return "denied", messages
    by_us = answer.refused_by == MUTATION or (answer.refused_by == VALIDATION and _is_unavailable(messages))
    return "not_judged" if by_us or (answer.refused_by is None and not _REFUSED.match(answer.message)) else "unknown", messages


def _is_unavailable(messages: Sequence[str]) -> bool:
    return any(each.startswith((UNAVAILABLE, "HTTP ")) for each in messages)


def _accounts(exemptions: Sequence[Json], namespace: str, message: str) -> list[str]:
    """Service accounts for whose pods an exemption covers the image that the message is about."""
    image = re.match(r"image (\S+) is not ", message)
    return [
        account
        for each in exemptions
        if image and namespace in each.get("namespaces", [namespace]) and ("images" not in each or any(covers(one, image[1]) for one in each["images"]))
        for account in each.get("service_accounts", [])
    ]


def _exempt(asked: ImageSet, exemptions: Sequence[Json]) -> list[str]:
    """Which exemptions cover the images, for pods of every user, and until when."""
    covering: dict[str, list[str]] = {}
    for each in exemptions:
        here = "service_accounts" not in each and asked.namespace in each.get("namespaces", [asked.namespace])
        for image in asked.images if here else ():
            if "images" not in each or any(covers(one, image) for one in each["images"]):
                covering.setdefault(f"until {each['ends']} ({each['owner']}: {each['reason']})", []).append(image)
    return [f"{', '.join(images)} {given}" for given, images in covering.items()]


def table(found: Sequence[Outcome]) -> list[str]:
    """A line for each outcome, by namespace, what would be denied first."""
    order = get_args(Prediction)
    ordered = sorted(found, key=lambda each: (each.namespace, order.index(each.verdict), each.workloads))
    width = max((len(each.namespace) for each in ordered), default=0)
    return [f"{each.namespace:{width}}  {each.verdict:10}  {each.named}{f': {each.message}' if each.message else ''}" for each in ordered]


def listed(found: Sequence[Outcome]) -> dict[str, list[dict[str, Any]]]:
    """The outcomes as the module returns them, by verdict."""
    return {verdict: [{**each.to_dict(), "sentence": each.sentence} for each in found if each.verdict == verdict] for verdict in get_args(Prediction)}


def summary(found: Sequence[Outcome], *verdicts: Prediction) -> str:
    """The sentences of the outcomes with these verdicts, in the order of the verdicts and as many as a person reads; empty where there are none."""
    sentences = [each.sentence for verdict in verdicts for each in found if each.verdict == verdict]
    more = "; and more, which module admission_forecast returns" if len(sentences) > SHOWN else ""
    return f"{'; '.join(sentences[:SHOWN])}{more}." if sentences else ""
