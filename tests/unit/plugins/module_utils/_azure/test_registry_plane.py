"""What a registry lists, by answers that no registry of the lab gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError
from ansible_collections.image_trust.azure.plugins.module_utils._azure.registry_plane import RegistryPlane
from azure.core import PipelineClient
from azure.core.rest import HttpRequest

DIGEST = f"sha256:{'0' * 64}"


class Answer:
    """As much of a response of azure-core as is read."""

    def __init__(self, request: HttpRequest, content: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.request, self.status_code, self.headers, self._content = request, 200, headers, json.dumps(content)

    def read(self) -> bytes:
        return self._content.encode()

    def json(self) -> Any:
        return json.loads(self._content)


def plane(monkeypatch: pytest.MonkeyPatch, pages: Mapping[str, tuple[Mapping[str, Any], str]]) -> RegistryPlane:
    """The registry answers so by path and query, with such a Link, and gives every token."""

    def answer(_client: Any, request: HttpRequest) -> Answer:
        url = urlsplit(request.url)
        assert url.netloc == "contoso.azurecr.io"
        content, link = pages.get(f"{url.path}?{url.query}", ({"refresh_token": "r", "access_token": "a"}, ""))
        return Answer(request, content, {"Link": link} if link else {})

    monkeypatch.setattr(PipelineClient, "send_request", answer)
    return RegistryPlane("contoso.azurecr.io", lambda scope: scope)


@pytest.mark.parametrize("host", ["", "https://contoso.azurecr.io", "http://contoso.azurecr.io"])
def test_a_list_goes_on_at_its_link(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    following = "/acr/v1/_catalog?last=a%2Fb&n=100&orderby="
    pages = {"/acr/v1/_catalog?n=100": ({"repositories": ["a/b"]}, f'<{host}{following}>; rel="next"'), following: ({"repositories": ["c"]}, "")}
    assert plane(monkeypatch, pages).repositories() == ["a/b", "c"]


def test_a_list_that_goes_on_elsewhere_is_no_shorter_list(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {"/acr/v1/_catalog?n=100": ({"repositories": ["a"]}, '<https://elsewhere.example/acr/v1/_catalog?last=a>; rel="next"')}
    with pytest.raises(ModuleError, match=r"^Could not list the repositories of contoso.azurecr.io: its answer is none of a registry;"):
        plane(monkeypatch, pages).repositories()


@pytest.mark.parametrize("tag", [{"name": "v1"}, {"name": "v1", "digest": "latest"}, {"digest": DIGEST}, "v1"])
def test_a_tag_without_a_digest_is_no_tag_less(monkeypatch: pytest.MonkeyPatch, tag: Any) -> None:
    pages = {"/acr/v1/web/_tags?n=100": ({"tags": [{"name": "v0", "digest": DIGEST}, tag]}, "")}
    with pytest.raises(ModuleError, match=r"^Could not list the tags of contoso.azurecr.io/web: its answer is none of a registry;"):
        plane(monkeypatch, pages).tags("web")


@pytest.mark.parametrize("tags", [None, []])
def test_a_repository_may_have_no_tags(monkeypatch: pytest.MonkeyPatch, tags: Any) -> None:
    assert plane(monkeypatch, {"/acr/v1/web/_tags?n=100": ({"tags": tags}, "")}).tags("web") == {}
