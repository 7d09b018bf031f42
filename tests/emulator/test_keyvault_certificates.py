"""Certificates of Key Vault's data plane, by the answers that Microsoft documents, and that the tests of its SDKs recorded."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID
from starlette.testclient import TestClient

from lab.azure import control
from lab.azure.context import Azure
from lab.azure.keyvault import data_plane, issuing
from lab.azure.roles import KEY_VAULT_ADMINISTRATOR, KEY_VAULT_CERTIFICATE_USER, KEY_VAULT_CERTIFICATES_OFFICER, KEY_VAULT_READER, OWNER, Role
from lab.azure.state import Issuer, Vault
from tests.emulator.services import CLIENT, GROUP, PRINCIPAL, TENANT, assign
from tests.emulator.services import azure as emulated
from tests.support.certificates import SelfSigned
from tests.support.cluster_states import chain

VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/lab"
HOST = "https://lab.vault.azure.net"
QUERY = {"api-version": "7.4"}
SUBJECT = "C=US, ST=WA, L=Seattle, O=Contoso, CN=contoso.io"
SIGNER: dict[str, Any] = {
    "issuer": {"name": "Self"},
    "key_props": {"exportable": False, "kty": "RSA", "key_size": 2048, "reuse_key": False},
    "secret_props": {"contentType": "application/x-pem-file"},
    "x509_props": {"subject": SUBJECT, "key_usage": ["digitalSignature"], "ekus": ["1.3.6.1.5.5.7.3.3"], "validity_months": 6},
}
"""As the walk-through of Notation with Key Vault has it."""


@pytest.fixture
def azure() -> Azure:
    azure = emulated()
    azure.state.settings.operation_delay = 0
    permit(azure, certificates=["all"], keys=["all"], secrets=["all"])
    return azure


@pytest.fixture
def client(azure: Azure) -> TestClient:
    client = TestClient(data_plane.app(azure), base_url=HOST)
    client.headers["Authorization"] = f"Bearer {azure.tokens.access_token(PRINCIPAL, CLIENT, 'https://vault.azure.net', seconds=600)}"
    client.params = httpx.QueryParams(QUERY)
    return client


def vault_of(azure: Azure) -> Vault:
    return azure.state.vaults[VAULT.lower()]


def permit(azure: Azure, **permissions: list[str]) -> None:
    vault_of(azure).properties["accessPolicies"] = [{"tenantId": TENANT, "objectId": PRINCIPAL, "permissions": permissions}]


def sent(policy: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The body of a creation: the signer's policy, some of its parts with other members."""
    changed = {part: {**members, **(policy or {}).get(part, {})} for part, members in SIGNER.items()}
    return {"policy": {**(policy or {}), **changed}, **more}


