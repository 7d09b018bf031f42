# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A managed identity with whom it trusts and what it may do, as one thing. Private to the collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from .._azure import ids
from .._azure.errors import ModuleError, refuse
from .._azure.session import Azure
from .._azure.writes import Step
from .._change import Change
from . import access_policies as vault_access
from . import federated_credentials as federation
from . import grants, identities, registries, vaults
from . import managed_clusters as clusters
from .federated_credentials import FederatedCredential, Parent
from .grants import Grant, Principal
from .identities import Identity
from .registries import Registry
from .role_assignments import RoleAssignment
from .vault_anchors import problems
from .vaults import AccessPolicy, Place, Vault

READ = {"secrets": ["get"]}
"""Ratify reads a certificate as the secret behind it (docs/permissions.md)."""


@dataclass(frozen=True)
class Trust:
    """A federated credential that is asked for; `cluster` is the one whose issuer it gets, where the credential's own is not known."""

    credential: FederatedCredential
    cluster: clusters.Wanted | None = None


@dataclass(frozen=True)
class Wanted:
    """What is asked. `registries` and `vault` are as `ids.resource` returns them; `in_use` names the identities that are not looked at as former ones, None:
    none is looked for."""

    identity: identities.Wanted
    trusts: tuple[Trust, ...] = ()
    change_issuer: bool = True
    registries: tuple[Mapping[str, str], ...] = ()
    vault: Mapping[str, str] | None = None
    certificates: tuple[Mapping[str, Any], ...] = ()
    in_use: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        federation.check_set([trust.credential for trust in self.trusts], "federated_credentials")

    @property
    def parent(self) -> Parent:
        return Parent(self.identity.resource_group, self.identity.name)

    @property
    def place(self) -> Place | None:
        return Place(self.vault["resource_group"], self.vault["name"], option="vault.name") if self.vault else None


@dataclass(frozen=True)
class Former:
    """An identity that has a federated credential which trusts the same tokens, and what it may do on the registries and in the vault, in words."""

    name: str
    credential: FederatedCredential
    permissions: tuple[str, ...]

    def shown(self) -> dict[str, Any]:
        return {"name": self.name, "federated_credential": self.credential.shown(), "permissions": list(self.permissions)}


@dataclass(frozen=True)
class Found:
    """The existing objects. `trusted` are the credentials that are asked for, with their issuers; `users` names clusters by their issuers."""

    identity: Identity | None = None
    credentials: tuple[FederatedCredential, ...] = ()
    trusted: tuple[FederatedCredential, ...] = ()
    users: Mapping[str, str] = field(default_factory=dict)
    registries: tuple[Registry, ...] = ()
    vault: Vault | None = None
    policies: tuple[AccessPolicy, ...] = ()
    roles: Mapping[str, Sequence[RoleAssignment]] = field(default_factory=dict)
    """The identity's assignments, by the resource's id."""

    @property
    def principal_id(self) -> str | None:
        return self.identity.principal_id if self.identity else None

    @property
    def grants(self) -> list[Grant]:
        return [*map(grants.on_registry, self.registries), *([grants.on_vault(self.vault)] if self.vault else ())]


def read(azure: Azure, wanted: Wanted, *, check: bool) -> Found:
    """All that decides, in about a request an object. Raises `ModuleError` for a registry, vault or cluster that is missing (a cluster not with `check`), and
    for a vault that Ratify cannot use."""
    identity = identities.read(azure, wanted.identity)
    credentials = (federation.read(azure, wanted.parent) if identity and wanted.trusts else None) or ()
    trusted = tuple(_trusted(azure, trust, check=check) for trust in wanted.trusts)
    federation.check_set(trusted, "federated_credentials")
    users = clusters.by_issuer(azure) if not wanted.change_issuer and federation.changes_issuer(credentials, trusted) else {}
    found = Found(identity, credentials, trusted, users)
    found = replace(found, registries=tuple(registries.read_at(azure, place) for place in wanted.registries))
    if place := wanted.place:
        vault, policies = _usable(azure.within((wanted.vault or {}).get("subscription_id")), place, wanted.certificates)
        found = replace(found, vault=vault, policies=policies)
    return replace(found, roles={grant.scope: grants.read(azure, grant, found.principal_id) for grant in found.grants})


def _trusted(azure: Azure, trust: Trust, *, check: bool) -> FederatedCredential:
    """The credential with its cluster's issuer; in check mode the cluster may have none yet."""
    if not trust.cluster or trust.credential.issuer:
        return trust.credential
    cluster = clusters.read(azure, trust.cluster)
    if not (check or cluster):
        raise clusters.missing(trust.cluster)
    issuer = cluster.issuer_url if cluster else None
    if not (check or issuer):
        raise refuse(f"The {trust.cluster} has no OIDC issuer; turn it on by image_trust.azure.aks_cluster with oidc_issuer, or give issuer.")
    return replace(trust.credential, issuer=issuer)


