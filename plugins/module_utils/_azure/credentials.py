# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who logs in to Azure, and how. Private to the collection."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import ids
from .clouds import Cloud
from .errors import ModuleError, refuse
from .retries import Retrying

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

CREDENTIAL_FILE = Path(".azure/credentials")
"""Below the home folder; INI, a section a profile, with subscription_id, client_id, secret, tenant (as azure.azcollection reads it)."""

# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
CAUSES = {
    "AADSTS7000215": "the secret is wrong; check that it is the secret's value and not its id",
    "AADSTS7000222": "the secret has expired; make a new one",
    "AADSTS700016": "the tenant does not know this client_id; check client_id and tenant",
    "AADSTS90002": "there is no such tenant; check tenant and cloud_environment",
    "AADSTS900023": "there is no such tenant; check tenant and cloud_environment",
    "AADSTS700211": "no federated credential of it has the token's issuer; add one",
    "AADSTS700212": "no federated credential of it has the token's audience; correct it",
    "AADSTS700213": "no federated credential of it has the token's subject; add one",
    "AADSTS700024": "the federated token has expired; get a new one",
}


@dataclass(frozen=True)
class Login:
    """What a login needs. `method` is one of client_secret, workload_identity, cli, msi."""

    method: str
    subscription_id: str
    tenant: str | None = None
    client_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    token_file: str | None = None


def choose(options: Mapping[str, Any], environment: Mapping[str, str], home: Path) -> Login:
    """Decide how to log in from the module's options (environment variables already in them), as `auth_source` says; raises `ModuleError`."""
    source = options["auth_source"]
    file = home / CREDENTIAL_FILE
    token_file = environment.get("AZURE_FEDERATED_TOKEN_FILE")
    if source == "credential_file":
        return _client(_profile(file, options))
    if source == "msi":
        return Login("msi", _subscription(options), client_id=options["client_id"])
    if source == "cli":
        return _azure_cli(options)
    if options["secret"]:
        return _client(options)
    if token_file:
        return _client(options, token_file)
    if source == "auto" and (options["profile"] or file.exists()):
        return _client(_profile(file, options))
    if source == "auto" and shutil.which("az"):
        return _azure_cli(options)
    raise _unusable(
        "No login for Azure: there is neither a secret (option secret, AZURE_SECRET, AZURE_CLIENT_SECRET) nor AZURE_FEDERATED_TOKEN_FILE"
        + (f" nor the file ~/{CREDENTIAL_FILE} nor the program az" if source == "auto" else "")
        + "; give one of them, or auth_source=msi on a machine with a managed identity."
    )


def _client(values: Mapping[str, Any], token_file: str | None = None) -> Login:
    lacking = [name for name in ("client_id", "tenant") if not values[name]]
    if lacking:
        raise _unusable(f"The login with {'AZURE_FEDERATED_TOKEN_FILE' if token_file else 'a client secret'} lacks {' and '.join(lacking)}; give them too.")
    if not re.fullmatch(r"[A-Za-z0-9.-]+", values["tenant"]):
        raise refuse(f"tenant is {values['tenant']!r}, but must be a GUID or a domain name.")
    ids.GUID.check("client_id", values["client_id"])
    method = "workload_identity" if token_file else "client_secret"
    return Login(method, _subscription(values), values["tenant"], values["client_id"], None if token_file else values["secret"], token_file)


def _subscription(values: Mapping[str, Any]) -> str:
    if not values["subscription_id"]:
        raise _unusable("subscription_id is not known; give the option or AZURE_SUBSCRIPTION_ID.")
    return ids.GUID.check("subscription_id", values["subscription_id"])


def _profile(file: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    name = options["profile"] or "default"
    # Without interpolation: a secret may hold '%'.
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
        section = parser[name]
    except OSError as error:
        raise _unusable(f"Cannot read the credential file {file} ({error.strerror}).") from None
    except (configparser.Error, UnicodeDecodeError):
        raise _unusable(f"The credential file {file} is not in INI form.") from None
    except KeyError:
        raise _unusable(f"The credential file {file} has no profile {name!r}; it has {', '.join(parser.sections()) or 'none'}.") from None
    lacking = [key for key in ("client_id", "secret", "tenant") if not section.get(key)]
    if lacking:
        raise _unusable(f"The profile {name!r} of {file} lacks {', '.join(lacking)}.")
    return {**section, "subscription_id": options["subscription_id"] or section.get("subscription_id")}


def _azure_cli(options: Mapping[str, Any]) -> Login:
    if options["subscription_id"]:
        return Login("cli", _subscription(options), options["tenant"])
    try:
        shown = subprocess.run(["az", "account", "show", "--output", "json"], capture_output=True, check=True, timeout=60, text=True).stdout
        return Login("cli", str(json.loads(shown)["id"]), options["tenant"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        raise _unusable("`az account show` names no subscription; run `az login`, or give subscription_id.") from None


def _unusable(sentence: str) -> ModuleError:
    return ModuleError(sentence, code="LoginFailed")


class Credential:
    """A credential of azure-identity whose errors say who could not log in and what to check. Implements azure-core's TokenCredential."""

    def __init__(self, login: Login, cloud: Cloud) -> None:
        self.login = login
        self.cloud = cloud
        self.inner = _credential(login, cloud)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for `scopes`; raises `ModuleError`."""
        from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError, ServiceResponseError

        try:
            return self.inner.get_token(*scopes, **options)
        except ClientAuthenticationError as error:
            # azure-identity wraps what it does not understand.
            if not isinstance(error.__cause__, (ServiceRequestError, ServiceResponseError)):
                raise self._refused(str(error.message)) from None
            raise ModuleError(
                f"Cannot reach {self.cloud.authority} to log in; check cloud_environment, the proxy and the network of this machine.",
                code="Unreachable",
                message=str(error.message),
            ) from None
        except (OSError, ValueError) as error:
            raise self._refused(str(error)) from None

    def _refused(self, message: str) -> ModuleError:
        found = re.search(r"AADSTS\d+", message)
        code = found.group(0) if found else "LoginFailed"
        login = self.login
        who = f"client_id {login.client_id} of tenant {login.tenant}" if login.client_id and login.tenant else f"the login by {login.method}"
        if found:
            cause = f"{code}: {CAUSES.get(code, 'see https://login.microsoftonline.com/error?code=' + code.removeprefix('AADSTS'))}"
        elif "Unable to get authority configuration" in message:
            # MSAL's words for a tenant that Entra does not know.
            cause = CAUSES["AADSTS90002"]
        else:
            cause = " ".join(message.split("Visit ")[0].split()).rstrip(".")
        return ModuleError(f"{self.cloud.authority} refuses {who} ({cause}).", code=code, message=message)


def _credential(login: Login, cloud: Cloud) -> TokenCredential:
    from azure import identity

    timeouts = {"connection_timeout": 15, "read_timeout": 60}
    to_entra: dict[str, Any] = {"authority": cloud.authority, "disable_instance_discovery": not cloud.authority_is_known, **timeouts}
    to_entra["retry_policy_class"] = Retrying
    if login.method == "client_secret":
        return identity.ClientSecretCredential(str(login.tenant), str(login.client_id), str(login.secret), **to_entra)
    if login.method == "workload_identity":
        return identity.WorkloadIdentityCredential(tenant_id=login.tenant, client_id=login.client_id, token_file_path=login.token_file, **to_entra)
    if login.method == "msi":
        return identity.ManagedIdentityCredential(client_id=login.client_id)
    return identity.AzureCliCredential(tenant_id=login.tenant or "")
