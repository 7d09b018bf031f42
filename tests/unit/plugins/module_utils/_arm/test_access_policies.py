from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._arm.access_policies import LIMIT, batches, check_set, plan, plan_absent, policy
from ansible_collections.image_trust.azure.plugins.module_utils._arm.vaults import AccessPolicy, Place, Vault
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError
from ansible_collections.image_trust.azure.plugins.module_utils._change import diff

TENANT = "11111111-1111-1111-1111-111111111111"
ME = "5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11"
VAULT = Vault("vault", "/id/vault", "https://vault.vault.azure.net/", TENANT, False)


def having(object_id: str = ME, application_id: str | None = None, /, **permissions: set[str]) -> AccessPolicy:
    sets: dict[str, Any] = {kind: frozenset(names) for kind, names in permissions.items()}
    return AccessPolicy(object_id, application_id=application_id, tenant_id=TENANT, **sets)


def wanting(**permissions: set[str]) -> AccessPolicy:
    return replace(having(**permissions), tenant_id=None)


OTHER = having("99999999-9999-9999-9999-999999999999", secrets={"get"})
THROUGH_AN_APPLICATION = having(ME, "88888888-8888-8888-8888-888888888888", secrets={"get"})


@pytest.mark.parametrize(
    ("current", "wanted", "exact", "after"),
    [
        ([], wanting(secrets={"get"}), False, having(secrets={"get"})),
        # Neither another principal's entry nor ours through an application is ours.
        ([OTHER, THROUGH_AN_APPLICATION], wanting(secrets={"get"}), False, having(secrets={"get"})),
        ([having(secrets={"get"})], wanting(secrets={"get"}), False, having(secrets={"get"})),
        ([having(ME.upper(), secrets={"get"})], wanting(secrets={"get"}), False, having(ME.upper(), secrets={"get"})),
        ([having(secrets={"get", "list"})], wanting(secrets={"get"}), False, having(secrets={"get", "list"})),
        ([having(secrets={"list"}, keys={"sign"})], wanting(secrets={"get"}), False, having(secrets={"get", "list"}, keys={"sign"})),
        # `all` is everything but purge.
        ([having(secrets={"all"})], wanting(secrets={"get"}), False, having(secrets={"all"})),
        ([having(secrets={"all"})], wanting(secrets={"purge"}), False, having(secrets={"all", "purge"})),
        ([having(secrets={"get"})], wanting(secrets={"all"}), False, having(secrets={"all", "get"})),
        ([having(secrets={"get", "list"}, keys={"sign"})], wanting(secrets={"get"}), True, having(secrets={"get"})),
        ([having(secrets={"get"})], wanting(secrets={"get"}), True, having(secrets={"get"})),
        ([], wanting(secrets={"get"}), True, having(secrets={"get"})),
    ],
)
def test_plan(current: list[AccessPolicy], wanted: AccessPolicy, exact: bool, after: AccessPolicy) -> None:
    (change,) = plan(VAULT, current, [wanted], exact=exact)
    assert change.after == after
    assert change.changed is (after not in current)


@pytest.mark.parametrize(
    ("current", "unwanted", "after"),
    [
        ([], wanting(), None),
        ([OTHER], wanting(secrets={"get"}), None),
        ([having(secrets={"get"}, keys={"sign"})], wanting(), None),
        ([having(secrets={"get"})], wanting(secrets={"get", "list"}), None),
        ([having(secrets={"get", "list"}, keys={"sign"})], wanting(secrets={"get"}), having(secrets={"list"}, keys={"sign"})),
        ([having(secrets={"all", "get"}, keys={"sign"})], wanting(secrets={"all"}), having(keys={"sign"})),
        ([having(secrets={"list"})], wanting(secrets={"get"}), having(secrets={"list"})),
    ],
)
def test_plan_absent(current: list[AccessPolicy], unwanted: AccessPolicy, after: AccessPolicy | None) -> None:
    (change,) = plan_absent(current, [unwanted])
    assert change.after == after
    assert change.changed is any(entry.object_id == ME and entry != after for entry in current)


def test_all_is_not_taken_apart() -> None:
    with pytest.raises(ModuleError, match=r"has 'all' in permissions.secrets, of which single ones cannot be taken away"):
        plan_absent([having(secrets={"all"})], [wanting(secrets={"get"})])


def test_a_vault_under_rbac_is_refused_with_the_role_to_assign() -> None:
    with pytest.raises(
        ModuleError, match=r"is under Azure RBAC and ignores access policies; assign the role Key Vault Secrets User .* on /id/vault"
    ) as refused:
        plan(replace(VAULT, rbac_enabled=True), [], [wanting(secrets={"get"})], exact=False)
    assert refused.value.code == "VaultUnderRbac"


def test_a_principal_that_is_not_known_yet_has_no_entry() -> None:
    unknown = replace(wanting(secrets={"get"}), object_id=None)
    (change,) = plan(VAULT, [OTHER, having(secrets={"list"})], [unknown], exact=True)
    assert change.before is None
    assert change.changed


