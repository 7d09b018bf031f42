"""The module run whole against a stand-in for the API server."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.module_utils._policy.admission_rules import UPDATES_OF_IMAGES
from ansible_collections.image_trust.azure.plugins.modules import verification_info

from tests.support.cluster_states import (
    ADMISSION,
    CONSTRAINTS,
    PODS,
    RATIFY,
    VALIDATING,
    VAULT,
    chain,
    cluster,
    constraint,
    held,
    in_vault,
    inline,
    item,
    items,
    odd,
    pem,
    pod,
    public_key,
    webhooks,
)
from tests.support.kubernetes_api import reading, serving

Json = dict[str, Any]
Read = Callable[[dict[str, Any]], Json]
PROVIDERS = f"{RATIFY}/keymanagementproviders"
EXEMPTION = {"owner": "team", "reason": "soon signed", "ends": "2027-03-31", "images": ["docker.io/bitnami/*"]}


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """What the module returns of a cluster that gives these answers."""

    def module(answers: dict[str, Any]) -> Json:
        printed = io.StringIO()
        arguments = patch_module_args({"kubeconfig": str(tmp_path / "kubeconfig")})
        with serving(reading(answers), tmp_path / "kubeconfig"), arguments, redirect_stdout(printed), pytest.raises(SystemExit):
            verification_info.main()
        result: Json = json.loads(printed.getvalue())
        return result

    return module


def test_a_cluster_where_all_is_well_is_reported_as_it_runs(read: Read) -> None:
    found = read(cluster())
    assert (found["changed"], found["problems"]) == (False, [])
    assert found["cluster"]["kubernetes_version"] == "v1.36.4"
    assert found["cluster"]["uid"] == "a2eb4051-5860-4210-8575-3aa72220f316"
    assert found["programs"]["ratify"]["images"] == [
        {"image": "ghcr.io/notaryproject/ratify:v1.4.6", "image_id": f"ghcr.io/notaryproject/ratify@sha256:{'a' * 64}"}
    ]
    assert (found["programs"]["gatekeeper"]["versions"], found["programs"]["gatekeeper"]["ready"]) == (["3.23.1"], 1)
    assert found["exempt_namespaces"] == [
        {"name": "gatekeeper-system", "by": ["constraint images-verified"], "reason": None},
        {"name": "kube-system", "by": ["constraint images-verified", "webhook validation.gatekeeper.sh"], "reason": "what the cluster needs to start"},
    ]
    assert [(each["policy"], each["repositories"], each["providers"]) for each in found["trust"]] == [
        ("release", ["contoso.azurecr.io/web"], ["kmprovider-akv"])
    ]
    assert [(a["from"], a["vault"], a["name"], a["version"], a["problem"]) for a in found["anchors"]] == [
        ("vault", VAULT, "brooklyn-io", "d14071e06f0d4d16a841c0a61e9ab072", "not read from the vault")
    ]


BY_FIREWALL = 'failed to get secret: RESPONSE 403: {"error": {"code": "Forbidden", "innererror": {"code": "ForbiddenByFirewall"}}}'
MISSING: dict[str, dict[str, Any]] = {
    "Ratify has no pod that is ready.": {PODS: items(pod("g", {"gatekeeper.sh/operation": "webhook"}, "g:v3"))},
    "Gatekeeper has no pod that is ready.": {
        PODS: items(pod("g", {"gatekeeper.sh/operation": "webhook"}, "g:v3", ready=False), pod("r", {"app.kubernetes.io/name": "ratify"}, "r:v1")),
    },
    "Gatekeeper's validating webhook is not there.": {VALIDATING: items()},
    "The guard of namespaces' labels (ValidatingAdmissionPolicy) is not there.": {f"{ADMISSION}/validatingadmissionpolicies": items(item("else", {}))},
    "The binding of the guard of namespaces' labels (ValidatingAdmissionPolicyBinding) is not there.": {
        f"{ADMISSION}/validatingadmissionpolicybindings": items()
    },
    "The constraint template imagesverified is not there.": {"/apis/templates.gatekeeper.sh/v1/constrainttemplates": 404},
    "A Verifier of Ratify is not there.": {f"{RATIFY}/verifiers": items()},
    "Ratify's KeyManagementProvider kmprovider-akv: 403 Forbidden.": {
        PROVIDERS: items(item("kmprovider-akv", {"type": "azurekeyvault"}, status={"issuccess": False, "error": "403 Forbidden"}))
    },
    "Ratify's KeyManagementProvider kmprovider-akv: the firewall of the vault refuses the cluster (403 ForbiddenByFirewall), and no permission or waiting "
    "changes that. Approve a private endpoint in the cluster's network, or allow the cluster's subnet or outbound address in the vault's firewall.": {
        PROVIDERS: items(item("kmprovider-akv", {"type": "azurekeyvault"}, status={"issuccess": False, "error": BY_FIREWALL}))
    },
    "Ratify's Store store-oras: not read.": {f"{RATIFY}/stores": items(item("store-oras", {}))},
    "It cannot be said whether all is there: it refuses GET /apis/mutations.gatekeeper.sh/v1/assign: HTTP 403 Forbidden.": {
        "/apis/mutations.gatekeeper.sh/v1/assign": 403
    },
}


@pytest.mark.parametrize("problem", MISSING)
def test_what_is_missing_is_a_problem_and_no_failure(read: Read, problem: str) -> None:
    assert read({**cluster(), **MISSING[problem]})["problems"] == [problem]


def test_a_cluster_with_nothing_in_it_is_reported_too(read: Read) -> None:
    found = read({"/version": {"gitVersion": "v1.36.4"}})
    assert not found.get("failed")
    assert len(found["problems"]) == 11
    assert (found["anchors"], found["constraints"], found["exempt_namespaces"], found["cluster"]["uid"]) == ([], [], [], None)


def replica_sets(owner: str, number: int) -> list[Json]:
    return [
        {"metadata": {"namespace": "shop", "name": f"{owner}-{each}", "ownerReferences": [{"kind": "Deployment", "name": owner}]}} for each in range(number)
    ]


def deployment(collisions: int | None, **spec: Any) -> Json:
    return {"spec": {"revisionHistoryLimit": 10, **spec}, "status": {} if collisions is None else {"collisionCount": collisions}}


DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
MAKES_REPLICA_SETS: dict[str, tuple[int, Json, list[Json]]] = {
    "one for each change of a template that was mutated": (137, deployment(136), [{"namespace": "shop", "name": "web", "replica_sets": 137}]),
    "rolled out often, and never complete": (137, deployment(1), []),
    "it keeps as many as it wants": (100, deployment(136, revisionHistoryLimit=200), []),
    "recovered, and the old ones are gone": (12, deployment(136), []),
    "deleted meanwhile": (137, {}, []),
}


@pytest.mark.parametrize("case", MAKES_REPLICA_SETS)
def test_a_deployment_that_makes_replica_sets_without_end_is_named(read: Read, case: str) -> None:
    number, asked, expected = MAKES_REPLICA_SETS[case]
    found = read({**cluster(), "/apis/apps/v1/replicasets": {"items": replica_sets("web", number)}, f"{DEPLOYMENTS}/web": asked})
    assert (found["replica_sets_without_end"], found["problems"]) == (expected, [])
    assert "shop/web has 137 ReplicaSets and makes more" in str(found.get("warnings")) or not expected


NARROWER: dict[str, list[Json]] = {
    "matchConditions": [
        {"matchConditions": [{"name": "never", "expression": "false"}]},
        {"matchConditions": [{**UPDATES_OF_IMAGES, "expression": "false"}]},
        {"matchConditions": [UPDATES_OF_IMAGES, {"name": "never", "expression": "false"}]},
    ],
    "objectSelector": [{"objectSelector": {"matchLabels": {"a": "b"}}}],
    "namespaceSelector": [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}},
        {"namespaceSelector": {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["default"]}]}},
        {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["us"]}]}},
    ],
}


@pytest.mark.parametrize(("field", "change"), [(field, change) for field, changes in NARROWER.items() for change in changes])
def test_a_webhook_that_is_asked_about_less_than_the_namespaces_tell_is_a_problem(read: Read, field: str, change: Json) -> None:
    other = webhooks()
    other["webhooks"][0].update(change)
    assert read({**cluster(), VALIDATING: items(other)})["problems"] == [f"Gatekeeper is only asked about what fits the {field} of its webhook."]


def test_a_webhook_that_is_not_asked_about_updates_that_keep_all_images_leaves_nothing_unjudged(read: Read) -> None:
    assert read({**cluster(), VALIDATING: items(webhooks(matchConditions=[UPDATES_OF_IMAGES]))})["problems"] == []


def test_a_config_that_gatekeeper_does_not_read_exempts_nothing(read: Read) -> None:
    def exempt_by(namespace: str) -> list[str]:
        config = item("config", {"match": [{"excludedNamespaces": ["*"], "processes": ["*"]}]})
        config["metadata"]["namespace"] = namespace
        found = read({**cluster(), "/apis/config.gatekeeper.sh/v1alpha1/configs": items(config)})["exempt_namespaces"]
        return [each["name"] for each in found if "Gatekeeper's Config" in each["by"]]

    assert (exempt_by("team"), exempt_by("gatekeeper-system")) == ([], ["*"])


UNASKED: dict[str, tuple[Json, list[str]]] = {
    "an update of pods is left out": ({"operations": ["CREATE"]}, ["UPDATE pods", "UPDATE pods/ephemeralcontainers"]),
    "pods are left out": ({"resources": ["deployments", "pods/ephemeralcontainers"]}, ["CREATE pods", "UPDATE pods"]),
    "debug containers are left out": ({"resources": ["pods"]}, ["UPDATE pods/ephemeralcontainers"]),
    "a star is of no subresources": ({"resources": ["*"]}, ["UPDATE pods/ephemeralcontainers"]),
    "two stars are of all": ({"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}, []),
    "all subresources of pods": ({"resources": ["pods", "pods/*"]}, []),
    "only objects of the cluster": ({"scope": "Cluster"}, ["CREATE pods", "UPDATE pods", "UPDATE pods/ephemeralcontainers"]),
    "only objects of namespaces": ({"scope": "Namespaced"}, []),
    "another group": ({"apiGroups": ["apps"]}, ["CREATE pods", "UPDATE pods", "UPDATE pods/ephemeralcontainers"]),
    "another version": ({"apiVersions": ["v1beta1"]}, ["CREATE pods", "UPDATE pods", "UPDATE pods/ephemeralcontainers"]),
}


@pytest.mark.parametrize("name", UNASKED)
def test_requests_that_the_rules_of_the_webhook_leave_out_are_problems(read: Read, name: str) -> None:
    change, left_out = UNASKED[name]
    other = webhooks()
    other["webhooks"][0]["rules"][0].update(change)
    problems = [f"Gatekeeper is not asked about {request}: the rules of its webhook leave it out." for request in left_out]
    assert read({**cluster(), VALIDATING: items(other)})["problems"] == problems


@pytest.mark.parametrize(("policy", "reason"), [("Ignore", "a test cluster"), ("Fail", None)])
def test_why_gatekeeper_fails_open_is_read_from_its_webhook(read: Read, policy: str, reason: str | None) -> None:
    found = read({**cluster(), VALIDATING: items(webhooks(failurePolicy=policy))})
    assert (found["policy"]["failure_policy"], found["policy"]["failure_policy_reason"]) == (policy, reason)


def test_a_webhook_as_the_chart_makes_it_is_asked_about_all(read: Read) -> None:
    other = webhooks()
    other["webhooks"][0]["namespaceSelector"]["matchExpressions"].append({"key": "admission.gatekeeper.sh/ignore", "operator": "DoesNotExist"})
    found = read({**cluster(), VALIDATING: items({**other, "webhooks": [*other["webhooks"], {"name": "else", "objectSelector": {"matchLabels": {"a": "b"}}}]})})
    assert (found["problems"], found["policy"]["failure_policy"]) == ([], "Fail")


def test_by_what_a_constraint_is_narrower_than_its_namespaces_is_reported(read: Read) -> None:
    other = changed(cluster(), CONSTRAINTS, match={"kinds": [{}], "scope": "Namespaced", "labelSelector": {"matchLabels": {"a": "b"}}, "namespaceSelector": {}})
    assert read(other)["constraints"][0]["selectors"] == ["labelSelector"]


def test_an_issuer_that_is_not_reported_is_no_problem(read: Read) -> None:
    found = read({**cluster(), "/.well-known/openid-configuration": 403})
    assert (found["cluster"]["issuer"], found["problems"]) == (None, [])


def test_a_cluster_that_does_not_answer_is_a_failure(read: Read, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text("{}")
    printed = io.StringIO()
    with patch_module_args({"kubeconfig": str(tmp_path / "kubeconfig")}), redirect_stdout(printed), pytest.raises(SystemExit):
        verification_info.main()
    assert "cannot be used" in json.loads(printed.getvalue())["msg"]


def changed(answers: dict[str, Any], path: str, **spec: Any) -> dict[str, Any]:
    """With another value in the spec of the first object there."""
    listed = json.loads(json.dumps(answers[path]))
    listed["items"][0]["spec"].update(spec)
    return {**answers, path: listed}


DECIDES: dict[str, tuple[str, Json]] = {
    "templates": ("/apis/templates.gatekeeper.sh/v1/constrainttemplates", {"targets": []}),
    "constraints": (CONSTRAINTS, {"enforcementAction": "warn"}),
    "mutations": ("/apis/mutations.gatekeeper.sh/v1/assign", {"location": "spec"}),
    "providers": ("/apis/externaldata.gatekeeper.sh/v1beta1/providers", {"timeout": 9}),
    "ratify_policies": (f"{RATIFY}/policies", {"type": "rego"}),
    "stores": (f"{RATIFY}/stores", {"name": "other"}),
    "verifiers": (f"{RATIFY}/verifiers", {"name": "cosign"}),
    "key_management_providers": (PROVIDERS, {"refreshInterval": "1h"}),
}


@pytest.mark.parametrize("part", DECIDES)
def test_what_decides_is_in_the_digest_of_its_part_and_of_the_whole(read: Read, part: str) -> None:
    path, spec = DECIDES[part]
    before, after = read(cluster())["policy"], read(changed(cluster(), path, **spec))["policy"]
    assert [name for name in before["parts"] if before["parts"][name] != after["parts"][name]] == [part]
    assert before["sha256"] != after["sha256"]


WEBHOOK = [
    {"failurePolicy": "Ignore"},
    {"timeoutSeconds": 9},
    {"rules": [{}]},
    {"matchConditions": [{"name": "never"}]},
    {"namespaceSelector": {}},
    {"clientConfig": {"url": "https://else"}},
]


@pytest.mark.parametrize("change", WEBHOOK, ids=lambda change: next(iter(change)))
def test_when_a_webhook_is_asked_is_in_the_digest(read: Read, change: Json) -> None:
    other = webhooks()
    other["webhooks"][0].update(change)
    before, after = read(cluster())["policy"], read({**cluster(), VALIDATING: items(other)})["policy"]
    assert before["parts"]["validating_webhooks"] != after["parts"]["validating_webhooks"]


def test_what_is_renewed_and_decides_nothing_is_not_in_the_digest(read: Read) -> None:
    answers = json.loads(json.dumps(cluster()).replace("Y2E=", "bmV3").replace('"resourceVersion": "', '"resourceVersion": "1'))
    answers["/apis/templates.gatekeeper.sh/v1/constrainttemplates"]["items"].pop()  # the template of another program
    assert read(answers)["policy"] == read(cluster())["policy"]


def test_arguments_of_the_programs_are_in_the_digest(read: Read) -> None:
    answers = cluster()
    answers[PODS]["items"][0]["spec"]["containers"][0]["args"] = ["--exempt-namespace=shop"]
    before, after = read(cluster())["policy"], read(answers)["policy"]
    assert [name for name in before["parts"] if before["parts"][name] != after["parts"][name]] == ["arguments"]


def test_pods_that_are_going_are_not_counted(read: Read) -> None:
    answers = cluster()
    answers[PODS]["items"].append(pod("r", {"app.kubernetes.io/name": "ratify"}, "ratify:v1.4.3", deletionTimestamp="2026-11-24T12:00:00Z"))
    assert read(answers)["programs"]["ratify"]["versions"] == ["1.4.6"]


def test_an_inline_certificate_and_an_inline_key_are_described(read: Read) -> None:
    found = read(cluster(inline("partner", pem("partner") + pem("root")), inline("signing-key", public_key(), "key")))["anchors"]
    assert [(a["kind"], a["from"], a["held"], a["subject"], a["problem"]) for a in found] == [
        ("certificate", "inline", True, "CN=partner", None),
        ("certificate", "inline", True, "CN=root", None),
        ("key", "inline", True, None, None),
    ]
    assert all(len(a["sha256"]) == 64 for a in found)
    assert found[0]["not_before"] < found[0]["not_after"]
    assert found[2]["not_after"] is None


CHAIN = chain()


@pytest.mark.parametrize("order", list(permutations(("leaf", "mid", "root"))), ids="-".join)
def test_of_an_inline_chain_in_any_order_the_authorities_are_described(read: Read, order: tuple[str, ...]) -> None:
    found = read(cluster(inline("partner", "".join(CHAIN[name] for name in order))))["anchors"]
    assert [(a["subject"], a["held"]) for a in found] == [(f"CN={name}", True) for name in order if name != "leaf"]


def test_an_inline_leaf_without_its_chain_is_not_held(read: Read) -> None:
    (anchor,) = read(cluster(inline("partner", CHAIN["leaf"])))["anchors"]
    assert (anchor["subject"], anchor["held"]) == ("CN=leaf", False)
    assert anchor["problem"].startswith("a certificate authority issued it and its chain is not")


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("certificate", "nothing"),
        ("certificate", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"),
        ("certificate", odd(pem("partner"), "a003020102", "a003020107")),
        ("key", "x"),
        ("key", odd(public_key(), "2a8648ce3d0201", "2a8648ce3d0209")),
    ],
    ids=["text", "empty", "of version 8", "key of text", "key of an unknown kind"],
)
def test_an_inline_anchor_that_cannot_be_read_says_so(read: Read, content: str, value: str) -> None:
    (anchor,) = read(cluster(inline("partner", value, content)))["anchors"]
    assert anchor["problem"]
    assert anchor["sha256"] is None


def test_what_ratify_does_not_hold_of_the_vault_is_reported(read: Read) -> None:
    found = read(cluster(in_vault([held(enabled="false")], asked=("brooklyn-io", "gone"))))["anchors"]
    assert [(a["name"], a["held"], a["problem"]) for a in found] == [
        ("brooklyn-io", False, "disabled in the vault, Ratify does not hold it"),
        ("gone", False, "Ratify does not hold it"),
    ]


@pytest.mark.parametrize("parameters", [None, [], "text", {}, {"certificates": "array: []"}, {"certificates": ["name"], "keys": {"name": 1}}, {"value": None}])
@pytest.mark.parametrize("kind", ["inline", "azurekeyvault", "another"])
def test_a_provider_of_which_nothing_can_be_read_is_no_failure(read: Read, kind: str, parameters: Any) -> None:
    broken = item("broken", {"type": kind, "parameters": parameters}, status={"issuccess": False, "error": "no certificates", "properties": "text"})
    found = read(cluster(broken))
    assert found["problems"] == ["Ratify's KeyManagementProvider broken: no certificates."]
    assert [anchor["problem"] for anchor in found["anchors"]] == (["it is no certificate in PEM"] if kind == "inline" else [])


def test_how_old_statuses_are_and_which_pods_enforce_an_older_constraint_is_read(read: Read) -> None:
    provider, policy = in_vault([held()]), constraint()
    provider["metadata"] |= {"generation": 1, "creationTimestamp": "2026-11-24T08:00:00Z"}
    provider["spec"]["refreshInterval"] = "1h"
    provider["status"]["lastfetchedtime"] = "2026-11-24T11:51:18Z"
    policy["metadata"] |= {"generation": 2, "managedFields": [{"manager": "ansible", "time": "2026-11-24T11:00:00Z", "fieldsV1": {"f:spec": {}}}]}
    policy["status"] = {"byPod": [{"id": name, "enforced": True, "observedGeneration": 1} for name in ("gatekeeper-1", "gatekeeper-that-was")]}
    of_provider, of_template, of_constraint = read({**cluster(provider), CONSTRAINTS: items(policy)})["statuses"]
    assert of_provider == {
        "kind": "KeyManagementProvider",
        "name": "kmprovider-akv",
        "generation": 1,
        "changed": "2026-11-24T08:00:00Z",
        "reported": "2026-11-24T11:51:18Z",
        "refresh_interval": "1h",
        "older": [],
    }
    assert (of_template["name"], of_template["reported"], of_template["older"]) == ("imagesverified", None, [])
    assert (of_constraint["changed"], of_constraint["older"]) == ("2026-11-24T11:00:00Z", [{"pod": "gatekeeper-1", "generation": 1}])


def test_exemptions_are_those_of_the_constraints_each_once(read: Read) -> None:
    found = read({**cluster(), CONSTRAINTS: items(constraint(exemptions=[EXEMPTION]), constraint("images-verified-warn", exemptions=[EXEMPTION]))})
    assert found["exemptions"] == [{**EXEMPTION, "namespaces": [], "service_accounts": []}]
    assert [each["name"] for each in found["constraints"]] == ["images-verified", "images-verified-warn"]


def test_a_namespace_that_gatekeeper_ignores_by_its_label_is_exempt(read: Read) -> None:
    answers = {**cluster(), "/api/v1/namespaces?labelSelector=admission.gatekeeper.sh/ignore": items({"metadata": {"name": "shop"}})}
    assert {"name": "shop", "by": ["label admission.gatekeeper.sh/ignore"], "reason": None} in read(answers)["exempt_namespaces"]


def test_a_namespace_that_another_constraint_judges_is_left_out_for_that_reason(read: Read) -> None:
    rest, stage = constraint(), constraint("images-verified-dryrun")
    rest["spec"]["match"]["excludedNamespaces"].append("shop")
    stage["spec"] |= {"enforcementAction": "dryrun", "match": {"namespaces": ["shop"]}}
    reason = "the constraint images-verified-dryrun holds there: dryrun"
    staged = {"name": "shop", "by": ["constraint images-verified"], "reason": reason}
    assert staged in read({**cluster(), CONSTRAINTS: items(rest, stage)})["exempt_namespaces"]
    stage["spec"]["match"]["labelSelector"] = {"matchLabels": {"team": "shop"}}
    assert {**staged, "reason": None} in read({**cluster(), CONSTRAINTS: items(rest, stage)})["exempt_namespaces"]


def test_reasons_that_cannot_be_read_are_none(read: Read) -> None:
    other = constraint()
    other["metadata"]["annotations"]["image-trust.azure/reasons"] = "not JSON"
    assert {each["reason"] for each in read({**cluster(), CONSTRAINTS: items(other)})["exempt_namespaces"]} == {None}
