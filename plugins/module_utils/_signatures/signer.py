# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Who signs: a certificate whose key is in a key vault, or in a file."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._azure import private_file
from .._azure.errors import ModuleError, refuse
from .._azure.libraries import library
from .._azure.session import Azure
from .found import utc
from .notation import PLUGIN, Notation

if TYPE_CHECKING:
    from cryptography import x509

_KEY = re.compile(r"/(?:keys|certificates)/([0-9A-Za-z-]{1,127})/([0-9a-f]{32})")


@dataclass(frozen=True)
class Signer:
    """`words` are the arguments of `notation sign`, `environment` what its plugin logs in with, a secret."""

    subject: str
    thumbprint_sha256: str
    expires: datetime
    root: str = field(repr=False)
    """Certificate (PEM) that a verifier has to trust."""
    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def shown(self) -> dict[str, Any]:
        return {"subject": self.subject, "thumbprint_sha256": self.thumbprint_sha256, "expires": utc(self.expires)}


def from_vault(azure: Azure, notation: Notation, key_id: str, ca_certificates: str | None) -> Signer:
    """The signer whose certificate, and key of the same name and version, are in a vault. Raises `ModuleError`."""
    url = urlsplit(key_id)
    named = _KEY.fullmatch(url.path)
    if not named or url.scheme != "https" or not url.hostname or url.query:
        raise refuse(
            f"key_id is {key_id!r}, but must be such as https://<vault>.vault.azure.net/keys/<name>/<version>, as Key Vault names the certificate's key."
        )
    name, version = named.groups()
    plane = azure.vault_plane(f"https://{url.netloc}")
    bundle = plane.get(f"read the certificate {name} of {plane.uri}/", f"certificates/{name}/{version}")
    if not (bundle.get("attributes") or {}).get("enabled", True):
        raise refuse(f"The certificate {name} of {plane.uri}/ is disabled in version {version}; enable it, or name another version in key_id.")
    leaf = _certificate(base64.b64decode(str(bundle.get("cer") or "")), key_id)
    configuration = {"self_signed": "true"}
    if leaf.issuer != leaf.subject:
        if not ca_certificates:
            raise refuse(f"The certificate of {key_id} is issued by {leaf.issuer.rfc4514_string()}; give the authority's certificates in ca_certificates.")
        configuration = {"ca_certs": str(Path(ca_certificates).expanduser().absolute())}
    chain = [leaf, *(_in_file(configuration["ca_certs"], "ca_certificates") if "ca_certs" in configuration else [])]
    configuration["credential_type"], environment = azure.for_programs(notation.folder)
    words = [f"--plugin-config={key}={value}" for key, value in configuration.items()]
    return _signer(chain, key_id, ("--id", key_id, "--plugin", PLUGIN, *words), environment)


def from_files(notation: Notation, key_file: str, certificate_file: str) -> Signer:
    """The signer whose key and certificates, its own first, are in files (PEM). Raises `ModuleError`."""
    key, certificates = (str(Path(path).expanduser().absolute()) for path in (key_file, certificate_file))
    if not Path(key).is_file():
        raise refuse(f"There is no file {key_file}, which key_file names.")
    chain = _in_file(certificates, "certificate_file")
    keys = {"default": "signer", "keys": [{"name": "signer", "keyPath": key, "certPath": certificates}]}
    private_file.write(notation.folder / "signingkeys.json", json.dumps(keys))
    return _signer(chain, certificate_file, ("--key", "signer"), {})


def _signer(chain: list[x509.Certificate], place: str, words: tuple[str, ...], environment: Mapping[str, str]) -> Signer:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    leaf = chain[0]
    if problem := _problem(leaf):
        raise refuse(f"The certificate {leaf.subject.rfc4514_string()} of {place} cannot sign images: {problem}; give another one.")
    for issued, by in zip(chain, [*chain[1:], chain[-1]], strict=True):
        try:
            issued.verify_directly_issued_by(by)
        except Exception:
            raise refuse(
                f"The certificates of {place} are no chain: {by.subject.rfc4514_string()} has not issued {issued.subject.rfc4514_string()};"
                " they must follow each other from the signer's to the root's."
            ) from None
    root = chain[-1].public_bytes(Encoding.PEM).decode()
    return Signer(leaf.subject.rfc4514_string(), leaf.fingerprint(hashes.SHA256()).hex(), leaf.not_valid_after_utc, root, words, environment)


def _problem(leaf: x509.Certificate) -> str | None:
    """Why no signature of this certificate would be valid.

    https://github.com/notaryproject/specifications/blob/main/specs/signature-specification.md#certificate-requirements
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID

    now, key, extensions = datetime.now(UTC), leaf.public_key(), leaf.extensions
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        return f"it is valid from {utc(leaf.not_valid_before_utc)} to {utc(leaf.not_valid_after_utc)} only"
    if not (isinstance(key, rsa.RSAPublicKey) and key.key_size in (2048, 3072, 4096)) and not (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in ("secp256r1", "secp384r1", "secp521r1")
    ):
        return "its key must be RSA with 2048, 3072 or 4096 bits, or EC on P-256, P-384 or P-521"
    try:
        if not extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature:
            return "its key usage is not digital signature"
    except x509.ExtensionNotFound:
        return "it has no key usage, which must be digital signature"
    try:
        if ExtendedKeyUsageOID.CODE_SIGNING not in extensions.get_extension_for_class(x509.ExtendedKeyUsage).value:
            return "its extended key usage is not code signing"
    except x509.ExtensionNotFound:
        return None
    return None


def until(signer: Signer, days: float) -> str | None:
    """A warning where its certificate expires within so many days."""
    if signer.expires - datetime.now(UTC) >= timedelta(days=days):
        return None
    return (
        f"The certificate {signer.subject} expires on {utc(signer.expires)}: signatures without a time stamp are valid no longer than that, and signing again"
        " with it does not help; renew it."
    )


def _in_file(path: str, option: str) -> list[x509.Certificate]:
    with library("cryptography"):
        from cryptography import x509
    try:
        return x509.load_pem_x509_certificates(Path(path).read_bytes())
    except OSError as error:
        raise refuse(f"Cannot read {path}, which {option} names ({error.strerror}).") from None
    except ValueError:
        raise refuse(f"{path}, which {option} names, has no certificate in PEM.") from None


def _certificate(der: bytes, key_id: str) -> x509.Certificate:
    with library("cryptography"):
        from cryptography import x509
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        raise ModuleError(f"The vault's answer has no certificate for {key_id}; check key_id.", code="InvalidAnswer") from None
