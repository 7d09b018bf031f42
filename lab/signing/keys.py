"""People who sign images in the lab with a bare key, as cosign does.

Stand-in for `cosign sign --key --tlog-upload=false`: the same payload, the same signature, stored where cosign stores it. Ratify's verifier, which is cosign's,
is the real one.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from lab.config import home


@dataclass(frozen=True)
class Key:
    """A key of ECDSA on P-256, which is what `cosign generate-key-pair` makes."""

    name: str

    @property
    def public(self) -> Path:
        """The public key (PEM)."""
        return self._private.with_suffix(".pub")

    @property
    def _private(self) -> Path:
        return home() / "signers" / f"{self.name}.key"

    def make(self) -> None:
        """Write it where it is missing; the private half with mode 0600."""
        if self.public.exists():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        self._private.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(self._private, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def sign(self, repository: str, digest: str) -> tuple[bytes, str]:
        """What cosign signs of an image, and the signature of it (base64). `repository` is with its registry.

        https://github.com/containers/image/blob/main/docs/containers-signature.5.md#json-data-format
        """
        claim = {"identity": {"docker-reference": repository}, "image": {"docker-manifest-digest": digest}, "type": "cosign container image signature"}
        payload = json.dumps({"critical": claim, "optional": None}).encode()
        key = load_pem_private_key(self._private.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return payload, base64.b64encode(key.sign(payload, ec.ECDSA(hashes.SHA256()))).decode()
