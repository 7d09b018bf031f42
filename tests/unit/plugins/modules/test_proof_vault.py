"""The module with a key vault: what a key there signs is verified by openssl, and certificates there are read, by the permissions that it takes."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure import retries
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.keyvault import keys
from lab.azure.roles import KEY_VAULT_CRYPTO_USER, KEY_VAULT_READER
from lab.azure.state import Secret, SecretVersion, Vault, now
from tests.support.cluster_states import VAULT, chain, pem
from tests.support.emulated import OBJECT_ID, SECRET, Emulated
from tests.support.module_runs import Run
from tests.support.proofs import ANCHOR, faults, state, verdict

KEYS: dict[str, keys.PrivateKey] = {"RSA": rsa.generate_private_key(65537, 2048), "EC": ec.generate_private_key(ec.SECP256R1())}
URL = f"{VAULT}keys/proof"
UNREAD = {**ANCHOR, "subject": None, "sha256": None, "not_before": None, "not_after": None, "problem": "not read from the vault"}


@pytest.fixture
def vault(public_azure: Emulated) -> Vault:
    """The vault, under its public name, with a certificate; no login may do anything in it."""
    found = public_azure.state.vault_named("image-trust-lab")
    assert found
    found.registered_at = 0
    found.secrets["brooklyn-io"] = Secret("1", {"1": SecretVersion(pem("brooklyn.io"), "application/x-pem-file", now())})
    found.certificates.append("brooklyn-io")
    return found


def permit(vault: Vault, **permissions: list[str]) -> None:
    vault.properties["accessPolicies"] = [{"tenantId": vault.properties["tenantId"], "objectId": OBJECT_ID, "permissions": permissions}]


def asked(path: Path, **options: Any) -> dict[str, Any]:
    return {"path": str(path), "cluster": "lab1", "verification": state(), "verdicts": [verdict()], **options}


def verifies(path: Path, key: Any) -> bool:
    public = path.with_name("public.pem")
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    command = ["openssl", "dgst", "-sha256", "-verify", str(public), "-signature", f"{path}.sig", str(path)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("versioned", [True, False])
def test_openssl_verifies_what_a_key_of_a_vault_signs_and_refuses_another_record(kind: str, versioned: bool, vault: Vault, run: Run, tmp_path: Path) -> None:
    path, key = tmp_path / "proof.json", KEYS[kind]
    version = keys.add(vault, "proof", key)
    if versioned:
        keys.add(vault, "proof", rsa.generate_private_key(65537, 2048))
    permit(vault, keys=["get", "sign"])
    result = run("proof", **asked(path, signing_vault_key=f"{URL}/{version}" if versioned else URL))
    assert result["proof"]["signed_by"]["key"] == f"{URL}/{version}"
    assert faults(json.loads(path.read_text())) == []
    assert verifies(path, key)
    path.write_bytes(path.read_bytes() + b"\n")
    assert not verifies(path, key)


def test_only_a_digest_is_sent_to_the_vault(vault: Vault, run: Run, azure: Emulated, tmp_path: Path) -> None:
    keys.add(vault, "proof", KEYS["EC"])
    permit(vault, keys=["get", "sign"])
    run("proof", **asked(tmp_path / "proof.json", signing_vault_key=URL))
    assert [entry.method for entry in azure.requests if "/sign" in entry.path] == ["POST"]


@pytest.mark.parametrize(("permissions", "says"), [({}, "keys get"), ({"keys": ["get"]}, "keys sign"), ({"keys": ["sign"]}, "keys get")])
def test_a_key_without_a_permission_is_found_before_anything_is_recorded(permissions: Any, says: str, vault: Vault, run: Run, tmp_path: Path) -> None:
    keys.add(vault, "proof", KEYS["EC"])
    permit(vault, **permissions)
    result = run("proof", **asked(tmp_path / "proof.json", verification=None, signing_vault_key=URL))
    assert result["failed"]
    assert f"does not have {says} permission on key vault 'image-trust-lab" in result["msg"]
    assert result["error"]["status"] == 403
    assert list(tmp_path.iterdir()) == []


def test_under_rbac_the_role_for_it_is_enough(vault: Vault, run: Run, azure: Emulated, tmp_path: Path) -> None:
    keys.add(vault, "proof", KEYS["RSA"])
    vault.properties["enableRbacAuthorization"] = True
    path = tmp_path / "proof.json"
    assert "not authorized" in run("proof", **asked(path, signing_vault_key=URL))["msg"]
    new_assignment(azure.state, vault.id, KEY_VAULT_CRYPTO_USER.guid, OBJECT_ID)
    run("proof", **asked(path, signing_vault_key=URL))
    assert verifies(path, KEYS["RSA"])


REFUSED = {
    "http://image-trust-lab.vault.azure.net/keys/proof": "but must be the URL of a key in a key vault",
    "https://image-trust-lab.vault.azure.net/secrets/proof": "but must be the URL of a key in a key vault",
    URL + "/../../secrets/x": "but must be the URL of a key in a key vault",
    VAULT + "keys/none": "A key with (name/id) none was not found",
    VAULT + "keys/big": "is neither an RSA key nor one on the curve P-256",
    VAULT + "keys/disabled": "not allowed on a disabled key",
    "https://management.azure.com/keys/proof": "does not answer as a key vault does",
}


@pytest.mark.parametrize("url", REFUSED)
def test_a_key_that_cannot_be_used_is_refused_with_the_reason(url: str, vault: Vault, run: Run, tmp_path: Path) -> None:
    permit(vault, keys=["get", "sign"])
    keys.add(vault, "big", ec.generate_private_key(ec.SECP384R1()))
    version = keys.add(vault, "disabled", KEYS["EC"])
    vault.keys["disabled"].versions[version].enabled = False
    result = run("proof", **asked(tmp_path / "proof.json", verification=None, signing_vault_key=url))
    assert REFUSED[url] in result["msg"]
    assert SECRET not in json.dumps(result)


def test_an_answer_that_is_not_the_keys_signature_is_no_signature(vault: Vault, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys.add(vault, "proof", KEYS["EC"])
    permit(vault, keys=["get", "sign"])
    monkeypatch.setattr(keys, "_signature", lambda *_: b"\1" * 64)
    assert "is not its signature" in run("proof", **asked(tmp_path / "proof.json", signing_vault_key=URL))["msg"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["brooklyn.io", "leaf"])
def test_a_certificate_that_is_disabled_in_the_vault_and_still_trusted_is_a_problem(name: str, vault: Vault, run: Run, tmp_path: Path) -> None:
    text = {"brooklyn.io": pem("brooklyn.io"), **chain()}[name]
    vault.secrets["brooklyn-io"].versions["1"] = SecretVersion(text, "application/x-pem-file", now(), enabled=False)
    permit(vault, certificates=["get"], secrets=["get"])
    result = run("proof", **asked(tmp_path / "proof.json", verification=state(anchors=[UNREAD]), read_vaults=True))
    (anchor,) = result["proof"]["anchors"]
    assert (anchor["held"], result["proof"]["passed"]) == (True, False)
    (problem,) = result["proof"]["problems"]
    assert problem.startswith("Ratify still trusts the certificate brooklyn-io, version 1, which is disabled in the vault")
    assert "kubectl rollout restart" in problem


def test_a_certificate_of_the_vault_is_described(vault: Vault, run: Run, tmp_path: Path) -> None:
    permit(vault, certificates=["get"])
    result = run("proof", **asked(tmp_path / "proof.json", verification=state(anchors=[UNREAD]), read_vaults=True))
    (anchor,) = result["proof"]["anchors"]
    assert (anchor["subject"], anchor["problem"], result["notes"]) == ("CN=brooklyn.io", None, [])
    assert anchor["not_after"] > result["proof"]["time"]
    assert faults(result["proof"]) == []


def test_under_rbac_a_reader_of_the_vault_reads_it_too(vault: Vault, run: Run, azure: Emulated, tmp_path: Path) -> None:
    vault.properties["enableRbacAuthorization"] = True
    new_assignment(azure.state, vault.id, KEY_VAULT_READER.guid, OBJECT_ID)
    result = run("proof", **asked(tmp_path / "proof.json", verification=state(anchors=[UNREAD]), read_vaults=True))
    assert result["proof"]["anchors"][0]["subject"] == "CN=brooklyn.io"


UNREADABLE: dict[str, tuple[dict[str, Any], str]] = {
    "no permission": ({}, "does not have certificates get permission"),
    "no certificate": ({"name": "gone"}, "A certificate with (name/id) gone/1 was not found"),
    "no vault": ({"vault": "https://elsewhere.vault.azure.net/"}, "Could not read the certificate brooklyn-io of https://elsewhere.vault.azure.net/"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_certificate_that_cannot_be_read_is_reported_and_no_failure(case: str, vault: Vault, run: Run, tmp_path: Path) -> None:
    permit(vault, **({} if case == "no permission" else {"certificates": ["get"]}))
    more, says = UNREADABLE[case]
    result = run("proof", **asked(tmp_path / "proof.json", verification=state(anchors=[{**UNREAD, **more}]), read_vaults=True))
    assert result["proof"]["passed"] is True
    assert result["notes"][0].startswith(f"The certificate {more.get('name', 'brooklyn-io')} of kmprovider-akv: not read from the vault: ")
    assert says in result["notes"][0]


CHAIN = chain()
LEAF_ALONE = "a certificate authority issued it and its chain is not in the vault with it, so Ratify does not trust it by itself"


def holding(vault: Vault, *names: str, key: str = "") -> list[dict[str, Any]]:
    """The vault's certificate is these of the chain, in that order; the anchors as Ratify reports them, one for each."""
    vault.secrets["brooklyn-io"].versions["1"].value = key + "".join(CHAIN[name] for name in names)
    return [UNREAD] * len(names)


