# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A managed identity with whom it trusts and what it may do, as one thing. Private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from .._azure import ids
from .._azure.arguments import each, known_unless, resource_options
from .._azure.errors import ModuleError, refuse
from .._azure.session import Azure
from .._azure.writes import Permission, Step
from .._change import Change
from .._ratify import vaults as in_vaults
from . import access_policies as vault_access
from . import federated_credentials as federation
from . import grants, identities, registries, vaults
from . import managed_clusters as clusters
from .federated_credentials import AUDIENCE, FederatedCredential, Parent
from .grants import Grant, Principal
from .identities import Identity
from .registries import Registry
from .role_assignments import RoleAssignment
from .vault_anchors import Examined, examined
from .vaults import AccessPolicy, Place, Vault

POLICIES = "Microsoft.KeyVault/vaults/accessPolicies/write"
"""The action that adds and removes entries: https://learn.microsoft.com/azure/role-based-access-control/permissions/security#microsoftkeyvault"""
READ = {"secrets": ["get"]}
"""Ratify reads a certificate as the secret behind it (docs/permissions.md)."""


@dataclass(frozen=True)
class Trust:
    """A federated credential that is asked for; `cluster` is the one whose issuer it gets, where the credential's own is not known."""

    credential: FederatedCredential
    cluster: clusters.Wanted | None = None


@dataclass(frozen=True)
class WantedVault:
    """A vault (as `ids.resource` returns it), and the certificates in it by which Ratify has to verify; `option` names it in errors."""

    at: Mapping[str, str]
    certificates: tuple[Mapping[str, Any], ...] = ()
    option: str = "vaults[0]"

    @property
    def place(self) -> Place:
        return Place(self.at["resource_group"], self.at["name"], option=f"{self.option}.name")

    def login(self, azure: Azure) -> Azure:
        """The login in the vault's subscription."""
        return azure.within(self.at.get("subscription_id"))


@dataclass(frozen=True)
class Wanted:
    """What is asked. `registries` are as `ids.resource` returns them; in `former_vaults` the identity may do nothing any more; `in_use` names the identities
    that are not looked at as former ones, None: none is looked for."""

    identity: identities.Wanted
    trusts: tuple[Trust, ...] = ()
    change_issuer: bool = True
    registries: tuple[Mapping[str, str], ...] = ()
    vaults: tuple[WantedVault, ...] = ()
    former_vaults: tuple[WantedVault, ...] = ()
    in_use: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        federation.check_set([trust.credential for trust in self.trusts], "federated_credentials")
        # No two vaults of Azure have one name.
        names = [vault.at["name"].lower() for vault in self.vaults]
        if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            raise refuse(f"vaults has {' and '.join(twice)} twice; leave out one.")
        names += [vault.at["name"].lower() for vault in self.former_vaults]
        if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            raise refuse(f"former_vaults has {' and '.join(twice)} twice, or vaults has it too; leave out one.")

    @property
    def parent(self) -> Parent:
        return Parent(self.identity.resource_group, self.identity.name)


@dataclass(frozen=True)
class Former:
    """An identity that has a federated credential which trusts the same tokens, and what it may do on the registries and in the vaults, in words."""

    name: str
    credential: FederatedCredential
    permissions: tuple[str, ...]

    def shown(self) -> dict[str, Any]:
        return {"name": self.name, "federated_credential": self.credential.shown(), "permissions": list(self.permissions)}


@dataclass(frozen=True)
class FoundVault:
    """A vault that is asked for, as it is, with everybody's policies."""

    wanted: WantedVault
    vault: Vault
    policies: tuple[AccessPolicy, ...] = ()


@dataclass(frozen=True)
class Found:
    """The existing objects. `trusted` are the credentials that are asked for, with their issuers; `users` names clusters by their issuers."""

    identity: Identity | None = None
    credentials: tuple[FederatedCredential, ...] = ()
    trusted: tuple[FederatedCredential, ...] = ()
    users: Mapping[str, str] = field(default_factory=dict)
    registries: tuple[Registry, ...] = ()
    vaults: tuple[FoundVault, ...] = ()
    former_vaults: tuple[FoundVault, ...] = ()
    roles: Mapping[str, Sequence[RoleAssignment]] = field(default_factory=dict)
    """The identity's assignments, by the resource's id."""

    @property
    def principal_id(self) -> str | None:
        return self.identity.principal_id if self.identity else None

    @property
    def grants(self) -> list[Grant]:
        on_vaults = [*(grants.on_vault(each.vault) for each in self.vaults), *(grants.on_former_vault(each.vault) for each in self.former_vaults)]
        return [*map(grants.on_registry, self.registries), *on_vaults]


