# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the anchors of Ratify that are in a key vault say, read by the login's own rights. Private to the collection."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ._anchors import NOT_READ, described
from ._azure.errors import ModuleError
from ._azure.session import Azure

Json = Mapping[str, Any]


def described_anchors(anchors: Iterable[Json], login: Callable[[], Azure]) -> list[dict[str, Any]]:
    """The anchors, those of a vault with what their certificate says, or why it was not read.

    Only certificates are asked for, which are public, never the secrets behind them. There is no login where no anchor needs one.
    """
    reader = _Reader(login)
    return [{**anchor, **reader.described(anchor)} if anchor["problem"] == NOT_READ and anchor["kind"] == "certificate" else dict(anchor) for anchor in anchors]


class _Reader:
    def __init__(self, login: Callable[[], Azure]) -> None:
        self._login = login
        self._azure: Azure | None = None
        self._closed: dict[str, str] = {}
        """Why a vault, or the login, was of no use: it is not asked again, for that may take its time."""

    def described(self, anchor: Json) -> dict[str, Any]:
        # The names come from the cluster: they must not lead elsewhere in the vault.
        names = [quote(str(name), safe="") for name in (anchor["name"], anchor["version"]) if name]
        uri, path = str(anchor["vault"]), "/".join(["certificates", *names])
        if uri in self._closed:
            return {"problem": self._closed[uri]}
        try:
            self._azure = self._azure or self._login()
            found = self._azure.vault_plane(uri).get(f"read the certificate {anchor['name']} of {uri}", path)
        except ModuleError as failure:
            problem = f"{NOT_READ}: {failure.sentence}".rstrip(".")
            if self._azure is None or failure.status is None:
                self._closed[uri] = problem
            return {"problem": problem}
        return described(base64.b64decode(str(found.get("cer") or "")))
