# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Log in as the Azure CLI is logged in. Private to the collection."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..clouds import Cloud
from ..run_cache import RunCache
from .login import Login, subscription, unusable

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

TIMEOUT = 60
"""Seconds within which az answers."""
KEPT = 3600
"""Seconds for which it is known which account az is logged in to; a new `az login` is noticed at once."""


@dataclass(frozen=True)
class AzureCli(Login):
    """The account of `az login`. `profile` is what az remembers of its accounts: with it a token of another account is not taken for this one's."""

    tenant: str | None
    profile: tuple[str, str]

    @classmethod
    def of(cls, values: Mapping[str, Any], environment: Mapping[str, str], home: Path, cache: RunCache, source: str) -> AzureCli:
        """The login, of the cloud and the subscription that `values` name, else of az's own. Raises `ModuleError`."""
        profile = _profile(Path(environment.get("AZURE_CONFIG_DIR") or home / ".azure"))
        if not (values["subscription_id"] and values["cloud_environment"]):
            account = _account(profile, cache)
            own = {"subscription_id": account.get("id"), "cloud_environment": account.get("environmentName")}
            values = {**values, **{name: values[name] or value for name, value in own.items()}}
        return cls(subscription(values), values["cloud_environment"] or "AzureCloud", source, values["tenant"], profile)

    def key(self) -> tuple[str, ...]:
        return (type(self).__name__, self.subscription_id, self.tenant or "", *self.profile)

    def credential(self, cloud: Cloud) -> TokenCredential:
        from azure.identity import AzureCliCredential

        # az takes the tenant or the subscription whose tenant it is, not both.
        return AzureCliCredential(tenant_id=self.tenant or "", subscription=None if self.tenant else self.subscription_id, process_timeout=TIMEOUT)

    def refusal(self, cloud: Cloud, cause: str) -> str:
        return f"The login of {self.source} cannot be used ({cause})."


def _profile(folder: Path) -> tuple[str, str]:
    try:
        return str(folder), (folder / "azureProfile.json").read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return str(folder), ""


def _account(profile: tuple[str, str], cache: RunCache) -> dict[str, Any]:
    """What `az account show` prints: id (the subscription) and environmentName (the cloud) are documented."""
    key = ("az account show", *profile)
    account: dict[str, Any] | None = cache.get(*key)
    if account is None:
        try:
            shown = subprocess.run(["az", "account", "show", "--output", "json"], capture_output=True, check=True, timeout=TIMEOUT, text=True).stdout
            found = json.loads(shown)
            account = {"id": str(found["id"]), "environmentName": str(found.get("environmentName", "AzureCloud"))}
        except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
            raise unusable("`az account show` names no account; run `az login`, or give another login.") from None
        cache.put(account, *key, ends=time.time() + KEPT)
    return account
