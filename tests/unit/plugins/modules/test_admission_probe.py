"""The module run whole against a stand-in for the API server that gives scripted answers and remembers which pods exist."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.module_utils._admission import namespace as _probe_namespace
from ansible_collections.image_trust.azure.plugins.module_utils._admission import probe as _probe
from ansible_collections.image_trust.azure.plugins.module_utils._admission import verdict as _admission
from ansible_collections.image_trust.azure.plugins.modules import admission_probe

from tests.support.kubernetes_api import NOT_STARTED, RUNNING, Cluster, denied, serving

Json = dict[str, Any]
SIGNED, UNSIGNED = "r.azurecr.io/web:signed", "r.azurecr.io/web:unsigned"
DENIAL = "[images-verified] image r.azurecr.io/web@sha256:1 is not verified: No verification results"
PULL_REFUSED = {"phase": "Pending", "containerStatuses": [{"name": "probe", "state": {"waiting": {"reason": "ErrImagePull", "message": "401 Unauthorized"}}}]}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setattr(_probe, "PAUSE", 0.01)
    cluster = Cluster(lambda image: denied(DENIAL) if image == UNSIGNED else None)

    cluster.kubeconfig = tmp_path / "kubeconfig"
    with serving(lambda *asked: cluster.answer(*asked), cluster.kubeconfig, cluster.sent):
        yield cluster


def run(cluster: Cluster, *, check: bool = False, **options: Any) -> Json:
    images = [{"image": SIGNED, "expect": "admitted"}, {"image": UNSIGNED, "expect": "denied", "reason": "No verification results"}]
    arguments = {"kubeconfig": str(cluster.kubeconfig), "images": images, "constraint": "images-verified", "timeout": 1, **options}
    printed = io.StringIO()
    with patch_module_args({**arguments, "_ansible_check_mode": check}), redirect_stdout(printed), pytest.raises(SystemExit):
        admission_probe.main()
    result: Json = json.loads(printed.getvalue())
    return result


SHAPES = ["container", "init_container", "ephemeral_container"]


def test_every_image_is_asked_for_in_every_shape_and_nothing_stays(cluster: Cluster) -> None:
    result = run(cluster, shapes=SHAPES)
    assert result["passed"] is True
    assert result["changed"] is False
    assert [(v["image"], v["shape"], v["verdict"]) for v in result["verdicts"]] == [
        (image, shape, verdict) for shape in SHAPES for image, verdict in ((SIGNED, "admitted"), (UNSIGNED, "denied"))
    ]
    assert [v["ran"] for v in result["verdicts"] if v["ran"]] == [{"pulled": True, "started": False, "message": "pulled", "image_id": "r@sha256:1"}]
    assert cluster.made == 2
    assert not cluster.pods


def test_the_program_of_no_image_is_started(cluster: Cluster) -> None:
    run(cluster)
    run(cluster)
    commands = [command for _image, command in cluster.commands]
    assert [image for image, _command in cluster.commands] == [SIGNED] * 2
    assert all(command and len(command) == 1 and command[0].startswith("/image-trust.azure/") for command in commands)
    # It is not known before the pod is made, so no image can have been built with it.
    assert len({str(command) for command in commands}) == 2


@pytest.mark.parametrize("how", ["pull", "start"])
def test_an_image_to_deny_is_never_started_even_where_it_gets_in(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    judge, answer = cluster.judge, cluster.answer

    def only_dry_runs(method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        cluster.judge = judge if "dryRun=All" in query else lambda _image: None
        return answer(method, path, query, body)

    monkeypatch.setattr(cluster, "answer", only_dry_runs)
    run(cluster, run=how)
    assert [command is None for image, command in cluster.commands if image == UNSIGNED] == [False]


def test_on_request_the_program_of_a_signed_image_is_started(cluster: Cluster) -> None:
    result = run(cluster, run="start")
    assert result["verdicts"][0]["ran"] == {"pulled": True, "started": True, "message": "running", "image_id": "r@sha256:1"}
    assert cluster.commands == [(SIGNED, None)]


def test_a_signed_image_whose_program_cannot_start_fails_where_it_has_to(cluster: Cluster) -> None:
    cluster.status = {"phase": "Failed", "containerStatuses": [{"name": "probe", "imageID": "r@sha256:1", "state": {"terminated": NOT_STARTED}}]}
    verdict = run(cluster, run="start")["verdicts"][0]
    assert (verdict["passed"], verdict["ran"]["pulled"], verdict["ran"]["started"]) == (False, True, False)
    assert verdict["message"] == "admitted and pulled, but not started: StartError: stat /x: no such file or directory"


def test_on_request_only_dry_runs_are_made(cluster: Cluster) -> None:
    result = run(cluster, run="none")
    assert ([v["ran"] for v in result["verdicts"]], result["passed"], cluster.made) == ([None, None], True, 0)


@pytest.mark.parametrize("boolean", [True, False])
def test_a_boolean_from_before_is_refused_with_the_values_of_today(cluster: Cluster, boolean: bool) -> None:
    result = run(cluster, run=boolean)
    assert f"value of run must be one of: pull, start, none, got: {boolean}" in result["msg"]
    assert cluster.sent == []


def test_a_webhook_that_makes_a_program_start_is_reported(cluster: Cluster) -> None:
    cluster.status = RUNNING
    verdict = run(cluster)["verdicts"][0]
    assert verdict["passed"] is False
    assert verdict["message"].startswith("admitted and pulled, but a program was started")


NO_IMAGE_ID = {"phase": "Pending", "containerStatuses": [{"name": "probe", "imageID": "", "state": {"waiting": {"reason": "CreateContainerError"}}}]}


@pytest.mark.parametrize("pulled", [True, False])
def test_where_a_pods_status_has_no_image_id_the_event_proves_the_pull(cluster: Cluster, pulled: bool) -> None:
    cluster.status = NO_IMAGE_ID
    cluster.events = [{"reason": "Pulled", "message": "Successfully pulled image"}] * pulled
    verdict = run(cluster, timeout=0)["verdicts"][0]
    assert (verdict["passed"], verdict["ran"]["pulled"], verdict["ran"]["image_id"]) == (pulled, pulled, None)
    assert [path for method, path, _kind in cluster.sent if "events" in path] == ["/api/v1/namespaces/default/events"]


def test_where_events_cannot_be_read_the_verdict_has_the_reason_of_the_kubelet(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.status, answer = NO_IMAGE_ID, cluster.answer
    monkeypatch.setattr(cluster, "answer", lambda method, path, *more: (403, {}) if path.endswith("/events") else answer(method, path, *more))
    verdict = run(cluster, timeout=0)["verdicts"][0]
    assert (verdict["passed"], verdict["message"]) == (False, "admitted, but not pulled: CreateContainerError")


def test_a_container_that_a_webhook_adds_says_nothing_of_the_image(cluster: Cluster) -> None:
    sidecar = {"name": "a-sidecar", "imageID": "sidecar@sha256:2", "state": {"running": {}}}
    cluster.status = {**PULL_REFUSED, "containerStatuses": [sidecar, *PULL_REFUSED["containerStatuses"]]}
    verdict = run(cluster, timeout=0)["verdicts"][0]
    assert (verdict["passed"], verdict["message"]) == (False, "admitted, but not pulled: ErrImagePull: 401 Unauthorized")


def test_a_pull_that_failed_is_reported_even_where_the_time_ends_before_the_next_pods(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = cluster.answer

    def slower_with_each_pod(method: str, path: str, *more: Any) -> tuple[int, Json]:
        cluster.status = PULL_REFUSED if cluster.made < 2 else {"phase": "Pending"}
        return answer(method, path, *more)

    monkeypatch.setattr(cluster, "answer", slower_with_each_pod)
    verdict = run(cluster, images=[{"image": SIGNED, "expect": "admitted"}])["verdicts"][0]
    assert cluster.made > 1
    assert (verdict["passed"], verdict["message"]) == (False, "admitted, but not pulled: ErrImagePull: 401 Unauthorized")


def test_an_ephemeral_container_is_added_as_kubectl_debug_does(cluster: Cluster) -> None:
    run(cluster, shapes=["ephemeral_container"])
    patches = {(path, kind) for method, path, kind in cluster.sent if method == "PATCH"}
    # https://github.com/kubernetes/kubectl/blob/master/pkg/cmd/debug/debug.go: a patch of the subresource
    assert patches == {("/api/v1/namespaces/default/pods/p1/ephemeralcontainers", "application/merge-patch+json")}


WORKLOADS = {
    "deployment": "apps/v1/namespaces/{}/deployments",
    "replica_set": "apps/v1/namespaces/{}/replicasets",
    "stateful_set": "apps/v1/namespaces/{}/statefulsets",
    "daemon_set": "apps/v1/namespaces/{}/daemonsets",
    "job": "batch/v1/namespaces/{}/jobs",
    "cron_job": "batch/v1/namespaces/{}/cronjobs",
    "replication_controller": "v1/namespaces/{}/replicationcontrollers",
}


@pytest.mark.parametrize("shape", WORKLOADS)
def test_what_makes_pods_is_asked_for_by_its_own_path(cluster: Cluster, shape: str) -> None:
    result = run(cluster, shapes=[shape])
    assert [(v["verdict"], v["passed"]) for v in result["verdicts"]] == [("admitted", True), ("denied", True)]
    assert result["verdicts"][0]["admitted_image"] == SIGNED
    assert [path.endswith(WORKLOADS[shape].format("default")) for path in cluster.asked] == [True]


def test_a_deployment_is_made_to_be_patched_and_is_gone_afterwards(cluster: Cluster) -> None:
    result = run(cluster, shapes=["patched_deployment"])
    assert [(v["verdict"], v["passed"]) for v in result["verdicts"]] == [("admitted", True), ("denied", True)]
    assert [path.rpartition("/")[2] for path in cluster.asked] == ["d1"]
    assert not cluster.deployments


def test_where_the_deployment_to_patch_is_refused_there_is_no_verdict(cluster: Cluster) -> None:
    result = run(cluster, shapes=["patched_deployment"], companion=UNSIGNED, timeout=0)
    assert {v["verdict"] for v in result["verdicts"]} == {"error"}


def test_a_pod_is_made_to_get_another_image_and_is_gone_afterwards(cluster: Cluster) -> None:
    result = run(cluster, shapes=["patched_pod"])
    assert [(v["image"], v["verdict"], v["passed"]) for v in result["verdicts"]] == [(UNSIGNED, "denied", True)], "a signed tag is not replaced there"
    patches = [(path, kind) for method, path, kind in cluster.sent if method == "PATCH"]
    assert patches == [("/api/v1/namespaces/default/pods/p1", "application/merge-patch+json")]
    assert not cluster.pods


def test_a_pod_that_may_get_any_image_later_is_found(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, judge = cluster.answer, cluster.judge

    def without_updates(method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        cluster.judge = judge if method == "POST" else lambda _image: None
        return answer(method, path, query, body)

    monkeypatch.setattr(cluster, "answer", without_updates)
    result = run(cluster, shapes=["container", "patched_pod"], timeout=0)
    assert [(v["shape"], v["image"]) for v in result["verdicts"] if not v["passed"]] == [("patched_pod", UNSIGNED)]


def test_a_patch_of_a_pod_keeps_what_other_webhooks_added_to_it(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = cluster.answer
    patches: list[Json] = []

    def with_sidecar(method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        if method == "PATCH":
            patches.append(body)
        elif method == "POST":
            body["spec"]["containers"].append({"name": "sidecar", "image": "r.azurecr.io/sidecar:1"})
        return answer(method, path, query, body)

    monkeypatch.setattr(cluster, "answer", with_sidecar)
    run(cluster, shapes=["patched_pod"], timeout=0)
    assert [[(each["name"], each["image"]) for each in patch["spec"]["containers"]] for patch in patches] == [
        [("probe", UNSIGNED), ("sidecar", "r.azurecr.io/sidecar:1")]
    ]


def test_as_a_volume_only_images_to_deny_are_asked_for_and_a_denial_need_not_have_the_reason_of_containers(cluster: Cluster) -> None:
    cluster.judge = lambda image: denied(f"[images-verified] image {image} is not pinned to a digest")
    result = run(cluster, shapes=["image_volume"], exempt_namespaces=["kube-system"], check=True)
    assert [(v["image"], v["namespace"], v["verdict"], v["passed"]) for v in result["verdicts"]] == [(UNSIGNED, "default", "denied", True)]


def test_a_denial_of_the_container_beside_a_volume_says_nothing_of_the_volume(cluster: Cluster) -> None:
    cluster.judge = lambda _image: denied(DENIAL)
    result = run(cluster, shapes=["image_volume"], timeout=0)
    assert [(v["verdict"], v["passed"]) for v in result["verdicts"]] == [("denied", False)]


def test_a_volume_of_an_unsigned_image_that_is_admitted_fails(cluster: Cluster) -> None:
    cluster.judge = lambda _image: None
    result = run(cluster, shapes=["image_volume"])
    assert [(v["verdict"], v["passed"], v["admitted_image"]) for v in result["verdicts"]] == [("admitted", False, UNSIGNED)]


NO_IMAGE_VOLUMES: dict[str, Callable[[list[Json]], list[Json]]] = {
    # https://github.com/kubernetes/kubernetes/blob/v1.36.4/pkg/api/pod/util.go, dropImageVolumes
    "their feature gate is off": lambda _volumes: [],
    "older than 1.31, where a volume without a known source is an empty folder": lambda volumes: [{"name": v["name"], "emptyDir": {}} for v in volumes],
}


@pytest.mark.parametrize("stored", NO_IMAGE_VOLUMES.values(), ids=NO_IMAGE_VOLUMES)
def test_a_kubernetes_without_image_volumes_has_no_verdict_on_them(cluster: Cluster, stored: Callable[[list[Json]], list[Json]]) -> None:
    cluster.stored_volumes = stored
    result = run(cluster, shapes=["container", "image_volume"])
    assert [(v["shape"], v["image"]) for v in result["verdicts"]] == [("container", SIGNED), ("container", UNSIGNED)]
    assert result["passed"] is True


def test_in_an_exempt_namespace_everything_has_to_be_admitted_and_nothing_is_made(cluster: Cluster) -> None:
    result = run(cluster, shapes=["container", "deployment", "ephemeral_container"], exempt_namespaces=["kube-system"])
    exempt = [(v["image"], v["shape"], v["expected"], v["passed"], v["ran"]) for v in result["verdicts"] if v["namespace"] == "kube-system"]
    assert exempt == [(image, shape, "admitted", True, None) for shape in ("container", "deployment") for image in (SIGNED, UNSIGNED)]


def test_an_image_that_only_a_dry_run_denies_is_a_bypass(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = cluster.judge
    answer = cluster.answer

    def only_dry_runs(method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        cluster.judge = judge if "dryRun=All" in query else lambda _image: None
        return answer(method, path, query, body)

    monkeypatch.setattr(cluster, "answer", only_dry_runs)
    result = run(cluster)
    assert [(v["image"], v["verdict"], v["passed"]) for v in result["verdicts"]] == [(SIGNED, "admitted", True), (UNSIGNED, "admitted", False)]
    assert not cluster.pods


def test_a_pod_that_a_slow_api_server_does_not_delete_is_given_up_in_time_and_named(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = cluster.answer

    def slow(method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        if method == "DELETE":
            time.sleep(0.2)
            return 500, {"message": "etcd is slow"}
        return answer(method, path, query, body)

    monkeypatch.setattr(cluster, "answer", slow)
    monkeypatch.setattr(_probe_namespace, "GONE_WITHIN", 1.0)
    begun = time.monotonic()
    result = run(cluster)
    assert "the probe's Pod default/p1 could not be deleted, delete it manually: it refuses DELETE" in result["msg"]
    assert "HTTP 500 etcd is slow" in result["msg"]
    assert time.monotonic() - begun < 10


def test_a_check_before_there_is_a_cluster_names_what_it_would_ask_for(cluster: Cluster, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "none")
    result = run(cluster, kubeconfig=nowhere, check=True)
    assert (result["asked"], result["passed"], result["verdicts"], result["msg"]) == (False, False, [], f"would ask for {SIGNED}, {UNSIGNED}")
    assert cluster.sent == []
    assert "failed" in run(cluster, kubeconfig=nowhere)
    assert run(cluster, check=True)["asked"] is True


def test_check_mode_makes_no_pod(cluster: Cluster) -> None:
    result = run(cluster, check=True, shapes=[*SHAPES, "patched_pod", "image_volume"])
    assert {v["shape"] for v in result["verdicts"]} == {"container", "init_container", "image_volume"}
    assert cluster.made == 0


def test_an_unsigned_image_that_is_admitted_is_asked_for_once(cluster: Cluster) -> None:
    asked: list[str] = []
    cluster.judge = lambda image: asked.append(image)
    result = run(cluster)
    assert result["passed"] is False
    assert asked.count(UNSIGNED) == 1


def test_a_refusal_of_programs_that_have_just_started_is_asked_again(cluster: Cluster) -> None:
    refusals = iter([denied(f"[images-verified] {_admission.UNAVAILABLE}: connection refused")] * 3)
    judge = cluster.judge
    cluster.judge = lambda image: next(refusals, None) or judge(image)
    assert run(cluster)["passed"] is True


def test_a_denial_for_another_reason_fails_in_the_end(cluster: Cluster) -> None:
    cluster.judge = lambda image: denied(DENIAL.replace("No verification results", "expired")) if image == UNSIGNED else None
    verdict = run(cluster, timeout=0)["verdicts"][1]
    assert (verdict["verdict"], verdict["passed"]) == ("denied", False)


def test_an_admitted_image_that_nodes_may_not_pull_fails(cluster: Cluster) -> None:
    cluster.status = PULL_REFUSED
    verdict = run(cluster)["verdicts"][0]
    assert (verdict["verdict"], verdict["passed"]) == ("admitted", False)
    assert "401 Unauthorized" in verdict["message"]
    assert not cluster.pods


def test_the_pod_is_deleted_when_its_status_cannot_be_read(cluster: Cluster) -> None:
    cluster.status_code = 500
    result = run(cluster)
    assert result["failed"]
    assert "etcd is slow" in result["msg"]
    assert cluster.made == 1
    assert not cluster.pods


@pytest.mark.parametrize("how", ["pull", "start"])
def test_a_pod_is_deleted_at_once_where_nothing_of_it_runs_and_in_its_own_time_where_a_program_may(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    answer = cluster.answer
    deleted: list[str] = []

    def recorded(method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        if method == "DELETE":
            deleted.append(query)
        return answer(method, path, query, body)

    monkeypatch.setattr(cluster, "answer", recorded)
    assert run(cluster, run=how)["passed"] is True
    at_once = "&gracePeriodSeconds=0" if how == "pull" else ""
    assert deleted == [f"propagationPolicy=Background{at_once}"] * 2


def test_pods_of_a_killed_probe_are_deleted_when_they_are_old_and_only_then(cluster: Cluster) -> None:
    cluster.pods = {
        "old": {"metadata": {"name": "old", "creationTimestamp": "2026-01-01T00:00:00Z"}},
        "new": {"metadata": {"name": "new", "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}},
    }
    run(cluster)
    assert list(cluster.pods) == ["new"]


def test_a_kubeconfig_that_is_not_there_is_named(cluster: Cluster, tmp_path: Path) -> None:
    result = run(cluster, kubeconfig=str(tmp_path / "none"))
    assert str(tmp_path / "none") in result["msg"]


def test_an_api_server_that_does_not_answer_is_an_error_and_no_verdict(cluster: Cluster) -> None:
    cluster.kubeconfig.write_text(cluster.kubeconfig.read_text().replace("http://127.0.0.1:", "http://127.0.0.1:1/"))
    result = run(cluster, check=True, timeout=0)
    assert {v["verdict"] for v in result["verdicts"]} == {"error"}
    assert result["passed"] is False


@pytest.mark.parametrize("shape", ["init_container", "ephemeral_container", "patched_deployment", "patched_pod", "image_volume"])
def test_what_has_something_else_beside_the_image_needs_an_image_that_is_admitted(cluster: Cluster, shape: str) -> None:
    result = run(cluster, images=[{"image": UNSIGNED, "expect": "denied"}], shapes=[shape])
    assert "companion" in result["msg"]
