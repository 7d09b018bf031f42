from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._arm.role_assignments import BUILT_IN, RoleAssignment, Wanted, plan, plan_absent
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError
from ansible_collections.image_trust.azure.plugins.module_utils._change import Change

SUBSCRIPTION = "/subscriptions/22222222-2222-2222-2222-222222222222"
SCOPE = f"{SUBSCRIPTION}/resourceGroups/group/providers/Microsoft.ContainerRegistry/registries/registry"
DEFINITIONS = "/providers/Microsoft.Authorization/roleDefinitions/"
ME = "5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11"
PULL = RoleAssignment(SCOPE, SUBSCRIPTION + DEFINITIONS + BUILT_IN["acrpull"], ME)
EXISTING = replace(PULL, id="/id/1", name="1")


@pytest.mark.parametrize(
    ("current", "found"),
    [
        ([], None),
        ([EXISTING], EXISTING),
        ([replace(EXISTING, scope=SCOPE.upper())], replace(EXISTING, scope=SCOPE.upper())),
        ([replace(EXISTING, principal_id=ME.upper())], replace(EXISTING, principal_id=ME.upper())),
        # A role definition's id has the scope where it was asked for; the GUID is the role.
        ([replace(EXISTING, role_definition_id=DEFINITIONS + BUILT_IN["acrpull"])], replace(EXISTING, role_definition_id=DEFINITIONS + BUILT_IN["acrpull"])),
        ([replace(EXISTING, principal_type="User")], replace(EXISTING, principal_type="User")),
        ([replace(EXISTING, scope=SUBSCRIPTION)], None),
        ([replace(EXISTING, scope=SCOPE + "/repositories/a")], None),
        ([replace(EXISTING, role_definition_id=SUBSCRIPTION + DEFINITIONS + BUILT_IN["acrpush"])], None),
        ([replace(EXISTING, principal_id="99999999-9999-9999-9999-999999999999")], None),
    ],
)
def test_only_the_same_role_of_the_same_principal_on_exactly_this_scope_counts(current: list[RoleAssignment], found: RoleAssignment | None) -> None:
    change = plan(current, PULL)
    assert (change.before, change.after) == (found, found or PULL)
    assert change.changed is (found is None)
    assert plan_absent(current, PULL).changed is (found is not None)


def test_only_own_leaves_what_something_else_assigned() -> None:
    own = replace(EXISTING, name=PULL.own_name.upper())
    assert plan_absent([own], PULL, only_own=True) == Change(own, None)
    assert not plan_absent([EXISTING], PULL, only_own=True).changed
    assert not plan_absent([], PULL, only_own=True).changed


def test_the_name_is_the_same_for_the_same_however_it_is_written() -> None:
    same = replace(PULL, scope=SCOPE.upper(), role_definition_id=DEFINITIONS + BUILT_IN["acrpull"].upper(), principal_id=ME.upper())
    others = [replace(PULL, scope=SUBSCRIPTION), replace(PULL, principal_id=ME.replace("5", "6")), replace(PULL, role_definition_id=DEFINITIONS + "x")]
    assert PULL.own_name == same.own_name
    assert len({other.own_name for other in [PULL, *others]}) == 4


@pytest.mark.parametrize(
    "scope",
    [
        SUBSCRIPTION,
        f"{SUBSCRIPTION}/resourceGroups/group",
        f"{SUBSCRIPTION}/resourcegroups/group",
        SCOPE,
        SCOPE + "/repositories/a",
        "/providers/Microsoft.Management/managementGroups/ops",
    ],
)
def test_scopes(scope: str) -> None:
    assert Wanted(scope, "AcrPull", ME).scope == scope


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"scope": "registry"}, "scope is 'registry', but must be the id of"),
        ({"scope": SCOPE + "/"}, "scope is .* without '/' at its end"),
        ({"scope": SCOPE[1:]}, "scope is "),
        ({"scope": "/subscriptions/lab"}, "scope is "),
        ({"scope": SUBSCRIPTION + "/resourceGroups"}, "scope is "),
        ({"scope": SCOPE.rpartition("/")[0]}, "scope is "),
        ({"role": " "}, "role is empty"),
        ({"role": "/providers/AcrPull"}, "role is '/providers/AcrPull', but must be the id of a role definition"),
        ({"principal_id": "ratify"}, "principal_id is 'ratify', but must be a GUID"),
    ],
)
def test_what_is_no_scope_role_or_principal_is_refused(wrong: dict[str, str], sentence: str) -> None:
    with pytest.raises(ModuleError, match=sentence):
        Wanted(**{"scope": SCOPE, "role": "AcrPull", "principal_id": ME, **wrong})
