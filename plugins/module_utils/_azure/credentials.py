# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tokens of a login, for the SDK's clients. Private to the collection."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .clouds import Cloud
from .errors import ModuleError, failed
from .libraries import library
from .logins.login import Login
from .run_cache import RunCache

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential
    from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

MARGIN = 300
"""Seconds for which a cached token must still be valid; azure-core too asks for a new one that long before the end."""

# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
CAUSES = {
    "AADSTS7000215": "the secret is wrong; check that it is the secret's value and not its id",
    "AADSTS7000222": "the secret has expired; make a new one",
    "AADSTS700016": "the tenant does not know this client_id; check client_id and tenant",
    "AADSTS90002": "there is no such tenant; check tenant and cloud_environment",
    "AADSTS900023": "there is no such tenant; check tenant and cloud_environment",
    "AADSTS700027": "the certificate is not registered for it, or has expired; register this one, or give the one that is",
    "AADSTS70025": "it has no federated credential; add one",
    "AADSTS700211": "no federated credential of it has the token's issuer; add one",
    "AADSTS700212": "no federated credential of it has the token's audience; correct it",
    "AADSTS700213": "no federated credential of it has the token's subject; add one",
    "AADSTS7002138": "a federated credential of it has the token's subject in other case; correct it",
    "AADSTS700024": "the federated token has expired, or the clock of this machine is wrong; get a new token",
    "AADSTS50027": "the federated token is not a token",
}


class Credential:
    """A credential of azure-identity that asks once a run, and whose errors say who could not log in and what to check. It is azure-core's TokenCredential."""

    def __init__(self, login: Login, cloud: Cloud, cache: RunCache) -> None:
        self.login = login
        self.cloud = cloud
        self._cache = cache
        self._cached: tuple[str, ...] | None = None
        self._fresh_only = False

    @cached_property
    def _inner(self) -> TokenCredential:
        # Importing azure-identity takes longer than the rest of the SDK: not done for a token that is cached.
        with library("azure-identity"):
            return self.login.credential(self.cloud)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for `scopes`; raises `ModuleError`."""
        from azure.core.credentials import AccessToken

        key = self._key(*scopes)
        cached = None if self._fresh_only or options.get("claims") else self._cache.get(*key, margin=MARGIN)
        self._cached = key if cached else None
        return AccessToken(*cached) if cached else self.new_token(*scopes, **options)

    def new_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token that was not cached; raises `ModuleError`."""
        token = self._ask(*scopes, **options)
        self._cache.put([token.token, token.expires_on], *self._key(*scopes), expires=token.expires_on)
        return token

    def forget(self) -> bool:
        """Azure refuses the last token. Whether it was a cached one, so that it is worth to log in again; that happens once."""
        if self._cached is None:
            return False
        self._cache.drop(*self._cached)
        self._cached, self._fresh_only = None, True
        return True

    def _key(self, *scopes: str) -> tuple[str, ...]:
        return ("token", self.cloud.authority, *scopes, *self.login.key())

    def _ask(self, *scopes: str, **options: Any) -> AccessToken:
        from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError, ServiceResponseError

        no_answer, started = (ServiceRequestError, ServiceResponseError), time.monotonic()
        try:
            return self._inner.get_token(*scopes, **options)
        except ClientAuthenticationError as error:
            # azure-identity wraps what it does not understand.
            if isinstance(error.__cause__, no_answer):
                raise self._unreachable(str(error.message)) from None
            if isinstance(error.__cause__, HttpResponseError):
                raise failed(f"log in at {self.cloud.authority}", error.__cause__, started) from None
            raise self._refused(str(error.message)) from None
        except no_answer as error:
            raise self._unreachable(str(error.message)) from None
        except (OSError, ValueError) as error:
            raise self._refused(str(error)) from None

    def _unreachable(self, message: str) -> ModuleError:
        return ModuleError(
            f"Cannot reach {self.cloud.authority} to log in; check cloud_environment, the proxy and the network of this machine.",
            code="Unreachable",
            message=message,
        )

    def _refused(self, message: str) -> ModuleError:
        found = re.search(r"AADSTS\d+", message)
        code = found.group(0) if found else "LoginFailed"
        if found:
            cause = f"{code}: {CAUSES.get(code, 'see https://login.microsoftonline.com/error?code=' + code.removeprefix('AADSTS'))}"
        elif "Unable to get authority configuration" in message:
            # MSAL's words for a tenant that Entra does not know.
            cause = CAUSES["AADSTS90002"]
        else:
            cause = " ".join(message.split("Visit ")[0].split()).rstrip(".")
        return ModuleError(self.login.refusal(self.cloud, cause), code=code, message=message)


def claims(token: str) -> Mapping[str, Any]:
    """What a token says of itself, which is read and not verified; nothing where it is not one of Entra's."""
    try:
        body = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def policy(credential: Credential, scope: str) -> ARMChallengeAuthenticationPolicy:
    """What puts the token into the requests of one client; a cached token that Azure refuses leads to one new login."""
    from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

    class Authentication(ARMChallengeAuthenticationPolicy):
        def on_challenge(self, request: Any, response: Any) -> bool:
            if super().on_challenge(request, response):
                return True
            if not credential.forget():
                return False
            self.authorize_request(request, scope)
            return True

    return Authentication(credential, scope)
