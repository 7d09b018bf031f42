"""Trust policies, by Notation's rules. tests/e2e/test_trust_change.py asks Notation itself for each row."""

from __future__ import annotations

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._ratify.trust_policies import distinguished_name, identity_problems, scope_problems

from tests.support.trust_policies import REFUSED, SCOPES, STRICTER, TAKEN


@pytest.mark.parametrize("identities", TAKEN.values(), ids=TAKEN)
def test_identities_that_notation_takes_are_taken(identities: list[str]) -> None:
    assert identity_problems(identities) == []


@pytest.mark.parametrize(("identities", "reason"), [*REFUSED.values(), *STRICTER.values()], ids=[*REFUSED, *STRICTER])
def test_identities_that_notation_refuses_are_refused_with_one_reason_in_one_line(identities: list[str], reason: str) -> None:
    [problem] = identity_problems(identities)
    assert reason in problem
    assert problem.isprintable()


def test_all_reasons_are_given_at_once() -> None:
    problems = identity_problems(["CN=a", "x509.subject: C=US", *[f"x509.subject: C=US, ST=WA, O=X{more}" for more in ("", ", CN=a", ", CN=b")]])
    assert len(problems) == 4
    assert [problem.split(" trusts")[0] for problem in problems[2:]] == ["x509.subject: C=US, ST=WA, O=X"] * 2


def test_a_name_is_read_as_a_certificate_has_it() -> None:
    name = distinguished_name(r"x509.subject: C=DE, S=Th\C3\BCringen, O=M\, \"N\"\20, CN=a=b")
    assert name == {"C": b"DE", "ST": "Thüringen".encode(), "O": b'M, "N" ', "CN": b"a=b"}


@pytest.mark.parametrize(("scope", "taken"), SCOPES.items())
def test_a_scope_is_taken_where_notation_takes_it(scope: str, *, taken: bool) -> None:
    assert (scope_problems([scope]) == []) is taken


def test_a_scope_that_is_almost_one_is_judged_at_once() -> None:
    assert len(scope_problems(["a.io/" + "a" * 5000 + "!", "a" * 5000 + "!/web"])) == 2
