"""Client assertions that an application signed itself, with the key of a certificate that is registered for it.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.azure.entra.errors import EntraError, malformed
from lab.azure.state import now

_DOCUMENT = "Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."
_THUMBPRINTS = {"x5t": hashes.SHA1, "x5t#S256": hashes.SHA256}


def names_a_certificate(header: dict[str, Any]) -> bool:
    """Whether an assertion with this header says that a certificate's key signed it."""
    return not header.keys().isdisjoint(_THUMBPRINTS)


def check(assertion: str, client_id: str, certificates: Sequence[str], audiences: Collection[str]) -> None:
    """Raise `EntraError` unless the key of one of `certificates` (PEM), in its time, signed the assertion, and it names the application and an audience."""
    try:
        header, claims = jwt.get_unverified_header(assertion), jwt.decode(assertion, options={"verify_signature": False})
        field = next(name for name in _THUMBPRINTS if name in header)
        thumbprint = base64.urlsafe_b64decode(str(header[field]).rstrip("=") + "==")
    except (jwt.InvalidTokenError, ValueError) as error:
        raise malformed() from error
    if any(str(claims.get(name)).lower() != client_id.lower() for name in ("iss", "sub")):
        raise EntraError(700021, f"Client assertion application identifier doesn't match 'client_id' parameter. {_DOCUMENT}")
    loaded = [x509.load_pem_x509_certificate(pem.encode()) for pem in certificates]
    certificate = next((each for each in loaded if each.fingerprint(_THUMBPRINTS[field]()) == thumbprint), None)
    if certificate is None:
        raise _wrong_key("The key was not found.", client_id, thumbprint)
    if not certificate.not_valid_before_utc.timestamp() <= now() <= certificate.not_valid_after_utc.timestamp():
        raise _wrong_key("The key used is expired.", client_id, thumbprint, certificate)
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        jwt.decode(assertion, key, algorithms=["RS256", "PS256"], audience=list(audiences), options={"require": ["exp", "aud"]})
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
        times = f"Current time: {_iso(now())}, assertion valid from {_iso(claims.get('nbf', 0))}, expiry time of assertion {_iso(claims['exp'])}."
        raise EntraError(700024, f"Client assertion is not within its valid time range. {times} {_DOCUMENT}") from error
    except (jwt.InvalidAudienceError, jwt.MissingRequiredClaimError) as error:
        raise EntraError(700023, f"Client assertion audience claim does not match Realm issuer. {_DOCUMENT}") from error
    except jwt.InvalidTokenError as error:
        raise _wrong_key("The provided signature value did not match the expected signature value.", client_id, thumbprint, certificate) from error


def _wrong_key(reason: str, client_id: str, thumbprint: bytes, found: x509.Certificate | None = None) -> EntraError:
    details = [f"Reason - {reason}", f"Thumbprint of key used by client: '{thumbprint.hex().upper()}'"]
    if found:
        start, end = (f"{time:%m/%d/%Y %H:%M:%S}" for time in (found.not_valid_before_utc, found.not_valid_after_utc))
        details.append(f"Found key 'Start={start}, End={end}'")
    details.append(f"Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{client_id}'.")
    message = "The certificate with identifier used to sign the client assertion is not registered on application."
    return EntraError(700027, f"{message} [{', '.join(details)}]")


def _iso(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
