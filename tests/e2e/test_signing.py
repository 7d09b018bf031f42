"""From unsigned images to one that runs by two commands, and the next certificate of its signer while a client asks for the image all the time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.build import tools
from lab.config import REGISTRY, UNSIGNED_REPOSITORY, VAULT
from tests.support.seeds import soak

from .asking import afresh, asking_for
from .conftest import INVENTORY, Lab, Run
from .plans import succeeded
from .pods import UNSIGNED, denied_soon, pod, refusal
from .workloads import deployment

SHOP = f"{REGISTRY}.azurecr.io/{UNSIGNED_REPOSITORY}"
CERTIFICATE = "shop"
WITHOUT_SIGNED = 30
"""Seconds for which signed images may be denied at each change of trust; docs/rotate.md names them."""
SUBJECT = "C=US, ST=WA, L=Seattle, O=Shop, CN=shop.example"


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's inventory, whose clusters trust the signer too."""
    folder = tmp_path_factory.mktemp("inventory")
    given: dict[str, Any] = yaml.safe_load((INVENTORY / "group_vars/clusters.yml").read_text())
    trusted = {
        "ratify_certificates": [*given["ratify_certificates"], {"name": CERTIFICATE}],
        "ratify_trust_policies": [
            *given["ratify_trust_policies"],
            {"name": "shop", "registryScopes": [SHOP], "trustedIdentities": [f"x509.subject: {SUBJECT}"]},
        ],
        "verify_images": [
            {"image": f"{SHOP}:v1", "expect": "admitted"},
            {"image": f"{SHOP}:draft", "expect": "denied", "reason": "No verification results"},
        ],
    }
    (folder / "group_vars").mkdir()
    (folder / "group_vars/clusters.yml").write_text(yaml.safe_dump(trusted))
    (folder / "hosts.yml").write_text(yaml.safe_dump({"clusters": {"hosts": {"lab1": None}}}))
    return folder


@pytest.fixture
def play(lab: Lab, site: Run, trusting: Path) -> Any:
    return lambda playbook, *options, **variables: lab.play(playbook, "-i", str(trusting), *options, **variables)


def versions(lab: Lab) -> list[str]:
    """Of the signer's certificate, the latest first."""
    [vault] = [each for each in lab.http.get(f"{lab.url}/lab/state").json()["vaults"].values() if each["name"] == VAULT]
    kept = vault["secrets"].get(CERTIFICATE, {"versions": {}})["versions"]
    return sorted(kept, key=lambda version: kept[version]["created"], reverse=True)


def test_from_unsigned_images_to_one_that_runs_by_two_commands(lab: Lab, kube: Any, play: Any) -> None:
    assert "No verification results" in refusal(kube, pod(f"{SHOP}:v1"), "default") or "not verified" in refusal(kube, pod(f"{SHOP}:v1"), "default")
    predicted = succeeded(lab.play("sign", "--check", "--diff"))
    assert versions(lab) == []
    signed = succeeded(lab.play("sign"))
    assert signed.changed == predicted.changed
    assert len(versions(lab)) == 1
    assert succeeded(lab.play("sign")).changed == []

    succeeded(play("site"))
    assert denied_soon(kube, pod(f"{SHOP}:v1"), "default", expected=False) == ""
    assert "No verification results" in refusal(kube, pod(f"{SHOP}:draft"), "default")
    assert succeeded(play("site")).changed == []


def test_without_a_version_a_rotation_says_which_there_is_and_changes_nothing(lab: Lab, play: Any) -> None:
    run = play("rotate", rotate_signer="shop")
    assert run.returncode
    assert f"The latest version of shop is {versions(lab)[0]}, until " in run.error
    assert run.changed == []


@soak("the refusal by itself, in tests/roles/test_forecast.py,")
def test_a_rotation_whose_login_may_not_read_signatures_stops_before_there_is_another_version(lab: Lab, kube: Any, team: str, play: Any) -> None:
    [latest, *_] = before = versions(lab)
    assert refusal(kube, deployment("shop", f"{SHOP}:v1", 0), team, dry_run=False) == ""
    run = play("rotate", rotate_signer="shop", rotate_version=latest, policy_notation_path=str(tools.program("notation")))
    assert f"these images may have a signature of it, which is not known: {SHOP}:v1" in run.error, run.error
    assert versions(lab) == before


@soak("tests/unit/plugins/filter/test_rotation_certificates.py, and tests/roles/test_signer.py for the signatures,")
def test_the_next_certificate_takes_the_place_of_the_former_without_a_denial(lab: Lab, kube: Any, play: Any) -> None:
    [former] = versions(lab)
    signed, unsigned = afresh(kube, f"{SHOP}:v1"), afresh(kube, UNSIGNED)
    with asking_for(unsigned, signed) as asked:
        succeeded(play("rotate", rotate_signer="shop", rotate_version=former))
    print(json.dumps({"asked": len(asked.answers[signed]), "denied": asked.refused(signed), "longest": asked.longest_refusal(signed)}))
    assert asked.admitted(unsigned) == 0 < asked.refused(unsigned)
    assert asked.longest_refusal(signed) < WITHOUT_SIGNED
    assert asked.admitted(signed) > 100
    assert len(versions(lab)) == 2
    assert succeeded(play("rotate", rotate_signer="shop", rotate_version=former)).changed == []
    assert len(versions(lab)) == 2
