"""Which repositories, tags and manifests a pattern means."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._policy.references import Reference
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.patterns import Pattern, is_image, meant_by

SERVER = "contoso.azurecr.io"


@pytest.mark.parametrize(
    ("pattern", "repositories", "others", "tags", "other_tags"),
    [
        ("shop/*:release-*", "shop/web shop/deep/er", "shop shopping/web my/shop/web", "release-1 release-", "release rc-release-1 Release-1"),
        ("shop/*", "shop/web", "shop", "latest v1", ""),
        ("*", "web shop/web", "", "latest", ""),
        ("*/web:1.*", "shop/web a/b/web", "web shop/web2", "1.4", "1 114"),
        ("shop:*", "shop", "shop/web", "v1", ""),
        ("shop/*/web-*:*-rc*", "shop/a/web-x shop/a/b/web-", "shop/web-x", "1-rc 1-rc2", "1rc"),
        ("shop:*", "shop", "", "sha256-1", f"sha256-{'a' * 64} sha256-{'a' * 64}.sig sha512-{'a' * 128}.att"),
    ],
)
def test_an_asterisk_matches_any_characters(pattern: str, repositories: str, others: str, tags: str, other_tags: str) -> None:
    meant = meant_by(f"{SERVER}/{pattern}", 0)
    assert isinstance(meant, Pattern)
    assert meant.registry == SERVER
    assert [name for name in f"{repositories} {others}".split() if meant.has_repository(name)] == repositories.split()
    assert [tag for tag in f"{tags} {other_tags}".split() if meant.has_tag(tag)] == tags.split()


def test_a_name_without_an_asterisk_is_itself() -> None:
    assert meant_by(f"{SERVER}/shop/web:v1", 0) == Reference(f"{SERVER}/shop/web", "v1")


OCI, DOCKER = "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"


@pytest.mark.parametrize(
    ("manifest", "image"),
    [
        ({"config": {"mediaType": OCI}}, True),
        ({"config": {"mediaType": DOCKER}}, True),
        ({"manifests": []}, True),
        ({"config": {"mediaType": OCI}, "artifactType": ""}, True),
        ({"config": {"mediaType": OCI}, "artifactType": "application/vnd.example"}, False),
        ({"manifests": [], "artifactType": "application/vnd.example"}, False),
        ({"config": {"mediaType": "application/vnd.cncf.notary.signature"}}, False),
        ({"config": None}, False),
        ({}, False),
    ],
)
def test_what_is_an_image(manifest: dict[str, Any], image: bool) -> None:
    assert is_image(manifest) == image
