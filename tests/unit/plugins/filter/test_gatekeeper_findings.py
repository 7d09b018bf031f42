"""What role gatekeeper refuses of its variables before it asks the cluster, each in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.filter.gatekeeper_findings import FilterModule

ROOT = Path(__file__).parents[4]
gatekeeper_findings = FilterModule().filters()["gatekeeper_findings"]

RESERVED = {"replicas": "set gatekeeper_replicas", "image.release": "set gatekeeper_chart_version"}
DEFAULTS = yaml.safe_load((ROOT / "roles/gatekeeper/defaults/main.yml").read_text())
LONG = "long an image is admitted whose trust was withdrawn"


def findings(**given: Any) -> list[str]:
    found: list[str] = gatekeeper_findings({**DEFAULTS, **given}, RESERVED)
    return found


def rules(*resources: str, operations: tuple[str, ...] = ("CREATE", "UPDATE")) -> list[dict[str, Any]]:
    return [{"apiGroups": [""], "apiVersions": ["v1"], "operations": list(operations), "resources": list(resources)}]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"gatekeeper_validation_timeout": 30, "gatekeeper_mutation_timeout": 1},
        {"gatekeeper_validation_timeout": "5", "gatekeeper_replicas": "2", "gatekeeper_min_available": "1", "gatekeeper_wait_timeout": "600"},
        {"gatekeeper_replicas": 10, "gatekeeper_min_available": 9},
        {"gatekeeper_replicas": "10", "gatekeeper_min_available": "9"},
        {"gatekeeper_replicas": 1, "gatekeeper_min_available": 0},
        {"gatekeeper_response_cache": "3m"},
        {"gatekeeper_response_cache": "1m59.5s"},
        {"gatekeeper_response_cache": "0s"},
        {"gatekeeper_response_cache": "0"},
        {"gatekeeper_response_cache": 0},
        {"gatekeeper_spread": []},
        {"gatekeeper_spread": ["rack"]},
        {"gatekeeper_exempt_namespaces": []},
        {"gatekeeper_exempt_namespaces": [{"name": "0-a", "reason": "a"}], "gatekeeper_covered_namespaces": [{"name": "b", "reason": "b"}]},
        {"gatekeeper_validated_resources": rules("*", "*/*")},
        {"gatekeeper_validated_resources": [*rules("pods"), *rules("pods/*", operations=("*",))]},
        {"gatekeeper_failure_policy": "Ignore", "gatekeeper_failure_policy_reason": "a trial until June"},
        {"gatekeeper_values": {"logDenies": True, "image": {"pullPolicy": "Always"}}},
        {"gatekeeper_chart_version": "3.24.0-rc.1"},
    ],
)
def test_variables_that_gatekeeper_can_take_are_not_refused(given: dict[str, Any]) -> None:
    assert findings(**given) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"gatekeeper_validation_timeout": 31}, "gatekeeper_validation_timeout is 31, but must be 1 to 30"),
        ({"gatekeeper_validation_timeout": "31"}, "gatekeeper_validation_timeout is 31, but must be 1 to 30"),
        ({"gatekeeper_mutation_timeout": 0}, "gatekeeper_mutation_timeout is 0, but must be 1 to 30"),
        ({"gatekeeper_mutation_timeout": "2s"}, "gatekeeper_mutation_timeout is '2s', but must be a whole number."),
        ({"gatekeeper_replicas": 2.5}, "gatekeeper_replicas is 2.5, but must be a whole number."),
        ({"gatekeeper_replicas": True}, "gatekeeper_replicas is True, but must be a whole number."),
        ({"gatekeeper_replicas": 0, "gatekeeper_min_available": -1}, "gatekeeper_replicas is 0, but must be 1 or more."),
        ({"gatekeeper_min_available": -1}, "gatekeeper_min_available is -1, but must be 0 or more."),
        ({"gatekeeper_wait_timeout": 0}, "gatekeeper_wait_timeout is 0, but must be 1 or more."),
        ({"gatekeeper_answer_timeout": -3}, "gatekeeper_answer_timeout is -3, but must be 1 or more."),
        ({"gatekeeper_min_available": 3}, "gatekeeper_min_available (3) has to be smaller than gatekeeper_replicas (3), or no node"),
        ({"gatekeeper_replicas": "10", "gatekeeper_min_available": "10"}, "gatekeeper_min_available (10) has to be smaller than gatekeeper_replicas (10)"),
        ({"gatekeeper_response_cache": "8760h"}, f"gatekeeper_response_cache is '8760h', but must be 3m at most: so {LONG}."),
        ({"gatekeeper_response_cache": "3m1ms"}, "gatekeeper_response_cache is '3m1ms', but must be 3m at most"),
        ({"gatekeeper_response_cache": "10"}, "gatekeeper_response_cache is '10', but must be a duration, such as 10s."),
        ({"gatekeeper_response_cache": 10}, "gatekeeper_response_cache is 10, but must be a duration, such as 10s."),
        ({"gatekeeper_response_cache": ""}, "gatekeeper_response_cache is '', but must be a duration, such as 10s."),
        ({"gatekeeper_response_cache": "-1s"}, "gatekeeper_response_cache is '-1s', but must be a duration, such as 10s."),
        ({"gatekeeper_exempt_namespaces": [{"name": "team-*", "reason": "a"}]}, "gatekeeper_exempt_namespaces has 'team-*', which is no name of a namespace"),
        ({"gatekeeper_covered_namespaces": [{"name": "A", "reason": "a"}]}, "gatekeeper_covered_namespaces has 'A', which is no name of a namespace"),
        ({"gatekeeper_exempt_namespaces": [{"name": "a" * 64, "reason": "a"}]}, f"gatekeeper_exempt_namespaces has '{'a' * 64}', which is no name"),
        ({"gatekeeper_exempt_namespaces": [{"name": "a\n", "reason": "a"}]}, "gatekeeper_exempt_namespaces has 'a\\n', which is no name"),
        ({"gatekeeper_exempt_namespaces": [{"name": "a", "reason": " \t"}]}, "gatekeeper_exempt_namespaces has a without a reason"),
        ({"gatekeeper_covered_namespaces": [{"name": "kube-system", "reason": "a"}]}, "gatekeeper_covered_namespaces has kube-system, which gatekeeper_exempt"),
        ({"gatekeeper_namespace": "Gatekeeper"}, "gatekeeper_namespace has 'Gatekeeper', which is no name of a namespace"),
        ({"gatekeeper_spread": "kubernetes.io/hostname"}, "gatekeeper_spread is 'kubernetes.io/hostname', but must be a list."),
        ({"gatekeeper_spread": ["a/b/c"]}, "gatekeeper_spread has 'a/b/c', which is no name of a node's label"),
        ({"gatekeeper_spread": [""]}, "gatekeeper_spread has '', which is no name of a node's label"),
        ({"gatekeeper_spread": ["rack", "rack"]}, "gatekeeper_spread has rack twice; name it once."),
        (
            {"gatekeeper_validated_resources": [*rules("pods", operations=("CREATE",)), *rules("pods/ephemeralcontainers")]},
            "gatekeeper_validated_resources leaves out UPDATE pods: ",
        ),
        ({"gatekeeper_validated_resources": []}, "gatekeeper_validated_resources leaves out CREATE pods, UPDATE pods, UPDATE pods/ephemeralcontainers: "),
        ({"gatekeeper_validated_resources": "pods"}, "gatekeeper_validated_resources is 'pods', but must be a list."),
        ({"gatekeeper_failure_policy": "Ignore"}, "gatekeeper_failure_policy is Ignore, but gatekeeper_failure_policy_reason is empty: "),
        ({"gatekeeper_failure_policy": "Ignore", "gatekeeper_failure_policy_reason": "\n"}, "gatekeeper_failure_policy is Ignore, but gatekeeper_failure"),
        ({"gatekeeper_chart_version": "~3.23"}, "gatekeeper_chart_version is '~3.23', but must be one version, such as 3.23.1."),
        ({"gatekeeper_chart_version": 3.2}, "gatekeeper_chart_version is 3.2, but must be one version, such as 3.23.1."),
        ({"gatekeeper_values": {"replicas": 2}}, "gatekeeper_values must not have replicas: set gatekeeper_replicas. What Gatekeeper is asked"),
    ],
)
def test_what_kubernetes_or_helm_would_refuse_later_or_would_open_the_cluster_is_refused(given: dict[str, Any], said: str) -> None:
    [sentence] = [each for each in findings(**given) if each.startswith(said)]
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = findings(gatekeeper_replicas=0, gatekeeper_response_cache="1h", gatekeeper_failure_policy="Ignore", gatekeeper_values={"image": None})
    assert [each.split()[0] for each in found] == [
        "gatekeeper_replicas",
        "gatekeeper_response_cache",
        "gatekeeper_failure_policy",
        "gatekeeper_values",
    ]
