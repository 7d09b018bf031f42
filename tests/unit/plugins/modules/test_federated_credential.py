from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils import _federation
from ansible_collections.image_trust.azure.plugins.module_utils._azure.clouds import CLOUDS
from ansible_collections.image_trust.azure.plugins.module_utils._azure.credentials import Login
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import Azure

from lab.azure.arm.identities import new_identity
from lab.azure.state import FederatedCredential, Identity
from tests.emulated import CLIENT_ID, SECRET, Emulated
from tests.module_runs import Run, failure

MODULE = "federated_credential"
ISSUER = "https://eastus.oic.prod-aks.azure.com/11111111-1111-1111-1111-111111111111/d2d4aa6f-0d0b-4a55-9e1f-2d8d0f0b9b10/"
SUBJECT = "system:serviceaccount:gatekeeper-system:ratify-admin"
NAME = {"resource_group": "image-trust-lab", "identity_name": "ratify", "name": "lab1"}
LAB1 = {**NAME, "issuer": ISSUER, "subject": SUBJECT}


@pytest.fixture
def ratify(azure: Emulated) -> Identity:
    identity = new_identity(azure.state, "image-trust-lab", "ratify", "eastus")
    identity.credentials["other"] = FederatedCredential("other", ISSUER, "system:serviceaccount:default:other", ["api://AzureADTokenExchange"])
    return identity


def test_a_credential_is_created_with_the_issuer_byte_for_byte(converge: Run, ratify: Identity) -> None:
    result = converge(MODULE, **LAB1)
    assert result["changed"]
    assert result["federated_credential"] == {
        "id": f"{ratify.id}/federatedIdentityCredentials/lab1",
        "name": "lab1",
        "issuer": ISSUER,
        "subject": SUBJECT,
        "audiences": ["api://AzureADTokenExchange"],
    }
    assert ratify.credentials["lab1"].issuer == ISSUER
    assert ratify.credentials.keys() == {"other", "lab1"}


@pytest.mark.parametrize("change", [{"issuer": ISSUER.rstrip("/")}, {"subject": SUBJECT + "2"}, {"audiences": ["api://other"]}])
def test_a_change_is_written_and_shown(converge: Run, ratify: Identity, change: dict[str, Any]) -> None:
    converge(MODULE, **LAB1)
    result = converge(MODULE, **{**LAB1, **change})
    (key, value) = next(iter(change.items()))
    assert result["changed"]
    assert result["diff"]["after"][key] == value != result["diff"]["before"][key]


def test_absent_removes_only_this_one(converge: Run, ratify: Identity) -> None:
    converge(MODULE, **LAB1)
    assert converge(MODULE, **NAME, state="absent")["federated_credential"] is None
    assert ratify.credentials.keys() == {"other"}


def test_absent_without_identity(run: Run, azure: Emulated) -> None:
    assert run(MODULE, **NAME, state="absent")["changed"] is False
    assert azure.writes == []


def test_an_identity_that_does_not_exist_is_named_and_nothing_is_written(run: Run, azure: Emulated) -> None:
    sentence = failure(run(MODULE, **LAB1))
    assert sentence.startswith("There is no identity ratify in resource group image-trust-lab; create it, or check identity_name")
    assert azure.writes == []


@pytest.mark.parametrize("issuer", [ISSUER, "", None])
def test_in_check_mode_neither_identity_nor_issuer_needs_to_exist(run: Run, issuer: str | None) -> None:
    result = run(MODULE, check=True, **{**LAB1, "issuer": issuer})
    assert result["changed"] is True
    assert result["federated_credential"]["id"] is None
    assert result["federated_credential"]["issuer"] == (issuer or None)


def test_outside_check_mode_an_empty_issuer_is_refused(run: Run, azure: Emulated) -> None:
    assert failure(run(MODULE, **{**LAB1, "issuer": ""})).startswith("issuer is empty; ")
    assert azure.requests == []


def test_the_same_trust_under_another_name_is_refused_with_that_name(run: Run, ratify: Identity, azure: Emulated) -> None:
    assert "already trusted under the name other" in failure(run(MODULE, **{**LAB1, "subject": "system:serviceaccount:default:other"}))
    assert azure.writes == []


def test_the_21st_is_refused_before_any_write(run: Run, ratify: Identity, azure: Emulated) -> None:
    for number in range(19):
        ratify.credentials[f"c{number}"] = FederatedCredential(f"c{number}", ISSUER, f"subject{number}", ["a"])
    assert "Azure allows 20, so lab1 cannot be added; remove one of c0, c1" in failure(run(MODULE, **LAB1))
    assert azure.writes == []


def test_writers_of_one_identity_wait_for_each_other(azure: Emulated, ratify: Identity) -> None:
    azure.state.settings.write_duration = 0.2
    parent = _federation.Parent("image-trust-lab", "ratify")

    def write(number: int) -> None:
        session = Azure(Login("client_secret", azure.state.subscription, azure.state.tenant, CLIENT_ID, SECRET), azure.azure.arm_url)
        wanted = _federation.FederatedCredential(f"lab{number}", ISSUER, f"subject{number}")
        _federation.apply(session, parent, _federation.plan((), wanted))

    with ThreadPoolExecutor() as threads:
        list(threads.map(write, range(3)))
    assert ratify.credentials.keys() == {"other", "lab0", "lab1", "lab2"}
    assert "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity" in {entry.error for entry in azure.requests}
    assert azure.azure.arm_url not in {cloud.resource_manager for cloud in CLOUDS.values()}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"issuer": ISSUER + " "}, "issuer is "),
        ({"issuer": "http://issuer/"}, "must be an https URL"),
        ({"subject": "a" * 601}, "subject has 601 characters"),
        ({"audiences": ["a", "b"]}, "audiences has 2 entries"),
        ({"audiences": []}, "audiences has 0 entries"),
        ({"name": "a"}, "name is 'a', but must be 3 to 120"),
        ({"identity_name": "a/b"}, "identity_name is 'a/b', but must be"),
        ({"resource_group": "a/b"}, "resource_group is 'a/b', but must be"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_input_is_refused_before_any_request(run: Run, azure: Emulated, wrong: dict[str, Any], sentence: str, check: bool) -> None:
    assert sentence in failure(run(MODULE, check=check, **{**LAB1, **wrong}))
    assert azure.requests == []
