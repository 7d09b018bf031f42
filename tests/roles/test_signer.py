"""Role signer: from an empty vault and unsigned images to signed ones, by the real notation, with the real registry behind the emulated one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import KEY_VAULT_CERTIFICATES_OFFICER, KEY_VAULT_CRYPTO_USER
from lab.azure.state import ServicePrincipal, Vault
from lab.build import tools
from tests.support.emulated import OBJECT_ID, Emulated
from tests.support.module_runs import Backend
from tests.support.signing import SERVER, image, repository
from tests.support.signing_world import plugins, storage

from .conftest import GROUP, OF_ALL_ROLES, ROOT, Command, Play, Played, played

__all__ = ["plugins", "storage"]

PIPELINE = "99999999-aaaa-bbbb-cccc-000000000001"
SUBJECT = "C=US, ST=WA, O=Contoso, CN=release.contoso.example"
MAKE = ["get", "list", "create", "update"]
"""Permissions on certificates of who makes them."""
SIGN = "image_trust.azure.signer : Sign one batch"
MADE = "image_trust.azure.signer : Configure the certificate"


class World:
    """An empty vault in which the login may make certificates and sign, and a repository of this test's own with images v1, v2 and draft."""

    def __init__(self, azure: Emulated, vault: Vault, play: Play, storage: str, name: str, given: dict[str, Any]) -> None:
        self.azure, self.vault, self._play, self.storage, self.name, self.given = azure, vault, play, storage, name, given
        for tag in ("v1", "v2", "draft"):
            repository(storage, name).push(tag, image(f"{name} {tag}"))
        self.permit(certificates=MAKE, keys=["sign"])

    def sign(self, **given: Any) -> Played:
        return self._play("signer", hosts=("release",), **{**self.given, **given})

    def permit(self, **permissions: list[str]) -> None:
        self.vault.properties["accessPolicies"] = [{"tenantId": self.vault.properties["tenantId"], "objectId": OBJECT_ID, "permissions": permissions}]

    @property
    def pushes(self) -> list[str]:
        return [entry.path for entry in self.azure.requests if entry.method == "PUT" and "/manifests/" in entry.path]

    @property
    def writes(self) -> list[str]:
        return [*self.azure.writes, *(entry.path for entry in self.azure.requests if entry.path.endswith(("/create", "/sign", "/uploads/")))]


@pytest.fixture
def world(public_azure: Emulated, backend: Backend, play: Play, storage: str, plugins: Path, request: pytest.FixtureRequest) -> World:
    backend.registry = storage
    vault = public_azure.state.vault_named(GROUP)
    assert vault
    vault.registered_at = 0
    name = f"shop-{abs(hash(request.node.name)) % 10**8}"
    given = {
        "signer_vault": {"name": GROUP, "resource_group": GROUP},
        "signer_subject": SUBJECT,
        "signer_images": [f"{SERVER}/{name}:v*"],
        "signer_batch_size": 1,
        "signer_notation_path": str(tools.program("notation")),
        "signer_plugin_folder": str(plugins),
    }
    return World(public_azure, vault, play, storage, name, given)


def test_from_an_empty_vault_to_signed_images_as_its_check_says_and_then_nothing(world: World) -> None:
    predicted = world.sign(check=True)
    assert (predicted.errors, world.writes) == ([], [])
    done = world.sign()
    assert done.errors == []
    assert done.changed == predicted.changed
    assert [line.rpartition(": ")[::2] for line in done.changed] == [(MADE, ""), (SIGN, "1 of 2"), (SIGN, "2 of 2")]
    assert len(world.pushes) == 2
    result = done.facts["signer_result"]
    assert [each["tags"] for each in result["images"]] == [["v1"], ["v2"]]
    assert result["signed"] == [each["reference"] for each in result["images"]]
    assert result["certificate"]["policy"]["exportable"] is False

    again = world.sign()
    assert (again.errors, again.changed, world.writes) == ([], [], [])
    repository(world.storage, world.name).push("v3", image(f"{world.name} v3"))
    new = world.sign().facts["signer_result"]
    assert [each["reference"] for each in new["images"] if each["tags"] == ["v3"]] == new["signed"]
    assert len(world.pushes) == 1
    assert world.sign(signer_only=f"{SERVER}/{world.name}:draft").errors == []
    assert len(world.pushes) == 1, "a pipeline signs what it has just pushed and nothing else"


def test_another_version_signs_all_images_and_then_the_signatures_of_the_former_one_go(world: World) -> None:
    first = world.sign().facts["signer_result"]["certificate"]["version"]
    done = world.sign(signer_replace_version=first, signer_batch_size=20)
    assert (done.errors, len(world.pushes)) == ([], 2)
    assert done.facts["signer_result"]["certificate"]["version"] != first
    removed = world.sign(signer_replace_version=first, signer_former_versions=[first])
    assert (removed.errors, world.pushes, len([each for each in world.writes if each.startswith("DELETE")])) == ([], [], 2)
    assert world.sign(signer_replace_version=first, signer_former_versions=[first]).changed == []


