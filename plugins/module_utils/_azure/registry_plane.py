# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The data plane of one container registry: repositories, tags, manifests and what refers to them. It only ever deletes.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
https://github.com/Azure/azure-rest-api-specs/tree/main/specification/containerregistry/data-plane (lists of repositories and tags)
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin, urlsplit

from .errors import ModuleError, ask
from .retries import Retrying

if TYPE_CHECKING:
    from azure.core.rest import HttpRequest, HttpResponse

Json = Mapping[str, Any]
USER = "00000000-0000-0000-0000-000000000000"
"""The user name that says that the password is a refresh token."""
INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFESTS = (
    INDEX,
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CATALOG = "registry:catalog:*"
"""Scope of a token for the names of all repositories."""
_PAGE = 100
"""Names that a list is asked for at once, as azure-cli does."""
_AUDIENCE = "https://containerregistry.azure.net/.default"
_OF_AZURE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)?(?:\.[a-z0-9]+\.geo)?\.azurecr\.(?:io|us|cn)")
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_DIGEST = re.compile(r"sha(?:256:[a-f0-9]{64}|384:[a-f0-9]{96}|512:[a-f0-9]{128})")
_LARGEST = 4 * 1024 * 1024
"""Bytes of a manifest: more is none of a registry."""


def is_of_azure(server: str) -> bool:
    """Whether it is a login server of Azure Container Registry: no other one gets a token of Entra."""
    return _OF_AZURE.fullmatch(server) is not None


