# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The clouds: where Resource Manager and Entra answer. Private to the collection."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from . import ids
from .errors import ModuleError, refuse
from .retries import Retrying
from .run_cache import RunCache

METADATA_VERSION = "2022-09-01"
TIMEOUT = 15
"""Seconds within which an endpoint answers its metadata."""
CACHED = 3600
"""Seconds for which a run knows where a cloud's services are."""


@dataclass(frozen=True)
class Cloud:
    """One cloud: base URL of Resource Manager, base URL of Entra, the scope for which tokens are asked, and how the names of storage accounts end."""

    name: str
    resource_manager: str
    authority: str
    scope: str
    storage: str = ""
    """Empty where the cloud does not tell."""

    @property
    def authority_is_known(self) -> bool:
        """Whether Microsoft's instance discovery knows the login host; for others the SDK must not ask it."""
        return urlsplit(self.authority).hostname in {urlsplit(cloud.authority).hostname for cloud in CLOUDS.values()}


CLOUDS = {
    cloud.name: cloud
    for cloud in (
        Cloud(
            "AzureCloud",
            "https://management.azure.com",
            "https://login.microsoftonline.com",
            "https://management.azure.com/.default",
            "core.windows.net",
        ),
        Cloud(
            "AzureUSGovernment",
            "https://management.usgovcloudapi.net",
            "https://login.microsoftonline.us",
            "https://management.core.usgovcloudapi.net/.default",
            "core.usgovcloudapi.net",
        ),
        Cloud(
            "AzureChinaCloud",
            "https://management.chinacloudapi.cn",
            "https://login.chinacloudapi.cn",
            "https://management.chinacloudapi.cn/.default",
            "core.chinacloudapi.cn",
        ),
    )
}


def check(environment: str) -> None:
    """Refuse what is neither a cloud's name nor the https URL of a Resource Manager."""
    if environment not in CLOUDS and not (ids.is_https(environment) and not urlsplit(environment).query):
        raise refuse(f"cloud_environment is {environment!r}, but must be one of {', '.join(CLOUDS)} or the https URL of a Resource Manager.")


def cloud(environment: str, cache: RunCache) -> Cloud:
    """The cloud of that name, or the one that the Resource Manager at that URL describes (one request a run). Raises `ModuleError`."""
    check(environment)
    if environment in CLOUDS:
        return CLOUDS[environment]
    url = environment.rstrip("/")
    cached = cache.get("cloud", url)
    if cached:
        return Cloud(**cached)
    found = described(url, _metadata(url))
    cache.put(asdict(found), "cloud", url, expires=time.time() + CACHED)
    return found


def described(url: str, metadata: Any) -> Cloud:
    """The cloud in the metadata that the Resource Manager at `url` answered: one cloud, or a list of which one has this URL."""
    entries = metadata if isinstance(metadata, list) else [metadata]
    fitting = entries if len(entries) == 1 else [e for e in entries if isinstance(e, dict) and str(e.get("resourceManager", "")).rstrip("/") == url]
    try:
        authentication = fitting[0]["authentication"]
        authority, audience = str(authentication["loginEndpoint"]), str(authentication["audiences"][0])
    except (IndexError, KeyError, TypeError):
        raise ModuleError(
            f"The endpoint {url} named by cloud_environment does not describe a cloud (no authentication.loginEndpoint and audiences for it in its metadata);"
            " check that it is a Resource Manager.",
            code="InvalidMetadata",
        ) from None
    suffixes = fitting[0].get("suffixes")
    storage = str(suffixes.get("storage") or "") if isinstance(suffixes, dict) else ""
    # As az does: the audience verbatim, also where that makes two slashes.
    return Cloud(url, url, authority.rstrip("/"), audience + "/.default", storage)


def _metadata(url: str) -> Any:
    from azure.core import PipelineClient
    from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestTimeoutError, ServiceResponseTimeoutError
    from azure.core.rest import HttpRequest, HttpResponse

    request = HttpRequest("GET", f"{url}/metadata/endpoints?api-version={METADATA_VERSION}")
    try:
        client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(url, policies=[Retrying()], connection_timeout=TIMEOUT, read_timeout=TIMEOUT)
        with client:
            answer = client.send_request(request)
            answer.raise_for_status()
            return answer.json()
    except (AzureError, ValueError) as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise ModuleError(
                f"The certificate of {url}, named by cloud_environment, is not trusted; point REQUESTS_CA_BUNDLE to the certificates of its authority.",
                code="Unreachable",
                message=str(error),
            ) from None
        status = error.status_code if isinstance(error, HttpResponseError) else None
        if isinstance(error, ValueError):
            reason = "its answer is not JSON"
        elif isinstance(error, (ServiceRequestTimeoutError, ServiceResponseTimeoutError)):
            reason = f"no answer within {TIMEOUT} s"
        else:
            reason = f"it answers {status}" if status else "no connection"
        raise ModuleError(
            f"Cannot get the cloud's metadata from {url}, named by cloud_environment ({reason}); check the URL, the proxy and the network of this machine.",
            code="Unreachable",
            message=str(error),
            status=status,
        ) from None
