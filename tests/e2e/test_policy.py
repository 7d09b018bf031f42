"""The policy on the lab: what it covers, what is exempt from it and until when, and how it comes to deny."""

from __future__ import annotations

import re
from typing import Any

import kubernetes
import pytest

from lab.config import home

from .pods import IMAGE, UNSIGNED, denied_soon, pod, policy, refusal

__all__ = ["policy"]


def test_a_deployment_is_refused_to_the_user_who_makes_it_in_words_that_need_no_manual(kube: Any) -> None:
    template = {"metadata": {"labels": {"app": "it"}}, "spec": pod(UNSIGNED)["spec"]}
    spec = {"selector": {"matchLabels": {"app": "it"}}, "template": template}
    said = refusal(kube, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "it"}, "spec": spec}, "default")
    assert f"[images-verified] image {UNSIGNED}" in said
    assert "is not verified: it has no signature (No verification results" in said


def test_a_label_exempts_no_user(kube: Any, team: str) -> None:
    namespaces = kube.resources.get(api_version="v1", kind="Namespace")
    with pytest.raises(kubernetes.client.ApiException) as refused:
        namespaces.patch(name=team, body={"metadata": {"labels": {"admission.gatekeeper.sh/ignore": "yes"}}})
    assert "Only gatekeeper-system may have it." in str(refused.value.body)
    labels = {"control-plane": "true", "kubernetes.azure.com/managedby": "aks", "gatekeeper.sh/system": "yes", "gatekeeper.sh/operation": "webhook"}
    namespaces.patch(name=team, body={"metadata": {"labels": labels}})
    assert "it has no signature" in refusal(kube, pod(UNSIGNED, labels=labels, annotations={"admissions.enforcer/disabled": "true"}), team)


