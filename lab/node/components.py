"""What runs on a node: the command line and the configuration files of each program."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import pki
from lab.build import images
from lab.build.tools import program
from lab.config import LOCATION, Cluster, home
from lab.node import authentication
from lab.signing import ca

AZURE_ZONES = (
    "azurecr.io",
    "vault.azure.net",
    "login.microsoftonline.com",
    f"{LOCATION}.oic.prod-aks.azure.com",
    "management.azure.com",
    "docker.io",
    ca.HOST,
)
"""Zones whose every name leads to the emulated Azure's process, in the node and in its pods."""
METADATA_ADDRESS = "169.254.169.254"
CONTAINERD_SOCKET = Path("/run/containerd/containerd.sock")

_PROVIDER = Path(__file__).with_name("credential_provider.py")


@dataclass(frozen=True)
class Component:
    name: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Files:
    """Where a cluster's node keeps its configuration, and what is in it."""

    cluster: Cluster

    @property
    def folder(self) -> Path:
        return self.cluster.folder / "config"

    @property
    def resolv_conf(self) -> Path:
        return self.folder / "resolv.conf"

    def write(self) -> None:
        """Write all of them; every start does so again."""
        self.folder.mkdir(parents=True, exist_ok=True)
        cluster = self.cluster
        self.resolv_conf.write_text(f"nameserver {cluster.node_address}\n")
        (self.folder / "containerd.toml").write_text(self._containerd())
        (self.folder / "Corefile").write_text(self._corefile())
        self._json("container.json", self._container())
        self._json("kubelet.yaml", self._kubelet())
        self._json("kube-proxy.yaml", self._kube_proxy())
        self._json("credential-provider.yaml", _CREDENTIAL_PROVIDERS)
        self._json("cni/10-lab.conflist", self._network())
        plugin = self.folder / "credential-providers/acr-credential-provider"
        plugin.parent.mkdir(exist_ok=True)
        plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {_PROVIDER} "$@"\n')
        plugin.chmod(0o755)
        if not authentication.file(cluster).exists():
            authentication.write(cluster, None)

    def _json(self, name: str, content: Mapping[str, Any]) -> None:
        """JSON is YAML as well."""
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content, indent=1))

    def _containerd(self) -> str:
        return f"""version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{images.PAUSE}"
  # Without it every pod fails on a machine that does not let root lower a process's score, as a container or a micro VM.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{self.folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    base_runtime_spec = "{self.folder}/container.json"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""

    def _container(self) -> dict[str, Any]:
        """What every container begins from: containerd's default, and the bundle with the lab's CA over the image's own.

        Pods call the emulated Azure by its real names, so they must trust the lab's CA, and neither images nor pod specs may differ from those
        of a real cluster for it.
        """
        spec: dict[str, Any] = json.loads(subprocess.run(["ctr", "oci", "spec"], capture_output=True, check=True).stdout)
        trust = {"destination": str(pki.SYSTEM_BUNDLE), "type": "bind", "source": str(home() / "ca-bundle.crt"), "options": ["rbind", "ro"]}
        return {**spec, "mounts": [*spec["mounts"], trust]}

    def _corefile(self) -> str:
        cluster, zones = self.cluster, " ".join(AZURE_ZONES)
        reverse = ipaddress.ip_network(cluster.service_subnet)
        return f"""cluster.local {reverse} {{
    bind {cluster.node_address}
    errors
    kubernetes {{
        kubeconfig {pki.ClusterPki(cluster).folder}/admin.kubeconfig
    }}
}}
. {{
    bind {cluster.node_address}
    errors
    template IN A {zones} {{
        answer "{{{{ .Name }}}} 5 IN A {cluster.azure_address}"
    }}
    template IN ANY {zones} {{
        rcode NOERROR
    }}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""

    def _kubelet(self) -> dict[str, Any]:
        keys = pki.ClusterPki(self.cluster).folder
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}, "x509": {"clientCAFile": f"{keys}/ca.crt"}},
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": f"{keys}/kubelet.crt",
            "tlsPrivateKeyFile": f"{keys}/kubelet.key",
            "cgroupDriver": "cgroupfs",
            "failCgroupV1": False,
            "failSwapOn": False,
            "maxOpenFiles": 20000,
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            "clusterDNS": [self.cluster.node_address],
            "clusterDomain": "cluster.local",
            "resolvConf": str(self.resolv_conf),
            "evictionHard": {
                "memory.available": "50Mi",
                "nodefs.available": "1%",
                "imagefs.available": "1%",
                "nodefs.inodesFree": "0%",
                "imagefs.inodesFree": "0%",
            },
            # The images of the cluster cannot be pulled again.
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            # How soon a changed Secret is seen in a pod's volume; webhooks wait for their certificates that way.
            "syncFrequency": "2s",
            "nodeStatusReportFrequency": "30s",
        }

    def _kube_proxy(self) -> dict[str, Any]:
        return {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": f"{pki.ClusterPki(self.cluster).folder}/proxy.kubeconfig"},
            "mode": proxy_mode(),
            "clusterCIDR": self.cluster.pod_subnet,
            # These are settings of the whole machine.
            "conntrack": {"maxPerCore": 0, "min": 0},
        }

    def _network(self) -> dict[str, Any]:
        # With a bridge, pods would reach each other by services only where the kernel has br_netfilter, which a machine does not load by itself.
        to_pod = {
            "type": "ptp",
            "ipMasq": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": self.cluster.pod_subnet}]], "routes": [{"dst": "0.0.0.0/0"}]},
        }
        return {"cniVersion": "1.0.0", "name": "lab", "plugins": [to_pod, {"type": "portmap", "capabilities": {"portMappings": True}}]}


