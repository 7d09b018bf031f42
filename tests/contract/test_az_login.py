"""The modules log in as the real az is logged in."""

from __future__ import annotations

import pytest

from lab.config import RESOURCE_GROUP, SUBSCRIPTION, TENANT, VAULT
from tests.support.azure_cli import Az
from tests.support.emulated import OBJECT_ID, Emulated
from tests.support.module_runs import Run, failure


@pytest.fixture
def only_az(az: Az, monkeypatch: pytest.MonkeyPatch) -> Az:
    """az is there and logged in, in a cloud that was registered with it; nothing else names a login or a cloud."""
    for name in ("AZURE_SUBSCRIPTION_ID", "AZURE_TENANT", "AZURE_CLIENT_ID", "AZURE_SECRET", "AZURE_CLOUD_ENVIRONMENT"):
        monkeypatch.delenv(name)
    for name, value in az.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{az.program.parent}:{az.environment['PATH']}")
    return az


@pytest.mark.parametrize("source", ["auto", "cli"])
def test_the_modules_work_as_az_is_logged_in_in_the_cloud_and_the_subscription_of_az(only_az: Az, run: Run, azure: Emulated, source: str) -> None:
    result = run("keyvault_info", resource_group=RESOURCE_GROUP, name=VAULT, auth_source=source)
    assert result["vault"]["name"] == VAULT
    assert azure.requests[-1].principal == OBJECT_ID


def test_the_modules_work_in_a_subscription_of_az_that_is_given(only_az: Az, run: Run) -> None:
    result = run("keyvault_info", resource_group=RESOURCE_GROUP, name=VAULT, auth_source="cli", subscription_id=SUBSCRIPTION)
    assert result["vault"]["name"] == VAULT


def test_an_az_that_is_not_logged_in_is_refused_with_advice(
    only_az: Az, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path_factory.mktemp("nobody")))
    sentence = failure(run("keyvault_info", resource_group=RESOURCE_GROUP, name=VAULT, auth_source="cli"))
    assert sentence == "`az account show` names no account; run `az login`, or give another login."
    given = {"subscription_id": SUBSCRIPTION, "tenant": TENANT, "cloud_environment": "AzureCloud"}
    sentence = failure(run("keyvault_info", resource_group=RESOURCE_GROUP, name=VAULT, auth_source="cli", **given))
    assert sentence.startswith("The login of the Azure CLI cannot be used (")
    assert "az login" in sentence
