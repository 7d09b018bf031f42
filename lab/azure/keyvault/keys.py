"""Keys of a vault: their public half, and signing. What may not be done is Key Vault's business, by which it is asked here.

https://learn.microsoft.com/rest/api/keyvault/keys/get-key/get-key
https://learn.microsoft.com/rest/api/keyvault/keys/sign/sign
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from lab.azure.keyvault.errors import KeyVaultError, not_found
from lab.azure.state import Key, KeyVersion, Vault, now

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_HASHES: dict[str, hashes.HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


def add(vault: Vault, name: str, key: PrivateKey, version: str = "", operations: Iterable[str] = ("sign", "verify")) -> str:
    """Make it the latest version of the key of that name, which is for these operations; the version."""
    version, pem = version or uuid4().hex, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    kept = vault.keys.setdefault(name, Key(version, {}))
    kept.latest, kept.versions[version] = version, KeyVersion(pem, now(), operations=list(operations))
    return version


def shown(vault: Vault, name: str, version: str, host: str) -> dict[str, Any]:
    """The answer to GET."""
    kid, found = _find(vault, name, version, host)
    at = int(found.created)
    attributes = {"enabled": found.enabled, "created": at, "updated": at, "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90, "exportable": False}
    content = {"key": {"kid": kid, "kty": _kty(found), "key_ops": found.operations, **_public(_private(found))}, "attributes": attributes}
    return {**content, "managed": True} if name.lower() in (each.lower() for each in vault.certificates) else content


def signed(vault: Vault, name: str, version: str, host: str, body: bytes) -> dict[str, Any]:
    """The answer to POST .../sign with that body."""
    kid, found = _find(vault, name, version, host)
    if not found.enabled:
        raise KeyVaultError(403, "Forbidden", "Operation sign is not allowed on a disabled key.", inner="KeyDisabled")
    if "sign" not in found.operations:
        raise KeyVaultError(403, "Forbidden", "Operation sign is not permitted on this key.", inner="KeyOperationForbidden")
    try:
        asked = json.loads(body)
        algorithm, digest = str(asked["alg"]), _decoded(str(asked["value"]))
    except (ValueError, KeyError, TypeError):
        raise KeyVaultError(400, "BadParameter", "The request body is not a valid signing request.") from None
    return {"kid": kid, "value": _encoded(_signature(_private(found), kid, algorithm, digest))}


def _find(vault: Vault, name: str, version: str, host: str) -> tuple[str, KeyVersion]:
    stored = {key.lower(): key for key in vault.keys}.get(name.lower())
    key = vault.keys.get(stored or "")
    found = key.versions.get(version or key.latest) if key else None
    if not key or not found:
        raise not_found("key", name, version)
    return f"https://{host}/keys/{stored}/{version or key.latest}", found


def _signature(key: PrivateKey, kid: str, algorithm: str, digest: bytes) -> bytes:
    """PKCS #1 v1.5 (RS) or PSS (PS) of an RSA key, r and s one after the other (ES) of an EC key, as RFC 7518 has it."""
    family, size = algorithm[:2], algorithm[2:]
    kind = "RSA" if isinstance(key, rsa.RSAPrivateKey) else "EC"
    if size not in _HASHES or family not in ("RS", "PS", "ES"):
        raise KeyVaultError(400, "BadParameter", f"Unknown algorithm: {algorithm}")
    fits = family in ("RS", "PS") if isinstance(key, rsa.RSAPrivateKey) else _NAMES[key.curve.name] == _CURVES.get(algorithm)
    if not fits:
        raise KeyVaultError(400, "BadParameter", f"Key and signing algorithm are incompatible. Key {kid} is of type '{kind}', and algorithm is '{algorithm}'.")
    hashed = _HASHES[size]
    if len(digest) != hashed.digest_size:
        message = f"Invalid length of 'value': {len(digest)} bytes. {algorithm} requires {hashed.digest_size} bytes, encoded with base64url."
        raise KeyVaultError(400, "BadParameter", message)
    if isinstance(key, rsa.RSAPrivateKey):
        pad = padding.PKCS1v15() if family == "RS" else padding.PSS(padding.MGF1(hashed), hashed.digest_size)
        return key.sign(digest, pad, Prehashed(hashed))
    width = (key.curve.key_size + 7) // 8
    return b"".join(number.to_bytes(width, "big") for number in decode_dss_signature(key.sign(digest, ec.ECDSA(Prehashed(hashed)))))


def _private(version: KeyVersion) -> PrivateKey:
    key = load_pem_private_key(version.private_key.encode(), None)
    assert isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey))
    return key


def _kty(version: KeyVersion) -> str:
    return "RSA" if isinstance(_private(version), rsa.RSAPrivateKey) else "EC"


def _public(key: PrivateKey) -> dict[str, str]:
    """As in a JSON Web Key."""
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {name: _encoded(value.to_bytes((value.bit_length() + 7) // 8, "big")) for name, value in (("n", numbers.n), ("e", numbers.e))}
    point, width = key.public_key().public_numbers(), (key.curve.key_size + 7) // 8
    return {"crv": _NAMES[key.curve.name], "x": _encoded(point.x.to_bytes(width, "big")), "y": _encoded(point.y.to_bytes(width, "big"))}


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
