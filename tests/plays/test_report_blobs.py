"""Proofs, audits and the report in Blob Storage: what AWX' folder of proofs may be in place of a mounted volume."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.yaml.loader import AnsibleLoader

from lab.azure.state import StorageAccount
from lab.config import RESOURCE_GROUP
from tests.support import report_proofs as proofs
from tests.support.blobs import ACCOUNT, FOLDER, new_container, permit, put, texts
from tests.support.emulated import SECRET, Emulated
from tests.support.proofs import state, verdict
from tests.support.report_proofs import NOW, proof

ROOT = Path(__file__).parents[2]
PATHS: dict[str, Any] = AnsibleLoader((ROOT / "awx/controller.yml").read_text()).get_single_data()["image_trust_paths"]
CLUSTERS = ("web", "shop")
REPORT = ("image-trust.html", "image-trust.json", "image-trust.prom")
OPEN = {"state": "open", "when": "2026-11-24T09:00:00Z", "who": "me", "why": "it burns"}


@pytest.fixture
def account(public_azure: Emulated) -> StorageAccount:
    """A storage account under its public name, in whose container the tests' principal may write."""
    return new_container(public_azure, RESOURCE_GROUP)


def inventory(folder: Path, **variables: Any) -> None:
    """As AWX gives the variables of its templates."""
    paths = {name: str(value) for name, value in PATHS.items()} | {"image_trust_folder": FOLDER}
    given = {"ansible_python_interpreter": sys.executable, "report_time": NOW, **paths, **variables}
    (folder / "inventory.yml").write_text(json.dumps({"clusters": {"hosts": dict.fromkeys(CLUSTERS), "vars": given}}))


def play(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "inventory.yml", *arguments],
        cwd=folder,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def succeeded(done: subprocess.CompletedProcess[str]) -> int:
    """Number of changes."""
    assert done.returncode == 0, done.stdout + done.stderr
    assert SECRET not in done.stdout
    return sum(map(int, re.findall(r"changed=(\d+)", done.stdout)))


def written(azure: Emulated) -> list[str]:
    return [entry.path for entry in azure.requests if entry.method in ("PUT", "DELETE") and f"https://{entry.host}" == ACCOUNT]


def test_the_report_of_two_clusters_is_read_from_blobs_and_written_to_them(account: StorageAccount, azure: Emulated, tmp_path: Path) -> None:
    given = {f"{name}.json": json.dumps(proof(name)).encode() for name in CLUSTERS}
    given |= {"web-audit.json": json.dumps(proofs.audit("web")).encode(), "shop-break-glass.jsonl": json.dumps(OPEN).encode()}
    put(account, given)
    inventory(tmp_path)
    azure.forget_requests()
    assert succeeded(play(tmp_path, "image_trust.azure.report", "--check", "--diff")) == 1
    assert texts(account) == given
    done = play(tmp_path, "image_trust.azure.report")
    assert succeeded(done) == 1
    assert f"{FOLDER}/image-trust.html: Of 2 clusters 1 is failed and 1 is in need of attention." in done.stdout
    made = json.loads(texts(account)["image-trust.json"])
    assert {each["name"]: (each["state"], bool(each["audit"])) for each in made["clusters"]} == {"shop": ("failed", False), "web": ("attention", True)}
    azure.forget_requests()
    assert succeeded(play(tmp_path, "image_trust.azure.report")) == 0
    assert written(azure) == []
    # A run logs in once.
    assert len([entry for entry in azure.requests if entry.path.endswith("/token")]) == 1


def test_the_report_is_the_same_in_a_container_as_in_a_folder(account: StorageAccount, tmp_path: Path) -> None:
    put(account, {f"{name}.json": json.dumps(proof(name)).encode() for name in CLUSTERS})
    inventory(tmp_path)
    succeeded(play(tmp_path, "image_trust.azure.report"))
    for name in CLUSTERS:
        (tmp_path / f"{name}.json").write_text(json.dumps(proof(name)))
    inventory(tmp_path, image_trust_folder=str(tmp_path))
    succeeded(play(tmp_path, "image_trust.azure.report"))
    for name in REPORT:
        assert texts(account)[name].decode().replace(FOLDER, str(tmp_path)) == (tmp_path / name).read_text()


