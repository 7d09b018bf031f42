"""Signatures of the Notary Project that notation would not make: by a certificate that has expired, as of the time when it had not.

https://github.com/notaryproject/specifications/blob/main/specs/signature-envelope-jws.md
"""

from __future__ import annotations

import base64
import json
from datetime import datetime

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from lab.build.oci import MANIFEST, Packed

MEDIA = "application/jose+json"


def backdated(image: Packed, key: RSAPrivateKey, chain: list[x509.Certificate], time: datetime) -> bytes:
    """The envelope of a signature of `image`, made at `time`. `chain` begins with the certificate of `key`, which has 2048 bits."""
    target = {"mediaType": MANIFEST, "digest": image.digest, "size": len(image.manifest)}
    headers = {
        "typ": None,
        "cty": "application/vnd.cncf.notary.payload.v1+json",
        "crit": ["io.cncf.notary.signingScheme"],
        "io.cncf.notary.signingScheme": "notary.x509",
        "io.cncf.notary.signingTime": time.isoformat(),
    }
    token = jwt.PyJWS().encode(json.dumps({"targetArtifact": target}).encode(), key, "PS256", headers)
    protected, payload, signature = token.split(".")
    unprotected = {
        "x5c": [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode() for certificate in chain],
        "io.cncf.notary.signingAgent": "image-trust-lab",
    }
    return json.dumps({"payload": payload, "protected": protected, "header": unprotected, "signature": signature}).encode()
