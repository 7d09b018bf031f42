"""Proofs as role verify writes them, for reports."""

from __future__ import annotations

import json
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

from tests.support.proofs import PARTS

NOW = "2026-11-24T12:00:00Z"
SHAPES = ("container", "init_container", "ephemeral_container", "deployment", "replica_set", "stateful_set", "daemon_set", "job", "cron_job")
SIGNED, UNSIGNED, NGINX = "contoso.azurecr.io/web:stable", "contoso.azurecr.io/web:unsigned", "nginx:latest"


def anchor(name: str, not_after: str | None, **more: Any) -> dict[str, Any]:
    """A certificate of the vault."""
    return {
        "provider": "kmprovider-akv",
        "kind": "certificate",
        "from": "vault",
        "vault": "https://contoso-signing.vault.azure.net/",
        "name": name,
        "version": "d14071e06f0d4d16a841c0a61e9ab072",
        "held": True,
        "subject": f"CN={name}.contoso.example,O=Contoso,ST=Noord-Holland,C=NL",
        "sha256": (name.encode().hex() * 64)[:64],
        "not_before": "2025-01-01T00:00:00Z",
        "not_after": not_after,
        "problem": None,
        **more,
    }


def trust(*repositories: str, **more: Any) -> dict[str, Any]:
    """A trust policy for these repositories."""
    signers = ["x509.subject:CN=release.contoso.example,O=Contoso,ST=Noord-Holland,C=NL"]
    return {"kind": "notation", "policy": "release", "repositories": [*repositories], "signers": signers, "providers": ["kmprovider-akv"], **more}


def exemption(owner: str, ends: str | None, **more: Any) -> dict[str, Any]:
    given = {"owner": owner, "reason": "moves to signed images with release 7", "ends": ends, "images": ["docker.io/bitnami/*"], "namespaces": ["legacy"]}
    return {**given, "service_accounts": [], "ended": False, **more}


def verdict(image: str, shape: str, said: str, namespace: str = "default", **more: Any) -> dict[str, Any]:
    message = "" if said == "admitted" else f"[images-verified] image {image} is not verified: it has no signature"
    asked = {"image": image, "shape": shape, "namespace": namespace, "expected": said, "verdict": said, "passed": True, "message": message}
    return {**asked, "refused_by": None, "admitted_image": None, "ran": None, **more}


def of_kubernetes(name: str, version: str | None) -> dict[str, Any]:
    return {"name": name, "id": None, "kubernetes_version": version, "uid": f"uid-of-{name}", "issuer": f"https://issuer/{name}/"}


def proof(name: str, **more: Any) -> dict[str, Any]:
    """Of a cluster with which all is well, but for what `more` says."""
    said = {SIGNED: "admitted", UNSIGNED: "denied", NGINX: "denied"}
    program = {"ready": 3, "pods": 3, "images": []}
    return {
        "schema": 1,
        "collection": {"name": "image_trust.azure", "version": "1.0.0"},
        "time": "2026-11-24T06:10:00Z",
        "passed": True,
        "problems": [],
        "cluster": of_kubernetes(name, "v1.36.4"),
        "programs": {"gatekeeper": {**program, "versions": ["3.23.1"]}, "ratify": {**program, "versions": ["1.4.6"]}},
        "constraint": "images-verified",
        "namespace": "default",
        "pilot": [],
        "policy": {
            "sha256": "6b1b36cbb04b41490bfc0ab2bfa26f86f4c1b5a0d3c8e7f6a5b4c3d2e1f00112",
            "parts": {name: {"objects": 1, "sha256": "c" * 64} for name in PARTS},
            "failure_policy": "Fail",
            "failure_policy_reason": None,
            "constraints": [
                {
                    "name": "images-verified",
                    "enforcement": "deny",
                    "namespaces": [],
                    "excluded_namespaces": ["gatekeeper-system", "kube-system"],
                    "selectors": [],
                },
            ],
            "exempt_namespaces": [
                {"name": "gatekeeper-system", "by": ["constraint images-verified"], "reason": "Gatekeeper and Ratify themselves"},
                {"name": "kube-system", "by": ["constraint images-verified"], "reason": "what the cluster needs to start"},
            ],
            "exemptions": [],
        },
        "anchors": [anchor("release", "2027-11-24T12:00:00Z")],
        "trust": [trust("contoso.azurecr.io/web")],
        "verdicts": [
            *(verdict(image, shape, verdict_) for image, verdict_ in said.items() for shape in SHAPES),
            *(verdict(image, "container", "admitted", "kube-system") for image in said),
        ],
        "signed_by": None,
        **deepcopy(more),
    }


