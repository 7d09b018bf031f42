# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Log in as the Azure CLI is logged in. Private to the collection."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..clouds import CLOUDS, Cloud
from ..run_cache import RunCache
from .login import Login, subscription, unusable

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

Runner = Callable[[list[str]], tuple[int, str, str]]
"""Runs a command, as AnsibleModule.run_command does: its exit code, what it printed, what it complained. Raises OSError where there is no such program."""

TIMEOUT = 60
"""Seconds within which az answers."""
CACHED = 3600
"""Seconds for which it is known which account az is logged in to; a new `az login` is noticed at once."""


@dataclass(frozen=True)
class AzureCli(Login):
    """The account of `az login`. `profile` is what az remembers of its accounts: with it a token of another account is not taken for this one's."""

    tenant: str
    profile: tuple[str, str]

    @classmethod
    def of(cls, values: Mapping[str, Any], environment: Mapping[str, str], home: Path, cache: RunCache, run: Runner, source: str) -> AzureCli:
        """The login, of the cloud and the subscription that `values` name, else of az's own. Raises `ModuleError`."""
        profile = _profile(Path(environment.get("AZURE_CONFIG_DIR") or home / ".azure"))
        if not all(values[name] for name in ("subscription_id", "tenant", "cloud_environment")):
            own = _account(values["subscription_id"] and subscription(values), profile, cache, run)
            values = {**values, **{name: values[name] or value for name, value in own.items()}}
        return cls(subscription(values), values["cloud_environment"], source, values["tenant"], profile)

    def key(self) -> tuple[str, ...]:
        return (type(self).__name__, self.subscription_id, self.tenant, *self.profile)

    def credential(self, cloud: Cloud) -> TokenCredential:
        from azure.identity import AzureCliCredential

        return AzureCliCredential(tenant_id=self.tenant, process_timeout=TIMEOUT)

    def for_programs(self, folder: Path) -> tuple[str, dict[str, str]]:
        return "azurecli", {"AZURE_CONFIG_DIR": self.profile[0], "AZURE_TENANT_ID": self.tenant}

    def refusal(self, cloud: Cloud, cause: str) -> str:
        return f"The login of {self.source} cannot be used ({cause})."


def _profile(folder: Path) -> tuple[str, str]:
    try:
        return str(folder), (folder / "azureProfile.json").read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return str(folder), ""


def _account(subscription_id: str | None, profile: tuple[str, str], cache: RunCache, run: Runner) -> dict[str, Any]:
    """Subscription (az's own unless given), its tenant and its cloud, which is named by its Resource Manager where it was registered with az."""
    key = ("az account", subscription_id or "", *profile)
    account: dict[str, Any] | None = cache.get(*key)
    if account is None:
        chosen = ["--subscription", subscription_id] if subscription_id else []
        try:
            shown = _az(run, "account", "show", *chosen)
            cloud = shown.get("environmentName") or "AzureCloud"
            if cloud not in CLOUDS:
                cloud = _az(run, "cloud", "show", "--name", cloud)["endpoints"]["resourceManager"]
            account = {"subscription_id": shown["id"], "tenant": shown["tenantId"], "cloud_environment": cloud}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            command = " ".join(["az account show", *chosen])
            raise unusable(f"`{command}` names no account; run `az login`, or give another login.") from None
        cache.put(account, *key, expires=time.time() + CACHED)
    return account


def _az(run: Runner, *command: str) -> Any:
    # The program of coreutils, where it is there, ends az with all that it has started.
    timeout = shutil.which("timeout")
    code, printed, complaint = run([*([timeout, str(TIMEOUT)] if timeout else []), "az", *command, "--output", "json"])
    if code:
        raise OSError(complaint)
    return json.loads(printed)
