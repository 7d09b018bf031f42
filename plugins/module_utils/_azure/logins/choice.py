# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of the ways to log in is taken. Private to the collection."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ModuleError
from ..run_cache import RunCache
from . import credential_file
from .azure_cli import AzureCli, Runner
from .client_certificate import ClientCertificate
from .client_secret import ClientSecret
from .federated_token import FederatedToken, FederatedTokenFile
from .login import Application, Login, unusable
from .managed_identity import ManagedIdentity

METHODS: Sequence[type[Application]] = (ClientSecret, ClientCertificate, FederatedToken, FederatedTokenFile)
"""Where one place has several proofs, the first of these counts."""
PROOFS = [method.OPTION for method in METHODS]

BESIDE_A_PROOF = {"thumbprint": "AZURE_THUMBPRINT", "x509_certificate_password": "AZURE_CLIENT_CERTIFICATE_PASSWORD"}

NO_USERS = "a user and password cannot log in here, because Microsoft asks users for a second factor"
"""https://learn.microsoft.com/entra/identity/authentication/concept-mandatory-multifactor-authentication"""


def choose(options: Mapping[str, Any], environment: Mapping[str, str], home: Path, cache: RunCache, run: Runner) -> Login:
    """The login that `auth_source` asks for, from the module's options, the environment, the credential file or az, which `run` starts.

    A proof (secret, certificate, token) or a profile that is an option wins over those of the environment: who wrote it into a playbook means it.
    Raises `ModuleError` that says what was tried, in which order, and what it lacks.
    """
    source, profile = options["auth_source"], options["profile"] or environment.get("AZURE_PROFILE")
    beside = {name: options[name] or environment.get(variable) for name, variable in BESIDE_A_PROOF.items()}
    values = {**options, **beside}
    if source == "msi":
        return ManagedIdentity.of(values, environment)
    if source == "cli":
        return AzureCli.of(values, environment, home, cache, run, "the Azure CLI")
    if source == "credential_file":
        return _from_file(values, home, profile or "default")
    for method in METHODS:
        if options[method.OPTION]:
            return method.of(values, options[method.OPTION], f"option {method.OPTION}")
    if source == "auto" and profile:
        return _from_file(values, home, profile)
    for method in METHODS:
        for variable in method.ENVIRONMENT:
            if environment.get(variable):
                return method.of(values, environment[variable], variable)
    tried = [f"the options (none of {', '.join(PROOFS)})", f"the environment (none of {', '.join(name for method in METHODS for name in method.ENVIRONMENT)})"]
    if source == "auto":
        if (home / credential_file.FILE).exists():
            return _from_file(values, home, "default")
        tried.append(f"the file ~/{credential_file.FILE} (there is none)")
        try:
            if shutil.which("az"):
                return AzureCli.of(values, environment, home, cache, run, "the Azure CLI, which is taken because nothing else is given,")
            tried.append("the Azure CLI (there is no program az)")
        except ModuleError as error:
            tried.append(f"the Azure CLI ({error.sentence.rstrip('.')})")
    users = [name for name in ("AZURE_AD_USER", "AZURE_USERNAME") if environment.get(name)]
    raise unusable(
        f"No login for Azure: tried, in this order, {', '.join(tried)}; give one of them, or auth_source=msi on a machine with a managed identity"
        + (f"; {users[0]} is set, but {NO_USERS}." if users else ".")
    )


def _from_file(values: Mapping[str, Any], home: Path, profile: str) -> Login:
    section = credential_file.read(home, profile)
    where = f"the profile {profile!r} of ~/{credential_file.FILE}"
    own = {name: values[name] or section.get(name) for name in ("subscription_id", "cloud_environment")}
    for method in METHODS:
        if section.get(method.OPTION):
            return method.of({**section, **own}, section[method.OPTION], where)
    user = f" ({NO_USERS})" if section.get("ad_user") else ""
    raise unusable(f"{where[0].upper()}{where[1:]} lacks one of {', '.join(PROOFS)}{user}; add it.")
