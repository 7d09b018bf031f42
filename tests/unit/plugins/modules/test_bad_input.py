"""Whatever the options hold: what Azure would refuse, or accept and never honour, is refused with the rule and the value before anything is asked."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.azure.arm.groups import new_group
from lab.azure.arm.identities import new_identity
from lab.azure.arm.registries import new_registry
from tests.support.emulated import SECRET, Emulated
from tests.support.module_runs import Run, session
from tests.unit.plugins.modules import inputs
from tests.unit.plugins.modules.inputs import DIGITS, LETTERS, Kind

ROOT = Path(__file__).parents[4]
GROUP = {"resource_group": "image-trust-lab"}
GUID = "5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11"
ISSUER = "https://eastus.oic.prod-aks.azure.com/t/c/"
BLOB = "https://contoso.blob.core.windows.net/image-trust/web.json"
GOOD: dict[str, dict[str, Any]] = {
    "user_assigned_identity": {**GROUP, "name": "ratify"},
    "federated_credential": {**GROUP, "identity_name": "ratify", "name": "lab1", "issuer": ISSUER, "subject": "system:serviceaccount:a:b"},
    "keyvault_access_policy": {**GROUP, "vault_name": "image-trust-lab", "object_id": GUID, "permissions": {"secrets": ["get"]}},
    "role_assignment": {"scope": inputs.SCOPES[1], "role": "AcrPull", "principal_id": GUID},
    "aks_cluster": {**GROUP, "name": "lab1"},
    "aks_kubeconfig": {**GROUP, "cluster_name": "lab1"},
    "keyvault_info": {**GROUP, "name": "image-trust-lab"},
    "registry_info": {**GROUP, "name": "imagetrustlab"},
    "user_assigned_identity_info": {**GROUP, "name": "ratify"},
    "federated_credential_info": {**GROUP, "identity_name": "ratify"},
    "keyvault_access_policy_info": {**GROUP, "vault_name": "image-trust-lab"},
    "keyvault_certificate": {**GROUP, "vault_name": "image-trust-lab", "name": "signer", "subject": "C=US, ST=WA, O=Contoso, CN=contoso.io"},
    "keyvault_certificate_info": {**GROUP, "vault_name": "image-trust-lab", "name": "signer"},
    "role_assignment_info": {"scope": inputs.SCOPES[1]},
    "aks_cluster_info": {**GROUP, "name": "lab1"},
    "workload_identity": {**GROUP, "name": "ratify"},
    "preflight": {"cluster": {**GROUP, "name": "lab1"}},
    "proof": {"cluster": "lab1", "signing_vault_key": "https://image-trust-lab.vault.azure.net/keys/proof"},
    "proof_report": {"proofs": [{"cluster": "web", "path": BLOB}], "time": "2026-11-24T12:00:00Z"},
    "storage_blob": {"url": BLOB, "content": ""},
    "image_signature": {"images": ["imagetrustlab.azurecr.io/web:v1"], "key_id": f"https://image-trust-lab.vault.azure.net/keys/release/{'0' * 32}"},
    "image_signature_info": {"images": ["imagetrustlab.azurecr.io/web:v1"]},
    "registry_images_info": {"images": ["imagetrustlab.azurecr.io/*"]},
}
"""Options with which a module is content."""
NAMES = {
    "user_assigned_identity": inputs.IDENTITY,
    "federated_credential": inputs.FEDERATED_CREDENTIAL,
    "workload_identity": inputs.IDENTITY,
    "aks_cluster": inputs.CLUSTER,
    "keyvault_info": inputs.VAULT,
    "keyvault_certificate": inputs.CERTIFICATE,
    "keyvault_certificate_info": inputs.CERTIFICATE,
    "registry_info": inputs.REGISTRY,
    "user_assigned_identity_info": inputs.IDENTITY,
    "federated_credential_info": inputs.FEDERATED_CREDENTIAL,
    "aks_cluster_info": inputs.CLUSTER,
}
KINDS: dict[str, Kind] = {
    "resource_group": inputs.RESOURCE_GROUP,
    "identity_name": inputs.IDENTITY,
    "vault_name": inputs.VAULT,
    "cluster_name": inputs.CLUSTER,
    "issuer": inputs.ISSUER,
    "subject": inputs.SUBJECT,
    "audiences": inputs.AUDIENCES,
    "object_id": inputs.GUID,
    "application_id": inputs.GUID,
    "principal_id": inputs.GUID,
    "principal_type": inputs.one_of_the_choices("ServicePrincipal", "User", "Group", "ForeignGroup", "Device"),
    "scope": inputs.SCOPE,
    "role": inputs.ROLE,
    "permissions": inputs.PERMISSIONS,
    "change_issuer": inputs.YES_OR_NO,
    "exact": inputs.YES_OR_NO,
    "inherited": inputs.YES_OR_NO,
    "administrator": inputs.YES_OR_NO,
    "append_tags": inputs.YES_OR_NO,
    "only_own": inputs.YES_OR_NO,
    "state": inputs.one_of_the_choices("present", "absent"),
    "location": inputs.LOCATION,
    "kubernetes_version": inputs.VERSION,
    "node_count": inputs.NODES,
    "create": inputs.YES_OR_NO,
    "oidc_issuer": inputs.YES_OR_NO,
    "workload_identity": inputs.YES_OR_NO,
    "wait_timeout": inputs.TIMEOUT,
    "signature_format": inputs.one_of_the_choices("cose", "jws"),
    "warn_days": inputs.TIMEOUT,
    "max_age_hours": inputs.TIMEOUT,
    "time": inputs.TIME,
    "url": inputs.BLOB_URL,
    "read_vaults": inputs.YES_OR_NO,
    "signing_vault_key": inputs.KEY_URL,
    "key_type": inputs.one_of_the_choices("RSA", "EC"),
    "key_size": inputs.other_numbers(2048, 3072, 4096),
    "curve": inputs.one_of_the_choices("P-256", "P-384", "P-521"),
    "validity_months": inputs.number(1, 120),
    "auto_renew": inputs.YES_OR_NO,
    "renew_at_percent": inputs.number(1, 99),
    "enabled": inputs.YES_OR_NO,
    "renew_within_days": inputs.number(1, 3650),
    "replace_version": inputs.VERSION_OF_A_CERTIFICATE,
    "subscription_id": inputs.GUID,
    "client_id": inputs.GUID,
    "tenant": inputs.TENANT,
    "cloud_environment": inputs.CLOUD,
    "auth_source": inputs.one_of_the_choices("auto", "env", "credential_file", "cli", "msi"),
}
"""By option; that of `name` is in NAMES."""
OWN: dict[str, dict[str, Kind]] = {"keyvault_certificate": {"issuer": inputs.CERTIFICATE, "subject": inputs.X500_NAME}}
"""Of modules in which an option has another meaning."""
OF_A_PROOF = {"cluster", "pilot", "cluster_id", "verification", "verdicts", "constraint", "namespace", "signing_key"}
OF_A_REPORT = {"proofs", "public_key", "versions"}
"""What is wrong with these depends on files: test_proof_report.py, and of blobs test_proof_report_blobs.py."""
OF_A_SIGNATURE = {"images", "key_id", "key_file", "certificate_file", "ca_certificates", "expiry", "renew_within", "former_certificates", "time_stamp"}
OF_NOTATION = {"notation_path", "plugin_folder"}
"""What is wrong with these depends on files, or on the machine: test_image_signature.py; with images also on their order: test_registry_images_info.py."""
WITHOUT_A_RULE = {
    *OF_A_PROOF,
    *OF_A_REPORT,
    "content",
    "line",
    *OF_A_SIGNATURE,
    *OF_NOTATION,
    "secret",
    "profile",
    "tags",
    "node_vm_size",
    "path",
    "description",
    "condition",
    "credentials",
    "policies",
} | {
    "certificates",
    "except_identities",
    "findings",
    "holder",
    "gatekeeper",
    "ratify",
    "identity",
    "federated_credentials",
    "registries",
    "vaults",
    "former_vaults",
    "trust",
    "policy",
    "kubeconfig",
}
"""Options whose every value is taken, or refused by Azure only; the lists, which are tested by entry; and what other modules refuse of theirs."""
COMPARED = {("federated_credential_info", "issuer"), ("federated_credential_info", "subject")}
"""Options whose every value is taken, for nothing is done with it but to look for the same."""

LISTS: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {
    ("federated_credential", "credentials"): (
        {**GROUP, "identity_name": "ratify"},
        {"name": "lab1", "issuer": ISSUER, "subject": "system:serviceaccount:a:b"},
    ),
    ("keyvault_access_policy", "policies"): (
        {**GROUP, "vault_name": "image-trust-lab"},
        {"object_id": GUID, "permissions": {"secrets": ["get"]}},
    ),
    ("workload_identity", "federated_credentials"): (
        {**GROUP, "name": "ratify"},
        {"name": "lab1", "issuer": ISSUER, "subject": "system:serviceaccount:a:b"},
    ),
}
"""Options that are lists: the others beside them, and an entry with which the module is content."""
ENTRIES = [
    (*where, option)
    for where in LISTS
    for option in (("object_id", "application_id", "permissions") if where[1] == "policies" else ("name", "issuer", "subject", "audiences"))
]

# The same examples every time; a fixture for all of them, for none leaves anything behind.
fuzzed = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@cache
def options_of(module: str) -> set[str]:
    documentation = importlib.import_module(f"ansible_collections.image_trust.azure.plugins.modules.{module}").DOCUMENTATION
    return {*yaml.safe_load(documentation)["options"], "subscription_id", "client_id", "tenant", "cloud_environment", "auth_source"}


def kinds(module: str) -> dict[str, Kind]:
    """The kinds of the module's options that have a rule."""
    known = {**KINDS, **({"name": NAMES[module]} if module in NAMES else {}), **OWN.get(module, {})}
    return {option: known[option] for option in sorted(options_of(module)) if option in known and (module, option) not in COMPARED}


