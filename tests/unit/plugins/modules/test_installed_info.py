"""gatekeeper_info and ratify_info run whole against a stand-in for the API server. The rules have tables in tests/unit/plugins/module_utils/_installed."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.modules import gatekeeper_info, ratify_info

from tests.support.cluster_states import helm_record
from tests.support.kubernetes_api import reading, serving

from .discovery import items, kind

Json = dict[str, Any]
Listed = tuple[str, str, str, bool, list[Json]]
"""API version, name and plural of a kind, whether its objects are in namespaces, and the metadata of each."""
MODULES: dict[str, ModuleType] = {"gatekeeper": gatekeeper_info, "ratify": ratify_info}
both = pytest.mark.parametrize("name", MODULES)
CONFIG = "config.ratify.deislabs.io/v1beta1"
ADMISSION = "admissionregistration.k8s.io/v1"
VALIDATING = "gatekeeper-validating-webhook-configuration"
NOTHING: Json = {"before": [], "release": [], "records": [], "leftovers": []}
HOOK = {"annotations": {"helm.sh/hook": "post-install"}}


def secrets(name: str, *records: Json) -> Json:
    return {f"/api/v1/namespaces/trust/secrets?labelSelector=owner=helm,name={name}": {"items": list(records)}}


def knowing(*lists: Listed) -> Json:
    """Answers of a cluster that has these kinds."""
    answers: Json = {"/api/v1": {"resources": []}, "/apis": {"groups": []}}
    for version, name, plural, namespaced, found in lists:
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        group = {"name": version.partition("/")[0], "preferredVersion": {"groupVersion": version}}
        if "/" in version and group not in answers["/apis"]["groups"]:
            answers["/apis"]["groups"].append(group)
        answers.setdefault(base, {"resources": []})["resources"].append(kind(name, plural, namespaced=namespaced))
        answers[f"{base}/{plural}"] = items(*found)
        if namespaced:
            answers[f"{base}/namespaces/trust/{plural}"] = items(*(each for each in found if each["namespace"] == "trust"))
    return answers


def ask(name: str, folder: Path, options: Json, *, check: bool = False) -> Json:
    """What the module returns by the kubeconfig in this folder."""
    printed = io.StringIO()
    arguments = {"kubeconfig": str(folder / "kubeconfig"), "namespace": "trust", **options, "_ansible_check_mode": check}
    with patch_module_args(arguments), redirect_stdout(printed), pytest.raises(SystemExit):
        MODULES[name].main()
    result: Json = json.loads(printed.getvalue())
    return result


def run(name: str, folder: Path, answers: Mapping[str, Any], *, sent: list[Any] | None = None, **options: Any) -> Json:
    """What the module returns, which changes nothing. `sent` gets its requests."""
    sent = [] if sent is None else sent
    with serving(reading({"/apis": {"groups": []}, **answers}), folder / "kubeconfig", sent):
        result = ask(name, folder, options)
    assert {method for method, _path, _content in sent} <= {"GET"}
    assert not result.get("changed")
    return result


def of_release(name: str, folder: Path, *records: tuple[int, str, str], wanted: str = "9.0.0", **options: Any) -> Json:
    """What it returns of records: revision, status and version of the chart."""
    made = [helm_record(name, "trust", revision, status, version, {"replicas": 2}) for revision, status, version in records]
    if name == "gatekeeper":
        options["failure_policy"] = "Ignore"
    return run(name, folder, secrets(name, *made), chart_version=wanted, **options)


def newer(result: Json) -> list[str]:
    """The versions that are named as newer."""
    return [each.split(" is installed")[0].split(" ", 2)[2] for each in result["problems"]]


@both
def test_what_is_not_installed_has_no_release(name: str, tmp_path: Path) -> None:
    result = of_release(name, tmp_path)
    assert (result["installed"], result["interrupted"], result["problems"]) == (None, False, [])


@both
def test_a_release_has_its_charts_version_and_the_values_that_were_given(name: str, tmp_path: Path) -> None:
    result = of_release(name, tmp_path, (1, "superseded", "2.0.0"), (2, "deployed", "1.0.0"), wanted="1.0.0")
    installed = {"chart": name, "chart_version": "1.0.0", "revision": 2, "status": "deployed"}
    assert (result["installed"], result["interrupted"], result["problems"]) == (installed, False, [])
    assert result["current"] == {"chart": f"{name}-1.0.0", "values": {"replicas": 2}}


@both
def test_a_release_that_failed_counts_beside_what_was_there_before(name: str, tmp_path: Path) -> None:
    result = of_release(name, tmp_path, (1, "deployed", "1.0.0"), (2, "failed", "2.0.0"), wanted="0.9.0")
    assert (result["installed"]["chart_version"], newer(result)) == ("2.0.0", ["1.0.0 and 2.0.0"])


@both
@pytest.mark.parametrize(("before", "begun"), [("1.0.0", "2.0.0"), ("2.0.0", "1.0.0")], ids=["an upgrade", "a way back"])
def test_what_was_interrupted_is_no_release_but_both_its_versions_count(name: str, before: str, begun: str, tmp_path: Path) -> None:
    records = ((1, "deployed", before), (2, "pending-upgrade", begun))
    result = of_release(name, tmp_path, *records, wanted="1.5.0")
    assert (result["installed"], result["interrupted"], newer(result)) == (None, True, ["2.0.0"])
    assert newer(of_release(name, tmp_path, *records, wanted="0.1.0")) == [f"{before} and {begun}"]
    assert newer(of_release(name, tmp_path, *records, wanted="0.1.0", downgrade=True)) == []


def containing(name: str, content: Json) -> Json:
    """A deployed record that says this."""
    made = helm_record(name, "trust", 1, "deployed", "1.0.0", {})
    made["data"]["release"] = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(content).encode()))).decode()
    return made


@both
def test_values_that_were_not_given_are_none(name: str, tmp_path: Path) -> None:
    content = {"chart": {"metadata": {"name": name, "version": "1.0.0"}}, "version": 1, "info": {"status": "deployed"}, "manifest": ""}
    result = run(name, tmp_path, secrets(name, containing(name, content)), chart_version="1.0.0", **IGNORED[name])
    assert result["current"]["values"] == {}


IGNORED: dict[str, Json] = {"gatekeeper": {"failure_policy": "Ignore"}, "ratify": {}}


@both
def test_a_record_without_a_chart_says_what_to_do(name: str, tmp_path: Path) -> None:
    result = run(name, tmp_path, secrets(name, containing(name, {})), chart_version="1.0.0")
    assert result["failed"]
    assert f"Secret trust/sh.helm.release.v1.{name}.v1, cannot be read. " in result["msg"]
    assert "Delete that Secret" in result["msg"]


@both
def test_an_edited_record_is_an_error(name: str, tmp_path: Path) -> None:
    made = helm_record(name, "trust", 1, "deployed", "1.0.0", {})
    made["metadata"]["managedFields"] = [{"manager": "kubectl-edit", "fieldsV1": {"f:data": {}}}]
    assert "was changed by kubectl-edit" in run(name, tmp_path, secrets(name, made), chart_version="1.0.0")["msg"]


@both
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_cluster_that_does_not_answer_is_a_clear_error(name: str, state: str, tmp_path: Path) -> None:
    with serving(reading({}), tmp_path / "kubeconfig"):
        pass
    result = ask(name, tmp_path, {"state": state, "chart_version": "1.0.0"}, check=True)
    assert result["msg"].startswith(f"What is installed of {name.capitalize()} is not known: it does not answer: ")


@both
@pytest.mark.parametrize("state", ["present", "absent"])
def test_before_there_is_a_cluster_a_check_finds_nothing_and_a_run_fails(name: str, state: str, tmp_path: Path) -> None:
    options = {"state": state, "chart_version": "1.0.0"}
    result = ask(name, tmp_path, options, check=True)
    assert [result[key] for key in ("installed", "current", "interrupted", "problems", "removal")] == [None, None, False, [], NOTHING]
    assert f"the kubeconfig {tmp_path}/kubeconfig cannot be used" in ask(name, tmp_path, options)["msg"]


@pytest.mark.parametrize(("state", "count"), [("present", 1), ("absent", 0)])
def test_gatekeeper_is_not_installed_beside_the_azure_policy_add_on_and_that_is_known_before_there_is_a_cluster(state: str, count: int, tmp_path: Path) -> None:
    options: Json = {"state": state, "chart_version": "1.0.0", "azure_policy_addon": True}
    before = ask("gatekeeper", tmp_path, options, check=True)
    empty = {**secrets("gatekeeper"), "/api/v1/namespaces?fieldSelector=metadata.name=trust": items()}
    for problems in (before["problems"], run("gatekeeper", tmp_path, empty, failure_policy="Ignore", **options)["problems"]):
        assert len(problems) == count
        assert all("az aks disable-addons --addons azure-policy" in problem for problem in problems)


def test_ratify_needs_a_version_to_install(tmp_path: Path) -> None:
    assert "chart_version" in run("ratify", tmp_path, {})["msg"]


EXEMPT = [{"name": "kube-system", "reason": "mine"}]
OWN = {"meta.helm.sh/release-name": "gatekeeper", "meta.helm.sh/release-namespace": "trust"}
WEBHOOK = {
    "metadata": {"name": VALIDATING, "annotations": OWN},
    "webhooks": [{"name": "validation.gatekeeper.sh", "failurePolicy": "Ignore"}],
}
OF_GATEKEEPER = {
    **knowing(
        ("constraints.gatekeeper.sh/v1beta1", "Labels", "labels", False, [{"name": "required"}]),
        ("operator.tigera.io/v1", "Installation", "installations", False, []),
    ),
    f"/apis/{ADMISSION}/validatingwebhookconfigurations/{VALIDATING}": WEBHOOK,
}
NODE = {"priorityClassName": "system-node-critical"}
WORKLOADS = {
    "/api/v1/namespaces": {
        "items": [{"metadata": {"name": "azure-arc"}}, {"metadata": {"name": "trust", "labels": {"kubernetes.azure.com/managedby": "aks"}}}]
    },
    "/apis/apps/v1/daemonsets": {"items": [{"metadata": {"namespace": each}, "spec": {"template": {"spec": NODE}}} for each in ("kube-system", "storage")]},
    "/apis/apps/v1/deployments": {"items": None},
    "/apis/apps/v1/statefulsets": {"items": []},
    "/api/v1/pods": {"items": [{"metadata": {"namespace": "calico-system"}, "spec": NODE}, {"metadata": {"namespace": "seen"}, "spec": NODE}]},
}


def test_without_a_version_of_the_chart_no_secret_is_read(tmp_path: Path) -> None:
    sent: list[Any] = []
    result = run("gatekeeper", tmp_path, OF_GATEKEEPER, sent=sent, exempt_namespaces=EXEMPT)
    assert [path for _method, path, _content in sent if "secrets" in path or "pods" in path] == []
    assert [each["name"] for each in result["exempt_namespaces"]] == ["kube-system", "tigera-operator", "calico-system"]
    assert (result["installed"], result["has_other_constraints"], result["failure_policy"], result["problems"]) == (None, True, "Ignore", [])


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (
            '{"state": "open", "when": "today", "who": "alice", "why": "a drill"}',
            "The cluster is open: every image is admitted since today, by alice (a drill). ",
        ),
        ("{}", f"{VALIDATING} has an annotation image-trust.azure/break-glass that cannot be read; "),
    ],
)
def test_a_cluster_that_was_opened_is_closed_before_gatekeeper_is_changed(annotation: str, said: str, tmp_path: Path) -> None:
    path = f"/apis/{ADMISSION}/validatingwebhookconfigurations/{VALIDATING}"
    opened = {**WEBHOOK, "metadata": {"name": VALIDATING, "annotations": {**OWN, "image-trust.azure/break-glass": annotation}}}
    [problem] = run("gatekeeper", tmp_path, {**OF_GATEKEEPER, path: opened})["problems"]
    assert problem.startswith(said)
    assert "Close it first: ansible-playbook image_trust.azure.break_glass" in problem


@pytest.mark.parametrize(
    ("annotations", "release"),
    [
        ({}, "none"),
        ({**OWN, "meta.helm.sh/release-namespace": "security"}, "security/gatekeeper"),
        (OWN, None),
    ],
)
def test_another_gatekeeper_is_refused_before_the_first_installation_only(annotations: Json, release: str | None, tmp_path: Path) -> None:
    there = {**WEBHOOK, "metadata": {"name": VALIDATING, "annotations": annotations}}
    answers = {**OF_GATEKEEPER, f"/apis/{ADMISSION}/validatingwebhookconfigurations/{VALIDATING}": there, **secrets("gatekeeper")}
    options: Json = {"chart_version": "1.0.0", "failure_policy": "Ignore"}
    problems = run("gatekeeper", tmp_path, answers, **options)["problems"]
    begin = f"There is a Gatekeeper in the cluster already, which is not of the Helm release trust/gatekeeper but of {release}. "
    assert [problem.startswith(begin) for problem in problems] == ([True] if release else [])
    record = secrets("gatekeeper", helm_record("gatekeeper", "trust", 1, "deployed", "1.0.0", {}))
    assert run("gatekeeper", tmp_path, {**answers, **record}, **options)["problems"] == []


def test_where_there_is_no_gatekeeper_it_has_no_failure_policy_and_no_other_constraints(tmp_path: Path) -> None:
    result = run("gatekeeper", tmp_path, {})
    assert (result["has_other_constraints"], result["failure_policy"], result["exempt_namespaces"]) == (False, None, [])


def test_namespaces_of_nodes_are_reviewed_before_gatekeeper_fails_closed(tmp_path: Path) -> None:
    answers, covered = {**OF_GATEKEEPER, **WORKLOADS, **secrets("gatekeeper")}, [{"name": "seen", "reason": "mine"}]
    options: Json = {"chart_version": "1.0.0", "exempt_namespaces": EXEMPT, "covered_namespaces": covered}
    [problem] = run("gatekeeper", tmp_path, answers, **options)["problems"]
    assert problem.startswith("The namespaces azure-arc, storage hold ")


@pytest.mark.parametrize(("was", "becomes"), [("Fail", "Fail"), ("Ignore", "Ignore"), ("Fail", "Ignore")])
def test_workloads_are_read_only_where_gatekeeper_begins_to_fail_closed(was: str, becomes: str, tmp_path: Path) -> None:
    webhook = {**WEBHOOK, "webhooks": [{"name": "validation.gatekeeper.sh", "failurePolicy": was}]}
    answers = {**OF_GATEKEEPER, **secrets("gatekeeper"), f"/apis/{ADMISSION}/validatingwebhookconfigurations/{VALIDATING}": webhook}
    assert run("gatekeeper", tmp_path, answers, chart_version="1.0.0", failure_policy=becomes)["problems"] == []
    unread = run("gatekeeper", tmp_path, {**OF_GATEKEEPER, **secrets("gatekeeper")}, chart_version="1.0.0")
    assert unread["failed"], "workloads that cannot be read are no reason to go on"


def released(release: str, **metadata: Any) -> Json:
    return {"annotations": {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": "trust"}, **metadata}


def installed(*more: Listed, webhook: Json) -> Json:
    lists: list[Listed] = [
        (ADMISSION, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False, [webhook]),
        ("v1", "Secret", "secrets", True, [{"name": "sh.helm.release.v1.gatekeeper.v1", "namespace": "trust"}]),
        ("apps/v1", "Deployment", "deployments", True, [released("gatekeeper", name="audit", namespace="trust"), {"name": "web", "namespace": "shop"}]),
        *more,
    ]
    namespace = items({"name": "trust", "managedFields": [{"manager": "helm"}]})
    return {**knowing(*lists), "/api/v1/namespaces?fieldSelector=metadata.name=trust": namespace}


def kinds(removal: Json) -> Json:
    return {step: [each["kind"] for each in found] for step, found in removal.items()}


def test_a_removal_of_gatekeeper_has_its_steps(tmp_path: Path) -> None:
    result = run("gatekeeper", tmp_path, installed(webhook=released("gatekeeper", name=VALIDATING)), state="absent")
    assert (result["is_own"], result["problems"]) == (True, [])
    steps = {"before": ["ValidatingWebhookConfiguration"], "release": ["Deployment"], "records": ["Secret"], "leftovers": ["Namespace"]}
    assert kinds(result["removal"]) == steps
    assert result["removal"]["release"] == [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "audit", "namespace": "trust"}}]


def test_a_gatekeeper_of_another_release_is_not_removed(tmp_path: Path) -> None:
    result = run("gatekeeper", tmp_path, installed(webhook={"name": VALIDATING}), state="absent")
    assert (result["is_own"], result["problems"], result["removal"]) == (False, [], NOTHING)


def test_what_others_configured_in_gatekeeper_is_reported_before_a_removal(tmp_path: Path) -> None:
    constraints = ("constraints.gatekeeper.sh/v1beta1", "ImagesVerified", "imagesverified", False, [{"name": "images-verified"}, {"name": "web"}])
    answers = installed(constraints, webhook=released("gatekeeper", name=VALIDATING))
    [problem] = run("gatekeeper", tmp_path, answers, state="absent")["problems"]
    assert ": ImagesVerified images-verified. Delete" in str(run("gatekeeper", tmp_path, answers, state="absent", constraint="web")["problems"])
    assert ": ImagesVerified web. Delete" in problem


OF_RATIFY: list[Listed] = [
    (CONFIG, "Store", "stores", False, [{"name": "store-oras", **HOOK}]),
    (CONFIG, "Verifier", "verifiers", False, [{"name": "verifier-notation", **HOOK}, {"name": "verifier-cosign", **HOOK}]),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", False, [{"name": "namespacedverifiers.config.ratify.deislabs.io"}]),
]
MINE = (CONFIG, "Policy", "policies", False, [{"name": "mine"}])
WANTED = [{"kind": "Store", "name": "store-oras"}, {"kind": "Verifier", "name": "verifier-notation"}]


def of_the_chart(status: str) -> Json:
    """A record whose hooks made what `OF_RATIFY` has."""
    texts = [f"kind: {name}\nmetadata: {{name: {each['name']}}}\n" for _version, name, _plural, _in, found in OF_RATIFY[:2] for each in found]
    hooks = [{"events": ["post-install"], "manifest": text} for text in texts]
    made = containing("ratify", {"chart": {"metadata": {"name": "ratify", "version": "1.0.0"}}, "manifest": "", "hooks": hooks})
    made["metadata"]["labels"]["status"] = status
    return made


@pytest.mark.parametrize("status", ["deployed", "failed", "pending-upgrade"])
def test_of_ratifys_configuration_each_object_is_made_stale_or_foreign(status: str, tmp_path: Path) -> None:
    answers = {**knowing(*OF_RATIFY, MINE), **secrets("ratify", of_the_chart(status))}
    result = run("ratify", tmp_path, answers, chart_version="1.0.0", configuration=WANTED)
    assert result["is_known"] is True
    assert [": Policy mine. Delete it, or" in problem for problem in result["problems"]] == [True]
    assert [each["metadata"]["name"] for each in result["stale"]] == ["verifier-cosign"]
    assert result["former"] == [*WANTED, {"kind": "Verifier", "name": "verifier-cosign"}]
    assert run("ratify", tmp_path, answers, chart_version="1.0.0", configuration=WANTED, foreign_objects=["Policy mine"])["problems"] == []


def test_another_ratify_and_a_newer_chart_are_reported_together(tmp_path: Path) -> None:
    role = ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", False, [{"name": "ratify-manager-cluster-role"}])
    answers = {**knowing(*OF_RATIFY, role), **secrets("ratify", of_the_chart("deployed"))}
    other, older = run("ratify", tmp_path, answers, chart_version="0.9.0", configuration=WANTED)["problems"]
    assert "not of the Helm release trust/ratify but of none" in other
    assert older.startswith("Chart ratify 1.0.0 is installed")


def test_a_removal_of_ratify_has_its_steps_and_stops_for_configuration_of_others(tmp_path: Path) -> None:
    secret = ("v1", "Secret", "secrets", True, [{"name": "sh.helm.release.v1.ratify.v1", "namespace": "trust"}, {"name": "ratify-tls", "namespace": "trust"}])
    deployment = ("apps/v1", "Deployment", "deployments", True, [released("ratify", name="ratify", namespace="trust")])
    namespace = {"/api/v1/namespaces?fieldSelector=metadata.name=trust": items({"name": "trust"})}
    result = run("ratify", tmp_path, {**knowing(*OF_RATIFY, secret, deployment), **namespace}, state="absent")
    leftovers = ["CustomResourceDefinition", "Secret", "Store", "Verifier", "Verifier"]
    assert kinds({**result["removal"], "leftovers": []}) == {"before": [], "release": ["Deployment"], "records": ["Secret"], "leftovers": []}
    assert (sorted(kinds(result["removal"])["leftovers"]), result["problems"]) == (leftovers, [])
    [problem] = run("ratify", tmp_path, {**knowing(*OF_RATIFY, MINE), **namespace}, state="absent")["problems"]
    assert "not make: Policy mine. Delete" in problem
