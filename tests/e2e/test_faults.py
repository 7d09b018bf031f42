"""site.yml while Azure fails, and killed: in the end Azure and the cluster hold what they hold after an undisturbed run."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import kubernetes
import pytest

from lab.build import charts
from lab.clusters import cluster
from tests.support.azure_states import comparable, labelled, labels
from tests.support.killing import run_killed
from tests.support.random_faults import SHARE, random_faults
from tests.support.seeds import seeds, soak

from . import snapshots
from .conftest import Lab, Run

pytestmark = [pytest.mark.first_lab, pytest.mark.order(4)]

OURS = ("ConstraintTemplate", "ImagesVerified", "Provider", "Store", "KeyManagementProvider", "Verifier", "Policy")
"""Kinds of what site.yml makes beside Helm's releases."""
CHANCE = ("caBundle", "clusterIP", "clusterIPs", "kubectl.kubernetes.io/restartedAt", "deployment.kubernetes.io/revision", "checksum/secret")
"""Certificates that Gatekeeper and Ratify make themselves, addresses, how often a deployment was restarted.

Ratify's chart also sums up the certificate that it finds or makes: another after a killed installation, which has made it already.
"""


def outcome(lab: Lab) -> dict[str, Any]:
    """What site.yml has made, without what is another each time: all of Azure, and the objects in the cluster but for the contents of secrets."""
    state = lab.http.get(f"{lab.url}/lab/state").raise_for_status().json()
    made = {f"{item['kind']} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}": item for item in snapshots.objects() if _is_ours(item)}
    wanted = {title: _without_chance({key: item.get(key) for key in ("spec", "data", "rules", "webhooks")}) for title, item in made.items()}
    return {"azure": comparable(state), "cluster": labelled(wanted, labels(state))}


def _is_ours(item: dict[str, Any]) -> bool:
    # ReplicaSets inherit the annotation from their deployment; their names are sums of what is in CHANCE.
    return item["kind"] in OURS or (item["kind"] not in ("Secret", "ReplicaSet") and "meta.helm.sh/release-name" in item["metadata"].get("annotations", {}))


