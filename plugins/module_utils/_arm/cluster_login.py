# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logging in to a managed cluster's Kubernetes API with Entra ID, and which permission is missing there. Private to the collection."""

from __future__ import annotations

import json
import ssl
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, Request, build_opener

from .._azure import ids
from .._azure.answers import in_json
from .._azure.errors import ModuleError, ask
from .._azure.session import Azure
from .kubeconfig import SignIn, Token, read_token, server, sign_in, with_token
from .managed_clusters import Wanted

TIMEOUT = 15
"""Seconds within which the Kubernetes API answers."""
ADMINISTRATOR = "Azure Kubernetes Service RBAC Cluster Admin"
FORBIDDEN = "Forbidden"
"""Code of the error that the login is no administrator."""
API = "authorization.k8s.io/v1"
QUESTION = {
    "apiVersion": API,
    "kind": "SelfSubjectAccessReview",
    "spec": {"resourceAttributes": {"group": "apiextensions.k8s.io", "resource": "customresourcedefinitions", "verb": "create"}},
}
"""What only an administrator may, and every installation of Gatekeeper and Ratify does."""


def signed_in(azure: Azure, wanted: Wanted, kubeconfig: str, *, administrator: bool) -> tuple[str, Token | None]:
    """The kubeconfig that AKS answered, with the login's own token where it holds no credentials, a secret; and that token.

    Raises `ModuleError` where Entra gives none, and with `administrator` where the login is not one of the cluster.
    """
    entra = sign_in(kubeconfig)
    if not entra:
        return kubeconfig, None
    token = _token(azure, wanted, entra)
    if administrator and not _may(wanted, kubeconfig, token):
        raise _forbidden(azure, wanted, token)
    return with_token(kubeconfig, token), token


def _token(azure: Azure, wanted: Wanted, entra: SignIn) -> Token:
    found = read_token(azure.token(entra.scope))
    if not found:
        raise ModuleError(f"Entra answers no access token for {entra.server_id} that tells whose it is.", code="UnknownToken")
    if entra.tenant_id and not ids.same(found.tenant_id, entra.tenant_id):
        raise ModuleError(
            f"The {wanted} signs in users of tenant {entra.tenant_id}, and the login is of tenant {found.tenant_id}; log in with a principal of the former.",
            code="WrongTenant",
        )
    return found


def _forbidden(azure: Azure, wanted: Wanted, token: Token) -> ModuleError:
    cluster = in_json(ask(f"read the {wanted}", lambda: azure.clusters.managed_clusters.get(wanted.resource_group, wanted.name)))
    return ModuleError(
        f"The login (object id {token.object_id} of tenant {token.tenant_id}) may not administer the {wanted}: {missing_permission(cluster)}.",
        code=FORBIDDEN,
        status=403,
    )


def missing_permission(cluster: dict[str, Any]) -> str:
    """What the managed cluster goes by, and what to do; see https://learn.microsoft.com/azure/aks/concepts-identity."""
    entra = cluster["properties"].get("aadProfile") or {}
    if entra.get("enableAzureRBAC"):
        return f"the cluster goes by Azure RBAC, so assign the role {ADMINISTRATOR} on {cluster['id']}"
    groups = entra.get("adminGroupObjectIDs")
    if not groups:
        return "the cluster names no groups of administrators; name one that it is in (az aks update --aad-admin-group-object-ids), or bind it to cluster-admin"
    return f"it is in none of the cluster's groups of administrators ({', '.join(groups)}); add it to one, or bind it to cluster-admin"


def _may(wanted: Wanted, kubeconfig: str, token: Token) -> bool:
    """Ask the cluster itself whether the token's owner administers it."""
    url, authority = server(kubeconfig)
    address = urlsplit(url)
    headers = {"Authorization": f"Bearer {token.text}", "Content-Type": "application/json"}
    request = Request(f"https://{address.netloc}{address.path.rstrip('/')}/apis/{API}/selfsubjectaccessreviews", json.dumps(QUESTION).encode(), headers)
    opener = build_opener(HTTPSHandler(context=ssl.create_default_context(cadata=authority)))
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            return bool(json.load(answer)["status"]["allowed"])
    except HTTPError as error:
        if error.code != 401:
            raise _unreachable(wanted, url, f"it answers {error.code}") from None
        raise ModuleError(
            f"The Kubernetes API of the {wanted} does not accept the login's token; check that its tenant {token.tenant_id} is the cluster's.",
            code="Unauthorized",
            status=401,
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreachable(wanted, url, str(error.reason if isinstance(error, URLError) else error)) from None


def _unreachable(wanted: Wanted, url: str, reason: str) -> ModuleError:
    return ModuleError(
        f"Cannot ask the Kubernetes API of the {wanted} at {url} ({reason}); check the network of this machine and the cluster's authorized addresses.",
        code="Unreachable",
        message=reason,
    )
