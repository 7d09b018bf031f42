"""The proof where its path is the URL of a blob: as in a folder, by the role that it takes, and nothing is lost on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lab.azure.blob_storage import READ_CONTAINER
from lab.azure.roles import STORAGE_BLOB_DATA_READER, Role
from lab.azure.state import CustomRole, StorageAccount
from tests.support.blobs import ACCOUNT, CONTAINER, FOLDER, permit, put, texts
from tests.support.emulated import OBJECT_ID, SECRET, Emulated
from tests.support.module_fixtures import meanwhile
from tests.support.module_runs import Run, failure
from tests.support.proofs import faults, state, verdict

URL = f"{FOLDER}/clusters/lab1.json"
NAMES = [f"clusters/lab1.json{end}" for end in ("", ".sig", ".txt")]
KEY = ec.generate_private_key(ec.SECP256R1())
BROKEN = state(problems=["Ratify has no pod that is ready."])
TYPES = ["application/json", "application/octet-stream", "text/plain; charset=utf-8"]


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "key.pem"
    path.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return str(path)


def asked(**options: Any) -> dict[str, Any]:
    return {"path": URL, "cluster": "lab1", "verification": state(), "verdicts": [verdict()], **options}


def at_storage(azure: Emulated) -> list[tuple[str, str, int | None]]:
    """What Blob Storage was asked for: method, path, status."""
    return [(entry.method, entry.path, entry.status) for entry in azure.requests if entry.host == ACCOUNT.removeprefix("https://")]


def verify(account: StorageAccount) -> None:
    """Fails where the signature is not the record's."""
    found = texts(account)
    KEY.public_key().verify(found[NAMES[1]], found[NAMES[0]], ec.ECDSA(hashes.SHA256()))


def test_record_signature_and_page_are_blobs_as_they_are_files(account: StorageAccount, run: Run, key: str, azure: Emulated) -> None:
    result = run("proof", **asked(signing_key=key))
    found = texts(account)
    assert sorted(found) == NAMES
    assert (json.loads(found[NAMES[0]]), faults(result["proof"])) == (result["proof"], [])
    assert (found[NAMES[2]].decode(), result["signature_path"], result["changed"]) == (result["summary"], f"{URL}.sig", False)
    assert [account.containers[CONTAINER].blobs[name].content_type for name in NAMES] == TYPES
    verify(account)
    assert SECRET not in json.dumps(result)


def test_what_differs_from_the_proof_before_is_reported_and_an_unsigned_one_has_no_signature(account: StorageAccount, run: Run, key: str) -> None:
    first = run("proof", **asked(signing_key=key))
    second = run("proof", **asked(signing_key=key, verification=BROKEN))
    assert (second["previous"], second["differences"]) == (first["proof"]["time"], ["passed: yes -> no"])
    verify(account)
    run("proof", **asked())
    assert sorted(texts(account)) == [NAMES[0], NAMES[2]]


def test_a_check_and_a_trial_write_nothing_and_find_all_that_a_run_would(account: StorageAccount, run: Run, key: str, azure: Emulated) -> None:
    assert run("proof", check=True, **asked(signing_key=key))["proof"]["passed"]
    assert {method for method, *_ in at_storage(azure)} == {"GET"}
    assert run("proof", **asked(verification=None))["proof"] is None
    assert at_storage(azure) == [("GET", f"/{CONTAINER}", 200), ("PUT", f"/{CONTAINER}/{NAMES[0]}", 412)]
    assert texts(account) == {}


def test_in_a_folder_azure_is_not_asked(account: StorageAccount, run: Run, azure: Emulated, tmp_path: Path) -> None:
    run("proof", **asked(path=str(tmp_path / "proof.json")))
    assert azure.requests == []


def test_a_role_of_ones_own_with_the_documented_actions_is_enough(account: StorageAccount, run: Run, azure: Emulated, key: str) -> None:
    page = (Path(__file__).parents[4] / "docs/permissions.md").read_text()
    data = [f"blobs/{action}" for action in ("read", "write", "delete")]
    assert all(f"`{each}`" in page for each in (READ_CONTAINER, *data))
    above = READ_CONTAINER.removesuffix("read")
    role = Role("Proofs", OBJECT_ID, "", actions=(READ_CONTAINER,), data_actions=tuple(f"{above}{each}" for each in data))
    azure.state.custom_roles[role.guid] = CustomRole(role, {})
    permit(azure, account, role)
    for options in ({"verification": None}, {"signing_key": key}, {"signing_key": key}, {}):
        assert "proof" in run("proof", **asked(**options))


