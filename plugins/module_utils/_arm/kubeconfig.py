# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubeconfigs as AKS answers them, and Entra's tokens in them. Private to the collection."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .._azure.credentials import claims
from .._azure.errors import ModuleError
from .._azure.libraries import library

if TYPE_CHECKING:
    from types import ModuleType

_LOGIN_BY_PROGRAM = re.compile(r"^\s*(- )?(exec|auth-provider):", re.MULTILINE)
_LOGIN_BY_TOKEN = re.compile(rb"^\s*(- )?token:", re.MULTILINE)


@dataclass(frozen=True)
class SignIn:
    """What a kubeconfig without credentials asks for: an access token of Entra for the application `server_id`, of `tenant_id` where that is given.

    The application is returned by the cluster, as clouds have different ones: https://azure.github.io/kubelogin/concepts/aks.html
    """

    server_id: str
    tenant_id: str | None

    @property
    def scope(self) -> str:
        return f"{self.server_id}/.default"


@dataclass(frozen=True)
class Token:
    """An access token, and what it says of itself: whose it is (`object_id` in `tenant_id`), for whom, and until when (UTC)."""

    text: str = field(repr=False)
    object_id: str
    tenant_id: str
    audience: str
    expires_on: datetime

    def shown(self) -> dict[str, str]:
        return {"object_id": self.object_id, "tenant_id": self.tenant_id, "server_id": self.audience, "expires_on": self.expires_on.isoformat()}

    @property
    def owner(self) -> str:
        return f"{self.object_id} of tenant {self.tenant_id} for {self.audience}"


def read_token(text: str) -> Token | None:
    """The token with its claims, which are read and not verified; None where it is not one of Entra's."""
    found = claims(text)
    try:
        return Token(text, found["oid"], found["tid"], found["aud"], datetime.fromtimestamp(found["exp"], UTC))
    except (KeyError, TypeError, ValueError):
        return None


def sign_in(kubeconfig: str) -> SignIn | None:
    """How its user is to sign in with Entra; None where credentials are in it. Raises `ModuleError` for a way that is not known."""
    if not _LOGIN_BY_PROGRAM.search(kubeconfig):
        return None
    user = _user(_yaml().safe_load(kubeconfig))
    arguments = (user.get("exec") or {}).get("args") or []
    # kubelogin's flags, each with its value after it; and the configuration of clients older than it.
    flags = dict(pairwise(arguments))
    provider = (user.get("auth-provider") or {}).get("config") or {}
    server_id = flags.get("--server-id") or provider.get("apiserver-id")
    if not server_id:
        raise ModuleError("The cluster's kubeconfig lets its user sign in by a program that is not kubelogin, which is not supported.", code="UnknownSignIn")
    return SignIn(server_id, flags.get("--tenant-id") or provider.get("tenant-id"))


def with_token(kubeconfig: str, token: Token) -> str:
    """The kubeconfig whose user has this token and needs no program; a secret."""
    yaml = _yaml()
    config = yaml.safe_load(kubeconfig)
    user = _user(config)
    user.clear()
    user["token"] = token.text
    return str(yaml.safe_dump(config, sort_keys=False))


def comparable(content: bytes) -> bytes:
    """What makes two kubeconfigs the same one: all of the content, but of Entra's tokens only whose they are, for they are renewed all the time."""
    if not _LOGIN_BY_TOKEN.search(content):
        return content
    yaml = _yaml()
    try:
        config = yaml.safe_load(content)
        user = _user(config)
        found = read_token(user["token"])
    except (yaml.YAMLError, LookupError, TypeError, AttributeError, ModuleError):
        return content
    if not found:
        return content
    user["token"] = found.owner
    return bytes(yaml.safe_dump(config, encoding="utf-8"))


def server(kubeconfig: str) -> tuple[str, str | None]:
    """URL of the Kubernetes API, and its certificate authority (PEM), where that is given."""
    config = _yaml().safe_load(kubeconfig)
    cluster = _named(config["clusters"], _context(config)["cluster"])["cluster"]
    authority = cluster.get("certificate-authority-data")
    return str(cluster["server"]), base64.b64decode(authority).decode() if authority else None


def _user(config: Any) -> dict[str, Any]:
    """The user of the current context; what is changed in it is changed in `config`."""
    user: dict[str, Any] = _named(config["users"], _context(config)["user"])["user"]
    return user


def _context(config: Any) -> dict[str, Any]:
    context: dict[str, Any] = _named(config["contexts"], config["current-context"])["context"]
    return context


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for entry in entries:
        if entry["name"] == name:
            return entry
    raise ModuleError(f"The cluster's kubeconfig names {name!r}, which is not in it.", code="InvalidKubeconfig")


def _yaml() -> ModuleType:
    with library("PyYAML"):
        import yaml
    return yaml
