# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the anchors of Ratify that are in a key vault say, read by the login's own permissions. Private to the collection."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any
from urllib.parse import quote

from .._azure.errors import MissingError, ModuleError
from .._azure.session import Azure
from .._azure.vault_plane import VaultPlane
from .._ratify.anchors import NOT_READ, has_authority, in_pem, trusted
from .vaults import Vault

Json = Mapping[str, Any]
HERE = "in the vault"


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


def certificates_in(plane: VaultPlane, name: str, version: str | None, number: int | None) -> tuple[list[bytes], str | None]:
    """The certificates (DER) that Ratify reads with that certificate of the vault, or why they were not read. `number`: how many it has read; None where that
    is not known, and then a certificate that Ratify trusts by itself is enough.

    The certificate of a vault is the leaf alone; its chain is in the secret behind it. That is asked for only where it is needed, and where the
    certificate's policy says that no private key is in it. Raises `ModuleError`.
    """
    # The names come from the cluster: they must not lead elsewhere in the vault.
    path = "/".join(quote(str(each), safe="") for each in (name, version) if each)
    bundle = plane.get(f"read the certificate {name} of {plane.uri}/", f"certificates/{path}")
    alone = [base64.b64decode(str(bundle.get("cer") or ""))]
    if number == 1 or (number is None and trusted(alone, HERE)[0]["held"]):
        return alone, None
    if ((bundle.get("policy") or {}).get("key_props") or {}).get("exportable") is not False:
        return [], f"{NOT_READ}: its chain is in the secret {name}, and the private key too, because it is exportable"
    chain = in_pem(str(plane.get(f"read the chain of the certificate {name} of {plane.uri}/", f"secrets/{path}").get("value")))
    return chain, None if chain else f"{NOT_READ}: the secret {name} has no certificate in PEM"


def unusable(azure: Azure, vault: Vault, certificates: Iterable[Json]) -> Iterator[str]:
    """A sentence for each of these certificates (`name`, `version`) by which Ratify could verify nothing, as far as the login may read them.

    Of what cannot be read it is not known, and no run waits for it. A leaf without its chain is good where an authority is among the others: it may be
    the leaf's.
    """
    alone, authority, plane = [], False, azure.vault_plane(str(vault.uri), again=False)
    for certificate in certificates:
        try:
            ders, unread = certificates_in(plane, certificate["name"], certificate["version"], None)
        except MissingError as failure:
            yield failure.sentence
            continue
        except ModuleError as failure:
            if failure.status is None:
                return
            ders, unread = [], failure.sentence
        authority = authority or bool(unread) or has_authority(ders)
        if ders and not (found := trusted(ders, HERE))[0]["held"]:
            sentence = f"Ratify cannot verify by the certificate {certificate['name']} of the vault {vault.name}: {found[0]['problem']}."
            alone.append(sentence)
    if not authority:
        yield from alone


def problems(azure: Azure, vault: Vault, certificates: Iterable[Json]) -> list[str]:
    """Why Ratify could not use the vault, or one of these certificates, in a sentence each."""
    closed = vault.network.problem(vault.name)
    return [closed] if closed else list(unusable(azure, vault, certificates))


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
            ders, unread = certificates_in(self._azure.vault_plane(uri), str(anchor["name"]), anchor["version"], number)
        except ModuleError as failure:
            problem = f"{NOT_READ}: {failure.sentence}".rstrip(".")
            if self._azure is None or failure.status is None:
                self._closed[uri] = problem
            return [{"problem": problem}]
        return [{"problem": unread}] if unread else trusted(ders, HERE)
