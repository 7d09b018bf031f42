"""The template and the constraints that role policy makes of its variables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._policy.objects import Objects, objects
from ansible_collections.image_trust.azure.plugins.module_utils._policy.variables import read

Json = dict[str, Any]
TODAY = "2026-12-31"
DEFAULTS: Json = {
    "policy_excluded_namespaces": [
        {"name": "kube-system", "reason": "what the cluster needs to start"},
        {"name": "gatekeeper-system", "reason": "Gatekeeper and Ratify themselves"},
    ]
}
WARN_LEGACY = {"namespaces": ["legacy", "team-*"], "enforcement": "warn"}
KINDS = [
    {"apiGroups": [""], "kinds": ["Pod", "ReplicationController"]},
    {"apiGroups": ["apps"], "kinds": ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]},
    {"apiGroups": ["batch"], "kinds": ["CronJob", "Job"]},
]


def made(*found: Json, today: str = TODAY, **variables: Any) -> Objects:
    return objects(read({**DEFAULTS, **variables}), ["package imagesverified", "package lib.pods"], today, found, "a1")


def exemption(ends: Any = TODAY, **covers: list[str]) -> Json:
    return {"owner": "team", "reason": "is being moved", "ends": ends, **(covers or {"namespaces": ["legacy"]})}


def live(name: str = "images-verified", action: str = "deny", excluded: Sequence[str] = (), namespaces: Sequence[str] = ()) -> Json:
    """A constraint of the cluster, as module verification_info returns it."""
    return {"name": name, "enforcement": action, "excluded_namespaces": [*excluded], "namespaces": [*namespaces], "selectors": []}


def parameters(constraint: Any) -> Json:
    return dict(constraint["spec"]["parameters"])


def test_the_constraint_of_the_defaults() -> None:
    assert made().constraints == [
        {
            "apiVersion": "constraints.gatekeeper.sh/v1beta1",
            "kind": "ImagesVerified",
            "metadata": {
                "name": "images-verified",
                "annotations": {
                    "image-trust.azure/reasons": '{"gatekeeper-system": "Gatekeeper and Ratify themselves", "kube-system": "what the cluster needs to start"}'
                },
            },
            "spec": {
                "enforcementAction": "deny",
                "match": {"kinds": KINDS, "scope": "Namespaced", "excludedNamespaces": ["kube-system", "gatekeeper-system"]},
                "parameters": {"requireDigest": True, "messageSuffix": "", "placeholderImages": [], "exemptions": []},
            },
        }
    ]


def test_the_template() -> None:
    template: Any = made().template
    assert (template["apiVersion"], template["kind"], template["metadata"]["name"]) == ("templates.gatekeeper.sh/v1", "ConstraintTemplate", "imagesverified")
    assert {"metadata.gatekeeper.sh/title", "metadata.gatekeeper.sh/version", "description"} == template["metadata"]["annotations"].keys()
    assert template["spec"]["targets"] == [{"target": "admission.k8s.gatekeeper.sh", "rego": "package imagesverified", "libs": ["package lib.pods"]}]
    schema = template["spec"]["crd"]["spec"]["validation"]["openAPIV3Schema"]["properties"]
    exemptions = {"owner": "team", "reason": "a", "ends": TODAY, "namespaces": ["a"], "images": ["b"], "service_accounts": ["c/d"]}
    [constraint] = made(policy_exemptions=[exemptions]).constraints
    assert {key: {"array": list, "boolean": bool, "string": str}[said["type"]] for key, said in schema.items()} == {
        key: type(value) for key, value in parameters(constraint).items()
    }
    assert schema["exemptions"]["items"]["properties"].keys() == parameters(constraint)["exemptions"][0].keys()


STAGES = {name: (name, *(f"{name}-{stage}" for stage in ("dryrun", "warn", "trial", "deny"))) for name in ("images-verified", "signed")}


@pytest.mark.parametrize(
    ("variables", "constraints", "absent"),
    [
        ({}, {"images-verified": ("deny", None, [])}, ["images-verified-deny", "images-verified-warn", "images-verified-dryrun"]),
        (
            {"policy_stages": [WARN_LEGACY, {"namespaces": ["lab"], "enforcement": "dryrun"}, {"namespaces": ["shop"], "enforcement": "warn"}]},
            {
                "images-verified": ("deny", None, ["legacy", "team-*", "lab", "shop"]),
                "images-verified-warn": ("warn", ["legacy", "team-*", "shop"], []),
                "images-verified-dryrun": ("dryrun", ["lab"], []),
            },
            ["images-verified-deny"],
        ),
        (
            {"policy_enforcement": "warn", "policy_stages": [{"namespaces": ["default"], "enforcement": "deny"}, WARN_LEGACY]},
            {"images-verified-deny": ("deny", ["default"], []), "images-verified": ("warn", None, ["default"])},
            ["images-verified-warn", "images-verified-dryrun"],
        ),
        (
            {"policy_constraint": "signed", "policy_stages": [{"namespaces": [], "enforcement": "warn"}]},
            {"signed": ("deny", None, [])},
            ["signed-deny", "signed-warn", "signed-dryrun"],
        ),
    ],
    ids=["no stages", "a pilot that only warns", "a pilot that denies", "a stage without namespaces"],
)
def test_each_stage_has_a_constraint_and_what_denies_comes_first(variables: Json, constraints: Json, absent: list[str]) -> None:
    name = variables.get("policy_constraint", "images-verified")
    result = made(*map(live, (*STAGES[name], "of-others", f"{name}-later")), **variables)
    excluded = ["kube-system", "gatekeeper-system"]
    assert [
        (item["metadata"]["name"], (item["spec"]["enforcementAction"], item["spec"]["match"].get("namespaces"), item["spec"]["match"]["excludedNamespaces"]))
        for item in result.constraints
    ] == [(name, (action, places, excluded + staged)) for name, (action, places, staged) in constraints.items()]
    version = "constraints.gatekeeper.sh/v1beta1"
    assert result.absent == [{"apiVersion": version, "kind": "ImagesVerified", "metadata": {"name": each}} for each in [*absent, f"{name}-trial"]]
    assert made(**variables).absent == []


def test_text_of_the_command_line_reaches_the_cluster_as_what_it_says() -> None:
    [constraint] = made(policy_require_digest="false", policy_message_suffix=1, policy_placeholder_images=["auto"]).constraints
    assert parameters(constraint) == {"requireDigest": False, "messageSuffix": "1", "placeholderImages": ["auto"], "exemptions": []}


def test_an_exemption_is_applied_to_the_end_of_its_last_day() -> None:
    result = made(policy_exemptions=[exemption(), exemption("2026-12-30"), exemption(date(2027, 1, 1), images=["docker.io/a/*"])])
    assert [each["ends"] for each in parameters(result.constraints[0])["exemptions"]] == [TODAY, "2027-01-01"]
    assert [each["ends"] for each in result.expired] == ["2026-12-30"]


DENY_DEFAULT = {"policy_enforcement": "warn", "policy_stages": [{"namespaces": ["default"], "enforcement": "deny"}]}
EXCLUDED = ["kube-system", "gatekeeper-system"]


@pytest.mark.parametrize(
    ("found", "variables", "tried"),
    [
        ([], {}, True),
        ([live(excluded=EXCLUDED)], {}, False),
        ([live(excluded=["kube-system"])], {}, False),
        ([live()], {}, False),
        ([live(excluded=[*EXCLUDED, "legacy"])], {}, True),
        ([live(excluded=[*EXCLUDED, "legacy", "team-*"])], {"policy_stages": [WARN_LEGACY]}, False),
        ([live(action="warn", excluded=EXCLUDED)], {}, True),
        ([live("another", excluded=EXCLUDED)], {}, True),
        ([], {"policy_enforcement": "warn"}, False),
        ([live(excluded=EXCLUDED)], DENY_DEFAULT, True),
        ([live("images-verified-deny", namespaces=["default"])], DENY_DEFAULT, False),
        ([live("images-verified-deny", namespaces=["shop"])], DENY_DEFAULT, True),
        ([live("images-verified-deny", "dryrun", namespaces=["default"])], DENY_DEFAULT, True),
    ],
)
def test_what_runs_is_judged_before_deny_covers_more_than_before(found: list[Json], variables: Json, tried: bool) -> None:
    assert (made(*found, **variables).trial is not None) is tried


@pytest.mark.parametrize(
    ("found", "variables", "places"),
    [
        ([], {"policy_stages": [WARN_LEGACY]}, {}),
        ([live(excluded=[*EXCLUDED, "legacy", "team-*", "shop"])], {"policy_stages": [WARN_LEGACY]}, {"namespaces": ["shop"]}),
        ([], DENY_DEFAULT, {"namespaces": ["default"]}),
        ([live("images-verified-deny", namespaces=["shop"])], DENY_DEFAULT, {"namespaces": ["default"]}),
    ],
    ids=["cluster", "one namespace more", "stage", "another stage"],
)
def test_the_trial_denies_pods_of_the_forecast_alone_as_the_constraint_that_denies_would(found: list[Json], variables: Json, places: Json) -> None:
    result = made(*found, **variables)
    [denying] = [item for item in result.constraints if item["spec"]["enforcementAction"] == "deny"]
    trial: Any = result.trial
    assert trial["metadata"] == {**denying["metadata"], "name": "images-verified-trial"}
    assert trial["spec"]["enforcementAction"] == "deny"
    assert trial["spec"]["match"] == {
        **denying["spec"]["match"],
        "kinds": [{"apiGroups": [""], "kinds": ["Pod"]}],
        **places,
        "labelSelector": {"matchLabels": {"image-trust.azure/forecast": "a1"}},
    }
    assert parameters(trial) == parameters(denying)


def test_the_trial_applies_no_exemption_of_the_user_who_runs_it() -> None:
    by_image, by_account = exemption(images=["docker.io/a/*"]), exemption(service_accounts=["ops/deployer"], namespaces=["legacy"])
    trial: Any = made(policy_exemptions=[by_image, by_account], policy_message_suffix="Ask #platform").trial
    assert parameters(trial) == {"requireDigest": True, "messageSuffix": "", "placeholderImages": [], "exemptions": [by_image]}
