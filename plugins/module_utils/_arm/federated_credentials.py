# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Federated credentials of managed identities: whose tokens an identity trusts. Private to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .._azure import ids
from .._azure.errors import ModuleError, find, refuse
from .._azure.session import Azure
from .._azure.writes import Permission, Step, Write, in_turn
from .._change import KNOWN_AFTERWARDS, Change

TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
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

    def compared(self) -> dict[str, Any]:
        values = {"issuer": self.issuer or KNOWN_AFTERWARDS, "subject": self.subject or KNOWN_AFTERWARDS, "audience": list(self.audiences)}
        return {self.name: values}

    def trusts_as(self, other: FederatedCredential) -> bool:
        """Whether both trust the same tokens; an identity keeps only one such."""
        return None not in (self.issuer, self.subject) and (self.issuer, self.subject) == (other.issuer, other.subject)


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
        # Also what is not seen, such as a zero-width space that came along with a copied text.
        if not value or value.split() != [value] or not value.isprintable():
            raise refuse(f"{option} is {value!r}, but must be without blanks and invisible characters: it is matched byte for byte.")
        if len(value) > LONGEST:
            raise refuse(f"{option} has {len(value)} characters, but Azure takes {LONGEST} at most.")
        if "*" in value:
            raise refuse(f"{option} is {value!r}, but there are no wildcards: it is matched byte for byte.")
    if wanted.issuer is not None and not ids.is_https(wanted.issuer):
        raise refuse(f"issuer is {wanted.issuer!r}, but must be an https URL, exactly as the issuer writes it in its tokens.")
    return wanted


def read(azure: Azure, parent: Parent) -> tuple[FederatedCredential, ...] | None:
    """All credentials of the identity, in one request a page; None where the identity does not exist."""
    operations = azure.identities.federated_identity_credentials
    found = find(f"list the federated credentials of {parent}", lambda: list(operations.list(parent.resource_group, parent.identity_name)))
    return None if found is None else tuple(_credential(answer) for answer in found)


@dataclass(frozen=True)
class Question:
    """Which credentials are asked for; None does not matter. `issuer` and `subject` are compared byte for byte."""

    name: str | None = None
    issuer: str | None = None
    subject: str | None = None

    def __post_init__(self) -> None:
        if self.name is not None:
            ids.FEDERATED_CREDENTIAL.check("name", self.name)

    def fits(self, credential: FederatedCredential) -> bool:
        return (
            (self.name is None or ids.same(self.name, credential.name))
            and self.issuer in (None, credential.issuer)
            and self.subject in (None, credential.subject)
        )


def read_all(azure: Azure, parents: Iterable[Parent], asked: Question) -> list[FederatedCredential]:
    """The credentials of these identities that are asked for; a request a page for each identity."""
    return [credential for parent in parents for credential in read(azure, parent) or () if asked.fits(credential)]


def missing(parent: Parent) -> ModuleError:
    return ModuleError(
        f"There is no {parent}; create it, or check identity_name, resource_group and subscription_id.", code="ParentResourceNotFound", status=404
    )


def check_set(wanted: Sequence[FederatedCredential], option: str = "credentials") -> None:
    """Refuse a list, that of the option, which cannot be the credentials of one identity, whatever it has."""
    for number, one in enumerate(wanted):
        for other in wanted[:number]:
            if ids.same(one.name, other.name):
                raise refuse(f"{option} names {one.name} twice; Azure compares names without case.")
            if one.trusts_as(other):
                raise refuse(f"{option} has the issuer {one.issuer} and subject {one.subject} twice, as {other.name} and {one.name}; name it once.")
    if len(wanted) > LIMIT:
        raise refuse(f"{option} has {len(wanted)} entries, but Azure allows {LIMIT} for an identity; use a second identity.")


def plan(
    current: Sequence[FederatedCredential], wanted: Sequence[FederatedCredential], *, exact: bool = False, clusters: Mapping[str, str] | None = None
) -> list[Change[FederatedCredential]]:
    """Compare and decide; no I/O. A change for each that is wanted, then, with `exact`, one for each of the others, which go.

    Raises `ModuleError` where Azure would refuse: more than it allows, an issuer and subject in use under the name of one that stays; and where one would be
    taken from another cluster, of those that `clusters` names by their issuers.
    """
    changes = []
    others = [credential for credential in current if not _named(wanted, credential.name)]
    for one in wanted:
        twin = next((other for other in others if not exact and other.trusts_as(one)), None)
        if twin:
            raise ModuleError(
                f"The issuer {one.issuer} and subject {one.subject} are already trusted under the name {twin.name};"
                f" use that name instead of {one.name}, or remove {twin.name} first.",
                code="Conflict",
            )
        before = _named(current, one.name)
        user = (clusters or {}).get(str(before.issuer)) if before and before.issuer != one.issuer else None
        if before and user:
            raise refuse(
                f"The federated credential {before.name} trusts the issuer {before.issuer} of {user}, which could not log in by it any more if it trusted"
                f" {one.issuer or 'that of a cluster yet to be created'}. Give another name, or set change_issuer."
            )
        # The name is Azure's once it exists, whatever the case asked for.
        changes.append(Change(before, replace(one, name=before.name, id=before.id) if before else one))
    new = [change.after.name for change in changes if change.after and not change.before]
    if new and not exact and len(wanted) + len(others) > LIMIT:
        raise ModuleError(
            f"The identity has {len(current)} federated credentials and Azure allows {LIMIT}, so {', '.join(new)} cannot be added;"
            f" remove one of {', '.join(sorted(c.name for c in others))}, or use a second identity.",
            code="LimitExceeded",
        )
    return changes + [Change(other, None) for other in others if exact]


