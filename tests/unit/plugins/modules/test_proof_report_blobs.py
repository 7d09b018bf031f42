"""The report of proofs that are blobs, in a container that may be closed to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.azure.roles import STORAGE_BLOB_DATA_READER
from lab.azure.state import StorageAccount
from tests.support import report_proofs as proofs
from tests.support.blobs import CONTAINER, FOLDER, permit, put
from tests.support.emulated import Emulated
from tests.support.module_runs import Run, failure
from tests.support.report_proofs import NOW, proof

OPEN = {"state": "open", "when": "2026-11-24T09:00:00Z", "who": "me", "why": "it burns"}
NAMES = ("web", "shop")


def asked(name: str) -> dict[str, str]:
    return {"cluster": name, "path": f"{FOLDER}/{name}.json", "break_glass_record": f"{FOLDER}/{name}.jsonl", "audit": f"{FOLDER}/{name}-audit.json"}


def report(run: Run, **options: Any) -> dict[str, Any]:
    """What is said of the clusters."""
    result = run("proof_report", **{"proofs": [asked(name) for name in NAMES], "time": NOW, **options})
    assert result["changed"] is False
    made: dict[str, Any] = result["report"]
    return made


def states(made: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["state"] for each in made["clusters"]}


def test_proofs_records_and_audits_are_read_from_blobs_by_a_reader(account: StorageAccount, run: Run, azure: Emulated) -> None:
    put(account, {f"{name}.json": json.dumps(proof(name)).encode() for name in NAMES})
    put(account, {"shop.jsonl": json.dumps(OPEN).encode(), "web-audit.json": json.dumps(proofs.audit("web")).encode()})
    permit(azure, account, STORAGE_BLOB_DATA_READER)
    made = report(run)
    assert states(made) == {"shop": "failed", "web": "attention"}
    assert [each["proof"]["path"] for each in made["clusters"]] == [f"{FOLDER}/shop.json", f"{FOLDER}/web.json"]
    assert [bool(each["audit"]) for each in made["clusters"]] == [False, True]


def test_a_signature_beside_a_proof_is_verified(account: StorageAccount, run: Run, tmp_path: Path) -> None:
    key, path = proofs.key(tmp_path), proofs.write(tmp_path, proof("web"))
    proofs.sign(path, key)
    put(account, {"web.json": path.read_bytes(), "web.json.sig": Path(f"{path}.sig").read_bytes(), "shop.json": path.read_bytes()})
    made = report(run, public_key=f"{key}.pub")
    assert {each["name"]: each["proof"]["signature"] for each in made["clusters"]} == {"web": "verified", "shop": "missing"}
    put(account, {"web.json": path.read_bytes() + b"\n"})
    assert states(report(run, public_key=f"{key}.pub"))["web"] == "failed"


def test_a_file_and_a_blob_are_in_one_report(account: StorageAccount, run: Run, tmp_path: Path) -> None:
    put(account, {"web.json": json.dumps(proof("web")).encode()})
    file = {"cluster": "shop", "path": str(proofs.write(tmp_path, proof("shop")))}
    assert states(report(run, proofs=[asked("web"), file])) == {"web": "proven", "shop": "proven"}


def test_files_alone_need_no_login(account: StorageAccount, run: Run, azure: Emulated, tmp_path: Path) -> None:
    assert states(report(run, proofs=[{"cluster": "web", "path": str(proofs.write(tmp_path, proof("web")))}])) == {"web": "proven"}
    assert azure.requests == []


def test_a_blob_that_is_not_there_is_no_proof(account: StorageAccount, run: Run) -> None:
    [finding] = report(run)["findings"]
    assert (finding["text"], finding["clusters"]) == ("There is no proof of it.", ["shop", "web"])


CLOSED = {
    "no role": "Its proof cannot be read: Could not read blobs of the container https://contoso.blob.core.windows.net/image-trust: This request is not"
    " authorized to perform this operation using this permission (AuthorizationPermissionMismatch); assign the login the role Storage Blob Data Contributor on"
    " the container, or Storage Blob Data Reader where it only reads; a new assignment takes effect within ten minutes.",
    "no container": "Its proof cannot be read: Could not read blobs of the container https://contoso.blob.core.windows.net/image-trust: The specified container"
    " does not exist (ContainerNotFound); create it as a private one, or correct its name: the collection creates no container.",
}


@pytest.mark.parametrize("case", CLOSED)
def test_a_closed_container_makes_each_cluster_unknown_for_one_reason(case: str, account: StorageAccount, run: Run, azure: Emulated) -> None:
    put(account, {f"{name}.json": json.dumps(proof(name)).encode() for name in NAMES})
    if case == "no role":
        permit(azure, account, None)
    else:
        del account.containers[CONTAINER]
        permit(azure, account)
        # Where the role is on the container alone, a missing one is refused as any other.
        scope = next(each for each in azure.state.role_assignments.values() if each.scope.endswith(CONTAINER))
        scope.scope = account.id
    made = report(run)
    assert set(states(made).values()) == {"unknown"}
    assert [(each["clusters"]) for each in made["findings"] if each["text"] == CLOSED[case]] == [["shop", "web"]]


def test_an_account_that_does_not_answer_is_asked_once(account: StorageAccount, run: Run, azure: Emulated) -> None:
    azure.fail(host="blob.core.windows.net", reset="before")
    made = report(run, proofs=[asked(name) for name in (*NAMES, "batch", "pay")])
    assert set(states(made).values()) == {"unknown"}
    asked_for = {entry.path for entry in azure.requests if entry.host.endswith(".blob.core.windows.net")}
    assert asked_for == {f"/{CONTAINER}/web-audit.json"}


@pytest.mark.parametrize("url", [f"{FOLDER}/shop.json?sig=hush", "https://example.com/image-trust/shop.json"])
def test_a_url_that_is_none_of_a_blob_is_refused_before_any_host_is_asked(url: str, account: StorageAccount, run: Run, azure: Emulated) -> None:
    sentence = failure(run("proof_report", proofs=[{"cluster": "shop", "path": url}], time=NOW))
    assert sentence.startswith("A path in proofs is ")
    assert "hush" not in sentence
    assert azure.requests == []