@pytest.mark.parametrize("order", list(permutations(("leaf", "mid", "root"))), ids="-".join)
def test_of_a_chain_in_any_order_the_proof_describes_the_authorities_that_ratify_trusts(
    order: tuple[str, ...], vault: Vault, run: Run, azure: Emulated, tmp_path: Path
) -> None:
    permit(vault, certificates=["get"], secrets=["get"])
    result = run("proof", **asked(tmp_path / "proof.json", verification=state(anchors=holding(vault, *order)), read_vaults=True, warn_days=2000))
    anchors = {anchor["subject"]: anchor for anchor in result["proof"]["anchors"]}
    assert (sorted(anchors), len(result["proof"]["anchors"])) == (["CN=mid", "CN=root"], 2)
    assert anchors["CN=mid"]["not_after"] < anchors["CN=root"]["not_after"]
    assert [(each["held"], each["problem"]) for each in anchors.values()] == [(True, None)] * 2
    assert (faults(result["proof"]), result["proof"]["passed"]) == ([], True)
    assert result["notes"] == [f"The certificate brooklyn-io (CN=mid) of kmprovider-akv expires on {anchors['CN=mid']['not_after'][:10]}."]


def test_a_leaf_without_its_chain_makes_the_proof_fail_although_ratify_reports_success(vault: Vault, run: Run, azure: Emulated, tmp_path: Path) -> None:
    permit(vault, certificates=["get"])
    result = run("proof", **asked(tmp_path / "proof.json", verification=state(anchors=holding(vault, "leaf")), read_vaults=True))
    (anchor,) = result["proof"]["anchors"]
    assert (anchor["held"], anchor["subject"]) == (False, "CN=leaf")
    assert result["proof"]["problems"] == ["None of the certificates that Ratify holds is valid now."]
    assert result["notes"][0].startswith(f"The certificate brooklyn-io of kmprovider-akv: {LEAF_ALONE}")
    assert [entry.path for entry in azure.requests if entry.path.startswith("/secrets")] == []