OPTIONS = [(module, option) for module in GOOD for option in kinds(module)]


def refused(result: dict[str, Any], option: str, value: Any) -> None:
    """The module refuses the value and says which option and which value; nothing else is returned."""
    assert result.get("failed"), f"{option}={value!r} is taken"
    message = result["msg"]
    # ansible-core refuses other things than dictionaries without naming the option.
    assert option in message or message.startswith("dictionary requested")
    if isinstance(value, str) and len(value) < 600 and value.strip() and "error" in result:
        assert repr(value) in message, message
    assert result.get("error", {}).get("code") in (None, "InvalidInput")
    everything = json.dumps(result)
    assert "Traceback" not in everything
    assert SECRET not in everything


def test_every_option_of_every_module_is_here() -> None:
    of_azure = {file.stem for file in (ROOT / "plugins/modules").glob("*.py") if "azure_module(" in file.read_text()}
    assert of_azure ^ GOOD.keys() == set(), "put it into GOOD, with options with which it is content"
    ruled = {(module, option) for module in GOOD for option in options_of(module) - WITHOUT_A_RULE}
    assert ruled ^ {*OPTIONS, *COMPARED} == set(), (
        "say by what rule it is wrong in KINDS, or in NAMES for `name`; or that every value is taken, in WITHOUT_A_RULE"
    )


