"""The states and verdicts that proofs in tests are of, and the form that they have to have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
SCHEMA: Json = json.loads((ROOT / "docs/proof.schema.json").read_text())
PARTS = SCHEMA["properties"]["policy"]["properties"]["parts"]["required"]
ANCHOR: Json = {
    "provider": "kmprovider-akv",
    "kind": "certificate",
    "from": "vault",
    "vault": "https://image-trust-lab.vault.azure.net/",
    "name": "brooklyn-io",
    "version": "1",
    "held": True,
    "subject": "CN=brooklyn.io",
    "sha256": "b" * 64,
    "not_before": "2026-01-01T00:00:00Z",
    "not_after": "2999-01-01T00:00:00Z",
    "problem": None,
}
TRUST: Json = {
    "kind": "notation",
    "policy": "release",
    "repositories": ["contoso.azurecr.io/web"],
    "signers": ["x509.subject:CN=brooklyn.io,O=Contoso,ST=WA,C=US"],
    "providers": ["kmprovider-akv"],
}
STATUS: Json = {
    "kind": "KeyManagementProvider",
    "name": "kmprovider-akv",
    "generation": 1,
    "changed": "2026-11-24T08:00:00Z",
    "reported": "2026-11-24T08:00:01Z",
    "refresh_interval": None,
    "older": [],
}
EXEMPTION: Json = {"owner": "team", "reason": "soon signed", "ends": "2999-01-01", "images": ["docker.io/bitnami/*"], "namespaces": [], "service_accounts": []}


def verdict(image: str = "nginx:latest", **more: Any) -> Json:
    expected = more.pop("expected", "denied")
    return {
        "image": image,
        "shape": "container",
        "namespace": "default",
        "expected": expected,
        "verdict": expected,
        "passed": True,
        "message": "it has no signature",
        "refused_by": "validation.gatekeeper.sh",
        "admitted_image": None,
        "ran": None,
        **more,
    }


def state(**more: Any) -> Json:
    """What verification_info returns of a cluster where all is well."""
    program = {"pods": 2, "ready": 2, "versions": ["1.4.6"], "images": [{"image": "ratify:v1.4.6", "image_id": f"sha256:{'a' * 64}"}]}
    return {
        "changed": False,
        "cluster": {"kubernetes_version": "v1.36.4", "uid": "a2eb4051", "issuer": None},
        "programs": {"gatekeeper": program, "ratify": program},
        "policy": {
            "sha256": "0" * 64,
            "parts": {name: {"objects": 1, "sha256": "c" * 64} for name in PARTS},
            "failure_policy": "Fail",
            "failure_policy_reason": None,
        },
        "constraints": [{"name": "images-verified", "enforcement": "deny", "namespaces": [], "excluded_namespaces": ["kube-system"], "selectors": []}],
        "exempt_namespaces": [{"name": "kube-system", "by": ["constraint images-verified"], "reason": "what the cluster needs to start"}],
        "exemptions": [EXEMPTION],
        "anchors": [ANCHOR],
        "trust": [TRUST],
        "statuses": [STATUS],
        "problems": [],
        **more,
    }


def faults(proof: Any) -> list[str]:
    """Why it has not the form of a proof."""
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(proof)]


def with_more(value: Any) -> Iterator[Any]:
    """The value with one more key, in each of its objects in turn."""
    if isinstance(value, dict):
        yield {**value, "one_more": 1}
        for key, inner in value.items():
            yield from ({**value, key: other} for other in with_more(inner))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from ([*value[:number], other, *value[number + 1 :]] for other in with_more(inner))
