"""Images by names and patterns: the real registry, behind the emulated Azure."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._azure import registry_plane

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.roles import ACR_PULL, OWNER, REPOSITORY_CATALOG_LISTER, REPOSITORY_READER, Role
from lab.build.oci import MANIFEST, Packed
from lab.config import SUBSCRIPTION
from tests.support.emulated import OBJECT_ID, Emulated
from tests.support.module_runs import Backend, Run, failure
from tests.support.return_values import MODULES, not_returned
from tests.support.signing import SERVER, digest_of, image, push, registry, repository

pytestmark = pytest.mark.slow
INDEX = "application/vnd.oci.image.index.v1+json"
ABAC, LEGACY = "AbacRepositoryPermissions", "LegacyRegistryPermissions"
WEB, CART, OTHER = image("web"), image("cart"), image("other")


class World:
    """A registry that the login may read, with the images that a test pushes."""

    def __init__(self, azure: Emulated, storage: str, run: Run) -> None:
        self.azure, self.storage, self._run = azure, storage, run

    def push(self, name: str, packed: Packed, *tags: str) -> None:
        for tag in tags:
            repository(self.storage, name).push(tag, packed)

    def run(self, *images: str) -> dict[str, Any]:
        return self._run("registry_images_info", images=list(images))

    def found(self, *images: str) -> list[tuple[str, list[str], str]]:
        result = self.run(*images)
        assert not result.get("failed"), result["msg"]
        assert not result["changed"]
        return [(each["reference"], each["tags"], each["pattern"]) for each in result["images"]]

    def allow(self, mode: str, *roles: Role) -> None:
        made = self.azure.state.registry_named("imagetrustlab")
        assert made
        made.properties["roleAssignmentMode"] = mode
        self.azure.state.role_assignments.clear()
        for role in roles:
            new_assignment(self.azure.state, f"/subscriptions/{SUBSCRIPTION}", role.guid, OBJECT_ID)

    @property
    def lists(self) -> list[str]:
        """Paths of the lists that were asked for."""
        return [entry.path for entry in self.azure.requests if entry.path.startswith("/acr/v1/")]


@pytest.fixture
def world(public_azure: Emulated, backend: Backend, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with registry(tmp_path_factory.mktemp("registry")) as storage:
        backend.registry = storage
        made = World(public_azure, storage, run)
        made.push("shop/web", WEB, "release-2", "dev")
        made.push("shop/cart", CART, "release-1", "release-latest")
        made.push("shop/cart", OTHER, "release-10")
        made.push("shop/deep/er", OTHER, "release-1")
        made.push("shopping", OTHER, "release-1")
        yield made


def reference(name: str, packed: Packed) -> str:
    return f"{SERVER}/{name}@{packed.digest}"


def test_an_image_is_found_once_with_all_of_its_tags_that_match(world: World) -> None:
    pattern = f"{SERVER}/shop/*:release-*"
    assert world.found(pattern) == [
        (reference("shop/cart", CART), ["release-1", "release-latest"], pattern),
        (reference("shop/cart", OTHER), ["release-10"], pattern),
        (reference("shop/deep/er", OTHER), ["release-1"], pattern),
        (reference("shop/web", WEB), ["release-2"], pattern),
    ]


def test_names_and_patterns_come_in_their_order_and_each_image_by_the_first_of_them(world: World) -> None:
    by_digest, by_tag, of_one, of_all = reference("shop/web", WEB), f"{SERVER}/shopping:release-1", f"{SERVER}/shop/web:d*", f"{SERVER}/*/web"
    assert world.found(by_digest, by_tag, by_digest) == [(by_digest, [], by_digest), (reference("shopping", OTHER), ["release-1"], by_tag)]
    assert world.found(of_one, of_all) == [(by_digest, ["dev", "release-2"], of_one)]
    assert world.found(of_all, of_one) == [(by_digest, ["dev", "release-2"], of_all)]


def test_what_is_attached_to_an_image_and_other_artifacts_match_no_pattern(world: World) -> None:
    def artifact(kind: str, **more: Any) -> bytes:
        config = {"mediaType": kind, "digest": digest_of(b"{}"), "size": 2}
        return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [], **more}).encode()

    of_an_image = "application/vnd.oci.image.config.v1+json"
    attached = WEB.digest.replace(":", "-")
    listed = {"mediaType": MANIFEST, "digest": CART.digest, "size": len(CART.manifest)}
    index, empty = [json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": of_it}).encode() for of_it in ([listed], [])]
    world.push("mixed", CART, "v1")
    push(world.storage, "mixed", "all", index, kind=INDEX)
    push(world.storage, "mixed", "chart", artifact("application/vnd.cncf.helm.config.v1+json"), b"{}")
    push(world.storage, "mixed", "signature", artifact("application/vnd.cncf.notary.signature"))
    push(world.storage, "mixed", "typed", artifact(of_an_image, artifactType="application/vnd.example"))
    push(world.storage, "mixed", f"{attached}.sig", artifact(of_an_image))
    push(world.storage, "mixed", attached, empty, kind=INDEX)
    assert world.found(f"{SERVER}/mixed:*") == [
        (f"{SERVER}/mixed@{digest_of(index)}", ["all"], f"{SERVER}/mixed:*"),
        (reference("mixed", CART), ["v1"], f"{SERVER}/mixed:*"),
    ]
    named = [f"{SERVER}/mixed:{tag}" for tag in ("chart", "signature", "typed", attached, f"{attached}.sig")]
    for name in named:
        assert failure(world.run(name)) == f"{name} is no image but what is attached to one, or another artifact; correct its name."
    # Else a login that can push could hide an image from the patterns.
    world.push("mixed", CART, f"sha256-{'0' * 64}")
    assert (reference("mixed", CART), ["v1"], f"{SERVER}/mixed:v*") in world.found(f"{SERVER}/mixed:v*")


def test_lists_are_read_to_their_ends_and_each_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_plane, "_PAGE", 2)
    world.push("shop/web", OTHER, *(f"v{number}" for number in range(4)))
    assert [tags for _, tags, _ in world.found(f"{SERVER}/shop/w*:v*", f"{SERVER}/*eb:*v*", f"{SERVER}/shopping:*")] == [
        ["v0", "v1", "v2", "v3"],
        ["dev"],
        ["release-1"],
    ]
    assert sorted(world.lists) == ["/acr/v1/_catalog"] * 2 + ["/acr/v1/shop/web/_tags"] * 3 + ["/acr/v1/shopping/_tags"]
    tokens = [entry.path for entry in world.azure.requests if entry.path in ("/oauth2/exchange", "/oauth2/token")]
    assert sorted(tokens) == ["/oauth2/exchange"] + ["/oauth2/token"] * 3, "one of the login, one for the catalog, one for each repository"


def test_a_pattern_of_one_repository_asks_for_no_catalog(world: World) -> None:
    world.allow(ABAC, REPOSITORY_READER)
    assert len(world.found(f"{SERVER}/shop/cart:release-*")) == 2
    assert world.lists == ["/acr/v1/shop/cart/_tags"]


@pytest.mark.parametrize(
    ("mode", "roles", "sentence"),
    [
        (LEGACY, [ACR_PULL], ""),
        (ABAC, [REPOSITORY_READER, REPOSITORY_CATALOG_LISTER], ""),
        (LEGACY, [], f"{SERVER} refuses this login; give its principal AcrPull on the registry"),
        (ABAC, [OWNER, ACR_PULL], f"{SERVER} refuses this login; give its principal AcrPull on the registry"),
        (ABAC, [REPOSITORY_READER], f"{SERVER} refuses this login the list of its repositories; give its principal AcrPull on the registry, or in ABAC mode"),
        (ABAC, [REPOSITORY_CATALOG_LISTER], f"{SERVER} refuses this login pull,metadata_read of shop/cart; give its principal AcrPull on the registry"),
    ],
)
def test_what_the_login_lacks_is_named(world: World, mode: str, roles: list[Role], sentence: str) -> None:
    world.allow(mode, *roles)
    result = world.run(f"{SERVER}/shop/cart*:*")
    assert sentence in failure(result) if sentence else len(result["images"]) == 2


def test_an_image_of_another_registry_is_read_without_login(world: World) -> None:
    repository(world.storage, "nginx", "docker.io/library").push("v1", WEB)
    assert world.found("nginx:v1") == [(f"docker.io/library/nginx@{WEB.digest}", ["v1"], "nginx:v1")]
    assert not [entry for entry in world.azure.requests if entry.path == "/oauth2/exchange"]


def test_all_that_does_not_exist_is_named_at_once(world: World) -> None:
    names = [f"{SERVER}/shop/web:none", f"{SERVER}/none@{WEB.digest}", f"{SERVER}/shop/w*:x*", f"{SERVER}/n*", f"{SERVER}/none:*", f"{SERVER}/shop/web:dev"]
    missing = [f"There is no image {name} in its registry; push it first, or correct its name." for name in names[:2]]
    unmatched = [f"There is no image that matches {name}; push one first, or correct the pattern." for name in names[2:5]]
    assert failure(world.run(*names)) == " ".join([*missing, *unmatched])


def test_all_that_is_written_wrongly_is_named_before_anything_is_asked(run: Run, azure: Emulated) -> None:
    good, bad = (
        f"{SERVER}/web:v1",
        "but must be an image with a digest or a tag, or a pattern of repository and tag such as <registry>.azurecr.io/shop/*:release-*.",
    )
    registry_of_azure = "but a pattern must begin with a registry of Azure, written out: <registry>.azurecr.io."
    wrong = {
        "*": registry_of_azure,
        "*.azurecr.io/web:v1": registry_of_azure,
        "docker.io/library/*:v1": registry_of_azure,
        "shop/*:v1": registry_of_azure,
        f"{SERVER}/web": bad,
        f"{SERVER}/Web:v1": bad,
        f"{SERVER}/shop//*": bad,
        f"{SERVER}/shop/*:": bad,
        f"{SERVER}/shop/[a-z]*:v1": bad,
        f"{SERVER}/shop/*@{WEB.digest}": bad,
        "": bad,
    }
    sentences = [f"images[{number}] is {name!r}, {why}" for number, (name, why) in enumerate(wrong.items(), 1)]
    result = run("registry_images_info", images=[good, *wrong])
    assert (failure(result), result["error"]["code"]) == (" ".join(sentences), "InvalidInput")
    assert azure.requests == []


def test_the_examples_run_and_return_what_is_documented(world: World, run: Run) -> None:
    """With the name of this registry in place of theirs."""
    world.push("web", WEB, "1.4")
    written = importlib.import_module(f"{MODULES}registry_images_info").EXAMPLES.replace("contosoimages.azurecr.io", SERVER)
    [options] = [task[key] for task in yaml.safe_load(written) if (key := "image_trust.azure.registry_images_info") in task]
    result = run("registry_images_info", **options)
    assert len(result["images"]) == 5
    assert not_returned("registry_images_info", result, run("registry_images_info", images=["*"])) == set()
