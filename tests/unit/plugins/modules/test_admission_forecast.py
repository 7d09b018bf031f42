"""The module run whole against a stand-in for the API server, with workloads of every kind and a judge of its own."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.module_utils._forecast import asking
from ansible_collections.image_trust.azure.plugins.modules import admission_forecast

from tests.roles.one_play import play
from tests.support.kubernetes_api import denied, serving
from tests.support.return_values import not_returned

Json = dict[str, Any]
SIGNED, UNSIGNED = "r.azurecr.io/web:signed", "r.azurecr.io/web:unsigned"
REASON = "image r.azurecr.io/web:unsigned is not verified: it has no signature (No verification results)"
TRIAL = "/apis/constraints.gatekeeper.sh/v1beta1/imagesverified/images-verified-trial"
MATCH = {"excludedNamespaces": ["kube-system"], "labelSelector": {"matchLabels": {"image-trust.azure/forecast": "a1"}}}


def judge(body: Json) -> tuple[int, Json]:
    """Denies what is unsigned by the trial, as if mutation had done its work."""
    if any(each["image"] == UNSIGNED for each in body["spec"]["containers"]):
        return denied(f"[images-verified-trial] {REASON}")
    return 201, body


@dataclass
class Cluster:
    """Objects by the path of their list, and the dry runs that were asked for: namespace and body."""

    kubeconfig: Path
    lists: dict[str, list[Json]] = field(default_factory=dict)
    trials: list[Json] = field(default_factory=lambda: [{"spec": {"enforcementAction": "deny", "match": MATCH}}])
    """What the constraint is, at each look; the last one stays."""
    judge: Callable[[Json], tuple[int, Json]] = judge
    asked: list[tuple[str, Json]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        if path == TRIAL:
            return 200, self.trials.pop(0) if len(self.trials) > 1 else self.trials[0]
        if method == "GET":
            found, following = self.lists.get(path, []), "continue=" in query
            # In two parts, as the API server returns long lists.
            return 200, {"items": found[1:] if following else found[:1], "metadata": {} if following or len(found) < 2 else {"continue": "more"}}
        if method != "POST" or "dryRun=All" not in query:
            self.written.append(f"{method} {path}")
        self.asked.append((path.split("/")[4], body))
        return self.judge(body)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setattr(asking, "PAUSE", 0.01)
    cluster = Cluster(tmp_path / "kubeconfig")
    with serving(lambda *asked: cluster.answer(*asked), cluster.kubeconfig):
        yield cluster
    assert cluster.written == []


def run(cluster: Cluster, **options: Any) -> Json:
    arguments = {"kubeconfig": str(cluster.kubeconfig), "constraint": "images-verified-trial", "timeout": 1, **options}
    printed = io.StringIO()
    with patch_module_args(arguments), redirect_stdout(printed), pytest.raises(SystemExit):
        admission_forecast.main()
    result: Json = json.loads(printed.getvalue())
    return result


def template(image: str) -> Json:
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}}


def workload(name: str, image: str, namespace: str = "shop", **spec: Any) -> Json:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"template": template(image), **spec}}


def pod(name: str, image: str, namespace: str = "shop") -> Json:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": template(image)["spec"], "status": {"phase": "Running"}}


EVERY_KIND = {
    "/api/v1/pods": [pod("tools", UNSIGNED)],
    "/api/v1/replicationcontrollers": [workload("old", UNSIGNED)],
    "/apis/apps/v1/deployments": [workload("web", UNSIGNED, replicas=0)],
    "/apis/apps/v1/replicasets": [workload("rollout", UNSIGNED)],
    "/apis/apps/v1/statefulsets": [workload("data", UNSIGNED)],
    "/apis/apps/v1/daemonsets": [workload("agent", UNSIGNED)],
    "/apis/batch/v1/jobs": [workload("import", UNSIGNED, suspend=True)],
    "/apis/batch/v1/cronjobs": [{"metadata": {"name": "nightly", "namespace": "shop"}, "spec": {"jobTemplate": {"spec": {"template": template(UNSIGNED)}}}}],
}


def test_every_kind_is_looked_at_and_one_set_of_images_asked_for_once_and_once_more(cluster: Cluster) -> None:
    cluster.lists = EVERY_KIND
    result = run(cluster)
    assert (result["workloads"], result["image_sets"], result["changed"]) == (8, 1, False)
    [denied_set] = result["denied"]
    assert {each.split()[0] for each in denied_set["workloads"]} == {
        "Pod", "ReplicationController", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob"
    }  # fmt: skip
    assert denied_set["message"] == REASON
    assert len(cluster.asked) == 2
    assert result["not_judged"] == result["unknown"] == []


def test_a_running_pod_by_tag_that_would_be_admitted_again_is_not_listed(cluster: Cluster) -> None:
    cluster.lists = {
        "/api/v1/pods": [pod("web", SIGNED)],
        "/apis/apps/v1/deployments": [workload("web", SIGNED), workload("kube-dns", UNSIGNED, "kube-system")],
    }
    result = run(cluster)
    assert (result["workloads"], result["image_sets"], result["denied"]) == (2, 1, [])
    [(namespace, body)] = cluster.asked
    assert (namespace, body["metadata"]["labels"]["image-trust.azure/forecast"]) == ("shop", "a1")


def test_all_that_would_be_denied_is_returned(cluster: Cluster) -> None:
    cluster.lists = {"/apis/apps/v1/deployments": [workload(f"w{number}", UNSIGNED, f"n{number}") for number in range(120)]}
    result = run(cluster)
    assert [each["namespace"] for each in result["denied"]] == [f"n{number}" for number in range(120)]


def test_a_few_are_asked_for_at_the_same_time(cluster: Cluster) -> None:
    at_work, most, lock = [0], [0], threading.Lock()

    def slow(body: Json) -> tuple[int, Json]:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        time.sleep(0.02)
        with lock:
            at_work[0] -= 1
        return 201, body

    cluster.judge = slow
    cluster.lists = {"/apis/apps/v1/deployments": [workload(f"w{number}", SIGNED, f"n{number}") for number in range(40)]}
    assert run(cluster)["denied"] == []
    assert (len(cluster.asked), most[0]) == (40, 4)


@pytest.mark.slow
def test_a_run_shows_how_far_it_is_and_asks_no_more_for_it(cluster: Cluster, tmp_path: Path) -> None:
    def slow(body: Json) -> tuple[int, Json]:
        time.sleep(0.5)
        return 201, body

    cluster.judge = slow
    cluster.lists = {"/apis/apps/v1/deployments": [workload(f"w{number}", SIGNED, f"n{number}") for number in range(120)]}
    options = {"kubeconfig": str(cluster.kubeconfig), "constraint": "images-verified-trial"}
    done = play(tmp_path, f"tasks: [{{image_trust.azure.admission_forecast: {json.dumps(options)}}}]\n")
    assert done.returncode == 0, done.stdout
    shown = re.findall(r"^localhost: asked about (\d+) of 120 image sets$", done.stdout, re.M)
    assert shown
    assert 0 < int(shown[0]) < 120
    assert len(cluster.asked) == 120


@pytest.mark.parametrize("failures", [1, 3])
def test_ratify_that_has_just_started_is_asked_again(cluster: Cluster, failures: int) -> None:
    cluster.lists = {"/apis/apps/v1/deployments": [workload("web", SIGNED)]}
    unavailable = [denied("[images-verified-trial] image verification is not available: Gatekeeper could not ask Ratify")] * failures
    cluster.judge = lambda body: unavailable.pop() if unavailable else judge(body)
    result = run(cluster)
    assert [result[key] for key in ("denied", "not_judged", "unknown")] == [[], [], []]
    assert len(cluster.asked) == failures + 1


def test_where_ratify_does_not_answer_that_is_said_and_nothing_is_called_denied(cluster: Cluster) -> None:
    cluster.lists = {"/apis/apps/v1/deployments": [workload("web", SIGNED)]}
    cluster.judge = lambda _body: denied("[images-verified-trial] image verification is not available: Gatekeeper could not ask Ratify")
    result = run(cluster, timeout=0)
    assert (result["denied"], result["unknown"]) == ([], [])
    assert [each["sentence"] for each in result["not_judged"]] == ["shop: Deployment web: image verification is not available: Gatekeeper could not ask Ratify"]


def test_a_tag_that_was_not_replaced_in_time_is_no_denial(cluster: Cluster) -> None:
    cluster.lists = {"/apis/apps/v1/deployments": [workload("web", SIGNED)]}
    late = [denied("[images-verified-trial] image r.azurecr.io/web:signed is not pinned to a digest")]
    cluster.judge = lambda body: late.pop() if late else judge(body)
    assert run(cluster)["denied"] == []


def test_where_one_workload_cannot_have_pods_another_with_its_images_is_asked(cluster: Cluster) -> None:
    cluster.lists = {"/apis/apps/v1/deployments": [workload("a", UNSIGNED), workload("b", UNSIGNED)]}
    cluster.judge = lambda body: denied("[images-verified-trial] image verification is not available: x") if len(cluster.asked) == 1 else judge(body)
    assert run(cluster)["denied"][0]["workloads"] == ["Deployment a", "Deployment b"]


def test_a_bare_pod_that_an_exempt_service_account_may_have_made_is_not_called_denied(cluster: Cluster) -> None:
    cluster.lists = {"/api/v1/pods": [pod("tools", UNSIGNED)], "/apis/apps/v1/deployments": [workload("web", UNSIGNED)]}
    result = run(cluster, exemptions=[{"owner": "a", "service_accounts": ["ops/deployer"]}, {"owner": "b", "images": ["docker.io/*"]}])
    assert [each["workloads"] for each in result["denied"]] == [["Deployment web"]]
    assert [each["workloads"] for each in result["unknown"]] == [["Pod tools"]]
    assert "only where ops/deployer creates the pod" in result["unknown"][0]["sentence"]
    cluster.judge = lambda _body: (503, {"message": "etcd is slow"})
    late = run(cluster, timeout=0)
    cluster.judge = judge
    cluster.lists = {"/api/v1/pods": [pod("cache", "redis"), pod("web", SIGNED)]}
    exempt = run(cluster, exemptions=[{"owner": "b", "reason": "vendor", "ends": "2027-03-31", "images": ["docker.io/*"]}])
    assert [each["message"] for each in exempt["exempt"]] == ["redis until 2027-03-31 (b: vendor)"]
    assert not_returned("admission_forecast", result, late, exempt) == set()


@pytest.mark.parametrize(
    ("trials", "sentence"),
    [
        ([{"spec": {"enforcementAction": "dryrun", "match": MATCH}}], "has to deny pods whose label image-trust.azure/forecast"),
        ([{"spec": {"enforcementAction": "deny", "match": {}}}], "has to deny pods whose label image-trust.azure/forecast"),
        (
            [{"spec": {"enforcementAction": "deny", "match": MATCH}}, {"spec": {"enforcementAction": "deny", "match": {**MATCH, "namespaces": ["a"]}}}],
            "was changed meanwhile; run again when no other run is at work",
        ),
    ],
)
def test_a_constraint_that_judges_others_or_not_these_is_refused(cluster: Cluster, trials: list[Json], sentence: str) -> None:
    cluster.lists = {"/apis/apps/v1/deployments": [workload("web", SIGNED)]}
    cluster.trials = trials
    assert sentence in run(cluster)["msg"]


def test_a_cluster_that_does_not_answer_ends_the_module(cluster: Cluster) -> None:
    cluster.kubeconfig.write_text("{}")
    assert run(cluster)["msg"].startswith("What becomes of the cluster's workloads cannot be asked: the kubeconfig")
