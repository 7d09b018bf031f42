"""Who can log in to the emulated Azure other than by a secret, and what they log in with."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from lab.azure.arm.identities import new_identity
from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import OWNER
from lab.azure.state import FederatedCredential, Identity, ManagedCluster
from tests.support.emulated import Emulated
from tests.support.module_runs import Backend

ISSUER, SUBJECT = "https://eastus.oic.prod-aks.azure.com/tenant/lab1/", "system:serviceaccount:awx:awx"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def federated_identity(azure: Emulated, backend: Backend) -> Identity:
    """An identity that owns the subscription, trusts a service account of the cluster lab1, and is the identity of its nodes."""
    identity = new_identity(azure.state, "image-trust-lab", "awx", "eastus")
    identity.credentials["awx"] = FederatedCredential("awx", ISSUER, SUBJECT, ["api://AzureADTokenExchange"])
    new_assignment(azure.state, f"/subscriptions/{azure.state.subscription}", OWNER.guid, identity.principal_id)
    backend.keys = {"keys": [{**RSAAlgorithm.to_jwk(_KEY.public_key(), as_dict=True), "kid": "1"}]}
    kubelet = {"resourceId": identity.id, "clientId": identity.client_id, "objectId": identity.principal_id}
    properties = {"oidcIssuerProfile": {"enabled": True, "issuerURL": ISSUER}, "identityProfile": {"kubeletidentity": kubelet}}
    azure.state.clusters["lab1"] = ManagedCluster("lab1", "lab1", "eastus", {}, properties)
    return identity


def service_account_token(**claims: Any) -> str:
    """A token that the cluster lab1 signed for that service account; with other `claims` where given."""
    at = int(time.time())
    content = {"iss": ISSUER, "sub": SUBJECT, "aud": ["api://AzureADTokenExchange"], "iat": at, "nbf": at, "exp": at + 600}
    return jwt.encode({**content, **claims}, _KEY, "RS256", {"kid": "1"})


def az(folder: Path, token: str, azure: Emulated) -> Path:
    """Make `folder`/az, which answers the two commands that are asked, as its reference says; returns the log of its arguments.

    https://learn.microsoft.com/cli/azure/account
    """
    folder.mkdir()
    program, asked = folder / "az", folder / "asked"
    account = {
        "environmentName": "AzureCloud",
        "id": azure.state.subscription,
        "isDefault": True,
        "name": "lab",
        "state": "Enabled",
        "tenantId": azure.state.tenant,
    }
    access = {"accessToken": token, "expiresOn": "2999-01-01 00:00:00.000000", "expires_on": int(time.time()) + 3600, "tokenType": "Bearer"}
    program.write_text(
        f'#!/bin/sh\necho "$*" >>{asked}\ncase "$1 $2" in\n'
        f"  'account show') echo '{json.dumps(account)}' ;;\n  'account get-access-token') echo '{json.dumps(access)}' ;;\n"
        "  *) echo \"ERROR: '$2' is misspelled or not recognized by the system.\" >&2; exit 2 ;;\nesac\n"
    )
    program.chmod(0o755)
    return asked
