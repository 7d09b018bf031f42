"""Assertions in place of a secret that a cluster has signed: https://learn.microsoft.com/entra/workload-id/workload-identity-federation"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jwt

from lab.azure.context import Azure, blocking
from lab.azure.entra.errors import EntraError, malformed
from lab.azure.state import FederatedCredential

_FEDERATION = "https://learn.microsoft.com/entra/workload-id/workload-identity-federation"


async def check(azure: Azure, assertion: str, client_id: str, name: str, credentials: Sequence[FederatedCredential]) -> None:
    """Raise `EntraError` unless a cluster signed the assertion and a federated credential in effect names its issuer, subject and audience exactly."""
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
        issuer, subject, audience = claims["iss"], claims["sub"], claims["aud"]
    except (jwt.InvalidTokenError, KeyError) as error:
        raise malformed() from error
    if not credentials:
        raise EntraError(70025, f"The client '{client_id}'({name}) has no configured federated identity credentials.")
    of_issuer = [credential for credential in credentials if credential.issuer == issuer]
    if not of_issuer:
        raise _no_match(700211, f"issuer '{issuer}'")
    await _verify_signature(azure, assertion, issuer)
    of_subject = [credential for credential in of_issuer if credential.subject == subject]
    if not of_subject:
        if any(credential.subject.lower() == str(subject).lower() for credential in of_issuer):
            case = "The subject matches with case-insensitive comparison, but not with case-sensitive comparison."
            raise _no_match(7002138, f"subject '{subject}'", case)
        raise _no_match(700213, f"subject '{subject}'")
    audiences = audience if isinstance(audience, list) else [audience]
    if not any(credential.audiences[0] in audiences for credential in of_subject):
        raise _no_match(700212, f"audience '{', '.join(map(str, audiences))}'")


async def _verify_signature(azure: Azure, assertion: str, issuer: str) -> None:
    """Raise `EntraError` unless the cluster that serves `issuer` signed it, and it is not expired."""
    cluster = azure.issuers().get(issuer)
    unreachable = EntraError(50166, "Request to External OIDC endpoint failed.", "invalid_request", 400)
    if cluster is None:
        raise unreachable
    try:
        keys: dict[str, Any] = await blocking(azure.backend.jwks, cluster)
    except Exception as error:
        raise unreachable from error
    key_id = jwt.get_unverified_header(assertion).get("kid")
    key = next((key for key in jwt.PyJWKSet.from_dict(keys).keys if key.key_id == key_id), None)
    wrong_key = EntraError(
        7000272,
        f"The certificate with identifier {key_id} used to sign the federated credential could not be found in the metadata of "
        f"identity provider {issuer}. Please "
        "validate that your Identity Provider's metadata exposes the key used to sign the incoming token.",
    )
    if key is None:
        raise wrong_key
    try:
        jwt.decode(assertion, key.key, algorithms=["RS256"], options={"verify_aud": False, "require": ["exp"]})
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
        raise EntraError(700024, f"Client assertion is not within its valid time range. {_FEDERATION}") from error
    except jwt.InvalidTokenError as error:
        raise wrong_key from error


def _no_match(number: int, what: str, why: str = "") -> EntraError:
    advice = f"Check your federated identity credential Subject, Audience and Issuer against the presented assertion. {_FEDERATION}"
    return EntraError(number, " ".join(filter(None, [f"No matching federated identity record found for presented assertion {what}.", why, advice])))
