"""site.yml whole, checked before there is a cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.support.certificates import SelfSigned
from tests.support.emulated import Emulated

from .conftest import ROOT, Command, Played, played

VARIABLES: dict[str, Any] = {
    "ratify_inline_certificates": [{"name": "root", "certificate": SelfSigned().pem}],
    "ratify_trust_policies": [
        {
            "name": "web",
            "registryScopes": ["imagetrustlab.azurecr.io/web"],
            "trustedIdentities": ["x509.subject: C=US, ST=WA, O=X"],
            "trustStores": ["ca:root"],
        }
    ],
    "verify_images": [{"image": "imagetrustlab.azurecr.io/web:1", "expect": "admitted"}, {"image": "nginx", "expect": "denied"}],
}


def checked(command: Command, folder: Path, **variables: Any) -> Played:
    words, environment = command("aks", check=True, **{**VARIABLES, **variables})
    (folder / "inventory").write_text(f"[clusters]\nlab1 ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    words[3] = str(ROOT / "playbooks/site.yml")
    helm = folder / "bin/helm"
    helm.parent.mkdir(exist_ok=True)
    helm.write_text("#!/bin/sh\nprintf v3.22.0\n")
    helm.chmod(0o755)
    return played(words, {**environment, "PATH": f"{helm.parent}:{environment['PATH']}"})


def test_a_check_before_there_is_a_cluster_goes_through_all_roles_and_writes_nothing(azure: Emulated, command: Command, tmp_path: Path) -> None:
    done = checked(command, tmp_path)
    assert done.errors == []
    roles = {name.partition(" : ")[0].rpartition(".")[2] for name in done.changed}
    assert roles == {"aks", "identity", "release", "policy"}
    assert azure.writes == []
    assert done.said.count("image_trust.azure.policy : Require variables that can be applied") == 1


def test_a_slip_of_the_last_role_is_found_before_the_first_one_asks_azure(azure: Emulated, command: Command, tmp_path: Path) -> None:
    (error,) = checked(command, tmp_path, verify_images=[{"image": "nginx", "expect": "denied"}]).errors
    assert "verify_images needs at least one image to admit and one to deny." in error
    assert azure.requests == []


def test_a_misspelt_host_creates_no_cluster(azure: Emulated, command: Command, tmp_path: Path) -> None:
    (error,) = checked(command, tmp_path, aks_create=False).errors
    assert "There is no cluster lab1 in resource group image-trust-lab, which has no cluster" in error