def pilot(name: str, *namespaces: str, **more: Any) -> dict[str, Any]:
    """Of a pilot that does what it should."""
    made = proof(name, passed=False, problems=[f"It is a pilot: the policy denies in {', '.join(namespaces)} only."], pilot=[*namespaces], **more)
    [whole] = made["policy"]["constraints"]
    denies = {**whole, "name": "images-verified-deny", "namespaces": [*namespaces], "excluded_namespaces": []}
    return with_policy(made, constraints=[{**whole, "enforcement": "warn"}, denies])


def audit(name: str, **more: Any) -> dict[str, Any]:
    """As role policy writes it."""
    denied = outcome(
        "denied", "shop", "Deployment web", "CronJob nightly", message="image contoso.azurecr.io/web@sha256:22f1 is not verified: it has no signature"
    )
    exempt = outcome("exempt", "shop", "Deployment proxy", message="nginx:1.29 until 2027-03-31 (platform: vendor image)")
    admitted = [outcome("admitted", namespace, "Deployment api") for namespace in ("shop", "billing")]
    found = {"denied": [denied], "not_judged": [], "unknown": [], "exempt": [exempt], "admitted": admitted}
    api, proxy = (_workload("Deployment", each) for each in ("api", "proxy"))
    release = signed("CN=release,O=Contoso,ST=Noord-Holland,C=NL", trusted=True, trust_policy="release", certificate_expires="2027-01-12T08:00:00Z")
    dates = {"certificate_expires": "2027-12-12T08:00:00Z", "expires": "2027-12-01T08:00:00Z", "time_stamp": "2026-11-01T08:00:00Z"}
    stranger = signed("CN=somebody,O=Else,ST=Utrecht,C=NL", **dates, problem="its signer is not trusted")
    by_key = signed(None, kind="cosign", trusted=None, problem="by which key cosign has signed is not known")
    digests = [f"contoso.azurecr.io/{each}@sha256:{digit * 64}" for each, digit in (("api", "1"), ("proxy", "2"), ("tools", "3"), ("nginx", "4"))]
    images = [
        running(digests[0], [api], release, trusted=True, restartable_until="2027-01-12T08:00:00Z", ending=ENDING),
        running(digests[1], [proxy], release, stranger, trusted=False, problem="its signer is not trusted"),
        running(digests[2], [], by_key, trusted=None, problem="by which key cosign has signed is not known"),
        running(digests[3], [proxy], trusted=None, problem="Could not read it: check the name, and the proxy of this machine.", signatures=None),
    ]
    ends = {"day": "2027-01-12", "time": "2027-01-12T08:00:00Z", "reason": ENDING, "images": digests[:1], "workloads": [api]}
    return {"cluster": name, "time": "2026-11-22T06:10:00Z", **found, "images": images, "until": [ends], **more}


ENDING = "the certificate CN=release,O=Contoso,ST=Noord-Holland,C=NL expires"


def _workload(kind: str, name: str) -> dict[str, str]:
    return {"namespace": "shop", "kind": kind, "name": name}


def signed(signer: str | None, **more: Any) -> dict[str, Any]:
    """A signature, as module signature_forecast returns it."""
    none = dict.fromkeys(("certificate_expires", "expires", "time_stamp", "trust_policy", "problem"))
    return {"kind": "notation", "signer": signer, "thumbprint_sha256": "1f" * 32 if signer else None, "trusted": False, **none, **more}


def running(image: str, workloads: list[dict[str, str]], *signatures: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An image, as it returns it."""
    none = dict.fromkeys(("problem", "restartable_until", "ending"))
    return {"image": image, "workloads": workloads, "needed_by": workloads, **none, "signatures": [*signatures], **more}


def outcome(verdict_: str, namespace: str, *workloads: str, message: str = "") -> dict[str, Any]:
    """As module admission_forecast returns it."""
    sentence = f"{namespace}: {', '.join(workloads)}: {message}"
    return {"namespace": namespace, "workloads": [*workloads], "images": [UNSIGNED], "verdict": verdict_, "message": message, "sentence": sentence}


def write_audit(folder: Path, made: dict[str, Any]) -> Path:
    path = folder / f"audit-{made['cluster']}.json"
    path.write_text(json.dumps(made))
    return path


def with_policy(made: dict[str, Any], **policy: Any) -> dict[str, Any]:
    return {**made, "policy": {**made["policy"], **policy}}


def write(folder: Path, made: dict[str, Any]) -> Path:
    path = folder / f"proof-{made['cluster']['name']}.json"
    path.write_text(json.dumps(made))
    return path


def key(folder: Path) -> Path:
    """A new private key; beside it, with .pub added, its public one."""
    path = folder / "key.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-out", f"{path}.pub"], check=True, capture_output=True)
    return path


def sign(path: Path, by: Path) -> None:
    subprocess.run(["openssl", "dgst", "-sha256", "-sign", by, "-out", f"{path}.sig", path], check=True)
