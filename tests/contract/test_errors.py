"""The emulated Azure refuses in the words in which Azure does: the table of errors beside the recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from lab.azure.arm import role_assignments
from lab.azure.roles import ACR_PULL, READER
from tests.contract.recordings import ERRORS, FOLDER
from tests.emulator.assertions import with_assertion
from tests.emulator.machine import CLUSTER, IDENTITY, OWNER_ID, REGISTRY, SUBSCRIPTION, TENANT, VAULT, Lab

TABLE: list[dict[str, Any]] = json.loads((FOLDER / ERRORS).read_text()) if FOLDER.is_dir() else []
pytestmark = pytest.mark.skipif(not TABLE, reason=f"there are no recordings in {FOLDER}; set AZURE_RECORDINGS")

UNKNOWN = "dddddddd-0000-0000-0000-000000000000"
FIRST, SECOND = (f"99999999-0000-0000-0000-00000000000{n}" for n in (1, 2))
CREDENTIALS = f"{IDENTITY}/federatedIdentityCredentials"
AUDIENCE = ["api://AzureADTokenExchange"]
GET = {"secrets": ["get"]}

NOT_PROVOKED = {
    "The request format was unexpected: Support for federated identity credentials not enabled.": "the emulator has no regions that lack a service",
    "(text not captured)": "its words are not known; the fault switchboard answers with the status",
    "Cannot set policies to a vault with '--enable-rbac-authorization' specified": "az says it, and test_az.py sees it",
    "Enabling workload identity requires enabling OIDC issuer (--enable-oidc-issuer).": "az says it, and test_az.py sees it",
}


def credential(lab: Lab, name: str = "ratify", **properties: Any) -> httpx.Response:
    lab.identity()
    return lab.call("PUT", f"{CREDENTIALS}/{name}", {"properties": {"issuer": "https://i/", "subject": "s", "audiences": AUDIENCE, **properties}})


def assignment(lab: Lab, name: str = FIRST, principal: str = UNKNOWN, kind: str | None = "ServicePrincipal") -> httpx.Response:
    definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ACR_PULL.guid}"
    properties = {"roleDefinitionId": definition, "principalId": principal, **({"principalType": kind} if kind else {})}
    return lab.call("PUT", f"{REGISTRY}/providers/Microsoft.Authorization/roleAssignments/{name}", {"properties": properties})


def policy(lab: Lab, *entries: dict[str, Any]) -> httpx.Response:
    sent = [{"tenantId": TENANT, "objectId": UNKNOWN, "permissions": GET, **entry} for entry in entries or ({},)]
    return lab.call("PUT", f"{VAULT}/accessPolicies/add", {"properties": {"accessPolicies": sent}})


def vault(lab: Lab, path: str) -> httpx.Response:
    return lab.call("PUT", path, {"location": "eastus", "properties": {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}}})


def at_once(lab: Lab, write: Callable[[str], httpx.Response]) -> httpx.Response:
    """The answer to the loser of two writes."""
    lab.identity()
    lab.state.settings.write_duration = 0.3
    with ThreadPoolExecutor() as pool:
        return next(answer for answer in pool.map(write, ["one", "two"]) if answer.status_code >= 400)


def too_many(lab: Lab) -> httpx.Response:
    for _ in range(role_assignments.MOST):
        lab.assign(READER, UNKNOWN)
    return assignment(lab)


def after(first: httpx.Response, then: Callable[[], httpx.Response]) -> httpx.Response:
    assert first.status_code < 300, first.text
    return then()


def unknown_subject(lab: Lab) -> httpx.Response:
    issuer = lab.cluster()["properties"]["oidcIssuerProfile"]["issuerURL"]
    lab.identity()
    lab.federate(issuer, "system:serviceaccount:a:b")
    return with_assertion(lab, lab.machine.sign("one", "system:serviceaccount:a:c"))


PROVOKED: dict[str, Callable[[Lab], httpx.Response]] = {
    "ResourceNotFound": lambda lab: lab.call("GET", VAULT.replace("lab-vault", "no-vault")),
    "RoleAssignmentExists": lambda lab: after(assignment(lab), lambda: assignment(lab, SECOND)),
    "PrincipalNotFound": lambda lab: assignment(lab, kind=None),
    "UnmatchedPrincipalType": lambda lab: assignment(lab, principal=OWNER_ID, kind="User"),
    "RoleAssignmentUpdateNotPermitted": lambda lab: after(assignment(lab), lambda: assignment(lab, principal=OWNER_ID)),
    "RoleAssignmentLimitExceeded": too_many,
    "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity": lambda lab: at_once(lab, lambda name: credential(lab, name * 2)),
    "Issuer and subject combination": lambda lab: after(credential(lab), lambda: credential(lab, "another")),
    "Federated Identity Credential must specify": lambda lab: credential(lab, issuer=None),
    "exactly one audience": lambda lab: credential(lab, audiences=[*AUDIENCE, "another"]),
    "empty properties": lambda lab: after(lab.call("PUT", IDENTITY, {"location": "eastus"}), lambda: lab.call("PUT", f"{CREDENTIALS}/ratify", {})),
    "Federated Identity Credential name": lambda lab: credential(lab, "a"),
    "The parent user-assigned identity": lambda lab: lab.call("GET", f"{CREDENTIALS}/ratify"),
    "ConflictError": lambda lab: at_once(lab, lambda _: policy(lab)),
    "An invalid value was provided for 'accessPolicies'": lambda lab: policy(lab, {"permissions": {"secrets": [" list"]}}),
    "Invalid value found at accessPolicies[1]": lambda lab: policy(lab, {}, {"objectId": "ratify"}),
    "VaultNameNotValid": lambda lab: vault(lab, VAULT.replace("lab-vault", "1")),
    "VaultAlreadyExists": lambda lab: after(
        lab.call("PUT", CLUSTER.partition("/resourceGroups/")[0] + "/resourceGroups/other", {"location": "eastus"}),
        lambda: vault(lab, VAULT.replace("/group/", "/other/")),
    ),
    "AADSTS70021": unknown_subject,
}
"""By the code, or a part of the message: what makes Azure say it."""


@pytest.mark.parametrize("row", [row for row in TABLE if row["message"] not in NOT_PROVOKED], ids=lambda row: f"{row['service']}: {row['message'][:60]}")
def test_azure_s_words(row: dict[str, Any], lab: Lab) -> None:
    provoke = next(PROVOKED[key] for key in PROVOKED if key == row["code"] or key in row["message"])
    response = provoke(lab)
    if row["service"] == "entra":
        (number,) = response.json()["error_codes"]
        assert str(number) in row["message"]
        return
    error = response.json()["error"]
    if row["message"].startswith("Issuer and subject"):  # seen with two codes and two statuses
        assert response.status_code in (400, 409)
    else:
        assert (response.status_code, error["code"] in row["code"]) == (row["status"], True)
    if "unverified" not in row["code"]:
        words = re.sub(r"\\{[^}]*\\}", ".+", re.escape(row["message"]))
        assert re.fullmatch(words, error["message"]), error["message"]


def test_every_row_that_is_not_provoked_is_in_the_table() -> None:
    assert NOT_PROVOKED.keys() <= {row["message"] for row in TABLE}
