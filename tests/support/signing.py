"""Signers and images for the tests of what signs: a vault's certificates, the real registry behind the emulated one, and the lab's plugin of notation."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from lab.azure.server import tcp
from lab.azure.state import Key, KeyVersion, Secret, SecretVersion, Vault, now
from lab.build import tools
from lab.build.oci import MANIFEST, Image, Packed, pack
from lab.node.control import lab_environment
from lab.signing.publishing import Repository

SERVER = "imagetrustlab.azurecr.io"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Signer:
    """A code-signing certificate and its key; `chain` begins with it and ends with the root."""

    key: PrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def thumbprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def files(self, folder: Path) -> dict[str, str]:
        """Written into the folder: the options that name the files."""
        folder.mkdir(parents=True, exist_ok=True)
        key, certificates = folder / "signer.key", folder / "signer.pem"
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        certificates.write_text(pem(*self.chain))
        return {"key_file": str(key), "certificate_file": str(certificates)}

    def into(self, vault: Vault, name: str, *, enabled: bool = True) -> str:
        """The latest version of a certificate of the vault, whose key never leaves it; the URL of the key."""
        version, private = uuid4().hex, self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        secret, key = vault.secrets.setdefault(name, Secret(version, {})), vault.keys.setdefault(name, Key(version, {}))
        secret.latest = key.latest = version
        secret.versions[version] = SecretVersion(pem(*self.chain), "application/x-pem-file", now(), enabled=enabled)
        key.versions[version] = KeyVersion(private, now())
        if name not in vault.certificates:
            vault.certificates.append(name)
        return f"https://{vault.name}.vault.azure.net/keys/{name}/{version}"


def pem(*certificates: x509.Certificate) -> str:
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)


def signer(
    subject: str = "CN=release,O=Contoso,ST=WA,C=US",
    *,
    key: PrivateKey | None = None,
    days: float = 90,
    usage: bool = True,
    issuer: Signer | None = None,
    mail: str = "",
) -> Signer:
    """One whose certificate is valid for so many days, issued by itself or by `issuer`. `usage`: its key may be used for digital signatures. `mail`: an
    alternative name."""
    own, begins = key or rsa.generate_private_key(65537, 2048), datetime.now(UTC) - timedelta(days=100)
    name = x509.Name.from_rfc4514_string(subject)
    return Signer(
        own, (_certificate(name, own, datetime.now(UTC) + timedelta(days=days), begins, issuer, usage=usage, mail=mail), *(issuer.chain if issuer else ()))
    )


def authority() -> Signer:
    """A root that issues certificates of signers."""
    key, name, begins = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=signing CA,O=Contoso,ST=WA,C=US"), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begins - timedelta(days=101), begins + timedelta(days=900))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Signer(key, (builder.add_extension(_usage(key_cert_sign=True), critical=True).sign(key, hashes.SHA256()),))


def _certificate(name: x509.Name, key: PrivateKey, ends: datetime, begins: datetime, issuer: Signer | None, *, usage: bool, mail: str) -> x509.Certificate:
    by = issuer.certificate.subject if issuer else name
    builder = x509.CertificateBuilder(by, name, key.public_key(), x509.random_serial_number(), begins, ends)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(digital_signature=usage, key_encipherment=not usage), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    if mail:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(mail)]), critical=False)
    return builder.sign(issuer.key if issuer else key, hashes.SHA256())


def _usage(**allowed: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in names}, encipher_only=False, decipher_only=False)


def image(content: str) -> Packed:
    """An image like no other."""
    return pack(Image("", {"/content": content.encode()}))


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """URL of the real registry, empty, with what it stores in `folder`."""
    tools.family("registry").build()
    reserved = tcp(0)
    address = f"127.0.0.1:{reserved.getsockname()[1]}"
    reserved.close()
    (folder / "config.json").write_text(
        json.dumps(
            {
                "version": 0.1,
                "log": {"level": "error"},
                "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": True}},
                "http": {"addr": address},
            }
        )
    )
    process = subprocess.Popen(
        [tools.program("registry"), "serve", str(folder / "config.json")], env=lab_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://{address}"
        for _ in range(200):
            try:
                httpx.get(f"{url}/v2/")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


def repository(url: str, name: str, server: str = SERVER) -> Repository:
    """A repository as the registry behind the emulated one keeps it: what is pushed here needs no permission."""
    return Repository(httpx.Client(base_url=url), f"{server}/{name}")


def push(url: str, name: str, reference: str, manifest: bytes, *blobs: bytes, server: str = SERVER, kind: str = MANIFEST) -> None:
    """Store a manifest, and blobs, in such a repository."""
    with httpx.Client(base_url=url) as client:
        for blob in blobs:
            upload = client.post(f"/v2/{server}/{name}/blobs/uploads/").raise_for_status()
            client.put(httpx.URL(upload.headers["Location"]).copy_add_param("digest", digest_of(blob)), content=blob).raise_for_status()
        client.put(f"/v2/{server}/{name}/manifests/{reference}", content=manifest, headers={"Content-Type": kind}).raise_for_status()


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
