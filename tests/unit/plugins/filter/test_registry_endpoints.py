"""Where Ratify logs in, of the names that a registry in Azure has."""

from __future__ import annotations

import pytest
from ansible_collections.image_trust.azure.plugins.filter.registry_endpoints import registry_endpoints

CONTOSO, EAST = "contoso.azurecr.io", "contoso.eastus.geo.azurecr.io"


@pytest.mark.parametrize(
    ("registries", "scopes", "hosts"),
    [
        ([CONTOSO], [f"{CONTOSO}/web"], [CONTOSO]),
        ([CONTOSO], [f"{EAST}/web", f"{EAST}/api", f"{CONTOSO}/web"], [CONTOSO, EAST]),
        ([CONTOSO, EAST], [f"{EAST}/web"], [CONTOSO, EAST]),
        # Another registry's region, which is not listed as one that Ratify's identity is for.
        ([CONTOSO], ["evil.eastus.geo.azurecr.io/web", "contoso.eastus.geo.azurecr.us/web"], [CONTOSO]),
        ([CONTOSO], ["contoso.geo.azurecr.io/web", "contoso.eastus.geo.azurecr.io.evil.example/web"], [CONTOSO]),
        ([CONTOSO], ["*"], [CONTOSO]),
        (["contoso-abc.azurecr.us"], ["contoso-abc.usgovvirginia.geo.azurecr.us/web"], ["contoso-abc.azurecr.us", "contoso-abc.usgovvirginia.geo.azurecr.us"]),
        (["localhost:5000"], ["localhost:5000/web"], ["localhost:5000"]),
    ],
)
def test_ratify_logs_in_at_regional_endpoints_that_scopes_name_of_its_registries_alone(registries: list[str], scopes: list[str], hosts: list[str]) -> None:
    assert registry_endpoints(registries, scopes) == hosts
