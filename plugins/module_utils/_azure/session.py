# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A login to Azure and the SDK's clients, each made when first used: imports are most of a task's time. Private to the collection."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from . import answers, clouds, credentials
from .errors import ModuleError
from .retries import Retrying

if TYPE_CHECKING:
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.containerregistry import ContainerRegistryManagementClient
    from azure.mgmt.containerservice import ContainerServiceClient
    from azure.mgmt.keyvault import KeyVaultManagementClient
    from azure.mgmt.msi import ManagedServiceIdentityClient
    from azure.mgmt.resource.resources import ResourceManagementClient

TIMEOUTS: dict[str, Any] = {"connection_timeout": 15, "read_timeout": 120}
POLLING: dict[str, Any] = {"polling_interval": 2}
"""Seconds between two looks at a long operation, where Azure does not say."""


@contextmanager
def _from(distribution: str) -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise ModuleError(missing_required_lib(distribution), code="MissingLibrary") from None


class Azure:
    """The subscription that one login works in. No request is sent before the first client is used."""

    def __init__(self, login: credentials.Login, cloud_environment: str) -> None:
        clouds.check(cloud_environment)
        self.login = login
        self.subscription_id = login.subscription_id
        self._cloud_environment = cloud_environment

    @cached_property
    def _common(self) -> dict[str, Any]:
        with _from("azure-identity"):
            cloud = clouds.cloud(self._cloud_environment)
            credential = credentials.Credential(self.login, cloud)
        return {
            "credential": credential,
            "subscription_id": self.subscription_id,
            "base_url": cloud.resource_manager,
            "credential_scopes": [cloud.scope],
            "user_agent": "image_trust.azure",
            "raw_request_hook": answers.new_enough,
            **TIMEOUTS,
            **POLLING,
        }

    @property
    def _arguments(self) -> dict[str, Any]:
        # A policy belongs to one pipeline.
        return {**self._common, "retry_policy": Retrying()}

    def token(self, scope: str) -> str:
        """An access token of this login for another resource than Resource Manager, a secret. Raises `ModuleError`."""
        return str(self._common["credential"].get_token(scope).token)

    @cached_property
    def identities(self) -> ManagedServiceIdentityClient:
        with _from("azure-mgmt-msi"):
            from azure.mgmt.msi import ManagedServiceIdentityClient
        return ManagedServiceIdentityClient(**self._arguments)

    @cached_property
    def vaults(self) -> KeyVaultManagementClient:
        with _from("azure-mgmt-keyvault"):
            from azure.mgmt.keyvault import KeyVaultManagementClient
        return KeyVaultManagementClient(**self._arguments)

    @cached_property
    def authorization(self) -> AuthorizationManagementClient:
        with _from("azure-mgmt-authorization"):
            from azure.mgmt.authorization import AuthorizationManagementClient
        return AuthorizationManagementClient(**self._arguments)

    @cached_property
    def clusters(self) -> ContainerServiceClient:
        with _from("azure-mgmt-containerservice"):
            from azure.mgmt.containerservice import ContainerServiceClient
        return ContainerServiceClient(**self._arguments)

    @cached_property
    def registries(self) -> ContainerRegistryManagementClient:
        with _from("azure-mgmt-containerregistry"):
            from azure.mgmt.containerregistry import ContainerRegistryManagementClient
        return ContainerRegistryManagementClient(**self._arguments)

    @cached_property
    def resources(self) -> ResourceManagementClient:
        with _from("azure-mgmt-resource"):
            from azure.mgmt.resource.resources import ResourceManagementClient
        return ResourceManagementClient(**self._arguments)


@contextmanager
def failing(module: AnsibleModule) -> Iterator[None]:
    """Turn a `ModuleError` into the module's failed result; the only place that does."""
    try:
        yield
    except ModuleError as failure:
        module.fail_json(msg=failure.sentence, error=failure.error, **failure.results)


@contextmanager
def azure_session(module: AnsibleModule) -> Iterator[Azure]:
    """The login that the module's options ask for; within it a `ModuleError` ends the module."""
    with failing(module):
        yield Azure(credentials.choose(module.params, os.environ, Path.home()), module.params["cloud_environment"])
