"""Signed tokens: Entra's access tokens and, by the same key, those of the registries."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from lab.azure.state import State, guid, now

ALGORITHM = "RS256"


@lru_cache
def _loaded(pem: str) -> rsa.RSAPrivateKey:
    """The key of a PEM text; kept, because loading checks the key, which takes as long as many signatures."""
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


class Tokens:
    """Signs and verifies with the key kept in `State.signing_key`, which is made when it is missing."""

    def __init__(self, state: State) -> None:
        self._tenant = state.tenant
        if not state.signing_key:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            state.signing_key = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
        self._private = _loaded(state.signing_key)
        self._public = self._private.public_key()
        der = self._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self._key_id = hashlib.sha256(der).hexdigest()[:40]

    @property
    def issuer(self) -> str:
        """Issuer of Entra's access tokens (v1 tokens, as Azure's own services get them)."""
        return f"https://sts.windows.net/{self._tenant}/"

    def access_token(self, principal_id: str, client_id: str, audience: str, *, seconds: int = 3600, **claims: Any) -> str:
        """An Entra access token of the application `client_id`, whose object is `principal_id`, for the resource `audience`."""
        identity = {"tid": self._tenant, "oid": principal_id, "sub": principal_id, "appid": client_id, "appidacr": "2", "idtyp": "app", "ver": "1.0"}
        return self.sign({**identity, **claims}, issuer=self.issuer, audience=audience, seconds=seconds)

    def verify_access_token(self, token: str, audiences: Collection[str]) -> dict[str, Any]:
        """Claims of an Entra access token of this tenant for one of `audiences` (a trailing slash does not matter).

        Raises `jwt.InvalidTokenError`; its subclasses tell what is wrong (ExpiredSignatureError, InvalidAudienceError, InvalidIssuerError, ...).
        """
        plain = {audience.rstrip("/") for audience in audiences}
        return self.verify(token, issuer=self.issuer, audiences=[*plain, *(f"{audience}/" for audience in plain)])

    def sign(self, claims: dict[str, Any], *, issuer: str, audience: str, seconds: int) -> str:
        """A JWT with `claims`, valid from now for `seconds`."""
        at = int(now())
        payload = {"iss": issuer, "aud": audience, "iat": at, "nbf": at, "exp": at + seconds, "uti": guid(), **claims}
        return jwt.encode(payload, self._private, algorithm=ALGORITHM, headers={"kid": self._key_id})

    def jwks(self) -> dict[str, Any]:
        """The public key (JWKS)."""
        return {"keys": [{**RSAAlgorithm.to_jwk(self._public, as_dict=True), "kid": self._key_id, "use": "sig"}]}

    def verify(self, token: str, *, issuer: str, audiences: Collection[str]) -> dict[str, Any]:
        """Claims of a JWT that `sign` made with this `issuer` and one of `audiences`. Raises `jwt.InvalidTokenError`."""
        required = ["exp", "iss", "aud"]
        claims: dict[str, Any] = jwt.decode(token, self._public, algorithms=[ALGORITHM], issuer=issuer, audience=list(audiences), options={"require": required})
        return claims
