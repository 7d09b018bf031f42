"""Instance metadata service of a managed cluster's nodes: tokens of the kubelet identity, the only identity that the nodes have.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.azure.context import Azure, note
from lab.azure.state import now

SECONDS = 24 * 60 * 60
VERSIONS = [
    "2017-03-01", "2017-04-02", "2017-08-01", "2017-10-01", "2017-12-01", "2018-02-01", "2018-04-02", "2018-10-01", "2019-02-01",
    "2019-03-11", "2019-04-30", "2019-06-01", "2019-06-04", "2019-08-01", "2019-08-15", "2019-11-01", "2020-06-01", "2020-07-15",
    "2020-09-01", "2020-10-01", "2020-12-01", "2021-01-01", "2021-02-01", "2021-03-01", "2021-05-01", "2021-10-01", "2021-11-01",
    "2021-11-15", "2021-12-13", "2023-07-01", "2023-11-15", "2025-04-07",
]  # fmt: skip
"""Oldest first: https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service#supported-api-versions"""
_UNKNOWN_VERSION = "Bad request. api-version is invalid or was not specified in the request. For more information refer to aka.ms/azureimds"


def app(azure: Azure, cluster_name: str) -> Starlette:
    """What the nodes of the managed cluster `cluster_name` see at 169.254.169.254."""

    async def token(request: Request) -> Response:
        asked = request.query_params
        if request.headers.get("metadata", "").lower() != "true":
            return _refused(request, "Required metadata header not specified")
        if "x-forwarded-for" in request.headers:
            return _refused(request, "Requests with an X-Forwarded-For header are not allowed")
        for required in ("api-version", "resource"):
            if not asked.get(required):
                return _refused(request, f"Required query variable '{required}' is missing")
        if asked["api-version"] not in VERSIONS:
            note(request, error="invalid_request")
            return JSONResponse({"error": _UNKNOWN_VERSION, "newest-versions": VERSIONS[:-4:-1]}, 400)
        cluster = azure.state.cluster_named(cluster_name)
        identity = cluster.properties.get("identityProfile", {}).get("kubeletidentity") if cluster else None
        named = {"client_id": "clientId", "object_id": "objectId", "msi_res_id": "resourceId", "mi_res_id": "resourceId"}
        if not identity or any(asked[key].lower() != identity[of].lower() for key, of in named.items() if key in asked):
            return _refused(request, "Identity not found")
        note(request, principal=identity["objectId"])
        resource = asked["resource"]
        access_token = azure.tokens.access_token(identity["objectId"], identity["clientId"], resource, seconds=SECONDS, xms_mirid=identity["resourceId"])
        at = int(now())
        return JSONResponse(
            {
                "access_token": access_token,
                "client_id": identity["clientId"],
                "expires_in": str(SECONDS),
                "expires_on": str(at + SECONDS),
                "ext_expires_in": str(SECONDS),
                "not_before": str(at),
                "resource": resource,
                "token_type": "Bearer",
            }
        )

    return Starlette(routes=[Route("/metadata/identity/oauth2/token", token)])


def _refused(request: Request, description: str) -> Response:
    note(request, error="invalid_request")
    return JSONResponse({"error": "invalid_request", "error_description": description}, 400)
