from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._arm.federated_credentials import (
    LIMIT,
    FederatedCredential,
    changes_issuer,
    check,
    check_set,
    in_order,
    plan,
    plan_absent,
)
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError

ISSUER = "https://eastus.oic.prod-aks.azure.com/11111111-1111-1111-1111-111111111111/d2d4aa6f-0d0b-4a55-9e1f-2d8d0f0b9b10/"
SUBJECT = "system:serviceaccount:gatekeeper-system:ratify-admin"
RATIFY = FederatedCredential("ratify", ISSUER, SUBJECT)
EXISTING = replace(RATIFY, id="/id/ratify")
OTHER = FederatedCredential("other", ISSUER, "system:serviceaccount:default:other", id="/id/other")


def full(number: int) -> tuple[FederatedCredential, ...]:
    return tuple(FederatedCredential(f"other-{n:02}", ISSUER, f"system:serviceaccount:default:s{n}") for n in range(number))


@pytest.mark.parametrize(
    ("current", "wanted", "before", "after"),
    [
        ((), RATIFY, None, RATIFY),
        ((OTHER,), RATIFY, None, RATIFY),
        ((OTHER, EXISTING), RATIFY, EXISTING, EXISTING),
        # Azure keeps the case in which a name was first written.
        ((EXISTING,), replace(RATIFY, name="RATIFY"), EXISTING, EXISTING),
        # Issuer and subject are compared byte for byte: a slash or a capital is another one.
        ((EXISTING,), replace(RATIFY, issuer=ISSUER.rstrip("/")), EXISTING, replace(EXISTING, issuer=ISSUER.rstrip("/"))),
        ((EXISTING,), replace(RATIFY, subject=SUBJECT.upper()), EXISTING, replace(EXISTING, subject=SUBJECT.upper())),
        ((EXISTING,), replace(RATIFY, audiences=("api://other",)), EXISTING, replace(EXISTING, audiences=("api://other",))),
        # In check mode the issuer of a cluster that does not exist yet is not known.
        ((EXISTING,), replace(RATIFY, issuer=None), EXISTING, replace(EXISTING, issuer=None)),
        ((OTHER,), replace(RATIFY, issuer=None), None, replace(RATIFY, issuer=None)),
        # The limit is for new ones.
        (full(LIMIT - 1), RATIFY, None, RATIFY),
        ((*full(LIMIT - 1), EXISTING), RATIFY, EXISTING, EXISTING),
    ],
)
def test_plan(current: tuple[FederatedCredential, ...], wanted: FederatedCredential, before: FederatedCredential | None, after: FederatedCredential) -> None:
    (change,) = plan(current, [wanted])
    assert (change.before, change.after) == (before, after)
    assert change.changed is (before != after)


def test_the_same_trust_under_another_name_is_refused_with_that_name() -> None:
    with pytest.raises(ModuleError, match="already trusted under the name ratify; use that name instead of lab2") as refused:
        plan((EXISTING,), [replace(RATIFY, name="lab2")])
    assert refused.value.code == "Conflict"


REBUILT = ISSUER.replace("d2d4aa6f", "6a0e5d2c")


OTHERS = {ISSUER: "cluster blue in resource group rg", "https://issuer/c/": "cluster c in resource group rg"}


@pytest.mark.parametrize("issuer", [REBUILT, None], ids=["another cluster's", "of a cluster yet to be created"])
def test_a_credential_is_not_taken_from_another_cluster(issuer: str | None) -> None:
    wanted = replace(RATIFY, name="RATIFY", issuer=issuer)
    with pytest.raises(ModuleError) as refused:
        plan((OTHER, EXISTING), [wanted], clusters=OTHERS)
    assert str(refused.value) == (
        f"The federated credential ratify trusts the issuer {ISSUER} of cluster blue in resource group rg, which could not log in by it any more"
        f" if it trusted {issuer or 'that of a cluster yet to be created'}. Give another name, or set change_issuer."
    )
    for none in (None, {REBUILT: "cluster green in resource group rg"}):
        (change,) = plan((OTHER, EXISTING), [wanted], clusters=none)
        assert change.after == replace(EXISTING, issuer=issuer)


@pytest.mark.parametrize(
    ("current", "changes"),
    [
        ((), False),
        ((OTHER,), False),
        ((EXISTING,), False),
        ((replace(EXISTING, subject="system:serviceaccount:a:b"),), False),
        ((OTHER, replace(EXISTING, name="RATIFY", issuer=REBUILT)), True),
        ((replace(EXISTING, issuer=ISSUER.rstrip("/")),), True),
    ],
    ids=["none", "another", "the same", "another subject", "another issuer", "the same without its slash"],
)
def test_other_clusters_are_only_asked_for_where_a_credential_gets_another_issuer(current: tuple[FederatedCredential, ...], changes: bool) -> None:
    assert changes_issuer(current, [RATIFY]) is changes
    (change,) = plan(current, [RATIFY], clusters={REBUILT[:-1]: "cluster", **({} if changes else OTHERS)})
    assert change.after is not None
    assert (change.after.issuer, change.after.subject) == (ISSUER, SUBJECT)


def test_the_21st_is_refused_with_the_remedy() -> None:
    with pytest.raises(ModuleError, match="has 20 federated credentials and Azure allows 20, so ratify cannot be added; remove one of other-00, ") as refused:
        plan(full(LIMIT), [RATIFY])
    assert refused.value.code == "LimitExceeded"


def cred(name: str, subject: str) -> FederatedCredential:
    return FederatedCredential(name, ISSUER, subject)


