from __future__ import annotations

from tests.support.emulated import Emulated
from tests.support.module_runs import Run, failure

RATIFY = {"resource_group": "image-trust-lab", "name": "ratify"}
MODULE = "user_assigned_identity"


def test_an_identity_is_created_in_the_resource_group_s_location(converge: Run, azure: Emulated) -> None:
    result = converge(MODULE, **RATIFY)
    identity = result["identity"]
    (kept,) = azure.state.identities.values()
    assert result["changed"]
    assert identity == {
        "id": kept.id,
        "name": "ratify",
        "location": "eastus",
        "resource_group": "image-trust-lab",
        "principal_id": kept.principal_id,
        "client_id": kept.client_id,
        "tenant_id": azure.state.tenant,
        "tags": {},
    }


def test_tags_are_set_and_left_alone_when_not_given(converge: Run, azure: Emulated) -> None:
    assert converge(MODULE, **RATIFY, location="East US", tags={"team": "ops"})["identity"]["tags"] == {"team": "ops"}
    assert not converge(MODULE, **RATIFY)["changed"]
    result = converge(MODULE, **RATIFY, tags={"team": "dev", "number": 1})
    assert result["diff"] == {
        "before_header": "identity ratify in resource group image-trust-lab",
        "after_header": "identity ratify in resource group image-trust-lab",
        "before": "location: eastus\ntags team: ops\n",
        "after": "location: eastus\ntags number: 1\ntags team: dev\n",
    }
    assert [write.split()[0] for write in result["writes"]] == ["PATCH"]


def test_tags_can_join_those_that_are_there(converge: Run) -> None:
    converge(MODULE, **RATIFY, location="eastus", tags={"team": "ops", "policy": "owns this"})
    result = converge(MODULE, **RATIFY, tags={"team": "dev", "new": "1"}, append_tags=True)
    assert result["identity"]["tags"] == {"team": "dev", "policy": "owns this", "new": "1"}
    assert not converge(MODULE, **RATIFY, tags={}, append_tags=True)["changed"]
    assert converge(MODULE, **RATIFY, tags={})["identity"]["tags"] == {}


def test_the_name_of_a_tag_is_the_same_in_any_case_and_stays_as_it_was_written(converge: Run) -> None:
    converge(MODULE, **RATIFY, tags={"Team": "ops", "policy": "owns this"})
    result = converge(MODULE, **RATIFY, tags={"TEAM": "dev"}, append_tags=True)
    assert result["identity"]["tags"] == {"Team": "dev", "policy": "owns this"}
    assert not converge(MODULE, **RATIFY, tags={"team": "dev", "Policy": "owns this"})["changed"]


def test_a_tag_is_named_once_before_any_request(run: Run, azure: Emulated) -> None:
    for check in (True, False):
        sentence = failure(run(MODULE, check=check, **RATIFY, tags={"Team": "a", "team": "b"}))
        assert sentence == "tags names Team and team, which Azure takes for one; name it once."
        assert azure.requests == []


def test_case_of_names_does_not_matter(converge: Run) -> None:
    converge(MODULE, **RATIFY)
    assert not converge(MODULE, resource_group="IMAGE-TRUST-LAB", name="Ratify")["changed"]


def test_absent(converge: Run, azure: Emulated) -> None:
    converge(MODULE, **RATIFY)
    converge(MODULE, **{**RATIFY, "name": "other"})
    result = converge(MODULE, **RATIFY, state="absent")
    assert result["changed"]
    assert result["identity"] is None
    assert [identity.name for identity in azure.state.identities.values()] == ["other"]


def test_absent_where_not_even_the_resource_group_exists(run: Run) -> None:
    result = run(MODULE, resource_group="nowhere", name="ratify", state="absent")
    assert result["changed"] is False


def test_a_resource_group_that_does_not_exist_is_named_and_nothing_is_written(run: Run, azure: Emulated) -> None:
    sentence = failure(run(MODULE, resource_group="nowhere", name="ratify"))
    assert sentence == (
        "Could not find the location of resource group nowhere: Resource group 'nowhere' could not be found (ResourceGroupNotFound);"
        " check resource_group and subscription_id."
    )
    assert azure.writes == []


def test_in_check_mode_a_resource_group_that_does_not_exist_yet_is_no_error(run: Run) -> None:
    result = run(MODULE, check=True, resource_group="nowhere", name="ratify")
    assert result["changed"] is True
    assert result["identity"]["principal_id"] is None


def test_another_location_is_refused(run: Run, converge: Run, azure: Emulated) -> None:
    converge(MODULE, **RATIFY)
    assert "is in eastus and cannot be moved to westus" in failure(run(MODULE, **RATIFY, location="westus"))
    assert azure.writes == []
