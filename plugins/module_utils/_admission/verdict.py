# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What a cluster says to an image, read out of its answers: the verdict, who refused it and why, and what is recorded of it. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Expected = Literal["admitted", "denied"]
Decision = Literal["admitted", "denied", "error"]

VALIDATION = "validation.gatekeeper.sh"
MUTATION = "mutation.gatekeeper.sh"
UNAVAILABLE = "image verification is not available"
"""How the policy's template begins a message when Ratify gave no answer: nothing is known of the image then."""
_NOT_RESOLVED = "failed to resolve external data placeholders: "
_RATIFY_SAYS = "failed to retrieve external data item from provider ratify-mutation-provider: "
"""How Gatekeeper begins what Ratify answered when it was asked for the digest of a tag. That it could not be asked has another beginning."""
_NO_NAMESPACE = re.compile(r'namespaces "([^"]+)" not found')
NO_DIGEST = {"no such host": "the registry does not exist", ": not found": "the registry does not have it"}
"""What Ratify ends with when there is no such image, and what it means. All else (a time-out, a missing permission) may be otherwise next time."""
PULL_FAILURES = ("ErrImagePull", "ImagePullBackOff")
START_FAILURES = ("StartError", "ContainerCannotRun")
"""Why a container ended whose program was never started, as containerd and Docker call it. `startedAt` may be set all the same."""


@dataclass(frozen=True)
class Expectation:
    """What the cluster should say to an image. `reason` is a regular expression that a denial's message has to match."""

    image: str
    expect: Expected
    reason: str | None = None


@dataclass(frozen=True)
class Answer:
    """What the API server said to one request. `image` is the image of the pod as it would be stored, after mutation."""

    verdict: Decision
    message: str = ""
    refused_by: str | None = None
    image: str | None = None


@dataclass(frozen=True)
class Ran:
    """What became of the pod of an admitted image: whether the kubelet pulled the image, and whether a program was started. `image_id` is what it pulled."""

    pulled: bool
    started: bool
    message: str
    image_id: str | None = None

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Ran:
        """As `Verdict.from_dict`."""
        return cls(said["pulled"] is True, said["started"] is True, str(said["message"] or ""), _text(said["image_id"]))


@dataclass(frozen=True)
class Verdict:
    """One image in one shape in one namespace: asked, answered, compared. It is what the probe returns, the proof records and the report reads, and
    docs/proof.schema.json has its form. `message` is the refusal, or why an admitted image was not pulled or started; empty otherwise."""

    image: str
    shape: str
    namespace: str
    expected: Expected
    verdict: Decision
    passed: bool
    message: str
    refused_by: str | None = None
    admitted_image: str | None = None
    ran: Ran | None = None

    def to_dict(self) -> dict[str, Any]:
        """As modules return it, and proofs have it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Verdict:
        """The verdict that a playbook or a file gives, which anybody may have written: only true is true, and all texts are texts.

        Raises KeyError, TypeError or ValueError where it is not of the form."""
        return cls(
            image=str(said["image"]),
            shape=str(said["shape"]),
            namespace=str(said["namespace"]),
            expected=_one_of(get_args(Expected), said, "expected"),
            verdict=_one_of(get_args(Decision), said, "verdict"),
            passed=said["passed"] is True,
            message=str(said["message"] or ""),
            refused_by=_text(said["refused_by"]),
            admitted_image=_text(said["admitted_image"]),
            ran=Ran.from_dict(said["ran"]) if said["ran"] else None,
        )


def _one_of(choices: tuple[Any, ...], said: Mapping[str, Any], key: str) -> Any:
    if said[key] not in choices:
        raise ValueError(f"{key} of a verdict is {said[key]!r}, not one of {', '.join(choices)}")
    return said[key]


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def read_refusal(status: int, message: str, constraint: str | None = None) -> Answer:
    """Read a refusal of the API server.

    `status` is that of the HTTP answer, `message` that of the Kubernetes Status in it, or the text in its place.
    It is a denial when Gatekeeper's validation refused because of `constraint` (of any constraint when None) and the policy knew something of the
    image, or when its mutation refused because there is no image of that name (NO_DIGEST). All else (a webhook that did not answer, a tag that could
    not be resolved in time, other admission plugins, missing permissions) is an error: it says nothing of the image.
    """
    webhook = re.search(r'admission webhook "([^"]+)" denied the request: ?(.*)', message, re.DOTALL)
    if webhook is None:
        if status == 404 and (name := _NO_NAMESPACE.fullmatch(message)):
            return Answer("error", f"there is no namespace {name[1]} in the cluster; create it, or ask in another one (verify_namespace)")
        calling = re.search(r'failed calling webhook "([^"]+)"', message)
        return Answer("error", f"HTTP {status}: {message}", calling[1] if calling else None)
    refused_by, text = webhook[1], webhook[2].strip()
    missing = no_digest(text) if refused_by == MUTATION else None
    if missing:
        return Answer("denied", f"it has no digest, {missing} ({text})", refused_by)
    reasons = [reason for name, reason in violations(text) if constraint in (None, name)]
    known = bool(reasons) and not any(reason.startswith(UNAVAILABLE) for reason in reasons)
    return Answer("denied" if refused_by == VALIDATION and known else "error", text, refused_by)


def violations(text: str) -> list[tuple[str, str]]:
    """The (constraint, message) pairs in a denial of Gatekeeper, which writes each as `[constraint] message`."""
    parts = re.split(r"^\[([^\]\n]+)\] ", text, flags=re.MULTILINE)
    return [(name, message.strip()) for name, message in zip(parts[1::2], parts[2::2], strict=True)]


def no_digest(text: str) -> str | None:
    """Why there is no digest for the tag in a refusal of Gatekeeper's mutation; None when that is not known for good."""
    before, *said = text.split(_RATIFY_SAYS)
    # Several errors stand in brackets, with commas.
    means = [next((meaning for ending, meaning in NO_DIGEST.items() if each.rstrip(" ,]").endswith(ending)), None) for each in said]
    return means[0] if before.rstrip("[") == _NOT_RESOLVED and means and all(means) else None


