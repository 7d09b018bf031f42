"""Whom to trust is changed on a running cluster, from the vault to the inventory and back, while somebody asks for an unsigned image all the time."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kubernetes
import yaml
from cryptography.hazmat.primitives.serialization import Encoding

from lab import signing_ca
from lab.azure import state
from lab.clusters import cluster
from lab.config import CERTIFICATE, OTHER_REPOSITORY, REGISTRY, REPOSITORY, VAULT, home

from .conftest import INVENTORY, Lab

MONITOR, AGENT = (f"{REGISTRY}.azurecr.io/{repository}" for repository in (REPOSITORY, OTHER_REPOSITORY))
UNTRUSTED = "does not contain any trusted certificate"


def pinned() -> str:
    """Version of the signer's certificate in the vault."""
    azure = state.load(home() / "azure/state.json")
    vault = azure.vault_named(VAULT) if azure else None
    assert vault
    return vault.secrets[CERTIFICATE].latest


def in_the_inventory() -> dict[str, Any]:
    """Variables for site.yml: the same trust, but the authority's certificate stands in the inventory, and that of the signer is a pinned version."""
    brooklyn, agents = yaml.safe_load((INVENTORY / "group_vars/clusters.yml").read_text())["ratify_trust_policies"]
    authority = signing_ca.authority().certificate.public_bytes(Encoding.PEM).decode()
    return {
        "ratify_certificates": [{"name": CERTIFICATE, "version": pinned()}],
        "ratify_refresh_interval": "1h",
        "ratify_inline_certificates": [{"name": "agents-ca", "certificate": authority}],
        "ratify_trust_policies": [brooklyn, {**agents, "trustStores": ["ca:agents-ca"]}],
        "ratify_replicas": 2,
        "verify_images": [
            {"image": f"{MONITOR}:signed", "expect": "admitted"},
            {"image": f"{MONITOR}:expired", "expect": "denied", "reason": UNTRUSTED},
            {"image": f"{AGENT}:chained", "expect": "admitted"},
            {"image": f"{AGENT}:revoked", "expect": "denied", "reason": "is revoked"},
            {"image": f"{AGENT}:other-scope", "expect": "denied", "reason": UNTRUSTED},
        ],
    }


@contextmanager
def asking_for(image: str) -> Iterator[Counter[str]]:
    """How often, meanwhile, the cluster has admitted and refused the image."""
    containers = [kubernetes.client.V1Container(name="it", image=image)]
    pod = kubernetes.client.V1Pod(metadata=kubernetes.client.V1ObjectMeta(generate_name="asking-"), spec=kubernetes.client.V1PodSpec(containers=containers))
    answers: Counter[str] = Counter()
    done = threading.Event()

    def ask() -> None:
        with kubernetes.config.new_client_from_config(str(cluster("lab1").kubeconfig)) as client:
            while not done.is_set():
                try:
                    kubernetes.client.CoreV1Api(client).create_namespaced_pod("default", pod, dry_run="All")
                    answers["admitted"] += 1
                except kubernetes.client.ApiException as refusal:
                    message = json.loads(refusal.body or "{}")["message"]
                    answers["refused" if "webhook" in message else message] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        done.set()
        thread.join()


def providers(kube: Any) -> dict[str, Any]:
    """Key management providers by name."""
    listed = kube.resources.get(api_version="config.ratify.deislabs.io/v1beta1", kind="KeyManagementProvider").get().items
    return {each.metadata.name: each for each in listed}


def test_trust_moves_out_of_the_vault_and_back_and_never_is_an_unsigned_image_admitted(lab: Lab, kube: Any) -> None:
    with asking_for(f"{MONITOR}:unsigned") as answers:
        there = lab.play("site", **in_the_inventory())
        moved = providers(kube)
        back = lab.play("site")
    assert there.returncode == 0, there.error
    assert back.returncode == 0, back.error
    assert set(answers) == {"refused"}
    assert answers["refused"] > 50
    assert set(moved) == {"kmprovider-akv", "ratify-notation-inline-cert-0"}
    assert moved["kmprovider-akv"].spec.refreshInterval == "1h"
    assert [(c.name, c.version) for c in moved["kmprovider-akv"].spec.parameters.certificates] == [(CERTIFICATE, pinned())]
    assert all(each.status.issuccess for each in moved.values())
    assert set(providers(kube)) == {"kmprovider-akv"}
