"""The time stamping authority of the lab's signers: `openssl ts` answers, by plain http, as such authorities do."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cryptography.x509.oid import ExtendedKeyUsageOID

from lab.config import home
from lab.errors import LabError
from lab.locks import locked
from lab.pki import Authority

HOST = "tsa.signing.example"
URL = f"http://{HOST}/"
REPLY = "application/timestamp-reply"
_CONFIGURATION = """
[tsa]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/stamp.crt
certs = {folder}/ca.crt
signer_key = {folder}/stamp.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def authority() -> Path:
    """Certificate (PEM) of the CA that has issued the one of the authority; both are made where missing."""
    Authority.kept(_folder(), "image-trust-lab time stamping CA").issue(
        _folder() / "stamp", "image-trust-lab time stamps", purposes=[ExtendedKeyUsageOID.TIME_STAMPING]
    )
    return _folder() / "ca.crt"


def stamp(query: bytes) -> bytes:
    """The answer to a query, both in DER: a token that what it names the digest of existed now, or a refusal. LabError where openssl cannot answer.

    https://www.rfc-editor.org/rfc/rfc3161#section-2.4
    """
    authority()
    with locked(_folder() / ".lock"):
        configuration = _folder() / "openssl.cnf"
        configuration.write_text(_CONFIGURATION.format(folder=_folder()))
        words = ["openssl", "ts", "-reply", "-queryfile", "/dev/stdin", "-config", str(configuration), "-section", "tsa"]
        answer = subprocess.run(words, input=query, capture_output=True, check=False)
    if answer.returncode:
        raise LabError(f"openssl makes no time stamp: {answer.stderr.decode().strip()}")
    return answer.stdout


def _folder() -> Path:
    return home() / "signers/tsa"
