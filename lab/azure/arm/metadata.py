"""/metadata/endpoints: where the services of this cloud are. Its form depends on the api-version, as in Azure."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.azure.context import Azure

NAME = "ImageTrustLab"


def _cloud(azure: Azure) -> dict[str, Any]:
    return {
        "name": NAME,
        "portal": "https://portal.azure.com",
        "authentication": {
            "loginEndpoint": azure.login_url,
            "audiences": [azure.arm_url, "https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": azure.arm_url,
        "graph": "https://graph.microsoft.com/",
        "graphAudience": "https://graph.microsoft.com/",
        "microsoftGraphResourceId": azure.graph_url,
        "gallery": f"{azure.arm_url}/",
        "suffixes": {"keyVaultDns": "vault.azure.net", "acrLoginServer": "azurecr.io", "storage": "core.windows.net"},
    }


def route(azure: Azure) -> Route:
    """Needs no token: a client asks before it has one."""

    async def endpoints(request: Request) -> Response:
        version, cloud = request.query_params.get("api-version", "1.0"), _cloud(azure)
        if version in ("1.0", "2015-01-01"):
            authentication = {key: cloud["authentication"][key] for key in ("loginEndpoint", "audiences")}
            short = {"galleryEndpoint": cloud["gallery"], "graphEndpoint": cloud["graph"], "portalEndpoint": cloud["portal"], "authentication": authentication}
            return JSONResponse(short)
        return JSONResponse(cloud if version >= "2022-09-01" else [cloud])

    return Route("/metadata/endpoints", endpoints)
