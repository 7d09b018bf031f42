"""The least inventory is small, and complete."""

from __future__ import annotations

import pytest

from . import specs
from .least import least, values

ROLES = ("aks", "identity", "gatekeeper", "ratify", "policy", "verify")
OF_RESULTS = {f"{role}_kubeconfig": "of role aks" for role in ROLES[2:]}


def test_it_has_at_most_ten_values() -> None:
    assert len(values(least())) <= 10


@pytest.mark.parametrize("role", ROLES)
def test_no_role_needs_more(role: str) -> None:
    given = {name: value for name, value in (least() | OF_RESULTS).items() if name.startswith(f"{role}_")}
    assert specs.problems(specs.role(role), given, whole=True) == []
