"""Fixtures of the modules' tests."""

from __future__ import annotations

import pytest
from ansible.module_utils import _internal
from ansible.module_utils.common import warnings

from tests.support.module_fixtures import azure, backend, converge, run, running_azure
from tests.support.return_values import keep_to_documentation

__all__ = ["azure", "backend", "converge", "run", "running_azure"]


@pytest.fixture(autouse=True)
def results_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_to_documentation(monkeypatch)


@pytest.fixture(autouse=True)
def warnings_in_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module returns its own warnings and no other test's, also where this process has loaded Ansible's controller, which would print them."""
    monkeypatch.setattr(warnings, "_global_warnings", {})
    monkeypatch.setattr(_internal, "is_controller", False)