@pytest.mark.parametrize(("module", "option"), OPTIONS)
@settings(fuzzed, max_examples=30)
@given(data=st.data())
def test_a_wrong_value_is_refused_before_any_request(run: Run, azure: Emulated, module: str, option: str, data: st.DataObject) -> None:
    value = data.draw(kinds(module)[option].wrong, label=option)
    check = data.draw(st.booleans(), label="check mode")
    refused(run(module, check=check, **{**GOOD[module], option: value}), option, value)
    assert azure.requests == []


@pytest.mark.parametrize("option", ["secret", "x509_certificate_password", "oidc_token"])
@settings(fuzzed, max_examples=30)
@given(hidden=st.text(LETTERS + DIGITS + "%$'\"\\\n äß", min_size=8), wrong=inputs.CLOUD.wrong)
def test_what_is_secret_is_returned_in_no_refusal(run: Run, azure: Emulated, option: str, hidden: str, wrong: Any) -> None:
    proof = {"x509_certificate_path": "/nowhere"} if option == "x509_certificate_password" else {}
    result = run("keyvault_info", **GOOD["keyvault_info"], **proof, **{option: hidden}, cloud_environment=wrong)
    assert result["failed"]
    assert not any(hidden in text for text in texts(result))
    assert azure.requests == []


