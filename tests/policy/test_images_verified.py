"""The policy's Rego, decided by the OPA that Gatekeeper holds: whatever Ratify answers that is not a plain yes is a no."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lab.build import tools
from tests.support.policy import rego_files
from tests.support.references import FITTING, IDS, MEANINGS, SHA384, SHA512

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

meant[image] = meaning {
	data.names[image]
	found := data.lib.references.parse(image)
	meaning := [found.repository, found.tag, found.digest]
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


def owned(body: dict[str, Any], *owners: dict[str, Any]) -> dict[str, Any]:
    return {**body, "metadata": {"ownerReferences": list(owners)}}


@dataclass(frozen=True)
class Case:
    """`says` is what each violation has to contain, in the order of the violations' text; none means admitted."""

    object: dict[str, Any]
    answer: dict[str, Any] | None
    says: tuple[str, ...] = ()
    operation: str | None = "CREATE"
    before: dict[str, Any] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    namespace: str = "shop"
    user: str | None = "somebody"

    @property
    def input(self) -> dict[str, Any]:
        review = {"object": self.object, "operation": self.operation, "oldObject": self.before, "namespace": self.namespace}
        review["userInfo"] = self.user and {"username": self.user}
        parameters = {"requireDigest": True, **self.parameters}
        return {"review": {key: value for key, value in review.items() if value is not None}, "parameters": parameters, "answer": self.answer}


WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController")


def workload(kind: str, *images: str, **lists: Any) -> dict[str, Any]:
    template = {"spec": pod(*images, **lists)["spec"]}
    return {"kind": kind, "spec": {"jobTemplate": {"spec": {"template": template}}} if kind == "CronJob" else {"template": template}}


def exemption(ends: str = "2199-12-31", **covers: list[str]) -> dict[str, Any]:
    return {"exemptions": [{"ends": ends, **covers}]}


TODAY = datetime.now(UTC).strftime("%Y-%m-%d")
PLACEHOLDER = {"placeholderImages": ["auto"]}
AUTO = [{"name": "i", "image": "auto"}]
DEPLOYER = "system:serviceaccount:ops:deployer"
NOT_VERIFIED = f"image {WEB} is not verified"
EXTRA = {"initContainers": [{"name": "i", "image": SIDE}]}
DEBUG = {"ephemeralContainers": [{"name": "e", "image": SIDE}]}
VOLUME = {"volumes": [{"name": "v", "image": {"reference": SIDE}}, {"name": "tmp", "emptyDir": {}}]}

FROM_AZURE = "Ratify cannot read what it needs from Azure"
REPORTS = {
    "No verification results for the artifact": "it has no signature",
    "the signature's certificate chain does not contain any trusted certificate": "its signer is not trusted here",
    "signing certificate from the digital signature does not match the X.509 trusted identities": "its signer is not trusted here",
    "unable to parse the digital signature, error : invalid character": "its signature cannot be read",
    "certificate chain is not present": "its signature cannot be read",
    "artifact has no applicable trust policy": "no signer is trusted for its repository",
    "content descriptor mismatch": "its signature was made for another image",
    "no valid Cosign signatures found": "its signer is not trusted here",
    "No policy found for the artifact example.azurecr.io/web@sha256:0": "no signer is trusted for its repository",
    "no timestamp countersignature was found in the signature envelope": "it has no time stamp that is trusted here",
    "timestamping certificate with subject CN=x is revoked": "it has no time stamp that is trusted here",
    "timestamp can be after certificate CN=x validity period, it was expired at noon": "its signature or its signer's certificate has expired",
    "signing certificate with subject CN=x is revoked": "its signer's certificate is revoked",
    "signing certificate with subject CN=x revocation status is unknown": "it is not known whether its signer's certificate is revoked",
    "digital signature has expired on Monday": "its signature or its signer's certificate has expired",
    "verification time is after certificate CN=x validity period": "its signature or its signer's certificate has expired",
    "failed to get secret objectName:x, objectVersion:, error: GET https://v.vault.azure.net/secrets/x/ RESPONSE 403: 403 Forbidden": FROM_AZURE,
    "failed to get key objectName:x, objectVersion:, error: WorkloadIdentityCredential: RESPONSE 401: 401 Unauthorized": FROM_AZURE,
    "failed to get secret objectName:x, objectVersion:, error: Get https://v.vault.azure.net/secrets/x/: EOF": FROM_AZURE,
    "GET manifest: UNAUTHORIZED": "Ratify may not read the registry",
    "could not resolve descriptor for a subject from any stores": "the registry does not have it, or cannot be reached",
    "manifest unknown": "the registry does not have it",
    "status code 429": "the registry is too busy",
    "context deadline exceeded": "the registry cannot be reached",
    "dial tcp: lookup example.azurecr.io: no such host": "the registry cannot be reached",
}
"""What Ratify and notation report, and what of it a user reads who never heard of either."""

