from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._arm.identities import Identity, Wanted, plan, plan_absent
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError

WANTED = Wanted("ratify", "group")
RATIFY = Identity("ratify", "group", "eastus", {"team": "ops"}, "/id", "principal", "client", "tenant")


def test_a_missing_identity_is_planned_without_ids() -> None:
    change = plan(None, replace(WANTED, location="eastus", tags={"a": "b"}))
    assert change.changed
    assert change.before is None
    assert change.after == Identity("ratify", "group", "eastus", {"a": "b"})


@pytest.mark.parametrize(
    ("location", "tags", "changed"),
    [
        (None, None, False),
        ("eastus", None, False),
        ("East US", {"team": "ops"}, False),
        (None, {}, True),
        (None, {"team": "dev"}, True),
        (None, {"team": "ops", "more": "1"}, True),
    ],
)
def test_only_tags_that_are_asked_for_and_differ_are_a_change(location: str | None, tags: dict[str, str] | None, changed: bool) -> None:
    change = plan(RATIFY, Wanted("ratify", "group", location, tags))
    assert change.changed is changed
    assert change.after == replace(RATIFY, tags=RATIFY.tags if tags is None else tags)


def test_an_identity_in_another_location_is_refused() -> None:
    with pytest.raises(ModuleError, match="The identity ratify in resource group group is in eastus and cannot be moved to westus"):
        plan(RATIFY, Wanted("ratify", "group", "westus"))


def test_absent() -> None:
    assert not plan_absent(None).changed
    assert (plan_absent(RATIFY).before, plan_absent(RATIFY).after) == (RATIFY, None)


@pytest.mark.parametrize(
    ("wrong", "option"),
    [
        ({"name": "ab"}, "name"),
        ({"name": "-abc"}, "name"),
        ({"name": "a" * 129}, "name"),
        ({"name": "a b c"}, "name"),
        ({"resource_group": "ends."}, "resource_group"),
        ({"resource_group": ""}, "resource_group"),
        ({"resource_group": "a/b"}, "resource_group"),
        ({"location": "east/us"}, "location"),
    ],
)
def test_bad_names_are_refused_with_option_and_rule(wrong: dict[str, Any], option: str) -> None:
    with pytest.raises(ModuleError, match=rf"^{option} is '.*', but must be ") as refused:
        Wanted(**{"name": "ratify", "resource_group": "group", **wrong})
    assert refused.value.code == "InvalidInput"
