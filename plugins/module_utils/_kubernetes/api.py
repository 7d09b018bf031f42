# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""A cluster's API server, asked by path."""

from __future__ import annotations

import json
import ssl
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from .._azure import private_file
from .access import Access, AccessError, Credentials, read
from .exec_plugin import is_fresh, sign_in

try:
    from urllib3 import PoolManager, ProxyManager, Timeout
    from urllib3.exceptions import HTTPError
    from urllib3.util import Retry, make_headers
    from urllib3.util.ssl_ import create_urllib3_context
except ImportError:
    URLLIB3_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    URLLIB3_IMPORT_ERROR = None

    class _Once(Retry):
        """Asks once more, and waits no longer than PAUSE before it where the API server says when to come again (429, 503)."""

        def get_retry_after(self, response: Any) -> float | None:
            after = super().get_retry_after(response)
            return after if after is None else min(after, PAUSE)


TIMEOUT = (5, 20)
"""Seconds to connect and to wait for an answer. Twice both and PAUSE are a minute."""
PAUSE = 10.0
"""Seconds before a request is made again at the API server's wish; it asks for 1: https://kubernetes.io/docs/concepts/cluster-administration/flow-control/"""
CONNECTIONS = 8
"""How many are left open for the next request; more than are asked at once."""
MANAGER = "image-trust"
"""As whom the API server remembers our writes, and logs our requests."""


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


