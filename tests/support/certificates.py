"""Certificates to log in with, as `openssl req -x509` makes them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, KeySerializationEncryption, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509.oid import NameOID


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