def test_a_container_without_the_role_is_named_and_nothing_is_written(account: StorageAccount, azure: Emulated, tmp_path: Path) -> None:
    permit(azure, account, None)
    inventory(tmp_path)
    done = play(tmp_path, "image_trust.azure.report")
    assert done.returncode == 2
    assert "assign the login the role Storage Blob Data Contributor on the container" in " ".join(done.stdout.replace("\\n", " ").split())
    assert texts(account) == {}


def test_what_verify_writes_the_report_reads_and_teardown_removes(account: StorageAccount, azure: Emulated, tmp_path: Path) -> None:
    inventory(tmp_path, report_time="{{ now(utc=true).isoformat(timespec='seconds') }}Z")
    recorded = {
        "path": "{{ verify_proof_path }}",
        "cluster": "{{ inventory_hostname }}",
        "verification": state(),
        "verdicts": [verdict()],
        "constraint": "images-verified",
        "namespace": "default",
    }
    tasks = [{"name": "Record the proof", "image_trust.azure.proof": recorded}]
    (tmp_path / "verify.yml").write_text(yaml.safe_dump([{"hosts": "clusters", "connection": "local", "gather_facts": False, "tasks": tasks}]))
    assert succeeded(play(tmp_path, "verify.yml")) == 0
    succeeded(play(tmp_path, "image_trust.azure.report"))
    assert {each["name"] for each in json.loads(texts(account)["image-trust.json"])["clusters"] if each["proof"]["sha256"]} == {*CLUSTERS}
    role = [{"role": "image_trust.azure.verify", "vars": {"verify_state": "absent", "verify_kubeconfig": "none", "verify_images": []}}]
    (tmp_path / "absent.yml").write_text(yaml.safe_dump([{"hosts": "clusters", "connection": "local", "gather_facts": False, "roles": role}]))
    assert succeeded(play(tmp_path, "absent.yml")) == 2
    assert sorted(texts(account)) == sorted(REPORT)
    assert succeeded(play(tmp_path, "absent.yml")) == 0


def task(path: str, name: str) -> dict[str, Any]:
    """One of a role, which comes after others that need a cluster."""
    [found] = [each for each in yaml.safe_load((ROOT / "roles" / path).read_text()) if each["name"] == name]
    return dict(found)


def test_an_audit_and_a_record_of_openings_are_blobs_beside_the_proof(account: StorageAccount, tmp_path: Path) -> None:
    inventory(tmp_path)
    done_before = {"__policy_audited": {"cluster": "{{ inventory_hostname }}"}, "__gatekeeper_record": OPEN, "__gatekeeper_was_so": False}
    files = {"gatekeeper/tasks/break_glass.yml": ("Record it beside the proof", "Record it beside the proof's blob")}
    files |= {"policy/tasks/audit.yml": ("Record the audit", "Record the audit in its container")}
    tasks = [{**task(path, name), "vars": done_before} for path, names in files.items() for name in names]
    variables = {"vars_files": [str(ROOT / "roles/gatekeeper/vars/main/break_glass.yml")]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "web", "connection": "local", "gather_facts": False, "tasks": tasks, **variables}]))
    assert succeeded(play(tmp_path, "play.yml")) == 2
    found = texts(account)
    assert sorted(found) == ["web-audit.json", "web-break-glass.jsonl"]
    assert json.loads(found["web-audit.json"]) == {"cluster": "web"}
    assert [json.loads(line) for line in found["web-break-glass.jsonl"].splitlines()] == [{**OPEN, "cluster": "web"}]
    assert succeeded(play(tmp_path, "play.yml")) == 0
