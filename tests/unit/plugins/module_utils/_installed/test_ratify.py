"""What of Ratify is whose, by what it verifies, and what a removal takes."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._installed.ratify import (
    conflicts,
    foreign,
    former,
    is_known,
    made,
    removal,
    stale,
    unexpected,
)
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.helm import Records
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.inventory import ClusterObject

from tests.support.cluster_states import helm_record

from .objects import GATEKEEPER, RATIFY, there, titles

PLACE = "gatekeeper-system"
ROLE = "ClusterRole ratify-manager-cluster-role"


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ([], []),
        ([there(ROLE, RATIFY)], []),
        ([there("ClusterRole other", "tools/ratify")], []),
        ([there(ROLE, "tools/ratify")], ["not of the Helm release gatekeeper-system/ratify but of tools/ratify"]),
        ([there(ROLE)], ["but of none"]),
        *(
            ([there(title)], [f"There is a Ratify 2 in the cluster ({title})"])
            for title in (
                "Provider ratify-gatekeeper-provider",
                "Provider ratify-gatekeeper-mutation-provider",
                "CustomResourceDefinition executors.config.ratify.sh",
                "CustomResourceDefinition executors.config.ratify.dev",
                "CustomResourceDefinition namespacedexecutors.config.ratify.sh",
            )
        ),
        ([there("Provider ratify-provider"), there("Provider my-ratify-gatekeeper-provider")], []),
        ([there("CustomResourceDefinition executors.config.ratify.dev.example"), there("CustomResourceDefinition stores.config.ratify.deislabs.io")], []),
        ([there(ROLE, "tools/ratify"), there("Provider ratify-gatekeeper-provider")], ["There is a Ratify 2", "Helm release"]),
    ],
)
def test_a_cluster_has_room_for_one_ratify(objects: list[ClusterObject], said: list[str]) -> None:
    found = conflicts(objects, PLACE)
    assert [part in sentence for part, sentence in zip(said, found, strict=True)] == [True] * len(said)


def test_ratify_may_run_where_its_definitions_are() -> None:
    assert is_known([there("CustomResourceDefinition namespacedverifiers.config.ratify.deislabs.io")])
    assert not is_known([there("CustomResourceDefinition verifiers.config.ratify.deislabs.io")])


OF_THE_CHART = (
    "Policy ratify-policy",
    "Store store-oras",
    "Verifier verifier-notation",
    "Verifier verifier-cosign",
    "KeyManagementProvider kmprovider-akv",
    "KeyManagementProvider ratify-notation-inline-cert-0",
    "KeyManagementProvider ratify-cosign-inline-key-12",
    "NamespacedVerifier gatekeeper-system/image-trust-trial-1",
    "NamespacedKeyManagementProvider gatekeeper-system/image-trust-trial-1-x",
)
NOT_OF_THE_CHART = (
    "Store store-oras-2",
    "Verifier verifier-sbom",
    "Verifier my-verifier-cosign",
    "KeyManagementProvider ratify-notation-inline-cert-",
    "KeyManagementProvider ratify-notation-inline-cert-0a",
    "NamespacedVerifier default/image-trust-trial-1",
    "NamespacedVerifier gatekeeper-system/image-trust-trial-",
    "NamespacedVerifier gatekeeper-system/mine",
    "CertificateStore gatekeeper-system/store-oras",
)
HOOKS = [there(title, hook=True) for title in (*OF_THE_CHART, *NOT_OF_THE_CHART)]


def test_what_the_chart_no_longer_makes_goes_and_nothing_else() -> None:
    assert titles(stale(HOOKS, PLACE, [])) == [*OF_THE_CHART]
    assert titles(stale(HOOKS, PLACE, OF_THE_CHART[:3])) == [*OF_THE_CHART[3:]]
    assert stale([there(title) for title in OF_THE_CHART], PLACE, []) == []
    assert titles(stale(HOOKS, "elsewhere", OF_THE_CHART[:7])) == []


def test_the_former_configuration_is_what_ratify_waits_for_again() -> None:
    assert [f"{each['kind']} {each['name']}" for each in former(HOOKS, PLACE)] == [*OF_THE_CHART[1:7]]
    assert former([there(title) for title in OF_THE_CHART], PLACE) == []


def records(status: str, *manifests: str) -> Records:
    """Of a revision of this status, whose manifest is this."""
    record = helm_record("ratify", PLACE, 1, status, "1.15.7", {})
    content = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(record["data"]["release"]))))
    hooks = [{"events": ["post-install"], "manifest": text} for text in manifests]
    record["data"]["release"] = base64.b64encode(base64.b64encode(gzip.compress(json.dumps({**content, "hooks": hooks}).encode()))).decode()
    return Records("ratify", PLACE, [record])


VERIFIER = "kind: Verifier\nmetadata: {name: verifier-notation}\n"
OF_A_NAMESPACE = "kind: CertificateStore\nmetadata: {name: it, namespace: tools}\n"
IN_THE_CLUSTER = [
    there("Verifier verifier-notation"),
    there("Verifier verifier-cosign"),
    there("CertificateStore tools/it"),
    there(f"CertificateStore {PLACE}/it"),
    there("CertificateStore tools/verifier-notation"),
]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (records("deployed", VERIFIER, OF_A_NAMESPACE), ["Verifier verifier-notation", "CertificateStore tools/it"]),
        (records("deployed"), []),
        (records("failed", VERIFIER), ["Verifier verifier-cosign"]),
        (records("pending-upgrade", VERIFIER), ["Verifier verifier-cosign"]),
        (Records("ratify", PLACE, []), ["Verifier verifier-cosign"]),
    ],
    ids=["deployed", "deployed without configuration", "failed", "interrupted", "not installed"],
)
def test_the_chart_has_made_what_the_deployed_release_says_or_else_will_make_what_is_wanted(given: Records, found: list[str]) -> None:
    assert made(IN_THE_CLUSTER, given, ["Verifier verifier-cosign"]) == found


def test_the_provider_of_another_vault_is_the_roles_where_it_is_wanted() -> None:
    other = "KeyManagementProvider ratify-notation-inline-cert-1001"
    deployed, objects = records("deployed", VERIFIER), [*IN_THE_CLUSTER[:1], there(other, hook=True)]
    assert made(objects, deployed, [other, "KeyManagementProvider ratify-notation-inline-cert-1"]) == [other, "Verifier verifier-notation"]
    assert made(objects, deployed, []) == ["Verifier verifier-notation"]
    assert titles(stale(objects, PLACE, [])) == [other]


def test_configuration_is_foreign_unless_it_was_made_will_go_or_was_reviewed() -> None:
    objects = [*IN_THE_CLUSTER[:2], there("Verifier mine"), there("Store reviewed"), there("Provider mine"), there("CustomResourceDefinition mine")]
    assert foreign(objects, [], [], []) == ["Verifier verifier-notation", "Verifier verifier-cosign", "Verifier mine", "Store reviewed"]
    assert foreign(objects, ["Verifier verifier-notation"], [objects[1]], ["Store reviewed"]) == ["Verifier mine"]


CONFIGURED = [
    there("Policy ratify-policy", hook=True),
    there("Store store-oras", hook=True),
    there("Verifier verifier-notation", RATIFY),
    there(f"NamespacedVerifier {PLACE}/image-trust-trial-1", hook=True),
]


@pytest.mark.parametrize(
    ("other", "is_unexpected"),
    [
        (there("Verifier verifier-cosign", hook=True), False),
        (there("Verifier verifier-cosign", RATIFY), False),
        (there("Verifier verifier-cosign"), True),
        (there("Verifier verifier-cosign", "tools/ratify"), True),
        (there("Verifier mine", RATIFY), True),
        (there("Verifier mine", hook=True), True),
        (there("Provider mine"), False),
    ],
)
def test_configuration_that_the_chart_did_not_make_is_reported_before_a_removal(other: ClusterObject, is_unexpected: bool) -> None:
    assert unexpected(CONFIGURED, PLACE) == []
    assert [f" not make: {other.title}. Delete" in each for each in unexpected([*CONFIGURED, other], PLACE)] == [True] * is_unexpected


def test_a_removal_takes_what_helm_leaves_and_each_object_once() -> None:
    deployment, record = there(f"Deployment {PLACE}/ratify", RATIFY), there(f"Secret {PLACE}/sh.helm.release.v1.ratify.v2")
    beside = [
        there("Provider ratify-provider"),
        there("Provider ratify-mutation-provider", hook=True),
        there(f"Secret {PLACE}/ratify-tls"),
        there(f"PodDisruptionBudget {PLACE}/ratify"),
    ]
    definitions = [there("CustomResourceDefinition stores.config.ratify.deislabs.io")]
    others = [
        there("Provider mine", hook=True),
        there("Secret tools/ratify-tls"),
        there("CustomResourceDefinition stores.myconfig.ratify.deislabs.io"),
        there("CustomResourceDefinition executors.config.ratify.sh"),
        there(f"Deployment {PLACE}/gatekeeper-audit", GATEKEEPER),
        there(f"ReplicaSet {PLACE}/ratify-1", RATIFY, owned=True),
        there(f"Secret {PLACE}/sh.helm.release.v1.gatekeeper.v1"),
        there("Verifier mine", hook=True),
        there(f"Namespace {PLACE}", managers=("helm",)),
    ]
    found = removal([deployment, *beside, *CONFIGURED, *definitions, record, *others], PLACE)
    hooks = [each for each in CONFIGURED if each.hook]
    assert (found.before, titles(found.records)) == ((), titles([record]))
    assert titles(found.release) == titles([deployment, CONFIGURED[2]])
    assert titles(found.leftovers) == titles([*beside, *hooks, *definitions])
