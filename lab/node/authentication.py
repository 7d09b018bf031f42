"""Whom the Kubernetes API of a node knows besides its own certificates and service accounts: no user, or what Entra signs for AKS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab.config import AKS_SERVER, Cluster


def file(cluster: Cluster) -> Path:
    """The API server's authentication configuration, which it reads again when it changes. It outlives a restart of the node."""
    return cluster.folder / "authentication.json"


def write(cluster: Cluster, tenant: str | None) -> None:
    """Let the API server know the users of Entra's `tenant`, or with None no such users.

    The issuer is that of Entra's v1 tokens, and it is found and asked for its keys under its real name, as the lab's name server leads there.
    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration
    """
    content = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration", "jwt": [_entra(tenant)] if tenant else []}
    new = file(cluster).with_suffix(".new")
    new.write_text(json.dumps(content, indent=1))
    new.replace(file(cluster))


def _entra(tenant: str) -> dict[str, Any]:
    return {
        "issuer": {
            "url": f"https://sts.windows.net/{tenant}/",
            "discoveryURL": f"https://login.microsoftonline.com/{tenant}/.well-known/openid-configuration",
            "audiences": [AKS_SERVER],
        },
        "claimMappings": {"username": {"claim": "oid", "prefix": ""}, "groups": {"claim": "groups", "prefix": ""}},
    }
