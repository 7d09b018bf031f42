"""The fault switchboard, the request log and the lab's other switches."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.testclient import TestClient

from lab.azure import app
from lab.azure.context import Azure
from lab.azure.faults import Fault
from lab.azure.keyvault import keys
from lab.azure.request_log import RequestLog
from lab.config import AZURE_PORT
from tests.emulator.machine import GROUP, IDENTITY, OWNER_CLIENT, OWNER_ID, OWNER_SECRET, TENANT, VAULT, Lab, Machine, error_of, new_state


def switch(lab: Lab, **fault: Any) -> httpx.Response:
    response: httpx.Response = lab.client.post("/lab/faults", json=fault)
    return response


def test_a_fault_answers_instead_of_the_service(lab: Lab) -> None:
    switch(lab, method="PUT", path="userAssignedIdentities/ratify$", status=429, code="TooManyRequests", message="slow down", retry_after=7)
    response = lab.call("PUT", IDENTITY, {"location": "eastus"})
    assert error_of(response) == (429, "TooManyRequests")
    assert response.headers["retry-after"] == "7"
    assert lab.call("GET", IDENTITY).status_code == 404


def test_a_fault_strikes_as_often_as_it_was_configured(lab: Lab) -> None:
    switch(lab, path="vaults", status=500, count=2)
    assert [lab.call("GET", VAULT).status_code for _ in range(4)] == [500, 500, 200, 200]
    assert lab.client.get("/lab/faults").json() == {"faults": []}


def test_a_rate_strikes_the_same_requests_every_time() -> None:
    first, second, other = (Fault(status=500, rate=0.5, seed=seed) for seed in (1, 1, 2))
    sequences = [[fault.strikes("h", "GET", "/") for _ in range(40)] for fault in (first, second, other)]
    assert sequences[0] == sequences[1] != sequences[2]
    assert 5 < sum(sequences[0]) < 35


@pytest.mark.parametrize(
    ("fault", "strikes"),
    [
        ({}, True),
        ({"method": "get"}, True),
        ({"method": "PUT"}, False),
        ({"host": "^localhost"}, False),
        ({"host": "127.0.0.1"}, True),
        ({"path": "VAULTS/lab-vault$"}, True),
        ({"path": "^vaults"}, False),
    ],
)
def test_a_fault_chooses_by_method_host_and_path(lab: Lab, fault: dict[str, str], strikes: bool) -> None:
    switch(lab, status=503, **fault)
    assert (lab.call("GET", VAULT).status_code == 503) is strikes


def test_a_page_is_answered_as_a_proxy_does(lab: Lab) -> None:
    switch(lab, status=200, page="<html>Blocked</html>")
    answer = lab.call("GET", VAULT)
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "<html>Blocked</html>", "text/html; charset=utf-8")


def test_a_delay_only_waits(lab: Lab) -> None:
    switch(lab, delay=0.2)
    began = time.monotonic()
    assert lab.call("GET", VAULT).status_code == 200
    assert time.monotonic() - began >= 0.2


def test_a_fault_gives_the_answer_to_another_path(lab: Lab) -> None:
    switch(lab, path="vaults/lab-vault$", instead="vaults/other")
    status, code = error_of(lab.call("GET", VAULT))
    assert (status, code) == (404, "ResourceNotFound")
    assert lab.azure.log.entries[0].path == VAULT


@pytest.mark.parametrize(("when", "took_effect"), [("before", False), ("after", True)])
def test_a_lost_connection_leaves_no_answer_and_perhaps_the_effect(lab: Lab, when: str, took_effect: bool) -> None:
    switch(lab, method="PUT", reset=when, count=1)
    with pytest.raises(ConnectionResetError):
        lab.call("PUT", IDENTITY, {"location": "eastus"})
    assert (lab.call("GET", IDENTITY).status_code == 200) is took_effect
    lost = lab.azure.log.entries[0]
    assert (lost.status, lost.error) == (None, f"reset {when}")


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"status": 200},
        {"status": 500, "reset": "before"},
        {"status": 500, "instead": "/", "path": "^"},
        {"instead": "/"},
        {"status": 500, "count": 1, "rate": 0.5},
        {"status": 500, "path": "("},
        {"status": 500, "typo": 1},
        {"delay": -1},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(lab: Lab, fault: dict[str, Any]) -> None:
    assert switch(lab, **fault).status_code == 400
    assert lab.client.get("/lab/faults").json() == {"faults": []}


def test_faults_are_cleared(lab: Lab) -> None:
    assert switch(lab, status=500).status_code == 201
    assert lab.client.delete("/lab/faults").status_code == 204
    assert lab.call("GET", VAULT).status_code == 200


def test_the_log_tells_who_asked_what_and_what_was_answered(lab: Lab) -> None:
    lab.call("GET", VAULT + "x")
    lab.client.get("/lab/requests")
    [entry] = lab.client.get("/lab/requests").json()["requests"]
    assert (entry["listener"], entry["host"], entry["method"], entry["path"]) == ("outside", f"127.0.0.1:{AZURE_PORT}", "GET", VAULT + "x")
    assert (entry["status"], entry["error"], entry["principal"]) == (404, "ResourceNotFound", OWNER_ID)
    assert entry["duration_ms"] > 0
    assert lab.client.delete("/lab/requests").status_code == 204
    assert lab.client.get("/lab/requests").json() == {"requests": []}


def test_the_log_is_also_a_file_for_the_owner_and_holds_no_secret(tmp_path: Path) -> None:
    azure = Azure(new_state(), Machine(), log=RequestLog(tmp_path / "requests.jsonl"))
    with TestClient(app.outside(azure), base_url=azure.login_url) as client:
        form = {"grant_type": "client_credentials", "client_id": OWNER_CLIENT, "client_secret": OWNER_SECRET, "scope": "https://vault.azure.net/.default"}
        token = client.post(f"/{TENANT}/oauth2/v2.0/token", data=form).json()["access_token"]
        client.get(f"/{TENANT}/oauth2/v2.0/token", params={"client_secret": OWNER_SECRET, "access_token": token, "x": "y"})
        client.get(f"{azure.arm_url}/subscriptions", headers={"Authorization": f"Bearer {token}"})
    written = (tmp_path / "requests.jsonl").read_text()
    assert [json.loads(line)["status"] for line in written.splitlines()] == [200, 405, 401]
    assert OWNER_SECRET.split()[0] not in written
    assert token not in written
    assert "x=y" in written
    assert (tmp_path / "requests.jsonl").stat().st_mode & 0o777 == 0o600


def test_settings_are_changed_one_by_one(lab: Lab) -> None:
    changed = lab.client.put("/lab/settings", json={"principal_delay": 5}).json()
    assert changed == lab.client.get("/lab/settings").json() == {**changed, "principal_delay": 5.0, "vault_dns_delay": 0.0}
    assert lab.state.settings.principal_delay == 5.0


@pytest.mark.parametrize("settings", [{"unknown": 1}, {"principal_delay": -1}, {"principal_delay": "soon"}, [], "x"])
def test_settings_that_make_no_sense_are_refused(lab: Lab, settings: Any) -> None:
    before = lab.client.get("/lab/settings").json()
    assert lab.client.put("/lab/settings", json=settings).status_code == 400
    assert lab.client.get("/lab/settings").json() == before


def test_the_state_is_shown_without_secrets(lab: Lab) -> None:
    vault = next(iter(lab.azure.state.vaults.values()))
    keys.add(vault, "proof", ec.generate_private_key(ec.SECP256R1()))
    shown = lab.client.get("/lab/state").text
    assert GROUP in shown
    assert "proof" in shown
    assert "PRIVATE KEY" not in shown
    assert OWNER_SECRET not in shown


def test_a_host_that_is_not_emulated_is_refused(lab: Lab) -> None:
    response = lab.client.get("https://example.com/")
    assert error_of(response) == (404, "HostNotEmulated")
