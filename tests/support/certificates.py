"""Certificates to log in with, as `openssl req -x509` makes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, KeySerializationEncryption, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class SelfSigned:
    """A new key and its certificate, which expires after `days` (negative: has expired)."""

    days: int = 1

    @cached_property
    def key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def certificate(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "login of the tests")])
        end = datetime.now(UTC) + timedelta(days=self.days)
        builder = x509.CertificateBuilder(name, name, self.key.public_key(), x509.random_serial_number(), end - timedelta(days=30), end)
        return builder.sign(self.key, hashes.SHA256())

    @property
    def pem(self) -> str:
        """The certificate alone: what is registered for the application."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def thumbprint(self) -> str:
        return hashlib.sha1(self.certificate.public_bytes(Encoding.DER), usedforsecurity=False).hexdigest().upper()

    def with_key(self, password: str = "") -> bytes:
        """What a login needs, PEM: key and certificate."""
        encryption: KeySerializationEncryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption) + self.pem.encode()

    def pfx(self, password: str) -> bytes:
        """The same as PKCS 12."""
        return pkcs12.serialize_key_and_certificates(None, self.key, self.certificate, None, BestAvailableEncryption(password.encode()))


SIGNERS = {"C": "US", "ST": "WA", "O": "Contoso", "CN": "contoso.com"}
_TYPES = {
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "CN": NameOID.COMMON_NAME,
}
_USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")


def of_signer(
    subject: Iterable[tuple[str, str]] = tuple(SIGNERS.items()),
    *,
    days: int = 90,
    usages: Iterable[str] = ("digital_signature",),
    critical: bool = True,
    purposes: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.CODE_SIGNING,),
) -> x509.Certificate:
    """A self-signed certificate, as notation signs with it. It expires after `days` (negative: has expired)."""
    key, end = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC) + timedelta(days=days)
    name = x509.Name([x509.NameAttribute(_TYPES[kind], value) for kind, value in subject])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), end - timedelta(days=365), end)
    if usages:
        given = {usage: usage in usages for usage in _USAGES}
        builder = builder.add_extension(x509.KeyUsage(**given, encipher_only=False, decipher_only=False), critical=critical)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(key, hashes.SHA256())