def writes(current: str, wanted: str, *, exact: bool = False) -> list[str]:
    """The writes that lead from one set to the other, each set as `name=subject` with blanks between: `-name` for a removal, else what is written."""
    have, want = ([cred(*one.split("=")) for one in text.split()] for text in (current, wanted))
    steps = in_order(plan(have, want, exact=exact))
    return [f"{step.after.name}={step.after.subject}" if step.after else f"-{getattr(step.before, 'name', None)}" for step in steps]


@pytest.mark.parametrize(
    ("current", "wanted", "expected"),
    [
        ("", "aaa=1 bbb=2", ["aaa=1", "bbb=2"]),
        ("aaa=1 bbb=2", "bbb=2 aaa=1", []),
        ("aaa=1 zzz=9", "aaa=1 bbb=2", ["bbb=2"]),
        ("aaa=1", "aaa=2 bbb=1", ["aaa=2", "bbb=1"]),
        # The one that has the issuer and subject goes on to its own first.
        ("aaa=1 bbb=2 ccc=3", "aaa=2 bbb=3 ccc=4", ["ccc=4", "bbb=3", "aaa=2"]),
        # A ring is opened by removing one of it.
        ("aaa=1 bbb=2", "aaa=2 bbb=1", ["-aaa", "bbb=1", "aaa=2"]),
        ("aaa=1 bbb=2 ccc=3", "aaa=2 bbb=3 ccc=1", ["-aaa", "ccc=1", "bbb=3", "aaa=2"]),
    ],
)
def test_a_set_is_written_so_that_no_two_ever_trust_the_same(current: str, wanted: str, expected: list[str]) -> None:
    assert writes(current, wanted) == expected


@pytest.mark.parametrize(
    ("current", "wanted", "expected"),
    [
        ("aaa=1 zzz=9", "aaa=1", ["-zzz"]),
        ("aaa=1 zzz=9", "", ["-aaa", "-zzz"]),
        # Another name for the same.
        ("aaa=1", "bbb=1", ["-aaa", "bbb=1"]),
        ("aaa=1 AAA2=2", "Aaa=1 aaa2=3", ["AAA2=3"]),
    ],
)
def test_exact_removes_the_others_first(current: str, wanted: str, expected: list[str]) -> None:
    assert writes(current, wanted, exact=True) == expected


def test_a_full_identity_can_be_changed_exactly() -> None:
    current = full(LIMIT)
    wanted = [*current[1:], RATIFY]
    steps = in_order(plan(current, wanted, exact=True))
    assert [(step.before, step.after) for step in steps] == [(current[0], None), (None, RATIFY)]


def test_all_that_have_no_room_are_named_before_any_is_written() -> None:
    with pytest.raises(ModuleError, match="has 19 federated credentials and Azure allows 20, so aaa, bbb cannot be added; remove one of other-00, "):
        plan(full(LIMIT - 1), [cred("aaa", "1"), cred("bbb", "2")])


def test_the_same_trust_twice_is_not_compared_while_it_is_not_known() -> None:
    unknown = [replace(RATIFY, name=name, issuer=None) for name in ("lab1", "lab2")]
    check_set(unknown)
    assert [change.changed for change in plan((EXISTING,), unknown)] == [True, True]


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ([cred("aaa", "1"), cred("AAA", "2")], "credentials names AAA twice"),
        ([cred("aaa", "1"), cred("bbb", "2"), cred("ccc", "1")], f"has the issuer {ISSUER} and subject 1 twice, as aaa and ccc"),
        (full(LIMIT + 1), "credentials has 21 entries, but Azure allows 20"),
    ],
)
def test_a_list_that_cannot_be_one_identity_s_is_refused(wanted: list[FederatedCredential], sentence: str) -> None:
    with pytest.raises(ModuleError, match=sentence):
        check_set(wanted)


def test_absent_removes_only_what_has_the_name() -> None:
    assert [change.before for change in plan_absent((OTHER, EXISTING), ["Ratify", "nobody"])] == [EXISTING, None]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "ab"}, "name is 'ab', but must be 3 to 120"),
        ({"name": "a" * 121}, "name is 'a+', but must be 3 to 120"),
        ({"name": "_abc"}, "name is '_abc', but must be 3 to 120"),
        ({"name": "ratify.lab1"}, r"name is 'ratify.lab1', but must be 3 to 120"),
        ({"issuer": ISSUER + " "}, "issuer is .* must be without blanks"),
        ({"issuer": ""}, "issuer is '', but must be without blanks"),
        ({"issuer": "http://issuer/"}, "issuer is 'http://issuer/', but must be an https URL"),
        ({"issuer": "https:///path"}, "issuer is 'https:///path', but must be an https URL"),
        ({"issuer": "https://" + "a" * 593}, "issuer has 601 characters, but Azure takes 600 at most"),
        ({"subject": "a b"}, "subject is 'a b', but must be without blanks"),
        ({"subject": "a\n"}, "subject is .* must be without blanks"),
        ({"subject": "a" * 601}, "subject has 601 characters"),
        ({"subject": "system:serviceaccount:*:ratify"}, "there are no wildcards"),
        ({"audiences": ()}, "audiences has 0 entries, but a federated credential has exactly one"),
        ({"audiences": ("a", "b")}, "audiences has 2 entries"),
        ({"audiences": (" a",)}, "audiences is ' a', but must be without blanks"),
    ],
)
def test_what_azure_would_refuse_or_never_honour_is_refused(wrong: dict[str, str], sentence: str) -> None:
    with pytest.raises(ModuleError, match=sentence):
        check(FederatedCredential(**{**RATIFY.shown(), "audiences": RATIFY.audiences, **wrong}))


def test_the_longest_is_taken() -> None:
    longest = replace(RATIFY, name="a" * 120, issuer="https://" + "a" * 592, subject="a" * 600)
    assert check(longest) == longest
