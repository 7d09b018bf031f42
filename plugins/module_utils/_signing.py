# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Detached signatures by a local key, as `openssl dgst -sha256 -verify` reads them. Private to the collection."""

from __future__ import annotations

import stat
import traceback
from pathlib import Path

try:
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    CRYPTOGRAPHY_IMPORT_ERROR = None


class SigningError(Exception):
    """The key cannot be used; the text says why and never quotes the key."""


def sign(content: bytes, key_path: str) -> bytes:
    """RSA PKCS #1 v1.5 or DER-encoded ECDSA, over SHA-256, by the private key of that PEM file. Raises `SigningError`."""
    try:
        with Path(key_path).open("rb") as file:
            mode = stat.S_IMODE(Path(key_path).stat().st_mode)
            pem = file.read()
    except OSError as error:
        raise SigningError(f"the signing key {key_path} cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise SigningError(f"the signing key {key_path} may be used by others (mode {mode:04o}); chmod 600 it, and replace it where others were on the machine")
    try:
        key = load_pem_private_key(pem, password=None)
    except (TypeError, ValueError):
        raise SigningError(f"{key_path} is not a private key in PEM without a passphrase") from None
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(content, ec.ECDSA(SHA256()))
    raise SigningError(f"the signing key {key_path} is neither an RSA nor an EC key")
