from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.clouds import CLOUDS, Cloud, check, cloud, described
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError
from ansible_collections.image_trust.azure.plugins.module_utils._azure.run_cache import RunCache
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints

URL = "https://arm.example.test:8443"
ENTRY = {"authentication": {"loginEndpoint": "https://login.example.test/", "audiences": ["https://management.core.windows.net/", "https://other"]}}


@pytest.mark.parametrize("name", list(CLOUDS))
def test_named_clouds_are_known_without_a_request(name: str) -> None:
    found = cloud(name, RunCache(None))
    assert found.resource_manager.startswith("https://management.")
    assert found.authority_is_known


@pytest.mark.parametrize(
    ("name", "sdk", "authority", "storage"),
    [
        ("AzureCloud", AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD, "core.windows.net"),
        ("AzureUSGovernment", AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT, "core.usgovcloudapi.net"),
        ("AzureChinaCloud", AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA, "core.chinacloudapi.cn"),
    ],
)
def test_the_endpoints_of_named_clouds_are_those_of_the_sdk(name: str, sdk: AzureClouds, authority: str, storage: str) -> None:
    endpoints = get_arm_endpoints(sdk)
    [scope] = endpoints["credential_scopes"]
    assert CLOUDS[name] == Cloud(name, endpoints["resource_manager"].rstrip("/"), f"https://{authority}", scope, storage)


@pytest.mark.parametrize(
    "metadata",
    [
        ENTRY,
        [ENTRY],
        [{**ENTRY, "resourceManager": "https://elsewhere", "authentication": {}}, {**ENTRY, "resourceManager": URL + "/"}],
    ],
)
def test_a_described_cloud(metadata: Any) -> None:
    found = described(URL, metadata)
    assert found == Cloud(URL, URL, "https://login.example.test", "https://management.core.windows.net//.default")
    assert not found.authority_is_known


@pytest.mark.parametrize(("suffixes", "storage"), [({"storage": "local.example.test"}, "local.example.test"), ({"storage": None}, ""), ({}, ""), (None, "")])
def test_a_described_cloud_may_tell_its_storage(suffixes: Any, storage: str) -> None:
    assert described(URL, {**ENTRY, "suffixes": suffixes}).storage == storage


@pytest.mark.parametrize(
    "metadata", [{}, [], None, "text", {"authentication": None}, {"authentication": {"loginEndpoint": "https://x", "audiences": []}}, [ENTRY, ENTRY]]
)
def test_metadata_that_describes_no_cloud_is_refused(metadata: Any) -> None:
    with pytest.raises(ModuleError, match=f"The endpoint {URL} named by cloud_environment does not describe a cloud"):
        described(URL, metadata)


@pytest.mark.parametrize("environment", ["", "Azure", "azurecloud", "http://arm.example.test", "https://", "arm.example.test", "https://arm.example.test?x=y"])
def test_what_is_no_cloud_is_refused(environment: str) -> None:
    with pytest.raises(ModuleError, match=r"cloud_environment is .*, but must be one of AzureCloud, AzureUSGovernment, AzureChinaCloud or the https URL"):
        check(environment)
