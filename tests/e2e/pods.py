"""Pods of signed and unsigned images, and what the cluster says to them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import kubernetes
import pytest

from lab.config import REGISTRY, REPOSITORY

from .conftest import ONE_ROLE, Lab, Run

IMAGE = f"{REGISTRY}.azurecr.io/{REPOSITORY}"
SIGNED, UNSIGNED = f"{IMAGE}:signed", f"{IMAGE}:unsigned"


@pytest.fixture(scope="module")
def policy(lab: Lab, site: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Runs the role alone, with these variables; at the end the policy is what the inventory says."""
    playbook = tmp_path_factory.mktemp("policy") / "policy.yml"
    playbook.write_text(ONE_ROLE.replace("NAME", "policy"))

    def run(**variables: Any) -> Run:
        return lab.play(playbook, **variables)

    yield run
    assert run(policy_force_deny="lab1").returncode == 0


def refusal(kube: Any, body: dict[str, Any], namespace: str, *, dry_run: bool = True) -> str:
    """Why the object would be refused, empty where it would not be."""
    options = {"dry_run": "All"} if dry_run else {}
    try:
        kube.resources.get(api_version=body["apiVersion"], kind=body["kind"]).create(body=body, namespace=namespace, **options)
    except kubernetes.client.ApiException as error:
        return str(json.loads(error.body or "{}")["message"])
    return ""


def pod(image: str, **metadata: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "it", "image": image}], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "it", **metadata}, "spec": spec}


def denied_soon(kube: Any, body: dict[str, Any], namespace: str, *, expected: bool = True) -> str:
    """As `refusal`, but within the time for which Gatekeeper and Ratify keep answers and a changed constraint spreads."""
    deadline = time.monotonic() + 30
    while bool(said := refusal(kube, body, namespace)) is not expected and time.monotonic() < deadline:
        time.sleep(1)
    return said
