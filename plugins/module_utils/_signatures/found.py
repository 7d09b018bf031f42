# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The signatures that an image has in its registry, by any signer: of the Notary Project and of cosign. None is verified here.

Those of the Notary Project are read by `notation inspect`, which needs no trust store: it knows both envelopes (JWS and COSE) and time stamps (RFC 3161).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .._azure.errors import ModuleError
from .._azure.libraries import library
from .._azure.registry_plane import RegistryPlane
from .notation import Notation

if TYPE_CHECKING:
    from cryptography import x509

Json = Mapping[str, Any]
NOTATION = "application/vnd.cncf.notary.signature"
BUNDLE = "application/vnd.dev.sigstore.bundle"
COSIGN = ("application/vnd.dev.cosign.artifact.sig.", BUNDLE)
"""Beginnings of the artifact types of cosign's signatures."""
_SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
_ANNOTATION = "dev.sigstore.cosign/"


@dataclass(frozen=True)
class Certificate:
    subject: str
    thumbprint_sha256: str
    expires: str


@dataclass(frozen=True)
class Signature:
    """One signature; what is not known of it is None. Times are in ISO 8601, of UTC. `digest` is that of the manifest which holds it."""

    kind: str
    digest: str
    media_type: str | None = None
    algorithm: str | None = None
    signer: str | None = None
    issuer: str | None = None
    thumbprint_sha256: str | None = None
    certificate_expires: str | None = None
    certificates: tuple[Certificate, ...] = ()
    """The chain that a signature of the Notary Project carries, the signer's first. All of them have to be valid."""
    scheme: str | None = None
    signed_at: str | None = None
    expires: str | None = None
    time_stamp: str | None = None
    problem: str | None = None
    """Why it could not be read."""

    def shown(self) -> dict[str, Any]:
        return {**asdict(self), "certificates": [asdict(each) for each in self.certificates]}


@dataclass(frozen=True)
class Image:
    """An image in a registry. `reference` names it by its digest."""

    plane: RegistryPlane
    repository: str
    digest: str

    @property
    def reference(self) -> str:
        return f"{self.plane.server}/{self.repository}@{self.digest}"


def signatures(image: Image, notation: Notation, refresh_token: str) -> list[Signature]:
    """All signatures of the image, those of the Notary Project last and in order of their time. Raises `ModuleError`. `refresh_token` is empty for a registry
    without login."""
    found: list[Signature] = []
    referrers = [(str(each.get("artifactType") or ""), str(each["digest"])) for each in image.plane.referrers(image.repository, image.digest)]
    ours = {digest for kind, digest in referrers if kind == NOTATION}
    if ours:
        read, unread = notation.inspect(image.reference, refresh_token)
        found += [of_notation(each, image.digest) for each in read]
        missing = ours - {each.digest for each in found}
        found += [Signature("notation", digest, problem=unread.get(digest, "notation does not show it")) for digest in missing]
    for kind, digest in referrers:
        if kind.startswith(COSIGN):
            found += _attached(image, kind, digest)
    tag = f"{image.digest.replace(':', '-')}.sig"
    tagged = image.plane.manifest(image.repository, tag)
    if tagged:
        found += of_cosign(tagged, image.plane.digest(image.repository, tag) or "")
    return sorted(set(found), key=lambda each: (each.kind, each.signed_at or "", each.digest, each.thumbprint_sha256 or ""))


def of_notation(inspected: Json, digest: str) -> Signature:
    """A signature as `notation inspect --output json` shows it. One of another image is read, and has a problem."""
    attributes, certificates = inspected.get("signedAttributes") or {}, inspected.get("certificates") or [{}]
    stamp = (inspected.get("unsignedAttributes") or {}).get("timestampSignature") or {}
    signed = str((inspected.get("signedArtifact") or {}).get("digest") or "")
    leaf = certificates[0]
    problem = None if signed == digest else f"it is a signature of {signed or 'nothing'}, not of this image"
    return Signature(
        "notation",
        str(inspected.get("digest")),
        media_type=inspected.get("mediaType"),
        algorithm=inspected.get("signatureAlgorithm"),
        signer=leaf.get("issuedTo"),
        issuer=leaf.get("issuedBy"),
        thumbprint_sha256=leaf.get("SHA256Fingerprint"),
        certificate_expires=_utc(leaf.get("expiry")),
        certificates=tuple(
            Certificate(each["issuedTo"], each["SHA256Fingerprint"], utc(datetime.fromisoformat(each["expiry"]))) for each in certificates if each
        ),
        scheme=attributes.get("signingScheme"),
        signed_at=_utc(attributes.get("signingTime")),
        expires=_utc(attributes.get("expiry")),
        time_stamp=_stamped(stamp.get("timestamp")),
        problem=problem or (f"its time stamp: {stamp['error']}" if stamp.get("error") else None),
    )