_CREDENTIAL_PROVIDERS = {
    "apiVersion": "kubelet.config.k8s.io/v1",
    "kind": "CredentialProviderConfig",
    "providers": [
        {
            "name": "acr-credential-provider",
            "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
            "matchImages": ["*.azurecr.io", "*.azurecr.us", "*.azurecr.cn"],
            "defaultCacheDuration": "10m",
        }
    ],
}
"""As on an AKS node, but for the program's configuration file: the lab has one cloud."""


def proxy_mode() -> str:
    """nftables where this machine's kernel has them for IPv4, else iptables."""
    tried = subprocess.run(["nft", "--check", "add", "table", "ip", "lab"], capture_output=True, check=False)
    return "iptables" if tried.returncode else "nftables"


def containerd(cluster: Cluster) -> Component:
    return Component("containerd", ("containerd", "--config", f"{Files(cluster).folder}/containerd.toml"))


def etcd(cluster: Cluster) -> Component:
    client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
    return Component(
        "etcd",
        (
            str(program("server")),
            f"--data-dir={cluster.folder}/etcd",
            # A lab may lose what a crash of the whole machine loses.
            "--unsafe-no-fsync",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
        ),
    )


def apiserver(cluster: Cluster) -> Component:
    keys = pki.ClusterPki(cluster).folder
    return Component(
        "kube-apiserver",
        (
            str(program("kube-apiserver")),
            "--etcd-servers=http://127.0.0.1:2379",
            "--bind-address=0.0.0.0",
            f"--advertise-address={cluster.node_address}",
            "--secure-port=6443",
            f"--tls-cert-file={keys}/apiserver.crt",
            f"--tls-private-key-file={keys}/apiserver.key",
            f"--client-ca-file={keys}/ca.crt",
            f"--authentication-config={authentication.file(cluster)}",
            f"--kubelet-client-certificate={keys}/apiserver-kubelet.crt",
            f"--kubelet-client-key={keys}/apiserver-kubelet.key",
            f"--kubelet-certificate-authority={keys}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-issuer={cluster.issuer}",
            f"--service-account-key-file={keys}/service-account.pub",
            f"--service-account-signing-key-file={keys}/service-account.key",
            f"--service-cluster-ip-range={cluster.service_subnet}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
        ),
    )


def controllers(cluster: Cluster) -> tuple[Component, ...]:
    """What needs the API server: controller manager, scheduler, proxy, DNS."""
    keys, config = pki.ClusterPki(cluster).folder, Files(cluster).folder
    return (
        Component(
            "kube-controller-manager",
            (
                str(program("kube-controller-manager")),
                f"--kubeconfig={keys}/controller-manager.kubeconfig",
                "--use-service-account-credentials=true",
                f"--service-account-private-key-file={keys}/service-account.key",
                f"--root-ca-file={keys}/ca.crt",
                f"--cluster-signing-cert-file={keys}/ca.crt",
                f"--cluster-signing-key-file={keys}/ca.key",
                f"--cluster-cidr={cluster.pod_subnet}",
                f"--service-cluster-ip-range={cluster.service_subnet}",
                "--leader-elect=false",
            ),
        ),
        Component("kube-scheduler", (str(program("kube-scheduler")), f"--kubeconfig={keys}/scheduler.kubeconfig", "--leader-elect=false")),
        Component("kube-proxy", (str(program("kube-proxy")), f"--config={config}/kube-proxy.yaml", f"--hostname-override={cluster.name}")),
        Component("coredns", (str(program("coredns")), "-conf", f"{config}/Corefile")),
    )


def kubelet(cluster: Cluster) -> Component:
    config = Files(cluster).folder
    return Component(
        "kubelet",
        (
            str(program("kubelet")),
            f"--config={config}/kubelet.yaml",
            f"--kubeconfig={pki.ClusterPki(cluster).folder}/kubelet.kubeconfig",
            f"--image-credential-provider-config={config}/credential-provider.yaml",
            f"--image-credential-provider-bin-dir={config}/credential-providers",
            f"--hostname-override={cluster.name}",
            f"--node-ip={cluster.node_address}",
        ),
    )


def relays(cluster: Cluster) -> tuple[Component, ...]:
    """Between the inside and the outside: sockets of the file system cross network namespaces."""
    api = api_socket(cluster)
    return (
        Component("azure", ("socat", f"TCP-LISTEN:443,bind={cluster.azure_address},fork,reuseaddr,nodelay", f"UNIX-CONNECT:{cluster.azure_socket}")),
        Component("public", ("socat", f"TCP-LISTEN:80,bind={cluster.azure_address},fork,reuseaddr,nodelay", f"UNIX-CONNECT:{cluster.public_socket}")),
        Component("imds", ("socat", f"TCP-LISTEN:80,bind={METADATA_ADDRESS},fork,reuseaddr,nodelay", f"UNIX-CONNECT:{cluster.imds_socket}")),
        Component("api", ("socat", f"UNIX-LISTEN:{api},fork,unlink-early,mode=600", "TCP:127.0.0.1:6443,nodelay")),
    )


def api_relay(cluster: Cluster) -> Component:
    """The outer half of the relay to the Kubernetes API."""
    return Component("api", ("socat", f"TCP-LISTEN:{cluster.api_port},bind=127.0.0.1,fork,reuseaddr,nodelay", f"UNIX-CONNECT:{api_socket(cluster)}"))


def api_socket(cluster: Cluster) -> Path:
    return cluster.folder / "api.sock"
