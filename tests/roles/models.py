"""Permission models of registries."""

from __future__ import annotations

from tests.support.emulated import Emulated

LEGACY, ABAC = "LegacyRegistryPermissions", "AbacRepositoryPermissions"


def switch(azure: Emulated, *, mode: str, rbac: bool) -> None:
    """The registry's mode and the vault's permission model."""
    registry, vault = azure.state.registry_named("imagetrustlab"), azure.state.vault_named("image-trust-lab")
    assert registry
    assert vault
    registry.properties["roleAssignmentMode"] = mode
    vault.properties["enableRbacAuthorization"] = rbac
