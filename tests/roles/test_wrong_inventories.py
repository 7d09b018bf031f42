"""Inventories with one fault each, all in one run of site.yml: each is refused with the fault's name, in few words, and nothing is written."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.support.certificates import SelfSigned
from tests.support.emulated import Emulated
from tests.support.module_fixtures import azure, backend, running_azure
from tests.support.module_runs import Backend

from .conftest import OF_ALL_ROLES, ROOT, Command, played

__all__ = ["azure", "backend", "running_azure"]

POLICY: dict[str, Any] = OF_ALL_ROLES["ratify_trust_policies"][0]
SIGNED, UNSIGNED = OF_ALL_ROLES["verify_images"]
EXEMPTION = {"owner": "team", "reason": "vendor", "ends": "2099-12-31", "images": ["docker.io/library/nginx"]}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a resource group with a space": ({"aks_resource_group": "rg web"}, "aks_resource_group is 'rg web'"),
    "a cluster's name with an underscore at its end": ({"aks_name": "web_"}, "aks_name is 'web_'"),
    "the user's own kubeconfig": ({"aks_kubeconfig": "~/.kube/config"}, "aks_kubeconfig must not be the user's own"),
    "a registry with its domain": ({"aks_registries": [{"name": "contoso.azurecr.io"}]}, "'contoso.azurecr.io'"),
    "a registry that does not exist": ({"aks_registries": [{"name": "misspelt"}]}, "There is no registry misspelt"),
    "the id of a vault for a registry": ({"aks_registries": [{"id": "/subscriptions/a/vaults/b"}]}, "'/subscriptions/a/vaults/b'"),
    "a number of nodes in words": ({"aks_node_count": "three"}, "aks_node_count"),
    "an identity with a dot": ({"identity_name": "ratify.web"}, "identity_name is 'ratify.web'"),
    "a federated credential with a slash": ({"identity_federation_name": "a/b"}, "identity_federation_name is 'a/b'"),
    "a vault that does not exist": ({"identity_vaults": [{"name": "misspelt"}]}, "misspelt"),
    "a vault with its domain": ({"identity_vaults": [{"name": "contoso.vault.azure.net"}]}, "'contoso.vault.azure.net'"),
    "no replicas of Gatekeeper": ({"gatekeeper_replicas": 0}, "gatekeeper_replicas is 0"),
    "another failure policy": ({"gatekeeper_failure_policy": "Open"}, "gatekeeper_failure_policy"),
    "an exempt namespace without a reason": ({"gatekeeper_exempt_namespaces": [{"name": "shop"}]}, "reason"),
    "a version that is none": ({"gatekeeper_chart_version": "latest"}, "gatekeeper_chart_version"),
    "a misspelt variable": ({"gatekeeper_exempt_namespace": []}, "the nearest name is gatekeeper_exempt_namespaces"),
    "no replicas of Ratify": ({"ratify_replicas": 0}, "ratify_replicas is 0"),
    "a trusted identity by its CN alone": (
        {"ratify_trust_policies": [{**POLICY, "trustedIdentities": ["x509.subject: CN=contoso"]}]},
        "x509.subject: CN=contoso: it needs C, ST, O",
    ),
    "a scope with a tag": ({"ratify_trust_policies": [{**POLICY, "registryScopes": ["imagetrustlab.azurecr.io/web:1"]}]}, "imagetrustlab.azurecr.io/web:1"),
    "a trust store that is not there": ({"ratify_trust_policies": [{**POLICY, "trustStores": ["ca:other"]}]}, "there is no trust store ca:other"),
    "a scope in two policies": ({"ratify_trust_policies": [POLICY, {**POLICY, "name": "other"}]}, "imagetrustlab.azurecr.io/web is a scope twice"),
    "no trust policy": ({"ratify_trust_policies": []}, "ratify_trust_policies"),
    "a certificate that is none": ({"ratify_inline_certificates": [{"name": "root", "certificate": "PEM"}]}, "root"),
    "a certificate with its key's name twice": (
        {"ratify_inline_certificates": [{"name": "root", "certificate": SelfSigned().pem}] * 2},
        "root is a certificate twice",
    ),
    "a key that is none": ({"ratify_cosign_keys": [{"name": "web", "key": "PEM"}]}, "web"),
    "another enforcement": ({"policy_enforcement": "dent"}, "policy_enforcement"),
    "a namespace in two stages": (
        {"policy_stages": [{"namespaces": ["shop"], "enforcement": each} for each in ("warn", "dryrun")]},
        "policy_stages names a namespace twice: shop",
    ),
    "an exemption without an end": ({"policy_exemptions": [{key: value for key, value in EXEMPTION.items() if key != "ends"}]}, "ends"),
    "an exemption that never ends": ({"policy_exemptions": [{**EXEMPTION, "ends": "never"}]}, "never"),
    "an exemption of everything": ({"policy_exemptions": [{**EXEMPTION, "images": ["*"]}]}, "*"),
    "an excluded namespace without a reason": ({"policy_excluded_namespaces": [{"name": "shop"}]}, "reason"),
    "a proof of admissions alone": ({"verify_images": [SIGNED]}, "verify_images needs at least one image to admit and one to deny"),
    "a proof of denials alone": ({"verify_images": [UNSIGNED]}, "verify_images needs at least one image to admit and one to deny"),
    "an image to admit in no scope": (
        {"verify_images": [{"image": "imagetrustlab.azurecr.io/wep:1", "expect": "admitted"}, UNSIGNED]},
        "imagetrustlab.azurecr.io/wep is no scope of ratify_trust_policies",
    ),
    "an expectation that is none": ({"verify_images": [SIGNED, {"image": "nginx", "expect": "refused"}]}, "expect"),
}
PER_FAULT = 3
"""Sentences that a fault may have."""


def test_each_wrong_inventory_is_refused_in_few_words_and_nothing_is_written(azure: Emulated, backend: Backend, command: Command, tmp_path: Path) -> None:
    hosts = {f"w{number:02}": variables for number, (variables, _part) in enumerate(WRONG.values())}
    words, environment = command("aks", **OF_ALL_ROLES)
    given = json.loads(words[words.index("-e") + 1])
    given.pop("aks_kubeconfig")
    common = {**given, "ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (tmp_path / "wrong.yml").write_text(yaml.safe_dump({"clusters": {"hosts": hosts, "vars": common}}))
    done = played([words[0], "-i", str(tmp_path / "wrong.yml"), str(ROOT / "playbooks/site.yml"), "--forks", "4"], environment)
    assert azure.writes == []
    read = re.search(r"^\{.*^\}", done.said, re.M | re.S)
    assert read
    results = [task["hosts"] for play in json.loads(read[0])["plays"] for task in play["tasks"]]
    errors = {host: one["msg"] for hosts_of in results for host, one in hosts_of.items() if one.get("failed")}
    assert errors.keys() == hosts.keys()
    found = {title: (errors[host], part) for host, (title, (_variables, part)) in zip(hosts, WRONG.items(), strict=True)}
    assert {title: error for title, (error, part) in found.items() if part not in error} == {}
    assert {title: error for title, (error, _part) in found.items() if sentences(error) > PER_FAULT} == {}


def sentences(error: str) -> int:
    """How many there are behind "Nothing was changed"."""
    return len(re.findall(r"\.(?= [A-Z(]|$)", error.partition("Nothing was changed. ")[2]))
