"""Containers that another webhook adds to a pod, before Gatekeeper's or after it, and placeholders that it replaces."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.config import home
from lab.pki import Authority
from tests.support.seeds import soak

from .conftest import ROOT, Run
from .pods import SIGNED, UNSIGNED, pod, policy, refusal
from .watching import inside
from .workloads import deployment

Json = dict[str, Any]
PORT = 9555
INJECTED = {"labels": {"inject": "yes"}}

__all__ = ["policy"]


def configuration(name: str, namespace: str) -> Json:
    client = {"url": f"https://127.0.0.1:{PORT}/", "caBundle": base64.b64encode((home() / "ca.crt").read_bytes()).decode()}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    hook = {
        "name": "injector.example.com",
        "clientConfig": client,
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": name}, "webhooks": [hook]}


@contextmanager
def injecting(kube: Any, folder: Path, name: str, namespace: str, sidecar: str, program: str = SIGNED) -> Iterator[None]:
    """While another webhook of that name adds the sidecar to pods of the namespace, and puts the program in the place of `auto`."""
    certificate, key = Authority.kept(home(), "image-trust-lab").issue(folder / "injector", "injector", names=["127.0.0.1"])
    script: list[str | Path] = [sys.executable, ROOT / "tests/e2e/injector.py", certificate, key, str(PORT), sidecar, program]
    # nsenter passes no signal on; when it ends, this does.
    process = subprocess.Popen(inside("setpriv", "--pdeathsig", "TERM", *script, folder=folder))
    webhooks = kube.resources.get(api_version="admissionregistration.k8s.io/v1", kind="MutatingWebhookConfiguration")
    webhooks.create(body=configuration(name, namespace))
    try:
        until_it_answers(kube, namespace)
        yield
    finally:
        webhooks.delete(name=name)
        process.terminate()
        process.wait(30)


def until_it_answers(kube: Any, namespace: str) -> None:
    deadline = time.monotonic() + 30
    while "injector.example.com" in (said := refusal(kube, pod(SIGNED, **INJECTED), namespace)) or len(stored(kube, namespace, pod(SIGNED, **INJECTED))) < 2:
        assert time.monotonic() < deadline, said
        time.sleep(0.5)


def stored(kube: Any, namespace: str, body: Json) -> list[str]:
    """Images of the pod as it would be stored; none where it is refused."""
    if refusal(kube, body, namespace):
        return [""] * 2
    found = kube.resources.get(api_version="v1", kind="Pod").create(namespace=namespace, body=body, dry_run="All")
    return [container.image for container in found.spec.containers]


@pytest.mark.parametrize("name", ["aa-injector", "zz-injector"])
def test_a_sidecar_is_pinned_and_verified_like_any_other_container(kube: Any, team: str, tmp_path: Path, name: str) -> None:
    with injecting(kube, tmp_path, name, team, SIGNED):
        own, side = stored(kube, team, pod(SIGNED, **INJECTED))
        assert own == side
        assert "@sha256:" in side
    with injecting(kube, tmp_path, name, team, UNSIGNED):
        assert "it has no signature" in refusal(kube, pod(SIGNED, **INJECTED), team)
        assert refusal(kube, pod(SIGNED), team) == ""


def test_a_placeholder_is_allowed_in_what_makes_pods_and_in_no_pod(kube: Any, team: str, tmp_path: Path, policy: Any) -> None:
    gateway = deployment("gateway", "auto", 1)
    assert "image auto is not verified" in refusal(kube, gateway, team)
    changed: Run = policy(policy_placeholder_images=["auto"], policy_force_deny="lab1")
    assert changed.returncode == 0, changed.error
    assert refusal(kube, gateway, team) == ""
    assert refusal(kube, pod("auto"), team) != ""
    with injecting(kube, tmp_path, "aa-injector", team, SIGNED):
        (image,) = stored(kube, team, pod("auto"))
        assert image.startswith(SIGNED.partition(":")[0]), image
        assert "@sha256:" in image


@soak("the placeholder that an injector before Gatekeeper's replaces")
def test_behind_gatekeepers_order_a_placeholder_needs_a_namespace_without_mutation(
    kube: Any, team: str, tmp_path: Path, policy: Callable[..., Run], ratify: Callable[..., Run]
) -> None:
    """As docs say for Istio's gateways, whose webhook comes after Gatekeeper's."""
    (digest,) = stored(kube, team, pod(SIGNED))
    assert policy(policy_placeholder_images=["auto"], policy_force_deny="lab1").returncode == 0
    with injecting(kube, tmp_path, "zz-injector", team, digest, digest):
        assert "failed to resolve external data placeholders" in refusal(kube, pod("auto"), team)
        excluded = ratify(ratify_mutation_excluded_namespaces=["kube-system", "gatekeeper-system", team])
        assert excluded.returncode == 0, excluded.error
        assert stored(kube, team, pod("auto")) == [digest]
        assert stored(kube, team, pod("auto", **INJECTED)) == [digest, digest]
        assert "not pinned to a digest" in refusal(kube, pod(SIGNED), team)
    assert ratify().returncode == 0
