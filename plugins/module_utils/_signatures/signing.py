# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Images that carry a signature of one signer: which are to be signed, and signing them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .._azure.errors import ModuleError, refuse
from .._azure.registry_plane import is_of_azure
from .._azure.session import Azure
from .._azure.writes import Write, in_turn
from .._change import KNOWN_AFTERWARDS, Change
from .._policy.references import Reference, reference
from .found import Image, Signature, signatures
from .notation import Notation
from .reading import AT_ONCE, Registries, every
from .signer import Signer

NOT_OF_SIGNER = "no signature of this certificate"
_THUMBPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Wanted:
    """How a signature has to be. `expiry` and `renew_within` are in days; `time_stamp` is the URL of an authority and the file of its root certificate.
    `former` are thumbprints (SHA-256) of certificates whose signatures are removed."""

    media_type: str
    expiry: int | None = None
    renew_within: int = 0
    time_stamp: tuple[str, str] | None = None
    former: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """For `notation sign`."""
        words = ["--signature-format", self.media_type]
        words += ["--expiry", f"{self.expiry * 24}h"] if self.expiry else []
        return words + (["--timestamp-url", self.time_stamp[0], "--timestamp-root-cert", self.time_stamp[1]] if self.time_stamp else [])


def wanted(given: Mapping[str, Any]) -> Wanted:
    """What the options ask for. Raises `ModuleError`."""
    expiry, renew_within, stamp = given["expiry"], given["renew_within"], given["time_stamp"]
    if expiry is not None and expiry < 1:
        raise refuse(f"expiry is {expiry}, but must be a number of days from 1 on; leave it out for signatures without expiry.")
    if renew_within < 0 or (expiry is not None and renew_within >= expiry):
        raise refuse(f"renew_within is {renew_within}, but must be a number of days from 0 on, and less than expiry: each run would sign again.")
    former = tuple(each.lower() for each in given["former_certificates"])
    if wrong := [each for each in former if not _THUMBPRINT.fullmatch(each)]:
        raise refuse(f"former_certificates has {wrong[0]!r}, but must have SHA-256 of certificates, 64 hexadecimal digits each.")
    if not stamp:
        return Wanted(given["signature_format"], expiry, renew_within, former=former)
    url, root = stamp["url"], Path(stamp["root_certificate"])
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise refuse(f"time_stamp.url is {url!r}, but must be the URL of a time stamping authority.")
    if not root.is_file():
        raise refuse(f"There is no file {root}, which time_stamp.root_certificate names.")
    return Wanted(given["signature_format"], expiry, renew_within, (url, str(root.absolute())), former)


@dataclass(frozen=True)
class Signed:
    """An image as it was named, and its signatures; `valid`: notation has verified one of the signer."""

    name: str
    image: Image
    signatures: tuple[Signature, ...]
    valid: bool
    reason: str = ""
    """Why it is signed."""
    removed: tuple[Signature, ...] = ()
    """Signatures that a later one replaces."""

    def shown(self) -> dict[str, Any]:
        own = {"image": self.name, "digest": self.image.digest, "reference": self.image.reference, "reason": self.reason or None}
        removed = [each.digest for each in self.removed]
        return {**own, "removed": removed, "signatures": [each.shown() for each in self.signatures if each.digest != KNOWN_AFTERWARDS]}

    def compared(self) -> dict[str, Any]:
        return {self.image.reference: {"signature": [f"{each.kind} {each.signer or 'by a key'} {each.digest}" for each in self.signatures]}}


def plan(found: Signed, signer: Signer | None, wanted: Wanted, now: datetime) -> Change[Signed]:
    """Whether the image has to be signed, and why, and which signatures are removed then. No I/O. `signer` is None where its certificate does not exist yet."""
    reason = _reason(found, signer, wanted, now) if signer else NOT_OF_SIGNER
    new = (Signature("notation", KNOWN_AFTERWARDS, signer=signer.subject if signer else KNOWN_AFTERWARDS),) if reason else ()
    removed = _replaced(found.signatures, signer, wanted, now, renewed=bool(reason))
    if not new and not removed:
        return Change(found, found)
    kept = tuple(each for each in found.signatures if each not in removed)
    return Change(found, replace(found, signatures=(*kept, *new), reason=reason, removed=removed))


def candidates(found: Iterable[Signature], signer: Signer) -> list[Signature]:
    """Those that say they are of the signer."""
    return [each for each in found if each.kind == "notation" and each.thumbprint_sha256 == signer.thumbprint_sha256 and not each.problem]


def _lasts(each: Signature, wanted: Wanted, now: datetime) -> bool:
    return not each.expires or datetime.fromisoformat(each.expires) > now + timedelta(days=wanted.renew_within)


def _replaced(found: Iterable[Signature], signer: Signer | None, wanted: Wanted, now: datetime, *, renewed: bool) -> tuple[Signature, ...]:
    """Those that would deny the image later although it has a good one, for Ratify wants every signature to be good: of former certificates, and where the
    image is signed again those of the signer that expire or have no time stamp.

    https://ratify.dev/docs/plugins/policy (the policy `all`)
    """
    former = [each for each in found if each.kind == "notation" and each.thumbprint_sha256 in wanted.former]
    own = [each for each in candidates(found, signer) if not _lasts(each, wanted, now) or (wanted.time_stamp and not each.time_stamp)] if signer else []
    return tuple(former + (own if renewed else []))


