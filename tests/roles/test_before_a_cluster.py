"""What roles for clusters say in a check before there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

POLICY = """
    - role: image_trust.azure.policy
      policy_kubeconfig: nobody
      policy_exemptions:
        - {owner: a, reason: as the page has it, ends: 2099-12-31, images: [docker.io/bitnami/*]}
        - {owner: b, reason: quoted, ends: "2099-12-30", namespaces: [legacy]}
        - {owner: c, reason: over, ends: 2020-12-31, namespaces: [legacy]}
"""
GATEKEEPER = """
    - role: image_trust.azure.gatekeeper
      gatekeeper_kubeconfig: nobody
      gatekeeper_validation_timeout: 3
      gatekeeper_failure_policy: Ignore
"""
RATIFY = """
    - role: image_trust.azure.ratify
      ratify_kubeconfig: nobody
      ratify_client_id: nobody
      ratify_registries: [example.azurecr.io]
      ratify_inline_certificates: [{name: root, certificate: none}]
      ratify_trust_policies:
        - {name: web, registryScopes: [example.azurecr.io/web], trustedIdentities: ["x509.subject: C=US, ST=WA, O=X"], trustStores: ["ca:root"]}
"""


def check(folder: Path, roles: str) -> subprocess.CompletedProcess[str]:
    play = folder / "play.yml"
    play.write_text(f"- hosts: localhost\n  gather_facts: false\n  roles:{roles}")
    words: list[str | Path] = [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", "-c", "local", "--check", "--diff", play]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"), "HOME": str(folder)}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_the_last_day_of_an_exemption_may_be_without_quotation_marks(tmp_path: Path) -> None:
    done = check(tmp_path, POLICY)
    assert done.returncode == 0, done.stdout
    created, ended = done.stdout.split("Exemptions that have ended are not applied")
    assert '"ends": "2099-12-31"' in created
    assert '"ends": "2099-12-30"' in created
    assert "2020-12-31" not in created
    assert '"ends": "2020-12-31"' in ended


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        (RATIFY + "      ratify_values: {provider: {timeout: {validationTimeoutSeconds: 9}}}\n", "ratify_validation_timeout (9 s) has to be smaller"),
        (RATIFY + "      ratify_values: {provider: {timeout: {mutationTimeoutSeconds: 4}}}\n", "ratify_mutation_timeout (4 s) not greater"),
        (GATEKEEPER + RATIFY, "validating webhook (3 s)"),
    ],
    ids=["validation", "mutation", "webhook"],
)
def test_ratifys_time_outs_are_compared_with_gatekeepers_also_when_they_come_by_the_charts_values(tmp_path: Path, roles: str, said: str) -> None:
    done = check(tmp_path, roles)
    assert done.returncode != 0
    assert said in done.stdout.replace("\n", " ")


def test_what_gatekeeper_says_of_itself_is_what_the_chart_gets(tmp_path: Path) -> None:
    done = check(tmp_path, f"{GATEKEEPER}  post_tasks:\n    - ansible.builtin.debug: {{var: gatekeeper_result}}\n")
    assert done.returncode == 0, done.stdout
    assert '"failure_policy": "Ignore"' in done.stdout
    assert '"validation_timeout": 3' in done.stdout.replace('"3"', "3")


ROLES = {"gatekeeper": GATEKEEPER, "ratify": RATIFY}
REFUSED = {
    "gatekeeper": (
        """
        logDenies: true
        replicas: 1
        image: {release: v3.17.0, pullPolicy: Always}
        validatingWebhookFailurePolicy: Ignore
        validatingWebhookExemptNamespacesLabels: {team: [a]}
        disableValidatingWebhook: true
        controllerManager: {exemptNamespaces: [a], resources: {}}
        validatingWebhookAnnotations: null
        """,
        "replicas: set gatekeeper_replicas; "
        "image.release: set gatekeeper_chart_version; "
        "validatingWebhookFailurePolicy: set gatekeeper_failure_policy; "
        "validatingWebhookExemptNamespacesLabels: set gatekeeper_exempt_namespaces; "
        "disableValidatingWebhook: leave it out; "
        "controllerManager.exemptNamespaces: set gatekeeper_exempt_namespaces; "
        "validatingWebhookAnnotations.admissions.enforcer/disabled: leave it out",
    ),
    "ratify": (
        """
        logger: {level: debug}
        notationCerts: [mine]
        cosign: {enabled: true}
        sbom: {enabled: true}
        """,
        "notationCerts: set ratify_inline_certificates; cosign: set ratify_cosign_keys; sbom: leave it out",
    ),
}


@pytest.mark.parametrize(("role", "values", "said"), [(role, *refused) for role, refused in REFUSED.items()], ids=REFUSED)
def test_values_of_a_chart_that_open_the_door_or_have_a_variable_are_refused_each_with_the_way_out(tmp_path: Path, role: str, values: str, said: str) -> None:
    done = check(tmp_path, f"{ROLES[role]}      {role}_values:{values}")
    assert done.returncode != 0, done.stdout
    assert f"{role}_values must not have {said}. " in " ".join(done.stdout.split())
