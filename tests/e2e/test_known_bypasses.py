"""What was slipped past once, and states in which images got in while verify passed: each is closed, or verify fails and names it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import kubernetes
import pytest

from lab.clusters import cluster

from .changes import WEBHOOK, Json, changed
from .conftest import Lab, Run
from .drift import Hand
from .pods import UNSIGNED, pod, refusal


@pytest.fixture(scope="module")
def hand(lab: Lab, site: Run) -> Hand:
    return Hand(lab)


IGNORE = "admission.gatekeeper.sh/ignore"
RBAC = "rbac.authorization.k8s.io"
NAMESPACE_PATCHES = [("merge", {"labels": {IGNORE: "x"}}), ("strategic-merge", {"labels": {IGNORE: "x"}}), ("merge", {"labels": {IGNORE: ""}})]


@pytest.fixture
def ask(kube: Any, team: str) -> Iterator[Callable[..., tuple[int, str]]]:
    """Asks the API server as a user who may do everything in one covered namespace, and nothing outside of it: status and answer."""
    role = {"metadata": {"name": "all"}, "rules": [{"apiGroups": ["*"], "resources": ["*", "*/*"], "verbs": ["*"]}]}
    subjects = [{"apiGroup": RBAC, "kind": "User", "name": "developer"}]
    binding = {"metadata": {"name": "all"}, "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "all"}, "subjects": subjects}
    for kind, body in (("Role", role), ("RoleBinding", binding)):
        kube.resources.get(api_version=f"{RBAC}/v1", kind=kind).create(namespace=team, body=body)
    with kubernetes.config.new_client_from_config(str(cluster("lab1").kubeconfig)) as client:

        def asking(method: str, path: str, body: Json, content: str = "application/json") -> tuple[int, str]:
            headers = {"Impersonate-User": "developer", "Content-Type": content, "Accept": "application/json"}
            url = f"{client.configuration.host}/api/v1/namespaces/{team}{path}"
            answer = client.rest_client.pool_manager.request(method, url, body=json.dumps(body) if body else None, headers=headers, timeout=60)
            return answer.status, answer.data.decode()

        yield asking


@pytest.mark.parametrize("sub", ["", "/status", "/finalize"])
def test_a_user_of_one_namespace_cannot_switch_the_policy_off_there(kube: Any, team: str, ask: Callable[..., tuple[int, str]], sub: str) -> None:
    labelled = []
    for kind, metadata in NAMESPACE_PATCHES:
        labelled.append(ask("PATCH", sub, {"metadata": metadata}, f"application/{kind}-patch+json"))
    pointer = [{"op": "add", "path": "/metadata/labels/admission.gatekeeper.sh~1ignore", "value": "x"}]
    labelled.append(ask("PATCH", sub, pointer, "application/json-patch+json"))
    other_name = {"metadata": {"labels": {"kubernetes.io/metadata.name": "kube-system"}}}
    ask("PATCH", sub, other_name, "application/merge-patch+json")
    current = json.loads(ask("GET", "", {})[1])
    current["metadata"]["labels"][IGNORE] = "x"
    labelled.append(ask("PUT", sub, current))
    assert [status for status, _answer in labelled if status < 400] == []
    assert IGNORE not in json.loads(ask("GET", "", {})[1])["metadata"]["labels"]
    assert "it has no signature" in refusal(kube, pod(UNSIGNED), team)


def test_other_labels_of_a_namespace_and_its_end_are_left_alone(kube: Any, team: str, ask: Callable[..., tuple[int, str]]) -> None:
    for sub in ("", "/status", "/finalize"):
        current = json.loads(ask("GET", "", {})[1])
        current["metadata"]["labels"]["team"] = f"a{sub.strip('/')}"
        assert ask("PUT", sub, current)[0] == 200, sub
    namespaces = kube.resources.get(api_version="v1", kind="Namespace")
    name = f"{team}-of-before"
    namespaces.create(body={"metadata": {"generateName": f"{team}-", "labels": {"a": "b"}}}, dry_run="All")
    namespaces.create(body={"metadata": {"name": name}})
    namespaces.delete(name=name)
    while any(found.metadata.name == name for found in namespaces.get().items):
        pass


CONSTRAINT = {"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "ImagesVerified", "metadata": {"name": "images-verified"}}
TEMPLATE = {"apiVersion": "templates.gatekeeper.sh/v1", "kind": "ConstraintTemplate", "metadata": {"name": "imagesverified"}}
RATIFY = "config.ratify.deislabs.io/v1beta1"
EXPECTED = """
- hosts: clusters
  connection: local
  gather_facts: false
  vars:
    aks_result: {kubeconfig: "{{ aks_kubeconfig }}"}
  tasks:
    - ansible.builtin.include_role: {name: image_trust.azure.gatekeeper, tasks_from: expected}
    - ansible.builtin.include_role: {name: image_trust.azure.ratify, tasks_from: result}
    - ansible.builtin.include_role: {name: image_trust.azure.policy, tasks_from: result}
    - ansible.builtin.copy:
        content: "{{ {'gatekeeper': gatekeeper_result.expected, 'ratify': ratify_result.expected, 'policy': policy_result.expected} | to_json }}"
        dest: "{{ written_to }}"
        mode: "0600"