NOT_FOUND = "could not resolve descriptor for a subject from any stores: {}: not found"
NO_HOST = "failed to resolve {}: dial tcp: lookup example.azurecr.io: no such host"
UNKNOWN_HOST = "the registry cannot be reached"
NAMED = {
    # What is reported of an image, by names for it that look like errors, and what it means.
    ("example.azurecr.io/tools/expired-cleanup", NOT_FOUND): "the registry does not have it, or cannot be reached",
    ("example.azurecr.io/forbidden-planet", NO_HOST): UNKNOWN_HOST,
    ("example.azurecr.io/not-found", NO_HOST): UNKNOWN_HOST,
    ("example.azurecr.io/web-404", NO_HOST): UNKNOWN_HOST,
    ("example.azurecr.io/web:403", NO_HOST): UNKNOWN_HOST,
    ("example.azurecr.io/web:expired", NO_HOST): UNKNOWN_HOST,
    ("forbidden:1", NO_HOST): UNKNOWN_HOST,
    ("forbidden-planet", NO_HOST): UNKNOWN_HOST,
    ("example.azurecr.io:403/web", NO_HOST): UNKNOWN_HOST,
    ("example.azurecr.io/timeout-proxy", "failed to resolve {}: unauthorized"): "Ratify may not read the registry",
    ("example.azurecr.io/timeout-proxy", "it is odd: {}"): "",
    ("example.azurecr.io/eof/x-503", "it is odd: {}"): "",
    ("expired.azurecr.io/web", "failed to resolve: dial tcp: lookup expired.azurecr.io on 10.0.0.10:53: no such host"): UNKNOWN_HOST,
    ("FORBIDDEN/web", "failed to resolve: dial tcp: lookup FORBIDDEN: no such host"): UNKNOWN_HOST,
    ("example.azurecr.io/expired", "digital signature has expired on Monday"): "its signature or its signer's certificate has expired",
    ("expired", "digital signature has expired on Monday"): "its signature or its signer's certificate has expired",
    ("example.azurecr.io/a/forbidden", 'GET "https://example.azurecr.io/v2/a/forbidden/manifests/1": response status code 429: too many requests'): (
        "the registry is too busy"
    ),
    ("example.azurecr.io/forbidden", "unauthorized: [map[Action:pull Class: Name:expired Type:repository]]"): "Ratify may not read the registry",
    ("example.azurecr.io/forbidden", '{"errors":[{"code":"UNAUTHORIZED","message":"x"}]}'): "Ratify may not read the registry",
    ("example.azurecr.io/forbidden", "get token for repository:forbidden:pull: dial tcp: i/o timeout"): UNKNOWN_HOST,
    ("example.azurecr.io/a/expired", 'GET "https://example.azurecr.io/oauth2/token?scope=repository%3Aa%2Fexpired%3Apull": EOF'): UNKNOWN_HOST,
    ("example.azurecr.io/a/expired", 'GET "https://example.azurecr.io/v2/other/forbidden-404/x": EOF'): UNKNOWN_HOST,
    ("docker.io/library/expired", "docker.io/library/expired:latest: manifest unknown"): "the registry does not have it",
    ("example.azurecr.io/web", 'signing certificate with subject "CN=expired-team,O=not found" is revoked'): "its signer's certificate is revoked",
    ("example.azurecr.io/web", "failed to get secret objectName:expired-team, objectVersion:, error: RESPONSE 403: 403 Forbidden"): FROM_AZURE,
    ("example.azurecr.io/web", 'the list of "CN=expired" cannot be fetched: no such host'): UNKNOWN_HOST,
    ("example.azurecr.io/web", "failed to get key objectName:x, error: the client assertion has expired"): FROM_AZURE,
}


