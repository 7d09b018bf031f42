"""Which registries are asked for the signatures of images."""

from __future__ import annotations

from typing import Any, cast

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import Azure
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.notation import Notation
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.reading import described


class Registries:
    """An Azure whose registries fail with this code, and what they were asked for."""

    def __init__(self, code: str) -> None:
        self.code, self.asked = code, list[str]()

    def registry_plane(self, server: str) -> Any:
        return Plane(self, server)


class Plane:
    def __init__(self, registries: Registries, server: str) -> None:
        self.registries, self.server = registries, server

    def digest(self, repository: str, tag: str) -> None:
        self.registries.asked.append(f"{self.server}/{repository}:{tag}")
        raise ModuleError(f"{self.server} fails.", code=self.registries.code)


IMAGES = ["a.azurecr.io/web:v1", "b.azurecr.io/web:v1", "a.azurecr.io/api:v1", "no image", "a.azurecr.io/web:v1"]


@pytest.mark.parametrize(("code", "asked"), [("Unreachable", 2), ("LoginFailed", 2), ("Unauthorized", 3)])
def test_a_registry_that_does_not_answer_is_not_asked_again(code: str, asked: int) -> None:
    azure = Registries(code)
    found = described(cast(Azure, azure), cast(Notation, None), IMAGES)
    assert [each["image"] for each in found] == IMAGES
    assert [each["problem"].partition(".azurecr.io fails.")[0] for each in found if each["image"] != "no image"] == ["a", "b", "a", "a"]
    assert (len(azure.asked), len(set(azure.asked))) == (asked, asked)
