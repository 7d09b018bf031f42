# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Federated credentials of managed identities: whose tokens an identity trusts. Private to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from ._azure import ids
from ._azure.errors import ModuleError, ask, find, refuse
from ._azure.session import Azure
from ._change import Change

AUDIENCE = "api://AzureADTokenExchange"
LIMIT = 20
"""Federated credentials of one identity (https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations)."""
LONGEST = 600
"""Characters of an issuer, subject or audience."""
REFUSED = (400, 409)
"""How Azure answers a record too many, and a pair that is in use; with which code is not documented."""


@dataclass(frozen=True)
class FederatedCredential:
    """One trust record. `issuer` and `subject` are kept as given: Entra matches them byte for byte, case and slashes included. None: not known yet."""

    name: str
    issuer: str | None
    subject: str | None
    audiences: tuple[str, ...] = (AUDIENCE,)
    id: str | None = None

    def shown(self) -> dict[str, Any]:
        return {**vars(self), "audiences": list(self.audiences)}


@dataclass(frozen=True)
class Parent:
    """The identity whose credentials are meant."""

    resource_group: str
    identity_name: str

    def __post_init__(self) -> None:
        ids.RESOURCE_GROUP.check("resource_group", self.resource_group)
        ids.IDENTITY.check("identity_name", self.identity_name)

    def __str__(self) -> str:
        return f"identity {self.identity_name} in resource group {self.resource_group}"


def check(wanted: FederatedCredential) -> FederatedCredential:
    """Refuse what Azure accepts at first and never honours, or refuses late."""
    ids.FEDERATED_CREDENTIAL.check("name", wanted.name)
    if len(wanted.audiences) != 1:
        raise refuse(f"audiences has {len(wanted.audiences)} entries, but a federated credential has exactly one.")
    for option, value in (("issuer", wanted.issuer), ("subject", wanted.subject), ("audiences", wanted.audiences[0])):
        if value is None:
            continue
        if not value or value.split() != [value]:
            raise refuse(f"{option} is {value!r}, but must be without blanks: it is matched byte for byte.")
        if len(value) > LONGEST:
            raise refuse(f"{option} has {len(value)} characters, but Azure takes {LONGEST} at most.")
        if "*" in value:
            raise refuse(f"{option} is {value!r}, but there are no wildcards: it is matched byte for byte.")
    if wanted.issuer is not None and (urlsplit(wanted.issuer).scheme != "https" or not urlsplit(wanted.issuer).hostname):
        raise refuse(f"issuer is {wanted.issuer!r}, but must be an https URL, exactly as the issuer writes it in its tokens.")
    return wanted


def read(azure: Azure, parent: Parent) -> tuple[FederatedCredential, ...] | None:
    """All credentials of the identity, in one request a page; None where the identity does not exist."""
    operations = azure.identities.federated_identity_credentials
    found = find(f"list the federated credentials of {parent}", lambda: list(operations.list(parent.resource_group, parent.identity_name)))
    return None if found is None else tuple(_credential(answer) for answer in found)


def missing(parent: Parent) -> ModuleError:
    return ModuleError(
        f"There is no {parent}; create it, or check identity_name, resource_group and subscription_id.", code="ParentResourceNotFound", status=404
    )


def plan(current: Sequence[FederatedCredential], wanted: FederatedCredential) -> Change[FederatedCredential]:
    """Compare and decide; no I/O. Raises `ModuleError` where Azure would refuse: a 21st record, an issuer and subject in use under another name."""
    before = _named(current, wanted.name)
    twin = next((c for c in current if c is not before and wanted.issuer and (c.issuer, c.subject) == (wanted.issuer, wanted.subject)), None)
    if twin:
        raise ModuleError(
            f"The issuer {wanted.issuer} and subject {wanted.subject} are already trusted under the name {twin.name};"
            f" use that name instead of {wanted.name}, or remove {twin.name} first.",
            code="Conflict",
        )
    if before:
        # The name is Azure's once it exists, whatever the case asked for.
        return Change(before, replace(wanted, name=before.name, id=before.id))
    if len(current) >= LIMIT:
        raise ModuleError(
            f"The identity has {len(current)} federated credentials and Azure allows {LIMIT}, so {wanted.name} cannot be added;"
            f" remove one of {', '.join(sorted(c.name for c in current))}, or use a second identity.",
            code="LimitExceeded",
        )
    return Change(None, wanted)


def plan_absent(current: Sequence[FederatedCredential], name: str) -> Change[FederatedCredential]:
    return Change(_named(current, name), None)


def apply(azure: Azure, parent: Parent, change: Change[FederatedCredential]) -> Change[FederatedCredential]:
    """Make the change and return it as Azure confirmed it. Raises what `plan` raises where another writer was faster."""
    operations = azure.identities.federated_identity_credentials
    after = change.after
    if not change.changed:
        return change
    if not after:
        name = change.before.name if change.before else ""
        ask(f"delete the federated credential {name} of {parent}", lambda: operations.delete(parent.resource_group, parent.identity_name, name))
        return change
    body = {"properties": {"issuer": after.issuer, "subject": after.subject, "audiences": list(after.audiences)}}
    try:
        answer = ask(
            f"write the federated credential {after.name} of {parent}",
            lambda: operations.create_or_update(parent.resource_group, parent.identity_name, after.name, body),
        )
    except ModuleError as failure:
        if failure.status in REFUSED:
            plan(read(azure, parent) or (), after)
        raise
    return Change(change.before, _credential(answer))


def _named(current: Sequence[FederatedCredential], name: str) -> FederatedCredential | None:
    return next((credential for credential in current if ids.same(credential.name, name)), None)


def _credential(answer: Any) -> FederatedCredential:
    return FederatedCredential(answer.name, answer.issuer, answer.subject, tuple(answer.audiences), answer.id)
