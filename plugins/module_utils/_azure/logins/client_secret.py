# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Log in with a client secret. Private to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..clouds import Cloud
from .login import Application

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


class ClientSecret(Application):
    """`proof` is the secret."""

    NOUN = "client secret"
    OPTION = "secret"
    ENVIRONMENT = ("AZURE_SECRET", "AZURE_CLIENT_SECRET")

    def credential(self, cloud: Cloud) -> TokenCredential:
        from azure.identity import ClientSecretCredential

        return ClientSecretCredential(self.tenant, self.client_id, self.proof, **self.entra(cloud))

    def for_programs(self, folder: Path) -> tuple[str, dict[str, str]]:
        return "environment", self.environment(AZURE_CLIENT_SECRET=self.proof)

    @property
    def secrets(self) -> Sequence[str]:
        return (self.proof,)
