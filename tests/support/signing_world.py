"""A vault that signs, a registry and images, behind the emulated Azure, with the real notation: for the tests of the modules that sign or read who has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.state import Vault
from lab.build import tools
from lab.build.oci import Packed
from lab.config import SUBSCRIPTION
from lab.signing import azure_kv
from tests.support.emulated import OBJECT_ID, Emulated
from tests.support.module_runs import Backend, Run
from tests.support.signing import SERVER, image, registry, repository, signer

SIGNER = signer()


class World:
    """A vault that the login may sign with, a registry that it may push to, and images in it."""

    def __init__(self, azure: Emulated, vault: Vault, storage: str, run: Run, options: dict[str, Any]) -> None:
        self.azure, self.vault, self.storage, self._run, self.options, self._pushed = azure, vault, storage, run, options, 0

    def push(self, name: str, server: str = SERVER, tag: str = "v1") -> Packed:
        """An image like no other."""
        self._pushed += 1
        made = image(f"{name} {id(self)} {self._pushed}")
        repository(self.storage, name, server).push(tag, made)
        return made

    def sign(self, *images: str, **options: Any) -> dict[str, Any]:
        given = {name: value for name, value in {**self.options, **options}.items() if value is not None}
        return self._run("image_signature", images=list(images), **given)

    def info(self, *images: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._run("image_signature_info", images=list(images), notation_path=self.options["notation_path"])["images"]
        return found

    def permit(self, **permissions: list[str]) -> None:
        self.vault.properties["accessPolicies"] = [{"tenantId": self.vault.properties["tenantId"], "objectId": OBJECT_ID, "permissions": permissions}]

    @property
    def pushes(self) -> list[str]:
        return [entry.path for entry in self.azure.requests if entry.method == "PUT" and "/manifests/" in entry.path]


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tools.family("notation").build()
    with registry(tmp_path_factory.mktemp("registry")) as url:
        yield url


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notation") / "plugins"
    azure_kv.install(folder)
    return folder


@pytest.fixture
def world(public_azure: Emulated, backend: Backend, run: Run, storage: str, plugins: Path) -> World:
    backend.registry = storage
    vault = public_azure.state.vault_named("image-trust-lab")
    assert vault
    vault.registered_at = 0
    options = {"key_id": SIGNER.into(vault, "release"), "notation_path": str(tools.program("notation")), "plugin_folder": str(plugins)}
    made = World(public_azure, vault, storage, run, options)
    made.permit(keys=["sign"], certificates=["get"])
    return made


def roles(azure: Emulated, role: Any) -> None:
    """The only role of the login is this one, or none."""
    azure.state.role_assignments.clear()
    if role:
        new_assignment(azure.state, f"/subscriptions/{SUBSCRIPTION}", role.guid, OBJECT_ID)
