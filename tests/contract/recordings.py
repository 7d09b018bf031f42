"""What was recorded of the real Azure, by the tests of Azure CLI and of Azure's SDK for Python; and what of it counts.

The recordings are found by the environment variable AZURE_RECORDINGS or beside the checkout.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

FOLDER = Path(os.environ.get("AZURE_RECORDINGS") or Path(__file__).resolve().parents[3] / "shared/azure-recordings")
ERRORS = "errors.json"

EXCLUDED = {
    r"GET .*/vaults\?.*skiptoken=": "the empty page that ends Azure's list of vaults; the emulator's last page is the last one that has something",
    r"GET .*/registries/\w+/listUsages\?": "usage figures",
    r"POST .*/registries/\w+/(listCredentials|regenerateCredential)\?": "a registry's admin user: nothing of the collection logs in as one",
    r"POST .*/registries/\w+/importImage\?": "copying images from other registries",
    r"GET /providers/Microsoft.ManagedIdentity/operations\?": "the list of a provider's operations",
    r"POST .*/listAssociatedResources\?": "a preview that Azure has withdrawn",
}
"""What is not asked again, and why: patterns for the method and the address."""

UNTOLD = {
    "systemData": "who wrote what, and when",
    "nextLink": "how pages are linked is another matter than what is on them",
    "effectiveOutboundIPs": "public addresses",
    "autoUpgradeProfile": "a channel that Azure began to tell between two recordings",
    "refresh_in": "returned with tokens that live for a day; the emulator's live for an hour",
    "properties.addonProfiles.keda": "returned by Azure once, while it cancels the making of a cluster that never had it",
    **dict.fromkeys(
        ("userinfo_endpoint", "end_session_endpoint", "http_logout_supported", "frontchannel_logout_supported", "claims_supported", "kerberos_endpoint"),
        "how users sign in and out: only applications do here",
    ),
    **dict.fromkeys(("cloud_graph_host_name", "msgraph_host", "rbac_url", "request_uri_parameter_supported"), "hosts and features that no client asks for"),
}
"""Properties, by name or by where they stand, that Azure tells and the emulator does not."""

HEADERS = ("azure-asyncoperation", "location", "x-ms-failure-cause")
"""Headers by which clients go on."""


@dataclass(frozen=True)
class Interaction:
    host: str
    method: str
    path: str
    query: dict[str, str]
    request: Any
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    retry_after: bool
    """Whether a Retry-After header would have been recorded: Azure CLI's recordings leave it out."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def excluded(self) -> str | None:
        """The pattern in EXCLUDED that fits."""
        address = f"{self.method} {self.path}?{'&'.join(f'{name}={value}' for name, value in self.query.items())}"
        return next((pattern for pattern in EXCLUDED if re.match(pattern, address, re.IGNORECASE)), None)


def files() -> list[str]:
    return sorted(file.name for file in FOLDER.glob("*.json") if file.name != ERRORS)


def interactions(file: str) -> Iterator[Interaction]:
    """In the order in which they were recorded."""
    recorded = json.loads((FOLDER / file).read_text())
    for each in recorded.get("interactions", ()):
        yield _interaction(each["method"], each["uri"], each["request"], each["status"], each["headers"], each["body"], retry_after=False)
    for each in recorded.get("Entries", ()):
        headers = {name.lower(): value for name, value in each["ResponseHeaders"].items()}
        answer = (each["RequestBody"], each["StatusCode"], headers, each["ResponseBody"])
        yield _interaction(each["RequestMethod"], each["RequestUri"], *answer, retry_after=True)


def _interaction(method: str, uri: str, request: Any, status: int, headers: dict[str, str], body: Any, *, retry_after: bool) -> Interaction:
    url = urlsplit(uri)
    return Interaction(url.netloc, method, url.path, dict(parse_qsl(url.query)), request, status, headers, body, retry_after)


def names(value: Any, at: str = "") -> set[str]:
    """The property names of a body at every depth, as `properties.sku.name`; the elements of a list taken together. Tags are data, not properties."""
    if isinstance(value, list):
        return set().union(*(names(element, at) for element in value))
    if not isinstance(value, dict):
        return set()
    known = {key: inner for key, inner in value.items() if not _unknown(at, key, inner)}
    return set().union(*({f"{at}{key}"} | (set() if key == "tags" else names(inner, f"{at}{key}.")) for key, inner in known.items()))


def _unknown(at: str, key: str, value: Any) -> bool:
    """Whether a property does not count: it is in UNTOLD, or a note of who trimmed the recording, or holds nothing but such ones."""
    if key.startswith("_") or key in UNTOLD or f"{at}{key}" in UNTOLD:
        return True
    return isinstance(value, dict) and bool(value) and all(_unknown(f"{at}{key}.", inner, below) for inner, below in value.items())


def plain(message: str) -> str:
    """A message without what differs from one call to the next."""
    return re.sub(r"[0-9a-f]{32}|[0-9a-f-]{36}", "<id>", message)


def shape(url: str) -> tuple[bool, str]:
    """Of an address in a header: whether it is absolute, and its path without case and without the name of an operation."""
    path = urlsplit(url).path.lower()
    return "://" in url, re.sub(r"(/operation\w*/).*", r"\1", path)
