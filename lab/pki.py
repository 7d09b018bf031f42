"""Keys and certificates of the lab: its own CA, the emulated Azure's certificate, and the PKI of each cluster.

The lab's CA is trusted only by processes of the lab: `ca-bundle.crt` (the system's bundle and this CA) is named to them by environment variables
outside, and mounted over the system's bundle in a cluster's mount namespace and in its containers. Private keys are readable by the owner only.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.config import LOCATION, Cluster, home
from lab.errors import LabError
from lab.locks import locked

SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
AZURE_NAMES = (
    "localhost",
    "127.0.0.1",
    "management.azure.com",
    "login.microsoftonline.com",
    "*.vault.azure.net",
    "*.blob.core.windows.net",
    "*.azurecr.io",
    f"{LOCATION}.oic.prod-aks.azure.com",
    "docker.io",
    "registry-1.docker.io",
    "auth.docker.io",
)
"""Every name under which the emulated Azure and the public registry are asked."""

_LIFE = datetime.timedelta(days=3650)
_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Authority:
    """A CA's certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def kept(cls, folder: Path, name: str) -> Authority:
        """The CA in `ca.crt` and `ca.key` of `folder`, made where missing with the common name `name`."""
        certificate, key = folder / "ca.crt", folder / "ca.key"
        if not certificate.exists():
            made = cls._made(name)
            _write_private(key, _key_pem(made.key))
            _write(certificate, made.certificate.public_bytes(Encoding.PEM))
        loaded = load_pem_private_key(key.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        return cls(x509.load_pem_x509_certificate(certificate.read_bytes()), loaded)

    @classmethod
    def _made(cls, name: str) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_name(name), _name(name), key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    def issue(
        self,
        target: Path,
        common_name: str,
        organization: str | None = None,
        names: Sequence[str] = (),
        purposes: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH),
    ) -> tuple[Path, Path]:
        """Certificate and key, for servers and clients if not said otherwise, in `<target>.crt` and `<target>.key`, made where missing.

        `names` are DNS names and addresses.
        """
        certificate, private = target.with_suffix(".crt"), target.with_suffix(".key")
        if not certificate.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            builder = (
                _builder(_name(common_name, organization), self.certificate.subject, key)
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                .add_extension(_key_usage(authority=False), critical=True)
                # https://www.rfc-editor.org/rfc/rfc3161#section-2.3 wants it critical.
                .add_extension(x509.ExtendedKeyUsage(purposes), critical=ExtendedKeyUsageOID.TIME_STAMPING in purposes)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            )
            if names:
                builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            _write_private(private, _key_pem(key))
            _write(certificate, builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))
        return certificate, private


def bundle() -> Path:
    """File with the system's trusted CAs and the lab's, made where missing."""
    file = home() / "ca-bundle.crt"
    with locked(home() / ".pki.lock"):
        Authority.kept(home(), "image-trust-lab")
        if not file.exists():
            if not SYSTEM_BUNDLE.exists():
                raise LabError(f"{SYSTEM_BUNDLE} is missing; install the package ca-certificates")
            _write(file, SYSTEM_BUNDLE.read_bytes() + (home() / "ca.crt").read_bytes())
    return file


def azure_certificate() -> tuple[Path, Path]:
    """Certificate and key with which the emulated Azure serves TLS under all its names."""
    with locked(home() / ".pki.lock"):
        return Authority.kept(home(), "image-trust-lab").issue(home() / "azure/tls", "image-trust-lab", names=AZURE_NAMES)


@dataclass(frozen=True)
class ClusterPki:
    """The keys of one cluster, in `<folder>/pki`; `make` writes those that are missing."""

    cluster: Cluster

    @property
    def folder(self) -> Path:
        return self.cluster.folder / "pki"

    def make(self) -> None:
        cluster, folder = self.cluster, self.folder
        authority = Authority.kept(folder, f"{cluster.name}-ca")
        in_cluster = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", f"{ipaddress.ip_network(cluster.service_subnet)[1]}"]
        authority.issue(folder / "apiserver", "kube-apiserver", names=[*in_cluster, "localhost", "127.0.0.1", cluster.node_address])
        authority.issue(folder / "apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters")
        authority.issue(folder / "kubelet", f"system:node:{cluster.name}", "system:nodes", [cluster.name, cluster.node_address, "127.0.0.1"])
        authority.issue(folder / "admin", "admin", "system:masters")
        authority.issue(folder / "controller-manager", "system:kube-controller-manager")
        authority.issue(folder / "scheduler", "system:kube-scheduler")
        authority.issue(folder / "proxy", "system:kube-proxy")
        if not (folder / "service-account.pub").exists():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            _write_private(folder / "service-account.key", _key_pem(key))
            _write(folder / "service-account.pub", key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        for user in ("admin", "controller-manager", "scheduler", "proxy", "kubelet"):
            _write_private(folder / f"{user}.kubeconfig", self.kubeconfig(user, 6443).encode())
        _write_private(cluster.kubeconfig, self.kubeconfig("admin", cluster.api_port).encode())

    def kubeconfig(self, user: str, port: int) -> str:
        """Kubeconfig with `user`'s client certificate inside, for the API at 127.0.0.1:`port`."""

        def data(name: str) -> str:
            return base64.b64encode((self.folder / name).read_bytes()).decode()

        name = self.cluster.name
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": name, "cluster": {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": data("ca.crt")}}],
                "users": [{"name": user, "user": {"client-certificate-data": data(f"{user}.crt"), "client-key-data": data(f"{user}.key")}}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
                "current-context": name,
            }
        )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str, organization: str | None = None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else attributes)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: _Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.new")
    new.write_bytes(content)
    new.replace(file)


def _write_private(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
    new.replace(file)
