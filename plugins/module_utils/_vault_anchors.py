# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the anchors of Ratify that are in a key vault say, read by the login's own rights. Private to the collection."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any
from urllib.parse import quote

from ._anchors import NOT_READ, in_pem, trusted
from ._azure.errors import MissingError, ModuleError
from ._azure.session import Azure
from ._azure.vault_plane import VaultPlane
from ._vaults import Vault

Json = Mapping[str, Any]


def described_anchors(anchors: Iterable[Json], login: Callable[[], Azure]) -> list[dict[str, Any]]:
    """The anchors, those of a vault with what their certificates say, or why these were not read. Ratify reports a certificate of a vault once for each
    certificate of its chain, and trusts some of them.

    There is no login where no anchor needs one.
    """
    reader, found = _Reader(login), []
    for (unread, *_names), group in groupby(anchors, _place):
        together = list(group)
        found += [{**together[0], **each} for each in reader.trusted(together[0], len(together))] if unread else [dict(anchor) for anchor in together]
    return found


def _place(anchor: Json) -> tuple[Any, ...]:
    """Whether it is to be read, and where: the same for each certificate of a chain."""
    unread = anchor["problem"] == NOT_READ and anchor["kind"] == "certificate"
    return (unread, *(anchor[key] for key in ("provider", "vault", "name", "version")))


def trusted_in(plane: VaultPlane, name: str, version: str | None, number: int | None) -> list[dict[str, Any]]:
    """What Ratify trusts of that certificate of the vault, as `trusted` has it. `number`: the certificates that it read with it; None where that is not known.

    The certificate of a vault is the leaf alone; its chain is in the secret behind it. That is asked for only where it is needed, and where the
    certificate's policy says that no private key is in it. Raises `ModuleError`.
    """
    # The names come from the cluster: they must not lead elsewhere in the vault.
    path = "/".join(quote(str(each), safe="") for each in (name, version) if each)
    bundle = plane.get(f"read the certificate {name} of {plane.uri}/", f"certificates/{path}")
    alone = trusted([base64.b64decode(str(bundle.get("cer") or ""))], "in the vault")
    if number == 1 or (number is None and alone[0]["held"]):
        return alone
    if ((bundle.get("policy") or {}).get("key_props") or {}).get("exportable") is not False:
        return [{"problem": f"{NOT_READ}: its chain is in the secret {name}, and the private key too, because it is exportable"}]
    secret = plane.get(f"read the chain of the certificate {name} of {plane.uri}/", f"secrets/{path}")
    return trusted(in_pem(str(secret.get("value"))), "in the vault") or [{"problem": f"{NOT_READ}: the secret {name} has no certificate in PEM"}]


def unusable(azure: Azure, vault: Vault, certificates: Iterable[Json]) -> Iterator[str]:
    """A sentence for each of these certificates (`name`, `version`) by which Ratify could verify nothing, as far as the login may read them. Of what cannot be
    read it is not known."""
    for certificate in certificates:
        try:
            found = trusted_in(azure.vault_plane(str(vault.uri)), certificate["name"], certificate["version"], None)
        except MissingError as failure:
            yield failure.sentence
        except ModuleError as failure:
            if failure.status is None:
                return
        else:
            if not any(each.get("held", True) for each in found):
                sentence = f"Ratify cannot verify by the certificate {certificate['name']} of the vault {vault.name}: {found[0]['problem']}."
                yield sentence


class _Reader:
    def __init__(self, login: Callable[[], Azure]) -> None:
        self._login = login
        self._azure: Azure | None = None
        self._closed: dict[str, str] = {}
        """Why a vault, or the login, was of no use: it is not asked again, for that may take its time."""

    def trusted(self, anchor: Json, number: int) -> list[dict[str, Any]]:
        uri = str(anchor["vault"])
        if uri in self._closed:
            return [{"problem": self._closed[uri]}]
        try:
            self._azure = self._azure or self._login()
            return trusted_in(self._azure.vault_plane(uri), str(anchor["name"]), anchor["version"], number)
        except ModuleError as failure:
            problem = f"{NOT_READ}: {failure.sentence}".rstrip(".")
            if self._azure is None or failure.status is None:
                self._closed[uri] = problem
            return [{"problem": problem}]
