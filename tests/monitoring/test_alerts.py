"""The alert rules, judged by Prometheus' own promtool: each fires when what it is for happens, and none fires on a healthy cluster."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.prometheus import MONITORING, program

ALERTS = MONITORING / "alerts.yml"
RULES = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
GUIDE = MONITORING.with_suffix(".md")
ROLES = MONITORING.parents[1] / "roles"

Series = dict[str, str]
"""What was scraped each minute for three hours, in promtool's notation; "" takes a series away."""

WEBHOOKS = [f'job="gatekeeper",component="webhook",pod="webhook-{each}"' for each in "abc"]
AUDIT = ['job="gatekeeper",component="audit",pod="audit-a"']
RATIFY = [f'job="ratify",pod="ratify-{each}"' for each in "ab"]
API = ['job="apiserver"']
ASKED = [f'{API[0]},name="validation.gatekeeper.sh"']

SINCE_TEN_MINUTES = "_x170 1x10"
"""A counter that did not exist before its first count."""
DENIALS, DENIED = "gatekeeper_validation_request_count_total", 'admission_status="deny",admission_dryrun="false"'


def each(targets: list[str], name: str, values: str, labels: str = "") -> Series:
    return {f"{name}{{{target}{',' if labels else ''}{labels}}}": values for target in targets}


def histogram(targets: list[str], name: str, buckets: dict[str, int]) -> Series:
    """With so many requests a minute up to each bound."""
    return {series: values for bound, rate in buckets.items() for series, values in each(targets, f"{name}_bucket", f"0+{rate}x180", f'le="{bound}"').items()}


def slow_answers(count: str) -> Series:
    """Each pod of Ratify has given so many answers, and none in less than a tenth of a second."""
    name = "ratify_verification_request_millisecond"
    buckets = {"100": "0x180", "2300": count, "2600": count, "+Inf": count}
    return {
        **each(RATIFY, f"{name}_count", count),
        **{key: at for le, values in buckets.items() for key, at in each(RATIFY, f"{name}_bucket", values, f'le="{le}"').items()},
    }


HEALTHY: Series = {
    **each([*API, *WEBHOOKS, *AUDIT, *RATIFY], "up", "1x180"),
    **each(ASKED, "apiserver_admission_webhook_rejection_count", "0+5x180", 'error_type="no_error"'),
    **each([*WEBHOOKS, *AUDIT], "gatekeeper_constraints", "1x180", 'enforcement_action="deny",status="active"'),
    **each([*WEBHOOKS, *AUDIT], "gatekeeper_constraints", "0x180", 'enforcement_action="deny",status="error"'),
    **each(WEBHOOKS, "gatekeeper_constraint_templates", "0x180", 'status="error"'),
    **each(WEBHOOKS, "gatekeeper_providers", "2x180", 'status="active"'),
    **each(WEBHOOKS, "gatekeeper_providers", "0x180", 'status="error"'),
    **each(WEBHOOKS, DENIALS, "0x90 9x90", DENIED),
    **each(AUDIT, "gatekeeper_audit_last_run_end_time", "0+60x180"),
    **histogram(WEBHOOKS, "gatekeeper_validation_request_duration_seconds", {"0.1": 90, "4": 100, "4.5": 100, "+Inf": 100}),
    **histogram(WEBHOOKS, "gatekeeper_mutation_request_duration_seconds", {"0.1": 90, "7.5": 100, "8.5": 100, "+Inf": 100}),
    **histogram(RATIFY, "ratify_verification_request_millisecond", {"100": 90, "2300": 100, "2600": 100, "+Inf": 100}),
    **each(RATIFY, "ratify_verification_request_millisecond_count", "0+100x180"),
    **each(RATIFY, "ratify_verifier_duration_millisecond_count", "0+1x180", 'success="true",error="false"'),
    **each(RATIFY, "ratify_verifier_duration_millisecond_count", "0+6x180", 'success="false",error="true"'),
    **each(RATIFY, "ratify_registry_request_count_total", "0+9x180", 'registry_host="a.azurecr.io",status_code="401"'),
}

