# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A key that signs within a key vault, which it never leaves. Private to the collection.

https://learn.microsoft.com/rest/api/keyvault/keys/sign/sign
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from .._azure.ids import Rule
from .._azure.session import Azure
from .signing import SigningError, fingerprint
from .verifying import verifies

try:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
except ImportError:
    """_signing.py tells."""

URL = Rule(
    r"(https://[A-Za-z0-9.-]+(?::[0-9]+)?)/keys/([0-9A-Za-z-]{1,127})(?:/([0-9a-f]{32}))?",
    "the URL of a key in a key vault, such as https://example.vault.azure.net/keys/proof",
)


class VaultKey:
    """The RSA or P-256 key with that URL (its `kid`; without a version the latest). Raises `ModuleError`, and `SigningError` where it is of another kind."""

    def __init__(self, azure: Azure, url: str) -> None:
        uri, _slash, path = URL.check("signing_vault_key", url).partition("/keys/")
        self._vault = azure.vault_plane(uri)
        key = self._vault.get(f"read the key {url}", f"keys/{path}")["key"]
        self._kid = str(key["kid"])
        self._public = self._public_key(key)

    @property
    def described(self) -> dict[str, Any]:
        return {"key": self._kid, "sha256": fingerprint(self._public)}

    def sign(self, content: bytes) -> bytes:
        """As a local key does. The vault sees the SHA-256 only, and what it answers is verified."""
        algorithm = "RS256" if isinstance(self._public, rsa.RSAPublicKey) else "ES256"
        asked = {"alg": algorithm, "value": _encoded(hashlib.sha256(content).digest())}
        path = "keys/" + self._kid.partition("/keys/")[2]
        raw = _decoded(str(self._vault.post(f"sign with the key {self._kid}", f"{path}/sign", asked)["value"]))
        # RFC 7518 has r and s one after the other, openssl wants DER.
        in_der = not isinstance(self._public, rsa.RSAPublicKey)
        signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")) if in_der else raw
        if not verifies(self._public, content, signature):
            raise SigningError(f"what {self._kid} answers is not its signature")
        return signature

    def _public_key(self, key: dict[str, Any]) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
        kind = str(key.get("kty", "")).removesuffix("-HSM")
        if kind == "RSA":
            return rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
        if kind == "EC" and key.get("crv") == "P-256":
            return ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), ec.SECP256R1()).public_key()
        raise SigningError(f"the key {self._kid} is neither an RSA key nor one on the curve P-256")


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text), "big")


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
