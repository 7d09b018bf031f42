"""The module run whole; what it signs is verified by openssl, as its readers do."""

from __future__ import annotations

import io
import json
import stat
import subprocess
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.modules import proof

CONTENT = {"cluster": "lab1", "right": False, "verdicts": [{"image": "nginx:latest", "message": "nicht geprüft"}]}
KEYS = {
    "RSA": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "EC": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
}


def new_key(path: Path, arguments: list[str]) -> Path:
    subprocess.run(["openssl", "genpkey", *arguments, "-out", str(path)], check=True, capture_output=True)
    path.chmod(0o600)
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return new_key(tmp_path / "key.pem", KEYS["EC"])


def run(path: Path, *, check: bool = False, **options: Any) -> dict[str, Any]:
    given = {"path": str(path), "content": CONTENT, "_ansible_check_mode": check, **options}
    output = io.StringIO()
    with patch_module_args(given), redirect_stdout(output), pytest.raises(SystemExit):
        proof.main()
    result: dict[str, Any] = json.loads(output.getvalue())
    return result


def verifies(path: Path, key: Path) -> bool:
    public = path.with_name("public.pem")
    subprocess.run(["openssl", "pkey", "-in", str(key), "-pubout", "-out", str(public)], check=True)
    command = ["openssl", "dgst", "-sha256", "-verify", str(public), "-signature", f"{path}.sig", str(path)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("kind", KEYS)
def test_openssl_verifies_the_record_and_refuses_one_with_a_changed_byte(kind: str, tmp_path: Path) -> None:
    path, key = tmp_path / "proof.json", new_key(tmp_path / "key.pem", KEYS[kind])
    result = run(path, signing_key=str(key))
    assert (result["changed"], result["signature_path"]) == (False, f"{path}.sig")
    assert verifies(path, key)
    path.write_bytes(path.read_bytes().replace(b"false", b"true "))
    assert not verifies(path, key)


def test_the_record_is_what_was_given_and_not_for_everybody(tmp_path: Path, key: Path) -> None:
    path = tmp_path / "proof.json"
    run(path, signing_key=str(key))
    assert json.loads(path.read_text()) == CONTENT
    assert [stat.S_IMODE(file.stat().st_mode) for file in (path, Path(f"{path}.sig"))] == [0o640, 0o640]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["key.pem", "proof.json", "proof.json.sig"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_may_use_is_refused_before_anything_is_written(mode: int, tmp_path: Path, key: Path) -> None:
    key.chmod(mode)
    result = run(tmp_path / "proof.json", signing_key=str(key))
    assert result["failed"]
    assert f"may be used by others (mode {mode:04o})" in result["msg"]
    assert not (tmp_path / "proof.json").exists()


def test_a_record_without_a_key_does_not_keep_the_signature_of_another(tmp_path: Path, key: Path) -> None:
    path = tmp_path / "proof.json"
    run(path, signing_key=str(key))
    assert run(path)["signature_path"] is None
    assert not Path(f"{path}.sig").exists()


def test_a_check_uses_the_key_and_writes_nothing(tmp_path: Path, key: Path) -> None:
    path = tmp_path / "proof.json"
    assert run(path, check=True, signing_key=str(key))["sha256"] == run(path, signing_key=str(key))["sha256"]
    path.unlink()
    Path(f"{path}.sig").unlink()
    run(path, check=True, signing_key=str(key))
    assert not path.exists()
    assert run(path, check=True, signing_key=str(tmp_path / "none.pem"))["failed"]


@pytest.mark.parametrize("text", ["", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_said_without_its_content(text: str, tmp_path: Path, key: Path) -> None:
    key.write_text(text)
    result = run(tmp_path / "proof.json", signing_key=str(key))
    assert result["msg"] == f"The proof cannot be signed: {key} is not a private key in PEM without a passphrase."


def test_an_ed25519_key_is_refused_because_the_command_could_not_verify_it(tmp_path: Path) -> None:
    key = new_key(tmp_path / "ed.pem", ["-algorithm", "ED25519"])
    assert "neither an RSA nor an EC key" in run(tmp_path / "proof.json", signing_key=str(key))["msg"]