def repository(image: str) -> str:
    """The image without its tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


def is_expected(expectation: Expectation, answer: Answer) -> bool:
    """Whether the answer is the expected one for the expected reason: a denial has to name the image and match `reason`.

    Without a reason, only a denial of the policy is meant: one that there is no such image would hide a misspelt name.
    """
    if answer.verdict != expectation.expect:
        return False
    if answer.verdict == "admitted":
        return True
    if answer.refused_by == MUTATION and expectation.reason is None:
        return False
    return repository(expectation.image) in answer.message and (expectation.reason is None or re.search(expectation.reason, answer.message) is not None)


def is_final(expectation: Expectation, answer: Answer) -> bool:
    """Whether asking again is pointless. Caches and slow starts only ever deny, so only an unexpected admission is final at once."""
    return is_expected(expectation, answer) or answer.verdict == "admitted"


def is_terminated(status: Mapping[str, Any]) -> bool:
    """Whether a pod's status says that each of its containers is terminated. Another webhook may have added some."""
    containers = [each for group in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses") for each in status.get(group) or []]
    return bool(containers) and all("terminated" in (each.get("state") or {}) for each in containers)


def container_state(status: Mapping[str, Any]) -> Ran | None:
    """Read a pod's status: has its container `probe` started, has it failed to, or (None) is it not known yet.

    The kubelet names an image's id once it has pulled it and made the container.
    """
    for found in status.get("containerStatuses") or []:
        if found["name"] != "probe":
            # Another webhook added it.
            continue
        state, image_id = found.get("state") or {}, found.get("imageID") or None
        ended = state.get("terminated")
        if "running" in state or (ended and ended.get("startedAt") and ended.get("reason") not in START_FAILURES):
            what = f"ended with exit code {ended.get('exitCode')}" if ended else "running"
            return Ran(True, True, what, image_id)
        why = ended or state.get("waiting") or {}
        if ended or why.get("reason") in PULL_FAILURES or str(why.get("reason", "")).endswith("Error"):
            return Ran(image_id is not None, False, f"{why.get('reason')}: {why.get('message', '')}".strip(": "), image_id)
    return Ran(False, False, f"{status.get('reason')}: {status.get('message', '')}".strip(": ")) if status.get("phase") == "Failed" else None
