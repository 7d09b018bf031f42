"""Issuers of managed clusters: https://<region>.oic.prod-aks.azure.com/<tenant>/<guid>/, there while the cluster's OIDC issuer is on."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.azure.context import Azure, blocking


def app(azure: Azure) -> Starlette:
    def known(request: Request) -> tuple[str, str]:
        """The issuer that the path names, and its cluster."""
        issuer = f"https://{request.url.hostname}/{request.path_params['tenant']}/{request.path_params['id']}/"
        cluster = azure.issuers().get(issuer)
        if not cluster:
            raise HTTPException(404)
        return issuer, cluster

    async def configuration(request: Request) -> Response:
        issuer, _ = known(request)
        return JSONResponse(
            {
                "issuer": issuer,
                "jwks_uri": f"{issuer}openid/v1/jwks",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def keys(request: Request) -> Response:
        _, cluster = known(request)
        return JSONResponse(await blocking(azure.backend.jwks, cluster), media_type="application/jwk-set+json")

    return Starlette(routes=[Route("/{tenant}/{id}/.well-known/openid-configuration", configuration), Route("/{tenant}/{id}/openid/v1/jwks", keys)])
