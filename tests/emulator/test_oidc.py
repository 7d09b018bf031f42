"""Issuers of managed clusters."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from lab.azure import oidc
from tests.emulator.services import JWKS, TENANT, azure, cluster

ISSUER = f"https://eastus.oic.prod-aks.azure.com/{TENANT}/cccccccc-0000-0000-0000-000000000001/"


@pytest.mark.parametrize("enabled", [True, False])
def test_an_issuer_is_there_while_it_is_on(enabled: bool) -> None:
    emulated = azure()
    cluster(emulated, "lab1", oidcIssuerProfile={"enabled": enabled, "issuerURL": ISSUER})
    client = TestClient(oidc.app(emulated), base_url="https://eastus.oic.prod-aks.azure.com")
    configuration = client.get(f"{ISSUER}.well-known/openid-configuration")
    keys = client.get(f"{ISSUER}openid/v1/jwks")
    if enabled:
        assert configuration.json()["issuer"] == ISSUER
        assert configuration.json()["jwks_uri"] == f"{ISSUER}openid/v1/jwks"
        assert keys.json() == JWKS
    else:
        assert (configuration.status_code, keys.status_code) == (404, 404)


def test_an_issuer_that_is_nobodys_is_not_there() -> None:
    client = TestClient(oidc.app(azure()), base_url="https://eastus.oic.prod-aks.azure.com")
    assert client.get(f"{ISSUER}.well-known/openid-configuration").status_code == 404
