"""The acceptance list of the design: what a person types today, and that the collection has done it."""

from __future__ import annotations

import base64
import re
import stat
from pathlib import Path
from typing import Any

from lab.clusters import cluster
from lab.config import CERTIFICATE, REGISTRY, REPOSITORY, TENANT

from .conftest import Lab, Run
from .test_missing import ACR_PULL, CLUSTER_PATH, IDENTITY_PATH, REGISTRY_PATH, VAULT_PATH, identity


def acr_pull_principals(lab: Lab) -> set[str]:
    listed = lab.arm("GET", f"{REGISTRY_PATH}/providers/Microsoft.Authorization/roleAssignments", "2022-04-01")["value"]
    return {a["properties"]["principalId"] for a in listed if a["properties"]["roleDefinitionId"].endswith(ACR_PULL)}


def test_row_1_the_cluster_has_issuer_and_workload_identity_and_its_registry_attached(lab: Lab, site: Run) -> None:
    properties = lab.arm("GET", CLUSTER_PATH, "2024-09-01")["properties"]
    assert properties["oidcIssuerProfile"]["enabled"] is True
    assert properties["securityProfile"]["workloadIdentity"]["enabled"] is True
    assert properties["identityProfile"]["kubeletidentity"]["objectId"] in acr_pull_principals(lab)
