# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Images by their names, and who has signed them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .._azure.errors import ModuleError
from .._azure.registry_plane import RegistryPlane, is_of_azure
from .._azure.session import Azure
from .._policy.references import Reference, reference
from .found import Image, signatures
from .notation import Notation

T = TypeVar("T")
R = TypeVar("R")
AT_ONCE = 4
"""Images that are looked at together, or registries."""
NO_ANSWER = ("Unreachable", "LoginFailed")
"""Codes of failures that the next image of the same registry would meet too, after the same wait."""


def every(read: Callable[[T], R], given: Iterable[T], pool: ThreadPoolExecutor | None = None) -> list[R]:
    """What `read` returns of each. Raises one `ModuleError` with the sentences of all that failed."""

    def attempt(each: T) -> R | ModuleError:
        try:
            return read(each)
        except ModuleError as failure:
            return failure

    results = list(pool.map(attempt, given) if pool else map(attempt, given))
    failures = {failure.sentence: failure for failure in results if isinstance(failure, ModuleError)}
    if failures:
        first = next(iter(failures.values()))
        raise first if len(failures) == 1 else ModuleError(" ".join(failures), code=first.code, status=first.status)
    return [each for each in results if not isinstance(each, ModuleError)]


class Registries:
    """The registries of images, each logged in to once."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._planes: dict[str, RegistryPlane] = {}

    def plane(self, server: str) -> RegistryPlane:
        return self._planes.setdefault(server, self._azure.registry_plane(server))

    def image(self, name: str, meant: Reference) -> Image:
        """The image; a tag is resolved now. Raises `ModuleError` where there is none."""
        plane = self.plane(meant.registry)
        repository = meant.repository.partition("/")[2]
        digest = plane.digest(repository, meant.digest or meant.tag)
        if not digest:
            raise ModuleError(f"There is no image {name} in its registry; push it first, or correct its name.", code="ManifestUnknown", status=404)
        return Image(plane, repository, digest)


def described(azure: Azure, notation: Notation, images: Sequence[str]) -> list[dict[str, Any]]:
    """The images with all their signatures; of one that cannot be read, why. A registry that does not answer is asked once."""
    registries, by_registry = Registries(azure), dict[str, list[tuple[str, Reference]]]()
    found = {name: _own(name, problem=f"{name!r} is no image with a digest or a tag.") for name in images}
    for name in found:
        if (meant := reference(name)) and (meant.tag or meant.digest):
            by_registry.setdefault(meant.registry, []).append((name, meant))

    def resolved(named: Sequence[tuple[str, Reference]]) -> list[tuple[str, Image | ModuleError]]:
        made: list[tuple[str, Image | ModuleError]] = []
        for name, meant in named:
            last = made[-1][1] if made else None
            if isinstance(last, ModuleError) and last.code in NO_ANSWER:
                made.append((name, last))
                continue
            try:
                made.append((name, registries.image(name, meant)))
            except ModuleError as failure:
                made.append((name, failure))
        return made

    def read(name: str, image: Image | ModuleError) -> dict[str, Any]:
        if isinstance(image, ModuleError):
            return _own(name, problem=image.sentence)
        own = _own(name, digest=image.digest, reference=image.reference)
        try:
            token = image.plane.refresh_token if is_of_azure(image.plane.server) else ""
            return {**own, "signatures": [each.shown() for each in signatures(image, notation, token)]}
        except ModuleError as failure:
            return {**own, "problem": failure.sentence}

    with ThreadPoolExecutor(AT_ONCE) as pool:
        images_of = [each for some in pool.map(resolved, by_registry.values()) for each in some]
        found |= {each["image"]: each for each in pool.map(lambda each: read(*each), images_of)}
    return [found[name] for name in images]


def _own(name: str, **known: str) -> dict[str, Any]:
    return {"image": name, "digest": None, "reference": None, "problem": None, "signatures": None, **known}
