"""The module run whole: a stand-in for the API server, the emulated vault, the real registry and the real notation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._forecast.trust import LISTS as TRUST
from ansible_collections.image_trust.azure.plugins.module_utils._verification.state import LISTS
from ansible_collections.image_trust.azure.plugins.module_utils._verification.trust_deviations import POLICY, SIGNATURES

from tests.support.kubernetes_api import serving
from tests.support.module_runs import Run
from tests.support.return_values import not_returned
from tests.support.signing import SERVER, signer
from tests.support.signing_world import SIGNER, World, plugins, roles, storage, world

__all__ = ["plugins", "storage", "world"]
pytestmark = pytest.mark.slow
Json = dict[str, Any]
STORES = {"ca": {"cert-0": ["kmprovider-akv"]}}
DAY = f"{SIGNER.certificate.not_valid_after_utc:%Y-%m-%d}"


def trust_policy(*scopes: str) -> Json:
    identities = {"trustedIdentities": ["x509.subject: C=US, ST=WA, O=Contoso"], "trustStores": ["ca:cert-0"]}
    return {"name": "release", "registryScopes": [*scopes], "signatureVerification": {"level": "strict"}, **identities}


@dataclass
class Cluster:
    """With a Deployment in `shop` for each image, whose pod runs it, and the objects of Ratify."""

    kubeconfig: Path
    run: Run
    world: World
    lists: dict[str, list[Json]] = field(default_factory=dict)
    refused: str | None = None
    names: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, _query: str, _body: Json) -> tuple[int, Json]:
        assert method == "GET"
        return (403, {"message": "forbidden"}) if path == self.refused else (200, {"items": self.lists.get(path, [])})

    def deploy(self, name: str, image: str, digest: str) -> None:
        template = {"spec": {"containers": [{"name": "it", "image": image}]}}
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-1", "controller": True}
        status = {"phase": "Running", "containerStatuses": [{"name": "it", "image": image, "imageID": f"{image.partition(':')[0]}@{digest}"}]}
        above = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "controller": True}
        made: list[tuple[str, Json]] = [
            ("/apis/apps/v1/deployments", {"metadata": {"name": name, "namespace": "shop"}, "spec": {"template": template}}),
            ("/apis/apps/v1/replicasets", {"metadata": {"name": f"{name}-1", "namespace": "shop", "ownerReferences": [above]}, "spec": {}}),
            ("/api/v1/pods", {"metadata": {"name": f"{name}-1-x", "namespace": "shop", "ownerReferences": [owner]}, **template, "status": status}),
        ]
        for path, item in made:
            self.lists.setdefault(path, []).append(item)
        self.names.append(f"Deployment {name}")

    def trust(self, *policies: Json) -> None:
        """As Ratify's chart makes it, with the certificate `release` of the vault in the version that it holds."""
        held = {"Name": "release", "Version": self.world.options["key_id"].rpartition("/")[2]}
        parameters = {"verificationCertStores": STORES, "trustPolicyDoc": {"version": "1.0", "trustPolicies": [*policies]}}
        provider = {"type": "azurekeyvault", "parameters": {"vaultURI": "https://image-trust-lab.vault.azure.net/", "certificates": [{"name": "release"}]}}
        self.lists |= {
            LISTS["ratify_policies"]: [{"metadata": {"name": "ratify-policy"}, "spec": POLICY}],
            LISTS["verifiers"]: [{"metadata": {"name": "verifier-notation"}, "spec": {**SIGNATURES["verifier-notation"], "parameters": parameters}}],
            LISTS["key_management_providers"]: [{"metadata": {"name": "kmprovider-akv"}, "spec": provider, "status": {"properties": {"Certificates": [held]}}}],
        }

    def forecast(self, denied: tuple[str, ...] = (), **options: Any) -> Json:
        given: Json = {verdict: [] for verdict in ("not_judged", "unknown", "exempt")}
        outcomes = {name: [{"namespace": "shop", "workloads": some}] for name, some in (("denied", [*denied]), ("admitted", [*set(self.names) - {*denied}]))}
        asked = {"kubeconfig": str(self.kubeconfig), "forecast": {**given, **outcomes}, "notation_path": self.world.options["notation_path"]}
        result = self.run("signature_forecast", **{**asked, **options})
        assert result.get("changed") is not True
        return result


@pytest.fixture
def cluster(world: World, run: Run, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path / "kubeconfig", run, world)
    made.trust(trust_policy(f"{SERVER}/web", f"{SERVER}/moved"))
    with serving(lambda *asked: made.answer(*asked), made.kubeconfig):
        yield made


def by_image(result: Json) -> dict[str, Json]:
    return {each["image"].partition("@")[0].rpartition("/")[2]: each for each in result["images"]}


