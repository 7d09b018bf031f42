# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Log in with a certificate. Private to the collection."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..clouds import Cloud
from .login import Application, unusable

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


@dataclass(frozen=True)
class ClientCertificate(Application):
    """`proof` is the path of a file with the certificate and its private key, PEM or PKCS 12."""

    NOUN = "certificate"
    OPTION = "x509_certificate_path"
    ENVIRONMENT = ("AZURE_X509_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH")

    password: str | None = field(default=None, repr=False)
    thumbprint: str | None = None

    @classmethod
    def more(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"password": values.get("x509_certificate_password") or None, "thumbprint": values.get("thumbprint") or None}

    def key(self) -> tuple[str, ...]:
        return (*super().key(), hashlib.sha256(self._content()).hexdigest(), self.password or "", self.thumbprint or "")

    def credential(self, cloud: Cloud) -> TokenCredential:
        from azure.identity import CertificateCredential

        content = self._content()
        try:
            if self.thumbprint:
                self._check_thumbprint(content)
            return CertificateCredential(self.tenant, self.client_id, certificate_data=content, password=self.password, **self.entra(cloud))
        # cryptography raises TypeError where a password lacks or is too many.
        except (ValueError, TypeError) as error:
            raise unusable(
                f"The certificate file {self.proof} of {self.source} cannot be used ({' '.join(str(error).split()).rstrip('.')});"
                " it must hold the certificate and its private RSA key, as PEM or PKCS 12, and x509_certificate_password must fit."
            ) from None

    def for_programs(self, folder: Path) -> tuple[str, dict[str, str]]:
        path = str(Path(self.proof).expanduser())
        return "environment", self.environment(AZURE_CLIENT_CERTIFICATE_PATH=path, AZURE_CLIENT_CERTIFICATE_PASSWORD=self.password)

    @property
    def secrets(self) -> Sequence[str]:
        return (self.password,) if self.password else ()

    def _content(self) -> bytes:
        try:
            return Path(self.proof).expanduser().read_bytes()
        except OSError as error:
            raise unusable(f"Cannot read the certificate file {self.proof} of {self.source} ({error.strerror}).") from None

    def _check_thumbprint(self, content: bytes) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

        if b"-----BEGIN" in content:
            certificate: x509.Certificate | None = x509.load_pem_x509_certificate(content)
        else:
            certificate = pkcs12.load_key_and_certificates(content, self.password.encode() if self.password else None)[1]
        der = certificate.public_bytes(Encoding.DER) if certificate else b""
        found = hashlib.sha1(der, usedforsecurity=False).hexdigest()
        if str(self.thumbprint).replace(":", "").lower() != found:
            raise unusable(f"thumbprint is {self.thumbprint}, but that of the certificate in {self.proof} is {found.upper()}.")
