# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What all ways to log in have in common. Private to the collection."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from .. import ids
from ..clouds import Cloud
from ..errors import ModuleError, refuse
from ..retries import Retrying

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


@dataclass(frozen=True)
class Login(ABC):
    """Who logs in to which subscription of which cloud. `source` says where that was found."""

    subscription_id: str
    cloud_environment: str
    source: str

    @abstractmethod
    def credential(self, cloud: Cloud) -> TokenCredential:
        """The SDK's credential. Raises `ModuleError`."""

    @abstractmethod
    def key(self) -> tuple[str, ...]:
        """All that decides which token Azure gives; holds secrets. Raises `ModuleError`."""

    @abstractmethod
    def refusal(self, cloud: Cloud, cause: str) -> str:
        """The sentence for a login that Azure, or the program that logs in for us, refuses."""

    @abstractmethod
    def for_programs(self, folder: Path) -> tuple[str, dict[str, str]]:
        """How a program that uses an SDK of Azure logs in as this login: which of the SDK's credentials, as notation's plugin azure-kv names it, and the
        environment for it, which holds secrets. `folder` is private, and lives as long as the program."""

    @property
    def secrets(self) -> Sequence[str]:
        """What must not be in any output."""
        return ()


@dataclass(frozen=True)
class Application(Login):
    """An application of Entra, or a managed identity, that proves who it is by `proof`."""

    NOUN: ClassVar[str]
    OPTION: ClassVar[str]
    """The module's option for the proof; also the key in a credential file."""
    ENVIRONMENT: ClassVar[tuple[str, ...]]
    """The variables for the proof: azure.azcollection's, which AWX sets, before the SDK's."""

    tenant: str
    client_id: str
    proof: str = field(repr=False)

    @classmethod
    def of(cls, values: Mapping[str, Any], proof: str, source: str) -> Application:
        """The login as `values` (named like the module's options) say. Raises `ModuleError` that says what they lack."""
        lacking = [name for name in ("client_id", "tenant") if not values.get(name)]
        if lacking:
            raise unusable(f"The login with the {cls.NOUN} of {source} lacks {' and '.join(lacking)}; give {'them' if len(lacking) > 1 else 'it'} too.")
        if not re.fullmatch(r"[A-Za-z0-9.-]+", values["tenant"]):
            raise refuse(f"tenant is {values['tenant']!r}, but must be a GUID or a domain name.")
        ids.GUID.check("client_id", values["client_id"])
        common = (subscription(values), values.get("cloud_environment") or "AzureCloud", source, values["tenant"], values["client_id"], proof)
        return cls(*common, **cls.more(values))

    @classmethod
    def more(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """What the method needs beside the proof."""
        return {}

    def key(self) -> tuple[str, ...]:
        return (type(self).__name__, self.tenant, self.client_id, self.proof)

    def environment(self, **proof: str | None) -> dict[str, str]:
        """The variables of azure-identity for this application, and the given ones of its proof."""
        variables = {"AZURE_TENANT_ID": self.tenant, "AZURE_CLIENT_ID": self.client_id, **proof}
        return {name: value for name, value in variables.items() if value}

    def refusal(self, cloud: Cloud, cause: str) -> str:
        return f"{cloud.authority} refuses client_id {self.client_id} of tenant {self.tenant} with the {self.NOUN} of {self.source} ({cause})."

    def entra(self, cloud: Cloud) -> dict[str, Any]:
        """What the SDK's credentials get to know of Entra."""
        known, timeouts = cloud.authority_is_known, {"connection_timeout": 15, "read_timeout": 60}
        return {"authority": cloud.authority, "disable_instance_discovery": not known, "retry_policy_class": Retrying, **timeouts}


def subscription(values: Mapping[str, Any]) -> str:
    if not values.get("subscription_id"):
        raise unusable("subscription_id is not known; give the option or AZURE_SUBSCRIPTION_ID.")
    return ids.GUID.check("subscription_id", values["subscription_id"])


def unusable(sentence: str) -> ModuleError:
    return ModuleError(sentence, code="LoginFailed")