def options() -> dict[str, Any]:
    """The options by which this is asked for, of module workload_identity, where they are documented."""
    cluster = dict(resource_group=dict(type="str", required=True), name=dict(type="str", required=True))
    certificate = dict(name=dict(type="str", required=True), version=dict(type="str"), vault=dict(type="str"))
    credential = dict(
        name=dict(type="str", required=True),
        issuer=dict(type="str"),
        cluster=dict(type="dict", options=cluster),
        subject=dict(type="str", required=True),
        audiences=dict(type="list", elements="str", default=[AUDIENCE]),
    )
    return dict(
        resource_group=dict(type="str", required=True),
        name=dict(type="str", required=True),
        location=dict(type="str"),
        tags=dict(type="dict"),
        append_tags=dict(type="bool", default=False),
        federated_credentials=dict(type="list", elements="dict", default=[], options=credential),
        change_issuer=dict(type="bool", default=True),
        registries=dict(type="list", elements="dict", default=[], options=resource_options()),
        vaults=dict(type="list", elements="dict", default=[], options=resource_options()),
        former_vaults=dict(type="list", elements="dict", default=[], options=resource_options()),
        certificates=dict(type="list", elements="dict", default=[], options=certificate),
        except_identities=dict(type="list", elements="str"),
    )


def wanted(given: Mapping[str, Any], *, check: bool) -> Wanted:
    """What these options ask for. Raises `ModuleError`."""
    identity = identities.Wanted(
        name=given["name"],
        resource_group=given["resource_group"],
        location=given["location"],
        tags=None if given["tags"] is None else {str(key): str(value) for key, value in given["tags"].items()},
        append_tags=given["append_tags"],
    )
    return Wanted(
        identity,
        trusts=tuple(each(given, "federated_credentials", partial(_trust, check))),
        change_issuer=given["change_issuer"],
        registries=tuple(ids.resource(f"registries[{number}]", "registry", entry) for number, entry in enumerate(given["registries"])),
        vaults=tuple(_vaults(given)),
        former_vaults=tuple(_former_vault(f"former_vaults[{number}]", entry) for number, entry in enumerate(given["former_vaults"])),
        in_use=None if given["except_identities"] is None else tuple(given["except_identities"]),
    )


def _vaults(given: Mapping[str, Any]) -> Iterator[WantedVault]:
    places = [ids.resource(f"vaults[{number}]", "vault", entry) for number, entry in enumerate(given["vaults"])]
    names, certificates = [place["name"] for place in places], given["certificates"]
    if unplaced := in_vaults.problems(names, certificates):
        raise refuse(unplaced[0])
    for number, (place, held) in enumerate(zip(places, in_vaults.by_vault(names, certificates), strict=True)):
        yield WantedVault(place, tuple(held), f"vaults[{number}]")


def _former_vault(option: str, entry: Mapping[str, Any]) -> WantedVault:
    return WantedVault(ids.resource(option, "vault", entry), option=option)


def _trust(check: bool, entry: Mapping[str, Any]) -> Trust:
    """The federated credential that an entry asks for, and the cluster that has its issuer."""
    cluster = clusters.Wanted(**entry["cluster"], option="cluster.name") if entry["cluster"] else None
    issuer = (entry["issuer"] or None) if cluster else known_unless(check, "issuer", entry)
    return Trust(federation.check(FederatedCredential(entry["name"], issuer, entry["subject"], tuple(entry["audiences"]))), cluster)


def read(azure: Azure, wanted: Wanted, *, check: bool) -> Found:
    """All that decides, in about a request an object. Raises `ModuleError` for a registry, vault or cluster that is missing (a cluster not with `check`), and
    for a vault that Ratify cannot use."""
    found = read_trust(azure, wanted, check=check)
    found = replace(found, registries=tuple(registries.read_at(azure, place) for place in wanted.registries))
    found = replace(found, vaults=tuple(read_vault(azure, vault) for vault in wanted.vaults))
    found = replace(found, former_vaults=tuple(vault for each in wanted.former_vaults if (vault := find_vault(azure, each))))
    if unusable := [sentence for vault in found.vaults for sentence in examined_vault(azure, vault).problems]:
        raise ModuleError(" ".join(unusable), code="UnusableVault")
    return with_roles(azure, found)


def read_trust(azure: Azure, wanted: Wanted, *, check: bool) -> Found:
    """The identity and whom it trusts. Raises `ModuleError` as `read`."""
    identity = identities.read(azure, wanted.identity)
    credentials = (federation.read(azure, wanted.parent) if identity and wanted.trusts else None) or ()
    trusted = tuple(_trusted(azure, trust, check=check) for trust in wanted.trusts)
    federation.check_set(trusted, "federated_credentials")
    users = clusters.by_issuer(azure) if not wanted.change_issuer and federation.changes_issuer(credentials, trusted) else {}
    return Found(identity, credentials, trusted, users)


