# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the anchors of Ratify that are in a key vault say, read by the login's own permissions. Private to the collection."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from urllib.parse import quote

from .._azure.errors import MissingError, ModuleError
from .._azure.session import Azure
from .._azure.vault_plane import VaultPlane
from .._ratify.anchors import DISABLED, NOT_READ, has_authority, in_pem, trusted
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
    is not known, and then a certificate that Ratify trusts by itself is enough. Of a disabled one the leaf alone and `DISABLED`: its chain cannot be read.

    The certificate of a vault is the leaf alone; its chain is in the secret behind it. That is asked for only where it is needed, and where the
    certificate's policy says that no private key is in it. Raises `ModuleError`.
    """
    # The names come from the cluster: they must not lead elsewhere in the vault.
    path = "/".join(quote(str(each), safe="") for each in (name, version) if each)
    bundle = plane.get(f"read the certificate {name} of {plane.uri}/", f"certificates/{path}")
    alone = [base64.b64decode(str(bundle.get("cer") or ""))]
    if (bundle.get("attributes") or {}).get("enabled") is False:
        return alone, DISABLED
    if number == 1 or (number is None and trusted(alone, HERE)[0]["held"]):
        return alone, None
    if ((bundle.get("policy") or {}).get("key_props") or {}).get("exportable") is not False:
        return [], f"{NOT_READ}: its chain is in the secret {name}, and the private key too, because it is exportable"
    chain = in_pem(str(plane.get(f"read the chain of the certificate {name} of {plane.uri}/", f"secrets/{path}").get("value")))
    return chain, None if chain else f"{NOT_READ}: the secret {name} has no certificate in PEM"


@dataclass(frozen=True)
class Certificate:
    """A certificate of a vault as the login may read it: DER of what Ratify reads with it. None where that is not known (`missing`: it does not exist)."""

    vault: str
    name: str
    ders: tuple[bytes, ...] = ()
    missing: str = ""


@dataclass(frozen=True)
class Examined:
    """Why Ratify could not use a vault, or one of its certificates, in a sentence each; and the certificates, none where the vault is closed."""

    problems: list[str]
    certificates: list[Certificate]


def examined(azure: Azure, vault: Vault, certificates: Iterable[Json]) -> Examined:
    """What these certificates (`name`, `version`) of the vault say."""
    if closed := vault.network.problem(vault.name):
        return Examined([closed], [])
    read = [*_certificates(azure, vault, certificates)]
    return Examined([*_unusable(vault, read)], read)


def _certificates(azure: Azure, vault: Vault, certificates: Iterable[Json]) -> Iterator[Certificate]:
    """No run waits twice for a vault that does not answer."""
    plane, reached = azure.vault_plane(str(vault.uri), again=False), True
    for certificate in certificates:
        one = Certificate(vault.name, certificate["name"])
        try:
            ders, problem = certificates_in(plane, certificate["name"], certificate["version"], None) if reached else ([], None)
        except MissingError as failure:
            yield replace(one, missing=failure.sentence)
        except ModuleError as failure:
            reached = failure.status is not None
            yield one
        else:
            yield one if problem == DISABLED else replace(one, ders=tuple(ders))


def _unusable(vault: Vault, read: Sequence[Certificate]) -> Iterator[str]:
    """A sentence for each certificate by which Ratify could verify nothing. A leaf without its chain is good where an authority is among the others, or one
    of which nothing is known: it may be the leaf's."""
    yield from (one.missing for one in read if one.missing)
    if any(has_authority(one.ders) if one.ders else not one.missing for one in read):
        return
    for one in read:
        if one.ders and not (found := trusted(one.ders, HERE))[0]["held"]:
            sentence = f"Ratify cannot verify by the certificate {one.name} of the vault {vault.name}: {found[0]['problem']}."
            yield sentence


def problems(azure: Azure, vault: Vault, certificates: Iterable[Json]) -> list[str]:
    """As `examined`, the sentences alone."""
    return examined(azure, vault, certificates).problems


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
        if unread == DISABLED and (described := trusted(ders, HERE)[0])["held"]:
            return [{**described, "problem": DISABLED}]
        return [{"problem": unread}] if unread else trusted(ders, HERE)
