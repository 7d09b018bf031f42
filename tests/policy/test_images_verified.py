"""The policy's Rego, decided by the OPA that Gatekeeper holds: whatever Ratify answers that is not a plain yes is a no."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab import tools

REGO = Path(__file__).parents[2] / "roles/policy/files/images_verified.rego"
WEB = "example.azurecr.io/web@sha256:" + "1" * 64
SIDE = "example.azurecr.io/side@sha256:" + "2" * 64
TAG = "example.azurecr.io/web:1"

# What the policy says in each case, with Gatekeeper's `external_data` replaced by the case's answer, or by nothing where that is null.
JUDGE = """
package judge

answered(request) = answer { answer := input.answer; answer != null }

said[name] = messages {
	case := data.cases[name]
	found := data.imagesverified.violation with input as case with external_data as answered
	messages := [violation.msg | found[violation]]
}
"""


def yes(image: str, **value: Any) -> list[Any]:
    return [image, {"isSuccess": True, **value}]


def no(image: str, *reasons: str) -> list[Any]:
    return [image, {"isSuccess": False, "verifierReports": [{"errorReason": reason} for reason in reasons]}]


def answer(*responses: Any, **more: Any) -> dict[str, Any]:
    return {"responses": list(responses), "errors": [], "status_code": 200, "system_error": "", **more}


def pod(*images: str, **lists: Any) -> dict[str, Any]:
    return {"kind": "Pod", "spec": {"containers": [{"name": f"c{i}", "image": image} for i, image in enumerate(images)], **lists}}


@dataclass(frozen=True)
class Case:
    """`says` is what each violation has to contain, in the order of the violations' text; none means admitted."""

    object: dict[str, Any]
    answer: dict[str, Any] | None
    says: tuple[str, ...] = ()
    operation: str | None = "CREATE"
    before: dict[str, Any] | None = None
    parameters: dict[str, Any] = field(default_factory=lambda: {"requireDigest": True})

    @property
    def input(self) -> dict[str, Any]:
        review = {"object": self.object, "operation": self.operation, "oldObject": self.before}
        return {"review": {key: value for key, value in review.items() if value is not None}, "parameters": self.parameters, "answer": self.answer}


NOT_VERIFIED = f"image {WEB} is not verified"
EXTRA = {"initContainers": [{"name": "i", "image": SIDE}]}
DEBUG = {"ephemeralContainers": [{"name": "e", "image": SIDE}]}

