"""Entra's token service: secrets, certificates and federated assertions."""

from __future__ import annotations

import base64
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.azure.entra.token_service import JWT_BEARER
from lab.azure.state import now
from tests.emulator.machine import AUDIENCE, CLUSTER, IDENTITY, OWNER_CLIENT, OWNER_ID, OWNER_SECRET, TENANT, Lab
from tests.support.certificates import SelfSigned

from .assertions import VAULT_SCOPE, ask, with_assertion

SUBJECT = "system:serviceaccount:gatekeeper-system:ratify-admin"
MINE, OTHER = SelfSigned(), SelfSigned()


def with_secret(lab: Lab, **changes: str) -> httpx.Response:
    return ask(lab, **{"client_id": OWNER_CLIENT, "client_secret": OWNER_SECRET, **changes})


def code(response: httpx.Response) -> int:
    """The AADSTS number; 0 for a token."""
    body = response.json()
    if response.status_code == 200:
        return 0
    [number] = body["error_codes"]
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert {"error", "timestamp", "trace_id", "correlation_id", "error_uri"} <= body.keys()
    return int(number)


@pytest.fixture
def issuer(lab: Lab) -> str:
    """Issuer of a running cluster, with which the identity is federated."""
    url: str = lab.cluster()["properties"]["oidcIssuerProfile"]["issuerURL"]
    lab.identity()
    lab.federate(url, SUBJECT)
    return url


def test_a_secret_gives_a_token_for_the_resource_asked(lab: Lab) -> None:
    answer = with_secret(lab).json()
    claims = lab.azure.tokens.verify_access_token(answer["access_token"], ["https://vault.azure.net"])
    assert (claims["oid"], claims["appid"], claims["tid"], claims["iss"]) == (OWNER_ID, OWNER_CLIENT, TENANT, f"https://sts.windows.net/{TENANT}/")
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", claims["exp"] - claims["iat"])


def test_the_token_works_at_resource_manager(lab: Lab) -> None:
    token = with_secret(lab, scope=f"{lab.azure.arm_url}/.default").json()["access_token"]
    assert lab.call("GET", "/subscriptions", token=token).status_code == 200


def test_the_scopes_of_a_sign_in_beside_the_resource_are_ignored_as_msal_for_go_sends_them(lab: Lab) -> None:
    token = with_secret(lab, scope=f"{VAULT_SCOPE} openid offline_access profile").json()["access_token"]
    assert lab.azure.tokens.verify_access_token(token, ["https://vault.azure.net"])["oid"] == OWNER_ID


@pytest.mark.parametrize(
    ("changes", "number", "status"),
    [
        ({"client_secret": "wrong"}, 7000215, 401),
        ({"client_secret": ""}, 7000218, 401),
        ({"client_id": "99999999-0000-0000-0000-000000000000"}, 700016, 400),
        ({"tenant": "99999999-0000-0000-0000-000000000000"}, 90002, 400),
        ({"grant_type": "password"}, 70003, 400),
        ({"scope": ""}, 90014, 400),
        ({"scope": "https://vault.azure.net"}, 1002012, 400),
        ({"scope": "https://example.com/.default"}, 500011, 400),
    ],
)
def test_a_wrong_request_gets_the_error_that_azure_gives(lab: Lab, changes: dict[str, str], number: int, status: int) -> None:
    response = with_secret(lab, **changes)
    assert (code(response), response.status_code) == (number, status)


def test_a_managed_identity_has_no_secret(lab: Lab) -> None:
    for secret, number in (("", 7000218), ("None", 7000215)):
        assert code(ask(lab, client_id=lab.identity()["properties"]["clientId"], client_secret=secret)) == number


def test_a_service_account_token_that_the_cluster_signed_gives_the_identitys_token(lab: Lab, issuer: str) -> None:
    answer = with_assertion(lab, lab.machine.sign("one", SUBJECT))
    assert code(answer) == 0
    claims = lab.azure.tokens.verify_access_token(answer.json()["access_token"], ["https://vault.azure.net"])
    assert claims["oid"] == lab.identity()["properties"]["principalId"]
    assert claims["xms_mirid"] == lab.identity()["id"]


