"""The module run whole; what it signs is verified by openssl, as its readers do."""

from __future__ import annotations

import hashlib
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

from tests.support.cluster_states import odd
from tests.support.disks import full, small_disk
from tests.support.proofs import ANCHOR, TRUST, faults, state, verdict, with_more

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


def run(path: Path | None, *, check: bool = False, **options: Any) -> dict[str, Any]:
    asked = {"cluster": "lab1", "constraint": "images-verified", "namespace": "default", "verification": state(), "verdicts": [verdict()], **options}
    given = {"path": str(path) if path else None, "_ansible_check_mode": check, "_ansible_diff": True, **asked}
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
    path.write_bytes(path.read_bytes().replace(b"true", b"True"))
    assert not verifies(path, key)


def test_the_record_has_its_form_and_is_not_for_everybody(tmp_path: Path, key: Path) -> None:
    path = tmp_path / "proof.json"
    result = run(path, signing_key=str(key), cluster_id="/subscriptions/2/…/lab1", verification=state(anchors=[ANCHOR, {**ANCHOR, "not_after": None}]))
    record = json.loads(path.read_text())
    assert record == result["proof"]
    assert (faults(record), record["trust"]) == ([], [TRUST])
    public = subprocess.run(["openssl", "pkey", "-in", str(key), "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    assert record["signed_by"] == {"key": "local", "sha256": hashlib.sha256(public).hexdigest()}
    assert hashlib.sha256(path.read_bytes()).hexdigest() == result["sha256"]
    assert result["sha256"] in Path(f"{path}.txt").read_text()
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("proof*")} == {0o640}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["key.pem", "proof.json", "proof.json.sig", "proof.json.txt"]


def test_a_record_with_one_thing_more_anywhere_has_not_the_form(tmp_path: Path) -> None:
    ran = {"pulled": True, "started": False, "message": "pulled", "image_id": None}
    proof = run(None, verdicts=[verdict(ran=ran)])["proof"]
    others = list(with_more({**proof, "signed_by": {"key": "local", "sha256": "a" * 64}}))
    assert len(others) > 20
    assert [other for other in others if not faults(other)] == []


def test_without_a_path_the_proof_is_only_returned(tmp_path: Path) -> None:
    result = run(None)
    assert result["proof"]["passed"] is True
    assert (result["signature_path"], result["previous"]) == (None, None)


def test_without_a_state_nothing_is_recorded(tmp_path: Path, key: Path) -> None:
    path = tmp_path / "proof.json"
    result = run(path, verification=None, signing_key=str(key))
    assert (result["proof"], result["signature_path"]) == (None, None)
    assert [file.name for file in tmp_path.iterdir()] == ["key.pem"]


@pytest.mark.parametrize("given", [None, state()])
def test_a_folder_that_is_not_there_is_found_before_and_after(given: Any, tmp_path: Path) -> None:
    assert "cannot be written" in run(tmp_path / "none/proof.json", verification=given)["msg"]


@pytest.mark.parametrize("given", [None, state()])
def test_a_path_beside_the_playbook_is_refused(given: Any) -> None:
    refused = run(Path("proof.json"), verification=given)["msg"]
    assert refused.startswith("The path of the proof, proof.json, is not absolute, so it would be written beside the playbook, in the collection")


@pytest.mark.parametrize("given", [None, state()])
def test_a_signing_key_beside_the_playbook_is_refused_and_nothing_is_written(given: Any, tmp_path: Path) -> None:
    refused = run(tmp_path / "proof.json", verification=given, signing_key="key.pem")["msg"]
    assert refused.startswith("The path of the signing key, key.pem, is not absolute, so it would be read beside the playbook, in the collection")
    assert list(tmp_path.iterdir()) == []


def test_on_a_full_disk_the_proof_before_stays_whole(tmp_path: Path, key: Path) -> None:
    """Whichever of its three files is the first for which there is no room."""
    with small_disk(tmp_path / "disk") as disk:
        path, failed = disk / "proof.json", 0
        run(path, signing_key=str(key))
        before = {file.name: file.read_bytes() for file in disk.iterdir()}
        while True:
            with full(disk, free=failed):
                result = run(path, signing_key=str(key), verification=state(problems=["Ratify has no pod that is ready."]))
            if "failed" not in result:
                break
            assert result["msg"] == f"The proof cannot be written to {path}: No space left on device."
            assert {file.name: file.read_bytes() for file in disk.iterdir()} == before
            failed += 1
        assert failed > 2
        assert json.loads(path.read_text())["problems"] == ["Ratify has no pod that is ready."]


@pytest.mark.parametrize("more", [{"verdict": "perhaps"}, {"ran": "no"}])
def test_what_is_no_verdict_is_refused_in_a_sentence(more: Any, tmp_path: Path) -> None:
    result = run(tmp_path / "proof.json", verdicts=[verdict(**more)])
    assert "have to be what verification_info and admission_probe returned: " in result["msg"]
    assert not any(tmp_path.iterdir())


def test_only_true_is_true_in_a_given_verdict() -> None:
    result = run(None, verdicts=[verdict(passed="False")])
    assert (result["proof"]["passed"], result["proof"]["verdicts"][0]["passed"]) == (False, False)
    assert result["failures"].startswith("1 of 1 verdicts of lab1 failed.")


def test_what_is_no_state_is_refused_in_a_sentence() -> None:
    assert "have to be what verification_info and admission_probe returned" in run(None, verification={"cluster": {}})["msg"]


def test_what_changed_since_the_proof_before_is_reported_and_nothing_is_changed_by_that(tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    first = run(path)
    assert (first["differences"], first["diff"]["before"]) == ([], "")
    again = run(path)
    assert (again["changed"], again["differences"], again["previous"]) == (False, [], first["proof"]["time"])
    assert again["diff"]["before"] == again["diff"]["after"] != ""
    other = state(anchors=[{**ANCHOR, "version": "2"}])
    other["policy"]["parts"]["constraints"] = {"objects": 1, "sha256": "e" * 64}
    third = run(path, verification=other)
    assert third["changed"] is False
    assert third["differences"] == [
        "The certificate brooklyn-io of kmprovider-akv: 1 -> 2",
        f"policy, constraints: {'c' * 12} -> {'e' * 12}",
    ]


@pytest.mark.parametrize("before", ["", "[]", "{}", '{"cluster": "lab1", "passed": true, "policy": 7}', "\u0000", pytest.param("[" * 100_000, id="deep")])
def test_a_record_before_that_is_no_proof_is_written_over(before: str, tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    path.write_text(before)
    assert (run(path)["previous"], faults(json.loads(path.read_text()))) == (None, [])


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_may_use_is_refused_before_anything_is_written(mode: int, tmp_path: Path, key: Path) -> None:
    key.chmod(mode)
    assert run(tmp_path / "proof.json", signing_key=str(key), verification=None)["failed"]
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
    assert run(path, check=True, signing_key=str(key))["proof"]["passed"]
    assert [file.name for file in tmp_path.iterdir()] == ["key.pem"]
    assert run(path, check=True, signing_key=str(tmp_path / "none.pem"))["failed"]


@pytest.mark.parametrize("text", ["", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_said_without_its_content(text: str, tmp_path: Path, key: Path) -> None:
    key.write_text(text)
    result = run(tmp_path / "proof.json", signing_key=str(key))
    assert result["msg"] == f"The proof cannot be signed: {key} is not a private key in PEM without a passphrase."


def test_a_key_of_an_unknown_kind_is_no_key(tmp_path: Path, key: Path) -> None:
    curve = new_key(tmp_path / "ec.pem", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]).read_text()
    key.write_text(odd(curve, "2a8648ce3d0201", "2a8648ce3d0209"))
    assert "is not a private key in PEM" in run(tmp_path / "proof.json", signing_key=str(key))["msg"]


def test_an_ed25519_key_is_refused_because_the_command_could_not_verify_it(tmp_path: Path) -> None:
    key = new_key(tmp_path / "ed.pem", ["-algorithm", "ED25519"])
    assert "neither an RSA nor an EC key" in run(tmp_path / "proof.json", signing_key=str(key))["msg"]
