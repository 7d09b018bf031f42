"""Many writers of one object, each a process of its own, as the hosts of a play and the jobs of a controller are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.azure.arm.identities import new_identity
from lab.azure.state import FederatedCredential, Identity, Vault
from tests.many.conftest import ROOT, Task, Together
from tests.support.emulated import Emulated
from tests.support.module_runs import failure

GROUP = {"resource_group": "image-trust-lab"}
LIMIT = 20
TENANT = "11111111-1111-1111-1111-111111111111"


@pytest.fixture
def ratify(azure: Emulated) -> Identity:
    return new_identity(azure.state, "image-trust-lab", "ratify", "eastus")


@pytest.fixture
def vault(azure: Emulated) -> Vault:
    vault = azure.state.vault_named("image-trust-lab")
    assert vault
    return vault


def credential(name: str) -> dict[str, Any]:
    return {
        **GROUP,
        "identity_name": "ratify",
        "name": name,
        "issuer": f"https://eastus.oic.prod-aks.azure.com/{name}/",
        "subject": "system:serviceaccount:a:b",
    }


def policy(number: int, **permissions: list[str]) -> dict[str, Any]:
    return {**GROUP, "vault_name": "image-trust-lab", "object_id": principal(number), "permissions": permissions}


def principal(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


def refused(azure: Emulated, code: str) -> int:
    """How often Azure refused a request with this code."""
    return sum(entry.error == code for entry in azure.requests)


def play(azure: Emulated, folder: Path, hosts: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """One run of ansible-playbook in which each host adds the credential of its name, all hosts at the same time."""
    task = {
        "image_trust.azure.federated_credential": {**credential("x"), "name": "{{ inventory_hostname }}", "issuer": "https://issuer/{{ inventory_hostname }}/"}
    }
    (folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    (folder / "inventory").write_text("".join(f"{host} ansible_connection=local ansible_python_interpreter={sys.executable}\n" for host in hosts))
    return subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "inventory", "--forks", str(len(hosts)), *arguments, "play.yml"],
        cwd=folder,
        env={**os.environ, **azure.environment, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_twenty_hosts_of_one_play_add_their_credentials_to_one_identity(azure: Emulated, ratify: Identity, tmp_path: Path) -> None:
    azure.state.settings.write_duration = 0.3
    hosts = [f"host{number:02}" for number in range(LIMIT)]
    done = play(azure, tmp_path, hosts)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(ratify.credentials) == hosts
    assert refused(azure, "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity") > 0, "the hosts never met: this proves nothing"
    assert len({c.issuer for c in ratify.credentials.values()}) == LIMIT

    azure.forget_requests()
    one_more = play(azure, tmp_path, ["host20"])
    assert one_more.returncode == 2
    assert "The identity has 20 federated credentials and Azure allows 20, so host20 cannot be added; remove one of host00, host01" in one_more.stdout
    assert "or use a second identity" in one_more.stdout
    assert azure.writes == []


def test_of_two_that_add_the_last_credential_at_the_same_time_one_is_refused_with_the_reason(azure: Emulated, ratify: Identity, together: Together) -> None:
    for number in range(LIMIT - 1):
        ratify.credentials[f"c{number}"] = FederatedCredential(f"c{number}", "https://issuer/", f"subject{number}", ["a"])
    # Both have read, and found room, when the first one writes.
    azure.fail(method="PUT", path="federatedIdentityCredentials", delay=1.0)
    names = ("lab1", "lab2")
    answers = [answers[0] for answers in together([[("federated_credential", credential(name))] for name in names])]
    assert len(ratify.credentials) == LIMIT
    (loser,) = (answer for answer in answers if answer.get("failed"))
    (name,) = set(names) - ratify.credentials.keys()
    assert {write.rpartition("/")[2] for write in azure.writes} == {*names}, "the second one saw the first one's credential: this proves nothing"
    assert f"Azure allows 20, so {name} cannot be added; remove one of c0, " in failure(loser)


def test_two_writers_of_one_vault_lose_no_entry(azure: Emulated, vault: Vault, together: Together) -> None:
    # As long as what a writer does between two writes takes on a busy machine, so that they meet there too.
    azure.state.settings.write_duration = 0.2
    each = 15
    work: list[list[Task]] = [[("keyvault_access_policy", policy(1000 * writer + n, secrets=["get"])) for n in range(each)] for writer in (1, 2)]
    answers = together(work)
    assert all(answer.get("changed") for answer in [*answers[0], *answers[1]]), answers
    entries = {entry["objectId"]: entry["permissions"] for entry in vault.properties["accessPolicies"]}
    assert entries == {principal(1000 * writer + n): {"secrets": ["get"]} for writer in (1, 2) for n in range(each)}
    assert refused(azure, "ConflictError") > 0, "the writers never met: this proves nothing"


def test_two_writers_of_one_principal_unite_their_permissions(azure: Emulated, vault: Vault, together: Together) -> None:
    azure.fail(method="PUT", path="accessPolicies", delay=1.0)
    answers = together([[("keyvault_access_policy", policy(1, **{kind: ["get"]}))] for kind in ("secrets", "certificates")])
    assert [answer[0]["changed"] for answer in answers] == [True, True]
    assert [entry["permissions"] for entry in vault.properties["accessPolicies"]] == [{"secrets": ["get"], "certificates": ["get"]}]


def test_a_thousand_policies_of_others_are_neither_touched_nor_sent(azure: Emulated, vault: Vault, together: Together) -> None:
    # Each in its own way, and with what this collection knows nothing of.
    theirs = [
        {
            "tenantId": TENANT.upper() if n % 2 else TENANT,
            "objectId": principal(n),
            "permissions": {"secrets": ["Get", "List"][n % 2 :], "unknown": [str(n)]},
            "n": n,
        }
        for n in range(1000)
    ]
    vault.properties["accessPolicies"] = list(theirs)
    before = json.dumps(theirs)
    tasks: list[Task] = [
        ("keyvault_access_policy", policy(5000, secrets=["get", "list"])),
        ("keyvault_access_policy", {**policy(5000, secrets=["get"]), "exact": True}),
        ("keyvault_access_policy", {**policy(5000), "permissions": None, "state": "absent"}),
    ]
    (answers,) = together([tasks])
    assert [answer["changed"] for answer in answers] == [True, True, True]
    assert json.dumps(vault.properties["accessPolicies"]) == before
    assert [write.rpartition("/")[2] for write in azure.writes] == ["add", "replace", "remove"]
    assert max(entry.request_bytes for entry in azure.requests) < 2000
