"""Logins by assertions."""

from __future__ import annotations

import httpx

from lab.azure.entra.token_service import JWT_BEARER
from tests.emulator.machine import TENANT, Lab

VAULT_SCOPE = "https://vault.azure.net/.default"


def ask(lab: Lab, tenant: str = TENANT, **form: str) -> httpx.Response:
    fields = {"grant_type": "client_credentials", "scope": VAULT_SCOPE, **form}
    sent = {key: value for key, value in fields.items() if value}
    response: httpx.Response = lab.client.post(f"{lab.azure.login_url}/{tenant}/oauth2/v2.0/token", data=sent)
    return response


def with_assertion(lab: Lab, assertion: str, **changes: str) -> httpx.Response:
    client_id = lab.identity()["properties"]["clientId"]
    return ask(lab, **{"client_id": client_id, "client_assertion_type": JWT_BEARER, "client_assertion": assertion, **changes})
