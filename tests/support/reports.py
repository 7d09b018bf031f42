"""report.yml run as an operations team runs it, on clusters in all states."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.support import report_proofs as proofs
from tests.support.report_proofs import NGINX, NOW, SHAPES, SIGNED, UNSIGNED, anchor, exemption, of_kubernetes, proof, verdict, with_policy

ROOT = Path(__file__).parents[2]
UNTRUSTED = "the signing certificate is not in the trust store ca:release of verifier-notation"


def run(folder: Path, clusters: list[str], *options: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """The playbook, for these clusters, whose proofs lie in the folder."""
    paths = {f"{role}_path": f"{folder}/{name}-{{{{ inventory_hostname }}}}.json" for role, name in (("verify_proof", "proof"), ("policy_audit", "audit"))}
    given = {"ansible_python_interpreter": sys.executable, **paths}
    hosts = {"clusters": {"hosts": dict.fromkeys(clusters), "vars": {**given, "report_path": f"{folder}/report.html", "report_time": NOW, **variables}}}
    (folder / "inventory.yml").write_text(yaml.safe_dump(hosts))
    return subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "image_trust.azure.report", "-i", folder / "inventory.yml", *options],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"), "HOME": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def all_states(folder: Path) -> tuple[list[str], dict[str, Any]]:
    """Proofs of clusters in every state, in the folder; their names, and the variables by which their signatures are checked."""
    key = proofs.key(folder)
    soon, later, ended = (
        anchor("release-2026", "2026-12-12T08:00:00Z"),
        anchor("partner", "2031-06-30T00:00:00Z"),
        anchor("release-2025", "2026-11-02T10:00:00Z"),
    )
    ca = {**anchor("internal-ca", "2028-03-01T00:00:00Z"), "from": "inline", "vault": None, "name": None, "version": None}
    made = [
        proof("web-production", anchors=[anchor("release", "2027-11-24T12:00:00Z"), later]),
        proof("web-staging", anchors=[anchor("release", "2027-11-24T12:00:00Z"), soon]),
        with_policy(
            proof("payments-production", anchors=[anchor("release", "2027-11-24T12:00:00Z"), ca]),
            constraints=[
                {"name": "images-verified", "enforcement": "deny", "namespaces": [], "excluded_namespaces": ["kube-system"], "selectors": []},
                {"name": "images-verified-warn", "enforcement": "warn", "namespaces": ["legacy", "reporting"], "excluded_namespaces": [], "selectors": []},
            ],
            exemptions=[
                exemption("team-legacy@contoso.example", "2026-12-01"),
                exemption(
                    "team-data@contoso.example", "2027-03-31", images=[], namespaces=["spark"], service_accounts=["spark/operator"], reason="vendor's images"
                ),
            ],
        ),
        proof(
            "shop-production",
            passed=False,
            problems=["Ratify's KeyManagementProvider kmprovider-akv: failed to get the secret: HTTP 403."],
            anchors=[ended, anchor("unread", None, subject=None, sha256=None, problem="not read from the vault")],
            verdicts=[
                *(
                    verdict(
                        SIGNED,
                        shape,
                        "denied",
                        expected="admitted",
                        passed=False,
                        message=f"[images-verified] image {SIGNED} is not verified: its signer is not trusted here ({UNTRUSTED})",
                    )
                    for shape in SHAPES
                ),
                *(verdict(image, shape, "denied") for image in (UNSIGNED, NGINX) for shape in SHAPES),
            ],
        ),
        proof(
            "shop-staging",
            cluster=of_kubernetes("shop-staging", "v1.33.7"),
            programs={
                "gatekeeper": {"pods": 3, "ready": 2, "versions": ["3.21.1"], "images": []},
                "ratify": {"pods": 2, "ready": 2, "versions": ["1.4.6"], "images": []},
            },
        ),
        proof("batch", time="2026-11-17T06:10:00Z", cluster=of_kubernetes("batch", "v1.35.2")),
        proofs.pilot("web-pilot", "shop", "billing"),
        proof("tampered"),
        proof("unsigned"),
        proof("a-cluster-with-a-very-long-name-in-the-resource-group-of-the-platform-team-europe"),
    ]
    for each in made:
        path = proofs.write(folder, each)
        if each["cluster"]["name"] != "unsigned":
            proofs.sign(path, key)
        if each["cluster"]["name"] == "tampered":
            path.write_text(path.read_text().replace('"denied"', '"admitted"', 1))
    unknown = proofs.outcome("unknown", "ops", "Pod tools", message="admitted only where ops/deployer creates the pod, and who creates it is not known")
    unjudged = [
        proofs.outcome("not_judged", "shop", f"Deployment web-{number}", message="image verification is not available: time-out") for number in range(30)
    ]
    proofs.write_audit(folder, proofs.audit("web-pilot", unknown=[unknown], not_judged=unjudged))
    proofs.write_audit(folder, {**proofs.audit("web-production"), "denied": []})
    proofs.write_audit(folder, {"cluster": "batch", "time": NOW, "denied": [], "not_judged": [], "unknown": [], "exempt": [], "admitted": []})
    proofs.write_audit(folder, proofs.audit("shop-staging", denied=None))
    opened = {"state": "open", "when": "2026-11-24T09:12:44Z", "who": "r.jansen", "why": "Key Vault is away, ticket 4711", "cluster": "shop-staging"}
    (folder / "proof-shop-staging-break-glass.jsonl").write_text(json.dumps(opened) + "\n")
    return [*(each["cluster"]["name"] for each in made), "never-proven"], {"report_public_key": f"{key}.pub"}


def fleet(folder: Path, count: int = 60) -> tuple[list[str], dict[str, Any]]:
    """Proofs of so many clusters, each of which trusts a certificate of its own, and of ten each one is failed, one unknown and three need attention."""
    names = [f"cluster-{number:02}" for number in range(count)]
    for number, name in enumerate(names):
        own = anchor(f"signer-{name}", "2027-11-24T12:00:00Z")
        made = with_policy(proof(name, anchors=[own, anchor("release", "2027-12-24T12:00:00Z")]), exemptions=[exemption(f"team-{name}", "2027-06-30")])
        match number % 10:
            case 0:
                opened = {"state": "open", "when": "2026-11-24T09:12:44Z", "who": "r.jansen", "why": f"ticket {number}"}
                (folder / f"proof-{name}-break-glass.jsonl").write_text(json.dumps(opened) + "\n")
            case 1:
                made["time"] = "2026-11-17T06:10:00Z"
            case 2:
                made["cluster"] = of_kubernetes(name, "v1.33.7")
            case 3:
                made["programs"]["ratify"]["versions"] = ["1.4.5"]
            case 4:
                made["anchors"].append(anchor(f"old-{name}", "2026-12-12T08:00:00Z"))
                proofs.write_audit(folder, proofs.audit(name))
        proofs.write(folder, made)
    return names, {}
