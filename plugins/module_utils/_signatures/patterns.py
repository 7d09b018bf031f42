# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Images by their names, and by patterns over the repositories and tags of a registry in Azure. No I/O.

An asterisk matches any characters, slashes included, as one at the end of an exempted repository does; one in a repository never matches into the tag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .._azure.errors import refuse
from .._azure.registry_plane import is_of_azure
from .._policy.references import Reference, reference

_CONFIGURATIONS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
_ATTACHED = re.compile(r"sha(256|384|512)-[a-f0-9]{64,128}(\..*)?")
"""Tags that stand for the referrers API, and those of cosign: signatures, attestations and bills of materials of another image."""


@dataclass(frozen=True)
class Pattern:
    """The images of a registry whose repository and tag match."""

    registry: str
    repository: str
    """Without the registry."""
    tag: str

    def has_repository(self, name: str) -> bool:
        # No other character that fnmatch knows is part of a name.
        return fnmatchcase(name, self.repository)

    def has_tag(self, name: str) -> bool:
        """Never one that is attached to another image."""
        return fnmatchcase(name, self.tag) and not is_attached(name)


def meant_by(name: str, number: int) -> Reference | Pattern:
    """What an entry of `images` means. Raises `ModuleError` where it means none."""
    server, _slash, rest = name.partition("/")
    meant = reference(name.replace("*", "x"))
    if "*" in name and ("*" in server or not is_of_azure(server)):
        raise refuse(f"images[{number}] is {name!r}, but a pattern must begin with a registry of Azure, written out: <registry>.azurecr.io.")
    if not meant or ("*" in name and meant.digest) or not ("*" in name or meant.tag or meant.digest):
        raise refuse(
            f"images[{number}] is {name!r}, but must be an image with a digest or a tag, or a pattern of repository and tag"
            " such as <registry>.azurecr.io/shop/*:release-*."
        )
    if "*" not in name:
        return meant
    repository, _colon, tag = rest.partition(":")
    return Pattern(server, repository, tag or "*")


def is_attached(tag: str) -> bool:
    """Whether the tag names what belongs to another image."""
    return _ATTACHED.fullmatch(tag) is not None


def is_image(manifest: Mapping[str, Any]) -> bool:
    """Whether the manifest is one of an image, or an index of images, and not of a signature or another artifact."""
    configuration = manifest.get("config") or {}
    return not manifest.get("artifactType") and ("manifests" in manifest or configuration.get("mediaType") in _CONFIGURATIONS)