def test_who_signed_what_runs_and_until_when_it_can_be_created_again(cluster: Cluster, world: World) -> None:
    for name in ("web", "unsigned", "api"):
        cluster.deploy(name, f"{SERVER}/{name}:v1", world.push(name).digest)
    stranger = signer("CN=stranger,O=Else,ST=WA,C=US")
    world.sign(f"{SERVER}/web:v1", expiry=10)
    world.sign(f"{SERVER}/api:v1", key_id=stranger.into(world.vault, "stranger"))
    world.permit(certificates=["get"])
    result = cluster.forecast(denied=("Deployment unsigned", "Deployment api"))
    assert not result.get("failed"), result["msg"]
    found = by_image(result)
    assert {name: (each["trusted"], each["problem"]) for name, each in found.items()} == {
        "web": (True, None),
        "unsigned": (False, "it has no signature"),
        "api": (False, "no trust policy covers the repository"),
    }
    [signature] = found["web"]["signatures"]
    assert (signature["thumbprint_sha256"], signature["trust_policy"], signature["trusted"]) == (SIGNER.thumbprint, "release", True)
    assert found["web"]["restartable_until"] == signature["expires"]
    assert found["web"]["workloads"] == found["web"]["needed_by"] == [{"namespace": "shop", "kind": "Deployment", "name": "web"}]
    assert found["api"]["needed_by"] == []
    [end] = result["until"]
    assert (end["day"], end["images"]) == (signature["expires"][:10], [found["web"]["image"]])
    assert result["lines"] == [
        "3 images run: 1 signed by trusted signers, 2 not, 0 not known.",
        f"not restartable after {end['day']}, when the signature of CN=release,O=Contoso,ST=WA,C=US expires: shop: Deployment web",
    ]
    assert {where for where in not_returned("signature_forecast", result) if not where.endswith(" time_stamp")} == set()


def test_a_tag_that_was_moved_is_followed_to_what_a_new_pod_would_have(cluster: Cluster, world: World) -> None:
    former = world.push("moved")
    cluster.deploy("moved", f"{SERVER}/moved:v1", former.digest)
    world.sign(f"{SERVER}/moved:v1", expiry=10)
    world.push("moved")
    world.sign(f"{SERVER}/moved:v1")
    world.permit(certificates=["get"])
    result = cluster.forecast()
    assert {each["image"].endswith(former.digest): (bool(each["workloads"]), bool(each["needed_by"])) for each in result["images"]} == {
        True: (True, False),
        False: (False, True),
    }
    assert [(each["day"], each["reason"]) for each in result["until"]] == [(DAY, "the certificate CN=release,O=Contoso,ST=WA,C=US expires")]


def test_without_acr_pull_an_image_has_a_problem_and_nothing_fails(cluster: Cluster, world: World) -> None:
    cluster.deploy("web", f"{SERVER}/web:v1", world.push("web").digest)
    roles(world.azure, None)
    result = cluster.forecast()
    assert [(each["trusted"], each["signatures"]) for each in result["images"]] == [(None, None)] * 2
    assert all("give its principal AcrPull" in each["problem"] for each in result["images"])
    counted, reason = result["lines"]
    assert (result["until"], counted) == ([], "1 images run: 0 signed by trusted signers, 0 not, 1 not known.")
    assert reason.startswith(f"not known: {SERVER}/web@sha256:")
    assert "give its principal AcrPull" in reason


def test_without_a_permission_in_the_vault_it_is_not_known_who_is_trusted_but_until_when(cluster: Cluster, world: World) -> None:
    cluster.deploy("web", f"{SERVER}/web:v1", world.push("web").digest)
    world.sign(f"{SERVER}/web:v1")
    world.permit()
    result = cluster.forecast()
    [found] = result["images"]
    assert (found["trusted"], found["problem"]) == (None, "not all certificates that the trust policy release trusts could be read")
    assert [each["day"] for each in result["until"]] == [DAY]


@pytest.mark.parametrize("missing", ["notation", "a login", "Ratify's objects"])
def test_what_is_missing_is_no_failure_and_no_trust(cluster: Cluster, world: World, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.deploy("web", f"{SERVER}/web:v1", world.push("web").digest)
    world.sign(f"{SERVER}/web:v1")
    options: Json = {"notation_path": "/none/notation"} if missing == "notation" else {}
    if missing == "a login":
        options = {"auth_source": "credential_file", "profile": "none"}
    if missing == "Ratify's objects":
        cluster.refused = LISTS[TRUST[0]]
    result = cluster.forecast(**options)
    assert not result.get("failed"), result["msg"]
    assert {each["trusted"] for each in result["images"]} == {None}
    assert all(each["problem"] for each in result["images"])
    assert result["until"] == []


def test_what_is_no_forecast_and_a_cluster_that_refuses_are_one_sentence(cluster: Cluster) -> None:
    assert cluster.forecast(forecast={})["msg"] == "forecast is not what module admission_forecast returns."
    cluster.refused = "/api/v1/pods"
    assert cluster.forecast()["msg"].startswith("What runs in the cluster cannot be read: it refuses GET /api/v1/pods: HTTP 403")