CASES = {
    "a verified image is admitted": Case(pod(WEB), answer(yes(WEB))),
    "an answer from the cache has status 0": Case(pod(WEB), answer(yes(WEB), status_code=0)),
    "a refused image is denied with the reason": Case(pod(WEB), answer(no(WEB, "no trusted certificate")), (f"{NOT_VERIFIED}: no trusted certificate",)),
    "a refusal without reason is denied": Case(pod(WEB), answer(no(WEB)), (f"{NOT_VERIFIED}: Ratify gave no reason",)),
    "an answer without the field is denied": Case(pod(WEB), answer([WEB, {"verifierReports": []}]), (NOT_VERIFIED,)),
    "a yes that is text is denied": Case(pod(WEB), answer([WEB, {"isSuccess": "true"}]), (NOT_VERIFIED,)),
    "a yes that is a number is denied": Case(pod(WEB), answer([WEB, {"isSuccess": 1}]), (NOT_VERIFIED,)),
    "the field of Ratify 2 is denied": Case(pod(WEB), answer([WEB, {"succeeded": True}]), (NOT_VERIFIED,)),
    "an answer that is text is denied": Case(pod(WEB), answer([WEB, "isSuccess"]), (NOT_VERIFIED,)),
    "an answer of null is denied": Case(pod(WEB), answer([WEB, None]), (NOT_VERIFIED,)),
    "no response is denied": Case(pod(WEB), answer(), (NOT_VERIFIED,)),
    "a response for another image is denied": Case(pod(WEB), answer(yes(SIDE)), (NOT_VERIFIED,)),
    "responses of null are denied": Case(pod(WEB), answer(responses=None), (NOT_VERIFIED,)),
    "an empty answer is denied": Case(pod(WEB), {}, (NOT_VERIFIED,)),
    "an answer without system error's field is denied": Case(pod(WEB), {"responses": [yes(WEB)]}, (NOT_VERIFIED,)),
    "an error for the image is denied with it": Case(pod(WEB), answer(errors=[[WEB, "time-out"]]), (f"{NOT_VERIFIED}: time-out",)),
    "a system error is denied, whatever else is answered": Case(
        pod(WEB), answer(yes(WEB), system_error="connection refused"), ("image verification is not available: connection refused",)
    ),
    "nobody to ask is denied": Case(pod(WEB), None, ("image verification is not available: Gatekeeper could not ask Ratify",)),
    "one of two is denied by name": Case(pod(SIDE, WEB), answer(yes(SIDE), no(WEB)), (NOT_VERIFIED,)),
    "an init container is judged": Case(pod(WEB, **EXTRA), answer(yes(WEB), no(SIDE)), (f"image {SIDE} is not verified",)),
    "an ephemeral container is judged": Case(pod(WEB, **DEBUG), answer(yes(WEB), no(SIDE)), (f"image {SIDE} is not verified",)),
    "all kinds of containers verified are admitted": Case(pod(WEB, **EXTRA, **DEBUG), answer(yes(WEB), yes(SIDE))),
    "a tag is denied, even a verified one": Case(pod(TAG), answer(yes(TAG)), ("is not pinned to a digest",)),
    "a tag is admitted where digests are not asked for": Case(pod(TAG), answer(yes(TAG)), parameters={"requireDigest": False}),
    "a pod without containers is denied": Case(pod(), answer(), ("no containers",)),
    "a container without image is denied": Case({"spec": {"containers": [{"name": "c"}]}}, answer(), ("container c names no image",)),
    "an update that changes no image is admitted": Case(pod(WEB), answer(no(WEB)), operation="UPDATE", before=pod(WEB)),
    "an update to an unverified image is denied": Case(pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), "UPDATE", pod(SIDE)),
    "an update that adds an ephemeral container is judged by it": Case(
        pod(WEB, **DEBUG), answer(no(WEB), no(SIDE)), (f"image {SIDE} is not verified",), "UPDATE", pod(WEB)
    ),
    "an image that moves to another kind of container is judged": Case(
        pod(WEB, **DEBUG), answer(no(SIDE)), (f"image {SIDE} is not verified",), "UPDATE", pod(WEB, initContainers=[{"name": "e", "image": SIDE}])
    ),
    "a deletion is admitted": Case(pod(WEB), answer(no(WEB)), operation="DELETE"),
    "the audit, which has no operation, judges": Case(pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), None),
}


@pytest.fixture(scope="module")
def violations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the policy says in each case, from one run of OPA."""
    tools.family("gatekeeper").build()
    opa = str(tools.program("opa"))
    folder = tmp_path_factory.mktemp("opa")
    capabilities = json.loads(subprocess.run([opa, "capabilities", "--current", "--v0-compatible"], capture_output=True, check=True).stdout)
    any_type = {"type": "any"}
    capabilities["builtins"].append({"name": "external_data", "decl": {"type": "function", "args": [any_type], "result": any_type}})
    (folder / "capabilities.json").write_text(json.dumps(capabilities))
    (folder / "judge.rego").write_text(JUDGE)
    (folder / "cases.json").write_text(json.dumps({"cases": {name: case.input for name, case in CASES.items()}}))
    command = [opa, "eval", "--v0-compatible", "--capabilities", str(folder / "capabilities.json"), "--format", "raw"]
    for file in (REGO, folder / "judge.rego", folder / "cases.json"):
        command += ["--data", str(file)]
    done = subprocess.run([*command, "data.judge.said"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said: dict[str, list[str]] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("name", CASES)
def test_the_policy(violations: dict[str, list[str]], name: str) -> None:
    said = sorted(violations[name])
    assert len(said) == len(CASES[name].says), said
    for text, part in zip(said, CASES[name].says, strict=True):
        assert part in text