UNREAD_CHAINS: dict[str, tuple[dict[str, list[str]], str, str]] = {
    "the login may not read secrets": ({"certificates": ["get"]}, "", "not read from the vault: Could not read the chain of the certificate brooklyn-io"),
    "the secret has the private key": (
        {"certificates": ["get"], "secrets": ["get"]},
        "-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n",
        "not read from the vault: its chain is in the secret brooklyn-io, and the private key too, because it is exportable",
    ),
}


@pytest.mark.parametrize("case", UNREAD_CHAINS)
def test_a_chain_that_cannot_be_read_is_reported_once_and_not_described_as_its_leaf(case: str, vault: Vault, run: Run, azure: Emulated, tmp_path: Path) -> None:
    permissions, key, says = UNREAD_CHAINS[case]
    permit(vault, **permissions)
    anchors = holding(vault, "leaf", "mid", "root", key=key)
    result = run("proof", **asked(tmp_path / "proof.json", verification=state(anchors=anchors), read_vaults=True))
    (anchor,) = result["proof"]["anchors"]
    assert (anchor["subject"], anchor["held"], result["proof"]["passed"]) == (None, True, True)
    assert result["notes"] == [f"The certificate brooklyn-io of kmprovider-akv: {anchor['problem']}."]
    assert anchor["problem"].startswith(says)
    assert not key or not [entry for entry in azure.requests if entry.path.startswith("/secrets")]


