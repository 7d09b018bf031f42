"""What the name of an image means: the same table as of the policy's Rego (tests/policy)."""

from __future__ import annotations

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._policy.references import Reference, covers, is_pattern, reference

from tests.support.references import FITTING, IDS, MEANINGS


@pytest.mark.parametrize(("image", "meaning"), [*MEANINGS.items(), *((image, None) for image in IDS)])
def test_a_name_means_what_a_node_makes_of_it(image: str, meaning: tuple[str, str, str] | None) -> None:
    assert reference(image) == (meaning and Reference(*meaning))


@pytest.mark.parametrize(("pattern", "image", "fits"), FITTING)
def test_an_exemption_covers_what_the_policy_says_that_it_covers(pattern: str, image: str, fits: bool) -> None:
    assert covers(pattern, image) is fits


@pytest.mark.parametrize(
    "pattern",
    [
        "docker.io/library/nginx",
        "docker.io/nginx",
        "index.docker.io/bitnami/*",
        "docker.io/*",
        "localhost/web",
        "localhost:5000/*",
        "example.azurecr.io:443/a/b",
    ],
)
def test_a_repository_with_its_registry_can_be_exempt(pattern: str) -> None:
    assert is_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "nginx",
            "bitnami/*",
            "library/nginx",
            "*",
            "/*",
            "*/*",
            "",
            "example.com*",
            "example.com/we*",
            "example.com/*/web",
            "example.com//*",
            "example.com/",
        ),
        *(
            "docker.io/nginx:1",
            "docker.io/nginx:1/*",
            "docker.io/nginx@sha256:" + "1" * 64,
            "docker.io/../*",
            "docker.io/Nginx",
            "docker.io/nginx\n",
            "DOCKER.io/nginx",
            *IDS,
        ),
    ],
)
def test_what_is_no_repository_with_its_registry_cannot_be_exempt(pattern: str) -> None:
    assert not is_pattern(pattern)


def test_a_reference_knows_its_registry() -> None:
    named = reference("localhost:5000/web:1")
    assert named is not None
    assert named.registry == "localhost:5000"
