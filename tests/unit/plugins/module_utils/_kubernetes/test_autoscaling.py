"""Whose the number of a Deployment's pods is."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.autoscaling import autoscaled

Json = dict[str, Any]


def deployment(pods: int | None, kind: str = "Deployment") -> Json:
    return {"kind": kind, "metadata": {"name": "web"}, "spec": {"paused": False, **({} if pods is None else {"replicas": pods})}}


def autoscaler(most: int, kind: str = "Deployment", name: str = "web", **target: Any) -> Json:
    return {"spec": {"maxReplicas": most, "scaleTargetRef": {"kind": kind, "name": name, **target}}}


@pytest.mark.parametrize(
    ("given", "live", "autoscalers", "pods"),
    [
        (2, 2, [autoscaler(5)], 2),
        (2, 3, [autoscaler(5)], 3),
        (2, 5, [autoscaler(5, apiVersion="apps/v1")], 5),
        (2, 6, [autoscaler(5)], 2),
        (2, 6, [autoscaler(5), autoscaler(6)], 6),
        (2, 1, [autoscaler(5)], 2),
        (2, 0, [autoscaler(5)], 2),
        (0, 1, [autoscaler(5)], 1),
        (None, 3, [autoscaler(5)], 3),
        (2, None, [autoscaler(5)], 2),
        (2, 3, [], 2),
        (2, 3, [autoscaler(5, name="other")], 2),
        (2, 3, [autoscaler(5, kind="StatefulSet")], 2),
        (2, 3, [autoscaler(5, apiVersion="example.com/v1")], 2),
    ],
)
def test_an_autoscaler_adds_pods_to_those_that_are_given(given: int | None, live: int | None, autoscalers: list[Json], pods: int) -> None:
    assert autoscaled(deployment(given), deployment(live), autoscalers) == deployment(pods)


def test_of_anything_but_a_deployment_the_number_is_as_given() -> None:
    given, live = (deployment(pods, "StatefulSet") for pods in (2, 3))
    assert autoscaled(given, live, [autoscaler(5)]) == given