def with_roles(azure: Azure, found: Found) -> Found:
    """`found` with what the identity may do on its registries and in its vaults; a request for each."""
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


def read_vault(azure: Azure, wanted: WantedVault) -> FoundVault:
    """The vault and everybody's policies. Raises `ModuleError` where there is none."""
    found = find_vault(azure, wanted)
    if not found:
        raise vaults.missing(wanted.login(azure), wanted.place)
    return found


def find_vault(azure: Azure, wanted: WantedVault) -> FoundVault | None:
    """As `read_vault`; None where there is none. Raises `ModuleError` where that cannot be read."""
    found = vaults.read(wanted.login(azure), wanted.place)
    return FoundVault(wanted, *found) if found else None


def examined_vault(azure: Azure, found: FoundVault) -> Examined:
    """The vault's certificates, and why Ratify could not use the vault or them, in a sentence each."""
    return examined(found.wanted.login(azure), found.vault, found.wanted.certificates)


def plan(azure: Azure, wanted: Wanted, found: Found) -> list[Step]:
    """All changes in the order in which they are made; no request. Raises `ModuleError` where one is not possible or not allowed."""
    principal = Principal(found.principal_id)
    change = identities.plan(found.identity, wanted.identity)
    scope = (found.identity and found.identity.id) or ids.group(azure.subscription_id, wanted.identity.resource_group)
    create, needs = partial(_create, azure, wanted, change, principal), Permission("Microsoft.ManagedIdentity/userAssignedIdentities/write", scope)
    steps = [Step(identities.does(wanted.identity, change), create, change, str(wanted.identity), needs)]
    trust = federation.plan(found.credentials, found.trusted, clusters=found.users)
    steps += federation.steps(azure, wanted.parent, trust, scope)
    for registry in found.registries:
        grant = grants.on_registry(registry)
        steps += grants.steps(azure, grant, found.roles[grant.scope], principal)
    for one in found.vaults:
        steps += _vault_steps(azure, found, one, principal, grants.on_vault(one.vault), permitted=not one.vault.rbac_enabled)
    for one in found.former_vaults:
        steps += _vault_steps(azure, found, one, principal, grants.on_former_vault(one.vault), permitted=False)
    return steps


def _vault_steps(azure: Azure, found: Found, one: FoundVault, principal: Principal, grant: Grant, *, permitted: bool) -> list[Step]:
    """What gives, or takes away, the access policy of the principal and its roles. The vault heeds one of the two only. The other would begin to count, unseen,
    on the day its permission model is switched."""
    policy = vault_access.policy(principal.id, None, READ if permitted else None, some=False)
    if permitted:
        (entry,) = vault_access.plan(one.vault, one.policies, [policy], exact=False)
    else:
        (entry,) = vault_access.plan_absent(one.policies, [policy])
    does, place = f"{'add permissions to' if entry.after else 'remove'} the access policy in {grant.on}", one.wanted.place
    permit, needs = partial(_permit, one.wanted.login(azure), place, entry, principal), Permission(POLICIES, grant.scope)
    return [Step(does, permit, entry, f"access policies of {place}", needs), *grants.steps(azure, grant, found.roles[grant.scope], principal)]


def managed(steps: Sequence[Step]) -> Identity:
    """The identity as it is after these steps."""
    return next(step.change.after for step in steps if isinstance(step.change.after, Identity))


def trusted(found: Found, steps: Sequence[Step]) -> list[FederatedCredential]:
    """The credentials that are asked for, as they are after these steps."""
    after = [step.change.after for step in steps if isinstance(step.change.after, FederatedCredential)]
    return [each for one in found.trusted for each in after if ids.same(each.name, one.name)]


def shown(found: Found, steps: Sequence[Step], others: Sequence[Former]) -> dict[str, Any]:
    """What module workload_identity returns after these steps, in check mode of the planned ones, beside the steps themselves."""
    return {
        "identity": managed(steps).shown(),
        "federated_credentials": [one.shown() for one in trusted(found, steps)],
        "registries": [registry.shown() for registry in found.registries],
        "vaults": [each.vault.shown() for each in found.vaults],
        "former_identities": [one.shown() for one in others],
    }


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
    entries = [(each.vault.name, policy.secrets) for each in found.vaults for policy in each.policies if ids.same(policy.object_id, identity.principal_id)]
    return (*roles, *(f"secrets: {', '.join(sorted(secrets))} in {name}" for name, secrets in entries if secrets))