def _reason(found: Signed, signer: Signer, wanted: Wanted, now: datetime) -> str:
    own = candidates(found.signatures, signer)
    if not own:
        return NOT_OF_SIGNER
    if not found.valid:
        return "no valid signature of this certificate"
    lasting = [each for each in own if _lasts(each, wanted, now)]
    if not lasting:
        return f"a signature that expires on {max(str(each.expires) for each in own)}"
    if wanted.time_stamp and not any(each.time_stamp for each in lasting):
        return "a signature without time stamp"
    return ""


def named(images: Sequence[str]) -> list[tuple[str, Reference]]:
    """What the names mean, each once. Raises `ModuleError` for one that names no image in a registry of Azure."""
    found = []
    for number, name in enumerate(images):
        meant = reference(name)
        if not meant or not (meant.tag or meant.digest):
            raise refuse(f"images[{number}] is {name!r}, but must be such as <registry>.azurecr.io/<repository>@sha256:<digest>, or with a tag.")
        if not is_of_azure(meant.registry):
            raise refuse(f"images[{number}] is {name!r}, which is not in a registry of Azure (<registry>.azurecr.io).")
        found.append((name, meant))
    return list(dict.fromkeys(found))


def require_other(signer: Signer, wanted: Wanted) -> None:
    """Raise `ModuleError` where the signer's own certificate is a former one."""
    if signer.thumbprint_sha256 in wanted.former:
        raise refuse(f"former_certificates has {signer.thumbprint_sha256}, which is the certificate that signs; leave it out.")


def require_push(image: Image) -> None:
    """Raise `ModuleError` where the login may not push a signature of the image."""
    actions = image.plane.actions(image.repository)
    if actions is not None and "push" not in actions:
        raise ModuleError(
            f"This login may not push signatures to {image.plane.server}/{image.repository}; give its principal AcrPush on the registry, or in ABAC mode"
            " Container Registry Repository Writer.",
            code="Unauthorized",
        )


def read_all(azure: Azure, images: Sequence[str], notation: Notation, signer: Signer | None) -> list[Signed]:
    """The images, each once, with what signs them. Raises `ModuleError` that says of all images why they cannot be signed."""
    registries = Registries(azure)

    def pushable(each: tuple[str, Reference]) -> tuple[str, Image]:
        image = registries.image(*each)
        require_push(image)
        return each[0], image

    found: dict[str, tuple[str, Image]] = {}
    for name, image in every(pushable, named(images)):
        found.setdefault(image.reference, (name, image))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda each: read(each[0], each[1], notation, signer), found.values()))


def read(name: str, image: Image, notation: Notation, signer: Signer | None) -> Signed:
    """The image with its signatures, and whether one of the signer is valid. Raises `ModuleError`."""
    token = image.plane.refresh_token
    found = signatures(image, notation, token)
    return Signed(name, image, tuple(found), valid=bool(signer and candidates(found, signer)) and notation.verifies(image.reference, token))


def require_deletion(change: Change[Signed]) -> None:
    """Raise `ModuleError` where the login may not delete the signatures that are removed."""
    image = change.before.image if change.before else None
    if not image or not change.after or not change.after.removed:
        return
    actions = image.plane.actions(image.repository)
    if actions is not None and "delete" not in actions:
        raise ModuleError(
            f"This login may not delete the signatures of {image.reference} that are replaced, which would deny it later; give its principal AcrDelete on the"
            " registry, or in ABAC mode Container Registry Repository Contributor.",
            code="Unauthorized",
        )


def apply(changes: Sequence[Change[Signed]], notation: Notation, signer: Signer, wanted: Wanted) -> list[Change[Signed]]:
    """Sign what has to be, one after the other, and return all with the signatures as they are then. A signature is deleted once there is a good one. Raises
    as `in_turn`."""

    def sign(change: Change[Signed]) -> Change[Signed]:
        if not change.after:
            return change
        image, after = change.after.image, change.after
        if after.reason:
            notation.sign(image.reference, image.plane.refresh_token, [*signer.words, *wanted.words], signer.environment)
            after = read(after.name, image, notation, signer)
            if problem := _reason(after, signer, wanted, datetime.now(UTC)):
                raise ModuleError(
                    f"{image.reference} was signed, but has {problem}; look at it with `notation inspect` and `notation verify`.", code="NotVerified"
                )
        for each in change.after.removed:
            image.plane.delete(image.repository, each.digest)
        # What is deleted decides nothing about those that stay, which were read above or before.
        removed = {each.digest for each in change.after.removed}
        left = tuple(each for each in after.signatures if each.digest not in removed)
        return Change(change.before, replace(after, signatures=left, reason=change.after.reason, removed=change.after.removed))

    needed = [change for change in changes if change.changed]
    writes = [Write(_words(change.after), partial(sign, change)) for change in needed if change.after]
    made = iter(in_turn(writes, ""))
    return [next(made) if change.changed else change for change in changes]


def _words(after: Signed) -> str:
    return f"{'sign' if after.reason else 'remove former signatures of'} {after.image.reference}"
