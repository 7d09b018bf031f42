"""A text in a container: written once, added to, deleted, and never over what another run has written."""

from __future__ import annotations

import hashlib
import sys
from typing import Any

import pytest

from lab.azure.roles import STORAGE_BLOB_DATA_READER
from lab.azure.state import StorageAccount
from tests.support.blobs import FOLDER, permit, put, texts
from tests.support.emulated import Emulated
from tests.support.module_fixtures import meanwhile
from tests.support.module_runs import Run, failure

URL = f"{FOLDER}/web-audit.json"
NAME = "web-audit.json"
CONTENT, LINE = {"content": "ä\n"}, {"line": "three"}
ABSENT = {"state": "absent"}


def sha256(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


CASES: list[tuple[dict[str, Any], bytes | None, bytes | None]] = [
    (CONTENT, None, "ä\n".encode()),
    (CONTENT, b"other", "ä\n".encode()),
    ({"content": ""}, None, b""),
    (LINE, None, b"three\n"),
    (LINE, b"one\ntwo\n", b"one\ntwo\nthree\n"),
    (LINE, b"one\ntwo", b"one\ntwo\nthree\n"),
    (ABSENT, b"one", None),
    # No change.
    (CONTENT, "ä\n".encode(), "ä\n".encode()),
    (LINE, b"three\ntwo", b"three\ntwo"),
    (ABSENT, None, None),
]


@pytest.mark.parametrize(("options", "before", "after"), CASES)
def test_a_check_predicts_a_run_makes_it_so_and_a_second_one_changes_nothing(
    options: dict[str, Any], before: bytes | None, after: bytes | None, account: StorageAccount, run: Run, azure: Emulated
) -> None:
    put(account, {} if before is None else {NAME: before})
    predicted = run("storage_blob", check=True, url=URL, **options)
    assert texts(account).get(NAME) == before
    result = run("storage_blob", url=URL, **options)
    assert texts(account).get(NAME) == after
    assert (result["changed"], result["url"], result["sha256"]) == (before != after, URL, sha256(after))
    assert (result["diff"]["before"], result["diff"]["after"]) == ((before or b"").decode(), (after or b"").decode())
    assert predicted == result
    again = run("storage_blob", url=URL, **options)
    assert (again["changed"], again["sha256"], azure.writes) == (False, sha256(after), [])


def test_a_check_finds_that_the_login_may_only_read_where_it_would_have_to_write(account: StorageAccount, run: Run, azure: Emulated) -> None:
    put(account, {NAME: b"one"})
    permit(azure, account, STORAGE_BLOB_DATA_READER)
    for check in (True, False):
        assert "assign the login the role Storage Blob Data Contributor" in failure(run("storage_blob", check=check, url=URL, content="two"))
    assert run("storage_blob", check=True, url=URL, content="one")["changed"] is False
    assert texts(account) == {NAME: b"one"}


@pytest.mark.parametrize("options", [CONTENT, LINE])
def test_what_another_run_has_written_meanwhile_is_not_written_over(options: dict[str, Any], account: StorageAccount, run: Run, azure: Emulated) -> None:
    put(account, {NAME: b"one\n"})
    meanwhile(azure, f"/{NAME}$", lambda: put(account, {NAME: b"two\n"}))
    assert f"The blob {URL} was written by another run" in failure(run("storage_blob", url=URL, **options))
    assert texts(account) == {NAME: b"two\n"}


def test_a_container_that_everybody_may_read_gets_nothing(account: StorageAccount, run: Run) -> None:
    account.containers["image-trust"].public_access = "container"
    assert "Everybody may read what is in the container" in failure(run("storage_blob", url=URL, **CONTENT))
    assert texts(account) == {}


@pytest.mark.parametrize(
    ("options", "message"), [({}, "any of the following are missing: content, line"), ({**CONTENT, **LINE}, "mutually exclusive: content|line")]
)
def test_it_is_said_what_the_blob_has_to_be(options: dict[str, Any], message: str, account: StorageAccount, run: Run) -> None:
    assert message in run("storage_blob", url=URL, **options)["msg"]


def test_without_the_library_the_package_is_named(account: StorageAccount, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.storage.blob", None)
    assert "azure-storage-blob" in failure(run("storage_blob", url=URL, **CONTENT))
