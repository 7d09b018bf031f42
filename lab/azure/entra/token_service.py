"""Entra's token service: instance discovery, OpenID configuration, client credentials by secret, certificate or a federated assertion.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, error codes:
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.azure.context import Azure, note
from lab.azure.entra import client_certificates, federated_assertions
from lab.azure.entra.errors import EntraError, malformed
from lab.azure.state import FederatedCredential, guid
from lab.config import AKS_SERVER

PUBLIC_HOST = "login.microsoftonline.com"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
RESOURCES = ("https://vault.azure.net", "https://storage.azure.com", "https://containerregistry.azure.net", "https://graph.microsoft.com", AKS_SERVER)
"""What tokens can be asked for, besides Resource Manager."""
LIFETIME = 3600


@dataclass(frozen=True)
class _Application:
    """Who may sign in: a service principal or a managed identity."""

    client_id: str
    object_id: str
    name: str
    secret: str | None = None
    certificates: Sequence[str] = ()
    credentials: Sequence[FederatedCredential] = ()
    claims: dict[str, str] = field(default_factory=dict)


def app(azure: Azure) -> Starlette:
    service = _Entra(azure)
    routes = [
        Route("/common/discovery/instance", service.instance),
        Route("/{tenant}/v2.0/.well-known/openid-configuration", service.configuration),
        Route("/{tenant}/.well-known/openid-configuration", service.configuration_v1),
        Route("/{tenant}/discovery/v2.0/keys", service.keys),
        Route("/common/discovery/keys", service.common_keys),
        Route("/{tenant}/oauth2/v2.0/token", service.token, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={EntraError: _refuse})


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, EntraError)
    note(request, error=f"AADSTS{error.number}")
    trace, correlation, at = guid(), request.headers.get("client-request-id") or guid(), f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"
    body = {
        "error": error.error,
        "error_description": f"AADSTS{error.number}: {error.message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}",
        "error_codes": [error.number],
        "timestamp": at,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"{request.base_url}error?code={error.number}",
    }
    return JSONResponse(body, status_code=error.status, headers={"Cache-Control": "no-store", "x-ms-request-id": trace})


class _Entra:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    async def instance(self, request: Request) -> Response:
        """Which hosts are one cloud. Inside a cluster that is the public host, outside `localhost`."""
        asked = urlsplit(request.query_params.get("authorization_endpoint", ""))
        here = urlsplit(str(request.base_url)).netloc
        if asked.netloc != here:
            raise EntraError(50049, "Unknown or invalid instance.", "invalid_instance", 400)
        tenant = asked.path.strip("/").partition("/")[0] or "common"
        aliases = [PUBLIC_HOST, "login.windows.net", "login.microsoft.com", "sts.windows.net"] if here == PUBLIC_HOST else [here]
        cloud = {"preferred_network": here, "preferred_cache": "login.windows.net" if here == PUBLIC_HOST else here, "aliases": aliases}
        endpoint = f"{request.base_url}{tenant}/v2.0/.well-known/openid-configuration"
        return JSONResponse({"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [cloud]})

    async def configuration(self, request: Request) -> Response:
        tenant = self._tenant(request, "invalid_tenant")
        base = f"{request.base_url}{tenant}"
        return JSONResponse(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "tenant_region_scope": "NA",
                "cloud_instance_name": "microsoftonline.com",
            }
        )

    async def configuration_v1(self, request: Request) -> Response:
        """What verifies v1 tokens, as those for Azure's own services are."""
        tenant = self._tenant(request, "invalid_tenant")
        base = f"{request.base_url}{tenant}"
        return JSONResponse(
            {
                "token_endpoint": f"{base}/oauth2/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
                "jwks_uri": f"{request.base_url}common/discovery/keys",
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code", "id_token", "code id_token", "token id_token", "token"],
                "scopes_supported": ["openid"],
                "issuer": self._azure.tokens.issuer,
                "authorization_endpoint": f"{base}/oauth2/authorize",
                "tenant_region_scope": "NA",
                "cloud_instance_name": "microsoftonline.com",
            }
        )

    async def common_keys(self, request: Request) -> Response:
        return JSONResponse(self._azure.tokens.jwks())

    async def keys(self, request: Request) -> Response:
        self._tenant(request)
        return JSONResponse(self._azure.tokens.jwks())

    async def token(self, request: Request) -> Response:
        tenant = self._tenant(request)
        form = dict(parse_qsl((await request.body()).decode()))
        if form.get("grant_type") != "client_credentials":
            raise EntraError(70003, f"The app requested an unsupported grant type '{form.get('grant_type')}'.", "unsupported_grant_type", 400)
        application = self._application(form.get("client_id", ""))
        base = f"{request.base_url}{tenant}"
        await self._authenticate(application, form, [f"{base}/oauth2/v2.0/token", f"{base}/oauth2/token", f"{base}/v2.0"])
        audience = self._audience(form)
        note(request, principal=application.object_id)
        claims: dict[str, Any] = {**application.claims}
        if audience == AKS_SERVER and (groups := self._groups(application.object_id)):
            claims["groups"] = groups
        token = self._azure.tokens.access_token(application.object_id, application.client_id, audience, seconds=LIFETIME, **claims)
        body = {"token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token}
        return JSONResponse(body, headers={"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"})

    def _groups(self, member: str) -> list[str]:
        """The groups of a principal, which the application of AKS wants to see in its tokens."""
        return sorted(group for group, members in self._azure.state.groups.items() if member in members)

    def _tenant(self, request: Request, error: str = "invalid_request") -> str:
        tenant: str = request.path_params["tenant"]
        if tenant.lower() != self._azure.state.tenant.lower():
            raise EntraError(
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. "
                "Check with your subscription "
                "administrator, this may happen if there are no active subscriptions for the tenant.",
                error,
                400,
            )
        return tenant

    def _application(self, client_id: str) -> _Application:
        state = self._azure.state
        for principal in state.service_principals.values():
            if principal.client_id.lower() == client_id.lower():
                return _Application(principal.client_id, principal.object_id, principal.name, principal.secret, principal.certificates)
        for identity in state.identities.values():
            if identity.client_id.lower() == client_id.lower():
                claims = {"xms_mirid": identity.id}
                return _Application(identity.client_id, identity.principal_id, identity.name, credentials=identity.credentials_in_effect(), claims=claims)
        raise EntraError(
            700016,
            f"Application with identifier '{client_id}' was not found in the directory 'Image trust lab'. This can happen if the "
            "application has not been installed by the "
            "administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
            "unauthorized_client",
            400,
        )

    async def _authenticate(self, application: _Application, form: dict[str, str], audiences: Sequence[str]) -> None:
        """Raise `EntraError` unless the form proves that the caller is the application. What it signs itself is for one of `audiences`."""
        secret, assertion = form.get("client_secret"), form.get("client_assertion")
        if assertion:
            if form.get("client_assertion_type") != JWT_BEARER:
                raise EntraError(900144, "The request body must contain the following parameter: 'client_assertion_type'.", "invalid_request", 400)
            if client_certificates.names_a_certificate(_header(assertion)):
                client_certificates.check(assertion, application.client_id, application.certificates, audiences)
            else:
                await federated_assertions.check(self._azure, assertion, application.client_id, application.name, application.credentials)
        elif not secret:
            raise EntraError(7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
        elif application.secret is None or not hmac.compare_digest(application.secret.encode(), secret.encode()):
            raise EntraError(
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client "
                "secret ID, for a secret added to "
                f"app '{application.client_id}'.",
            )

    def _audience(self, form: dict[str, str]) -> str:
        """The resource of a scope such as `https://vault.azure.net/.default`."""
        scope = " ".join(word for word in form.get("scope", "").split() if word not in _OPENID_SCOPES)
        if not scope:
            message = "The required field 'scope' is missing from the credential. Ensure that you have all the necessary parameters for the login request."
            raise EntraError(90014, message, "invalid_request", 400)
        if not scope.endswith("/.default") or " " in scope:
            raise EntraError(
                1002012,
                f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default "
                "suffixed to the resource identifier "
                "(application ID URI).",
                "invalid_scope",
                400,
            )
        resource = scope.removesuffix("/.default")
        if resource.rstrip("/") not in {known.rstrip("/") for known in (*RESOURCES, self._azure.graph_url, *self._azure.arm_audiences)}:
            message = f"The resource principal named {resource} was not found in the tenant named Image trust lab."
            raise EntraError(500011, message, "invalid_resource", 400)
        return resource


_OPENID_SCOPES = ("openid", "offline_access", "profile")
"""MSAL adds them to every request; they ask for nothing where no user logs in."""


def _header(assertion: str) -> dict[str, Any]:
    try:
        return jwt.get_unverified_header(assertion)
    except jwt.InvalidTokenError as error:
        raise malformed() from error
