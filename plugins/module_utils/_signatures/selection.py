# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The images that names and patterns mean, as they are in their registries now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, TypeVar

from .._azure.errors import ModuleError
from .._azure.registry_plane import is_of_azure
from .._azure.session import Azure
from .._policy.references import Reference
from .found import Image
from .patterns import Pattern, is_attached, is_image, meant_by
from .reading import AT_ONCE, Registries, every

R = TypeVar("R")


@dataclass(frozen=True)
class Selected:
    """An image, which of its tags match, and the name or pattern that means it."""

    image: Image
    tags: tuple[str, ...]
    pattern: str

    def shown(self) -> dict[str, Any]:
        return {"reference": self.image.reference, "tags": list(self.tags), "pattern": self.pattern}


def selected(azure: Azure, names: Sequence[str]) -> list[Selected]:
    """The images, each once, by the order of the names, and of one pattern by repository and tag. Raises one `ModuleError` for all names that mean none."""
    meant = list(dict.fromkeys(every(lambda each: (each[1], meant_by(each[1], each[0])), enumerate(names))))
    registries = Registries(azure)
    every(lambda server: registries.plane(server).refresh_token, sorted({each.registry for _name, each in meant if is_of_azure(each.registry)}))
    # Names wait in threads of their own for requests, which wait for nothing.
    with ThreadPoolExecutor(AT_ONCE) as requests, ThreadPoolExecutor(AT_ONCE) as waiting:
        lists = _Lists(registries, requests)
        found: dict[Image, Selected] = {}
        for each in [each for several in every(lists.selected, meant, waiting) for each in several]:
            known = found.setdefault(each.image, each)
            found[each.image] = replace(known, tags=tuple(sorted({*known.tags, *each.tags})))
    return list(found.values())


class _Lists:
    """What registries hold; each list and manifest is asked for once."""

    def __init__(self, registries: Registries, requests: ThreadPoolExecutor) -> None:
        self._registries, self._requests = registries, requests
        self._asked: dict[tuple[Any, ...], Future[Any]] = {}
        self._lock = Lock()

    def _ask(self, read: Callable[..., R], *given: str) -> Future[R]:
        key = (read, *given)
        with self._lock:
            if key not in self._asked:
                self._asked[key] = self._requests.submit(read, *given)
            return self._asked[key]

    def selected(self, named: tuple[str, Reference | Pattern]) -> list[Selected]:
        """Raises `ModuleError` where it is no image, or none."""
        name, meant = named
        tags = self._matching(meant) if isinstance(meant, Pattern) else self._named(name, meant)
        manifests = [(image, of_it, self._ask(image.plane.manifest, image.repository, image.digest)) for image, of_it in tags.items()]
        images = [Selected(image, tuple(of_it), name) for image, of_it, manifest in manifests if is_image(manifest.result() or {})]
        if images:
            return images
        if isinstance(meant, Pattern):
            raise ModuleError(f"There is no image that matches {name}; push one first, or correct the pattern.", code="ManifestUnknown", status=404)
        raise ModuleError(f"{name} is no image but what is attached to one, or another artifact; correct its name.", code="ManifestInvalid")

    def _named(self, name: str, meant: Reference) -> dict[Image, list[str]]:
        """Itself, and its tag."""
        if not meant.digest and is_attached(meant.tag):
            return {}
        return {self._registries.image(name, meant): [] if meant.digest else [meant.tag]}

    def _matching(self, meant: Pattern) -> dict[Image, list[str]]:
        """Tags of what matches, by its digest."""
        plane, repositories = self._registries.plane(meant.registry), [meant.repository]
        if "*" in meant.repository:
            repositories = sorted(filter(meant.has_repository, self._ask(plane.repositories).result()))
        found: dict[Image, list[str]] = {}
        for repository, listed in [(each, self._ask(plane.tags, each)) for each in repositories]:
            for tag, digest in sorted(listed.result().items()):
                if meant.has_tag(tag):
                    found.setdefault(Image(plane, repository, digest), []).append(tag)
        return found
