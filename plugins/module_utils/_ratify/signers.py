# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Notation, by which Ratify verifies, makes of the certificates of signers. Private to the collection. No I/O.

Source: notation-core-go v1.3.0, x509/codesigning_cert_validations.go and x509/helper.go; notation-go v1.3.2, verifier/verifier.go and verifier/helpers.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from .anchors import has_authority, trusted

try:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError:
    """anchors.py tells."""
else:
    _FOREIGN = {
        ExtendedKeyUsageOID.SERVER_AUTH: "server authentication",
        ExtendedKeyUsageOID.CLIENT_AUTH: "client authentication",
        ExtendedKeyUsageOID.EMAIL_PROTECTION: "e-mail protection",
        ExtendedKeyUsageOID.TIME_STAMPING: "time stamping",
        ExtendedKeyUsageOID.OCSP_SIGNING: "OCSP signing",
    }
    _TYPES = {
        NameOID.COMMON_NAME: "CN",
        NameOID.COUNTRY_NAME: "C",
        NameOID.LOCALITY_NAME: "L",
        NameOID.ORGANIZATION_NAME: "O",
        NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
        NameOID.POSTAL_CODE: "POSTALCODE",
        NameOID.SERIAL_NUMBER: "SERIALNUMBER",
        NameOID.STATE_OR_PROVINCE_NAME: "ST",
        NameOID.STREET_ADDRESS: "STREET",
    }
    """As Go writes the attributes of a subject (crypto/x509/pkix). All others it writes by number."""
_USAGES = ("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
"""Usages that a signer's certificate must not have; those that only encipher or decipher come with key agreement alone."""


def self_signed(ders: Sequence[bytes]) -> x509.Certificate | None:
    """The certificate of a signer that no authority issued, where it is the only one: no other signer's chain has it."""
    if len(ders) != 1 or has_authority(ders):
        return None
    (only,) = trusted(ders, "there")
    return x509.load_der_x509_certificate(ders[0]) if only["held"] and not only["problem"] else None


def expires(ders: Sequence[bytes]) -> datetime | None:
    """When the first of the certificates that come together expires: all of a chain have to be valid. None where none can be read."""
    return min((certificate.not_valid_after_utc for certificate in _readable(ders)), default=None)


def _readable(ders: Sequence[bytes]) -> Iterator[x509.Certificate]:
    for der in ders:
        with suppress(ValueError, x509.InvalidVersion):
            yield x509.load_der_x509_certificate(der)


def usage_problem(certificate: x509.Certificate) -> str:
    """Why Notation takes no signature of this certificate; empty where it does. Without extended key usage it does."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    except x509.ExtensionNotFound:
        return "it has no key usage"
    if not usage.critical:
        return "its key usage is not marked critical"
    if not usage.value.digital_signature:
        return "its key usage lacks digital signature"
    if too_many := [name.replace("_", " ") for name in _USAGES if getattr(usage.value, name)]:
        return f"its key usage has {', '.join(too_many)} beside digital signature"
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ""
    foreign = [_FOREIGN[purpose] for purpose in purposes if purpose in _FOREIGN]
    return f"its extended key usage has {', '.join(foreign)}" if foreign else ""


def matches(certificate: x509.Certificate, identity: Mapping[str, bytes]) -> bool:
    """Whether the certificate's subject has, or may have, all attributes of an identity. One that has an attribute twice matches none."""
    if not identity.keys() <= {*_TYPES.values()}:
        return True
    subject = [(_TYPES[attribute.oid], str(attribute.value).encode()) for attribute in certificate.subject if attribute.oid in _TYPES]
    return len(dict(subject)) == len(subject) and identity.items() <= dict(subject).items()
