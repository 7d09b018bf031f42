"""Answers of one cluster, given again to other hosts under their own names."""

from __future__ import annotations

import base64
import gzip
import json

from bench.recorded import Exchange, Recorded, RecordedClusters, renamed
from lab.azure.state import Identity

PODS = "/api/v1/pods"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"


def recorded(*exchanges: Exchange) -> Recorded:
    return Recorded(list(exchanges), lambda host: {"id-of-lab1": f"id-of-{host}"})


def got(answers: Recorded, target: str = PODS, host: str = "lab2", method: str = "GET", body: str = "") -> str:
    status, answer = answers.answer(host, method, target, body)
    return f"{status} {answer.decode()}"


def test_the_same_request_has_the_next_answer_and_at_last_the_last_one_until_a_run_begins() -> None:
    answers = recorded(Exchange("GET", PODS, "", 200, b"pending"), Exchange("GET", PODS, "", 200, b"running"))
    assert [got(answers) for _ in range(3)] == ["200 pending", "200 running", "200 running"]
    assert got(answers, host="lab3") == "200 pending"
    answers.begin()
    assert got(answers) == "200 pending"


def test_a_request_that_was_not_recorded_has_no_answer() -> None:
    answers = recorded(Exchange("POST", PODS, "a", 201, b""))
    assert [got(answers, method=method, body=body)[:3] for method, body in (("POST", "a"), ("POST", "b"), ("GET", "a"))] == ["201", "501", "501"]


def test_a_host_asks_and_is_answered_under_its_own_names() -> None:
    answers = recorded(Exchange("PUT", PODS, "for id-of-lab1", 200, b"took id-of-lab1"))
    assert got(answers, method="PUT", body="for id-of-lab2") == "200 took id-of-lab2"
    assert got(answers, method="PUT", body="for id-of-lab3")[:3] == "501"


def test_what_a_run_draws_at_random_is_in_its_answers() -> None:
    theirs, ours = (f"/image-trust.azure/{number * 8}-0000-0000-0000-000000000000" for number in ("1", "2"))
    answers = recorded(Exchange("POST", PODS, theirs, 201, b""), Exchange("GET", PODS, "", 200, f"no {theirs}".encode()))
    assert got(answers, method="POST", body=ours) == "201 "
    assert got(answers) == f"200 no {ours}"
    assert got(answers, host="lab3") == f"200 no {theirs}"


def test_names_are_also_replaced_in_the_records_of_helm() -> None:
    record = base64.b64encode(base64.b64encode(gzip.compress(b'{"config": "id-of-lab1"}'))).decode()
    secrets = json.dumps({"items": [{"type": "helm.sh/release.v1", "data": {"release": record}}]}, separators=(",", ":")).encode()
    release = json.loads(renamed(secrets, {"id-of-lab1": "id-of-lab2"}))["items"][0]["data"]["release"]
    assert gzip.decompress(base64.b64decode(base64.b64decode(release))) == b'{"config": "id-of-lab2"}'


def test_each_host_has_the_lease_that_it_writes() -> None:
    answers, body = recorded(), json.dumps({"metadata": {"name": "image-trust"}, "spec": {"holderIdentity": "we"}})
    assert got(answers, LEASE)[:3] == "404"
    assert got(answers, LEASE, method="POST", body=body)[:3] == "201"
    assert json.loads(got(answers, LEASE)[4:])["spec"] == {"holderIdentity": "we"}
    assert got(answers, LEASE, host="lab3")[:3] == "404"
    assert got(answers, LEASE, method="DELETE")[:3] == "200"
    assert got(answers, LEASE)[:3] == "404"


def test_a_host_has_an_issuer_and_where_its_identity_exists_a_client_id_of_its_own() -> None:
    answers = {"/.well-known/openid-configuration": b'{"issuer": "https://one/"}', "/version": b'{"gitVersion": "v1.2.3"}'}
    exchanges = [Exchange("GET", target, "", 200, answer) for target, answer in answers.items()]
    clusters = RecordedClusters("lab1", exchanges)
    identities = {name: Identity(name, f"ratify-{name}", "eastus", {}, client_id=f"id-of-{name}") for name in ("lab1", "lab2")}
    assert clusters.kubernetes_version("lab2") == "1.2.3"
    assert clusters.names(identities, "lab2") == {"https://one/": clusters.issuer("lab2"), "id-of-lab1": "id-of-lab2"}
    assert clusters.names(identities, "lab3") == {"https://one/": clusters.issuer("lab3")}
    assert clusters.names(identities, "lab1") == {"https://one/": "https://one/", "id-of-lab1": "id-of-lab1"}
