"""Where the lab keeps things, and the names, ports and subnets of a cluster. Everything in lab/ takes them from here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

TENANT = "11111111-1111-1111-1111-111111111111"
SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
LOCATION = "eastus"
RESOURCE_GROUP = "image-trust-lab"
REGISTRY = "imagetrustlab"
VAULT = "image-trust-lab"
PARTNER_VAULT = "image-trust-partner"
CERTIFICATE = "brooklyn-io"
EXPIRED_CERTIFICATE = "brooklyn-io-2025"
CA_CERTIFICATE = "signing-ca"
PROOF_KEY = "proof"
REPOSITORY = "net-monitor"
OTHER_REPOSITORY = "net-agent"
KEYED_REPOSITORY = "net-tools"
STAMPED_REPOSITORY = "net-archive"
UNSIGNED_REPOSITORY = "net-shop"
AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""Client id of the application `Azure Kubernetes Service AAD Server`: the audience of tokens for the Kubernetes API of every managed cluster."""

AZURE_PORT = int(os.environ.get("LAB_AZURE_PORT", "14430"))
"""Port of the emulated Azure on 127.0.0.1, for everything outside the clusters."""

PROXY_PORT = AZURE_PORT + 2
"""Port of the proxy on 127.0.0.1 behind which Azure has its public names, for what is reached by no other: the vaults."""

PATIENCE = float(os.environ.get("LAB_PATIENCE", "1"))
"""Factor of all bounds of waiting, for a machine that is slow."""


def cache() -> Path:
    """Folder of what is built once and kept: programs, images, charts. XDG cache folder, outside the checkout."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "image-trust-lab"


def home() -> Path:
    """Folder of the running lab: $LAB_HOME, or in the XDG state folder. `down --delete` removes it."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    return Path(os.environ.get("LAB_HOME") or state / "image-trust-lab")


@dataclass(frozen=True)
class Cluster:
    """One cluster of the lab. `index` (0..99) keeps ports and subnets of two clusters apart."""

    name: str
    index: int

    @property
    def folder(self) -> Path:
        return home() / "clusters" / self.name

    @property
    def api_port(self) -> int:
        """Port of the Kubernetes API on 127.0.0.1, outside the cluster's namespaces."""
        return AZURE_PORT + 100 + self.index

    @property
    def cgroup(self) -> str:
        """Name of the node's cgroup; the port is what two nodes of one machine never share, even of two labs."""
        return f"image-trust-lab-{self.api_port}"

    @property
    def kubeconfig(self) -> Path:
        """Administrator's kubeconfig (client certificate), for use outside the cluster's namespaces. Mode 0600."""
        return self.folder / "kubeconfig"

    @property
    def node_address(self) -> str:
        return f"10.240.{self.index}.4"

    @property
    def azure_address(self) -> str:
        """Address at which the inside of the cluster finds every name of Azure, of the public registries and of the signing CA."""
        return f"10.240.{self.index}.5"

    @property
    def pod_subnet(self) -> str:
        return f"10.244.{self.index}.0/24"

    @property
    def service_subnet(self) -> str:
        return f"10.{self.index + 1}.0.0/16"

    @property
    def issuer(self) -> str:
        """Issuer of the cluster's service account tokens, with its trailing slash, as AKS names it: another one each time that the cluster is made."""
        file = self.issuer_file
        # A cluster that is older than the file has an issuer by its name.
        id_of_issuer = file.read_text() if file.exists() else uuid5(NAMESPACE_URL, self.name)
        return f"https://{LOCATION}.oic.prod-aks.azure.com/{TENANT}/{id_of_issuer}/"

    @property
    def issuer_file(self) -> Path:
        """Holds the GUID in the issuer, and goes with the cluster's folder when the cluster is deleted."""
        return self.folder / "issuer"

    @property
    def azure_socket(self) -> Path:
        """Unix socket (TLS) of the emulated Azure; the node relays `azure_address`:443 to it."""
        return home() / "azure" / "azure.sock"

    @property
    def public_socket(self) -> Path:
        """Unix socket (plain HTTP) of what anybody may ask; the node relays `azure_address`:80 to it."""
        return home() / "azure" / "public.sock"

    @property
    def imds_socket(self) -> Path:
        """Unix socket (plain HTTP) of this cluster's instance metadata service; the node relays 169.254.169.254:80 to it."""
        return self.folder / "imds.sock"
