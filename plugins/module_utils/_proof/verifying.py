# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a detached signature is that of a content, as `openssl dgst -sha256 -verify` says it. Private to the collection."""

from __future__ import annotations

import traceback
from pathlib import Path

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    CRYPTOGRAPHY_IMPORT_ERROR = None


class PublicKeyError(Exception):
    """The public key cannot be used; the text says why."""


class PublicKey:
    """The RSA or EC public key in a PEM file. Raises `PublicKeyError` where it is none."""

    def __init__(self, path: str) -> None:
        try:
            key = load_pem_public_key(Path(path).read_bytes())
        except OSError as error:
            raise PublicKeyError(f"the public key {path} cannot be read: {error.strerror}") from None
        except (ValueError, UnsupportedAlgorithm):
            raise PublicKeyError(f"{path} is not a public key in PEM") from None
        if not isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
            raise PublicKeyError(f"the public key {path} is neither an RSA nor an EC key")
        self._key = key

    def verifies(self, content: bytes, signature: bytes) -> bool:
        """Whether `signature` is one of `content` by this key."""
        return verifies(self._key, content, signature)


def verifies(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, content: bytes, signature: bytes) -> bool:
    """Whether `signature` is RSA PKCS #1 v1.5 or DER-encoded ECDSA, over SHA-256 of `content`, by that key."""
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, content, padding.PKCS1v15(), SHA256())
        else:
            key.verify(signature, content, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
