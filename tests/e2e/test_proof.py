"""The proof of the lab: made by verify.yml, signed by the key of the vault, verified by openssl, and what it depends on, reported when it changes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import verdicts
from lab.azure import state as azure_state
from lab.config import PROOF_KEY, VAULT, home
from tests.support.proofs import ROOT, faults

from .conftest import Lab, Run

URL = f"https://{VAULT}.vault.azure.net/keys/{PROOF_KEY}"
QUICK = {"verify_run": "none", "verify_exempt_namespaces": []}


@pytest.fixture(scope="module")
def proof(lab: Lab, site: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of a proof of everything, signed by the vault's key."""
    path = tmp_path_factory.mktemp("proof") / "lab1.json"
    every = yaml.safe_load((ROOT / "roles/verify/defaults/main.yml").read_text())["verify_shapes"]
    run = lab.play("verify", verify_shapes=every, verify_proof_path=str(path), verify_signing_vault_key=URL)
    assert run.returncode == 0, run.error or run.output[-3000:]
    assert run.changed == []
    return path


def public_key(folder: Path) -> Path:
    """Of the key in the vault."""
    kept = azure_state.load(home() / "azure" / "state.json")
    vault = kept.vault_named(VAULT) if kept else None
    assert vault
    key = vault.keys[PROOF_KEY]
    public = folder / "public.pem"
    pem = key.versions[key.latest].private_key.encode()
    public.write_bytes(subprocess.run(["openssl", "pkey", "-pubout"], input=pem, capture_output=True, check=True).stdout)
    return public


def test_openssl_verifies_it_with_the_vaults_key_and_its_form_is_the_documented_one(proof: Path, tmp_path: Path) -> None:
    command = ["openssl", "dgst", "-sha256", "-verify", str(public_key(tmp_path)), "-signature", f"{proof}.sig"]
    assert subprocess.run([*command, str(proof)], check=False, capture_output=True).returncode == 0
    (tmp_path / "other.json").write_bytes(proof.read_bytes().replace(b"true", b"True", 1))
    assert subprocess.run([*command, str(tmp_path / "other.json")], check=False, capture_output=True).returncode != 0
    assert faults(json.loads(proof.read_text())) == []


def test_it_says_of_which_cluster_programs_and_certificates_it_is(proof: Path, kube: Any) -> None:
    found = json.loads(proof.read_text())
    assert (found["passed"], found["problems"]) == (True, [])
    assert found["cluster"]["uid"] == kube.resources.get(api_version="v1", kind="Namespace").get(name="kube-system").metadata.uid
    assert {name: program["versions"] for name, program in found["programs"].items()} == {"gatekeeper": ["3.23.1"], "ratify": ["1.4.6"]}
    assert {anchor["name"]: anchor["not_after"][:4] for anchor in found["anchors"]}["brooklyn-io-2025"] == "2025"
    assert all(anchor["sha256"] for anchor in found["anchors"])
    assert "brooklyn-io-2025 of kmprovider-akv expired on 2025-12-31" in Path(f"{proof}.txt").read_text()


def test_the_page_of_verdicts_is_what_the_cluster_says(proof: Path) -> None:
    assert verdicts.page(json.loads(proof.read_text())) == (ROOT / "docs/verdicts.md").read_text(), "write it again: python -m lab.verdicts"


@pytest.fixture
def other_words(kube: Any) -> Iterator[None]:
    """The constraint says something else at the end of a denial."""
    constraints = kube.resources.get(api_version="constraints.gatekeeper.sh/v1beta1", kind="ImagesVerified")
    before = constraints.get(name="images-verified").spec.parameters.messageSuffix

    def say(words: str | None) -> None:
        body = {"spec": {"parameters": {"messageSuffix": words}}}
        constraints.patch(name="images-verified", body=body, content_type="application/merge-patch+json")

    say("Somebody was here")
    yield
    say(before)


def test_the_next_run_reports_a_manual_change(lab: Lab, proof: Path, other_words: None) -> None:
    run = lab.play("verify", **QUICK, verify_proof_path=str(proof))
    assert run.returncode == 0, run.error
    assert "policy, constraints: " in run.output
    assert "policy, templates: " not in run.output
    assert not Path(f"{proof}.sig").exists()


def test_a_key_that_cannot_sign_is_found_before_the_cluster_is_asked(lab: Lab, site: Run, tmp_path: Path) -> None:
    run = lab.play("verify", **QUICK, verify_proof_path=str(tmp_path / "lab1.json"), verify_signing_key=str(tmp_path / "none.pem"))
    assert ": The proof cannot be signed: the signing key " in run.errors[0]
    assert "Get the cluster's verdicts" not in run.output
    assert list(tmp_path.iterdir()) == []