def principal(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


def many(numbers: Iterable[int], *names: str) -> list[AccessPolicy]:
    return [having(principal(number), secrets=set(names)) for number in numbers]


def test_a_diff_has_a_line_for_each_permission_of_each_principal() -> None:
    shown = diff(plan(VAULT, [having(secrets={"list"}, keys={"sign"})], [wanting(secrets={"set", "get"}), THROUGH_AN_APPLICATION], exact=False), "vault")
    assert shown["before"].splitlines() == [f"principal {ME} keys: sign", f"principal {ME} secrets: list"]
    assert shown["after"].splitlines() == [
        f"principal {ME} keys: sign",
        f"principal {ME} secrets: get",
        f"principal {ME} secrets: list",
        f"principal {ME} secrets: set",
        f"principal {ME} through application {THROUGH_AN_APPLICATION.application_id} secrets: get",
    ]


def test_a_set_leaves_others_alone_unless_it_shall_be_alone() -> None:
    current, wanted = [OTHER, *many(range(3), "get")], [*many([1], "list"), wanting(keys={"sign"})]
    assert [change.after for change in plan(VAULT, current, wanted, exact=False)] == [*many([1], "get", "list"), having(keys={"sign"})]
    changes = plan(VAULT, current, wanted, exact=True, alone=True)
    assert [change.after for change in changes] == [*many([1], "list"), having(keys={"sign"}), None, None, None]
    assert [change.before for change in changes[2:]] == [OTHER, *many([0, 2], "get")]
    assert batches(changes) == [("remove", [OTHER, *many([0, 2], "get")]), ("replace", many([1], "list")), ("add", [having(keys={"sign"})])]


def test_a_request_that_adds_names_only_what_is_new_and_one_that_takes_away_what_is_left() -> None:
    current = [having(secrets={"get", "list"}, keys={"sign"})]
    assert batches(plan(VAULT, current, [wanting(secrets={"get", "set"})], exact=False)) == [("add", [having(secrets={"set"})])]
    assert batches(plan_absent(current, [wanting(secrets={"get", "set"})])) == [("replace", [having(secrets={"list"}, keys={"sign"})])]
    assert batches(plan(VAULT, current, [wanting(keys={"sign"})], exact=True)) == [("replace", [having(keys={"sign"})])]


def test_alone_an_entry_through_an_application_is_another_one() -> None:
    changes = plan(VAULT, [having(secrets={"get"}), THROUGH_AN_APPLICATION], [THROUGH_AN_APPLICATION], exact=True, alone=True)
    assert [change.before for change in changes if change.changed] == [having(secrets={"get"})]


def test_an_empty_set_that_is_alone_empties_the_vault_and_otherwise_does_nothing() -> None:
    assert [change.after for change in plan(VAULT, [OTHER], [], exact=True, alone=True)] == [None]
    assert plan(VAULT, [OTHER], [], exact=False) == []


def test_a_request_has_16_entries_at_most_and_only_those_that_change() -> None:
    changes = plan(VAULT, many(range(10), "get"), many(range(45), "get"), exact=False)
    assert [(operation, len(entries)) for operation, entries in batches(changes)] == [("add", 16), ("add", 16), ("add", 3)]
    assert [entry for _, entries in batches(changes) for entry in entries] == many(range(10, 45), "get")
    assert batches(plan_absent(many(range(3), "get"), many(range(20), "get"))) == [("remove", many(range(3), "get"))]


def test_more_than_1024_are_refused_with_those_that_have_no_room() -> None:
    full = many(range(LIMIT), "get")
    with pytest.raises(ModuleError, match=rf"vault has 1024 access policies and Azure allows 1024, so those of {ME} cannot be added; ") as refused:
        plan(VAULT, full, [wanting(secrets={"get"})], exact=False)
    assert refused.value.code == "LimitExceeded"
    assert len(plan(VAULT, full, [*full, wanting(secrets={"get"})][1:], exact=True, alone=True)) == LIMIT + 1
    assert plan(VAULT, full, many([0], "list"), exact=False)[0].changed
    assert plan(VAULT, full[1:], [wanting(secrets={"get"})], exact=False)[0].changed
    with pytest.raises(ModuleError, match="cannot be added"):
        plan(VAULT, [], [*full, wanting(secrets={"get"})], exact=True, alone=True)


def test_a_principal_is_named_once() -> None:
    unknown = replace(wanting(), object_id=None)
    check_set([having(), THROUGH_AN_APPLICATION, OTHER, unknown, unknown])
    with pytest.raises(ModuleError, match=f"policies names the principal {ME} through application 8.* twice"):
        check_set([having(), THROUGH_AN_APPLICATION, THROUGH_AN_APPLICATION])
    with pytest.raises(ModuleError, match=f"policies names the principal {ME.upper()} twice"):
        check_set([having(), OTHER, having(ME.upper())])


@pytest.mark.parametrize(
    ("object_id", "application_id", "permissions", "sentence"),
    [
        ("ratify", None, {"secrets": ["get"]}, "object_id is 'ratify', but must be a GUID"),
        (ME + "\n", None, {"secrets": ["get"]}, "object_id is .* must be a GUID"),
        (ME, "app", {"secrets": ["get"]}, "application_id is 'app', but must be a GUID"),
        (ME, None, {"secrets": []}, "permissions names no permission"),
        (ME, None, None, "permissions names no permission"),
    ],
)
def test_what_is_no_policy_is_refused(object_id: str, application_id: str | None, permissions: dict[str, list[str]] | None, sentence: str) -> None:
    with pytest.raises(ModuleError, match=sentence):
        policy(object_id, application_id, permissions, some=True)


@pytest.mark.parametrize("name", ["ab", "1vault", "vault-", "va--ult", "v" * 25, "va_ult", "vault.vault.azure.net"])
def test_vault_names(name: str) -> None:
    with pytest.raises(ModuleError, match=r"vault_name is .* must be 3 to 24 letters"):
        Place("group", name)
