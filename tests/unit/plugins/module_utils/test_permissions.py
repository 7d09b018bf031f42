"""Which actions of Resource Manager a role has: https://learn.microsoft.com/azure/role-based-access-control/role-definitions"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._arm.permissions import allows

WRITE = "Microsoft.KeyVault/vaults/accessPolicies/write"


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ({"actions": ["*"]}, True),
        ({"actions": [WRITE]}, True),
        ({"actions": [WRITE.upper()]}, True),
        ({"actions": ["Microsoft.KeyVault/*"]}, True),
        ({"actions": ["Microsoft.KeyVault/vaults/*/write"]}, True),
        ({"actions": ["*/read"]}, False),
        ({"actions": ["Microsoft.KeyVault/vaults/write"]}, False),
        ({"actions": ["MicrosoftXKeyVault/vaults/accessPolicies/write"]}, False),
        ({"actions": ["Microsoft.KeyVault/vaults/accessPolicies"]}, False),
        ({"actions": ["*"], "notActions": ["Microsoft.KeyVault/vaults/accessPolicies/*"]}, False),
        ({"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]}, True),
        ({"dataActions": ["*"]}, False),
        ({"actions": None, "notActions": None}, False),
        ({}, False),
    ],
)
def test_an_action_is_allowed_by_a_pattern_that_no_exception_takes_back(role: dict[str, Any], allowed: bool) -> None:
    assert allows(role, WRITE) is allowed


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ({"dataActions": ["Microsoft.KeyVault/vaults/*"]}, True),
        ({"dataActions": [WRITE], "notDataActions": [WRITE]}, False),
        ({"actions": ["*"]}, False),
        ({"dataActions": [WRITE], "notActions": [WRITE]}, True),
    ],
)
def test_a_data_action_is_allowed_by_data_actions_only(role: dict[str, Any], allowed: bool) -> None:
    assert allows(role, WRITE, data=True) is allowed
