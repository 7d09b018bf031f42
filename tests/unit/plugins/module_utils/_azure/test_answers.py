from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.answers import new_enough
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.rest import HttpRequest

GROUP = "https://management.azure.com/subscriptions/s/resourceGroups/g/providers"
VAULT = f"{GROUP}/Microsoft.KeyVault/vaults/v"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (f"{VAULT}?api-version=2023-07-01", f"{VAULT}?api-version=2026-02-01"),
        (f"{VAULT}/accessPolicies/add?api-version=2023-07-01", f"{VAULT}/accessPolicies/add?api-version=2026-02-01"),
        (f"{VAULT.lower()}?api-version=2023-07-01&$top=1", f"{VAULT.lower()}?api-version=2026-02-01&%24top=1"),
        # Newer ones, other providers, also one that is assigned on a vault, and what has no version are left alone.
        (f"{VAULT}?api-version=2026-05-15", None),
        (f"{VAULT}/providers/Microsoft.Authorization/roleAssignments/a?api-version=2022-04-01", None),
        ("https://management.azure.com/subscriptions/s/resourceGroups/g?api-version=2021-04-01", None),
        (VAULT, None),
    ],
)
def test_an_api_version_that_is_too_old_is_raised(sent: str, expected: str | None) -> None:
    request: PipelineRequest[Any] = PipelineRequest(HttpRequest("GET", sent), PipelineContext(None))
    new_enough(request)
    assert request.http_request.url == (expected or sent)