def test_a_rotation_signs_nothing_where_site_yml_would_refuse_one_of_the_clusters(world: World, command: Command, tmp_path: Path) -> None:
    version = world.sign(signer_images=[]).facts["signer_result"]["certificate"]["version"]
    given = {**OF_ALL_ROLES, **world.given, "rotate_signer": "release", "rotate_version": version}
    words, environment = command("signer", **given)
    words[3] = str(ROOT / "playbooks/rotate.yml")
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    clusters = {"lab1": local, "lab2": {**local, "gatekeeper_replicas": 0}}
    # With -e no rotation could set it.
    trust = {"ratify_certificates": [{"name": "release"}]}
    groups = {"signers": {"hosts": {"release": local}}, "clusters": {"hosts": clusters, "vars": trust}}
    (tmp_path / "inventory").write_text(yaml.safe_dump(groups))
    world.azure.forget_requests()
    run = played(words, environment)
    assert [error for error in run.errors if "gatekeeper_replicas is 0" in error], run.errors
    assert (world.pushes, world.writes) == ([], [])


@pytest.mark.parametrize("rbac", [False, True], ids=["access policies", "Azure RBAC"])
def test_a_pipeline_s_principal_gets_what_it_takes_to_sign_and_loses_it_again(world: World, rbac: bool) -> None:
    principal = {"signer_principal_ids": [PIPELINE], "signer_registries": [{"name": "imagetrustlab", "resource_group": GROUP}], "signer_images": []}
    world.azure.state.service_principals["pipeline"] = ServicePrincipal("pipeline", PIPELINE, "pipeline", "secret")
    for role in (KEY_VAULT_CERTIFICATES_OFFICER, KEY_VAULT_CRYPTO_USER):
        new_assignment(world.azure.state, world.vault.id, role.guid, OBJECT_ID).effective_at = 0
    world.vault.properties["enableRbacAuthorization"] = rbac
    given = world.sign(**principal)
    assert given.errors == []
    roles = {each.role_definition_id.rpartition("/")[2] for each in world.azure.state.role_assignments.values() if each.principal_id == PIPELINE}
    policies = [each["permissions"] for each in world.vault.properties["accessPolicies"] if each["objectId"] == PIPELINE]
    assert (len(roles), len(policies)) == ((3, 0) if rbac else (1, 1))
    assert world.sign(**principal).changed == []
    registry = world.azure.state.registry_named("imagetrustlab")
    assert registry
    # What was given in the modes of before is taken back as well.
    registry.properties["roleAssignmentMode"] = "AbacRepositoryPermissions"
    world.vault.properties["enableRbacAuthorization"] = not rbac
    assert world.sign(**principal, signer_state="absent").errors == []
    assert [each for each in world.azure.state.role_assignments.values() if each.principal_id == PIPELINE] == []
    assert [each for each in world.vault.properties["accessPolicies"] if each["objectId"] == PIPELINE and any(each["permissions"].values())] == []


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an image that does not exist": ({"signer_images": [f"{SERVER}/nowhere:v1"]}, "nowhere"),
    "a plugin that is missing": ({"signer_plugin_folder": "/nowhere"}, "notation has no plugin azure-kv in"),
    "a subject without O": ({"signer_subject": "C=US, ST=WA, CN=x"}, "O"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_written(world: World, name: str) -> None:
    given, said = REFUSED[name]
    run = world.sign(**given)
    assert run.errors
    assert said in run.errors[0]
    assert world.writes == []


@pytest.mark.parametrize("rbac", [False, True], ids=["access policies", "Azure RBAC"])
def test_a_login_that_may_not_sign_is_refused_before_the_first_write_where_something_is_to_be_signed(world: World, rbac: bool) -> None:
    new_assignment(world.azure.state, world.vault.id, KEY_VAULT_CERTIFICATES_OFFICER.guid, OBJECT_ID).effective_at = 0
    world.vault.properties["enableRbacAuthorization"] = rbac
    world.permit(certificates=MAKE)
    said = {
        False: f"no access policy has the permission sign on keys. Give it that (az keyvault set-policy --name {GROUP} --object-id {OBJECT_ID}",
        True: "none of its roles has the data action Microsoft.KeyVault/vaults/keys/sign/action. Assign it Key Vault Crypto User on the vault",
    }[rbac]
    refused = world.sign()
    assert f"The login (object id {OBJECT_ID}) may not sign with the key release of the vault {GROUP}: {said}" in refused.errors[0]
    assert world.writes == []

    role = new_assignment(world.azure.state, f"{world.vault.id}/keys/release", KEY_VAULT_CRYPTO_USER.guid, OBJECT_ID)
    role.effective_at = 0
    world.permit(certificates=MAKE, keys=["sign"])
    signed = world.sign()
    assert signed.errors == []

    role.effective_at = float("inf")
    world.permit(certificates=MAKE)
    assert (world.sign().errors, world.writes) == ([], []), "nothing is to be signed"
    rotated = world.sign(signer_replace_version=signed.facts["signer_result"]["certificate"]["version"])
    assert said in rotated.errors[0]
    assert world.writes == []


def test_a_batch_that_fails_says_what_is_signed_and_the_next_run_goes_on(world: World) -> None:
    world.permit(certificates=MAKE)
    # Which may be a group that the login is in: only the vault knows.
    another = {"tenantId": world.vault.properties["tenantId"], "objectId": PIPELINE, "permissions": {"keys": ["sign"]}}
    world.vault.properties["accessPolicies"].append(another)
    run = world.sign(signer_batch_size=20)
    assert "Signed are 0 of the 2 images that need it, not signed" in run.errors[-1]
    world.permit(certificates=MAKE, keys=["sign"])
    done = world.sign()
    assert (done.errors, len(world.pushes)) == ([], 2)