@pytest.mark.parametrize(
    ("token", "number"),
    [
        ({"subject": "system:serviceaccount:gatekeeper-system:default"}, 700213),
        ({"subject": SUBJECT.replace("ratify", "Ratify")}, 7002138),
        ({"audience": "https://kubernetes.default.svc"}, 700212),
        ({"issuer": "https://eastus.oic.prod-aks.azure.com/other/"}, 700211),
        ({"seconds": -1}, 700024),
        ({"key_id": "unknown"}, 7000272),
    ],
)
def test_an_assertion_that_does_not_match_gets_the_error_that_azure_gives(lab: Lab, issuer: str, token: dict[str, Any], number: int) -> None:
    response = with_assertion(lab, lab.machine.sign("one", **{"subject": SUBJECT, **token}))
    assert (code(response), response.status_code) == (number, 401)


@pytest.mark.parametrize("change", [lambda url: url.rstrip("/"), lambda url: url + "/", lambda url: url.upper(), lambda url: " " + url])
def test_the_issuer_is_compared_byte_for_byte(lab: Lab, change: Any) -> None:
    issuer = lab.cluster()["properties"]["oidcIssuerProfile"]["issuerURL"]
    lab.identity()
    lab.federate(change(issuer), SUBJECT)
    assert code(with_assertion(lab, lab.machine.sign("one", SUBJECT))) == 700211


def test_a_token_that_another_key_signed_is_refused(lab: Lab, issuer: str) -> None:
    forged = jwt.encode(
        {"iss": issuer, "sub": SUBJECT, "aud": AUDIENCE, "exp": 9999999999}, rsa.generate_private_key(65537, 2048), "RS256", headers={"kid": "key of one"}
    )
    assert code(with_assertion(lab, forged)) == 7000272


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_without_an_asymmetric_signature_is_refused(lab: Lab, issuer: str, algorithm: str) -> None:
    claims = {"iss": issuer, "sub": SUBJECT, "aud": AUDIENCE, "exp": 9999999999}
    forged = jwt.encode(claims, "" if algorithm == "none" else "x" * 32, algorithm, headers={"kid": "key of one"})
    assert code(with_assertion(lab, forged)) == 7000272


def test_what_is_not_a_token_is_malformed(lab: Lab, issuer: str) -> None:
    assert code(with_assertion(lab, "not.a.token")) == 50027


def test_the_kind_of_an_assertion_must_be_given(lab: Lab, issuer: str) -> None:
    assert code(with_assertion(lab, lab.machine.sign("one", SUBJECT), client_assertion_type="")) == 900144


def test_an_identity_without_federated_credentials_is_refused_with_that_reason(lab: Lab) -> None:
    lab.cluster()
    assert code(with_assertion(lab, lab.machine.sign("one", SUBJECT))) == 70025


def test_a_federated_credential_takes_effect_after_the_propagation_delay(lab: Lab) -> None:
    issuer = lab.cluster()["properties"]["oidcIssuerProfile"]["issuerURL"]
    lab.identity()
    lab.federate(issuer, "another", "first")
    lab.state.settings.federated_credential_delay = 3600
    lab.federate(issuer, SUBJECT)
    assert code(with_assertion(lab, lab.machine.sign("one", SUBJECT))) == 700213
    lab.state.identities[IDENTITY.lower()].credentials["ratify"].effective_at = 0
    assert code(with_assertion(lab, lab.machine.sign("one", SUBJECT))) == 0


def test_a_removed_federated_credential_ends_the_trust(lab: Lab, issuer: str) -> None:
    lab.federate(issuer, "another", "another")
    lab.call("DELETE", f"{IDENTITY}/federatedIdentityCredentials/ratify")
    assert code(with_assertion(lab, lab.machine.sign("one", SUBJECT))) == 700213


