from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.run_cache import RunCache


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return folder


def later(seconds: float = 60) -> float:
    return time.time() + seconds


def test_what_is_put_is_found_by_another_process_of_the_run(folder: Path) -> None:
    RunCache(str(folder)).put(["value", 1], "key", "more", expires=later())
    assert RunCache(str(folder)).get("key", "more") == ["value", 1]


@pytest.mark.parametrize("key", [("key",), ("key", "more", ""), ("keymore",), ("more", "key"), ("key", "other")])
def test_another_key_does_not_find_it(folder: Path, key: tuple[str, ...]) -> None:
    cache = RunCache(str(folder))
    cache.put("value", "key", "more", expires=later())
    assert cache.get(*key) is None


def test_what_ends_within_the_margin_is_not_found(folder: Path) -> None:
    cache = RunCache(str(folder))
    cache.put("value", "key", expires=later(60))
    assert cache.get("key", margin=50) == "value"
    assert cache.get("key", margin=70) is None
    cache.put("value", "key", expires=later(-1))
    assert cache.get("key") is None


def test_files_are_for_their_owner_and_their_names_tell_nothing(folder: Path) -> None:
    old = os.umask(0)
    try:
        RunCache(str(folder)).put("value", "s3cret", expires=later())
    finally:
        os.umask(old)
    [file] = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "s3cret" not in file.name + file.read_text()


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o710, 0o702])
def test_a_folder_that_others_may_enter_is_not_used(folder: Path, mode: int) -> None:
    RunCache(str(folder)).put("value", "key", expires=later())
    folder.chmod(mode)
    cache = RunCache(str(folder))
    assert cache.get("key") is None
    cache.put("value", "other", expires=later())
    assert len(list(folder.iterdir())) == 1


def test_a_folder_of_another_user_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RunCache(str(folder)).put("value", "key", expires=later())
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert RunCache(str(folder)).get("key") is None


def test_a_link_to_a_folder_is_not_used(folder: Path, tmp_path: Path) -> None:
    RunCache(str(folder)).put("value", "key", expires=later())
    (tmp_path / "link").symlink_to(folder)
    assert RunCache(str(tmp_path / "link")).get("key") is None


@pytest.mark.parametrize("given", [None, "", "/nowhere/at/all", "/dev/null"])
def test_without_a_folder_nothing_is_cached(given: str | None) -> None:
    cache = RunCache(given)
    cache.put("value", "key", expires=later())
    cache.drop("key")
    assert cache.get("key") is None


def test_a_file_that_others_may_read_is_not_used(folder: Path) -> None:
    cache = RunCache(str(folder))
    cache.put("value", "key", expires=later())
    next(folder.iterdir()).chmod(0o640)
    assert cache.get("key") is None


def test_a_link_in_place_of_the_file_is_not_followed(folder: Path, tmp_path: Path) -> None:
    cache = RunCache(str(folder))
    cache.put("value", "key", expires=later())
    [file] = folder.iterdir()
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert cache.get("key") is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"value": 1}', '{"value": 1, "expires": "tomorrow"}'])
def test_a_broken_file_is_as_none(folder: Path, content: str) -> None:
    cache = RunCache(str(folder))
    cache.put("value", "key", expires=later())
    next(folder.iterdir()).write_text(content)
    assert cache.get("key") is None


def test_what_is_dropped_is_gone(folder: Path) -> None:
    cache = RunCache(str(folder))
    cache.put("value", "key", expires=later())
    cache.drop("key")
    cache.drop("key")
    assert cache.get("key") is None
    assert list(folder.iterdir()) == []


def test_a_folder_that_ends_with_the_run_is_no_error(folder: Path) -> None:
    cache = RunCache(str(folder))
    folder.rmdir()
    cache.put("value", "key", expires=later())
    cache.drop("key")
    assert cache.get("key") is None