def texts(value: Any) -> Iterator[str]:
    """All texts in a result."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for one in value:
            yield from texts(one)
    else:
        yield str(value)


@pytest.mark.parametrize(("module", "list_option", "option"), ENTRIES)
@settings(fuzzed, max_examples=30)
@given(data=st.data())
def test_a_wrong_value_in_a_list_is_refused_before_any_request(
    run: Run, azure: Emulated, module: str, list_option: str, option: str, data: st.DataObject
) -> None:
    others, entry = LISTS[(module, list_option)]
    value = data.draw({**KINDS, **kinds(module)}[option].wrong, label=option)
    entries = data.draw(st.permutations([entry, {**entry, option: value}]), label="order")
    refused(run(module, check=data.draw(st.booleans(), label="check mode"), **others, **{list_option: entries}), option, value)
    assert azure.requests == []


@pytest.mark.parametrize(("module", "list_option"), list(LISTS))
@pytest.mark.parametrize("wrong", ["twice", "a key too many", "no list of dictionaries"])
def test_a_list_that_cannot_be_is_refused_before_any_request(run: Run, azure: Emulated, module: str, list_option: str, wrong: str) -> None:
    others, entry = LISTS[(module, list_option)]
    entries: Any = {"twice": [entry, entry], "a key too many": [{**entry, "colour": "red"}], "no list of dictionaries": ["a"]}[wrong]
    result = run(module, **others, **{list_option: entries})
    assert result["failed"]
    assert list_option in result["msg"] or wrong == "no list of dictionaries"
    assert azure.requests == []


@settings(fuzzed, max_examples=25)
@given(group=inputs.RESOURCE_GROUP.right, name=inputs.IDENTITY.right)
def test_names_that_azure_takes_for_identities_are_taken(run: Run, azure: Emulated, group: str, name: str) -> None:
    azure.reset()
    made = new_group(azure.state.subscription, group, "eastus")
    azure.state.resource_groups[made["id"].lower()] = made
    assert run("user_assigned_identity", resource_group=group, name=name)["identity"]["name"] == name


@settings(fuzzed, max_examples=25)
@given(name=inputs.FEDERATED_CREDENTIAL.right, issuer=inputs.ISSUER.right, subject=inputs.SUBJECT.right)
def test_credentials_that_azure_takes_are_taken_as_they_are(run: Run, azure: Emulated, name: str, issuer: str, subject: str) -> None:
    azure.reset()
    identity = new_identity(azure.state, "image-trust-lab", "ratify", "eastus")
    assert run("federated_credential", **GROUP, identity_name="ratify", name=name, issuer=issuer, subject=subject)["changed"]
    (credential,) = identity.credentials.values()
    assert (credential.name, credential.issuer, credential.subject) == (name, issuer, subject)


@settings(fuzzed, max_examples=15)
@given(name=inputs.CLUSTER.right, location=inputs.LOCATION.right)
def test_names_that_azure_takes_for_clusters_are_taken(run: Run, azure: Emulated, name: str, location: str) -> None:
    azure.reset()
    assert run("aks_cluster", **GROUP, name=name, location=location)["cluster"]["name"] == name


@settings(fuzzed, max_examples=25)
@given(name=inputs.VAULT.right, object_id=inputs.GUID.right)
def test_names_and_ids_that_azure_takes_for_vaults_are_taken(run: Run, azure: Emulated, name: str, object_id: str) -> None:
    azure.reset()
    properties = {"tenantId": azure.state.tenant, "sku": {"family": "A", "name": "standard"}, "enableRbacAuthorization": False, "accessPolicies": []}
    body: Any = {"location": "eastus", "properties": properties}
    vaults = session(azure).vaults.vaults
    vaults.begin_create_or_update("image-trust-lab", name, body, polling=False)
    result = run("keyvault_access_policy", **GROUP, vault_name=name, object_id=object_id, permissions={"secrets": ["get"]})
    assert result["access_policy"]["object_id"] == object_id


@settings(fuzzed, max_examples=15)
@given(name=inputs.REGISTRY.right)
def test_names_that_azure_takes_for_registries_are_taken(run: Run, azure: Emulated, name: str) -> None:
    new_registry(azure.state, "image-trust-lab", name, "eastus")
    assert run("registry_info", **GROUP, name=name)["registry"]["name"] == name
