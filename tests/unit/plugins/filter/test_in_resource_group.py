"""The resource group of registries and vaults that do not say it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.filter.in_resource_group import FilterModule

in_resource_group = FilterModule().filters()["in_resource_group"]


@pytest.mark.parametrize(
    ("entry", "completed"),
    [
        ({"name": "web"}, {"name": "web", "resource_group": "rg"}),
        ({"name": "web", "resource_group": ""}, {"name": "web", "resource_group": "rg"}),
        ({"name": "web", "subscription_id": "s"}, {"name": "web", "subscription_id": "s", "resource_group": "rg"}),
        ({"name": "web", "resource_group": "shared"}, {"name": "web", "resource_group": "shared"}),
        ({"id": "/subscriptions/s/web"}, {"id": "/subscriptions/s/web"}),
        ("web", "web"),
        (None, None),
    ],
)
def test_only_an_entry_without_group_and_id_gets_the_group(entry: Any, completed: Any) -> None:
    assert in_resource_group(entry, "rg") == completed
