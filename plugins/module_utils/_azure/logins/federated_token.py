# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Log in with a token of an issuer that the application is federated with: workload identity, OIDC. Private to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import private_file
from ..clouds import Cloud
from .login import Application, unusable

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


class FederatedToken(Application):
    """`proof` is the token."""

    NOUN = "federated token"
    OPTION = "oidc_token"
    ENVIRONMENT = ("AZURE_FEDERATED_TOKEN",)

    def token(self) -> str:
        return self.proof

    def key(self) -> tuple[str, ...]:
        return (*super().key(), self.token())

    def credential(self, cloud: Cloud) -> TokenCredential:
        from azure.identity import ClientAssertionCredential

        return ClientAssertionCredential(self.tenant, self.client_id, self.token, **self.entra(cloud))

    def for_programs(self, folder: Path) -> tuple[str, dict[str, str]]:
        path = folder / "federated-token"
        private_file.write(path, self.token())
        return "workloadid", self.environment(AZURE_FEDERATED_TOKEN_FILE=str(path))

    @property
    def secrets(self) -> Sequence[str]:
        return (self.token(),)


class FederatedTokenFile(FederatedToken):
    """`proof` is the path of a file with the token, which is read again for each login: who put it there renews it."""

    NOUN = "federated token in the file"
    OPTION = "oidc_token_file_path"
    ENVIRONMENT = ("AZURE_FEDERATED_TOKEN_FILE",)

    def token(self) -> str:
        try:
            token = Path(self.proof).expanduser().read_text(encoding="utf-8").strip()
        except OSError as error:
            raise unusable(f"Cannot read the token file {self.proof} of {self.source} ({error.strerror}).") from None
        except UnicodeDecodeError:
            token = ""
        if not token:
            raise unusable(f"The token file {self.proof} of {self.source} holds no token.")
        return token
