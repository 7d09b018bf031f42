"""What a measured run did is read from what others have written down."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.counting import Task, administrators_requests, azure_requests, commands, tasks
from bench.measurements import Requests

CALLER, ANOTHER = "an object id", "another object id"


def entry(method: str, path: str, listener: str = "outside", principal: str | None = CALLER) -> dict[str, Any]:
    return {"method": method, "path": path, "listener": listener, "principal": principal}


@pytest.mark.parametrize(
    ("logged", "expected"),
    [
        (entry("GET", "/subscriptions/s/resourceGroups/g"), Requests(1, 0, 0)),
        (entry("PUT", "/subscriptions/s/resourceGroups/g/c"), Requests(0, 1, 0)),
        (entry("POST", "/subscriptions/s/managedClusters/c/listClusterUserCredential"), Requests(1, 0, 0)),
        (entry("POST", "/tenant/oauth2/v2.0/token", principal=None), Requests(0, 0, 1)),
        (entry("GET", "/certificates/signer", listener="inside"), Requests(1, 0, 0)),
        (entry("GET", "/subscriptions/s/resourceGroups/g", principal=ANOTHER), Requests(0, 0, 0)),
        (entry("POST", "/tenant/oauth2/v2.0/token", listener="inside", principal=None), Requests(0, 0, 0)),
        (entry("GET", "/charts/ratify/index.yaml", principal=None), Requests(0, 0, 0)),
        (entry("GET", "/metadata/endpoints", principal=None), Requests(0, 0, 0)),
    ],
)
def test_only_what_the_caller_asks_azure_counts(logged: dict[str, Any], expected: Requests) -> None:
    assert azure_requests([logged], CALLER) == expected


def test_requests_add_up() -> None:
    log = [entry("GET", "/subscriptions/a"), entry("GET", "/subscriptions/b"), entry("DELETE", "/subscriptions/b")]
    assert azure_requests(log, CALLER) == Requests(2, 1, 0)


METRICS = """\
# TYPE apiserver_flowcontrol_dispatched_requests_total counter
apiserver_flowcontrol_dispatched_requests_total{flow_schema="exempt",priority_level="exempt"} 1.2345e+04
apiserver_flowcontrol_dispatched_requests_total{flow_schema="probes",priority_level="exempt"} 2
apiserver_flowcontrol_dispatched_requests_total{flow_schema="system-nodes",priority_level="system"} 21
"""


def test_the_api_server_counts_the_requests_of_administrators() -> None:
    assert administrators_requests(METRICS) == 12345


def test_an_api_server_that_does_not_count_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not count the requests of its flow schema exempt"):
        administrators_requests("# nothing")


def test_commands_are_those_of_the_three_command_lines_also_in_substitutions() -> None:
    trace = """\
+ cluster=(--resource-group "$GROUP" --name "$CLUSTER")
++ az aks show --name c
+ issuer=https://issuer/
+ helm repo add ratify https://charts/
+ kubectl apply --filename t.yaml
++ verdict az
+++ kubectl run demo
az said this
"""
    assert commands(trace) == 4


def played(*named: tuple[str, dict[str, Any]], seconds: str = "02.500000") -> str:
    duration = {"start": "2026-11-29T11:46:00.000000Z", "end": f"2026-11-29T11:46:{seconds}Z"}
    listed = [{"task": {"name": name, "duration": duration}, "hosts": hosts} for name, hosts in named]
    return f"a warning\n{json.dumps({'plays': [{'tasks': listed}]}, indent=4)}\n"


def test_tasks_have_their_seconds_and_their_module_and_no_role() -> None:
    printed = played(("image_trust.azure.aks : Create the cluster", {"lab1": {"action": "image_trust.azure.aks_cluster"}}))
    assert tasks(printed) == [Task("Create the cluster", "image_trust.azure.aks_cluster", 2.5)]


def test_a_task_that_all_hosts_skip_does_not_count_and_one_that_some_skip_does() -> None:
    skipped, ran = {"skipped": True, "action": "debug"}, {"action": "debug"}
    printed = played(("nobody", {"lab1": skipped, "lab2": skipped}), ("somebody", {"lab1": skipped, "lab2": ran}))
    assert [task.name for task in tasks(printed)] == ["somebody"]


def test_a_run_without_the_callback_is_an_error() -> None:
    with pytest.raises(ValueError, match="has printed nothing"):
        tasks("PLAY RECAP")
