from __future__ import annotations

import base64
import datetime
import stat
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from lab import pki
from lab.config import Cluster


def certificate(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def test_the_emulated_azure_is_trusted_by_the_bundle_under_each_of_its_names(home: Path) -> None:
    bundle = pki.bundle()
    served, key = pki.azure_certificate()
    store = Store([certificate(home / "ca.crt")])
    for name in (
        "management.azure.com",
        "image-trust-lab.vault.azure.net",
        "contoso.blob.core.windows.net",
        "imagetrustlab.azurecr.io",
        "registry-1.docker.io",
        "localhost",
    ):
        PolicyBuilder().store(store).build_server_verifier(x509.DNSName(name)).verify(certificate(served), [])
    assert bundle.read_bytes() == pki.SYSTEM_BUNDLE.read_bytes() + (home / "ca.crt").read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "ca.key").stat().st_mode) == 0o600


def test_keys_are_made_once() -> None:
    first = [file.read_bytes() for file in (pki.bundle(), *pki.azure_certificate())]
    assert [file.read_bytes() for file in (pki.bundle(), *pki.azure_certificate())] == first


def test_the_api_server_is_known_by_the_addresses_at_which_pods_and_controllers_call_it() -> None:
    cluster = Cluster("lab3", 2)
    pki.ClusterPki(cluster).make()
    names = certificate(cluster.folder / "pki/apiserver.crt").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert addresses == {"127.0.0.1", cluster.node_address, "10.3.0.1"}
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)


def test_certificates_last_ten_years() -> None:
    served, _ = pki.azure_certificate()
    left = certificate(served).not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert left > datetime.timedelta(days=3640)


@pytest.mark.parametrize("user", ["admin", "kubelet"])
def test_a_kubeconfig_holds_its_own_keys_and_is_readable_by_its_owner_only(user: str) -> None:
    cluster = Cluster("lab1", 0)
    keys = pki.ClusterPki(cluster)
    keys.make()
    config = yaml.safe_load(keys.kubeconfig(user, 6443))
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    assert base64.b64decode(config["users"][0]["user"]["client-key-data"]) == (keys.folder / f"{user}.key").read_bytes()
    assert {stat.S_IMODE(file.stat().st_mode) for file in [cluster.kubeconfig, *keys.folder.glob("*.key"), *keys.folder.glob("*.kubeconfig")]} == {0o600}


def test_two_clusters_share_no_authority() -> None:
    for index in (0, 1):
        pki.ClusterPki(Cluster(f"lab{index}", index)).make()
    one, two = (certificate(Cluster(f"lab{index}", index).folder / "pki/ca.crt") for index in (0, 1))
    assert one.public_key() != two.public_key()