def name(image: str) -> str:
    """The image by its digest, as Ratify is asked for it. One that is a word alone stays one."""
    return image if re.fullmatch("[a-z-]+", image) else f"{image}@{WEB.split('@')[1]}"


def named(image: str, report: str, words: str) -> Case:
    report = report.replace("{}", image)
    expected = f"{words} ({report})" if words else report
    return Case(
        pod(image), answer(no(image, report)), (f"image {image} is not verified: {expected}.",), parameters={"requireDigest": False, "messageSuffix": "Ask"}
    )


DIGEST = WEB.split("@")[1]
PINNED = f"{TAG}@{DIGEST}"
CONTROLLER = "system:serviceaccount:kube-system:job-controller"


def running(image: str, image_id: str) -> dict[str, Any]:
    return {**pod(image), "status": {"containerStatuses": [{"name": "c0", "imageID": image_id}]}}


def update(before: Any, after: Any, *, denied: str = "", by: str = "somebody") -> Case:
    """Nothing that is judged is verified."""
    return Case(after, answer(), (f"image {denied}",) if denied else (), "UPDATE", before, {"requireDigest": False}, user=by)


SHORT, LONG = f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"

UPDATES = {
    "a pod with a tag is labelled": update(pod(TAG), pod(TAG)),
    "a Deployment with a tag is scaled": update(workload("Deployment", TAG), workload("Deployment", TAG)),
    "a tag is left beside a digest": update(pod(PINNED), pod(WEB)),
    "a tag is added before the digest": update(pod(WEB), pod(PINNED)),
    "another tag stands before the same digest": update(workload("CronJob", PINNED), workload("CronJob", PINNED.replace(":1@", ":2@"))),
    "a short name becomes the full one of the same image": update(pod(SHORT), pod(LONG)),
    "containers change places": update(pod(SIDE, **DEBUG), {"kind": "Pod", "spec": {**pod(SIDE)["spec"], **DEBUG}}),
    "containers of a workload change places": update(
        workload("Job", WEB, TAG),
        {"kind": "Job", "spec": {"template": {"spec": {"containers": workload("Job", WEB, TAG)["spec"]["template"]["spec"]["containers"][::-1]}}}},
    ),
    "a container is taken away": update(workload("Deployment", WEB, SIDE), workload("Deployment", WEB)),
    "a volume's image gets a tag before its digest": update(
        workload("Job", WEB, **VOLUME), workload("Job", WEB, volumes=[{"name": "v", "image": {"reference": SIDE.replace("@", ":1@")}}])
    ),
}
NEW_IMAGES = {
    # A user with permissions on pods/status can write which image runs, and any user can write what mutation writes.
    "the tag of what runs becomes the digest that the status has": update(running(TAG, WEB), pod(WEB), denied=WEB),
    **{
        f"a controller of Kubernetes touches a {kind} whose tag becomes a digest": update(
            pod(TAG) if kind == "Pod" else workload(kind, TAG), pod(WEB) if kind == "Pod" else workload(kind, WEB), denied=WEB, by=CONTROLLER
        )
        for kind in ("Pod", *WORKLOADS, "CronJob")
    },
    "a tag becomes another tag": update(pod(TAG), pod("example.azurecr.io/web:2"), denied="example.azurecr.io/web:2"),
    "a digest becomes a tag": update(pod(WEB), pod(TAG), denied=TAG),
    "two containers of the name were there before": update(
        {"kind": "Pod", "spec": {"containers": [{"name": "c0", "image": TAG}, {"name": "c0", "image": SIDE}]}}, pod(WEB), denied=WEB
    ),
    "a creation comes with what was before": replace(update(pod(WEB), pod(WEB), denied=WEB), operation="CREATE"),
    "a user replaces a tag by a digest": update(pod(TAG), pod(WEB), denied=WEB),
    "a user replaces a tag by a digest beside the tag": update(pod(TAG), pod(PINNED), denied=PINNED),
    "a user replaces a workload's tag by a digest": update(workload("Deployment", TAG), workload("Deployment", WEB), denied=WEB),
    "a digest becomes another digest": update(pod(WEB), pod(WEB.replace("1" * 64, "4" * 64)), denied=WEB.replace("1" * 64, "4" * 64)),
    "a digest goes to another repository": update(pod(WEB), pod(WEB.replace("/web", "/side")), denied=WEB.replace("/web", "/side")),
    "a digest goes to the same path of another registry": update(
        pod(SHORT), pod(f"example.azurecr.io/library/nginx@{DIGEST}"), denied="example.azurecr.io/library"
    ),
    "a digest is another one with the same beginning": update(
        pod(f"example.azurecr.io/web@{SHA384}"), pod(f"example.azurecr.io/web@{SHA512}"), denied="example.azurecr.io/web@sha512"
    ),
    "a container gets another name": update(
        workload("Job", WEB), {"kind": "Job", "spec": {"template": {"spec": {"containers": [{"name": "x", "image": WEB}]}}}}, denied=WEB
    ),
    "a second container has the name of the first": update(
        pod(WEB), {"kind": "Pod", "spec": {"containers": [{"name": "c0", "image": WEB}, {"name": "c0", "image": SIDE}]}}, denied=SIDE
    ),
    "a container without a name has one before without a name": update(
        {"kind": "Pod", "spec": {"containers": [{"image": WEB}]}}, {"kind": "Pod", "spec": {"containers": [{"image": WEB}]}}, denied=WEB
    ),
    "a debug container is added to what has none": update(pod(WEB), pod(WEB, **DEBUG), denied=SIDE),
    "a volume's tag becomes a digest": update(
        workload("Job", WEB, volumes=[{"name": "v", "image": {"reference": "example.azurecr.io/side:1"}}]), workload("Job", WEB, **VOLUME), denied=SIDE
    ),
    "nothing is known of what was before": update(None, pod(WEB), denied=WEB),
}
"""An update by what it adds; in the second table each adds an image."""

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
    "an error for the image is denied with it": Case(pod(WEB), answer(errors=[[WEB, "odd"]]), (f"{NOT_VERIFIED}: odd",)),
    "a system error is denied, whatever else is answered": Case(
        pod(WEB), answer(yes(WEB), system_error="connection refused"), ("image verification is not available: connection refused",)
    ),
    "no answer is denied": Case(pod(WEB), None, ("image verification is not available: Gatekeeper could not ask Ratify",)),
    "one of two is denied by name": Case(pod(SIDE, WEB), answer(yes(SIDE), no(WEB)), (NOT_VERIFIED,)),
    "an init container is judged": Case(pod(WEB, **EXTRA), answer(yes(WEB), no(SIDE)), (f"image {SIDE} is not verified",)),
    "an ephemeral container is judged": Case(pod(WEB, **DEBUG), answer(yes(WEB), no(SIDE)), (f"image {SIDE} is not verified",)),
    "an image that is mounted as a volume is judged": Case(pod(WEB, **VOLUME), answer(yes(WEB), no(SIDE)), (f"image {SIDE} is not verified",)),
    "a verified image that is mounted as a volume is admitted": Case(pod(WEB, **VOLUME), answer(yes(WEB), yes(SIDE))),
    "a tag that is mounted as a volume is denied": Case(
        pod(WEB, volumes=[{"name": "v", "image": {"reference": TAG}}]), answer(yes(WEB), yes(TAG)), (f"image {TAG} is not pinned to a digest",)
    ),
    "a tag that a workload's pods would mount as a volume is denied early, for nothing replaces it": Case(
        workload("Deployment", TAG, volumes=[{"name": "v", "image": {"reference": f"{TAG}-files"}}]),
        answer(yes(TAG), yes(f"{TAG}-files")),
        (f"image {TAG}-files is not pinned to a digest",),
    ),
    "a tag of a volume is denied early beside a container of the same name and image": Case(
        workload("Deployment", TAG, volumes=[{"name": "c0", "image": {"reference": TAG}}]), answer(yes(TAG)), (f"image {TAG} is not pinned to a digest",)
    ),
    "a volume of an image that is not named is denied": Case(pod(WEB, volumes=[{"name": "v", "image": {}}]), answer(yes(WEB)), ("v names no image",)),
    "an update that adds a volume of an image is judged by it": Case(
        workload("Deployment", WEB, **VOLUME), answer(no(WEB), no(SIDE)), (f"image {SIDE} is not verified",), "UPDATE", workload("Deployment", WEB)
    ),
    "an update that leaves a volume of an image as it is is admitted": Case(
        workload("Deployment", WEB, **VOLUME), answer(no(SIDE)), operation="UPDATE", before=workload("Deployment", WEB, **VOLUME)
    ),
    "a volume of an exempt image is admitted": Case(pod(WEB, **VOLUME), answer(yes(WEB)), parameters=exemption(images=["example.azurecr.io/side"])),
    # The answers are those of Ratify to whatever it makes of such a name.
    **{
        f"{name!r} is no name of an image, and Ratify is not asked": Case(
            pod(WEB, name), answer(yes(WEB), yes(name)), (f"image {name} is not verified: it is not the name of an image",)
        )
        for name in (f"[shop]{WEB}", f"[]{WEB}", f" {WEB}", f"{WEB}\n", f"{SIDE}\n@{WEB}", f"/{WEB}", "[::1]:5000/web@sha256:" + "1" * 64)
    },
    "what is no name of an image is denied in what makes pods": Case(
        workload("Deployment", f"[shop]{WEB}"), None, (f"image [shop]{WEB} is not verified: it is not the name of an image",)
    ),
    "what is no name of an image is denied as a volume": Case(
        pod(WEB, volumes=[{"name": "v", "image": {"reference": f"[shop]{SIDE}"}}]), answer(yes(WEB), yes(f"[shop]{SIDE}")), ("it is not the name of an image",)
    ),
    "an exemption does not cover what is no name of an image": Case(
        pod(f"[shop]{WEB}"), None, ("it is not the name of an image",), parameters=exemption(images=["example.azurecr.io/*"])
    ),
    "a name with a port, a tag and capital letters is one": Case(
        pod(f"Example.azurecr.io:443/a-b_c/d.e:V_1.0@{WEB.split('@')[1]}"), answer(yes(f"Example.azurecr.io:443/a-b_c/d.e:V_1.0@{WEB.split('@')[1]}"))
    ),
    "a name that only the registry of another begins with is judged": Case(
        pod(f"example.azurecr.io@evil.example/web@{WEB.split('@')[1]}"), answer(), ("is not verified",), parameters=exemption(images=["example.azurecr.io/*"])
    ),
    "a signed name's tag beside the digest of another image is that image": Case(
        pod(f"{TAG}@{SIDE.split('@')[1]}"), answer(yes(TAG), yes(WEB)), ("is not verified: Ratify gave no reason",)
    ),
    "all kinds of containers verified are admitted": Case(pod(WEB, **EXTRA, **DEBUG), answer(yes(WEB), yes(SIDE))),
    "a tag is denied, even a verified one": Case(pod(TAG), answer(yes(TAG)), ("is not pinned to a digest",)),
    "a tag is admitted where digests are not asked for": Case(pod(TAG), answer(yes(TAG)), parameters={"requireDigest": False}),
    "a pod without containers is denied": Case(pod(), answer(), ("no containers",)),
    "a container without image is denied": Case({"kind": "Pod", "spec": {"containers": [{"name": "c"}]}}, answer(), ("container c names no image",)),
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
    **{
        f"a {kind} is judged by the pods it would make": Case(workload(kind, WEB, **EXTRA), answer(no(WEB), no(SIDE)), (f"image {SIDE}", NOT_VERIFIED))
        for kind in (*WORKLOADS, "CronJob")
    },
    **{f"a {kind} of a verified image is admitted": Case(workload(kind, WEB), answer(yes(WEB))) for kind in (*WORKLOADS, "CronJob")},
    "a CronJob's template is not looked for where a Deployment has it": Case(
        {"kind": "CronJob", "spec": {"template": {"spec": pod(WEB)["spec"]}}}, answer(yes(WEB)), ("no containers",)
    ),
    "a workload may name a tag, for its pods are judged again": Case(workload("ReplicationController", TAG), answer(yes(TAG))),
    "a workload without template is denied": Case({"kind": "ReplicationController", "spec": {"replicas": 1}}, answer(), ("no containers",)),
    "a Deployment that is scaled is admitted": Case(workload("Deployment", WEB), answer(no(WEB)), operation="UPDATE", before=workload("Deployment", WEB)),
    "a Deployment that gets another image is judged": Case(
        workload("Deployment", WEB), answer(no(WEB)), (NOT_VERIFIED,), "UPDATE", workload("Deployment", SIDE)
    ),
    "an object of an unknown kind is denied": Case({"kind": "Rollout", "spec": {"strategy": {}}}, answer(), ("no containers",)),
    "an exempt namespace asks no provider": Case(pod(TAG), None, parameters=exemption(namespaces=["shop"])),
    "the exemption of another namespace covers nothing": Case(pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), parameters=exemption(namespaces=["shops"])),
    "an exempt repository is admitted": Case(pod(WEB), None, parameters=exemption(images=["example.azurecr.io/web"])),
    "an exempt repository with a tag is admitted": Case(pod(TAG), None, parameters=exemption(images=["example.azurecr.io/web"])),
    "an exempt registry is admitted": Case(pod(WEB), None, parameters=exemption(images=["example.azurecr.io/*"])),
    "an exemption's star ends at a slash": Case(pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), parameters=exemption(images=["example.azurecr.io/w*"])),
    "a registry whose name begins like an exempt one is judged": Case(
        pod(WEB.replace("azurecr.io", "azurecr.io.evil.example")), answer(), ("is not verified",), parameters=exemption(images=["example.azurecr.io/*"])
    ),
    "a repository whose name begins like an exempt one is judged": Case(
        pod(WEB.replace("/web", "/web2")), answer(), ("is not verified",), parameters=exemption(images=["example.azurecr.io/web"])
    ),
    "beside an exempt image the other one is judged": Case(
        pod(WEB, SIDE), answer(no(SIDE)), (f"image {SIDE} is not verified",), parameters=exemption(images=["example.azurecr.io/web"])
    ),
    "an exempt user is admitted": Case(pod(WEB), None, parameters=exemption(service_accounts=["ops/deployer"]), user=DEPLOYER),
    "a user whose name ends like an exempt one's is judged": Case(
        pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), parameters=exemption(service_accounts=["ops/deployer"]), user="ops/deployer"
    ),
    "another user than the exempt one is judged": Case(pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), parameters=exemption(service_accounts=["ops/deployer"])),
    "the audit knows no user": Case(pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), None, parameters=exemption(service_accounts=["ops/deployer"]), user=None),
    "the audit knows exempt namespaces": Case(pod(WEB), None, operation=None, parameters=exemption(namespaces=["shop"]), user=None),
    "an exemption of two things covers both": Case(pod(WEB), None, parameters=exemption(namespaces=["shop"], service_accounts=["ops/deployer"]), user=DEPLOYER),
    "an exemption of two things does not cover one": Case(
        pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), parameters=exemption(namespaces=["shop"], service_accounts=["ops/deployer"])
    ),
    "an ended exemption covers nothing": Case(pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), parameters=exemption("2020-12-31", namespaces=["shop"])),
    "an exemption covers its last day": Case(pod(WEB), None, parameters=exemption(TODAY, namespaces=["shop"])),
    "an exemption without an end covers nothing": Case(pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), parameters={"exemptions": [{"namespaces": ["shop"]}]}),
    "an exemption whose end cannot be read covers nothing": Case(
        pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), parameters=exemption("next year", namespaces=["shop"])
    ),
    "a container without image is exempt by nothing but its namespace": Case(
        {"kind": "Pod", "spec": {"containers": [{"name": "c"}]}}, None, ("container c names no image",), parameters=exemption(images=["example.azurecr.io/*"])
    ),
    "an end beyond what Rego can count covers nothing": Case(
        pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), parameters=exemption("2999-12-31", namespaces=["shop"])
    ),
    "an exemption of nothing covers nothing": Case(pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), parameters=exemption()),
    "an exemption of an empty list covers nothing": Case(pod(WEB), answer(no(WEB)), (NOT_VERIFIED,), parameters=exemption(namespaces=[])),
    **{f"a {kind} of a placeholder is admitted": Case(workload(kind, "auto"), None, parameters=PLACEHOLDER) for kind in (*WORKLOADS, "CronJob")},
    "a placeholder that no list names is judged": Case(workload("Deployment", "auto"), answer(no("auto")), ("image auto is not verified",)),
    "a pod is never of a placeholder": Case(
        pod("auto"), answer(no("auto")), ("image auto is not pinned", "image auto is not verified"), parameters=PLACEHOLDER
    ),
    "an init container may have a placeholder": Case(workload("Job", WEB, initContainers=AUTO), answer(yes(WEB)), parameters=PLACEHOLDER),
    "a debug container is never of a placeholder": Case(
        pod(WEB, ephemeralContainers=AUTO), answer(no("auto")), ("auto is not pinned", "auto is not verified"), "UPDATE", pod(WEB), PLACEHOLDER
    ),
    "a volume is never of a placeholder": Case(
        workload("Deployment", WEB, volumes=[{"name": "v", "image": {"reference": "auto"}}]),
        answer(yes(WEB), no("auto")),
        ("auto is not pinned", "auto is not verified"),
        parameters=PLACEHOLDER,
    ),
    "beside a placeholder the other image is judged": Case(workload("Deployment", "auto", WEB), answer(no(WEB)), (NOT_VERIFIED,), parameters=PLACEHOLDER),
    **{
        f"{image!r} is not the placeholder": Case(workload("Deployment", image), answer(no(image)), (f"image {image} is not verified",), parameters=PLACEHOLDER)
        for image in ("auto:1", "docker.io/library/auto", f"auto@{DIGEST}", "automatic")
    },
    "a message says whom to ask": Case(pod(WEB), answer(no(WEB)), ("Ratify gave no reason. Ask #platform",), parameters={"messageSuffix": "Ask #platform"}),
    "a message says which controller tries again": Case(
        owned(pod(WEB), {"kind": "Node", "name": "n"}, {"kind": "ReplicaSet", "name": "web-5d9", "controller": True}),
        answer(no(WEB)),
        ("Ratify gave no reason. ReplicaSet web-5d9 tries again without end. Ask #platform",),
        parameters={"messageSuffix": "Ask #platform"},
    ),
    "a pod that runs already is not tried again": Case(
        owned(pod(WEB), {"kind": "ReplicaSet", "name": "web-5d9", "controller": True}), answer(no(WEB)), ("Ratify gave no reason",), operation=None
    ),
    **{f"{image} gets its meaning from what is reported of it: {report!r}": named(name(image), report, words) for (image, report), words in NAMED.items()},
    **{f"no new image: {name}": case for name, case in UPDATES.items()},
    **{f"a new image: {name}": case for name, case in NEW_IMAGES.items()},
    **{
        f"an exemption of {pattern!r} {'covers' if fits else 'does not cover'} {image!r}": Case(
            pod(image), answer(), () if fits else (f"image {image} is not verified",), parameters={"requireDigest": False, **exemption(images=[pattern])}
        )
        for pattern, image, fits in FITTING
    },
    **{
        f"{image!r} is an id and no name of an image, and Ratify is not asked": Case(
            pod(image), answer(yes(image)), ("it is not the name of an image",), parameters={"requireDigest": False}
        )
        for image in IDS
    },
    **{
        f"{image!r} is not pinned": Case(pod(image), answer(yes(image)), (f"image {image} is not pinned to a digest",))
        for image in ("nginx", f"example.azurecr.io/web@{SHA512}", f"example.azurecr.io/web:1@{SHA384}", f"example.azurecr.io/sha256:{'1' * 64}")
    },
    **{f"{image!r} is pinned": Case(pod(image), answer(yes(image))) for image in (SHORT, LONG, PINNED, f"localhost:5000/x@{DIGEST}")},
    **{
        f"{image!r} has no digest of sha256, and Ratify is not asked": Case(pod(image), answer(yes(image)), ("it is not the name of an image",))
        for image in (WEB[:-1], f"{WEB}1", f"{WEB}@{DIGEST}", "example.azurecr.io/web@sha256:", WEB.replace("1", "G"))
    },
    **{f"{report!r} is put into words": Case(pod(WEB), answer(no(WEB, report)), (f"{NOT_VERIFIED}: {words} ({report})",)) for report, words in REPORTS.items()},
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the policy says in each case, and what it takes names of images for, from one run of OPA."""
    tools.family("gatekeeper").build()
    opa = str(tools.program("opa"))
    folder = tmp_path_factory.mktemp("opa")
    capabilities = json.loads(subprocess.run([opa, "capabilities", "--current", "--v0-compatible"], capture_output=True, check=True).stdout)
    any_type = {"type": "any"}
    capabilities["builtins"].append({"name": "external_data", "decl": {"type": "function", "args": [any_type], "result": any_type}})
    (folder / "capabilities.json").write_text(json.dumps(capabilities))
    (folder / "judge.rego").write_text(JUDGE)
    (folder / "cases.json").write_text(
        json.dumps({"cases": {name: case.input for name, case in CASES.items()}, "names": dict.fromkeys([*MEANINGS, *IDS], True)})
    )
    command = [opa, "eval", "--v0-compatible", "--capabilities", str(folder / "capabilities.json"), "--format", "raw"]
    for file in (*rego_files(), folder / "judge.rego", folder / "cases.json"):
        command += ["--data", str(file)]
    done = subprocess.run([*command, "data.judge"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_policy(judged: dict[str, dict[str, Any]], name: str) -> None:
    said = sorted(judged["said"][name])
    assert len(said) == len(CASES[name].says), said
    for text, part in zip(said, CASES[name].says, strict=True):
        assert part in text
        assert ("tries again" in text) == ("tries again" in part)


@pytest.mark.parametrize("image", [*MEANINGS, *IDS])
def test_a_name_means_what_a_node_makes_of_it(judged: dict[str, dict[str, Any]], image: str) -> None:
    assert judged["meant"].get(image) == ((meaning := MEANINGS.get(image)) and [*meaning])
