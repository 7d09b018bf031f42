"""Key Vault's data plane."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.x509.oid import NameOID
from starlette.testclient import TestClient

from lab.azure import control
from lab.azure.context import Azure
from lab.azure.keyvault import data_plane, keys
from lab.azure.roles import (
    ACR_PULL,
    CONTRIBUTOR,
    KEY_VAULT_ADMINISTRATOR,
    KEY_VAULT_CERTIFICATE_USER,
    KEY_VAULT_CRYPTO_USER,
    KEY_VAULT_READER,
    KEY_VAULT_SECRETS_USER,
    OWNER,
    READER,
    Role,
)
from lab.azure.state import Secret, SecretVersion, Vault, now
from tests.emulator.services import CLIENT, GROUP, PRINCIPAL, TENANT, assign, other_azure
from tests.emulator.services import azure as emulated
from tests.support.cluster_states import chain

VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/lab"
OLD, NEW = "0" * 32, "1" * 32
QUERY = {"api-version": "7.4"}


def certificate() -> x509.Certificate:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")])
    at = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, at, at + timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


SIGNER = certificate()
CHAIN = chain()
PEM = SIGNER.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def azure() -> Azure:
    azure = emulated()
    vault = vault_of(azure)
    vault.secrets["signer"] = Secret(NEW, {version: SecretVersion(PEM, "application/x-pem-file", 1_700_000_000) for version in (OLD, NEW)})
    vault.secrets["password"] = Secret(NEW, {NEW: SecretVersion("hunter2", "text/plain", 1_700_000_000)})
    vault.certificates.append("signer")
    return azure


@pytest.fixture
def client(azure: Azure) -> TestClient:
    return TestClient(data_plane.app(azure), base_url="https://lab.vault.azure.net")


def vault_of(azure: Azure) -> Vault:
    return azure.state.vaults[VAULT.lower()]


def permit(azure: Azure, **permissions: list[str]) -> dict[str, Any]:
    policy = {"tenantId": TENANT, "objectId": PRINCIPAL, "permissions": permissions}
    vault_of(azure).properties["accessPolicies"].append(policy)
    return policy


def bearer(azure: Azure, audience: str = "https://vault.azure.net", seconds: int = 60) -> dict[str, str]:
    return {"Authorization": f"Bearer {azure.tokens.access_token(PRINCIPAL, CLIENT, audience, seconds=seconds)}"}


def get(client: TestClient, azure: Azure, path: str, **query: str) -> httpx.Response:
    answer: httpx.Response = client.get(path, params=query or QUERY, headers=bearer(azure))
    return answer


@pytest.mark.parametrize(
    ("permissions", "secrets", "certificates"),
    [
        ({"secrets": ["get"]}, 200, 403),
        ({"secrets": ["Get"]}, 200, 403),
        ({"secrets": ["all"]}, 200, 403),
        ({"certificates": ["get", "list"]}, 403, 200),
        ({"certificates": ["All"], "secrets": ["list", "set"]}, 403, 200),
        ({"keys": ["get", "all"], "storage": ["get"]}, 403, 403),
        ({"secrets": []}, 403, 403),
        ({}, 403, 403),
    ],
)
def test_an_access_policy_permits_what_it_names(azure: Azure, client: TestClient, permissions: dict[str, list[str]], secrets: int, certificates: int) -> None:
    permit(azure, **permissions)
    assert get(client, azure, "/secrets/signer").status_code == secrets
    assert get(client, azure, "/certificates/signer").status_code == certificates


@pytest.mark.parametrize("other", [{"objectId": CLIENT}, {"tenantId": CLIENT}, {"applicationId": CLIENT}], ids=["principal", "tenant", "application"])
def test_an_access_policy_for_another_principal_permits_nothing(azure: Azure, client: TestClient, other: dict[str, str]) -> None:
    permit(azure, secrets=["all"]).update(other)
    assert get(client, azure, "/secrets/signer").status_code == 403


@pytest.mark.parametrize(
    ("role", "secrets", "certificates"),
    [
        (None, 403, 403),
        (KEY_VAULT_SECRETS_USER, 200, 403),
        (KEY_VAULT_CERTIFICATE_USER, 200, 200),
        (KEY_VAULT_ADMINISTRATOR, 200, 200),
        (KEY_VAULT_READER, 403, 200),
        (OWNER, 403, 403),
        (CONTRIBUTOR, 403, 403),
        (READER, 403, 403),
        (ACR_PULL, 403, 403),
    ],
)
def test_a_role_permits_what_it_permits_in_azure(azure: Azure, client: TestClient, role: Role | None, secrets: int, certificates: int) -> None:
    vault_of(azure).properties["enableRbacAuthorization"] = True
    if role:
        assign(azure, role, VAULT)
    assert get(client, azure, "/secrets/signer").status_code == secrets
    assert get(client, azure, "/certificates/signer").status_code == certificates


def test_an_access_policy_means_nothing_under_rbac_and_a_role_nothing_without(azure: Azure, client: TestClient) -> None:
    permit(azure, secrets=["get"])
    vault_of(azure).properties["enableRbacAuthorization"] = True
    assert get(client, azure, "/secrets/signer").status_code == 403
    assign(azure, KEY_VAULT_SECRETS_USER, VAULT)
    assert get(client, azure, "/secrets/signer").status_code == 200
    vault_of(azure).properties |= {"enableRbacAuthorization": False, "accessPolicies": []}
    assert get(client, azure, "/secrets/signer").status_code == 403


def test_a_role_counts_on_the_secret_itself_and_above_and_once_it_has_taken_effect(azure: Azure, client: TestClient) -> None:
    vault_of(azure).properties["enableRbacAuthorization"] = True
    assignment = assign(azure, KEY_VAULT_SECRETS_USER, f"{VAULT}/secrets/signer")
    assert get(client, azure, "/secrets/signer").status_code == 200
    assert get(client, azure, "/secrets/password").status_code == 403
    assignment.scope = GROUP
    assert get(client, azure, "/secrets/password").status_code == 200
    assignment.effective_at = now() + 60
    assert get(client, azure, "/secrets/password").status_code == 403


def test_a_refusal_is_in_the_words_of_the_vaults_permission_model(azure: Azure, client: TestClient) -> None:
    caller = f"appid={CLIENT};oid={PRINCIPAL};iss=https://sts.windows.net/{TENANT}/"
    by_policy = get(client, azure, "/secrets/signer").json()["error"]
    assert (by_policy["code"], by_policy["innererror"]) == ("Forbidden", {"code": "ForbiddenByPolicy"})
    assert by_policy["message"].startswith(
        f"The user, group or application '{caller}' does not have secrets get permission on key vault 'lab;location=eastus'. For help"
    )
    vault_of(azure).properties["enableRbacAuthorization"] = True
    by_rbac = get(client, azure, "/secrets/signer").json()["error"]
    assert (by_rbac["code"], by_rbac["innererror"]) == ("Forbidden", {"code": "ForbiddenByRbac"})
    assert (
        f"Caller: {caller}\r\nAction: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\nResource: '{VAULT.lower()}/secrets/signer'" in by_rbac["message"]
    )


BY_FIREWALL = (403, "ForbiddenByFirewall", "Client address is not authorized and caller is not a trusted service.\r\nClient address: 198.51.100.9\r\nCaller: ")
BY_CONNECTION = (
    403,
    "ForbiddenByConnection",
    "Public network access is disabled and request is not from a trusted service nor via an approved private link.\r\nCaller: ",
)
NETWORKS: dict[str, tuple[dict[str, Any], tuple[int, str, str] | None]] = {
    "all allowed": ({"networkAcls": {"defaultAction": "Allow"}}, None),
    "denied by default": ({"networkAcls": {"defaultAction": "Deny"}}, BY_FIREWALL),
    "another address": ({"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.7"}]}}, BY_FIREWALL),
    "its address": ({"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "198.51.100.9"}]}}, None),
    "its range": ({"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "198.51.100.0/24"}]}}, None),
    "no public access": ({"publicNetworkAccess": "Disabled", "networkAcls": {"defaultAction": "Allow"}}, BY_CONNECTION),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_of_a_vault_refuses_whatever_the_caller_may_do(azure: Azure, name: str) -> None:
    properties, refusal = NETWORKS[name]
    permit(azure, secrets=["get"])
    vault_of(azure).properties |= properties
    client = TestClient(data_plane.app(azure), base_url="https://lab.vault.azure.net", client=("198.51.100.9", 50000))
    answer = get(client, azure, "/secrets/signer")
    error = answer.json().get("error")
    assert (error and (answer.status_code, error["innererror"]["code"], error["message"].partition("appid=")[0])) == refusal
    assert not error or error["message"].endswith("\r\nVault: lab;location=eastus")
    assert client.get("/secrets/signer", params=QUERY).status_code == 401


def test_a_request_without_a_good_token_is_answered_with_where_to_get_one(azure: Azure, client: TestClient) -> None:
    permit(azure, secrets=["get"])
    challenge = f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="https://vault.azure.net"'
    tries: dict[str, dict[str, str]] = {
        "AKV10000": {},
        "AKV10022": bearer(azure, "https://management.azure.com"),
        "TokenExpired": bearer(azure, seconds=-60),
        "BearerReadAccessTokenFailed": bearer(other_azure()),
    }
    for word, headers in tries.items():
        for path in ("/secrets/signer", "/keys", "/whatever"):
            answer = client.get(path, params=QUERY, headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, challenge), word
        assert word in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/secrets/signer", "/secrets/signer/", f"/secrets/signer/{NEW}", f"/secrets/Signer/{NEW}/"])
def test_a_certificates_secret_is_read_by_name_and_version(azure: Azure, client: TestClient, path: str) -> None:
    permit(azure, secrets=["get"])
    content = get(client, azure, path).json()
    assert content["value"] == PEM
    assert content["contentType"] == "application/x-pem-file"
    assert content["id"] == f"https://lab.vault.azure.net/secrets/signer/{NEW}"
    assert content["kid"] == f"https://lab.vault.azure.net/keys/signer/{NEW}"
    assert content["managed"] is True
    assert content["attributes"]["enabled"] is True


def test_an_older_version_and_a_plain_secret_are_read(azure: Azure, client: TestClient) -> None:
    permit(azure, secrets=["get"])
    assert get(client, azure, f"/secrets/signer/{OLD}").json()["id"].endswith(OLD)
    plain = get(client, azure, "/secrets/password").json()
    assert plain["value"] == "hunter2"
    assert not {"kid", "managed"} & plain.keys()


def test_a_certificate_is_read(azure: Azure, client: TestClient) -> None:
    permit(azure, certificates=["get"])
    content = get(client, azure, "/certificates/signer/").json()
    assert base64.b64decode(content["cer"]) == SIGNER.public_bytes(serialization.Encoding.DER)
    assert content["sid"] == f"https://lab.vault.azure.net/secrets/signer/{NEW}"
    assert get(client, azure, "/certificates/password").json()["error"]["code"] == "CertificateNotFound"


@pytest.mark.parametrize("order", list(permutations(("leaf", "mid", "root"))), ids="-".join)
def test_the_certificate_of_a_chain_is_its_leaf_and_the_secret_keeps_the_order(azure: Azure, client: TestClient, order: tuple[str, ...]) -> None:
    permit(azure, certificates=["get"], secrets=["get"])
    value = "".join(CHAIN[name] for name in order)
    vault_of(azure).secrets["signer"].versions[NEW].value = value
    content = get(client, azure, "/certificates/signer").json()
    assert x509.load_der_x509_certificate(base64.b64decode(content["cer"])).subject.rfc4514_string() == "CN=leaf"
    assert get(client, azure, "/secrets/signer").json()["value"] == value


@pytest.mark.parametrize("key", ["", "-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n"])
def test_the_policy_of_a_certificate_tells_whether_its_key_is_in_the_secret(azure: Azure, client: TestClient, key: str) -> None:
    permit(azure, certificates=["get"])
    vault_of(azure).secrets["signer"].versions[NEW].value = key + PEM
    assert get(client, azure, "/certificates/signer").json()["policy"]["key_props"]["exportable"] is bool(key)


@pytest.mark.parametrize(("path", "named"), [("/secrets/none", "none"), (f"/secrets/signer/{'2' * 32}", f"signer/{'2' * 32}")])
def test_what_does_not_exist_is_not_found(azure: Azure, client: TestClient, path: str, named: str) -> None:
    permit(azure, secrets=["get"])
    answer = get(client, azure, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "SecretNotFound")
    assert answer.json()["error"]["message"].startswith(f"A secret with (name/id) {named} was not found in this key vault.")


def test_who_may_not_read_does_not_learn_what_exists(azure: Azure, client: TestClient) -> None:
    assert get(client, azure, "/secrets/none").status_code == 403


def test_a_disabled_version_is_refused_but_its_certificate_tells_so(azure: Azure, client: TestClient) -> None:
    permit(azure, secrets=["get"], certificates=["get"])
    vault_of(azure).secrets["signer"].versions[NEW].enabled = False
    answer = get(client, azure, "/secrets/signer")
    assert (answer.status_code, answer.json()["error"]["innererror"]) == (403, {"code": "SecretDisabled"})
    assert get(client, azure, "/certificates/signer").json()["attributes"]["enabled"] is False


@pytest.mark.parametrize(("version", "status"), [
    ("7.4", 200), ("7.0", 200), ("7.6-preview.2", 200), ("2025-07-01", 200), ("2016-10-01", 200),
    ("", 400), ("1", 400), ("2016-10-1", 400), ("7.9", 400), ("7.4-preview", 400), ("2099-01-01", 400), ("2024-11-01", 400),
])  # fmt: skip
def test_the_api_version_is_required_and_one_that_key_vault_knows(azure: Azure, client: TestClient, version: str, status: int) -> None:
    permit(azure, secrets=["get"])
    answer = client.get("/secrets/signer", params={"api-version": version} if version else {}, headers=bearer(azure))
    assert answer.status_code == status
    if version and status == 400:
        message = f"The specified version ({version}) is not recognized. Consider using the latest supported version (2025-07-01)."
        assert answer.json()["error"] == {"code": "BadParameter", "message": message}


def test_what_is_not_emulated_says_so(azure: Azure, client: TestClient) -> None:
    answer = get(client, azure, "/keys")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "The lab does not emulate GET /keys.")


def test_a_vault_without_dns_record_cannot_be_reached(azure: Azure, client: TestClient) -> None:
    permit(azure, secrets=["get"])
    vault_of(azure).registered_at = now() + 60
    with pytest.raises(ConnectionResetError):
        get(client, azure, "/secrets/signer")
    vault_of(azure).registered_at = now() - 1
    assert get(client, azure, "/secrets/signer").status_code == 200
    with pytest.raises(ConnectionResetError):
        client.get("https://unknown.vault.azure.net/secrets/signer", params=QUERY, headers=bearer(azure))


def test_the_labs_switches_make_disable_and_take_away_a_version_of_a_certificate(azure: Azure, client: TestClient) -> None:
    switches, address = TestClient(control.app(azure)), "/vaults/lab/certificates/signer"
    permit(azure, secrets=["get"])
    made = switches.put(address, content=PEM.replace("\n", "\r\n")).json()["version"]
    assert get(client, azure, "/secrets/signer").json()["value"] == PEM.replace("\n", "\r\n")
    assert switches.patch(f"{address}/{made}", json={"enabled": False}).status_code == 204
    assert get(client, azure, "/secrets/signer").json()["error"]["innererror"] == {"code": "SecretDisabled"}
    assert switches.patch(f"{address}/{made}", json={"enabled": True}).status_code == 204
    assert get(client, azure, "/secrets/signer").json()["id"].endswith(made)
    assert switches.delete(f"{address}/{made}").status_code == 204
    assert get(client, azure, "/secrets/signer").json()["value"] == PEM
    assert [switches.delete(f"{address}/{made}").status_code, switches.put("/vaults/lab/certificates/nobody").status_code] == [404, 404]


EC_KEY, RSA_KEY, BIG_EC_KEY = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())
DIGEST = hashlib.sha256(b"proof").digest()


def sign(client: TestClient, azure: Azure, version: str, algorithm: str, digest: bytes = DIGEST, name: str = "proof") -> httpx.Response:
    body = {"alg": algorithm, "value": base64.urlsafe_b64encode(digest).rstrip(b"=").decode()}
    answer: httpx.Response = client.post(f"/keys/{name}/{version}/sign", params=QUERY, headers=bearer(azure), json=body)
    return answer


def decoded(text: str) -> bytes:
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "==")


@pytest.mark.parametrize(
    ("permissions", "read", "signed"),
    [({"keys": ["get"]}, 200, 403), ({"keys": ["sign"]}, 403, 200), ({"keys": ["all"]}, 200, 200), ({"secrets": ["all"], "certificates": ["all"]}, 403, 403)],
)
def test_a_key_is_read_and_signs_by_the_permission_for_each(
    azure: Azure, client: TestClient, permissions: dict[str, list[str]], read: int, signed: int
) -> None:
    version = keys.add(vault_of(azure), "proof", EC_KEY)
    permit(azure, **permissions)
    assert get(client, azure, "/keys/proof").status_code == read
    assert sign(client, azure, version, "ES256").status_code == signed


@pytest.mark.parametrize(
    ("role", "read", "signed"),
    [(None, 403, 403), (KEY_VAULT_CRYPTO_USER, 200, 200), (KEY_VAULT_READER, 200, 403), (KEY_VAULT_SECRETS_USER, 403, 403), (OWNER, 403, 403)],
)
def test_a_key_is_read_and_signs_by_the_role_for_it(azure: Azure, client: TestClient, role: Role | None, read: int, signed: int) -> None:
    version = keys.add(vault_of(azure), "proof", EC_KEY)
    vault_of(azure).properties["enableRbacAuthorization"] = True
    if role:
        assign(azure, role, VAULT)
    assert get(client, azure, "/keys/proof").status_code == read
    refused = sign(client, azure, version, "ES256")
    assert refused.status_code == signed
    assert signed == 200 or "Action: 'Microsoft.KeyVault/vaults/keys/sign/action'" in refused.json()["error"]["message"]


def test_an_ec_key_signs_r_and_s_one_after_the_other(azure: Azure, client: TestClient) -> None:
    permit(azure, keys=["get", "sign"])
    version = keys.add(vault_of(azure), "proof", EC_KEY)
    key = get(client, azure, "/keys/proof/").json()["key"]
    assert (key["kid"], key["kty"], key["crv"]) == (f"https://lab.vault.azure.net/keys/proof/{version}", "EC", "P-256")
    assert int.from_bytes(decoded(key["x"]), "big") == EC_KEY.public_key().public_numbers().x
    answer = sign(client, azure, version, "ES256").json()
    raw = decoded(answer["value"])
    assert (answer["kid"], len(raw)) == (key["kid"], 64)
    signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    EC_KEY.public_key().verify(signature, DIGEST, ec.ECDSA(Prehashed(hashes.SHA256())))


@pytest.mark.parametrize(("algorithm", "pad"), [("RS256", padding.PKCS1v15()), ("PS256", padding.PSS(padding.MGF1(hashes.SHA256()), 32))])
def test_an_rsa_key_signs_in_both_ways(azure: Azure, client: TestClient, algorithm: str, pad: Any) -> None:
    permit(azure, keys=["get", "sign"])
    version = keys.add(vault_of(azure), "proof", RSA_KEY)
    key = get(client, azure, f"/keys/Proof/{version}").json()["key"]
    assert (key["kty"], key["e"]) == ("RSA", "AQAB")
    assert int.from_bytes(decoded(key["n"]), "big") == RSA_KEY.public_key().public_numbers().n
    RSA_KEY.public_key().verify(decoded(sign(client, azure, version, algorithm).json()["value"]), DIGEST, pad, Prehashed(hashes.SHA256()))


@pytest.mark.parametrize(
    ("key", "algorithm", "digest", "says"),
    [
        (EC_KEY, "RS256", DIGEST, "incompatible"),
        (RSA_KEY, "ES256", DIGEST, "incompatible"),
        (BIG_EC_KEY, "ES256", DIGEST, "incompatible"),
        (EC_KEY, "ES256", b"short", "requires 32 bytes"),
        (EC_KEY, "HS256", DIGEST, "Unknown algorithm"),
    ],
)
def test_what_does_not_fit_the_key_is_refused(azure: Azure, client: TestClient, key: Any, algorithm: str, digest: bytes, says: str) -> None:
    permit(azure, keys=["sign"])
    answer = sign(client, azure, keys.add(vault_of(azure), "proof", key), algorithm, digest)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")
    assert says in answer.json()["error"]["message"]


def test_a_disabled_key_and_one_that_may_not_sign_do_not_and_one_that_is_not_there_is_not_found(azure: Azure, client: TestClient) -> None:
    permit(azure, keys=["sign"])
    version = keys.add(vault_of(azure), "proof", EC_KEY)
    kept = vault_of(azure).keys["proof"].versions[version]
    kept.operations = ["verify"]
    assert sign(client, azure, version, "ES256").json()["error"]["innererror"] == {"code": "KeyOperationForbidden"}
    kept.enabled = False
    assert sign(client, azure, version, "ES256").json()["error"]["innererror"] == {"code": "KeyDisabled"}
    assert sign(client, azure, "0" * 32, "ES256").json()["error"]["code"] == "KeyNotFound"
    assert sign(client, azure, version, "ES256", name="none").json()["error"]["code"] == "KeyNotFound"