class RegistryPlane:
    """`server` is the login server, `token` gets a token of Entra for a scope. A registry that is none of Azure's is asked without login. Everything that asks
    raises `ModuleError`."""

    def __init__(self, server: str, token: Callable[[str], str]) -> None:
        self.server = server
        self._token = token
        self._url = f"https://{'registry-1.docker.io' if server == 'docker.io' else server}"
        self._access: dict[str, str] = {}

    @cached_property
    def refresh_token(self) -> str:
        """The registry's own token of this login, the password of `USER`: a secret."""
        form = {"grant_type": "access_token", "service": self.server, "access_token": self._token(_AUDIENCE)}
        answer = self._send(f"log in to {self.server}", "POST", f"{self._url}/oauth2/exchange", form=form)
        if answer.status_code in (401, 403):
            raise ModuleError(
                f"{self.server} refuses this login; give its principal AcrPull on the registry (and AcrPush to sign), or the repository roles in ABAC mode.",
                code="Unauthorized",
                status=answer.status_code,
            )
        return str(self._object(answer, f"log in to {self.server}").get("refresh_token") or "")

    def actions(self, repository: str) -> set[str] | None:
        """What of pull, push and delete the login may do in the repository; None where the registry does not say."""
        payload = self._access_token(f"repository:{repository}:pull,push,delete").split(".")[1:2]
        try:
            claims = json.loads(base64.urlsafe_b64decode(payload[0] + "=" * (-len(payload[0]) % 4)))
            grants = [{key.lower(): value for key, value in grant.items()} for grant in claims["access"]]
            return {action for grant in grants if grant["name"] == repository for action in grant["actions"]}
        except (ValueError, LookupError, TypeError, AttributeError):
            return None

    def repositories(self) -> list[str]:
        """Names of all repositories of a registry of Azure."""
        what = f"list the repositories of {self.server}"
        pages = self._pages(what, _CATALOG, f"/acr/v1/_catalog?n={_PAGE}") or []
        return [str(name) for page in pages for name in page.get("repositories") or []]

    def tags(self, repository: str) -> dict[str, str]:
        """Digests by tag, of a repository in a registry of Azure; none where there is no such repository."""
        what, scope = f"list the tags of {self.server}/{repository}", f"repository:{repository}:pull,metadata_read"
        pages = self._pages(what, scope, f"/acr/v1/{repository}/_tags?n={_PAGE}") or []
        # The same token reads the manifests.
        self._access.setdefault(f"repository:{repository}:pull", self._access_token(scope))
        found = [each for page in pages for each in page.get("tags") or []]
        if not all(isinstance(each, Mapping) and "name" in each and _DIGEST.fullmatch(str(each.get("digest"))) for each in found):
            raise self._strange(what)
        return {str(each["name"]): str(each["digest"]) for each in found}

    def digest(self, repository: str, reference: str) -> str | None:
        """Digest of the manifest that a tag or a digest names; None where there is none."""
        what = f"read {self.server}/{repository} {reference}"
        answer = self._get(what, f"repository:{repository}:pull", f"/v2/{repository}/manifests/{reference}", method="HEAD")
        digest = answer.headers.get("Docker-Content-Digest") if answer is not None else None
        if answer is not None and not _DIGEST.fullmatch(digest or ""):
            raise self._strange(what)
        return digest

    def manifest(self, repository: str, reference: str) -> Json | None:
        """The manifest that a tag or a digest names, whose digest is checked; None where there is none."""
        what = f"read {self.server}/{repository} {reference}"
        answer = self._get(what, f"repository:{repository}:pull", f"/v2/{repository}/manifests/{reference}")
        return None if answer is None else self._object(answer, what, reference if ":" in reference else "")

    def blob(self, repository: str, digest: str) -> Json | None:
        """The JSON object in a blob, whose digest is checked; None where there is none."""
        what = f"read {self.server}/{repository}@{digest}"
        answer = self._get(what, f"repository:{repository}:pull", f"/v2/{repository}/blobs/{digest}")
        return None if answer is None else self._object(answer, what, digest)

    def delete(self, repository: str, digest: str) -> None:
        """Delete a manifest, if it is there."""
        what = f"delete {self.server}/{repository}@{digest}"
        headers = {"Authorization": f"Bearer {self._access_token(f'repository:{repository}:pull,push,delete')}"}
        answer = self._send(what, "DELETE", f"{self._url}/v2/{repository}/manifests/{digest}", headers)
        if answer.status_code in (401, 403):
            raise self._denied(f"repository:{repository}:delete", answer.status_code)
        if answer.status_code not in (202, 404):
            raise self._strange(what, answer.status_code)

    def referrers(self, repository: str, digest: str) -> list[Json]:
        """Descriptors of what refers to a manifest, by the API, or where the registry has none by the tag that stands for it."""
        what = f"list what refers to {self.server}/{repository}@{digest}"
        pages = self._pages(what, f"repository:{repository}:pull", f"/v2/{repository}/referrers/{digest}")
        if pages is not None:
            return [each for page in pages for each in _listed(page)]
        tagged = self.manifest(repository, digest.replace(":", "-"))
        return _listed(tagged) if tagged and tagged.get("mediaType", INDEX) == INDEX else []

    def _pages(self, what: str, scope: str, path: str) -> list[Json] | None:
        """All pages of a list; None where the registry has no such list."""
        found: list[Json] = []
        while path:
            answer = self._get(what, scope, path)
            if answer is None:
                return None
            found.append(self._object(answer, what))
            link = re.match(r'<([^>]+)>;\s*rel="?next', answer.headers.get("Link", ""))
            following = urlsplit(urljoin(path, link[1]) if link else "")
            if following.netloc not in ("", self.server, urlsplit(self._url).netloc):
                raise self._strange(what)
            path = following._replace(scheme="", netloc="").geturl()
        return found

    def _get(self, what: str, scope: str, path: str, method: str = "GET") -> HttpResponse | None:
        """The answer to a request with a token for `scope`, None where it is that nothing has this name."""
        headers = {"Accept": "application/json" if path.startswith("/acr/") else ", ".join(_MANIFESTS)}
        if token := self._access_token(scope):
            headers["Authorization"] = f"Bearer {token}"
        answer = self._send(what, method, f"{self._url}{path}", headers)
        if answer.status_code in (301, 302, 303, 307, 308) and "Location" in answer.headers:
            # Where blobs are stored: the address itself permits to read them, and the registry's token is none of its business.
            answer = self._send(what, method, urljoin(f"{self._url}/", answer.headers["Location"]))
        if answer.status_code == 404:
            return None
        if answer.status_code in (401, 403):
            raise self._denied(scope, answer.status_code)
        if answer.status_code != 200 or len(answer.read()) > _LARGEST:
            raise self._strange(what, answer.status_code)
        return answer

    def _access_token(self, scope: str) -> str:
        """The token for a scope, of whose actions the registry grants as many as the login may do; empty where it asks for none."""
        if scope not in self._access:
            asked = {"service": self.server, "scope": scope}
            what = f"get a token for {self.server} ({scope})"
            if is_of_azure(self.server):
                form = {**asked, "grant_type": "refresh_token", "refresh_token": self.refresh_token}
                answer = self._send(what, "POST", f"{self._url}/oauth2/token", form=form)
            else:
                answer = self._anonymous(what, asked)
            if answer.status_code in (401, 403):
                raise self._denied(scope, answer.status_code)
            found = {} if answer.request.url.endswith("/v2/") else self._object(answer, what)
            self._access[scope] = str(found.get("access_token") or found.get("token") or "")
        return self._access[scope]

    def _anonymous(self, what: str, asked: Mapping[str, str]) -> HttpResponse:
        """The answer of who gives tokens to everybody; the registry's own where it asks for none."""
        answer = self._send(what, "GET", f"{self._url}/v2/")
        challenge = dict(_PARAMETER.findall(answer.headers.get("WWW-Authenticate", "")))
        if answer.status_code != 401 or not challenge.get("realm", "").startswith("https://"):
            return answer
        query = {"service": challenge.get("service", asked["service"]), "scope": asked["scope"]}
        return self._send(what, "GET", f"{challenge['realm']}?{urlencode(query)}")

    def _send(self, what: str, method: str, url: str, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None) -> HttpResponse:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import UserAgentPolicy
        from azure.core.rest import HttpRequest

        def answer() -> HttpResponse:
            policies = [UserAgentPolicy("image_trust.azure"), Retrying()]
            client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(self._url, policies=policies, connection_timeout=15, read_timeout=60)
            with client:
                return client.send_request(HttpRequest(method, url, headers=dict(headers or {}), data=dict(form) if form else None))

        return ask(what, answer)

    def _object(self, answer: HttpResponse, what: str, digest: str = "") -> dict[str, Any]:
        """The JSON object in an answer, which has that digest, if one is given."""
        name, _colon, expected = digest.partition(":")
        if answer.status_code != 200 or (digest and hashlib.new(name, answer.read()).hexdigest() != expected):
            raise self._strange(what, answer.status_code)
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._strange(what)
        return found

    def _denied(self, scope: str, status: int) -> ModuleError:
        if scope == _CATALOG:
            return ModuleError(
                f"{self.server} refuses this login the list of its repositories; give its principal AcrPull on the registry, or in ABAC mode Container Registry"
                " Repository Catalog Lister.",
                code="Unauthorized",
                status=status,
            )
        _kind, repository, actions = scope.split(":")
        role = "AcrDelete" if actions == "delete" else "AcrPush" if "push" in actions else "AcrPull"
        remedy = (
            f"give its principal {role} on the registry, or the repository roles in ABAC mode" if is_of_azure(self.server) else "only Azure's are logged in to"
        )
        return ModuleError(f"{self.server} refuses this login {actions} of {repository}; {remedy}.", code="Unauthorized", status=status)

    def _strange(self, what: str, status: int | None = None) -> ModuleError:
        answered = f"it answers {status}" if status not in (None, 200) else "its answer is none of a registry"
        return ModuleError(f"Could not {what}: {answered}; check the name, and the proxy of this machine.", code="InvalidAnswer", status=status)


def _listed(index: Json) -> list[Json]:
    return [each for each in index.get("manifests") or [] if isinstance(each, Mapping) and _DIGEST.fullmatch(str(each.get("digest")))]
