"""What the record of a Helm release says about objects, and when it is not believed."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.helm import RecordError, Records, Revision, decoded, newest, objects, standing

from tests.support.cluster_states import helm_record

DEFINITION = "kind: CustomResourceDefinition\nmetadata: {name: stores.example}\n"
RECORD: dict[str, Any] = {
    "chart": {
        "files": [
            {"name": "README.md", "data": base64.b64encode(b"kind: Readme\nmetadata: {name: it}").decode()},
            {"name": "crds/stores.yaml", "data": base64.b64encode(DEFINITION.encode()).decode()},
        ]
    },
    "manifest": """---
# Source: web
kind: Service
metadata: {name: web, labels: {app: web}}
---

---
kind: Role
metadata: {name: web, namespace: other}
""",
    "hooks": [
        {"events": ["pre-install"], "delete_policies": ["before-hook-creation"], "manifest": "kind: Store\nmetadata: {name: oras}\nsince: 2026-01-02\n"},
        {"events": ["pre-install"], "delete_policies": ["hook-succeeded"], "manifest": "kind: Job\nmetadata: {name: upgrade}\n"},
        {"events": ["post-install"], "manifest": "kind: Note\nmetadata: {name: last}\n"},
        {"events": ["pre-delete", "post-delete"], "manifest": "kind: Job\nmetadata: {name: last-rites}\n"},
        {"events": ["pre-rollback"], "manifest": "kind: Job\nmetadata: {name: back}\n"},
        {"events": ["test"], "manifest": "kind: Pod\nmetadata: {name: test}\n"},
    ],
}
RELEASE = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "trust"}


def test_objects_come_in_helms_order_and_of_hooks_those_that_stay() -> None:
    assert objects(RECORD, "web", "trust") == [
        {"kind": "CustomResourceDefinition", "metadata": {"name": "stores.example", "namespace": "trust"}},
        {"kind": "Store", "metadata": {"name": "oras", "namespace": "trust"}, "since": "2026-01-02"},
        {
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "trust", "labels": {"app": "web", "app.kubernetes.io/managed-by": "Helm"}, "annotations": RELEASE},
        },
        {"kind": "Role", "metadata": {"name": "web", "namespace": "other", "labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": RELEASE}},
        {"kind": "Note", "metadata": {"name": "last", "namespace": "trust"}},
    ]


def test_a_chart_without_hooks_and_definitions_has_a_manifest() -> None:
    assert objects({"manifest": "kind: Node\nmetadata: {name: one}"}, "web", "trust")[0]["kind"] == "Node"


def secret(version: int = 1, status: str = "deployed", **entry: Any) -> dict[str, Any]:
    labels = {"name": "web", "owner": "helm", "status": status, "version": str(version)}
    wrote = {"manager": "Helm", "fieldsV1": {"f:data": {}}, **entry}
    data = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(RECORD).encode()))).decode()
    return {"metadata": {"name": f"web.v{version}", "namespace": "trust", "labels": labels, "managedFields": [wrote]}, "data": {"release": data}}


@pytest.mark.parametrize(
    ("secrets", "found"),
    [
        ([], None),
        ([secret(9, "superseded"), secret(10)], 10),
        ([secret(1), secret(2, "failed")], 2),
        ([secret(1), secret(2, "pending-upgrade")], None),
        ([secret(1, "uninstalling")], None),
    ],
    ids=["not installed", "upgraded", "failed", "at work", "going"],
)
def test_the_last_record_counts_unless_helm_is_at_work(secrets: list[dict[str, Any]], found: int | None) -> None:
    record = newest(secrets)
    assert (int(record["metadata"]["labels"]["version"]) if record else None) == found


@pytest.mark.parametrize(
    ("statuses", "stand"),
    [
        ([], []),
        (["deployed"], [1]),
        (["superseded", "superseded", "deployed"], [3]),
        (["deployed", "pending-upgrade"], [1, 2]),
        (["deployed", "failed", "pending-rollback"], [1, 2, 3]),
        (["failed", "deployed"], [2]),
        (["pending-install"], [1]),
        (["superseded", "pending-upgrade"], [1, 2]),
        (["superseded", "uninstalling"], [2]),
        ([*["superseded"] * 8, "deployed", "pending-upgrade"], [9, 10]),
    ],
)
def test_what_may_be_in_the_cluster_is_what_helm_finished_last_and_all_that_it_began_later(statuses: list[str], stand: list[int]) -> None:
    # As the API server lists them, by name: v10 before v2.
    secrets = sorted((secret(number, status) for number, status in enumerate(statuses, 1)), key=lambda each: each["metadata"]["name"])
    assert [int(each["metadata"]["labels"]["version"]) for each in standing(secrets)] == stand


def test_a_record_is_read_also_where_others_have_labelled_it() -> None:
    assert decoded(secret()) == RECORD
    assert decoded(secret(manager="kubectl-label", fieldsV1={"f:metadata": {}})) == RECORD


BROKEN = {"data": {"release": base64.b64encode(base64.b64encode(gzip.compress(b"{}")[:10] + b"\xff" * 9)).decode()}}


@pytest.mark.parametrize(
    "change", [{"data": None}, {"data": {}}, {"data": {"release": "!"}}, {"data": {"release": base64.b64encode(b"eA==").decode()}}, BROKEN]
)
def test_a_record_that_cannot_be_read_says_what_to_do(change: dict[str, Any]) -> None:
    with pytest.raises(RecordError, match=r"release web, Secret trust/web.v1, cannot be read[.] .* Delete that Secret"):
        decoded({**secret(), **change})


def test_a_record_that_another_program_wrote_is_not_believed() -> None:
    with pytest.raises(RecordError, match=r"Secret trust/web.v1, was changed by kubectl-edit[.] .* Delete that Secret"):
        decoded(secret(manager="kubectl-edit"))


def test_older_records_alone_say_what_to_do() -> None:
    with pytest.raises(RecordError, match=r"The last record of Helm's release web in trust is gone.* Delete the older ones too.*owner=helm,name=web"):
        newest([secret(1, "superseded"), secret(2, "superseded")])


def of(*statuses: str, **labels: str) -> Records:
    """Records of revisions 1, 2, and so on, the last of which has these labels too."""
    secrets = [helm_record("web", "trust", number, status, f"{number}.0.0", {"at": number}) for number, status in enumerate(statuses, 1)]
    if secrets:
        secrets[-1]["metadata"]["labels"] |= labels
    return Records("web", "trust", secrets)


def test_the_last_revision_has_its_chart_and_the_values_that_were_given() -> None:
    assert of("superseded", "deployed").last == Revision(2, "deployed", "web", "2.0.0", {"at": 2})
    assert of("deployed", "failed").last == Revision(2, "failed", "web", "2.0.0", {"at": 2})
    assert (of("deployed", "pending-upgrade").last, of().last) == (None, None)


def test_each_version_of_the_chart_that_may_be_in_the_cluster_is_reported_once() -> None:
    assert of("superseded", "deployed", "failed", "pending-upgrade").chart_versions == ["2.0.0", "3.0.0", "4.0.0"]
    same = [helm_record("web", "trust", number, status, "1.0.0", {}) for number, status in enumerate(("deployed", "failed"), 1)]
    assert (Records("web", "trust", same).chart_versions, of().chart_versions) == (["1.0.0"], [])


def test_the_objects_of_a_release_are_those_of_its_last_record() -> None:
    assert Records("web", "trust", [secret(1, "superseded"), secret(2)]).objects == objects(RECORD, "web", "trust")
    assert Records("web", "trust", [secret(1), secret(2, "pending-upgrade")]).objects == []
    assert Records("web", "trust", []).objects == []


@pytest.mark.parametrize("asked", ["last", "chart_versions"])
def test_a_record_without_a_chart_is_no_revision(asked: str) -> None:
    with pytest.raises(RecordError, match=r"Secret trust/web.v1, cannot be read"):
        getattr(Records("web", "trust", [secret()]), asked)


@pytest.mark.parametrize(
    ("statuses", "unfinished", "blocking"),
    [
        ((), [], []),
        (("superseded", "deployed"), [], []),
        (("deployed", "failed"), [], []),
        (("uninstalled",), [], []),
        (("deployed", "pending-upgrade"), [2], [2]),
        (("pending-install",), [1], [1]),
        (("superseded", "deployed", "pending-rollback"), [3], [3]),
        (("superseded", "superseded", "uninstalling"), [3], [1, 2, 3]),
    ],
)
def test_what_helm_did_not_finish_blocks_it_and_after_a_removal_all_records_do(statuses: tuple[str, ...], unfinished: list[int], blocking: list[int]) -> None:
    records = of(*statuses)
    assert [each["metadata"]["name"] for each in records.unfinished] == [f"sh.helm.release.v1.web.v{each}" for each in unfinished]
    assert records.blocking() == [f"sh.helm.release.v1.web.v{each}" for each in blocking]


@pytest.mark.parametrize(
    ("status", "labels", "busy"),
    [
        ("pending-install", {}, False),
        ("pending-install", {"createdAt": "701"}, True),
        ("pending-install", {"createdAt": "700"}, False),
        ("pending-install", {"createdAt": "1", "modifiedAt": "999"}, True),
        ("uninstalling", {"modifiedAt": "999"}, True),
        ("uninstalling", {"createdAt": "1", "modifiedAt": "2"}, False),
        ("deployed", {"modifiedAt": "999"}, False),
        ("failed", {"createdAt": "999"}, False),
    ],
)
def test_who_wrote_an_unfinished_record_lately_may_be_at_work(status: str, labels: dict[str, str], busy: bool) -> None:
    assert of("superseded", status, **labels).is_busy(1000, 300) is busy
