# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""A cluster's API server, asked by path."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

try:
    from kubernetes import client, config
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.dynamic import DynamicClient
    from urllib3.exceptions import HTTPError
    from urllib3.util import Retry
    from yaml import YAMLError
except ImportError:
    KUBERNETES_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    KUBERNETES_IMPORT_ERROR = None

    class _Once(Retry):
        """Asks once more, and waits no longer than PAUSE before it where the API server says when to come again (429, 503)."""

        def get_retry_after(self, response: Any) -> float | None:
            after = super().get_retry_after(response)
            return after if after is None else min(after, PAUSE)


TIMEOUT = (5, 20)
"""Seconds to connect and to wait for an answer. Twice both and PAUSE are a minute."""
PAUSE = 10.0
"""Seconds before a request is made again at the API server's wish; it asks for 1: https://kubernetes.io/docs/concepts/cluster-administration/flow-control/"""
MANAGER = "image-trust"
"""As whom the API server remembers our writes."""


class ClusterError(Exception):
    """The cluster could not be asked, or refused with the HTTP status `status`. `reason` is what it said, or why it said nothing."""

    def __init__(self, message: str, status: int | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


@dataclass(frozen=True)
class Kind:
    """A kind as the API server serves it."""

    group_version: str
    name: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()

    def path(self, namespace: str | None) -> str:
        """Where its objects are, of `namespace` or of all of them."""
        root = "/apis" if "/" in self.group_version else "/api"
        inside = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}/{self.group_version}{inside}/{self.plural}"


def _client(kubeconfig: str, context: str | None) -> client.ApiClient:
    settings = client.Configuration()
    settings.retries = _Once(1)
    try:
        made: client.ApiClient = config.new_client_from_config(config_file=kubeconfig, context=context, client_configuration=settings)
    except (ConfigException, OSError, ValueError) as e:
        raise ClusterError(f"the kubeconfig {kubeconfig} cannot be used: {e}") from e
    except (YAMLError, AttributeError, TypeError) as e:
        # Nothing of it is quoted, for it holds secrets.
        raise ClusterError(f"the kubeconfig {kubeconfig} cannot be used: it is no YAML of that form") from e
    return made


class ClusterApi:
    """The API server of one cluster. Everything here raises ClusterError when it does not answer, after a minute at most, or the kubeconfig is of no use."""

    def __init__(self, kubeconfig: str, context: str | None = None) -> None:
        # It would keep a list of the kinds in a file, and believe it when they are gone.
        self._api = DynamicClient(_client(kubeconfig, context), discoverer=lambda *_: None)

    def get(self, path: str, missing: Mapping[str, Any] | None = None, accept: str = "application/json", **query: str) -> dict[str, Any]:
        """The answer; `missing` in place of a 404, when it is given: kinds and objects come and go while we look."""
        try:
            return self._ask("get", path, query, accept)
        except ClusterError as e:
            if e.status == 404 and missing is not None:
                return dict(missing)
            raise

    def write(self, method: str, path: str, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """What there is at `path` after this request, or would be. A patch is a merge patch."""
        query = {"fieldManager": MANAGER, **({"dryRun": "All"} if dry_run else {})}
        content = "application/merge-patch+json" if method == "patch" else "application/json"
        return self._ask(method, path, query, body=dict(body), content_type=content)

    def delete(self, path: str) -> None:
        """Delete an object; what it owns goes in the background."""
        self._ask("delete", path, {"propagationPolicy": "Background"})

    def kinds(self, group_version: str) -> list[Kind]:
        """The kinds of an API group's version that are there now, without their subresources."""
        answer = self.get(f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}", missing={})
        return [
            Kind(group_version, each["kind"], each["name"], each["namespaced"], frozenset(each["verbs"]))
            for each in answer.get("resources") or []
            if "/" not in each["name"]
        ]

    def _ask(self, method: str, path: str, query: Mapping[str, str], accept: str = "application/json", **sent: Any) -> dict[str, Any]:
        asked: dict[str, Any] = {"query_params": list(query.items()), "header_params": {"Accept": accept}, "_request_timeout": TIMEOUT}
        try:
            answer = self._api.request(method, path, serialize=False, **asked, **sent)
        except ApiException as e:
            reason = _reason(e)
            raise ClusterError(f"it refuses {method.upper()} {path}: HTTP {e.status} {reason}", e.status or 0, reason) from e
        except HTTPError as e:
            raise ClusterError(f"it does not answer: {e}", reason=str(e)) from e
        return dict(json.loads(answer.data))


def _reason(error: Any) -> str:
    """What the API server says, or only the status' name where it says nothing."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason)