def test_a_removed_or_changed_federated_credential_works_until_the_propagation_delay_is_over(lab: Lab, issuer: str) -> None:
    lab.federate(issuer, "another", "another")
    lab.state.settings.federated_credential_removal_delay = 3600
    lab.federate(issuer, "changed")
    assert code(with_assertion(lab, lab.machine.sign("one", SUBJECT))) == code(with_assertion(lab, lab.machine.sign("one", "changed"))) == 0
    assert lab.call("DELETE", f"{IDENTITY}/federatedIdentityCredentials/ratify").status_code == 200
    assert lab.call("GET", f"{IDENTITY}/federatedIdentityCredentials/ratify").status_code == 404
    assert code(with_assertion(lab, lab.machine.sign("one", "changed"))) == 0
    for former in lab.state.identities[IDENTITY.lower()].former_credentials:
        former.until = now()
    assert code(with_assertion(lab, lab.machine.sign("one", SUBJECT))) == code(with_assertion(lab, lab.machine.sign("one", "changed"))) == 700213


def test_a_credential_that_never_took_effect_does_not_after_its_removal(lab: Lab, issuer: str) -> None:
    lab.state.settings.federated_credential_delay = lab.state.settings.federated_credential_removal_delay = 3600
    lab.federate(issuer, "late", "late")
    lab.call("DELETE", f"{IDENTITY}/federatedIdentityCredentials/late")
    assert code(with_assertion(lab, lab.machine.sign("one", "late"))) == 700213


def test_the_credential_of_a_deleted_cluster_is_not_that_of_the_cluster_created_again(lab: Lab, issuer: str) -> None:
    old = lab.machine.sign("one", SUBJECT)
    assert code(with_assertion(lab, old)) == 0
    lab.wait(lab.call("DELETE", CLUSTER))
    again: str = lab.cluster()["properties"]["oidcIssuerProfile"]["issuerURL"]
    assert code(with_assertion(lab, lab.machine.sign("one", SUBJECT))) == 700211
    assert code(with_assertion(lab, old)) == 50166
    lab.federate(again, SUBJECT)
    assert code(with_assertion(lab, lab.machine.sign("one", SUBJECT))) == 0


def test_a_cluster_whose_issuer_is_off_is_not_trusted(lab: Lab) -> None:
    lab.cluster(oidcIssuerProfile={"enabled": False})
    lab.identity()
    lab.federate(lab.machine.issuer("one"), SUBJECT)
    assert code(with_assertion(lab, lab.machine.sign("one", SUBJECT))) == 50166


def test_a_cluster_that_does_not_answer_is_not_trusted(lab: Lab, issuer: str) -> None:
    assertion = lab.machine.sign("one", SUBJECT)
    lab.machine.keys.clear()
    assert code(with_assertion(lab, assertion)) == 50166


def with_certificate(lab: Lab, mine: SelfSigned, registered: SelfSigned | None = None, header: dict[str, str] | None = None, **claims: Any) -> httpx.Response:
    """Ask as the owner, for whom a certificate is registered (`mine` unless given), with an assertion that `mine` signed."""
    lab.state.service_principals[OWNER_CLIENT].certificates = [(registered or mine).pem]
    at, endpoint = int(time.time()), f"{lab.azure.login_url}/{TENANT}/oauth2/v2.0/token"
    content = {"iss": OWNER_CLIENT, "sub": OWNER_CLIENT, "aud": endpoint, "jti": "1", "nbf": at, "exp": at + 600, **claims}
    named = header or {"x5t": base64.urlsafe_b64encode(bytes.fromhex(mine.thumbprint)).decode()}
    assertion = jwt.encode({key: value for key, value in content.items() if value is not None}, mine.key, "RS256", named)
    return ask(lab, client_id=OWNER_CLIENT, client_assertion_type=JWT_BEARER, client_assertion=assertion)


def test_an_assertion_signed_by_a_registered_certificate_gives_a_token(lab: Lab) -> None:
    answer = with_certificate(lab, MINE).json()
    assert lab.azure.tokens.verify_access_token(answer["access_token"], ["https://vault.azure.net"])["oid"] == OWNER_ID