"""


def soon(write: Callable[[], Any]) -> None:
    """Within the seconds that the API server takes to know of a change of its admission."""
    deadline = time.monotonic() + 30
    while True:
        try:
            write()
        except kubernetes.client.ApiException:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        else:
            return


@contextmanager
def made(hand: Hand, item: Json) -> Iterator[None]:
    hand.create(item)
    try:
        yield
    finally:
        hand.delete(item)


def test_another_constraint_does_not_hide_that_only_one_namespace_is_covered(lab: Lab, hand: Hand) -> None:
    other = {**CONSTRAINT, "metadata": {"name": "of-another"}, "spec": {"enforcementAction": "dryrun", "match": {"scope": "Namespaced"}}}
    narrow = changed(hand, CONSTRAINT, lambda item: item["spec"]["match"].update(namespaces=["default"]))
    with made(hand, other), narrow:
        refused = lab.play("verify")
    assert refused.returncode != 0
    assert "The constraint images-verified only holds in default, and not in all namespaces but the excluded ones." in refused.error
    assert "The constraint of-another is not one that this collection makes for images-verified." in refused.error


def test_rules_without_an_update_of_pods_are_found_by_reading_and_by_asking(lab: Lab, hand: Hand) -> None:
    with changed(hand, WEBHOOK, lambda item: item["webhooks"][0]["rules"][0].update(operations=["CREATE"])):
        refused = lab.play("verify", verify_shapes=["container", "patched_pod", "image_volume"])
    assert refused.returncode != 0
    assert f"{UNSIGNED} as patched_pod should be denied, it is admitted" in refused.error
    assert "Gatekeeper is not asked about UPDATE pods: the rules of its webhook leave it out." in refused.error


def test_a_labelled_namespace_and_a_webhook_that_fails_open_are_no_mere_notes(lab: Lab, hand: Hand, team: str) -> None:
    guard = {"apiVersion": WEBHOOK["apiVersion"], "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "namespace-labels.image-trust.azure"}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": team}}
    with changed(hand, WEBHOOK, lambda item: item["webhooks"][0].update(failurePolicy="Ignore")):
        # As it was labelled before there was a guard: by an administrator who took the guards away for it.
        with changed(hand, guard, lambda item: item["spec"].update(validationActions=["Audit"])):
            soon(lambda: hand.status(namespace, {"metadata": {"labels": {IGNORE: "x"}}}))
        refused = lab.play("verify")
    assert refused.returncode != 0
    assert f"Images are not verified in {team} (label {IGNORE}), and no reason for it is known." in refused.error
    assert "While Gatekeeper does not answer, every image is admitted (failurePolicy Ignore), and no reason for it is known." in refused.error


def reasoned(item: Json) -> None:
    """As an administrator who knows the proof would hide it: with a reason."""
    item["spec"]["match"]["excludedNamespaces"].append("shop")
    item["metadata"]["annotations"]["image-trust.azure/reasons"] = json.dumps({"shop": "a", "kube-system": "b", "gatekeeper-system": "c"})


def of_ratify(kind: str, name: str, change: Callable[[Json], Any]) -> tuple[Json, Callable[[Json], Any]]:
    return {"apiVersion": RATIFY, "kind": kind, "metadata": {"name": name}}, lambda item: change(item["spec"]["parameters"])


CHANGED: dict[str, tuple[tuple[Json, Callable[[Json], Any]], str]] = {
    "one image is admitted whatever Ratify answers": (
        (TEMPLATE, lambda item: item["spec"]["targets"][0].update(rego=item["spec"]["targets"][0]["rego"] + '\nverified["nginx:latest"] { true }\n')),
        "ConstraintTemplate imagesverified is not as the inventory says: spec.targets.",
    ),
    "a namespace more is excluded, with a reason": (
        (CONSTRAINT, reasoned),
        "ImagesVerified images-verified is not as the inventory says: spec.match.excludedNamespaces.",
    ),
    "an exemption more": (
        (CONSTRAINT, lambda item: item["spec"]["parameters"].update(exemptions=[{"owner": "a", "reason": "b", "ends": "2999-01-01", "images": ["a.io/*"]}])),
        "ImagesVerified images-verified is not as the inventory says: spec.parameters.exemptions.",
    ),
    "a namespace more is not asked about": (
        (WEBHOOK, lambda item: item["webhooks"][0]["namespaceSelector"]["matchExpressions"][1]["values"].append("default")),
        "Gatekeeper is not asked about the namespaces default, which gatekeeper_exempt_namespaces does not name.",
    ),
    "everybody is trusted": (
        of_ratify("Verifier", "verifier-notation", lambda given: given["trustPolicyDoc"]["trustPolicies"][0].update(trustedIdentities=["*"])),
        "Ratify's Verifier verifier-notation trusts others than ratify_trust_policies names.",
    ),
    "what is wrong with a signature is only logged": (
        of_ratify(
            "Verifier",
            "verifier-notation",
            lambda given: given["trustPolicyDoc"]["trustPolicies"][0]["signatureVerification"].update(override={"authenticity": "log"}),
        ),
        "Ratify's Verifier verifier-notation trusts others than ratify_trust_policies names.",
    ),
    "another program is selected in Ratify's place": (
        (
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "ratify", "namespace": "gatekeeper-system"}},
            lambda item: item["spec"].update(selector={"app": "yes"}),
        ),
        "The service ratify does not select the pods of Ratify.",
    ),
    "a certificate less is asked for, and one more": (
        of_ratify("KeyManagementProvider", "kmprovider-akv", lambda given: given["certificates"][0].update(name="of-another")),
        "Ratify's KeyManagementProvider kmprovider-akv does not hold what the inventory names.",
    ),
    "one good report is enough": (
        of_ratify("Policy", "ratify-policy", lambda given: given["artifactVerificationPolicies"].update(default="any")),
        "Ratify's Policy ratify-policy is not the chart's.",
    ),
    "answers of registries are remembered for a day": (
        of_ratify("Store", "store-oras", lambda given: given.update(ttl=86400)),
        "Ratify's Store store-oras remembers what registries answered for 86400 s, and not for 10 s.",
    ),
    "another service answers for Ratify": (
        (
            {"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "Provider", "metadata": {"name": "ratify-provider"}},
            lambda item: item["spec"].update(url="https://ratify.default:6001/ratify/gatekeeper/v1/verify"),
        ),
        "Gatekeeper asks https://ratify.default:6001/ratify/gatekeeper/v1/verify in place of Ratify.",
    ),
}


@pytest.fixture(scope="module")
def problems(lab: Lab, hand: Hand, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], list[str]]:
    """What module verification_info says of the cluster as it is now, compared with the lab's inventory."""
    folder = tmp_path_factory.mktemp("expected")
    (folder / "expected.yml").write_text(EXPECTED)
    written = folder / "expected.json"
    run = lab.play(folder / "expected.yml", written_to=str(written))
    assert run.returncode == 0, run.error
    expected = json.loads(written.read_text())
    return lambda: [str(each) for each in hand.verification(expected)["problems"]]


