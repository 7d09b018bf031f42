# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Log in as the managed identity of this machine. Private to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import ids
from ..clouds import Cloud
from .login import Login, subscription

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

ENDPOINTS = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET", "AZURE_POD_IDENTITY_AUTHORITY_HOST")
"""The variables by which the SDK finds who gives tokens on this machine; without them it is the instance metadata service."""


@dataclass(frozen=True)
class ManagedIdentity(Login):
    """The one that the machine has, or of several the one with `client_id`."""

    client_id: str | None = None
    endpoint: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, values: Mapping[str, Any], environment: Mapping[str, str]) -> ManagedIdentity:
        client_id = values["client_id"] or None
        if client_id:
            ids.GUID.check("client_id", client_id)
        endpoint = tuple(environment.get(name, "") for name in ENDPOINTS)
        return cls(subscription(values), values["cloud_environment"] or "AzureCloud", "auth_source=msi", client_id, endpoint)

    def key(self) -> tuple[str, ...]:
        return (type(self).__name__, self.client_id or "", *self.endpoint)

    def credential(self, cloud: Cloud) -> TokenCredential:
        from azure.identity import ManagedIdentityCredential

        return ManagedIdentityCredential(client_id=self.client_id)

    def for_programs(self, folder: Path) -> tuple[str, dict[str, str]]:
        variables = {**dict(zip(ENDPOINTS, self.endpoint, strict=False)), "AZURE_CLIENT_ID": self.client_id or ""}
        return "managedid", {name: value for name, value in variables.items() if value}

    def refusal(self, cloud: Cloud, cause: str) -> str:
        which = f"with client_id {self.client_id} " if self.client_id else ""
        return f"The managed identity {which}of this machine cannot be used ({cause}); give the machine one, or another login."