def test_the_certificate_may_be_named_by_its_sha256(lab: Lab) -> None:
    name = base64.urlsafe_b64encode(MINE.certificate.fingerprint(hashes.SHA256())).decode().rstrip("=")
    assert code(with_certificate(lab, MINE, header={"x5t#S256": name})) == 0


@pytest.mark.parametrize(
    ("claims", "number"),
    [
        ({"iss": "99999999-0000-0000-0000-000000000000"}, 700021),
        ({"sub": "99999999-0000-0000-0000-000000000000"}, 700021),
        ({"sub": None}, 700021),
        ({"aud": "https://login.example.com/token"}, 700023),
        ({"aud": None}, 700023),
        ({"exp": 1}, 700024),
        ({"nbf": 9999999999}, 700024),
    ],
)
def test_what_a_signed_assertion_says_is_checked(lab: Lab, claims: dict[str, Any], number: int) -> None:
    response = with_certificate(lab, MINE, **claims)
    assert (code(response), response.status_code) == (number, 401)


def test_a_certificate_that_is_not_registered_is_refused_with_its_thumbprint(lab: Lab) -> None:
    response = with_certificate(lab, OTHER, registered=MINE)
    assert code(response) == 700027
    assert f"[Reason - The key was not found., Thumbprint of key used by client: '{OTHER.thumbprint}'" in response.json()["error_description"]


def test_an_expired_certificate_is_refused(lab: Lab) -> None:
    response = with_certificate(lab, SelfSigned(days=-1))
    assert code(response) == 700027
    assert "[Reason - The key used is expired., " in response.json()["error_description"]


def test_the_thumbprint_of_a_registered_certificate_is_worth_nothing_without_its_key(lab: Lab) -> None:
    named = {"x5t": base64.urlsafe_b64encode(bytes.fromhex(MINE.thumbprint)).decode()}
    response = with_certificate(lab, OTHER, registered=MINE, header=named)
    assert code(response) == 700027
    assert "did not match the expected signature value" in response.json()["error_description"]


def test_a_managed_identity_has_no_certificate(lab: Lab) -> None:
    client_id = lab.identity()["properties"]["clientId"]
    named = {"x5t": base64.urlsafe_b64encode(bytes.fromhex(MINE.thumbprint)).decode()}
    assertion = jwt.encode({"iss": client_id, "sub": client_id, "aud": "any", "exp": 9999999999}, MINE.key, "RS256", named)
    assert code(with_assertion(lab, assertion)) == 700027


def test_the_openid_configuration_names_this_host(lab: Lab) -> None:
    configuration = lab.client.get(f"{lab.azure.login_url}/{TENANT}/v2.0/.well-known/openid-configuration").json()
    assert configuration["issuer"] == f"{lab.azure.login_url}/{TENANT}/v2.0"
    assert configuration["token_endpoint"] == f"{lab.azure.login_url}/{TENANT}/oauth2/v2.0/token"
    keys = lab.client.get(configuration["jwks_uri"]).json()
    token = with_secret(lab).json()["access_token"]
    assert jwt.get_unverified_header(token)["kid"] == keys["keys"][0]["kid"]
    assert jwt.decode(token, jwt.PyJWKSet.from_dict(keys).keys[0].key, ["RS256"], audience="https://vault.azure.net")["oid"] == OWNER_ID


def test_instance_discovery_knows_this_host_only(lab: Lab) -> None:
    def discover(authority: str) -> httpx.Response:
        endpoint = f"{authority}/{TENANT}/oauth2/v2.0/authorize"
        params = {"api-version": "1.1", "authorization_endpoint": endpoint}
        response: httpx.Response = lab.client.get(f"{lab.azure.login_url}/common/discovery/instance", params=params)
        return response

    here = discover(lab.azure.login_url).json()
    assert here["tenant_discovery_endpoint"] == f"{lab.azure.login_url}/{TENANT}/v2.0/.well-known/openid-configuration"
    assert here["metadata"][0]["aliases"] == [lab.azure.login_url.removeprefix("https://")]
    assert code(discover("https://login.example.com")) == 50049
