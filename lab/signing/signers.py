"""People who sign images in the lab: their keys and certificates, and the signing itself, by the real notation.

Stand-in: the keys are files of the lab (in a real vault they would be keys that never leave it, used by notation's azure-kv plugin). Only what sign.yml signs
is signed by the vault's keys. Most of these certificates must not be in a vault: the one before, the next one, a revoked one and those of 20 seconds. Of the
others, the plugin's stand-in starts several times for each signature, a Python program with azure-identity each time, which would lengthen each first `up`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from lab.build import tools
from lab.build.oci import Packed
from lab.config import PATIENCE, home
from lab.errors import LabError
from lab.pki import bundle
from lab.signing import ca, envelopes, time_stamping

_LIFE = timedelta(days=3650)
_SECONDS = 60 * PATIENCE

# $1 hosts file, $2 and $3 sockets of the emulated Azure, then a command, for which the registry is 127.0.0.1:443 and the authority of time stamps
# 127.0.0.1:80, inside this namespace only.
_INSIDE = """
ip link set lo up
mount --bind "$1" /etc/hosts
socat TCP-LISTEN:443,bind=127.0.0.1,reuseaddr,fork,nodelay UNIX-CONNECT:"$2" &
socat TCP-LISTEN:80,bind=127.0.0.1,reuseaddr,fork,nodelay UNIX-CONNECT:"$3" &
until socat -u OPEN:/dev/null TCP:127.0.0.1:443 && socat -u OPEN:/dev/null TCP:127.0.0.1:80; do sleep 0.05; done 2>/dev/null
shift 3
exec "$@"
"""


@dataclass(frozen=True)
class Signer:
    """A signer with a code-signing certificate, as the Notary Project requires it. `subject` is in RFC 4514 form."""

    name: str
    subject: str
    issued: bool = False
    """By the lab's signing CA; otherwise the certificate is self-signed."""
    year: int | None = None
    """The only one in which the certificate was valid; otherwise it is now."""
    seconds: int | None = None
    """For so long only the certificate is valid; `sign` makes another each time."""
    stamped: bool = False
    """The signature carries a time stamp."""

    @property
    def certificate(self) -> Path:
        """The certificate, and after it that of the CA, if one has issued it."""
        return home() / "signers" / f"{self.name}.crt"

    @property
    def key(self) -> Path:
        """Private key, mode 0600."""
        return home() / "signers" / f"{self.name}.key"

    def make(self) -> bool:
        """Write key and certificate; False where they are there.

        https://github.com/notaryproject/specifications/blob/main/specs/signature-specification.md#certificate-requirements
        """
        if self.certificate.exists():
            return False
        key, name = rsa.generate_private_key(public_exponent=65537, key_size=2048), x509.Name.from_rfc4514_string(self.subject)
        issuer = ca.authority() if self.issued else None
        usage = {"content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"}
        builder = (
            x509.CertificateBuilder(issuer.certificate.subject if issuer else name, name, key.public_key(), x509.random_serial_number(), *self._validity())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(digital_signature=True, **dict.fromkeys(usage, False)), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        )
        if issuer:
            points = [x509.DistributionPoint([x509.UniformResourceIdentifier(ca.URL)], None, None, None)]
            builder = builder.add_extension(x509.CRLDistributionPoints(points), critical=False)
        chain = [builder.sign(issuer.key if issuer else key, hashes.SHA256()), *([issuer.certificate] if issuer else [])]
        self.key.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(self.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.certificate.write_bytes(b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain))
        return True

    def chain(self) -> list[x509.Certificate]:
        """Certificates of a signer that has been made, its own first."""
        return x509.load_pem_x509_certificates(self.certificate.read_bytes())

    def back_then(self, image: Packed) -> bytes:
        """The envelope of a signature that was made in the middle of `year`: notation, rightly, does not sign with a certificate that has expired."""
        assert self.year
        key = load_pem_private_key(self.key.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return envelopes.backdated(image, key, self.chain(), datetime(self.year, 7, 1, tzinfo=UTC))

    def _validity(self) -> tuple[datetime, datetime]:
        if self.year:
            return datetime(self.year, 1, 1, tzinfo=UTC), datetime(self.year + 1, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
        return datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + (timedelta(seconds=self.seconds) if self.seconds else _LIFE)

    def sign(self, reference: str, user: str, password: str) -> None:
        """Sign the image `<registry>/<repository>@<digest>` and push the signature, as the service principal `user`. Raises LabError."""
        registry = reference.partition("/")[0]
        if self.seconds:
            self.certificate.unlink(missing_ok=True)
            self.make()
        stamps = [f"--timestamp-url={time_stamping.URL}", f"--timestamp-root-cert={time_stamping.authority()}"] if self.stamped else []
        with tempfile.TemporaryDirectory() as folder:
            hosts, configuration = Path(folder, "hosts"), Path(folder, "notation")
            hosts.write_text(f"127.0.0.1 localhost {registry} {time_stamping.HOST}\n")
            configuration.mkdir()
            keys = {"name": self.name, "keyPath": str(self.key), "certPath": str(self.certificate)}
            (configuration / "signingkeys.json").write_text(json.dumps({"default": self.name, "keys": [keys]}))
            environment = {"XDG_CONFIG_HOME": folder, "NOTATION_USERNAME": user, "NOTATION_PASSWORD": password, "SSL_CERT_FILE": str(bundle())}
            notation = [str(tools.program("notation")), "sign", "--signature-format", "cose", "--force-referrers-tag=false", *stamps, reference]
            _inside(hosts, notation, environment)


def _inside(hosts: Path, command: list[str], environment: Mapping[str, str]) -> None:
    """Run `command` in namespaces of its own in which the emulated Azure has the real names."""
    sockets = [str(home() / "azure" / name) for name in ("azure.sock", "public.sock")]
    own = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-ec", _INSIDE, "sh", str(hosts), *sockets]
    try:
        subprocess.run(
            [*own, *command], env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=_SECONDS
        )
    except subprocess.CalledProcessError as error:
        raise LabError(f"{command[0]} failed with status {error.returncode}:\n{error.stderr.strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{command[0]} has not ended after {_SECONDS:.0f} s") from error
