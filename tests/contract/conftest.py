"""Fixtures of the contract tests: an emulated Azure, our modules, and Microsoft's command line client."""

from __future__ import annotations

import pytest

from lab.azure.state import ServicePrincipal
from tests.emulator.conftest import lab
from tests.support.azure_cli import Az, azure_cli
from tests.support.emulated import CLIENT_ID, SECRET, Emulated
from tests.support.module_fixtures import azure, backend, run, running_azure

__all__ = ["azure", "backend", "lab", "run", "running_azure"]


@pytest.fixture(scope="session")
def signed_in(running_azure: Emulated, tmp_path_factory: pytest.TempPathFactory) -> Az:
    az = Az(azure_cli(), tmp_path_factory.mktemp("az"), running_azure.environment)
    az.sign_in(CLIENT_ID, SECRET)
    return az


@pytest.fixture
def caller(azure: Emulated) -> ServicePrincipal:
    """Who az works as: Owner of the subscription, and no permission in the directory."""
    return azure.state.service_principals[CLIENT_ID]


@pytest.fixture
def az(signed_in: Az, azure: Emulated) -> Az:
    """Signed in to the emulated Azure, without a kubeconfig. Azure's request log begins with its first command."""
    signed_in.kubeconfig.unlink(missing_ok=True)
    azure.forget_requests()
    return signed_in
