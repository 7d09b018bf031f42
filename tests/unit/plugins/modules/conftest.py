"""Fixtures of the modules' tests."""

from __future__ import annotations

import pytest
from ansible.module_utils import _internal
from ansible.module_utils.common import warnings

from lab.azure.state import StorageAccount
from lab.config import RESOURCE_GROUP
from tests.support import blobs
from tests.support.emulated import Emulated
from tests.support.module_fixtures import azure, backend, converge, public_azure, run, running_azure
from tests.support.return_values import keep_to_documentation

__all__ = ["azure", "backend", "converge", "public_azure", "run", "running_azure"]


@pytest.fixture(autouse=True)
def results_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_to_documentation(monkeypatch)


@pytest.fixture
def account(public_azure: Emulated) -> StorageAccount:
    """A storage account, under its public name, with a container that the tests' principal may write to."""
    return blobs.new_container(public_azure, RESOURCE_GROUP)


@pytest.fixture(autouse=True)
def warnings_in_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module returns its own warnings and no other test's, also where this process has loaded Ansible's controller, which would print them."""
    monkeypatch.setattr(warnings, "_global_warnings", {})
    monkeypatch.setattr(_internal, "is_controller", False)
