"""Whom to trust is changed on a running cluster, from the vault to the inventory and back, while a client asks for an unsigned image all the time."""

from __future__ import annotations

from typing import Any

import yaml
from cryptography.hazmat.primitives.serialization import Encoding

from lab import seed
from lab.azure import state
from lab.config import CERTIFICATE, KEYED_REPOSITORY, OTHER_REPOSITORY, PARTNER_VAULT, REGISTRY, REPOSITORY, RESOURCE_GROUP, STAMPED_REPOSITORY, VAULT, home
from lab.signing import ca, time_stamping
from tests.support.seeds import soak

from .asking import asking_for
from .conftest import INVENTORY, Lab
from .pods import pod, refusal

MONITOR, AGENT, TOOLS, ARCHIVE = (f"{REGISTRY}.azurecr.io/{name}" for name in (REPOSITORY, OTHER_REPOSITORY, KEYED_REPOSITORY, STAMPED_REPOSITORY))
OTHER_SIGNER = "x509.subject: C=US, ST=WA, L=Seattle, O=Other, CN=other.example"
OF_PARTNER = "ratify-notation-inline-cert-1001"
"""The provider of the second vault."""
UNTRUSTED = "does not contain any trusted certificate"
NO_KEY = "no valid Cosign signatures found"


def pinned() -> str:
    """Version of the signer's certificate in the vault."""
    azure = state.load(home() / "azure/state.json")
    vault = azure.vault_named(VAULT) if azure else None
    assert vault
    return vault.secrets[CERTIFICATE].latest


def in_the_inventory() -> dict[str, Any]:
    """Variables for site.yml: the same trust, but the authority's certificate is in the inventory, and that of the signer is a pinned version.
    Another signer's certificate is in a vault of its own, under Azure RBAC.

    There is more of it: signatures of the authority's signers that outlive their certificates by a time stamp, and those of a bare key.
    """
    brooklyn, agents = yaml.safe_load((INVENTORY / "group_vars/clusters.yml").read_text())["ratify_trust_policies"]
    authority = ca.authority().certificate.public_bytes(Encoding.PEM).decode()
    return {
        "identity_vaults": [{"name": VAULT, "resource_group": RESOURCE_GROUP}, {"name": PARTNER_VAULT, "resource_group": RESOURCE_GROUP}],
        "ratify_certificates": [{"name": CERTIFICATE, "version": pinned(), "vault": VAULT}, {"name": seed.OTHER.name, "vault": PARTNER_VAULT}],
        "ratify_refresh_interval": "1h",
        "ratify_inline_certificates": [
            {"name": "agents-ca", "certificate": authority},
            {"name": "time", "certificate": time_stamping.authority().read_text()},
        ],
        "ratify_trust_policies": [
            {**brooklyn, "registryScopes": [MONITOR], "trustedIdentities": [*brooklyn["trustedIdentities"], OTHER_SIGNER]},
            {**brooklyn, "name": "tools", "registryScopes": [TOOLS]},
            {**agents, "trustStores": ["ca:agents-ca"]},
            {**agents, "name": "archive", "registryScopes": [ARCHIVE], "trustStores": ["ca:agents-ca", "tsa:time"]},
        ],
        "ratify_cosign_keys": [{"name": "tools", "key": seed.KEY.public.read_text()}],
        "ratify_cosign_scopes": [TOOLS],
        "ratify_replicas": 2,
        "verify_images": [
            {"image": f"{MONITOR}:signed", "expect": "admitted"},
            {"image": f"{MONITOR}:other-signer", "expect": "admitted"},
            {"image": f"{MONITOR}:expired", "expect": "denied", "reason": UNTRUSTED},
            {"image": f"{AGENT}:chained", "expect": "admitted"},
            {"image": f"{AGENT}:revoked", "expect": "denied", "reason": "is revoked"},
            {"image": f"{AGENT}:other-scope", "expect": "denied", "reason": UNTRUSTED},
            {"image": f"{ARCHIVE}:stamped", "expect": "admitted"},
            {"image": f"{ARCHIVE}:expired", "expect": "denied", "reason": "timestamp"},
            {"image": f"{ARCHIVE}:unstamped", "expect": "denied", "reason": "timestamp"},
            {"image": f"{TOOLS}:keyed", "expect": "admitted"},
            {"image": f"{TOOLS}:other-key", "expect": "denied", "reason": NO_KEY},
            {"image": f"{TOOLS}:unsigned", "expect": "denied", "reason": "No verification results"},
            {"image": f"{TOOLS}:keyed-and-other-signer", "expect": "denied", "reason": "does not match the X.509 trusted identities"},
            {"image": f"{TOOLS}:signed-and-other-key", "expect": "denied", "reason": NO_KEY},
            {"image": f"{TOOLS}-beta:keyed", "expect": "denied", "reason": "No policy found for the artifact"},
        ],
    }


def providers(kube: Any) -> dict[str, Any]:
    """Key management providers by name."""
    listed = kube.resources.get(api_version="config.ratify.deislabs.io/v1beta1", kind="KeyManagementProvider").get().items
    return {each.metadata.name: each for each in listed}


@soak("the change of trust in test_trust_change.py")
def test_trust_moves_out_of_the_vault_and_back_and_never_is_an_unsigned_image_admitted(lab: Lab, kube: Any) -> None:
    with asking_for(f"{MONITOR}:unsigned") as asked:
        there = lab.play("site", **in_the_inventory())
        moved = providers(kube)
        back = lab.play("site")
    assert there.returncode == 0, there.error
    assert back.returncode == 0, back.error
    assert asked.admitted(f"{MONITOR}:unsigned") == 0
    assert asked.refused(f"{MONITOR}:unsigned") > 50
    assert set(moved) == {"kmprovider-akv", "ratify-notation-inline-cert-0", "ratify-notation-inline-cert-1", "ratify-cosign-inline-key-0", OF_PARTNER}
    assert moved[OF_PARTNER].spec.parameters.vaultURI == f"https://{PARTNER_VAULT}.vault.azure.net/"
    assert moved[OF_PARTNER].spec.refreshInterval == "1h"
    assert moved["kmprovider-akv"].spec.refreshInterval == "1h"
    assert [(c.name, c.version) for c in moved["kmprovider-akv"].spec.parameters.certificates] == [(CERTIFICATE, pinned())]
    assert all(each.status.issuccess for each in moved.values())
    assert set(providers(kube)) == {"kmprovider-akv"}
    verifiers = kube.resources.get(api_version="config.ratify.deislabs.io/v1beta1", kind="Verifier").get().items
    assert [each.metadata.name for each in verifiers] == ["verifier-notation"]
    for image in (f"{MONITOR}:other-signer", f"{TOOLS}:keyed", f"{ARCHIVE}:stamped"):
        assert refusal(kube, pod(image), "default"), "what is not trusted any more is admitted"
