"""The module run whole against a stand-in for the API server that keeps objects, fills in a field of its own, and takes dry runs, as the real one does.

What the real one does with each kind, tests/e2e/test_drift.py shows.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule

from .discovery import kind, point_at
from .exact_api import AUTOSCALERS, RUNNING, WEBHOOK, Api, Json, api, item, record, run

__all__ = ["api"]

SECRETS = "/api/v1/namespaces/trust/secrets"
WEBHOOKS = "/apis/hooks/v1/webhooks"
DEPLOYMENTS = "/apis/apps/v1/namespaces/trust/deployments"


def converge(api: Api, **options: Any) -> Json:
    """Check, run, run again; what the run answers. Check and second run write nothing; check and run agree."""
    predicted = run(api, check=True, **options)
    assert api.writes == []
    result = run(api, **options)
    writes = list(api.writes)
    assert "failed" not in result, result
    assert (predicted["changed"], predicted["objects"]) == (result["changed"], result["objects"])
    assert result["changed"] is bool(writes)
    again = run(api, **options)
    assert (again["changed"], again["objects"], api.writes) == (False, [], [])
    return {**result, "writes": writes}


DEPLOYMENT = item("web", "Deployment", "apps/v1", "trust", spec={"replicas": 1})


def test_what_is_not_there_is_made(api: Api) -> None:
    result = converge(api, definitions=[WEBHOOK])
    assert result["writes"] == [f"POST {WEBHOOKS}"]
    assert result["objects"] == [{"kind": "Webhook", "name": "ask", "namespace": None, "title": "Webhook ask"}]
    assert "Webhook ask webhooks policy: Fail\n" in result["diff"]["after"]


@pytest.mark.parametrize(
    "change",
    [
        {"webhooks": [{"name": "a", "policy": "Ignore"}]},
        {"webhooks": [{"name": "a", "policy": "Fail", "selector": {"x": "y"}}]},
        {"webhooks": [{"name": "a"}]},
        {"webhooks": []},
        {"more": True},
        {"metadata": {"name": "ask", "labels": {"by": "hand"}}},
    ],
    ids=["value", "field added", "field taken out", "entry taken out", "added beside", "label"],
)
def test_what_was_changed_is_replaced_and_never_deleted(api: Api, change: Json) -> None:
    run(api, definitions=[WEBHOOK])
    api.objects[f"{WEBHOOKS}/ask"] |= change
    result = converge(api, definitions=[WEBHOOK])
    assert result["writes"] == [f"PUT {WEBHOOKS}/ask"]
    assert result["titles"] == ["Webhook ask"]
    assert result["diff"]["before"] != result["diff"]["after"]


def test_what_others_fill_in_and_annotate_is_no_change_and_stays(api: Api) -> None:
    run(api, definitions=[WEBHOOK])
    stored = api.objects[f"{WEBHOOKS}/ask"]
    stored["webhooks"] = [{"name": "a", "policy": "Fail", "ca": "theirs"}]
    stored["metadata"]["annotations"] = {"break-glass": "closed"}
    preserved = [{"kind": "Webhook", "field": ["webhooks", "*", "ca"]}]
    assert run(api, definitions=[WEBHOOK], preserved=preserved)["changed"] is False
    stored["webhooks"][0]["policy"] = "Ignore"
    converge(api, definitions=[WEBHOOK], preserved=preserved)
    assert api.objects[f"{WEBHOOKS}/ask"]["webhooks"] == [{"name": "a", "policy": "Fail", "ca": "theirs"}]
    assert api.objects[f"{WEBHOOKS}/ask"]["metadata"]["annotations"] == {"break-glass": "closed"}


def test_labels_of_others_on_a_namespace_stay_and_given_ones_are_restored(api: Api) -> None:
    namespace = item("trust", "Namespace", "v1")
    namespace["metadata"]["labels"] = {"enforce": "restricted"}
    run(api, definitions=[namespace])
    stored = api.objects["/api/v1/namespaces/trust"]
    stored["metadata"]["labels"] |= {"kubernetes.io/metadata.name": "trust", "team": "web"}
    assert run(api, definitions=[namespace])["changed"] is False
    stored["metadata"]["labels"]["enforce"] = "privileged"
    assert converge(api, definitions=[namespace])["writes"] == ["PUT /api/v1/namespaces/trust"]
    labels = {"enforce": "restricted", "kubernetes.io/metadata.name": "trust", "team": "web"}
    assert api.objects["/api/v1/namespaces/trust"]["metadata"]["labels"] == labels


def test_a_kind_that_is_listed_and_not_served_yet_is_waited_for(api: Api) -> None:
    api.refusals[WEBHOOKS] = [404, 404]
    result = run(api, definitions=[WEBHOOK])
    assert (result["changed"], api.writes) == (True, [f"POST {WEBHOOKS}"] * 3)
    del api.objects[f"{WEBHOOKS}/ask"]
    api.refusals[WEBHOOKS] = [404] * 99
    assert "refused with 404" in run(api, definitions=[WEBHOOK], wait_timeout=1)["msg"]


def test_a_namespace_that_is_not_there_is_not_waited_for(api: Api) -> None:
    api.refusals[DEPLOYMENTS] = [404, 404]
    assert "refused with 404" in run(api, definitions=[DEPLOYMENT])["msg"]
    assert api.writes == [f"POST {DEPLOYMENTS}"]


def test_what_another_client_writes_meanwhile_is_read_again(api: Api) -> None:
    run(api, definitions=[WEBHOOK])
    api.objects[f"{WEBHOOKS}/ask"]["webhooks"] = []
    api.refusals[f"{WEBHOOKS}/ask"] = [409, 409]
    assert run(api, definitions=[WEBHOOK])["changed"] is True
    api.refusals[f"{WEBHOOKS}/ask"] = [409] * 5
    assert "refused with 409" in run(api, definitions=[WEBHOOK])["msg"]


def test_a_check_goes_on_where_a_webhook_does_not_answer_and_says_of_what_it_knows_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _, text: warned.append(text))  # or Ansible repeats it in each later run of this process
    run(api, definitions=[WEBHOOK, DEPLOYMENT])
    api.objects[f"{WEBHOOKS}/ask"]["webhooks"] = []
    api.objects[f"{DEPLOYMENTS}/web"]["spec"] = {"replicas": 0}
    api.refusals[f"{WEBHOOKS}/ask"] = [500]
    predicted = run(api, check=True, definitions=[WEBHOOK, DEPLOYMENT])
    assert ([each["name"] for each in predicted["objects"]], predicted["unpredicted"]) == (["web"], ["Webhook ask"])
    assert warned == ["Whether this changes is not known, for a webhook does not answer that has to be asked: Webhook ask."]
    assert run(api, check=True, definitions=[WEBHOOK])["unpredicted"] == []
    api.refusals[f"{WEBHOOKS}/ask"] = [500]
    assert "failed calling webhook" in run(api, definitions=[WEBHOOK])["msg"]


def test_fields_that_cannot_be_changed_are_restored_by_recreating_but_not_those_of_a_webhook(api: Api) -> None:
    run(api, definitions=[DEPLOYMENT, WEBHOOK])
    path = f"{DEPLOYMENTS}/web"
    api.objects[path]["spec"] = {"replicas": 1, "selector": "another"}
    api.refusals[path] = [422]
    assert run(api, check=True, definitions=[DEPLOYMENT])["changed"] is True
    api.refusals[path] = [422]
    assert run(api, definitions=[DEPLOYMENT])["changed"] is True
    assert api.writes == [f"DELETE {path}", f"POST {DEPLOYMENTS}"]

    api.objects[f"{WEBHOOKS}/ask"]["webhooks"] = []
    api.refusals[f"{WEBHOOKS}/ask"] = [422]
    refused = run(api, definitions=[WEBHOOK])
    assert f"it refuses PUT {WEBHOOKS}/ask: HTTP 422 refused with 422" in refused["msg"]
    assert api.writes == []


def test_what_the_cluster_would_not_take_again_is_not_deleted(api: Api) -> None:
    run(api, definitions=[DEPLOYMENT])
    api.objects[f"{DEPLOYMENTS}/web"]["spec"] = {"replicas": 2}
    api.refusals |= {f"{DEPLOYMENTS}/web": [422], DEPLOYMENTS: [422]}
    refused = run(api, definitions=[DEPLOYMENT])
    assert f"it refuses PUT {DEPLOYMENTS}/web: HTTP 422 refused with 422" in refused["msg"]
    assert f"{DEPLOYMENTS}/web" in api.objects
    assert api.writes == []


@pytest.mark.parametrize(("name", "plural", "version"), [("Volume", "volumes", "v1"), ("Claim", "claims", "v1"), ("StatefulSet", "statefulsets", "apps/v1")])
def test_what_would_lose_something_is_never_recreated(api: Api, name: str, plural: str, version: str) -> None:
    api.kinds[version].append(kind(name, plural, namespaced=False))
    given = item("it", name, version, labels={"not": "a label!"})
    run(api, definitions=[given])
    path = f"{'/apis' if '/' in version else '/api'}/{version}/{plural}/it"
    api.objects[path]["labels"] = {}
    api.refusals[path] = [422]
    assert "HTTP 422" in run(api, definitions=[given])["msg"]
    assert (path in api.objects, api.writes) == (True, [])


def test_what_goes_slowly_is_recreated_when_it_is_gone(api: Api) -> None:
    run(api, definitions=[DEPLOYMENT])
    path = f"{DEPLOYMENTS}/web"
    api.objects[path]["spec"] = {"replicas": 2}
    api.refusals[path] = [422]
    api.slow = 2
    assert run(api, definitions=[DEPLOYMENT])["changed"] is True
    assert api.objects[path]["spec"] == {"replicas": 1}


def test_no_definitions_are_no_question(api: Api) -> None:
    result = run(api, definitions=[])
    assert (result["titles"], api.asked) == ([], [])


def test_on_a_cluster_that_does_not_exist_yet_a_check_creates_everything_and_a_run_is_an_error(api: Api) -> None:
    api.kubeconfig = api.kubeconfig.with_name("of-no-cluster")
    predicted = run(api, check=True, definitions=[WEBHOOK, DEPLOYMENT])
    assert (predicted["changed"], predicted["titles"]) == (True, [each["title"] for each in predicted["objects"]])
    assert "kind: Webhook" in predicted["diff"]["after"]
    assert predicted["diff"]["before"] == ""
    assert "cannot be used" in run(api, definitions=[WEBHOOK])["msg"]
    assert api.asked == []


def test_on_a_cluster_that_does_not_exist_yet_a_check_knows_no_objects_of_a_release_and_nothing_to_delete(api: Api) -> None:
    api.kubeconfig = api.kubeconfig.with_name("of-no-cluster")
    predicted = run(api, check=True, definitions=[WEBHOOK], **RELEASE)
    assert (predicted["changed"], predicted["titles"]) == (True, ["Webhook ask"])
    assert run(api, check=True, absent=[WEBHOOK], **RELEASE)["changed"] is False


def test_a_deployment_that_was_changed_is_waited_for(api: Api) -> None:
    run(api, definitions=[DEPLOYMENT])
    api.objects[f"{DEPLOYMENTS}/web"] |= {"spec": {"replicas": 0}, "status": {**RUNNING, "availableReplicas": 0}}
    assert "Deployment trust/web is not rolled out after 2 s" in run(api, definitions=[DEPLOYMENT])["msg"]
    assert api.objects[f"{DEPLOYMENTS}/web"]["spec"] == {"replicas": 1}


@pytest.mark.parametrize(("pods", "stay"), [(0, 1), (1, 1), (2, 2), (4, 4), (5, 1)])
def test_an_autoscaler_may_add_pods_up_to_its_maximum_and_never_take_one_away(api: Api, pods: int, stay: int) -> None:
    run(api, definitions=[DEPLOYMENT])
    scaled = {"spec": {"minReplicas": 0, "maxReplicas": 4, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}}
    api.objects[f"{AUTOSCALERS}/web"] = scaled
    api.objects[f"{DEPLOYMENTS}/web"]["spec"] = {"replicas": pods}
    assert converge(api, definitions=[DEPLOYMENT])["changed"] == (pods != stay)
    assert api.objects[f"{DEPLOYMENTS}/web"]["spec"] == {"replicas": stay}


def test_what_an_autoscaler_added_stays_when_something_else_is_restored(api: Api) -> None:
    run(api, definitions=[DEPLOYMENT])
    api.objects[f"{AUTOSCALERS}/web"] = {"spec": {"maxReplicas": 4, "scaleTargetRef": {"kind": "Deployment", "name": "web"}}}
    running = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
    api.objects[f"{DEPLOYMENTS}/web"] |= {"spec": {"replicas": 3, "paused": True}, "status": running}
    assert converge(api, definitions=[DEPLOYMENT])["changed"] is True
    assert api.objects[f"{DEPLOYMENTS}/web"]["spec"] == {"replicas": 3}


def test_pods_that_start_with_what_was_missing_do_not_start_twice(api: Api) -> None:
    assert converge(api, definitions=[item("web", "ConfigMap", "v1", "trust"), DEPLOYMENT])["writes"] == [
        "POST /api/v1/namespaces/trust/configmaps",
        f"POST {DEPLOYMENTS}",
    ]


def test_pods_are_restarted_when_what_they_read_at_their_start_was_changed(api: Api) -> None:
    config = item("web", "ConfigMap", "v1", "trust", data={"config.json": "{}"})
    run(api, definitions=[config, DEPLOYMENT])
    api.objects["/api/v1/namespaces/trust/configmaps/web"]["data"] = {}
    assert converge(api, definitions=[config, DEPLOYMENT])["writes"] == ["PUT /api/v1/namespaces/trust/configmaps/web", f"PATCH {DEPLOYMENTS}/web"]


RELEASE: Json = {"release": "web", "release_namespace": "trust"}


def test_a_releases_objects_are_those_of_its_record(api: Api) -> None:
    api.objects[f"{SECRETS}/web.v1"] = record(item("web", "Secret", "v1", stringData={"key": "s3cret"}), WEBHOOK)
    result = converge(api, **RELEASE)
    assert result["titles"] == ["Secret trust/web", "Webhook ask"]
    assert result["writes"] == [f"POST {SECRETS}", f"POST {WEBHOOKS}"]
    assert api.objects[f"{WEBHOOKS}/ask"]["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "Helm"}
    assert "s3cret" not in json.dumps(result)


def test_definitions_come_before_the_objects_of_the_release_in_one_call(api: Api) -> None:
    api.objects[f"{SECRETS}/web.v1"] = record(WEBHOOK)
    config = item("web", "ConfigMap", "v1", "trust")
    result = converge(api, definitions=[config, DEPLOYMENT], **RELEASE)
    assert result["titles"] == ["ConfigMap trust/web", "Deployment trust/web", "Webhook ask"]
    assert [write.partition(" ")[0] for write in result["writes"]] == ["POST"] * 3
    api.objects["/api/v1/namespaces/trust/configmaps/web"]["data"] = {"by": "hand"}
    del api.objects[f"{WEBHOOKS}/ask"]
    writes = ["PUT /api/v1/namespaces/trust/configmaps/web", f"POST {WEBHOOKS}", f"PATCH {DEPLOYMENTS}/web"]
    assert converge(api, definitions=[config, DEPLOYMENT], **RELEASE)["writes"] == writes


def test_a_release_is_looked_for_in_a_namespace(api: Api) -> None:
    assert "release_namespace" in run(api, release="web")["msg"]


def test_where_there_is_no_release_there_is_nothing_to_do(api: Api) -> None:
    assert run(api, **RELEASE)["titles"] == []


def test_an_edited_record_is_an_error_that_says_what_to_do(api: Api) -> None:
    api.objects[f"{SECRETS}/web.v1"] = record(WEBHOOK, manager="kubectl-edit")
    refused = run(api, **RELEASE)
    assert refused["msg"].startswith("The record of Helm's release web, Secret trust/web.v1, was changed by kubectl-edit")
    assert api.writes == []


def test_a_definition_that_is_missing_comes_before_what_it_defines_and_a_check_predicts_both(api: Api) -> None:
    definition = item("things.example", "CustomResourceDefinition", "apiextensions.k8s.io/v1")
    result = converge(api, definitions=[definition, item("it", "Thing", "things/v1")])
    assert [each["title"] for each in result["objects"]] == ["CustomResourceDefinition things.example", "Thing it"]


def test_an_unknown_kind_is_an_error_after_a_while(api: Api) -> None:
    assert "the cluster knows no Thing of things/v1 after 2 s" in run(api, definitions=[item("it", "Thing", "things/v1")])["msg"]


@pytest.mark.parametrize("content", ["token: [s3cret", "s3cret", "[s3cret]"])
def test_a_kubeconfig_that_is_none_is_an_error_that_quotes_nothing(api: Api, content: str) -> None:
    api.kubeconfig.write_text(content)
    refused = run(api, definitions=[WEBHOOK])
    assert f"the kubeconfig {api.kubeconfig} cannot be used: it is no YAML of that form" in refused["msg"]
    assert "s3cret" not in json.dumps(refused)


@pytest.mark.parametrize("given", [{}, {"kind": "Webhook"}, {**WEBHOOK, "metadata": {}}, {**WEBHOOK, "metadata": None}])
def test_a_definition_without_a_name_is_an_error(api: Api, given: Json) -> None:
    assert "needs apiVersion, kind and metadata with a name" in run(api, definitions=[WEBHOOK, given])["msg"]
    assert api.writes == []


def test_a_cluster_that_does_not_answer_is_an_error(api: Api) -> None:
    point_at(api.kubeconfig, 1)
    assert "it does not answer" in run(api, **RELEASE)["msg"]


THING = item("it", "Thing", "things/v1")


def test_what_is_to_be_absent_is_deleted_in_order_with_what_it_owns_after_the_rest_was_restored(api: Api) -> None:
    config = item("web", "ConfigMap", "v1", "trust")
    run(api, definitions=[WEBHOOK, DEPLOYMENT])
    predicted = run(api, check=True, definitions=[config], absent=[DEPLOYMENT, WEBHOOK])
    assert (predicted["changed"], api.writes) == (True, [])
    result = run(api, definitions=[config], absent=[DEPLOYMENT, WEBHOOK])
    assert api.writes == ["POST /api/v1/namespaces/trust/configmaps", f"DELETE {DEPLOYMENTS}/web", f"DELETE {WEBHOOKS}/ask"]
    assert api.propagations == ["Foreground", "Foreground"]
    assert (result["changed"], [each["title"] for each in result["objects"]]) == (True, ["ConfigMap trust/web"])
    assert "Deployment trust/web spec replicas: 1\n" in result["diff"]["before"]
    assert "Deployment trust/web" not in result["diff"]["after"]
    assert list(api.objects) == ["/api/v1/namespaces/trust/configmaps/web"]
    again = run(api, definitions=[config], absent=[DEPLOYMENT, WEBHOOK])
    assert (again["changed"], api.writes) == (False, [])


def test_what_goes_slowly_is_waited_for_once_all_are_going(api: Api) -> None:
    run(api, definitions=[WEBHOOK, DEPLOYMENT])
    api.slow = 3
    assert run(api, absent=[WEBHOOK, DEPLOYMENT])["changed"] is True
    assert api.writes == [f"DELETE {WEBHOOKS}/ask", f"DELETE {DEPLOYMENTS}/web"]
    assert api.objects == {}


def test_what_does_not_go_is_an_error(api: Api) -> None:
    run(api, definitions=[WEBHOOK])
    api.slow = 1000
    assert "Webhook ask is still there after 2 s" in run(api, absent=[WEBHOOK])["msg"]


def test_a_kind_that_the_cluster_does_not_know_has_nothing_to_delete_and_is_not_waited_for(api: Api) -> None:
    assert converge(api, absent=[THING])["writes"] == []


@pytest.mark.parametrize("given", [{}, {"kind": "Webhook"}, {**WEBHOOK, "metadata": {}}, {**WEBHOOK, "metadata": None}])
def test_a_reference_without_a_name_deletes_nothing(api: Api, given: Json) -> None:
    run(api, definitions=[WEBHOOK])
    assert "Each of absent needs apiVersion, kind and metadata with a name" in run(api, absent=[WEBHOOK, given])["msg"]
    assert api.writes == []