def made(client: TestClient, policy: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The certificate `signer` after such a creation."""
    assert client.post("/certificates/signer/create", json=sent(policy, **more)).status_code == 202
    answer: dict[str, Any] = client.get("/certificates/signer/").json()
    return answer


def leaf(content: dict[str, Any]) -> x509.Certificate:
    return x509.load_der_x509_certificate(base64.b64decode(content["cer"]))


def error(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()["error"]
    return answer.status_code, body["code"], body.get("innererror", {}).get("code", "")


def test_a_certificate_is_pending_and_then_there_with_its_key_and_its_secret(azure: Azure, client: TestClient) -> None:
    azure.state.settings.operation_delay = 3600
    begun = client.post("/certificates/signer/create", json=sent())
    operation = begun.json()
    assert (begun.status_code, begun.headers["retry-after"]) == (202, "10")
    assert begun.headers["location"] == f"{HOST}/certificates/signer/pending?api-version=7.4&request_id={operation['request_id']}"
    details = "Pending certificate created. Certificate request is in progress. This may take some time based on the issuer provider. Please check again later."
    shown = {key: value for key, value in operation.items() if key not in ("csr", "request_id")}
    assert shown == {
        "id": f"{HOST}/certificates/signer/pending",
        "issuer": {"name": "Self"},
        "cancellation_requested": False,
        "status": "inProgress",
        "status_details": details,
    }
    assert x509.load_der_x509_csr(base64.b64decode(operation["csr"])).is_signature_valid
    waiting = client.get("/certificates/signer/pending")
    assert (waiting.json(), waiting.headers["retry-after"]) == (operation, "10")
    unmade = client.get("/certificates/signer/").json()
    assert (unmade["attributes"]["enabled"], unmade["pending"], "cer" in unmade) == (False, {"id": operation["id"]}, False)
    assert error(client.get("/secrets/signer")) == (404, "SecretNotFound", "")

    kept = vault_of(azure).certificate_states["signer"].operation
    assert kept
    kept.ready_at = 0
    complete = client.get("/certificates/signer/pending").json()
    assert (complete["status"], complete["target"], "status_details" in complete) == ("completed", f"{HOST}/certificates/signer", False)
    content = client.get("/certificates/signer/").json()
    version = content["id"].rpartition("/")[2]
    assert unmade["id"] == content["id"]
    assert (content["kid"], content["sid"]) == (f"{HOST}/keys/signer/{version}", f"{HOST}/secrets/signer/{version}")
    assert client.get("/secrets/signer").json()["kid"] == content["kid"]
    assert client.get(f"/keys/signer/{version}").json()["managed"] is True
    assert (
        content["attributes"]["exp"] - content["attributes"]["nbf"] == (leaf(content).not_valid_after_utc - leaf(content).not_valid_before_utc).total_seconds()
    )


def test_the_certificate_is_as_the_policy_asks_and_as_key_vault_makes_them(client: TestClient) -> None:
    content = made(client)
    certificate = leaf(content)
    certificate.verify_directly_issued_by(certificate)
    assert sorted(certificate.subject.rfc4514_string().split(",")) == sorted(SUBJECT.split(", "))
    assert content["x5t"] == base64.urlsafe_b64encode(hashlib.sha1(base64.b64decode(content["cer"]), usedforsecurity=False).digest()).decode().rstrip("=")
    assert {each.oid._name: each.critical for each in certificate.extensions} == {
        "keyUsage": True,
        "basicConstraints": False,
        "extendedKeyUsage": False,
        "authorityKeyIdentifier": False,
        "subjectKeyIdentifier": False,
    }
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment) == (True, False)
    assert [*certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value] == [ExtendedKeyUsageOID.CODE_SIGNING]
    assert client.get("/keys/signer").json()["key"]["key_ops"] == ["sign", "verify"]


def test_what_a_policy_does_not_say_is_as_key_vault_has_it(client: TestClient) -> None:
    client.post("/certificates/other/create", json={"policy": {"x509_props": {"subject": "CN=DefaultPolicy", "sans": {}}, "issuer": {"name": "Self"}}})
    policy = client.get("/certificates/other/policy").json()
    del policy["attributes"]
    assert policy == {
        "id": f"{HOST}/certificates/other/policy",
        "key_props": {"exportable": True, "kty": "RSA", "key_size": 2048, "reuse_key": False},
        "secret_props": {"contentType": "application/x-pkcs12"},
        "x509_props": {
            "subject": "CN=DefaultPolicy",
            "sans": {},
            "ekus": ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
            "key_usage": ["digitalSignature", "keyEncipherment"],
            "validity_months": 12,
            "basic_constraints": {"ca": False},
        },
        "lifetime_actions": [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "AutoRenew"}}],
        "issuer": {"name": "Self"},
    }


KEYS = {
    "RSA 3072": ({"kty": "RSA", "key_size": 3072}, 3072),
    "P-256": ({"kty": "EC", "crv": "P-256", "key_size": None}, 256),
    "P-384": ({"kty": "EC", "crv": "P-384", "key_size": None}, 384),
    "P-521": ({"kty": "EC", "crv": "P-521", "key_size": None}, 521),
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_are_of_each_size_and_curve(client: TestClient, name: str) -> None:
    asked, size = KEYS[name]
    content = made(client, {"key_props": asked})
    key = leaf(content).public_key()
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    assert key.key_size == size
    assert content["policy"]["key_props"]["key_size"] == size


@pytest.mark.parametrize("exportable", [False, True])
@pytest.mark.parametrize("content_type", ["application/x-pem-file", "application/x-pkcs12"])
def test_the_secret_has_the_private_key_only_where_it_is_exportable(client: TestClient, content_type: str, exportable: bool) -> None:
    content = made(client, {"key_props": {"exportable": exportable}, "secret_props": {"contentType": content_type}})
    secret = client.get("/secrets/signer").json()
    assert secret["contentType"] == content_type
    if content_type == "application/x-pem-file":
        assert ("PRIVATE KEY" in secret["value"]) is exportable
        assert x509.load_pem_x509_certificates(secret["value"].encode()) == [leaf(content)]
    else:
        key, certificate, others = pkcs12.load_key_and_certificates(base64.b64decode(secret["value"]), None)
        assert (key is not None) is exportable
        assert [*([certificate] if certificate else []), *others] == [leaf(content)]


def test_the_key_of_a_certificate_signs_and_is_verified_by_it(client: TestClient) -> None:
    content = made(client)
    digest = hashlib.sha256(b"image").digest()
    body = {"alg": "PS256", "value": base64.urlsafe_b64encode(digest).decode().rstrip("=")}
    answer = client.post(f"{content['kid'].removeprefix(HOST)}/sign", json=body).json()
    public, signature = leaf(content).public_key(), base64.urlsafe_b64decode(answer["value"] + "==")
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(signature, digest, padding.PSS(padding.MGF1(hashes.SHA256()), 32), Prehashed(hashes.SHA256()))


@pytest.mark.parametrize("reuse", [False, True])
def test_another_version_is_made_on_request_and_the_first_one_stays(client: TestClient, reuse: bool) -> None:
    first = made(client)
    second = made(client, {"key_props": {"reuse_key": reuse}})
    assert first["id"] != second["id"]
    assert (leaf(first).public_key() == leaf(second).public_key()) is reuse
    listed = client.get("/certificates/signer/versions").json()
    assert [each["id"] for each in listed["value"]] == [first["id"], second["id"]]
    assert listed["nextLink"] is None
    assert {*listed["value"][0]} == {"id", "x5t", "attributes"}
    again = client.get(first["id"].removeprefix(HOST)).json()
    assert {**again, "pending": None} == {**first, "pending": None, "policy": again["policy"]}


def test_while_another_version_is_made_the_one_before_is_the_latest(azure: Azure, client: TestClient) -> None:
    first = made(client)
    azure.state.settings.operation_delay = 3600
    assert made(client)["id"] == first["id"]
    conflict = client.post("/certificates/Signer/create", json=sent())
    assert error(conflict) == (409, "Forbidden", "")
    message = "A new key vault certificate can not be created or imported while a pending key vault certificate's status is inProgress."
    assert conflict.json()["error"]["message"] == message
    assert error(client.post("/certificates/signer/import", json={"value": SelfSigned().pem})) == (409, "Forbidden", "")


def test_an_operation_is_filtered_cancelled_and_deleted(azure: Azure, client: TestClient) -> None:
    azure.state.settings.operation_delay = 3600
    operation = client.post("/certificates/signer/create", json=sent()).json()
    pending = "/certificates/signer/pending"
    assert client.get(pending, params={**QUERY, "request_id": operation["request_id"]}).status_code == 200
    assert error(client.get(pending, params={**QUERY, "request_id": "0" * 32})) == (404, "PendingCertificateNotFound", "")
    cancelled = client.patch(pending, json={"cancellation_requested": True}).json()
    assert (cancelled["cancellation_requested"], cancelled["status"]) == (True, "inProgress")
    assert client.delete(pending).json() == cancelled
    gone = client.get(pending)
    assert gone.json()["error"] == {"code": "PendingCertificateNotFound", "message": "Pending certificate not found: signer"}
    left = client.get("/certificates/signer").json()
    assert (left["attributes"]["enabled"], "pending" in left) == (False, False)


def test_an_operation_that_is_complete_is_not_cancelled(client: TestClient) -> None:
    made(client)
    assert error(client.patch("/certificates/signer/pending", json={"cancellation_requested": True})) == (400, "BadParameter", "")


def test_an_operation_fails_as_its_issuer_says(azure: Azure, client: TestClient) -> None:
    azure.state.settings.operation_delay = 3600
    made(client)
    kept = vault_of(azure).certificate_states["signer"].operation
    assert kept
    kept.ready_at, kept.error = 0, {"code": "Request rejected", "message": "The organisation is not validated."}
    failed = client.get("/certificates/signer/pending").json()
    assert (failed["status"], failed["error"]) == ("failed", kept.error)


def test_a_named_issuer_signs_and_its_chain_is_in_the_secret(azure: Azure, client: TestClient) -> None:
    assert error(client.post("/certificates/signer/create", json=sent({"issuer": {"name": "contoso-ca"}}))) == (400, "BadParameter", "")
    authority = SelfSigned()
    vault_of(azure).issuers["contoso-ca"] = Issuer(authority.pem, issuing.pem_of(authority.key))
    content = made(client, {"issuer": {"name": "contoso-ca"}})
    leaf(content).verify_directly_issued_by(authority.certificate)
    assert x509.load_pem_x509_certificates(client.get("/secrets/signer").json()["value"].encode()) == [leaf(content), authority.certificate]


def test_a_certificate_for_a_merge_waits_for_it(client: TestClient) -> None:
    made(client, {"issuer": {"name": "Unknown"}})
    operation = client.get("/certificates/signer/pending").json()
    assert (operation["status"], operation["status_details"]) == ("inProgress", "Pending certificate created. Please Perform Merge to complete the request.")


BAD: dict[str, dict[str, Any]] = {
    "an HSM": {"key_props": {"kty": "RSA-HSM"}},
    "a short key": {"key_props": {"key_size": 1024}},
    "a curve that is none": {"key_props": {"kty": "EC", "crv": "P-192", "key_size": None}},
    "another content type": {"secret_props": {"contentType": "text/plain"}},
    "names beside the subject": {"x509_props": {"sans": {"dns_names": ["contoso.io"]}}},
    "a usage that is none": {"x509_props": {"key_usage": ["signing"]}},
    "no subject": {"x509_props": {"subject": "contoso"}},
    "no time": {"x509_props": {"validity_months": 0}},
    "a type of certificate": {"issuer": {"cty": "OV-SSL"}},
    "two triggers": {"lifetime_actions": [{"trigger": {"lifetime_percentage": 80, "days_before_expiry": 3}, "action": {"action_type": "AutoRenew"}}]},
    "renewal without an issuer": {
        "issuer": {"name": "Unknown"},
        "lifetime_actions": [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "AutoRenew"}}],
    },
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_emulated_or_not_taken_is_refused(client: TestClient, name: str) -> None:
    lifetime = {"lifetime_actions": BAD[name]["lifetime_actions"]} if "lifetime_actions" in BAD[name] else {}
    body = sent(BAD[name])
    assert error(client.post("/certificates/signer/create", json={"policy": {**body["policy"], **lifetime}})) == (400, "BadParameter", "")
    assert error(client.get("/certificates/signer")) == (404, "CertificateNotFound", "")
    assert error(client.post("/certificates/signer/create", content=b"[]")) == (400, "BadParameter", "")


def test_a_policy_is_changed_in_what_is_sent_and_no_version_is_made(client: TestClient) -> None:
    first = made(client)
    actions = [{"trigger": {"days_before_expiry": 30}, "action": {"action_type": "EmailContacts"}}]
    changed = client.patch("/certificates/signer/policy", json={"lifetime_actions": actions, "x509_props": {"validity_months": 24}}).json()
    expected = {**first["policy"], "lifetime_actions": actions, "x509_props": {**first["policy"]["x509_props"], "validity_months": 24}}
    assert {**changed, "attributes": None} == {**expected, "attributes": None}
    assert client.get("/certificates/signer").json()["id"] == first["id"]
    assert error(client.patch("/certificates/none/policy", json={})) == (404, "CertificateNotFound", "")


def test_a_version_is_disabled_with_its_key_and_its_secret(client: TestClient) -> None:
    first = made(client, tags={"team": "release"})
    second = made(client)
    path = first["id"].removeprefix(HOST)
    disabled = client.patch(path, json={"attributes": {"enabled": False}}).json()
    assert (disabled["attributes"]["enabled"], disabled["tags"]) == (False, {"team": "release"})
    version = first["id"].rpartition("/")[2]
    assert error(client.get(f"/secrets/signer/{version}")) == (403, "Forbidden", "SecretDisabled")
    body = {"alg": "PS256", "value": base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")}
    assert error(client.post(f"/keys/signer/{version}/sign", json=body)) == (403, "Forbidden", "KeyDisabled")
    assert client.get("/certificates/signer").json()["attributes"]["enabled"] is second["attributes"]["enabled"] is True
    assert client.patch("/certificates/signer/", json={"tags": {"a": "b"}}).json()["tags"] == {"a": "b"}
    assert error(client.patch("/certificates/none/", json={})) == (404, "CertificateNotFound", "")


def test_a_certificate_is_made_disabled_where_that_is_asked(client: TestClient) -> None:
    assert made(client, attributes={"enabled": False})["attributes"]["enabled"] is False
    assert error(client.get("/secrets/signer")) == (403, "Forbidden", "SecretDisabled")


IMPORTS = ("pem", "pem in base64", "pkcs12", "pkcs12 with a password")


@pytest.mark.parametrize("exportable", [True, False])
@pytest.mark.parametrize("kind", IMPORTS)
def test_a_certificate_is_imported_with_its_key(client: TestClient, kind: str, exportable: bool) -> None:
    signer = SelfSigned()
    pem = issuing.pem_of(signer.key) + signer.pem
    password = {"pkcs12 with a password": "word"}.get(kind)
    encryption = BestAvailableEncryption(b"word") if password else NoEncryption()
    packed = base64.b64encode(pkcs12.serialize_key_and_certificates(None, signer.key, signer.certificate, None, encryption)).decode()
    value = {"pem": pem, "pem in base64": base64.b64encode(pem.encode()).decode()}.get(kind, packed)
    content_type = "application/x-pem-file" if kind.startswith("pem") else "application/x-pkcs12"
    policy = {"key_props": {"exportable": exportable}, "secret_props": {"contentType": content_type}}
    content = client.post("/certificates/signer/import", json={"value": value, "pwd": password, "policy": policy}).json()
    assert leaf(content) == signer.certificate
    assert (content["policy"]["issuer"], content["policy"]["key_props"]["exportable"]) == ({"name": "Unknown"}, exportable)
    key, _chain = issuing.opened(client.get("/secrets/signer").json()["value"])
    assert (key is not None) is exportable
    assert client.get("/keys/signer").status_code == 200


def test_an_import_without_its_key_or_of_another_content_type_is_refused(client: TestClient) -> None:
    signer, pem = SelfSigned(), {"secret_props": {"contentType": "application/x-pem-file"}}
    others = issuing.pem_of(ec.generate_private_key(ec.SECP256R1())) + signer.pem
    whole, packed = issuing.pem_of(signer.key) + signer.pem, {"secret_props": {"contentType": "application/x-pkcs12"}}
    for value, policy in ((signer.pem, pem), (others, pem), (whole, packed), (whole, {}), ("MII=", pem), ("", {})):
        assert error(client.post("/certificates/signer/import", json={"value": value, "policy": policy})) == (400, "BadParameter", "")


def test_a_deleted_certificate_holds_its_name_until_it_is_recovered(client: TestClient) -> None:
    first = made(client)
    assert client.get("/deletedcertificates/signer").json()["error"] == {"code": "CertificateNotFound", "message": "Deleted Certificate not found: signer"}
    deleted = client.delete("/certificates/signer").json()
    assert (deleted["recoveryId"], deleted["id"]) == (f"{HOST}/deletedcertificates/signer", first["id"])
    assert client.get("/deletedcertificates/signer").json() == deleted
    assert [error(client.get(f"/{kind}/signer"))[1] for kind in ("certificates", "secrets", "keys")] == ["CertificateNotFound", "SecretNotFound", "KeyNotFound"]
    conflict = client.post("/certificates/signer/create", json=sent())
    assert error(conflict) == (409, "Conflict", "ObjectIsDeletedButRecoverable")
    assert conflict.json()["error"]["message"].startswith("Certificate signer is currently in a deleted but recoverable state, and its name cannot be reused;")
    assert client.post("/deletedcertificates/signer/recover").json()["id"] == first["id"]
    assert client.get("/secrets/signer").status_code == 200


def test_versions_come_in_pages_and_none_of_what_does_not_exist(client: TestClient) -> None:
    ids = [made(client)["id"] for _ in range(3)]
    assert client.get("/certificates/none/versions").json() == {"value": [], "nextLink": None}
    page = client.get("/certificates/signer/versions", params={**QUERY, "maxresults": "2"}).json()
    rest = client.get("/certificates/signer/versions", params=httpx.URL(page["nextLink"]).params).json()
    assert [each["id"] for each in (*page["value"], *rest["value"])] == ids
    assert rest["nextLink"] is None
    assert [each["id"] for each in client.get("/certificates").json()["value"]] == [f"{HOST}/certificates/signer"]


def test_a_seeded_certificate_has_a_policy_that_can_be_changed(azure: Azure, client: TestClient) -> None:
    control_plane = TestClient(control.app(azure))
    made(client)
    del vault_of(azure).certificate_states["signer"]
    control_plane.put("/vaults/lab/certificates/signer", content=chain()["leaf"])
    assert client.get("/certificates/signer/policy").json()["issuer"] == {"name": "Unknown"}
    changed = client.patch("/certificates/signer/policy", json={"x509_props": {"validity_months": 5}}).json()
    assert changed["x509_props"]["validity_months"] == 5


REQUESTS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "get": ("GET", "/certificates/signer", None),
    "get its policy": ("GET", "/certificates/signer/policy", None),
    "get its operation": ("GET", "/certificates/signer/pending", None),
    "get a deleted one": ("GET", "/deletedcertificates/signer", None),
    "list": ("GET", "/certificates", None),
    "list versions": ("GET", "/certificates/signer/versions", None),
    "create": ("POST", "/certificates/other/create", sent()),
    "import": ("POST", "/certificates/other/import", {"value": ""}),
    "update": ("PATCH", "/certificates/signer/", {}),
    "update its policy": ("PATCH", "/certificates/signer/policy", {}),
    "update its operation": ("PATCH", "/certificates/signer/pending", {}),
    "update by deleting its operation": ("DELETE", "/certificates/signer/pending", None),
    "delete": ("DELETE", "/certificates/signer", None),
    "recover": ("POST", "/deletedcertificates/signer/recover", {}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_each_request_needs_its_permission_in_either_model(azure: Azure, client: TestClient, name: str) -> None:
    method, path, body = REQUESTS[name]
    permission = name.partition(" ")[0]
    made(client)
    others = [each for each in ("get", "list", "create", "import", "update", "delete", "recover") if each != permission]
    permit(azure, certificates=others, keys=["all"], secrets=["all"])
    refused = client.request(method, path, json=body)
    assert error(refused) == (403, "Forbidden", "ForbiddenByPolicy")
    assert f"does not have certificates {permission} permission on key vault 'lab;location=eastus'" in refused.json()["error"]["message"]
    permit(azure, certificates=[permission])
    assert client.request(method, path, json=body).status_code != 403
    vault_of(azure).properties["enableRbacAuthorization"] = True
    action = {"get": "read", "list": "read", "delete": "delete"}.get(permission, f"{permission}/action")
    refused = client.request(method, path, json=body)
    assert error(refused) == (403, "Forbidden", "ForbiddenByRbac")
    assert f"Action: 'Microsoft.KeyVault/vaults/certificates/{action}'" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("role", "read", "created"),
    [
        (KEY_VAULT_CERTIFICATES_OFFICER, 404, 202),
        (KEY_VAULT_ADMINISTRATOR, 404, 202),
        (KEY_VAULT_CERTIFICATE_USER, 404, 403),
        (KEY_VAULT_READER, 404, 403),
        (OWNER, 403, 403),
    ],
)
def test_a_role_permits_what_it_permits_in_azure(azure: Azure, client: TestClient, role: Role, read: int, created: int) -> None:
    vault_of(azure).properties["enableRbacAuthorization"] = True
    assign(azure, role, VAULT)
    assert client.get("/certificates/signer").status_code == read
    assert client.post("/certificates/signer/create", json=sent()).status_code == created


def test_the_network_of_a_vault_refuses_a_creation(azure: Azure) -> None:
    vault_of(azure).properties["networkAcls"] = {"defaultAction": "Deny"}
    client = TestClient(data_plane.app(azure), base_url=HOST, client=("198.51.100.9", 50000))
    token = azure.tokens.access_token(PRINCIPAL, CLIENT, "https://vault.azure.net", seconds=60)
    answer = client.post("/certificates/signer/create", params=QUERY, json=sent(), headers={"Authorization": f"Bearer {token}"})
    assert error(answer) == (403, "Forbidden", "ForbiddenByFirewall")
    assert client.post("/certificates/signer/create", params=QUERY).status_code == 401


def test_the_state_that_is_shown_has_no_private_key(azure: Azure, client: TestClient) -> None:
    made(client, {"key_props": {"exportable": True}})
    vault_of(azure).issuers["ca"] = Issuer(SelfSigned().pem, issuing.pem_of(SelfSigned().key))
    client.delete("/certificates/signer")
    made_again = client.post("/certificates/again/create", json=sent({"key_props": {"exportable": True}}))
    assert made_again.status_code == 202
    assert client.get("/certificates/again").status_code == 200
    assert "PRIVATE KEY" not in TestClient(control.app(azure)).get("/state").text
