# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Whom Ratify trusts: the certificates and keys of its key management providers, as it reports that it holds them. No I/O."""

from __future__ import annotations

import base64
import hashlib
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    CRYPTOGRAPHY_IMPORT_ERROR = None

NOT_READ = "not read from the vault"
NOT_HELD = "Ratify does not hold it"
DISABLED = "disabled in the vault, and Ratify still trusts it"
"""Ratify reads the vault when it starts, and again only at its refresh interval, if it has one."""
LEAF_ALONE = (
    "a certificate authority issued it and its chain is not {} with it, so Ratify does not trust it by itself; import it with its intermediate and root"
)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
Json = Mapping[str, Any]


def anchors(providers: Iterable[Json]) -> list[dict[str, Any]]:
    """One for each certificate and key of the KeyManagementProviders. Those of a vault are by name and version as Ratify read them, and not described yet."""
    return [anchor for provider in providers for anchor in _anchors_of(provider)]


def problem_of(content: str, value: str) -> str:
    """Why Ratify could not use what is given in place: certificates, or a key (`content`). Empty where it could, or the library that could tell is missing."""
    described = [] if CRYPTOGRAPHY_IMPORT_ERROR else [*_inline("", content, value)]
    return next((str(each["problem"]) for each in described if each["problem"]), "")


def _anchors_of(provider: Json) -> Iterator[dict[str, Any]]:
    spec = provider.get("spec") or {}
    parameters = _mapping(spec.get("parameters"))
    name = provider["metadata"]["name"]
    if spec.get("type") == "inline":
        yield from _inline(name, str(parameters.get("contentType") or ""), str(parameters.get("value") or ""))
        return
    vault = parameters.get("vaultURI")
    properties = _mapping((provider.get("status") or {}).get("properties"))
    for kind, listed in (("certificate", "certificates"), ("key", "keys")):
        held = _mappings(properties.get(listed.capitalize()))
        for each in held:
            usable = str(each.get("Enabled", "true")).lower() != "false"
            problem = NOT_READ if usable else f"disabled in the vault, {NOT_HELD}"
            yield _anchor(name, kind, vault, each.get("Name"), each.get("Version") or None, problem, held=usable)
        for each in _mappings(parameters.get(listed)):
            if each.get("name") not in {one.get("Name") for one in held}:
                yield _anchor(name, kind, vault, each.get("name"), each.get("version") or None, NOT_HELD, held=False)


def _mapping(value: Any) -> Json:
    """Parameters and properties have no schema: all else than a mapping is nothing."""
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> list[Json]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _inline(provider: str, content: str, value: str) -> Iterator[dict[str, Any]]:
    if content == "key":
        yield {**_anchor(provider, "key", None, None, None, None), **_described_key(value)}
        return
    found = in_pem(value)
    for each in trusted(found, "there"):
        yield {**_anchor(provider, "certificate", None, None, None, None), **each}
    if not found:
        yield _anchor(provider, "certificate", None, None, None, "it is no certificate in PEM")


def in_pem(text: str) -> list[bytes]:
    """DER of each certificate in the text, in its order; private keys and all else are left out."""
    return [_der(pem) for pem in _CERTIFICATE.findall(text)]


def _der(pem: str) -> bytes:
    """Empty where it is not PEM."""
    try:
        return base64.b64decode("".join(pem.split("-----")[2].split()), validate=True)
    except ValueError:
        return b""


def _anchor(provider: str, kind: str, vault: str | None, name: str | None, version: str | None, problem: str | None, *, held: bool = True) -> dict[str, Any]:
    where = {"provider": provider, "kind": kind, "from": "vault" if vault else "inline", "vault": vault, "name": name, "version": version}
    return {**where, "held": held, "subject": None, "sha256": None, "not_before": None, "not_after": None, "problem": problem}


def trusted(ders: Sequence[bytes], place: str) -> list[dict[str, Any]]:
    """What Ratify trusts of certificates that come together, whatever their order, each with whether it is `held` and what it says: subject (RFC 4514),
    SHA-256 of its DER, from when and until when it is valid; or `problem`. Where it trusts none of them, the first one, not held. `place` completes
    LEAF_ALONE."""
    described = [_described(der) for der in ders]
    if ders and not any(each["held"] for each in described):
        return [{**described[0], "problem": LEAF_ALONE.format(place)}]
    return [each for each in described if each["held"]]


def _described(der: bytes) -> dict[str, Any]:
    try:
        certificate = x509.load_der_x509_certificate(der)
        subject, held = certificate.subject.rfc4514_string(), _is_anchor(certificate)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension):
        return {"held": True, "problem": "its certificate cannot be read"}
    return {
        "held": held,
        "subject": subject,
        "sha256": certificate.fingerprint(SHA256()).hex(),
        "not_before": f"{certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}",
        "not_after": f"{certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
        "problem": None,
    }


def _is_anchor(certificate: x509.Certificate) -> bool:
    """Ratify's rule (v1.4.6, pkg/verifier/notation/truststore.go, filterValidCerts): of what it was given it trusts the certificates of authorities, and
    those that are signed by their own keys."""
    if _is_authority(certificate):
        return True
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, TypeError, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def has_authority(ders: Iterable[bytes]) -> bool:
    """Whether one of the certificates is an authority's, as far as they can be read."""
    return any(_is_authority(x509.load_der_x509_certificate(der)) for der in ders if _described(der)["problem"] is None)


def _described_key(pem: str) -> dict[str, Any]:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return {"problem": "its key cannot be read"}
    return {"sha256": hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()}