REFUSED = {
    "no role": "assign the login the role Storage Blob Data Contributor on the container",
    "a reader": "assign the login the role Storage Blob Data Contributor on the container",
    "no container": "The specified container does not exist (ContainerNotFound); create it as a private one, or correct its name",
    "a public container": f"Everybody may read what is in the container {FOLDER}; set its public access level to private",
    "a firewall": "(AuthorizationFailure); reach the storage account from a network that it allows",
    "no account": "check cloud_environment, the proxy and the network of this machine",
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("verification", [None, state()])
def test_a_container_that_cannot_be_written_to_is_found_before_and_after(
    case: str, verification: Any, account: StorageAccount, run: Run, azure: Emulated
) -> None:
    if case in ("no role", "a reader"):
        permit(azure, account, STORAGE_BLOB_DATA_READER if case == "a reader" else None)
    elif case == "no container":
        del account.containers[CONTAINER]
    elif case == "a public container":
        account.containers[CONTAINER].public_access = "blob"
    elif case == "a firewall":
        account.properties["networkAcls"] = {"defaultAction": "Deny", "ipRules": []}
    else:
        azure.state.storage_accounts.clear()
    assert REFUSED[case] in failure(run("proof", **asked(verification=verification)))
    assert [container.blobs for container in account.containers.values()] in ([], [{}])


@pytest.mark.parametrize("url", [f"{URL}?sv=2024-05-04&sig=hush", URL.replace("https", "http"), "https://example.com/image-trust/lab1.json"])
def test_a_url_that_is_none_of_a_blob_is_refused_before_any_host_is_asked(url: str, account: StorageAccount, run: Run, azure: Emulated) -> None:
    sentence = failure(run("proof", **asked(path=url, verification=None)))
    assert sentence.startswith("path is ")
    assert "hush" not in sentence
    assert azure.requests == []


@pytest.mark.parametrize("number", range(4))
def test_a_write_that_fails_loses_neither_the_proof_before_nor_its_signature(number: int, account: StorageAccount, run: Run, azure: Emulated, key: str) -> None:
    """Whichever of the four it is: page, signature before, record, signature."""
    run("proof", **asked(signing_key=key))
    before = texts(account)
    method, name = [("PUT", NAMES[2]), ("DELETE", NAMES[1]), ("PUT", NAMES[0]), ("PUT", NAMES[1])][number]
    azure.fail(method=method, path=f"/{name}$", status=507, code="QuotaExceeded", **({"count": 1} if number < 3 else {}))
    sentence = failure(run("proof", **asked(signing_key=key, verification=BROKEN)))
    assert f"{'delete' if method == 'DELETE' else 'write'} the blob {FOLDER}/{name}" in sentence
    found = texts(account)
    if number < 3:
        assert {name: found[name] for name in NAMES[:2]} == {name: before[name] for name in NAMES[:2]}
    else:
        assert json.loads(found[NAMES[0]])["passed"] is False
        assert NAMES[1] not in found
    azure.azure.faults.active.clear()
    assert run("proof", **asked(signing_key=key, verification=BROKEN))["proof"]
    verify(account)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_lost_answer_is_no_failure(name: str, moment: str, account: StorageAccount, run: Run, azure: Emulated, key: str) -> None:
    """The write is sent again, and refused where the first one has taken effect."""
    run("proof", **asked(signing_key=key))
    azure.fail(method="PUT", path=f"/{name}$", reset=moment, count=1)
    assert run("proof", **asked(signing_key=key, verification=BROKEN))["proof"]
    verify(account)
    assert json.loads(texts(account)[NAMES[0]])["passed"] is False


def test_a_lost_answer_to_a_deletion_is_no_failure(account: StorageAccount, run: Run, azure: Emulated, key: str) -> None:
    run("proof", **asked(signing_key=key))
    azure.fail(method="DELETE", reset="after", count=1)
    assert run("proof", **asked(verification=BROKEN))["proof"]
    assert sorted(texts(account)) == [NAMES[0], NAMES[2]]


@pytest.mark.parametrize("existed", [True, False])
def test_of_two_runs_at_the_same_time_one_writes_all_and_the_other_nothing(existed: bool, account: StorageAccount, run: Run, azure: Emulated, key: str) -> None:
    if existed:
        run("proof", **asked(signing_key=key))
    others = {name: f"of another run: {name}".encode() for name in NAMES}
    meanwhile(azure, f"/{NAMES[2]}$", lambda: put(account, others))
    sentence = failure(run("proof", **asked(signing_key=key)))
    assert sentence == f"The blob {URL}.txt was written by another run since this one has read it; run again, once the other one has finished."
    assert texts(account) == others


@pytest.mark.parametrize("before", [b"", b"[]", b"\x00", b"[" * 100_000])
def test_a_blob_before_that_is_no_proof_is_written_over(before: bytes, account: StorageAccount, run: Run) -> None:
    put(account, {NAMES[0]: before})
    assert run("proof", **asked())["previous"] is None
    assert faults(json.loads(texts(account)[NAMES[0]])) == []


def test_a_cached_token_that_the_account_refuses_leads_to_one_new_login(account: StorageAccount, run: Run, azure: Emulated, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    run("proof", **asked(token_cache=str(cache)))
    run("proof", **asked(token_cache=str(cache)))
    assert [entry.path for entry in azure.requests if entry.path.endswith("/token")] == []
    [file] = [file for file in cache.iterdir() if isinstance(json.loads(file.read_text())["value"], list)]
    cached = json.loads(file.read_text())
    cached["value"][0] = "spoilt"
    file.write_text(json.dumps(cached))
    assert run("proof", **asked(token_cache=str(cache), verification=BROKEN))["proof"]
    assert len([entry for entry in azure.requests if entry.path.endswith("/token")]) == 1
    assert json.loads(texts(account)[NAMES[0]])["passed"] is False
