# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A login to Azure and the SDK's clients, each made when first used: imports are most of a task's time. Private to the collection."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from . import answers, clouds, credentials, ids
from .errors import ModuleError
from .libraries import library
from .logins.choice import choose
from .logins.login import Login
from .registry_plane import RegistryPlane
from .retries import Retrying
from .run_cache import RunCache
from .vault_plane import API_VERSION, VaultPlane

if TYPE_CHECKING:
    from azure.keyvault.certificates import CertificateClient
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.containerregistry import ContainerRegistryManagementClient
    from azure.mgmt.containerservice import ContainerServiceClient
    from azure.mgmt.keyvault import KeyVaultManagementClient
    from azure.mgmt.msi import ManagedServiceIdentityClient
    from azure.mgmt.resource.resources import ResourceManagementClient
    from azure.storage.blob import ContainerClient

TIMEOUTS: dict[str, Any] = {"connection_timeout": 15, "read_timeout": 120}
POLLING: dict[str, Any] = {"polling_interval": 2}
"""Seconds between two looks at a long operation, where Azure does not say."""


class Azure:
    """The subscription that one login works in. No request is sent before the first client is used."""

    def __init__(self, login: Login, cache: RunCache) -> None:
        clouds.check(login.cloud_environment)
        self.login = login
        self.subscription_id = login.subscription_id
        self._cache = cache

    @cached_property
    def _cloud(self) -> clouds.Cloud:
        with library("azure-identity"):
            return clouds.cloud(self.login.cloud_environment, self._cache)

    @cached_property
    def _credential(self) -> credentials.Credential:
        return credentials.Credential(self.login, self._cloud, self._cache)

    @property
    def _arguments(self) -> dict[str, Any]:
        return {
            "credential": self._credential,
            # A policy belongs to one pipeline.
            "authentication_policy": credentials.policy(self._credential, self._cloud.scope),
            "retry_policy": Retrying(),
            "subscription_id": self.subscription_id,
            "base_url": self._cloud.resource_manager,
            "credential_scopes": [self._cloud.scope],
            "user_agent": "image_trust.azure",
            "raw_request_hook": answers.new_enough,
            "raw_response_hook": answers.of_azure,
            **TIMEOUTS,
            **POLLING,
        }

    def within(self, subscription_id: str | None) -> Azure:
        """The same login in another subscription; this one where none is given."""
        if subscription_id is None or ids.same(subscription_id, self.subscription_id):
            return self
        return Azure(replace(self.login, subscription_id=subscription_id), self._cache)

    def token(self, scope: str) -> str:
        """A new access token of this login for another resource than Resource Manager, a secret: who keeps it needs all of its time. Raises `ModuleError`."""
        return str(self._credential.new_token(scope).token)

    def claims(self) -> Mapping[str, Any]:
        """What its token for Resource Manager says of this login, such as its object id (`oid`); nothing where that cannot be read. Raises `ModuleError`."""
        return credentials.claims(self._credential.get_token(self._cloud.scope).token)

    def for_programs(self, folder: Path) -> tuple[str, dict[str, str]]:
        """As `Login.for_programs`, with where this login's cloud logs in. Raises `ModuleError`."""
        kind, variables = self.login.for_programs(folder)
        return kind, {"AZURE_AUTHORITY_HOST": self._cloud.authority, **variables}

    def registry_plane(self, server: str) -> RegistryPlane:
        """The data plane of the registry with that login server; nothing is asked yet."""
        return RegistryPlane(server, self.token)

    def vault_plane(self, uri: str, *, again: bool = True) -> VaultPlane:
        """The data plane of the vault with that URI, which is asked again where that helps. Raises `ModuleError` where it is none; nothing is asked yet."""
        return VaultPlane(uri, self._credential, again=again)

    def certificates(self, uri: str) -> CertificateClient:
        """A client for the certificates of the vault with that URI. Raises `ModuleError`; nothing is asked yet."""
        with library("azure-keyvault-certificates"):
            from azure.keyvault.certificates import CertificateClient
        return CertificateClient(uri, self._credential, api_version=API_VERSION, retry_policy=Retrying(), user_agent="image_trust.azure", **TIMEOUTS)

    @property
    def storage(self) -> str:
        """How the names of this cloud's storage accounts end; empty where it does not tell. Raises `ModuleError`."""
        return self._cloud.storage

    def container(self, account: str, name: str, retrying: Retrying) -> ContainerClient:
        """A client for a container of blobs of the storage account with that URL, which gets the login's token. Nothing is asked yet."""
        with library("azure-storage-blob"):
            from azure.storage.blob import ContainerClient
        return ContainerClient(account, name, credential=self._credential, retry_policy=retrying, user_agent="image_trust.azure", **TIMEOUTS)

    def forget_token(self) -> bool:
        """A service refuses the last token. Whether it was a cached one, so that it is worth to ask again with a new one; that happens once."""
        return self._credential.forget()

    @cached_property
    def identities(self) -> ManagedServiceIdentityClient:
        with library("azure-mgmt-msi"):
            from azure.mgmt.msi import ManagedServiceIdentityClient
        return ManagedServiceIdentityClient(**self._arguments)

    @cached_property
    def vaults(self) -> KeyVaultManagementClient:
        with library("azure-mgmt-keyvault"):
            from azure.mgmt.keyvault import KeyVaultManagementClient
        return KeyVaultManagementClient(**self._arguments)

    @cached_property
    def authorization(self) -> AuthorizationManagementClient:
        with library("azure-mgmt-authorization"):
            from azure.mgmt.authorization import AuthorizationManagementClient
        return AuthorizationManagementClient(**self._arguments)

    @cached_property
    def clusters(self) -> ContainerServiceClient:
        with library("azure-mgmt-containerservice"):
            from azure.mgmt.containerservice import ContainerServiceClient
        return ContainerServiceClient(**self._arguments)

    @cached_property
    def registries(self) -> ContainerRegistryManagementClient:
        with library("azure-mgmt-containerregistry"):
            from azure.mgmt.containerregistry import ContainerRegistryManagementClient
        return ContainerRegistryManagementClient(**self._arguments)

    @cached_property
    def resources(self) -> ResourceManagementClient:
        with library("azure-mgmt-resource"):
            from azure.mgmt.resource.resources import ResourceManagementClient
        return ResourceManagementClient(**self._arguments)


@contextmanager
def failing(module: AnsibleModule) -> Iterator[None]:
    """Turn a `ModuleError` into the module's failed result; the only place that does."""
    try:
        yield
    except ModuleError as failure:
        module.fail_json(msg=failure.sentence, error=failure.error, **failure.results)


def login(module: AnsibleModule) -> Azure:
    """The login that the module's options ask for. Raises `ModuleError`."""
    cache = RunCache(module.params["token_cache"])
    chosen = choose(module.params, os.environ, Path.home(), cache, partial(module.run_command, handle_exceptions=False))
    module.no_log_values.update(chosen.secrets)
    return Azure(chosen, cache)


@contextmanager
def azure_session(module: AnsibleModule) -> Iterator[Azure]:
    """Such a login; within it a `ModuleError` ends the module."""
    with failing(module):
        yield login(module)
