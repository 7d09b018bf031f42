from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._arm import federated_credentials as _federation
from ansible_collections.image_trust.azure.plugins.module_utils._azure.clouds import CLOUDS
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError

from lab.azure.arm.identities import new_identity
from lab.azure.state import FederatedCredential, Identity
from tests.support.emulated import Emulated
from tests.support.module_runs import Run, failure, session

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
    line = f"lab1 {key.removesuffix('s')}: {value[0] if isinstance(value, list) else value}\n"
    assert line in result["diff"]["after"]
    assert line not in result["diff"]["before"]
    assert result["diff"]["before_header"] == "federated credentials of identity ratify in resource group image-trust-lab"


@pytest.mark.usefixtures("ratify")
@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_a_credential_that_another_cluster_uses_is_left_to_it_while_that_exists(run: Run, azure: Emulated, check: bool) -> None:
    group = {"resource_group": "image-trust-lab"}
    blue = run("aks_cluster", **group, name="blue", oidc_issuer=True)["cluster"]["issuer_url"]
    assert run(MODULE, **{**LAB1, "issuer": blue}, change_issuer=False)["changed"]
    assert not run(MODULE, **{**LAB1, "issuer": blue}, change_issuer=False)["changed"]
    assert len(azure.reads) == 1

    sentence = failure(run(MODULE, check=check, **LAB1, change_issuer=False))
    assert sentence.startswith(f"The federated credential lab1 trusts the issuer {blue} of cluster blue in resource group image-trust-lab, which could not")
    assert azure.writes == []
    azure.fail(method="GET", path="/managedClusters$", status=403, code="AuthorizationFailed", count=1)
    assert "Could not list the clusters of the subscription" in failure(run(MODULE, check=check, **LAB1, change_issuer=False))
    assert azure.writes == []

    run("aks_cluster", **group, name="blue", state="absent")
    assert run(MODULE, check=check, **LAB1, change_issuer=False)["changed"]


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
        wanted = _federation.FederatedCredential(f"lab{number}", ISSUER, f"subject{number}")
        _federation.apply(session(azure), parent, _federation.plan((), [wanted]))

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


IDENTITY = {"resource_group": "image-trust-lab", "identity_name": "ratify"}


def lab(number: int, subject: str = SUBJECT) -> dict[str, Any]:
    return {"name": f"lab{number}", "issuer": f"{ISSUER}{number}/", "subject": subject}


def kept(identity: Identity) -> dict[str, tuple[str, str]]:
    return {credential.name: (credential.issuer, credential.subject) for credential in identity.credentials.values()}


def path(identity: Identity, name: str) -> str:
    return f"{identity.id.replace('resourcegroups', 'resourceGroups')}/federatedIdentityCredentials/{name}"


def test_a_set_is_converged_with_one_read_and_others_stay(converge: Run, ratify: Identity, azure: Emulated) -> None:
    result = converge(MODULE, **IDENTITY, credentials=[lab(1), {**lab(2), "audiences": ["api://other"]}], audiences=["api://ours"])
    assert result["writes"] == [f"PUT {path(ratify, 'lab1')}", f"PUT {path(ratify, 'lab2')}"]
    assert [credential["audiences"] for credential in result["federated_credentials"]] == [["api://ours"], ["api://other"]]
    assert [credential["id"] for credential in result["federated_credentials"]] == [
        f"{ratify.id}/federatedIdentityCredentials/{name}" for name in ("lab1", "lab2")
    ]
    assert "federated_credential" not in result
    assert kept(ratify).keys() == {"other", "lab1", "lab2"}
    only_one = converge(MODULE, **IDENTITY, credentials=[lab(1), {**lab(2), "subject": "new"}], audiences=["api://ours"])
    assert only_one["writes"] == [f"PUT {path(ratify, 'lab2')}"]


def test_exact_removes_what_is_not_listed_and_the_diff_says_so(converge: Run, ratify: Identity) -> None:
    result = converge(MODULE, **IDENTITY, credentials=[lab(1)], exact=True)
    assert result["writes"] == [f"DELETE {path(ratify, 'other')}", f"PUT {path(ratify, 'lab1')}"]
    assert kept(ratify).keys() == {"lab1"}
    assert "other subject: system:serviceaccount:default:other\n" in result["diff"]["before"]
    assert "other" not in result["diff"]["after"]
    assert converge(MODULE, **IDENTITY, credentials=[], exact=True)["federated_credentials"] == []
    assert kept(ratify) == {}


def test_an_empty_list_changes_nothing(converge: Run, ratify: Identity) -> None:
    assert not converge(MODULE, **IDENTITY, credentials=[])["changed"]


def test_exact_gives_a_credential_another_name(converge: Run, ratify: Identity) -> None:
    converge(MODULE, **IDENTITY, credentials=[{"name": "renamed", "issuer": ISSUER, "subject": "system:serviceaccount:default:other"}], exact=True)
    assert kept(ratify) == {"renamed": (ISSUER, "system:serviceaccount:default:other")}


def test_credentials_can_swap_what_they_trust(converge: Run, ratify: Identity) -> None:
    converge(MODULE, **IDENTITY, credentials=[lab(1), lab(2)])
    swapped = [{**lab(1), "name": "lab2"}, {**lab(2), "name": "lab1"}]
    result = converge(MODULE, **IDENTITY, credentials=swapped)
    assert len(result["writes"]) == 3
    assert kept(ratify) | {} == {**kept(ratify), "lab1": (f"{ISSUER}2/", SUBJECT), "lab2": (f"{ISSUER}1/", SUBJECT)}
    assert {c["name"]: c["issuer"] for c in result["federated_credentials"]} == {"lab1": f"{ISSUER}2/", "lab2": f"{ISSUER}1/"}


