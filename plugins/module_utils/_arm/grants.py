# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The roles of a principal on registries and vaults that count there, and those that do not. Private to the collection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from .._azure.session import Azure
from .._azure.writes import Permission, Step
from .._change import Change
from . import role_assignments
from .registries import Registry
from .role_assignments import RoleAssignment
from .vaults import ROLE_UNDER_RBAC, Vault


@dataclass
class Principal:
    """Who gets the roles. `id` is None until what it belongs to exists; the step that creates that sets it."""

    id: str | None


@dataclass(frozen=True)
class Grant:
    """Roles of a principal on one resource: `given` are assigned, then `idle`, which have no effect there, taken away (docs/adr/0004-no-idle-permissions.md).
    `on` names the resource and why."""

    scope: str
    on: str
    given: tuple[str, ...]
    idle: tuple[str, ...]

    @property
    def roles(self) -> tuple[str, ...]:
        return self.given + self.idle


def on_registry(registry: Registry) -> Grant:
    """The one role that lets a principal pull in the registry's mode."""
    given, *idle = registry.pull_roles
    return Grant(registry.id, f"the registry {registry.name} in mode {registry.role_assignment_mode}", (given,), tuple(idle))


def on_vault(vault: Vault) -> Grant:
    """The role that lets a principal read secrets under Azure RBAC."""
    role = (ROLE_UNDER_RBAC,)
    given, idle = (role, ()) if vault.rbac_enabled else ((), role)
    return Grant(str(vault.id), f"the vault {vault.name}, whose permission model is {vault.permission_model}", given, idle)


def on_former_vault(vault: Vault) -> Grant:
    """None, whatever the vault goes by."""
    return Grant(str(vault.id), f"the vault {vault.name}, which is a former one", (), (ROLE_UNDER_RBAC,))


def read(azure: Azure, grant: Grant, principal_id: str | None) -> tuple[RoleAssignment, ...]:
    """The principal's assignments on the resource, above and below; one request, none where the principal is not known."""
    return role_assignments.read(azure, RoleAssignment(grant.scope, "", principal_id))


def held(azure: Azure, grant: Grant, principal_id: str | None) -> list[str]:
    """Which of the roles the principal has on the resource; one request."""
    current = read(azure, grant, principal_id)
    return [role for role in grant.roles if role_assignments.plan_absent(current, _wanted(azure, grant, role, principal_id)).before]


def steps(azure: Azure, grant: Grant, current: Iterable[RoleAssignment], principal: Principal) -> list[Step]:
    """What assigns the roles that count, then what takes the others away; no request but for a role whose id is not known here."""
    assigned = tuple(current)
    planned = []
    for role in grant.roles:
        wanted = _wanted(azure, grant, role, principal.id)
        change = role_assignments.plan(assigned, wanted) if role in grant.given else role_assignments.plan_absent(assigned, wanted)
        does = f"{'assign' if role in grant.given else 'take away'} the role {role} on {grant.on}"
        needs = Permission(f"Microsoft.Authorization/roleAssignments/{'write' if change.after else 'delete'}", grant.scope)
        planned.append(Step(does, partial(_apply, azure, change, principal), change, f"role {role} on {grant.on}", needs))
    return planned


def _wanted(azure: Azure, grant: Grant, role: str, principal_id: str | None) -> RoleAssignment:
    return role_assignments.find_role(azure, role_assignments.Wanted(grant.scope, role, principal_id, "ServicePrincipal"))


def _apply(azure: Azure, change: Change[RoleAssignment], principal: Principal) -> Change[RoleAssignment]:
    new = change.after if not change.before else None
    return role_assignments.apply(azure, Change(None, replace(new, principal_id=principal.id)) if new else change)
