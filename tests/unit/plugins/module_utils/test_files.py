from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError
from ansible_collections.image_trust.azure.plugins.module_utils._change import diff
from ansible_collections.image_trust.azure.plugins.module_utils._files import apply, plan, read


def write(path: Path, text: str) -> bool:
    change = plan(read(str(path)), str(path), text, present=True)
    apply(change, text)
    return change.changed


def test_it_is_written_for_the_owner_only_in_folders_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a/b/kubeconfig"
    assert write(path, "secret")
    assert path.read_text() == "secret"
    assert [p.stat().st_mode & 0o777 for p in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]
    assert os.listdir(path.parent) == ["kubeconfig"]


def test_it_is_left_alone_when_it_is_right(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    write(path, "secret")
    inode = path.stat().st_ino
    assert not write(path, "secret")
    assert path.stat().st_ino == inode


def test_a_file_that_others_can_read_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("secret")
    path.chmod(0o644)
    assert write(path, "secret")
    assert path.stat().st_mode & 0o777 == 0o600


def test_neither_plan_nor_diff_shows_or_writes_the_content(tmp_path: Path) -> None:
    path = tmp_path / "a/kubeconfig"
    change = plan(read(str(path)), str(path), "secret", present=True)
    assert change.changed
    assert "secret" not in str(diff([change], "file"))
    assert not path.parent.exists()


def test_absent(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    write(path, "secret")
    change = plan(read(str(path)), str(path), None, present=False)
    apply(change, None)
    assert change.changed
    assert not path.exists()
    assert not plan(read(str(path)), str(path), None, present=False).changed


def test_a_path_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match=f"Cannot read the file {tmp_path} .Is a directory.; check path"):
        read(str(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(ModuleError, match=r"Cannot read the file .* .Not a directory."):
        read(str(tmp_path / "file/kubeconfig"))