def test_a_namespace_cannot_add_a_trusted_signer(kube: Any, team: str) -> None:
    def tell(kind: str, name: str, spec: dict[str, Any]) -> Any:
        version = "config.ratify.deislabs.io/v1beta1"
        kinds = kube.resources.get(api_version=version, kind=kind)
        kinds.create(namespace=team, body={"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec})
        return kinds

    certificate = (home() / "signers/other.crt").read_text()
    anybody = {"name": "all", "registryScopes": ["*"], "signatureVerification": {"level": "strict"}, "trustStores": ["ca:own"], "trustedIdentities": ["*"]}
    trusting = {"trustPolicyDoc": {"version": "1.0", "trustPolicies": [anybody]}, "verificationCertStores": {"ca": {"own": [f"{team}/own"]}}}
    tell("NamespacedKeyManagementProvider", "own", {"type": "inline", "parameters": {"contentType": "certificate", "value": certificate}})
    verifier = {"name": "notation", "version": "1.0.0", "artifactTypes": "application/vnd.cncf.notary.signature", "parameters": trusting}
    verifiers = tell("NamespacedVerifier", "own", verifier)
    for event in verifiers.watch(namespace=team, name="own", timeout=30):
        if (event["raw_object"].get("status") or {}).get("issuccess"):
            break
    else:
        pytest.fail("Ratify did not read the verifier within 30 s")

    said = refusal(kube, pod(f"{IMAGE}:other-signer"), team)
    assert "its signer is not trusted here" in said
    [digest] = set(re.findall(r"sha256:[0-9a-f]{64}", said))
    # By this name Ratify asks the namespace's own verifier, and says yes.
    assert f"image [{team}]{IMAGE}@{digest} is not verified: it is not the name of an image" in refusal(kube, pod(f"[{team}]{IMAGE}@{digest}"), team)


def test_an_exemption_covers_what_it_names_until_it_ends_and_the_run_says_when_it_has(kube: Any, policy: Any, team: str) -> None:
    exemption = {"owner": "team", "reason": "is being moved", "images": [IMAGE], "namespaces": [team]}
    assert policy(policy_exemptions=[{**exemption, "ends": "2099-12-31"}], policy_message_suffix="Ask #platform").returncode == 0
    assert denied_soon(kube, pod(UNSIGNED), team, expected=False) == ""
    assert denied_soon(kube, pod(UNSIGNED), "default").endswith("Ask #platform")
    assert "it has no signature" in refusal(kube, pod("nginx:latest"), team)

    ended = policy(policy_exemptions=[{**exemption, "ends": "2020-12-31"}])
    assert ended.returncode == 0
    assert "Report exemptions that have expired" in ended.output
    assert "it has no signature" in denied_soon(kube, pod(UNSIGNED), team)


@pytest.mark.parametrize(
    "exemption",
    [
        {},
        {"namespaces": []},
        {"namespaces": ["team-*"]},
        {"images": ["*"]},
        {"images": ["example.com*"]},
        {"images": ["nginx"]},
        {"images": ["example.com/we*"]},
        {"service_accounts": ["kube-system/replicaset-controller"]},
        {"service_accounts": ["system:admin"]},
        {"namespaces": ["team"], "ends": "next year"},
    ],
)
def test_an_exemption_that_says_too_little_is_refused(policy: Any, exemption: dict[str, Any]) -> None:
    run = policy(policy_exemptions=[{"owner": "team", "reason": "none", "ends": "2099-12-31", **exemption}])
    assert run.returncode != 0
    assert "policy_exemptions" in run.error
    assert run.changed == []


def test_a_namespace_is_warned_while_all_others_are_denied_and_deny_waits_until_no_workload_would_be_denied(kube: Any, policy: Any, team: str) -> None:
    stages = [{"namespaces": [team], "enforcement": "warn"}]
    assert policy(policy_stages=stages).returncode == 0
    assert "it has no signature" in denied_soon(kube, pod(UNSIGNED), "default")
    assert denied_soon(kube, pod(UNSIGNED), team, expected=False) == ""
    assert refusal(kube, pod(UNSIGNED), team, dry_run=False) == ""
    running = kube.resources.get(api_version="v1", kind="Pod")
    for event in running.watch(namespace=team, name="it", timeout=60):
        if event["object"].status.phase == "Running":
            break
    else:
        pytest.fail("what is only warned of did not run within 60 s")

    refused = policy()
    assert refused.returncode != 0
    assert f"{team}: Pod it: image {IMAGE}@sha256:" in refused.error
    assert "Of 1 workloads of lab1 that deny would cover now, 1 would be denied" in refused.error
    assert "it has no signature" in refused.error
    assert refused.changed == []
    assert "it has no signature" in refusal(kube, pod(UNSIGNED), "default")
    constraints = kube.resources.get(api_version="constraints.gatekeeper.sh/v1beta1", kind="ImagesVerified")
    assert sorted(found.metadata.name for found in constraints.get().items) == ["images-verified", "images-verified-warn"]

    assert policy(policy_force_deny="another").returncode != 0
    assert policy(policy_force_deny="lab1").returncode == 0
    assert "it has no signature" in denied_soon(kube, pod(UNSIGNED), team)
    assert [found.metadata.name for found in constraints.get().items] == ["images-verified"]
    assert policy().changed == []
    # What runs already can be labelled and deleted.
    running.patch(name="it", namespace=team, body={"metadata": {"labels": {"kept": "yes"}}}, content_type="application/merge-patch+json")


def test_a_namespace_that_is_in_two_stages_is_named_and_nothing_is_changed(policy: Any) -> None:
    refused = policy(policy_stages=[{"namespaces": ["shop", "legacy"], "enforcement": "warn"}, {"namespaces": ["legacy"], "enforcement": "dryrun"}])
    assert refused.returncode != 0
    assert refused.error.endswith("policy_stages names a namespace twice: legacy.")
    assert refused.changed == []


def test_what_an_administrator_narrowed_is_found_and_restored(kube: Any, policy: Any) -> None:
    constraints = kube.resources.get(api_version="constraints.gatekeeper.sh/v1beta1", kind="ImagesVerified")
    narrowed = {"spec": {"match": {"labelSelector": {"matchLabels": {"nobody": "has-this"}}}, "enforcementAction": "dryrun"}}
    constraints.patch(name="images-verified", body=narrowed, content_type="application/merge-patch+json")
    restored = policy(policy_force_deny="lab1")
    assert restored.changed == ["image_trust.azure.policy : Restore the template and install the constraints"]
    assert "it has no signature" in denied_soon(kube, pod(UNSIGNED), "default")


def test_where_gatekeeper_is_not_asked_pods_are_not_reported_as_judged(policy: Any) -> None:
    asked = {"namespace": "gatekeeper-system", "exempt_namespaces": [{"name": "kube-system"}, {"name": "calico-system"}]}
    refused = policy(gatekeeper_result=asked, policy_excluded_namespaces=[{"name": "kube-system", "reason": "the nodes"}])
    assert "Gatekeeper is not asked in calico-system (gatekeeper_exempt_namespaces)" in refused.error
    assert refused.changed == []
