"""A change of whom Ratify trusts, that Ratify does not take: the cluster goes on with the trust that it had, while images are asked for all the time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import seed
from lab.build import tools
from lab.config import KEYED_REPOSITORY, REGISTRY
from tests.support.seeds import soak
from tests.support.trust_policies import CONTOSO, REFUSED, SCOPES, STRICTER, TAKEN, WEB

from .asking import afresh, asking_for
from .conftest import INVENTORY, Lab, Run
from .pods import SIGNED, UNSIGNED, pod, refusal

pytestmark = [pytest.mark.first_lab, pytest.mark.order(3)]

RATIFY = "config.ratify.deislabs.io/v1beta1"
KINDS = ("Policy", "Store", "Verifier", "KeyManagementProvider", "NamespacedVerifier", "NamespacedKeyManagementProvider")
WITHOUT_SIGNED = 90
"""Seconds for which signed images may be denied until the former release is restored; docs/trust.md names them."""


def configuration(kube: Any) -> dict[str, str]:
    """All by which Ratify verifies, by kind and name: which object it is."""
    listed = {kind: kube.resources.get(api_version=RATIFY, kind=kind).get().items for kind in KINDS}
    return {f"{kind} {each.metadata.name}": each.metadata.uid for kind, items in listed.items() for each in items}


def given() -> dict[str, Any]:
    """The inventory's variables."""
    read: dict[str, Any] = yaml.safe_load((INVENTORY / "group_vars/clusters.yml").read_text())
    return read


@pytest.fixture
def closed_vault(lab: Lab) -> Iterator[None]:
    """The vault shows its certificates, and gives none of them to Ratify, which reads secrets."""
    lab.http.post(f"{lab.url}/lab/faults", json={"path": "^/secrets/", "status": 403, "code": "Forbidden"}).raise_for_status()
    yield
    lab.http.delete(f"{lab.url}/lab/faults").raise_for_status()


def test_a_vault_that_ratify_cannot_read_is_found_while_signed_images_are_admitted_all_the_time(lab: Lab, site: Run, kube: Any, closed_vault: None) -> None:
    """Any new release makes Ratify read the vault again."""
    before, signed = configuration(kube), afresh(kube, SIGNED)
    with asking_for(signed, UNSIGNED) as asked:
        run = lab.play("site", ratify_refresh_interval="1h", ratify_wait_timeout=30)
    assert run.returncode
    assert "Ratify does not take its next configuration, and keeps the one that it has: KeyManagementProvider kmprovider-akv: " in run.error
    assert run.changed == []
    assert (asked.refused(signed), asked.admitted(UNSIGNED)) == (0, 0)
    assert asked.admitted(signed) > 50
    assert configuration(kube) == before


def test_identities_that_overlap_are_refused_before_anything_is_written(lab: Lab, site: Run) -> None:
    first, *others = given()["ratify_trust_policies"]
    overlapping = [*first["trustedIdentities"], "x509.subject: C=US, ST=WA, O=Brooklyn"]
    lab.forget_requests()
    run = lab.play("site", ratify_trust_policies=[{**first, "trustedIdentities": overlapping}, *others])
    assert run.returncode
    assert "x509.subject: C=US, ST=WA, O=Brooklyn trusts everything that " in run.error
    assert [request for request in lab.requests() if request.writes] == []


@soak("tests/unit/plugins/modules/test_ratify_trial.py")
def test_what_only_the_next_ratify_refuses_ends_with_the_former_one(lab: Lab, site: Run, kube: Any) -> None:
    """A store is not asked about before. With it came a key of cosign, which must not stay trusted."""
    before, signed, keyed = configuration(kube), afresh(kube, SIGNED), f"{REGISTRY}.azurecr.io/{KEYED_REPOSITORY}:keyed"
    trusted = {
        "ratify_cosign_keys": [{"name": "tools", "key": seed.KEY.public.read_text()}],
        "ratify_cosign_scopes": [f"{REGISTRY}.azurecr.io/{KEYED_REPOSITORY}"],
    }
    with asking_for(signed, UNSIGNED) as asked:
        run = lab.play("site", ratify_registries=[f"{REGISTRY}.azurecr.io", "*broken.azurecr.io"], **trusted)
    assert run.returncode
    assert "Store store-oras: " in run.error
    assert ". So the former release, chart ratify-" in run.error
    assert "was restored, and it serves" in run.error
    assert asked.admitted(UNSIGNED) == 0
    assert not asked.answers[signed][-1].refusal
    print(f"signed images were denied for {asked.longest_refusal(signed):.1f} s")
    assert asked.longest_refusal(signed) < WITHOUT_SIGNED
    assert set(configuration(kube)) == set(before)
    assert refusal(kube, pod(keyed), "default"), "a key is trusted that came with what was refused"
    again = lab.play("site")
    assert (again.returncode, again.changed) == (0, []), again.error


def taken_by_notation(identities: list[str], scopes: list[str], folder: Path) -> bool:
    """Whether Notation takes the trust policy, as Ratify would: both ask notation-go."""
    statement = {"name": "one", "registryScopes": scopes, "trustStores": ["ca:vault"], "trustedIdentities": identities}
    policy = folder / "policy.json"
    policy.write_text(json.dumps({"version": "1.0", "trustPolicies": [{**statement, "signatureVerification": {"level": "strict"}}]}))
    environment = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    done = subprocess.run(
        [tools.program("notation"), "policy", "import", "--force", policy], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0 or "trust policy" in done.stderr or "scope" in done.stderr, done.stderr
    return done.returncode == 0


@pytest.mark.parametrize("identities", [*TAKEN.values(), *(given for given, _ in STRICTER.values())], ids=[*TAKEN, *STRICTER])
def test_notation_takes_the_identities(identities: list[str], tmp_path: Path) -> None:
    assert taken_by_notation(identities, [WEB], tmp_path)


@pytest.mark.parametrize("identities", [given for given, _ in REFUSED.values()], ids=REFUSED)
def test_notation_refuses_the_identities(identities: list[str], tmp_path: Path) -> None:
    assert not taken_by_notation(identities, [WEB], tmp_path)


@pytest.mark.parametrize(("scope", "taken"), SCOPES.items())
def test_notation_judges_the_scope_so(scope: str, *, taken: bool, tmp_path: Path) -> None:
    assert taken_by_notation([CONTOSO], [scope], tmp_path) is taken
