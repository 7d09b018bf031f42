"""No example of variables is one that the roles refuse, or whose values a chart does not read. What an example leaves out has the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.filter.gatekeeper_findings import gatekeeper_findings
from ansible_collections.image_trust.azure.plugins.filter.policy_findings import policy_findings
from ansible_collections.image_trust.azure.plugins.filter.ratify_findings import ratify_findings
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes import chart_values
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lab.build.charts import GATEKEEPER, RATIFY, Chart
from tests.support.certificates import SelfSigned
from tests.support.role_variables import variables

from .pages import ROOT, Example
from .test_examples import EXAMPLES

CERTIFICATE = SelfSigned().pem.strip()
PUBLIC_KEY = SelfSigned().key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
OF_RATIFY: dict[str, Any] = {
    "ratify_namespace": "gatekeeper-system",
    "ratify_vault_uris": [],
    "ratify_registries": [],
    "ratify_gatekeeper_validation_timeout": 5,
    "ratify_gatekeeper_mutation_timeout": 10,
    "ratify_mutation_excluded_namespaces": [],
    "ratify_trust_policies": [{"registryScopes": ["contosoimages.azurecr.io/web"], "trustedIdentities": ["x509.subject: C=NL, ST=Noord-Holland, O=Contoso"]}],
    "ratify_certificates": [{"name": "contoso-release"}],
}
"""What other roles return, and what an example about something else leaves out."""


def with_contents(value: Any) -> Any:
    """With a certificate or a key where the example reads a file."""
    if isinstance(value, str) and value.startswith("{{ lookup('ansible.builtin.file'"):
        return PUBLIC_KEY if ".pub'" in value else CERTIFICATE
    if isinstance(value, Mapping):
        return {key: with_contents(each) for key, each in value.items()}
    return [with_contents(each) for each in value] if isinstance(value, list) else value


def of_variables(example: Example) -> dict[str, Any]:
    read = yaml.safe_load(example.text)
    return with_contents(read) if isinstance(read, dict) else {}


def of_role(role: str, given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name.startswith(f"{role}_")}


def internal(role: str) -> dict[str, Any]:
    """The variables of a role, without the two underscores and its name."""
    return {name.removeprefix(f"__{role}_"): value for name, value in variables(role).items()}


def defaults(role: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text())
    return read


def not_read(role: str, chart: Chart, given: Mapping[str, Any]) -> list[str]:
    known = internal(role)
    values = yaml.safe_load((chart.source / "values.yaml").read_text())
    return chart_values.problems(given.get(f"{role}_values", {}), values, known["also_read"], known["free"])


def refused(given: Mapping[str, Any]) -> list[str]:
    """What roles policy, gatekeeper and ratify would say to these variables."""
    found: list[str] = []
    if policy := of_role("policy", given):
        found += policy_findings(policy)
    if gatekeeper := of_role("gatekeeper", given):
        found += gatekeeper_findings({**defaults("gatekeeper"), **gatekeeper}, internal("gatekeeper")["reserved"])
        found += not_read("gatekeeper", GATEKEEPER, gatekeeper)
    if ratify := of_role("ratify", given):
        known = internal("ratify")
        several = {"ratify_vault_uris": given["identity_vaults"]} if len(given.get("identity_vaults", [])) > 1 else {}
        found += ratify_findings({**defaults("ratify"), **OF_RATIFY, **several, **ratify}, known["reserved"], known["refused"], known["app_version"])
        found += not_read("ratify", RATIFY, ratify)
    return found


@pytest.mark.parametrize("example", [each for each in EXAMPLES if of_variables(each)], ids=str)
def test_no_role_refuses_the_example(example: Example) -> None:
    assert refused(of_variables(example)) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("policy_exemptions: [{images: [docker.io/*], owner: a, reason: b, ends: '2027-01-01'}]", "would admit every image of docker.io"),
        ("gatekeeper_values: {replicas: 2}", "set gatekeeper_replicas"),
        ("gatekeeper_values: {controllerManger: {}}", "controllerManger"),
        ("ratify_trust_policies: [{registryScopes: ['contosoimages.azurecr.io/*'], trustedIdentities: ['*']}]", "contosoimages.azurecr.io/"),
        ("ratify_values: {envs: []}", "envs"),
    ],
)
def test_what_a_role_refuses_is_found(given: str, said: str) -> None:
    assert said in " ".join(refused(yaml.safe_load(given)))
