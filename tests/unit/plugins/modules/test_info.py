"""keyvault_info and registry_info."""

from __future__ import annotations

import pytest

from tests.support.emulated import Emulated
from tests.support.module_runs import Run, failure

GROUP = {"resource_group": "image-trust-lab"}


@pytest.mark.parametrize("rbac", [True, False, None])
def test_a_vault_s_uri_and_permission_model(run: Run, azure: Emulated, rbac: bool | None) -> None:
    vault = azure.state.vault_named("image-trust-lab")
    assert vault
    vault.properties["enableRbacAuthorization"] = rbac
    for check in (True, False):
        result = run("keyvault_info", check=check, **GROUP, name="image-trust-lab")
        assert result["changed"] is False
        assert result["vault"] == {
            "id": vault.id,
            "name": "image-trust-lab",
            "uri": "https://image-trust-lab.vault.azure.net/",
            "tenant_id": azure.state.tenant,
            "rbac_enabled": bool(rbac),
            "permission_model": "Azure role-based access control" if rbac else "Vault access policy",
            "secrets_role": "Key Vault Secrets User",
        }
        assert len(azure.reads) == 1


@pytest.mark.parametrize(
    ("mode", "pull", "push"),
    [
        ("AbacRepositoryPermissions", ["Container Registry Repository Reader", "AcrPull"], ["Container Registry Repository Writer", "AcrPush"]),
        ("LegacyRegistryPermissions", ["AcrPull", "Container Registry Repository Reader"], ["AcrPush", "Container Registry Repository Writer"]),
        (None, ["AcrPull", "Container Registry Repository Reader"], ["AcrPush", "Container Registry Repository Writer"]),
    ],
)
def test_a_registry_s_login_server_and_permission_model(run: Run, azure: Emulated, mode: str | None, pull: list[str], push: list[str]) -> None:
    registry = azure.state.registry_named("imagetrustlab")
    assert registry
    registry.properties["roleAssignmentMode"] = mode
    result = run("registry_info", **GROUP, name="imagetrustlab")
    assert result["registry"] == {
        "id": registry.id,
        "name": "imagetrustlab",
        "login_server": "imagetrustlab.azurecr.io",
        "role_assignment_mode": mode or "LegacyRegistryPermissions",
        "pull_role": pull[0],
        "pull_roles": pull,
        "push_role": push[0],
        "push_roles": push,
    }
    assert len(azure.reads) == 1
    assert azure.writes == []


def test_a_mode_that_is_not_known_is_not_guessed(run: Run, azure: Emulated) -> None:
    registry = azure.state.registry_named("imagetrustlab")
    assert registry
    registry.properties["roleAssignmentMode"] = "SomethingNew"
    assert "is in the mode SomethingNew, which is not known here" in failure(run("registry_info", **GROUP, name="imagetrustlab"))


@pytest.mark.parametrize(("module", "what"), [("keyvault_info", "vault"), ("registry_info", "registry")])
@pytest.mark.parametrize(("group", "name"), [("image-trust-lab", "nowhere"), ("nowhere", "imagetrustlab")])
def test_what_does_not_exist_is_named(run: Run, module: str, what: str, group: str, name: str) -> None:
    sentence = failure(run(module, resource_group=group, name=name))
    assert sentence == f"There is no {what} {name} in resource group {group}; create it, or check name, resource_group and subscription_id."


@pytest.mark.parametrize("module", ["keyvault_info", "registry_info"])
def test_bad_names_are_refused_before_any_request(run: Run, azure: Emulated, module: str) -> None:
    assert "name is 'a/b', but must be" in failure(run(module, **GROUP, name="a/b"))
    assert azure.requests == []
