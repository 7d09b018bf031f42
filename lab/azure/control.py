"""/lab: the lab's own switches, outside the clusters only: request log, faults, settings, state without secrets."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.azure.arm import cluster_users
from lab.azure.context import Azure
from lab.azure.faults import Fault
from lab.azure.state import Secret, SecretVersion, Settings, State, now

_SETTINGS = TypeAdapter(Settings)


def app(azure: Azure) -> Starlette:
    async def list_requests(request: Request) -> Response:
        return JSONResponse({"requests": azure.log.as_json()})

    async def clear_requests(request: Request) -> Response:
        azure.log.clear()
        return Response(status_code=204)

    async def list_faults(request: Request) -> Response:
        return JSONResponse({"faults": [fault.model_dump(exclude_none=True) for fault in azure.faults.active]})

    async def add_fault(request: Request) -> Response:
        fault = Fault.model_validate_json(await request.body())
        azure.faults.active.append(fault)
        return JSONResponse(fault.model_dump(exclude_none=True), status_code=201)

    async def clear_faults(request: Request) -> Response:
        azure.faults.active.clear()
        return Response(status_code=204)

    async def get_settings(request: Request) -> Response:
        return JSONResponse(asdict(azure.state.settings))

    async def put_settings(request: Request) -> Response:
        """Changes the settings given and keeps the others."""
        wanted, have = json.loads(await request.body()), asdict(azure.state.settings)
        if not isinstance(wanted, dict) or not wanted.keys() <= have.keys():
            return JSONResponse({"error": f"settings are {', '.join(have)}, in seconds"}, status_code=400)
        settings = _SETTINGS.validate_python({**have, **wanted})
        if any(seconds < 0 for seconds in asdict(settings).values()):
            return JSONResponse({"error": "a delay is not negative"}, status_code=400)
        azure.state.settings = settings
        azure.save()
        return JSONResponse(asdict(settings))

    async def get_state(request: Request) -> Response:
        return JSONResponse(_without_secrets(azure.state))

    async def forget_entra(request: Request) -> Response:
        cluster = azure.state.cluster_named(request.path_params["name"])
        if not cluster:
            return JSONResponse({"error": f"there is no managed cluster {request.path_params['name']}"}, status_code=404)
        await cluster_users.forget(azure, cluster)
        return Response(status_code=204)

    async def put_certificate(request: Request) -> Response:
        """Another version (PEM) of a certificate in a vault, the latest one from now on, as Key Vault makes them itself when it renews one."""
        secret = _secret(request)
        if not secret:
            return JSONResponse({"error": "there is no such certificate"}, status_code=404)
        secret.latest = uuid4().hex
        secret.versions[secret.latest] = SecretVersion((await request.body()).decode(), "application/x-pem-file", now())
        azure.save()
        return JSONResponse({"version": secret.latest}, status_code=201)

    async def patch_certificate(request: Request) -> Response:
        """Enables or disables a version."""
        secret = _secret(request)
        version = secret.versions.get(request.path_params["version"]) if secret else None
        if not version:
            return JSONResponse({"error": "there is no such version"}, status_code=404)
        version.enabled = bool(json.loads(await request.body())["enabled"])
        azure.save()
        return Response(status_code=204)

    async def delete_certificate(request: Request) -> Response:
        """Takes a version away, which Azure cannot: a lab is left as it was found. The one before is the latest then."""
        secret = _secret(request)
        if not secret or len(secret.versions) < 2 or not secret.versions.pop(request.path_params["version"], None):
            return JSONResponse({"error": "there is no such version, or no other"}, status_code=404)
        secret.latest = max(secret.versions, key=lambda version: secret.versions[version].created)
        azure.save()
        return Response(status_code=204)

    def _secret(request: Request) -> Secret | None:
        vault = azure.state.vault_named(request.path_params["vault"])
        return vault.secrets.get(request.path_params["name"]) if vault else None

    async def invalid(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, status_code=400)

    routes = [
        Route("/requests", list_requests, methods=["GET"]),
        Route("/requests", clear_requests, methods=["DELETE"]),
        Route("/faults", list_faults, methods=["GET"]),
        Route("/faults", add_fault, methods=["POST"]),
        Route("/faults", clear_faults, methods=["DELETE"]),
        Route("/settings", get_settings, methods=["GET"]),
        Route("/settings", put_settings, methods=["PUT"]),
        Route("/state", get_state, methods=["GET"]),
        Route("/vaults/{vault}/certificates/{name}", put_certificate, methods=["PUT"]),
        Route("/vaults/{vault}/certificates/{name}/{version}", patch_certificate, methods=["PATCH"]),
        Route("/vaults/{vault}/certificates/{name}/{version}", delete_certificate, methods=["DELETE"]),
        # Azure cannot take the integration away again, and a lab is left as it was found.
        Route("/clusters/{name}/entra", forget_entra, methods=["DELETE"]),
    ]
    return Starlette(routes=routes, exception_handlers={ValidationError: invalid, json.JSONDecodeError: invalid})


def _without_secrets(state: State) -> dict[str, Any]:
    """The whole state but the signing key, client secrets, the values of vault secrets and the private keys of vaults."""
    shown = asdict(state)
    del shown["signing_key"]
    for principal in shown["service_principals"].values():
        del principal["secret"]
    for vault in shown["vaults"].values():
        deleted = vault["deleted_certificates"].values()
        for secret in (*vault["secrets"].values(), *(each["secret"] for each in deleted)):
            for version in secret["versions"].values():
                del version["value"]
        for key in (*vault["keys"].values(), *(each["key"] for each in deleted if each["key"])):
            for version in key["versions"].values():
                del version["private_key"]
        states = (*vault["certificate_states"].values(), *(each["certificate"] for each in deleted if each["certificate"]))
        for holder in (*vault["issuers"].values(), *(each["operation"] for each in states if each["operation"])):
            del holder["private_key"]
    return shown