def _usable(azure: Azure, place: Place, certificates: Sequence[Mapping[str, Any]]) -> tuple[Vault, tuple[AccessPolicy, ...]]:
    """The vault and everybody's policies; raises `ModuleError` where Ratify could not use it or the certificates."""
    found = vaults.read(azure, place)
    if not found:
        raise vaults.missing(place)
    vault, _policies = found
    if unusable := problems(azure, vault, certificates):
        raise ModuleError(" ".join(unusable), code="UnusableVault")
    return found


def plan(azure: Azure, wanted: Wanted, found: Found) -> list[Step]:
    """All changes in the order in which they are made; no request. Raises `ModuleError` where one is not possible or not allowed."""
    principal = Principal(found.principal_id)
    change = identities.plan(found.identity, wanted.identity)
    steps = [Step(identities.does(wanted.identity, change), partial(_create, azure, wanted, change, principal), change, str(wanted.identity))]
    trust = federation.plan(found.credentials, found.trusted, clusters=found.users)
    steps += federation.steps(azure, wanted.parent, trust)
    for registry in found.registries:
        grant = grants.on_registry(registry)
        steps += grants.steps(azure, grant, found.roles[grant.scope], principal)
    if found.vault and wanted.place:
        vault, grant = found.vault, grants.on_vault(found.vault)
        policy = vault_access.policy(principal.id, None, None if vault.rbac_enabled else READ, some=False)
        # The vault heeds one of the two only. The other would begin to count, unseen, on the day its permission model is switched.
        if vault.rbac_enabled:
            (entry,) = vault_access.plan_absent(found.policies, [policy])
        else:
            (entry,) = vault_access.plan(vault, found.policies, [policy], exact=False)
        does = f"{'add permissions to' if entry.after else 'remove'} the access policy in {grant.on}"
        writer = azure.within((wanted.vault or {}).get("subscription_id"))
        steps.append(Step(does, partial(_permit, writer, wanted.place, entry, principal), entry, f"access policies of {wanted.place}"))
        steps += grants.steps(azure, grant, found.roles[grant.scope], principal)
    return steps


def managed(steps: Sequence[Step]) -> Identity:
    """The identity as it is after these steps."""
    return next(step.change.after for step in steps if isinstance(step.change.after, Identity))


def trusted(found: Found, steps: Sequence[Step]) -> list[FederatedCredential]:
    """The credentials that are asked for, as they are after these steps."""
    after = [step.change.after for step in steps if isinstance(step.change.after, FederatedCredential)]
    return [each for one in found.trusted for each in after if ids.same(each.name, one.name)]


def _create(azure: Azure, wanted: Wanted, change: Change[Identity], principal: Principal) -> Change[Identity]:
    made = identities.apply(azure, wanted.identity, change)
    principal.id = made.after.principal_id if made.after else None
    return made


def _permit(azure: Azure, place: Place, change: Change[AccessPolicy], principal: Principal) -> Change[AccessPolicy]:
    new = change.after if not change.before else None
    return vault_access.apply(azure, place, [Change(None, replace(new, object_id=principal.id)) if new else change])[0]


def former(azure: Azure, wanted: Wanted, found: Found) -> list[Former]:
    """The other identities of the resource group that trust the same tokens; a request a page, one for each of those identities, and one for each registry
    and vault of those that do."""
    known = [credential for credential in found.trusted if credential.issuer]
    if wanted.in_use is None or not known:
        return []
    group = wanted.identity.resource_group
    left = []
    for identity in identities.read_others(azure, group, (wanted.identity.name, *wanted.in_use)):
        trusting = [one for one in federation.read(azure, Parent(group, identity.name)) or () if any(map(one.trusts_as, known))]
        if trusting:
            permissions = _permissions(azure, found, identity)
            left += [Former(identity.name, credential, permissions) for credential in trusting]
    return left


def _permissions(azure: Azure, found: Found, identity: Identity) -> tuple[str, ...]:
    roles = [f"{role} on {ids.last(grant.scope)}" for grant in found.grants for role in grants.held(azure, grant, identity.principal_id)]
    entries = [policy for policy in found.policies if ids.same(policy.object_id, identity.principal_id) and policy.secrets]
    return (*roles, *(f"secrets: {', '.join(sorted(entry.secrets))} in {found.vault.name}" for entry in entries if found.vault))