def _without_chance(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_chance(each) for key, each in value.items() if key not in CHANCE}
    return [_without_chance(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def undisturbed(lab: Lab, site: Run) -> dict[str, Any]:
    found = outcome(lab)
    assert len(found["cluster"]) > 30
    return found


def differences(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    return [line for part in wanted for line in snapshots.differences(wanted[part], found[part])]


@pytest.fixture
def everything(lab: Lab, undisturbed: dict[str, Any]) -> Iterator[None]:
    """After it everything of site.yml is there, as other tests expect."""
    yield
    lab.http.delete(f"{lab.url}/lab/faults").raise_for_status()
    if differences(outcome(lab), undisturbed):
        lab.play("site")


@pytest.fixture
def nothing(lab: Lab, everything: None) -> None:
    """Nothing of site.yml is there but the cluster."""
    taken = lab.play("teardown")
    assert taken.returncode == 0, taken.error or taken.output[-3000:]


@soak("the same with the roles aks and identity, in tests/roles/test_faults.py,")
@pytest.mark.parametrize("seed", seeds(1, 8))
def test_with_three_of_ten_requests_failing_nothing_is_lost_or_doubled(lab: Lab, undisturbed: dict[str, Any], nothing: None, seed: int) -> None:
    for fault in random_faults(seed):
        lab.http.post(f"{lab.url}/lab/faults", json=fault).raise_for_status()
    lab.forget_requests()
    disturbed = lab.play("site")
    assert disturbed.returncode == 0, disturbed.error or disturbed.output[-3000:]
    requests = lab.http.get(f"{lab.url}/lab/requests").json()["requests"]
    log = [request for request in requests if request["listener"] == "outside" and not request["path"].startswith("/charts/")]
    struck = sum(fault["struck"] for fault in lab.http.get(f"{lab.url}/lab/faults").json()["faults"])
    assert SHARE / 2 < struck / len(log) < SHARE * 2
    lab.http.delete(f"{lab.url}/lab/faults").raise_for_status()
    assert differences(outcome(lab), undisturbed) == []


BOUND = 60
"""Seconds that Helm is given here: so long a killed installation is waited for."""


def helm_is_at(release: str) -> Callable[[], None]:
    """Waits until Helm has begun to install or to remove the release, which only Helm may do then."""

    def wait() -> None:
        deadline = time.monotonic() + BOUND
        while not any(status.startswith(("pending", "uninstalling")) for status in records(release)):
            assert time.monotonic() < deadline, f"Helm did not begin with {release}"
            time.sleep(0.2)

    return wait


def records(release: str) -> list[str]:
    """The status in each of Helm's records of the release."""
    with kubernetes.config.new_client_from_config(str(cluster("lab1").kubeconfig)) as client:
        kinds = kubernetes.dynamic.DynamicClient(client).resources
        found = kinds.get(api_version="v1", kind="Secret").get(label_selector=f"owner=helm,name={release}").items
    return [secret.metadata.labels.status for secret in found]


def left(release: str) -> list[str]:
    """The objects of the release but its record."""
    mark = "meta.helm.sh/release-name"
    return [f"{item['kind']} {item['metadata']['name']}" for item in snapshots.objects() if item["metadata"].get("annotations", {}).get(mark) == release]


AMID: list[tuple[str, Callable[[], object]]] = [
    ("Configure Ratify's identity, its trust and permissions", lambda: time.sleep(1.5)),
    ("Install chart gatekeeper", helm_is_at("gatekeeper")),
    ("Install chart ratify", helm_is_at("ratify")),
    ("Restore the template and install the constraints", lambda: time.sleep(0.5)),
]
"""Where the run is killed, one run after the other: a task, and what is waited for from its beginning on."""


def killed(lab: Lab, playbook: str, amid: str, wait: Callable[[], object]) -> None:
    """Kill a run of the playbook in this task, when `wait` has returned."""
    words, environment = lab.command(playbook, gatekeeper_wait_timeout=BOUND, ratify_wait_timeout=BOUND)
    began = run_killed(words, environment, when=lambda began: began[-1].endswith(f" : {amid}"), wait=wait)
    assert began[-1].endswith(amid), f"the run ended before {amid!r}"


@soak("the same with the roles aks and identity, in tests/roles/test_faults.py,")
def test_killed_again_and_again_the_last_run_ends_as_an_undisturbed_one(lab: Lab, undisturbed: dict[str, Any], everything: None) -> None:
    for amid, release in (("Remove release ratify", "ratify"), ("Remove release gatekeeper", "gatekeeper")):
        killed(lab, "teardown", amid, helm_is_at(release))
        assert "uninstalling" in records(release)
    taken = lab.play("teardown")
    assert taken.returncode == 0, taken.error or taken.output[-3000:]
    assert [*left("ratify"), *left("gatekeeper"), *records("ratify"), *records("gatekeeper")] == []

    for amid, wait in AMID:
        killed(lab, "site", amid, wait)
    last = lab.play("site")
    assert last.returncode == 0, last.error or last.output[-3000:]
    assert differences(outcome(lab), undisturbed) == []


def test_a_release_whose_removal_was_killed_is_installed_again(lab: Lab, undisturbed: dict[str, Any], ratify: Callable[..., Run], everything: None) -> None:
    words = ["helm", "uninstall", "ratify", "--wait", "--namespace", "gatekeeper-system", "--kubeconfig", str(cluster("lab1").kubeconfig)]
    removal = subprocess.Popen(words, env=lab.environment)
    try:
        helm_is_at("ratify")()
    finally:
        removal.kill()
        removal.wait()
    assert "uninstalling" in records("ratify")
    refused = ratify(ratify_chart_version="1.15.4", ratify_values={})
    assert f"Chart ratify {charts.RATIFY.version} is installed, and ratify_chart_version is 1.15.4" in refused.error
    again = ratify(ratify_wait_timeout=BOUND)
    assert again.returncode == 0, again.error
    assert differences(outcome(lab), undisturbed) == []


@soak("the same with the roles aks and identity, in tests/roles/test_faults.py,")
def test_killed_after_each_task_in_turn_the_last_run_ends_as_an_undisturbed_one(lab: Lab, undisturbed: dict[str, Any], nothing: None) -> None:
    words, environment = lab.command("site", gatekeeper_wait_timeout=BOUND, ratify_wait_timeout=BOUND)

    def began_when_killed(after: int) -> list[str]:
        return run_killed(words, environment, when=lambda began: len(began) == after + 1, wait=lambda: None)

    after = 1
    while len(began_when_killed(after)) > after:
        after += 1
    assert after > 40
    assert differences(outcome(lab), undisturbed) == []
