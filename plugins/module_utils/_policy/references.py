# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What the name of an image means to a node, as the policy parses it too (roles/policy/files/lib/references.rego). No I/O.

Source: https://github.com/distribution/reference/blob/v0.6.0/normalize.go, which containerd, the kubelet and Ratify use. The letter case of a registry counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_REGISTRY = r"[a-zA-Z0-9]+(?:(?:\.|-+)[a-zA-Z0-9]+)*(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"
_DIGEST = r"sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}"
_REFERENCE = re.compile(rf"((?:{_REGISTRY}/)?{_COMPONENT}(?:/{_COMPONENT})*)(?::({_TAG}))?(?:@({_DIGEST}))?")
_ID = re.compile(r"sha(256|384|512):.*|[a-f0-9]{64}", re.DOTALL)
"""containerd takes it for an image that the node has already, by the beginning of its id."""
_NAMES_REGISTRY = re.compile(r"(localhost|[^/]*[.:A-Z][^/]*)/")
_REGIONAL = re.compile(r"([a-z0-9-]+)\.[a-z0-9]+\.(geo|data)(\.azurecr\.(?:io|us|cn))")
"""https://learn.microsoft.com/azure/container-registry/container-registry-endpoint-reference"""
_DOCKER_HUB = re.compile(r"(index\.)?docker\.io/")


@dataclass(frozen=True)
class Reference:
    """The name of an image; `tag` and `digest` are empty where it has none."""

    repository: str
    """With its registry: docker.io/library/nginx for nginx."""
    tag: str = ""
    digest: str = ""

    @property
    def registry(self) -> str:
        return self.repository.partition("/")[0]


def reference(image: str) -> Reference | None:
    """What a node makes of the name; None where no node pulls an image by it."""
    found = None if _ID.fullmatch(image) else _REFERENCE.fullmatch(completed(image))
    return found and Reference(found[1], found[2] or "", found[3] or "")


def completed(image: str) -> str:
    """The name, or the beginning of one up to a slash, with its registry: docker.io for names that have none."""
    if names_registry(image) and not _DOCKER_HUB.match(image):
        return image
    path = _DOCKER_HUB.sub("", image, count=1) if _DOCKER_HUB.match(image) else image
    return f"docker.io/{path if '/' in path or not path else f'library/{path}'}"


def names_registry(image: str) -> bool:
    """Whether it names its registry: the text before its first slash has a dot, a port or capital letters, or is localhost."""
    return _NAMES_REGISTRY.match(image) is not None


def covers(pattern: str, image: str) -> bool:
    """Whether an exemption of `pattern`, a repository or all below one with /* at its end, is one of the image."""
    named = reference(image)
    if named is None:
        return False
    return completed(pattern) == named.repository or (pattern.endswith("/*") and named.repository.startswith(completed(pattern.removesuffix("*"))))


def is_pattern(pattern: str) -> bool:
    """Whether it is a repository with its registry and neither tag nor digest, or all below one with /* at its end. In small letters, as images are named."""
    named = reference(f"{pattern.removesuffix('*')}x" if pattern.endswith("/*") else pattern)
    return named is not None and names_registry(pattern) and named == Reference(named.repository) and pattern == pattern.lower()


def registry_of_region(registry: str) -> str | None:
    """contoso.azurecr.io for contoso.eastus.geo.azurecr.io, which a node may pull from too; None for what is no regional endpoint of a registry in Azure."""
    found = _REGIONAL.fullmatch(registry)
    return f"{found[1]}{found[3]}" if found and found[2] == "geo" else None


def registry_of_data(registry: str) -> str | None:
    """As `registry_of_region`, for contoso.eastus.data.azurecr.io: it serves layers after a registry sent a node there, and no image has its name."""
    found = _REGIONAL.fullmatch(registry)
    return f"{found[1]}{found[3]}" if found and found[2] == "data" else None