def test_a_full_identity_is_changed_exactly(converge: Run, ratify: Identity) -> None:
    converge(MODULE, **IDENTITY, credentials=[lab(number) for number in range(1, 20)])
    converge(MODULE, **IDENTITY, credentials=[lab(number) for number in range(10, 30)], exact=True)
    assert kept(ratify).keys() == {f"lab{number}" for number in range(10, 30)}


def test_absent_removes_what_is_listed_and_no_more(converge: Run, ratify: Identity) -> None:
    converge(MODULE, **IDENTITY, credentials=[lab(1), lab(2)])
    result = converge(MODULE, **IDENTITY, credentials=[{"name": "LAB1"}, {"name": "nobody"}], state="absent", exact=True)
    assert result["federated_credentials"] == []
    assert kept(ratify).keys() == {"other", "lab2"}


@pytest.mark.parametrize(
    ("credentials", "sentence"),
    [
        ([lab(1), {**lab(2), "name": "LAB1"}], "credentials names LAB1 twice"),
        ([lab(1), {**lab(1), "name": "lab2"}], "twice, as lab1 and lab2; name it once."),
        ([lab(1), {**lab(2), "issuer": "http://x"}], "credentials[1]: issuer is 'http://x', but must be an https URL"),
        ([lab(1), {"name": "lab2", "issuer": ISSUER}], "credentials[1]: subject is '', but must be without blanks"),
        ([{"name": "lab2", "subject": SUBJECT}], "credentials[0]: issuer is empty; "),
        ([{**lab(1), "audiences": []}], "credentials[0]: audiences has 0 entries"),
        ([lab(number) for number in range(21)], "credentials has 21 entries, but Azure allows 20"),
    ],
)
def test_a_bad_list_is_refused_before_any_request(run: Run, azure: Emulated, credentials: list[dict[str, Any]], sentence: str) -> None:
    assert sentence in failure(run(MODULE, **IDENTITY, credentials=credentials))
    assert azure.requests == []


@pytest.mark.parametrize(
    ("credentials", "sentence"),
    [
        ([lab(1), {"name": "lab2", "issuer": ISSUER, "subject": "system:serviceaccount:default:other"}], "already trusted under the name other; use that name"),
        ([lab(number) for number in range(1, 21)], "cannot be added; remove one of other, or use a second identity."),
    ],
)
def test_what_azure_would_refuse_is_refused_before_any_write(
    run: Run, ratify: Identity, azure: Emulated, credentials: list[dict[str, Any]], sentence: str
) -> None:
    for check in (True, False):
        assert sentence in failure(run(MODULE, check=check, **IDENTITY, credentials=credentials))
        assert azure.writes == []


@pytest.mark.parametrize(
    "options",
    [
        {},
        {**LAB1, "credentials": []},
        {**IDENTITY, "issuer": ISSUER, "credentials": []},
        {**LAB1, "exact": True},
        NAME,
    ],
)
def test_either_one_or_a_list_is_asked_for(run: Run, azure: Emulated, options: dict[str, Any]) -> None:
    assert run(MODULE, **{**IDENTITY, **options})["failed"]
    assert azure.requests == []


def test_in_check_mode_a_list_s_issuers_need_not_be_known(run: Run) -> None:
    result = run(MODULE, check=True, **IDENTITY, credentials=[{**lab(1), "issuer": ""}, {**lab(2), "issuer": None}])
    assert result["changed"]
    assert [credential["issuer"] for credential in result["federated_credentials"]] == [None, None]
    assert "lab2 issuer: (known afterwards)\n" in result["diff"]["after"]


def test_a_set_that_is_half_written_says_what_is_done_and_a_second_run_goes_on(run: Run, converge: Run, ratify: Identity, azure: Emulated) -> None:
    options = {**IDENTITY, "credentials": [lab(1), lab(2), lab(3)], "exact": True}
    azure.fail(method="PUT", path="lab2", status=403, code="AuthorizationFailed", count=1)
    result = run(MODULE, **options)
    assert failure(result).startswith("Could not create the federated credential lab2 of identity ratify in resource group image-trust-lab: ")
    assert result["msg"].endswith(
        " Done before it: remove the federated credential other, create the federated credential lab1."
        " Not done: create the federated credential lab2, create the federated credential lab3."
    )
    assert result["changed"]
    assert result["done"] == ["remove the federated credential other", "create the federated credential lab1"]
    assert result["not_done"] == ["create the federated credential lab2", "create the federated credential lab3"]
    assert kept(ratify).keys() == {"lab1"}
    assert len(converge(MODULE, **options)["writes"]) == 2


def test_a_set_whose_place_another_writer_took_is_refused_with_the_reason_and_what_was_done(ratify: Identity, azure: Emulated) -> None:
    login, parent = session(azure), _federation.Parent("image-trust-lab", "ratify")
    wanted = [_federation.FederatedCredential(**lab(number)) for number in (1, 2)]
    changes = _federation.plan(_federation.read(login, parent) or (), wanted)
    ratify.credentials["theirs"] = FederatedCredential("theirs", f"{ISSUER}2/", SUBJECT, ["api://AzureADTokenExchange"])
    with pytest.raises(
        ModuleError, match=r"already trusted under the name theirs; .* Done before it: create the federated credential lab1\. Not done: "
    ) as failure:
        _federation.apply(login, parent, changes)
    assert failure.value.results["changed"]
