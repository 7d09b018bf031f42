#!/usr/bin/python3
"""Kubelet image credential provider for Azure Container Registry, as AKS nodes have one.

Reads a CredentialProviderRequest (JSON) from stdin and writes a CredentialProviderResponse to stdout: an Entra token of the node's
identity from the instance metadata service, exchanged at the registry for a refresh token. On failure exits with 1 and one
sentence on stderr, which the kubelet logs; the kubelet then pulls without credentials. Standard library only: it runs on the node.
https://kubernetes.io/docs/tasks/administer-cluster/kubelet-credential-provider/
"""

from __future__ import annotations

import json
import ssl
import sys
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

METADATA = "http://169.254.169.254/metadata/identity/oauth2/token"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
NULL_GUID = "00000000-0000-0000-0000-000000000000"
"""The user name that says that the password is a refresh token."""
SECONDS = 10


class CredentialError(Exception):
    """No credentials; the message is one sentence for the kubelet's log."""


def answer(what: str, request: Request) -> dict[str, Any]:
    """JSON that `request` answers. Raises CredentialError, which names `what` was asked."""
    secure = ssl.create_default_context(cafile=CA_BUNDLE)
    try:
        with urlopen(request, timeout=SECONDS, context=secure) as response:  # noqa: S310 - the scheme is ours
            content: dict[str, Any] = json.load(response)
            return content
    except HTTPError as error:
        raise CredentialError(f"{what} answered {error.code}: {error.read(1000).decode(errors='replace')}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise CredentialError(f"{what} cannot be asked: {error}") from error


def entra_token() -> str:
    """Access token of the node's identity (the kubelet identity) for Resource Manager."""
    query = urlencode({"api-version": "2018-02-01", "resource": "https://management.azure.com/"})
    token: str = answer("the instance metadata service", Request(f"{METADATA}?{query}", headers={"Metadata": "true"}))["access_token"]  # noqa: S310
    return token


def refresh_token(registry: str, access_token: str) -> str:
    """Refresh token of `registry` (its login server) for the identity of `access_token`."""
    form = urlencode({"grant_type": "access_token", "service": registry, "access_token": access_token}).encode()
    token: str = answer(f"the registry {registry}", Request(f"https://{registry}/oauth2/exchange", data=form))["refresh_token"]
    return token


def respond(request: dict[str, Any]) -> dict[str, Any]:
    """The CredentialProviderResponse to a CredentialProviderRequest, in the request's API version."""
    registry = request["image"].partition("/")[0]
    return {
        "apiVersion": request["apiVersion"],
        "kind": "CredentialProviderResponse",
        "cacheKeyType": "Registry",
        "auth": {registry: {"username": NULL_GUID, "password": refresh_token(registry, entra_token())}},
    }


def main() -> None:
    try:
        json.dump(respond(json.load(sys.stdin)), sys.stdout)
    except CredentialError as error:
        sys.exit(f"acr-credential-provider: {error}")
    except (KeyError, ValueError) as error:
        sys.exit(f"acr-credential-provider: not understood: {error!r}")


if __name__ == "__main__":
    main()