def of_cosign(manifest: Json, digest: str) -> Iterator[Signature]:
    """Those in a manifest of cosign, one a layer. https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md"""
    for layer in manifest.get("layers") or []:
        if layer.get("mediaType") != _SIMPLE_SIGNING:
            continue
        notes = layer.get("annotations") or {}
        bare = Signature("cosign", digest, media_type=_SIMPLE_SIGNING)
        try:
            log = json.loads(notes.get(f"{_ANNOTATION}bundle") or "{}").get("Payload") or {}
            pem = str(notes.get(f"{_ANNOTATION}certificate") or "").encode()
            yield replace(_certified(bare, pem) if pem else bare, signed_at=_since_1970(log.get("integratedTime")))
        except (ValueError, TypeError, AttributeError) as error:
            yield replace(bare, problem=_reason(error))


def of_bundle(bundle: Json, digest: str) -> Signature:
    """The one in a bundle of sigstore. https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto"""
    bare = Signature("cosign", digest, media_type=str(bundle.get("mediaType")))
    try:
        material = bundle["verificationMaterial"]
        chain = (material.get("x509CertificateChain") or {}).get("certificates") or [material.get("certificate") or {}]
        der = base64.b64decode(chain[0].get("rawBytes") or "")
        logged = (material.get("tlogEntries") or [{}])[0].get("integratedTime")
        return replace(_certified(bare, der) if der else bare, signed_at=_since_1970(logged))
    except (ValueError, TypeError, LookupError, AttributeError, binascii.Error) as error:
        return replace(bare, problem=_reason(error))


def _attached(image: Image, kind: str, digest: str) -> Iterator[Signature]:
    """Those of cosign in a manifest that refers to the image."""
    bare = Signature("cosign", digest, media_type=kind)
    try:
        manifest = image.plane.manifest(image.repository, digest) or {}
        if not kind.startswith(BUNDLE):
            yield from of_cosign(manifest, digest)
            return
        bundle = image.plane.blob(image.repository, str(manifest["layers"][0]["digest"]))
        yield of_bundle(bundle, digest) if bundle else replace(bare, problem="its bundle is not there")
    except (ModuleError, LookupError, TypeError) as error:
        yield replace(bare, problem=_reason(error))


def _certified(signature: Signature, certificate: bytes) -> Signature:
    """With what the certificate (PEM or DER) says of the signer: Fulcio names them in the alternative name."""
    with library("cryptography"):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
    read = x509.load_pem_x509_certificate if certificate.startswith(b"-----") else x509.load_der_x509_certificate
    found = read(certificate)
    return replace(
        signature,
        signer=_alternative(found) or found.subject.rfc4514_string(),
        issuer=found.issuer.rfc4514_string(),
        thumbprint_sha256=found.fingerprint(hashes.SHA256()).hex(),
        certificate_expires=utc(found.not_valid_after_utc),
    )


def _alternative(certificate: x509.Certificate) -> str | None:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    found: Sequence[str] = [*names.get_values_for_type(x509.RFC822Name), *names.get_values_for_type(x509.UniformResourceIdentifier)]
    return found[0] if found else None


def utc(time: datetime) -> str:
    """In ISO 8601."""
    return time.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _utc(text: str | None) -> str | None:
    return utc(datetime.fromisoformat(text)) if text else None


def _stamped(text: str | None) -> str | None:
    """Of an authority that says how exact it is, notation shows the first and the last possible time: the last counts."""
    return _utc(text.strip("[]").rpartition(", ")[2]) if text else None


def _since_1970(seconds: Any) -> str | None:
    return utc(datetime.fromtimestamp(int(seconds), UTC)) if seconds else None


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