HAPPENS: dict[str, tuple[Series, set[str]]] = {
    "nothing": ({}, set()),
    "the mutating webhook failed open, as it may": (
        each(API, "apiserver_admission_webhook_fail_open_count", "0+1x180", 'name="mutation.gatekeeper.sh"'),
        set(),
    ),
    "the API server goes on without Gatekeeper": (
        each(ASKED, "apiserver_admission_webhook_fail_open_count", SINCE_TEN_MINUTES),
        {"ImageTrustFailedOpen"},
    ),
    "it does so again": (each(ASKED, "apiserver_admission_webhook_fail_open_count", "5x175 6x5"), {"ImageTrustFailedOpen"}),
    "it did so two hours ago": (each(ASKED, "apiserver_admission_webhook_fail_open_count", "_x60 1x120"), set()),
    "Gatekeeper does not answer the API server": (
        each(ASKED, "apiserver_admission_webhook_rejection_count", SINCE_TEN_MINUTES, 'error_type="calling_webhook_error"'),
        {"ImageTrustWebhookUnreachable"},
    ),
    "Gatekeeper cannot judge": (
        each(WEBHOOKS[:1], "gatekeeper_validation_request_count_total", SINCE_TEN_MINUTES, 'admission_status="error"'),
        {"ImageTrustWebhookErrors"},
    ),
    "Gatekeeper is slow": (
        histogram(WEBHOOKS, "gatekeeper_validation_request_duration_seconds", {"0.1": 90, "4": 98, "4.5": 100, "+Inf": 100}),
        {"ImageTrustWebhookSlow"},
    ),
    "tags are replaced slowly": (
        histogram(WEBHOOKS, "gatekeeper_mutation_request_duration_seconds", {"0.1": 90, "7.5": 97, "8.5": 100, "+Inf": 100}),
        {"ImageTrustMutationSlow"},
    ),
    "Gatekeeper's webhook has no pods": (each(WEBHOOKS, "up", ""), {"ImageTrustGatekeeperGone"}),
    "one pod of it is left": (each(WEBHOOKS[1:], "up", ""), {"ImageTrustGatekeeperNotRedundant"}),
    "one pod of it does not answer": (each(WEBHOOKS[:1], "up", "1x160 0x20"), {"ImageTrustPodDown"}),
    "Ratify has no pods": (each(RATIFY, "up", ""), {"ImageTrustRatifyGone"}),
    "the API server cannot be read": (each(API, "up", "0x180"), {"ImageTrustApiserverNotMeasured"}),
    "nothing is scraped": (
        dict.fromkeys(HEALTHY, ""),
        {"ImageTrustGatekeeperGone", "ImageTrustRatifyGone", "ImageTrustApiserverNotMeasured", "ImageTrustAuditStale"},
    ),
    "one pod lost the constraint": (
        each(WEBHOOKS[:1], "gatekeeper_constraints", "1x160 0x20", 'enforcement_action="deny",status="active"'),
        {"ImageTrustConstraintMissing"},
    ),
    "one pod never had a constraint": (
        {series: "" for series in HEALTHY if series.startswith("gatekeeper_constraints") and WEBHOOKS[0] in series},
        {"ImageTrustConstraintMissing"},
    ),
    "the constraint only warns": (
        {
            **each(WEBHOOKS, "gatekeeper_constraints", "0x180", 'enforcement_action="deny",status="active"'),
            **each(WEBHOOKS, "gatekeeper_constraints", "1x180", 'enforcement_action="warn",status="active"'),
        },
        {"ImageTrustNothingDenied"},
    ),
    "the constraint has an error": (
        each(WEBHOOKS[:1], "gatekeeper_constraints", "1x180", 'enforcement_action="deny",status="error"'),
        {"ImageTrustConstraintBroken"},
    ),
    "the template has an error": (each(WEBHOOKS[:1], "gatekeeper_constraint_templates", "1x180", 'status="error"'), {"ImageTrustConstraintBroken"}),
    "a provider has an error": (each(WEBHOOKS[:1], "gatekeeper_providers", "1x180", 'status="error"'), {"ImageTrustProviderBroken"}),
    "the providers are gone": (each(WEBHOOKS[:1], "gatekeeper_providers", "2x160 0x20", 'status="active"'), {"ImageTrustProviderBroken"}),
    "the audit hangs": (each(AUDIT, "gatekeeper_audit_last_run_end_time", "0+60x150 9000x30"), {"ImageTrustAuditStale"}),
    "a ReplicaSet asks for pods that are denied": (
        each(WEBHOOKS[:1], DENIALS, "".join(f"{count}x16 " for count in range(11)), DENIED),
        {"ImageTrustDeniedWithoutEnd"},
    ),
    "verify asks by dry runs again and again": (each(WEBHOOKS[:1], DENIALS, "0+30x180", DENIED.replace("false", "true")), set()),
    "nothing was ever denied, and now everything is": (each(WEBHOOKS, DENIALS, "_x173 20x2 30x5", DENIED), {"ImageTrustDenialsRise"}),
    "some pods are always denied, and now many more": (
        each(WEBHOOKS, DENIALS, "0+1x173 260x7", DENIED),
        {"ImageTrustDenialsRise", "ImageTrustDeniedWithoutEnd"},
    ),
    "some pods are always denied, and now some more": (each(WEBHOOKS, DENIALS, "0+1x173 193x7", DENIED), {"ImageTrustDeniedWithoutEnd"}),
    "as many as ever are denied": (each(WEBHOOKS, DENIALS, "0+30x180", DENIED), {"ImageTrustDeniedWithoutEnd"}),
    "the cluster denies since five minutes, what two ReplicaSets ask for": (each(WEBHOOKS[:2], DENIALS, "_x175 18x5", DENIED), set()),
    "a pod of the webhook is new, and has denied before it was scraped": (
        {**each(WEBHOOKS, DENIALS, "_x173 20x7", DENIED), **each(WEBHOOKS, "up", "_x173 1x7")},
        set(),
    ),
    "Prometheus was away for a quarter of an hour": (
        {**each(WEBHOOKS, DENIALS, "900x160 _x14 900x6", DENIED), **each(WEBHOOKS, "up", "1x160 _x14 1x6")},
        set(),
    ),
    "the metrics of a pod could not be read for a quarter of an hour": (
        {**each(WEBHOOKS, DENIALS, "900x160 _x14 900x6", DENIED), **each(WEBHOOKS, "up", "1x160 0x13 1x6")},
        set(),
    ),
    "Ratify cannot answer": (each(RATIFY[:1], "ratify_system_error_count_total", SINCE_TEN_MINUTES, 'error="timed out"'), {"ImageTrustRatifyErrors"}),
    "Ratify is slow": (
        histogram(RATIFY, "ratify_verification_request_millisecond", {"100": 90, "2300": 98, "2600": 100, "+Inf": 100}),
        {"ImageTrustVerificationSlow"},
    ),
    "Ratify needs half its time": (
        histogram(RATIFY, "ratify_verification_request_millisecond", {"100": 70, "2300": 100, "2600": 100, "+Inf": 100}),
        {"ImageTrustRatifySlow"},
    ),
    "it does so, and is asked twelve times in half an hour": (
        slow_answers("".join(f"{count}x4 " for count in range(36))),
        {"ImageTrustRatifySlow"},
    ),
    "it does so, and is asked four times in half an hour": (slow_answers("".join(f"{count}x14 " for count in range(12))), set()),
    "no signature is good any more": (
        each(RATIFY, "ratify_verifier_duration_millisecond_count", "0+1x90 90x90", 'success="true",error="false"'),
        {"ImageTrustVerificationsFail"},
    ),
    "the registry says that there are too many requests": (
        each(RATIFY, "ratify_registry_request_count_total", "0+1x180", 'registry_host="a.azurecr.io",status_code="429"'),
        {"ImageTrustRegistryRefuses"},
    ),
}


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program("promtool"), *words], capture_output=True, text=True, check=False)