def test_anchors_that_are_not_read_are_reported_once(vault: Vault, run: Run, tmp_path: Path) -> None:
    result = run("proof", **asked(tmp_path / "proof.json", verification=state(anchors=holding(vault, "leaf", "mid", "root"))))
    assert (len(result["proof"]["anchors"]), len(result["notes"])) == (1, 1)


def test_an_authority_alone_in_the_vault_is_trusted(vault: Vault, run: Run, tmp_path: Path) -> None:
    permit(vault, certificates=["get"])
    result = run("proof", **asked(tmp_path / "proof.json", verification=state(anchors=holding(vault, "mid")), read_vaults=True))
    assert [(anchor["subject"], anchor["held"]) for anchor in result["proof"]["anchors"]] == [("CN=mid", True)]


NETWORKS: dict[str, dict[str, Any]] = {
    "firewall": {"networkAcls": {"defaultAction": "Deny"}},
    "no public access": {"publicNetworkAccess": "Disabled"},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_vault_whose_network_refuses_this_machine_is_reported_with_the_remedy(name: str, vault: Vault, run: Run, tmp_path: Path) -> None:
    permit(vault, certificates=["get"])
    vault.properties |= NETWORKS[name]
    result = run("proof", **asked(tmp_path / "proof.json", verification=state(anchors=[UNREAD]), read_vaults=True))
    assert result["proof"]["passed"] is True
    assert "(Forbidden); reach the vault from a network that it allows: it refuses this machine, whatever the login may do" in result["notes"][0]


def test_a_name_from_the_cluster_does_not_lead_to_a_secret(vault: Vault, run: Run, azure: Emulated, tmp_path: Path) -> None:
    permit(vault, certificates=["get"], secrets=["get"])
    elsewhere = {**UNREAD, "name": "../secrets/brooklyn-io", "version": None}
    result = run("proof", **asked(tmp_path / "proof.json", verification=state(anchors=[elsewhere]), read_vaults=True))
    assert result["notes"][0].startswith("The certificate ../secrets/brooklyn-io of kmprovider-akv: not read from the vault: ")
    assert not [entry.path for entry in azure.requests if entry.path.startswith("/secrets") or ("secrets/brooklyn-io" in entry.path and entry.status == 200)]


def test_a_vault_that_does_not_answer_is_asked_once(vault: Vault, run: Run, azure: Emulated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for failure in (retries.NO_CONNECTION, retries.LOST_CONNECTION):
        monkeypatch.setitem(retries.RETRIES, failure, replace(retries.RETRIES[failure], bound=0))
    elsewhere = {**UNREAD, "vault": "https://elsewhere.vault.azure.net/"}
    numbers = []
    for anchors in ([elsewhere], [elsewhere] * 3):
        run("proof", **asked(tmp_path / "proof.json", verification=state(anchors=anchors), read_vaults=True))
        numbers.append(len([entry for entry in azure.requests if entry.host.startswith("elsewhere")]))
    assert numbers[0] == numbers[1] > 0


def test_without_a_login_the_certificates_are_not_read_and_the_proof_is_made(vault: Vault, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AZURE_SECRET", "wrong")
    result = run("proof", **asked(tmp_path / "proof.json", verification=state(anchors=[UNREAD]), read_vaults=True))
    assert "AADSTS7000215" in result["notes"][0]
    assert result["proof"]["passed"] is True
