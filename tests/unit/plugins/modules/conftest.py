"""Fixtures of the modules' tests."""

from __future__ import annotations

import pytest

from tests.module_fixtures import azure, backend, converge, run, running_azure
from tests.return_values import keep_to_documentation

__all__ = ["azure", "backend", "converge", "run", "running_azure"]


@pytest.fixture(autouse=True)
def results_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_to_documentation(monkeypatch)