class ClusterApi:
    """The API server of one cluster. Everything here raises ClusterError when it does not answer, after a minute at most, or the kubeconfig is of no use.

    A program by which the user signs in has a minute of its own.
    """

    def __init__(self, kubeconfig: str, context: str | None = None) -> None:
        self._kubeconfig = kubeconfig
        with self._reading():
            self._access = read(kubeconfig, context)
            self._shown = self._credentials()
            self._pool = _pool(self._access, self._shown)

    def get(self, path: str, missing: Mapping[str, Any] | None = None, accept: str = "application/json", **query: str) -> dict[str, Any]:
        """The answer; `missing` in place of a 404, when it is given: kinds and objects come and go while we look."""
        try:
            return self._ask("get", path, query, accept)
        except ClusterError as e:
            if e.status == 404 and missing is not None:
                return dict(missing)
            raise

    def write(self, method: str, path: str, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """The object at `path` after this request, or as it would be. A patch is a merge patch."""
        query = {"fieldManager": MANAGER, **({"dryRun": "All"} if dry_run else {})}
        content = "application/merge-patch+json" if method == "patch" else "application/json"
        return self._ask(method, path, query, body=dict(body), content_type=content)

    def delete(self, path: str, propagation: str = "Background", version: str | None = None, grace: int | None = None) -> bool:
        """Delete an object; whether it was there. What it owns goes in the background, or first, with `Foreground`. With `version`, a resourceVersion, no other
        one is deleted: the API server refuses that with 409. `grace` takes the place of a pod's own terminationGracePeriodSeconds; with 0 it is gone at once,
        whatever the kubelet still does."""
        # A body takes the place of the query: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation, "preconditions": {"resourceVersion": version}}
        query = {"propagationPolicy": propagation, **({} if grace is None else {"gracePeriodSeconds": str(grace)})}
        try:
            self._ask("delete", path, {}, body=options) if version else self._ask("delete", path, query)
        except ClusterError as e:
            if e.status != 404:
                raise
            return False
        return True

    def kinds(self, group_version: str) -> list[Kind]:
        """The kinds of an API group's version that are there now, without their subresources."""
        answer = self.get(f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}", missing={})
        return [
            Kind(group_version, each["kind"], each["name"], each["namespaced"], frozenset(each["verbs"]))
            for each in answer.get("resources") or []
            if "/" not in each["name"]
        ]

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        accept: str = "application/json",
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        headers = {"Accept": accept, "Content-Type": content_type, "User-Agent": MANAGER, **self._authorization()}
        url = f"{self._access.server}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        timeout = Timeout(connect=TIMEOUT[0], read=TIMEOUT[1])
        try:
            answer = self._pool.request(method.upper(), url, body=None if body is None else json.dumps(body), headers=headers, timeout=timeout)
        except HTTPError as e:
            raise ClusterError(f"it does not answer: {e}", reason=str(e)) from e
        if not 200 <= answer.status <= 299:
            reason = _reason(answer)
            raise ClusterError(f"it refuses {method.upper()} {path}: HTTP {answer.status} {reason}", answer.status, reason)
        try:
            return dict(json.loads(answer.data))
        except (TypeError, ValueError):
            raise ClusterError(f"it answers {method.upper()} {path} with something else than JSON", answer.status) from None

    def _authorization(self) -> dict[str, str]:
        """Signs in again where a program said until when its token is good, and that is soon."""
        if not is_fresh(self._shown):
            with self._reading():
                self._shown = self._credentials()
        return {"Authorization": self._shown.authorization} if self._shown.authorization else {}

    def _credentials(self) -> Credentials:
        return sign_in(self._access.plugin, self._access.credentials) if self._access.plugin else self._access.credentials

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (AccessError, OSError, ValueError) as e:
            raise ClusterError(f"the kubeconfig {self._kubeconfig} cannot be used: {e}") from None


def _pool(access: Access, credentials: Credentials) -> PoolManager:
    """Connections to the API server, directly or by the proxy. Raises `AccessError`."""
    settings: dict[str, Any] = {"retries": _Once(1), "maxsize": CONNECTIONS}
    if access.server.lower().startswith("https:"):
        settings["ssl_context"] = _tls(access, credentials)
        if access.tls_server_name:
            settings["server_hostname"] = access.tls_server_name
    if not access.proxy:
        return PoolManager(**settings)
    try:
        if access.proxy.lower().startswith("socks"):
            # Its own library, which few need.
            from urllib3.contrib.socks import SOCKSProxyManager

            return SOCKSProxyManager(access.proxy, **settings)
        login = urlsplit(access.proxy).netloc.rpartition("@")[0]
        return ProxyManager(access.proxy, proxy_headers=make_headers(proxy_basic_auth=unquote(login)) if login else None, **settings)
    except ImportError:
        raise AccessError("a SOCKS proxy is on the way to its cluster: install PySocks") from None
    except (HTTPError, ValueError):
        raise AccessError("the proxy on the way to its cluster is not a URL that begins with http, https or socks5") from None


def _tls(access: Access, credentials: Credentials) -> ssl.SSLContext:
    """Whom to trust, and the client certificate. Raises `AccessError`."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if access.verified else ssl.CERT_NONE)
    # As Go and Python before 3.13: authorities of older clusters lack extensions. https://github.com/kubernetes-client/python/issues/2394
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        if access.authority:
            context.load_verify_locations(cadata=access.authority)
        else:
            context.load_default_certs()
    except (ssl.SSLError, ValueError):
        raise AccessError("certificate-authority in it holds no certificate (PEM)") from None
    if credentials.certificate:
        # OpenSSL reads keys from files only.
        with tempfile.TemporaryDirectory(prefix="image-trust-") as folder:
            certificate, key = Path(folder, "certificate"), Path(folder, "key")
            private_file.write(certificate, credentials.certificate)
            private_file.write(key, credentials.key or "")
            try:
                # The password, so that no user is asked for one.
                context.load_cert_chain(certificate, key, password="")
            except ssl.SSLError as e:
                raise AccessError(f"client-certificate and client-key of its user are no certificate and its key ({e.reason or 'not PEM'})") from None
    return context


def _reason(answer: Any) -> str:
    """What the API server says, or only the status' name where it says nothing."""
    try:
        return str(json.loads(answer.data)["message"])
    except (TypeError, ValueError, KeyError):
        return str(answer.reason)
