"""Makes keys and certificates as Key Vault does (after the certificates in its SDKs' recordings), and what their secrets hold."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key, pkcs12

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
_HASHES: dict[int, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
OPERATIONS: dict[str, tuple[str, ...]] = {
    "digitalSignature": ("sign", "verify"),
    "nonRepudiation": ("sign", "verify"),
    "keyCertSign": ("sign", "verify"),
    "cRLSign": ("sign", "verify"),
    "keyEncipherment": ("wrapKey", "unwrapKey"),
    "dataEncipherment": ("encrypt", "decrypt"),
    "keyAgreement": (),
}
"""What the key of a certificate with that usage may do: https://learn.microsoft.com/azure/key-vault/certificates/about-certificates"""
_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
_CLOCKS = timedelta(minutes=10)
"""A certificate is valid from so long before it was made."""
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


def new_key(properties: Mapping[str, Any]) -> PrivateKey:
    """A key as `key_props` of a policy ask for; this takes up to seconds."""
    if properties["kty"] == "RSA":
        return rsa.generate_private_key(65537, int(properties["key_size"]))
    return ec.generate_private_key(CURVES[properties["crv"]])


def name_of(subject: str) -> x509.Name:
    """Raises ValueError where the text is not an X.500 name. In which order Key Vault encodes one is not known; here it is that of the text."""
    parts = [re.sub(r"^S=", "ST=", part.strip()) for part in re.split(r"(?<!\\),", subject)]
    return x509.Name(rdn for part in parts for rdn in x509.Name.from_rfc4514_string(part).rdns)


def signing_request(key: PrivateKey, properties: Mapping[str, Any]) -> str:
    """DER in base64, as an operation shows it."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name_of(properties["subject"]))
    for extension, critical in _asked(properties):
        builder = builder.add_extension(extension, critical)
    return base64.b64encode(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)).decode()


def certificate(key: PrivateKey, properties: Mapping[str, Any], issuer: tuple[x509.Certificate, PrivateKey] | None) -> x509.Certificate:
    """A certificate as `x509_props` of a policy ask for, signed by its own key or by the issuer's. Key Vault keeps the subject's letters."""
    subject, at = name_of(properties["subject"]), datetime.now(UTC).replace(microsecond=0)
    signer = issuer[1] if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _CLOCKS)
        .not_valid_after(_months_after(at, properties["validity_months"]))
    )
    for extension, critical in _asked(properties):
        builder = builder.add_extension(extension, critical)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    hashed = _HASHES[signer.key_size] if isinstance(signer, ec.EllipticCurvePrivateKey) else hashes.SHA256()
    return builder.sign(signer, hashed)


def operations_for(usages: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(operation for usage in usages for operation in OPERATIONS[usage]))


def key_usages(extension: x509.KeyUsage | None) -> list[str]:
    return [name for attribute, name in _USAGES.items() if extension and getattr(extension, attribute)]


def secret_value(chain: Sequence[x509.Certificate], key: PrivateKey | None, *, pem: bool) -> str:
    """What a certificate's secret holds: the chain, and the key where it is exportable; in PEM, or PKCS#12 in base64."""
    if pem:
        return ("" if key is None else pem_of(key)) + "".join(each.public_bytes(Encoding.PEM).decode() for each in chain)
    return base64.b64encode(pkcs12.serialize_key_and_certificates(None, key, chain[0], chain[1:], NoEncryption())).decode()


def pem_of(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def private(pem: str) -> PrivateKey:
    """Raises ValueError where it is neither an RSA key nor an EC key."""
    key = load_pem_private_key(pem.encode(), None)
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise ValueError("neither RSA nor EC")
    return key


def opened(value: str, password: str | None = None) -> tuple[PrivateKey | None, list[x509.Certificate]]:
    """The key and the chain in a secret's value, in its order. A key in PEM is left unread where it is none. Raises ValueError."""
    if "-----BEGIN" in value:
        blocks = [(found[1], found[0]) for found in _PEM.finditer(value)]
        keys = [block for kind, block in blocks if kind.endswith("PRIVATE KEY")]
        return (private(keys[0]) if keys else None), [x509.load_pem_x509_certificate(block.encode()) for kind, block in blocks if kind == "CERTIFICATE"]
    key, first, more = pkcs12.load_key_and_certificates(base64.b64decode(value, validate=True), password.encode() if password else None)
    if key is not None and not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise ValueError("neither RSA nor EC")
    # PKCS#12 without a key has its certificates in one heap.
    return key, [*([first] if first else []), *more]


def leaf_of(value: str) -> x509.Certificate:
    """The certificate that issued no other one: the secret keeps the order of the import, the certificate is the leaf."""
    chain = x509.load_pem_x509_certificates(value.encode()) if "-----BEGIN" in value else opened(value)[1]
    issuers = {each.issuer for each in chain if each.issuer != each.subject}
    return next((each for each in chain if each.subject not in issuers), chain[0])


def _asked(properties: Mapping[str, Any]) -> list[tuple[x509.ExtensionType, bool]]:
    usages = {attribute: name in properties["key_usage"] for attribute, name in _USAGES.items()}
    return [
        (x509.KeyUsage(**usages, encipher_only=False, decipher_only=False), True),
        (x509.BasicConstraints(ca=False, path_length=None), False),
        *([(x509.ExtendedKeyUsage([x509.ObjectIdentifier(each) for each in properties["ekus"]]), False)] if properties["ekus"] else []),
    ]


def _months_after(at: datetime, months: int) -> datetime:
    year, month = divmod(at.month - 1 + months, 12)
    day = at.day
    while True:
        try:
            return at.replace(year=at.year + year, month=month + 1, day=day)
        except ValueError:
            day -= 1
