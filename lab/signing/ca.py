"""The CA of the lab's signers: some of their certificates are issued by it, some of those it has revoked, and anybody may fetch the list by http."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from lab.config import home
from lab.pki import Authority

HOST = "crl.signing.example"
URL = f"http://{HOST}/signing.crl"
"""Where the certificates say that the list is. By http, as everywhere: a client that had to check a certificate for it would go in circles."""

_VALID = timedelta(minutes=1)
"""How long a list holds, and a verifier may keep it: so soon a revocation is seen by all."""


def authority() -> Authority:
    """Its certificate and key, made where missing."""
    return Authority.kept(home() / "signers/ca", "image-trust-lab signing CA")


def revoke(certificate: x509.Certificate) -> None:
    """Put a certificate on the list, for good."""
    with (home() / "signers/ca/revoked").open("a") as out:
        out.write(f"{certificate.serial_number:x}\n")


def revocation_list() -> bytes:
    """The list as of now (DER). https://www.rfc-editor.org/rfc/rfc5280#section-5"""
    issuer, now, file = authority(), datetime.now(UTC), home() / "signers/ca/revoked"
    builder = (
        x509.CertificateRevocationListBuilder(issuer.certificate.subject, now, now + _VALID)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    for serial in file.read_text().split() if file.exists() else []:
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder(int(serial, 16), issuer.certificate.not_valid_before_utc).build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)