def test_a_cluster_as_site_yml_left_it_has_no_problem(problems: Callable[[], list[str]]) -> None:
    assert problems() == []


@pytest.mark.parametrize("name", CHANGED)
def test_a_change_that_lets_other_images_in_is_seen_without_the_proof_before(problems: Callable[[], list[str]], hand: Hand, name: str) -> None:
    (item, change), sentence = CHANGED[name]
    with changed(hand, item, change):
        assert f"{sentence} Run site.yml." in problems()
    assert [each for each in problems() if sentence in each] == []


def test_a_config_that_gatekeeper_does_not_read_does_not_stop_the_cluster(problems: Callable[[], list[str]], hand: Hand, team: str) -> None:
    spec = {"match": [{"processes": ["*"], "excludedNamespaces": ["*"]}]}
    with made(hand, {"apiVersion": "config.gatekeeper.sh/v1alpha1", "kind": "Config", "metadata": {"name": "config", "namespace": team}, "spec": spec}):
        assert problems() == []


def test_verify_alone_fails_for_such_a_change(lab: Lab, hand: Hand) -> None:
    (item, change), sentence = CHANGED["a namespace more is excluded, with a reason"]
    with changed(hand, item, change):
        refused = lab.play("verify")
    assert refused.returncode != 0
    assert sentence in refused.error
