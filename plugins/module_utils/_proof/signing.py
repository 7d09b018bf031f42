# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Detached signatures over SHA-256, as `openssl dgst -sha256 -verify` reads them. Private to the collection."""

from __future__ import annotations

import hashlib
import stat
import traceback
from pathlib import Path
from typing import Any, Protocol

try:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    CRYPTOGRAPHY_IMPORT_ERROR = None


class SigningError(Exception):
    """The key cannot be used; the text says why and never quotes the key."""


class Signer(Protocol):
    """A key that signs, wherever it is."""

    @property
    def described(self) -> dict[str, Any]:
        """`key`: where it is; `sha256`: of its public key (DER)."""

    def sign(self, content: bytes) -> bytes:
        """RSA PKCS #1 v1.5 or DER-encoded ECDSA, over SHA-256."""


class LocalKey:
    """The RSA or EC private key in a PEM file that only its owner may use. Raises `SigningError` where it is not."""

    def __init__(self, path: str) -> None:
        self._path, self._key = path, _load(path)

    @property
    def described(self) -> dict[str, Any]:
        return {"key": "local", "sha256": fingerprint(self._key.public_key())}

    def sign(self, content: bytes) -> bytes:
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(content, padding.PKCS1v15(), SHA256())
        return self._key.sign(content, ec.ECDSA(SHA256()))


def fingerprint(public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of the key's DER, in hexadecimal: of what `openssl pkey -pubin -outform DER` writes."""
    return hashlib.sha256(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _load(path: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    try:
        with Path(path).open("rb") as file:
            mode = stat.S_IMODE(Path(path).stat().st_mode)
            pem = file.read()
    except OSError as error:
        raise SigningError(f"the signing key {path} cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise SigningError(f"the signing key {path} may be used by others (mode {mode:04o}); chmod 600 it, and replace it where others were on the machine")
    try:
        key = load_pem_private_key(pem, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise SigningError(f"{path} is not a private key in PEM without a passphrase") from None
    if isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        return key
    raise SigningError(f"the signing key {path} is neither an RSA nor an EC key")