def changes_issuer(current: Sequence[FederatedCredential], wanted: Iterable[FederatedCredential]) -> bool:
    """Whether one that exists would get another issuer."""
    return any(before.issuer != one.issuer for one in wanted if (before := _named(current, one.name)))


def plan_absent(current: Sequence[FederatedCredential], names: Iterable[str]) -> list[Change[FederatedCredential]]:
    return [Change(_named(current, name), None) for name in names]


def in_order(changes: Iterable[Change[FederatedCredential]]) -> list[Change[FederatedCredential]]:
    """The changes that need a write, one write each, so that Azure refuses none: what goes first, then each when its issuer and subject are free."""
    left = [change for change in changes if change.changed]
    ordered = [change for change in left if not change.after]
    left = [change for change in left if change.after]
    while left:
        free = next((change for change in left if not any(_waits_for(change, other) for other in left)), None)
        if free:
            left.remove(free)
            ordered.append(free)
        else:
            # They wait for each other in a ring, so one is deleted and created again.
            first = left.pop(0)
            ordered.append(Change(first.before, None))
            left.append(Change(None, first.after))
    return ordered


def apply(azure: Azure, parent: Parent, changes: Sequence[Change[FederatedCredential]]) -> list[Change[FederatedCredential]]:
    """Make the changes, one write after the other as Azure demands, and return them as Azure confirmed them. Raises what `plan` raises where another writer
    was faster."""

    def reason(failure: ModuleError) -> ModuleError:
        if failure.status in REFUSED:
            try:
                plan(read(azure, parent) or (), [change.after for change in changes if change.after])
            except ModuleError as better:
                return better
        return failure

    answers = in_turn([_write(azure, parent, change) for change in in_order(changes)], f"of {parent}", reason)
    confirmed = [_credential(answer) for answer in answers if answer is not None]
    return [Change(change.before, change.after and (_named(confirmed, change.after.name) or change.after)) for change in changes]


def steps(azure: Azure, parent: Parent, changes: Sequence[Change[FederatedCredential]], scope: str) -> list[Step]:
    """The changes as steps among others, one write each, those that need none at the end. `scope` is the identity's id, or its resource group's."""
    called, planned = f"federated credentials of {parent}", []
    for one in in_order(changes) + [change for change in changes if not change.changed]:
        needs = Permission(f"{TYPE}/{'write' if one.after else 'delete'}", scope)
        planned.append(Step(_write(azure, parent, one).does, partial(_apply_one, azure, parent, one), one, called, needs))
    return planned


def _apply_one(azure: Azure, parent: Parent, change: Change[FederatedCredential]) -> Change[FederatedCredential]:
    return apply(azure, parent, [change])[0]


def _write(azure: Azure, parent: Parent, change: Change[FederatedCredential]) -> Write[Any]:
    operations = azure.identities.federated_identity_credentials
    after = change.after
    if not after:
        name = change.before.name if change.before else ""
        return Write(f"remove the federated credential {name}", lambda: operations.delete(parent.resource_group, parent.identity_name, name))
    body = {"properties": {"issuer": after.issuer, "subject": after.subject, "audiences": list(after.audiences)}}
    return Write(
        f"{'change' if change.before else 'create'} the federated credential {after.name}",
        lambda: operations.create_or_update(parent.resource_group, parent.identity_name, after.name, body),
    )


def _waits_for(change: Change[FederatedCredential], other: Change[FederatedCredential]) -> bool:
    """Whether `other` still has the issuer and subject that `change` brings."""
    return change is not other and bool(change.after and other.before and change.after.trusts_as(other.before))


def _named(current: Sequence[FederatedCredential], name: str) -> FederatedCredential | None:
    return next((credential for credential in current if ids.same(credential.name, name)), None)


def _credential(answer: Any) -> FederatedCredential:
    return FederatedCredential(answer.name, answer.issuer, answer.subject, tuple(answer.audiences), answer.id)
