# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""How a kubeconfig reaches a cluster: its API server, the certificates to trust, and the user's credentials. Reads files, asks no cluster.

Chooses as kubernetes.config of the Python client does; where that ignores an error, it is raised, and each path is relative to its own file, as for kubectl.
Source of the fields: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

import base64
import os
import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

Json = Mapping[str, Any]


class AccessError(Exception):
    """The kubeconfig cannot be used. The text says why and quotes no secret."""


@dataclass(frozen=True)
class Credentials:
    """A user's header Authorization, and client certificate with its key (PEM). `expires` is of the first."""

    authorization: str | None = field(default=None, repr=False)
    certificate: str | None = None
    key: str | None = field(default=None, repr=False)
    expires: datetime | None = None


@dataclass(frozen=True)
class Plugin:
    """A program that prints credentials, run in `folder`. `cluster` describes the cluster to it, where provideClusterInfo asks for that."""

    command: str
    folder: Path
    api_version: str
    arguments: tuple[str, ...] = field(default=(), repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    install_hint: str = ""
    cluster: Json | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Access:
    """How to ask one cluster. `authority` is PEM, None for the certificate authorities of this machine; `plugin` replaces `credentials`."""

    server: str
    authority: str | None = None
    verified: bool = True
    tls_server_name: str | None = None
    proxy: str | None = field(default=None, repr=False)
    credentials: Credentials = Credentials()
    plugin: Plugin | None = None


def read(kubeconfig: str, context: str | None) -> Access:
    """The access that `context` names, or the current context. Raises `AccessError`, and `OSError` for a file.

    `kubeconfig` may name several files, joined as in $KUBECONFIG. Missing files are skipped. The first of two entries with one name counts, and the
    current context of the last file.
    """
    files = [file for name in kubeconfig.split(os.pathsep) if name and (file := Path(name).expanduser()).exists()]
    if not files:
        raise AccessError("the file does not exist")
    try:
        return _access([(file.absolute().parent, yaml.safe_load(file.read_bytes())) for file in files], context)
    except (yaml.YAMLError, AttributeError, TypeError, LookupError):
        # Quotes nothing of the content, which holds secrets.
        raise AccessError("it is no YAML of that form") from None


def _access(configs: Sequence[tuple[Path, Any]], context: str | None) -> Access:
    """`configs`: the content of each file, with its folder."""
    name = context or next((config["current-context"] for _folder, config in reversed(configs) if config.get("current-context")), None)
    if not name:
        raise AccessError("it has no current-context: give context")
    _folder, chosen = _entry(configs, "context", name)
    folder, cluster = _entry(configs, "cluster", chosen["cluster"])
    of_user, user = _entry(configs, "user", chosen["user"]) if chosen.get("user") else (folder, {})
    if not cluster.get("server"):
        raise AccessError(f"the cluster {chosen['cluster']} in it has no server")
    server = str(cluster["server"]).rstrip("/")
    tls = server.lower().startswith("https:")
    authority = _pem(folder, cluster, "certificate-authority") if tls else None
    return Access(
        server,
        authority,
        # Whatever is not true verifies.
        cluster.get("insecure-skip-tls-verify") is not True,
        cluster.get("tls-server-name"),
        proxy_of(server, cluster.get("proxy-url"), getproxies()),
        _credentials(of_user, user, tls=tls),
        _plugin(of_user, user, cluster, authority),
    )


def _entry(configs: Sequence[tuple[Path, Any]], kind: str, name: str) -> tuple[Path, dict[str, Any]]:
    """The cluster, context or user `name`, with the folder that its relative paths start at."""
    for folder, config in configs:
        for entry in config.get(f"{kind}s") or ():
            if entry["name"] == name:
                return folder, entry[kind] or {}
    raise AccessError(f"it has no {kind} named {name}")


def _credentials(folder: Path, user: Json, *, tls: bool) -> Credentials:
    if "auth-provider" in user:
        provider = user["auth-provider"]["name"]
        raise AccessError(f"its user signs in by the auth-provider {provider}: give the user an exec plugin, for AKS with `kubelogin convert-kubeconfig`")
    certificate, key = (_pem(folder, user, name) for name in ("client-certificate", "client-key")) if tls else (None, None)
    return Credentials(_authorization(folder, user), certificate, key)


def _authorization(folder: Path, user: Json) -> str | None:
    if user.get("token"):
        return bearer(str(user["token"]))
    if user.get("tokenFile"):
        return bearer((folder / user["tokenFile"]).read_text())
    if "username" in user and "password" in user and not user.get("exec"):
        return "Basic " + base64.b64encode(f"{user['username']}:{user['password']}".encode()).decode()
    return None


def bearer(token: str) -> str:
    """The header Authorization with a token. Raises `AccessError` for what is no header: http.client would quote it."""
    if not re.fullmatch("[!-~]+", token.strip()):
        raise AccessError("the token of its user is not one word")
    return f"Bearer {token.strip()}"


def _plugin(folder: Path, user: Json, cluster: Json, authority: str | None) -> Plugin | None:
    """The program that signs the user in; None where there is none, or a token that comes first."""
    config = user.get("exec")
    if not config or user.get("token") or user.get("tokenFile"):
        return None
    command = str(config["command"])
    if config.get("interactiveMode") == "Always":
        raise AccessError(f"its user signs in by {command}, which wants a terminal (interactiveMode Always), and there is none")
    described = _described(cluster, authority) if config.get("provideClusterInfo") else None
    environment = {each["name"]: str(each["value"]) for each in config.get("env") or ()}
    arguments = tuple(map(str, config.get("args") or ()))
    return Plugin(command, folder, config["apiVersion"], arguments, environment, " ".join((config.get("installHint") or "").split()), described)


def _described(cluster: Json, authority: str | None) -> Json:
    """https://kubernetes.io/docs/reference/config-api/client-authentication.v1/#client-authentication-k8s-io-v1-Cluster"""
    fields = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
    described = {name: cluster[name] for name in fields if name in cluster}
    if authority:
        described["certificate-authority-data"] = base64.b64encode(authority.encode()).decode()
    for extension in cluster.get("extensions") or ():
        if extension["name"] == "client.authentication.k8s.io/exec":
            described["config"] = extension["extension"]
    return described


def _pem(folder: Path, entry: Json, name: str) -> str | None:
    """The field `<name>-data`, or the content of the file that the field `name` names; without comments beyond ASCII, which OpenSSL refuses in memory."""
    if entry.get(f"{name}-data"):
        try:
            return base64.b64decode(entry[f"{name}-data"]).decode("ascii", "ignore")
        except ValueError:
            raise AccessError(f"{name}-data in it is not base64") from None
    return (folder / Path(entry[name])).read_bytes().decode("ascii", "ignore") if entry.get(name) else None


def proxy_of(server: str, proxy: str | None, machine: Mapping[str, str]) -> str | None:
    """The proxy on the way to `server`: the one given, or that of the machine (`getproxies()`); None for those that the machine reaches directly."""
    found = proxy or machine.get(urlsplit(server).scheme) or machine.get("all")
    if not found or _is_direct(server, machine.get("no", "")):
        return None
    return found if "://" in found else f"http://{found}"


def _is_direct(server: str, rules: str) -> bool:
    """By the rules of NO_PROXY: domains, hosts with a port or without, networks, or *."""
    where = urlsplit(server.lower())
    host = where.hostname or ""
    for rule in filter(None, map(str.strip, rules.lower().split(","))):
        domain = rule.lstrip(".")
        if rule == "*" or _in_network(host, rule) or any(name == domain or name.endswith(f".{domain}") for name in (host, where.netloc)):
            return True
    return False


def _in_network(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False
