# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file with a managed cluster's credentials. Private to the collection."""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import _files as secret_file
from .._azure.session import Azure
from .._change import Change
from .._files import SecretFile
from . import managed_clusters as clusters
from .cluster_login import signed_in
from .kubeconfig import Token, comparable


@dataclass(frozen=True)
class Credentials:
    """Text of a kubeconfig, a secret, and the login's token in it, where its cluster signs its users in with Entra. None where there is no cluster."""

    text: str | None = field(default=None, repr=False)
    token: Token | None = None


def credentials(azure: Azure, wanted: clusters.Wanted, *, administrator: bool) -> Credentials:
    """The cluster's, in one request, and two more where Entra signs users in. Raises as `signed_in`."""
    text = clusters.kubeconfig(azure, wanted)
    return Credentials(*signed_in(azure, wanted, text, administrator=administrator)) if text else Credentials()


def plan(path: str, found: Credentials, *, present: bool = True) -> Change[SecretFile]:
    """The file with these credentials, or no file. Raises `ModuleError` where the file cannot be read."""
    return secret_file.plan(secret_file.read(path, comparable), path, found.text, present=present, comparable=comparable)


def apply(change: Change[SecretFile], found: Credentials) -> None:
    """Write or remove the file. One that is as it should be gets a new token, also in check mode: a plan has to read the cluster, too."""
    secret_file.apply(change, found.text, renew=bool(found.token))