def test_promtool_accepts_the_rules() -> None:
    checked = promtool("check", "rules", "--lint-fatal", ALERTS)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("what", HAPPENS)
def test_when_this_happens_these_alerts_fire_and_no_other(what: str, tmp_path: Path) -> None:
    change, fire = HAPPENS[what]
    test = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": series, "values": values} for series, values in {**HEALTHY, **change}.items() if values],
                "promql_expr_test": [
                    {
                        "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": "178m",
                        "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(fire)],
                    }
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(json.dumps(test))
    judged = promtool("test", "rules", tmp_path / "test.yml")
    assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.mark.parametrize(
    ("alert", "variable", "share"),
    [
        ("ImageTrustWebhookSlow", "gatekeeper_validation_timeout", 0.8),
        ("ImageTrustMutationSlow", "gatekeeper_mutation_timeout", 0.8),
        ("ImageTrustVerificationSlow", "ratify_validation_timeout", 0.8),
        ("ImageTrustRatifySlow", "ratify_validation_timeout", 0.5),
    ],
)
def test_an_alert_fires_at_its_share_of_the_roles_time_out(alert: str, variable: str, share: float) -> None:
    rule = next(rule for rule in RULES if rule["alert"] == alert)
    (metric, threshold) = re.findall(r"(_seconds|_millisecond)_bucket\{.*\)\)\)? > ([0-9.]+)", rule["expr"])[0]
    seconds = yaml.safe_load((ROLES / variable.split("_")[0] / "defaults/main.yml").read_text())[variable]
    assert float(threshold) == pytest.approx(share * seconds * (1000 if metric == "_millisecond" else 1))
    assert f"{variable}, {seconds} s unless set otherwise" in rule["annotations"]["description"]


def test_each_alert_was_seen_firing() -> None:
    assert {name for _, fire in HAPPENS.values() for name in fire} == {rule["alert"] for rule in RULES}


def test_the_guide_says_what_to_do_about_each_alert() -> None:
    guide = GUIDE.read_text()
    assert [rule["alert"] for rule in RULES if f"`{rule['alert']}`" not in guide] == []


def test_what_an_alert_says_of_the_moment_is_filled_in(tmp_path: Path) -> None:
    rule = next(rule for rule in RULES if rule["alert"] == "ImageTrustRegistryRefuses")
    change, _ = HAPPENS["the registry says that there are too many requests"]
    fires = {
        "exp_labels": {"severity": "warning", "registry_host": "a.azurecr.io"},
        "exp_annotations": {"summary": "Registry a.azurecr.io refuses Ratify", "description": rule["annotations"]["description"]},
    }
    test = {
        "rule_files": [str(ALERTS)],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": series, "values": values} for series, values in change.items()],
                "alert_rule_test": [{"eval_time": "60m", "alertname": rule["alert"], "exp_alerts": [fires]}],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(json.dumps(test))
    judged = promtool("test", "rules", tmp_path / "test.yml")
    assert judged.returncode == 0, judged.stdout + judged.stderr
