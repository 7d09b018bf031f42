"""Verdicts read from what API servers really said."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._admission.verdict import (
    UNAVAILABLE,
    Answer,
    Expectation,
    Ran,
    Verdict,
    container_state,
    is_expected,
    is_final,
    is_terminated,
    read_refusal,
    repository,
    violations,
)
from ansible_collections.image_trust.azure.plugins.module_utils._admission.workloads import WORKLOADS, ephemeral, host_pod, pod, workload

from tests.support.proofs import SCHEMA, verdict

DIGEST = "sha256:8db9" + "0" * 60
UNSIGNED = f"[images-verified] image r.azurecr.io/web@{DIGEST} is not verified: No verification results for the artifact"
ROOT = Path(__file__).parents[5]


def denial(webhook: str, text: str) -> str:
    return f'admission webhook "{webhook}" denied the request: {text}'


UNRESOLVED = "failed to resolve external data placeholders: "
RATIFY = "failed to retrieve external data item from provider ratify-mutation-provider"
SAYS = f"{RATIFY}: REPOSITORY_OPERATION_FAILURE: failed to get subject descriptor for image "
NO_REGISTRY = f'{SAYS}r.invalid/web:1: Head "https://r.invalid/v2/web/manifests/1": dial tcp: lookup r.invalid on 10.0.0.10:53: no such host'
NO_IMAGE = f"{SAYS}r.azurecr.io/web:3: Unable to resolve the reference: r.azurecr.io/web:3: not found"
NO_DIGEST = {
    "the registry does not exist": UNRESOLVED + NO_REGISTRY,
    "the registry does not have it": UNRESOLVED + NO_IMAGE,
}
MAY_HAVE_ONE = {
    "the registry does not answer": UNRESOLVED + NO_IMAGE.replace("not found", "context deadline exceeded"),
    "the registry hangs up": UNRESOLVED + NO_IMAGE.replace("not found", "EOF"),
    "the registry refuses Ratify": UNRESOLVED + NO_IMAGE.replace("not found", "response status code 401: Unauthorized"),
    "names are not resolved": UNRESOLVED + NO_REGISTRY.replace("no such host", "server misbehaving"),
    "of two images, one may have a digest": f"{UNRESOLVED}[{NO_IMAGE}, {NO_IMAGE.replace('not found', 'EOF')}]",
    "Ratify does not answer": f"{UNRESOLVED}failed to send external data request to provider ratify-mutation-provider: Post https://ratify: not found",
    "one error is of something else": f"{UNRESOLVED}[failed to find external data provider ratify-mutation-provider in responses, {NO_IMAGE}]",
    "another mutation fails": "mutator web: not found",
}
REFUSALS = {
    "the policy denies an unsigned image": (403, denial("validation.gatekeeper.sh", UNSIGNED), "denied", "validation.gatekeeper.sh"),
    "Ratify does not answer": (
        403,
        denial("validation.gatekeeper.sh", f"[images-verified] {UNAVAILABLE}: dial tcp 10.0.0.1:6001: connection refused"),
        "error",
        "validation.gatekeeper.sh",
    ),
    "Ratify does not answer, and its mutation was skipped": (
        403,
        denial("validation.gatekeeper.sh", f"[images-verified] image web:1 is not pinned to a digest\n[images-verified] {UNAVAILABLE}: deadline exceeded"),
        "error",
        "validation.gatekeeper.sh",
    ),
    "another constraint denies": (403, denial("validation.gatekeeper.sh", "[no-latest] tag latest is forbidden"), "error", "validation.gatekeeper.sh"),
    "another constraint denies too": (403, denial("validation.gatekeeper.sh", f"[no-latest] forbidden\n{UNSIGNED}"), "denied", "validation.gatekeeper.sh"),
    "the tag cannot be resolved": (
        403,
        denial("mutation.gatekeeper.sh", "failed to resolve external data placeholders: REPOSITORY_OPERATION_FAILURE"),
        "error",
        "mutation.gatekeeper.sh",
    ),
    "the webhook does not answer": (
        500,
        'Internal error occurred: failed calling webhook "validation.gatekeeper.sh": context deadline exceeded',
        "error",
        "validation.gatekeeper.sh",
    ),
    "a quota is exceeded": (403, 'pods "p" is forbidden: exceeded quota: small', "error", None),
    "there is no permission to make pods": (403, 'pods is forbidden: User "u" cannot create resource "pods"', "error", None),
    "a proxy answers": (502, "Bad Gateway", "error", None),
}


@pytest.mark.parametrize(("code", "message", "verdict", "refused_by"), REFUSALS.values(), ids=REFUSALS.keys())
def test_only_the_constraints_knowledge_of_the_image_is_a_denial(code: int, message: str, verdict: str, refused_by: str | None) -> None:
    answer = read_refusal(code, message, "images-verified")
    assert (answer.verdict, answer.refused_by) == (verdict, refused_by)
    assert answer.message


@pytest.mark.parametrize("means", NO_DIGEST)
def test_a_tag_of_which_there_is_no_image_is_denied_by_the_mutation(means: str) -> None:
    answer = read_refusal(500, denial("mutation.gatekeeper.sh", NO_DIGEST[means]), "images-verified")
    assert (answer.verdict, answer.refused_by) == ("denied", "mutation.gatekeeper.sh")
    assert answer.message == f"it has no digest, {means} ({NO_DIGEST[means]})"


def test_of_two_tags_without_an_image_the_first_is_reported() -> None:
    assert read_refusal(500, denial("mutation.gatekeeper.sh", f"{UNRESOLVED}[{NO_IMAGE}, {NO_REGISTRY}]")).message.startswith(
        "it has no digest, the registry does not have it"
    )


@pytest.mark.parametrize("text", MAY_HAVE_ONE.values(), ids=MAY_HAVE_ONE)
def test_a_tag_that_could_not_be_resolved_now_is_no_denial(text: str) -> None:
    assert read_refusal(500, denial("mutation.gatekeeper.sh", text)).verdict == "error"


def test_a_namespace_that_does_not_exist_is_named_with_what_to_do() -> None:
    answer = read_refusal(404, 'namespaces "pilot" not found')
    assert answer == Answer("error", "there is no namespace pilot in the cluster; create it, or ask in another one (verify_namespace)")


def test_without_a_constraint_given_any_constraint_may_deny() -> None:
    assert read_refusal(403, denial("validation.gatekeeper.sh", "[no-latest] tag latest is forbidden")).verdict == "denied"


def test_a_message_of_several_lines_belongs_to_one_violation() -> None:
    assert violations("[a] first\nsecond [b] third\n[b] fourth") == [("a", "first\nsecond [b] third"), ("b", "fourth")]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("nginx", "nginx"),
        ("nginx:latest", "nginx"),
        ("localhost:5000/a/web", "localhost:5000/a/web"),
        ("localhost:5000/a/web:1.2", "localhost:5000/a/web"),
        (f"r.azurecr.io/web@{DIGEST}", "r.azurecr.io/web"),
        (f"r.azurecr.io/web:1@{DIGEST}", "r.azurecr.io/web"),
    ],
)
def test_the_repository_is_the_image_without_tag_and_digest(image: str, expected: str) -> None:
    assert repository(image) == expected


ADMIT = Expectation("r.azurecr.io/web:1", "admitted")
DENY = Expectation("r.azurecr.io/web:2", "denied", "No verification results")
MISSING = Answer("denied", "it has no digest, the registry does not have it (… r.azurecr.io/web:2: not found)", "mutation.gatekeeper.sh")
EXPECTED = {
    "no such image, as expected": (Expectation("r.azurecr.io/web:2", "denied", "the registry does not have it"), MISSING, True, True),
    "no such image, where a denial by the policy was meant": (Expectation("r.azurecr.io/web:2", "denied"), MISSING, False, False),
    "admitted as expected": (ADMIT, Answer("admitted"), True, True),
    "denied as expected": (DENY, Answer("denied", UNSIGNED), True, True),
    "denied for another reason": (DENY, Answer("denied", UNSIGNED.replace("No verification results", "expired")), False, False),
    "another image was denied": (DENY, Answer("denied", UNSIGNED.replace("/web", "/other")), False, False),
    "admitted, a hole": (DENY, Answer("admitted"), False, True),
    "denied, perhaps not ready yet": (ADMIT, Answer("denied", UNSIGNED), False, False),
    "an error is no denial": (DENY, Answer("error", UNSIGNED), False, False),
    "an error is no admission": (ADMIT, Answer("error", "down"), False, False),
}


@pytest.mark.parametrize(("expectation", "answer", "passed", "final"), EXPECTED.values(), ids=EXPECTED.keys())
def test_only_the_expected_verdict_for_the_expected_reason_passes(expectation: Expectation, answer: Answer, passed: bool, final: bool) -> None:
    assert is_expected(expectation, answer) is passed
    assert is_final(expectation, answer) is final


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"phase": "Pending", "containerStatuses": [{"name": "probe", "state": {"waiting": {"reason": reason, "message": message}}}]}


def ended(**terminated: Any) -> dict[str, Any]:
    return {"phase": "Failed", "containerStatuses": [{"name": "probe", "imageID": "r@sha256:1", "state": {"terminated": terminated}}]}


STATES = {
    "not scheduled": ({"phase": "Pending"}, None),
    "being made": (waiting("ContainerCreating"), None),
    "running": (
        {"phase": "Running", "containerStatuses": [{"name": "probe", "imageID": "r@sha256:1", "state": {"running": {}}}]},
        Ran(True, True, "running", "r@sha256:1"),
    ),
    "ended": (ended(exitCode=0, startedAt="2026-11-01T00:00:00Z", reason="Completed"), Ran(True, True, "ended with exit code 0", "r@sha256:1")),
    "crashed": (ended(exitCode=1, startedAt="2026-11-01T00:00:00Z", reason="Error"), Ran(True, True, "ended with exit code 1", "r@sha256:1")),
    "no such program": (
        ended(exitCode=128, startedAt="1970-01-01T00:00:00Z", reason="StartError", message="no such file"),
        Ran(True, False, "StartError: no such file", "r@sha256:1"),
    ),
    "pull refused": (waiting("ErrImagePull", "401 Unauthorized"), Ran(False, False, "ErrImagePull: 401 Unauthorized")),
    "pull refused again": (waiting("ImagePullBackOff", "Back-off pulling"), Ran(False, False, "ImagePullBackOff: Back-off pulling")),
    "root demanded": (waiting("CreateContainerConfigError", "image will run as root"), Ran(False, False, "CreateContainerConfigError: image will run as root")),
    "evicted": ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, Ran(False, False, "Evicted: low on memory")),
}


@pytest.mark.parametrize(("found", "expected"), STATES.values(), ids=STATES.keys())
def test_a_pod_has_started_or_failed_or_is_not_known_yet(found: dict[str, Any], expected: Ran | None) -> None:
    assert container_state(found) == expected


ENDED, RUNS = {"name": "probe", "state": {"terminated": {"reason": "StartError"}}}, {"name": "mesh", "state": {"running": {}}}
TERMINATED: dict[str, tuple[dict[str, Any], bool]] = {
    "its container could not start": ({"containerStatuses": [ENDED]}, True),
    "another webhook's container ended too": ({"containerStatuses": [ENDED, {**ENDED, "name": "mesh"}]}, True),
    "another webhook's container runs": ({"containerStatuses": [ENDED, RUNS]}, False),
    "a sidecar runs": ({"initContainerStatuses": [RUNS], "containerStatuses": [ENDED]}, False),
    "somebody looks at it": ({"containerStatuses": [ENDED], "ephemeralContainerStatuses": [RUNS]}, False),
    "its image is pulled": ({"containerStatuses": [{"name": "probe", "state": {"waiting": {"reason": "ContainerCreating"}}}]}, False),
    "no node has it": ({"phase": "Pending"}, False),
}


@pytest.mark.parametrize(("status", "expected"), TERMINATED.values(), ids=TERMINATED)
def test_a_pod_is_terminated_where_each_of_its_containers_is(status: dict[str, Any], expected: bool) -> None:
    assert is_terminated(status) is expected


@pytest.mark.parametrize("made", [pod("i"), pod("c", name="c", init_image="i"), pod("c", name="c", volume_image="i"), host_pod("i", "c")])
def test_a_probes_pod_is_harmless(made: dict[str, Any]) -> None:
    spec = made["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert not spec["automountServiceAccountToken"]
    for each in spec["containers"] + spec.get("initContainers", []):
        assert each["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@pytest.mark.parametrize(
    "spec",
    [
        pod("i")["spec"],
        host_pod("i", "c")["spec"],
        *(workload(shape, "i")["spec"]["template"]["spec"] for shape in WORKLOADS if shape != "cron_job"),
        workload("cron_job", "i")["spec"]["jobTemplate"]["spec"]["template"]["spec"],
    ],
)
def test_the_pods_of_a_probe_are_for_linux_nodes(spec: dict[str, Any]) -> None:
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}


def test_an_ephemeral_container_asks_for_no_resources_because_the_api_refuses_that() -> None:
    assert "resources" not in ephemeral("i")["spec"]["ephemeralContainers"][0]


def test_an_ephemeral_container_does_not_have_the_name_of_another_container_of_its_host() -> None:
    names = {each["name"] for each in host_pod("i", "companion")["spec"]["containers"]}
    assert ephemeral("i")["spec"]["ephemeralContainers"][0]["name"] not in names


def test_the_policy_says_it_knows_nothing_in_the_words_that_are_looked_for() -> None:
    assert f'sprintf("{UNAVAILABLE}: ' in (ROOT / "roles/policy/files/images_verified.rego").read_text()


def test_a_verdict_is_the_same_after_it_was_recorded() -> None:
    denied = Verdict("nginx", "container", "default", "denied", "denied", True, "it has no signature", "validation.gatekeeper.sh")
    pulled = Verdict("web:1", "job", "default", "admitted", "admitted", True, "", None, f"web@{DIGEST}", Ran(True, False, "pulled", f"web@{DIGEST}"))
    assert [Verdict.from_dict(json.loads(json.dumps(each.to_dict()))) for each in (denied, pulled)] == [denied, pulled]


def test_a_verdict_has_the_form_that_the_proofs_schema_gives_it() -> None:
    form = SCHEMA["$defs"]["verdict"]
    assert {field.name for field in fields(Verdict)} == form["properties"].keys() == set(form["required"])
    assert {field.name for field in fields(Ran)} == form["properties"]["ran"]["oneOf"][1]["properties"].keys()


@pytest.mark.parametrize("value", [1, "true", "yes", "True", [True], {}, None, False])
def test_only_true_is_true_in_a_verdict_that_is_read(value: Any) -> None:
    ran = {"pulled": value, "started": value, "message": "", "image_id": None}
    read = Verdict.from_dict(verdict(passed=value, ran=ran))
    assert (read.passed, read.ran) == (False, Ran(False, False, ""))


@pytest.mark.parametrize(
    "more",
    [{"verdict": "perhaps"}, {"expected": "error", "verdict": "error"}, {"verdict": None}, {"verdict": ["denied"]}, {"ran": "no"}, {"ran": {"pulled": True}}],
)
def test_what_is_not_of_the_form_is_no_verdict(more: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Verdict.from_dict(verdict(**more))


@pytest.mark.parametrize("key", verdict())
def test_a_verdict_lacks_nothing(key: str) -> None:
    with pytest.raises(KeyError, match=key):
        Verdict.from_dict({name: value for name, value in verdict().items() if name != key})
