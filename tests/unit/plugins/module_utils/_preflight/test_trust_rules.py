"""What is found of whom Ratify trusts: its registries, the certificates of vaults, and the identities that they have to have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._arm.vault_anchors import Certificate
from ansible_collections.image_trust.azure.plugins.module_utils._preflight import trust_rules
from ansible_collections.image_trust.azure.plugins.module_utils._preflight.findings import Findings
from ansible_collections.image_trust.azure.plugins.module_utils._ratify.anchors import in_pem
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from tests.support.certificates import SIGNERS, of_signer
from tests.support.cluster_states import chain

CONTOSO, EAST, HASHED = "contoso.azurecr.io", "contoso.eastus.geo.azurecr.io", "contoso-a1b2c3.azurecr.cn"
CONTOSOS = "x509.subject: C=US, ST=WA, O=Contoso"
TRUST: dict[str, Any] = {"policies": [{"name": "web", "trustedIdentities": [CONTOSOS]}], "warn_days": 30}


def said(findings: Findings) -> list[tuple[str, str]]:
    return [(one.level, one.text) for one in findings.all]


@pytest.mark.parametrize(
    ("scopes", "registries", "hosts"),
    [
        ([f"{CONTOSO}/web", f"{EAST}/web", "*"], [CONTOSO], []),
        ([f"{EAST}/web"], [EAST], []),
        ([f"{HASHED}/web"], [HASHED], []),
        ([f"{HASHED}/web"], [], []),
        (["contosso.azurecr.io/web", "contosso.azurecr.io/api", f"{CONTOSO}/web"], [CONTOSO], ["contosso.azurecr.io"]),
        (["contoso.azurecr.cn/web", "docker.io/library/nginx"], [CONTOSO, HASHED], ["contoso.azurecr.cn", "docker.io"]),
        (["evil.eastus.geo.azurecr.io/web"], [CONTOSO], ["evil.eastus.geo.azurecr.io"]),
    ],
)
def test_a_scope_in_a_registry_without_a_login_is_a_warning(scopes: list[str], registries: list[str], hosts: list[str]) -> None:
    findings = Findings()
    trust_rules.of_registries(findings, scopes, registries)
    assert [(level, text.split(" is in ")[1].split(",")[0]) for level, text in said(findings)] == [("warn", host) for host in hosts]


def in_vault(*certificates: x509.Certificate | str) -> Certificate:
    ders = [der for each in certificates for der in (in_pem(each) if isinstance(each, str) else [each.public_bytes(Encoding.DER)])]
    return Certificate("keys", "release", tuple(ders))


def of(certificate: Certificate, **trust: Any) -> list[tuple[str, str]]:
    findings = Findings()
    trust_rules.of_certificate(findings, "vault keys", certificate, {**TRUST, **trust}, datetime.now(UTC))
    assert {one.about for one in findings.all} <= {"vault keys"}
    return said(findings)


@pytest.mark.parametrize(
    ("given", "level", "part"),
    [
        ({"days": -1}, "warn", "The certificate release of the vault keys expired on 20"),
        ({"days": 29}, "warn", "The certificate release of the vault keys expires on 20"),
        ({"usages": ()}, "refuse", "Notation takes no signature of the certificate release of the vault keys: it has no key usage."),
        ({"critical": False}, "refuse", "its key usage is not marked critical"),
        ({"usages": ["content_commitment"]}, "refuse", "its key usage lacks digital signature"),
        ({"usages": ["digital_signature", "key_encipherment", "crl_sign"]}, "refuse", "its key usage has key encipherment, crl sign beside"),
        ({"purposes": [Purpose.SERVER_AUTH, Purpose.CODE_SIGNING]}, "refuse", "its extended key usage has server authentication."),
        ({"purposes": [Purpose.TIME_STAMPING]}, "refuse", "its extended key usage has time stamping."),
    ],
)
def test_what_notation_does_not_take_or_will_not_is_found(given: dict[str, Any], level: str, part: str) -> None:
    ((level_found, text),) = of(in_vault(of_signer(**given)))
    assert (level_found, part in text) == (level, True), text


@pytest.mark.parametrize(
    "given",
    [{}, {"days": 32}, {"purposes": ()}, {"purposes": [Purpose.ANY_EXTENDED_KEY_USAGE]}, {"usages": ["digital_signature", "content_commitment"]}],
)
def test_nothing_is_found_of_a_certificate_that_notation_takes(given: dict[str, Any]) -> None:
    assert of(in_vault(of_signer(**given))) == []


def test_the_first_of_a_chain_that_expires_counts_and_no_usage_is_asked_of_authorities() -> None:
    assert of(in_vault(*chain().values())) == []
    assert [text[:51] for _level, text in of(in_vault(*chain().values()), warn_days=366)] == ["The certificate release of the vault keys expires on"[:51]]


def test_what_is_not_known_or_no_certificate_is_not_judged() -> None:
    assert of(Certificate("keys", "release")) == of(Certificate("keys", "release", (b"x", b""))) == []


def test_certificates_of_time_stamps_have_another_usage() -> None:
    stamps = [{"name": "web", "trustStores": ["ca:root", "tsa:vault"]}]
    assert of(in_vault(of_signer(purposes=[Purpose.TIME_STAMPING])), policies=stamps) == []


def identities(*certificates: Certificate, trusted: str = CONTOSOS, stores: list[str] | None = None) -> list[tuple[str, str]]:
    findings = Findings()
    trust_rules.of_identities(findings, [{"name": "web", "trustedIdentities": [trusted], "trustStores": stores}], certificates)
    return said(findings)


@pytest.mark.parametrize(
    "trusted",
    ["x509.subject: C=US, ST=WA, O=Fabrikam", f"{CONTOSOS}, CN=other.com", f"{CONTOSOS}, OU=web", "x509.subject: C=US, ST=WA, O=contoso"],
)
def test_an_identity_that_no_self_signed_certificate_has_is_a_warning(trusted: str) -> None:
    ((level, text),) = identities(in_vault(of_signer()), in_vault(of_signer()), trusted=trusted)
    assert (level, text.startswith(f"The trust policy web trusts {trusted}, which no certificate of the vault has")) == ("warn", True)


@pytest.mark.parametrize("trusted", ["*", CONTOSOS, "x509.subject: S=WA,O=Contoso,C=US,CN=contoso.com", f"{CONTOSOS}, 1.2.3=x", "contoso"])
def test_an_identity_that_may_match_is_not_reported(trusted: str) -> None:
    assert identities(in_vault(of_signer({**SIGNERS, "O": "Fabrikam"}.items())), in_vault(of_signer()), trusted=trusted) == []


def test_a_subject_that_has_an_attribute_twice_matches_nothing() -> None:
    twice = [*SIGNERS.items(), ("OU", "a"), ("OU", "b")]
    assert len(identities(in_vault(of_signer(twice)))) == 1


@pytest.mark.parametrize("other", [Certificate("keys", "unread"), Certificate("keys", "gone", missing="It was not found."), in_vault(*chain().values())])
def test_whom_an_authority_or_what_could_not_be_read_certifies_is_not_known(other: Certificate) -> None:
    trusted = "x509.subject: C=US, ST=WA, O=Fabrikam"
    assert len(identities(in_vault(of_signer()), trusted=trusted)) == 1
    assert identities(in_vault(of_signer()), other, trusted=trusted) == identities(trusted=trusted) == []


@pytest.mark.parametrize(("stores", "number"), [(["ca:vault", "tsa:time"], 1), (["ca:root"], 0), (["ca:root", "ca:vault"], 0), (["signingAuthority:vault"], 1)])
def test_policies_of_other_trust_stores_are_not_judged_by_the_vault(stores: list[str], number: int) -> None:
    assert len(identities(in_vault(of_signer()), trusted="x509.subject: C=US, ST=WA, O=Fabrikam", stores=stores)) == number
