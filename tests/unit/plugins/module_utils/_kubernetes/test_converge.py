"""What an object is replaced by, what counts as another object, and what is shown of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.converge import ExactObject, Preserved, comparable, replacement

Json = dict[str, Any]
LIVE: Json = {
    "kind": "Thing",
    "metadata": {"name": "it", "uid": "1", "resourceVersion": "7", "managedFields": [{}], "labels": {"app": "it", "new": "x"}, "annotations": {"of": "others"}},
    "spec": {"mode": "Ignore", "selector": {"x": "y"}},
    "status": {"ready": True},
}
GIVEN: Json = {"kind": "Thing", "metadata": {"name": "it", "labels": {"app": "it"}, "annotations": {"our": "own"}}, "spec": {"mode": "Fail"}}


def test_all_decided_fields_are_as_given_and_what_the_cluster_keeps_stays() -> None:
    assert replacement(GIVEN, LIVE, []) == {
        "kind": "Thing",
        "metadata": {"name": "it", "uid": "1", "resourceVersion": "7", "labels": {"app": "it"}, "annotations": {"of": "others", "our": "own"}},
        "spec": {"mode": "Fail"},
        "status": {"ready": True},
    }


def test_labels_of_others_stay_on_a_namespace_alone() -> None:
    given, live = ({**each, "kind": "Namespace"} for each in (GIVEN, LIVE))
    assert replacement(given, live, [])["metadata"]["labels"] == {"app": "it", "new": "x"}
    changed = {**live, "metadata": {**live["metadata"], "labels": {"app": "other"}}}
    assert replacement(given, changed, [])["metadata"]["labels"] == {"app": "it"}
    assert replacement({**given, "metadata": {"name": "it"}}, {**live, "metadata": {"name": "it"}}, [])["metadata"]["labels"] == {}


@pytest.mark.parametrize(
    ("field", "given", "live", "expected"),
    [
        (("spec", "ca"), {"ca": "old"}, {"ca": "new", "x": 1}, {"ca": "new"}),
        (("spec", "ca"), {}, {"ca": "new"}, {"ca": "new"}),
        (("spec", "ca"), {"ca": "given"}, {}, {"ca": "given"}),
        (("spec", "notes", "a.b/c"), {"notes": None}, {"notes": {"a.b/c": "at", "x": 1}}, {"notes": {"a.b/c": "at"}}),
        (("spec", "notes", "a.b/c"), {"mode": "Fail"}, {"notes": {"x": 1}}, {"mode": "Fail"}),
        (("spec", "notes", "a.b/c"), {"mode": "Fail"}, {"notes": "text"}, {"mode": "Fail"}),
        (
            ("spec", "hooks", "*", "ca"),
            {"hooks": [{"name": "a"}, {"name": "b", "ca": ""}, {"name": "c"}]},
            {"hooks": [{"name": "z", "ca": "Z"}, {"name": "b", "ca": "B"}, {"name": "a", "ca": "A", "url": "https://evil"}]},
            {"hooks": [{"name": "a", "ca": "A"}, {"name": "b", "ca": "B"}, {"name": "c"}]},
        ),
        (("spec", "hooks", "*", "ca"), {"hooks": [{"name": "a"}]}, {}, {"hooks": [{"name": "a"}]}),
    ],
)
def test_a_preserved_field_stays_as_it_is_and_nothing_beside_it(field: tuple[str, ...], given: Json, live: Json, expected: Json) -> None:
    of_others = Preserved("Another", ("spec", "x"))
    assert replacement({**GIVEN, "spec": given}, {**LIVE, "spec": live}, [Preserved("Thing", field), of_others])["spec"] == expected


def test_an_object_is_another_when_anything_but_what_the_api_server_counts_has_changed() -> None:
    counted = {**LIVE, "metadata": {**LIVE["metadata"], "resourceVersion": "8", "generation": 2, "managedFields": []}, "status": {}}
    assert comparable(counted) == comparable(LIVE)
    assert comparable({**LIVE, "metadata": {**LIVE["metadata"], "labels": {"app": "it"}}}) != comparable(LIVE)
    assert comparable({**LIVE, "rules": []}) != comparable(LIVE)


def test_no_secret_is_shown() -> None:
    container = {"name": "it", "env": [{"name": "TOKEN", "value": "s3cret"}, {"name": "POD", "valueFrom": {}}]}
    shown = ExactObject({"kind": "Deployment", "metadata": {"name": "it"}, "spec": {"containers": [container]}}).compared()["Deployment it"]
    assert shown["spec"]["containers"][0]["env"] == [{"name": "TOKEN", "value": "(not shown)"}, {"name": "POD", "valueFrom": {}}]
    applied = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"key":"czNjcmV0"}}', "of": "others"}
    annotated = ExactObject({"kind": "Secret", "metadata": {"name": "it", "annotations": applied}}).compared()["Secret it"]
    assert annotated["metadata"]["annotations"] == {"kubectl.kubernetes.io/last-applied-configuration": "(not shown)", "of": "others"}
    secret = ExactObject({"kind": "Secret", "metadata": {"name": "it", "namespace": "ns"}, "data": {"key": "czNjcmV0"}, "type": "Opaque"}).compared()
    assert secret == {"Secret ns/it": {"kind": "Secret", "metadata": {"name": "it", "namespace": "ns"}, "data": {"key": "(not shown)"}, "type": "Opaque"}}
