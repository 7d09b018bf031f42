"""The module run whole, with a stand-in for helm, and one for an API server with a Ratify that judges what is created."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.module_utils._ratify import trial as _ratify_trial
from ansible_collections.image_trust.azure.plugins.modules import ratify_trial

from tests.support.kubernetes_api import serving
from tests.support.return_values import not_returned

Json = dict[str, Any]
GROUP = "config.ratify.deislabs.io/v1beta1"
HOOK = {"helm.sh/hook": "pre-install,pre-upgrade"}
TAKEN: Json = {"issuccess": True}
REFUSED: Json = {"issuccess": False, "error": "overlapping\n  identities", "brieferror": "overlapping"}


def made(kind: str, called: str, **spec: Any) -> Json:
    return {"apiVersion": GROUP, "kind": kind, "metadata": {"name": called, "annotations": HOOK}, "spec": spec}


NOTATION = made("Verifier", "verifier-notation", name="notation", artifactTypes="application/vnd.cncf.notary.signature", parameters={"a": [1]})
VAULT = made("KeyManagementProvider", "kmprovider-akv", type="azurekeyvault", refreshInterval="1h", parameters={"vaultURI": "https://v"})
INLINE = made("KeyManagementProvider", "ratify-notation-inline-cert-0", type="inline", parameters={"value": "PEM"})
CHART = [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "ratify"}}, made("Store", "store-oras"), NOTATION, VAULT, INLINE]


@dataclass
class Ratify:
    """`judges` answers the status of an object by its name, which is None before Ratify has judged it, and how often it was created."""

    judges: Callable[[str, int], Json | None] = lambda name, times: TAKEN
    serves: bool = True
    known: bool = True
    objects: dict[str, Json] = field(default_factory=dict)
    created: list[Json] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        assert path.startswith(f"/apis/{GROUP}/")
        if method == "GET" and "/namespaces/" not in path:
            return 200, {"items": [{"status": {"issuccess": self.serves}}]}
        if method != "GET":
            self.writes.append(f"{method} {path}")
        if method == "POST" and self.known:
            at = f"{path}/{body['metadata']['name']}"
            assert at not in self.objects, "an object of an interrupted run is in the way"
            self.created.append(body)
            self.objects[at] = body
            return 201, body
        if not self.known or path not in self.objects:
            return 404, {"message": "not found"}
        if method == "DELETE":
            del self.objects[path]
            return 200, {}
        name = self.objects[path]["metadata"]["name"]
        status = self.judges(name, sum(each["metadata"]["name"] == name for each in self.created))
        return 200, {**self.objects[path], **({"status": status} if status else {})}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("SILENCE", 0.3), ("RETRY", 0.1), ("PAUSE", 0.02)):
        monkeypatch.setattr(_ratify_trial, name, seconds)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Json]:
    def run(ratify: Ratify, helm: str = "exit 0", **options: Any) -> Json:
        text = tmp_path / "chart.yaml"
        text.write_text("\n---\n".join(["", *map(yaml.safe_dump, CHART)]))
        program = tmp_path / "helm"
        program.write_text(f'#!/bin/sh\necho "$*" > {tmp_path}/argv\ncat > {tmp_path}/values\ncat {shlex.quote(str(text))}\n{helm}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        given = {"chart_repo_url": "https://charts.example", "chart_version": "1.15.5", "values": {"a": "b"}, "namespace": "trust", "timeout": 2, **options}
        output = io.StringIO()
        given["kubeconfig"] = str(tmp_path / "kubeconfig")
        with serving(ratify.answer, tmp_path / "kubeconfig"), redirect_stdout(output), patch_module_args(given), pytest.raises(SystemExit):
            ratify_trial.main()
        assert ratify.objects == {}, "something stays in the cluster"
        result: Json = json.loads(output.getvalue())
        return result

    return run


def test_what_ratify_takes_is_asked_beside_what_it_verifies_by_and_stays_no_longer(run: Callable[..., Json], tmp_path: Path) -> None:
    ratify = Ratify()
    result = run(ratify)
    assert (result["changed"], result["judged"], result["serves"]) == (False, True, True)
    assert (tmp_path / "argv").read_text().split() == [
        *("template", "ratify", "ratify", "--repo", "https://charts.example", "--version", "1.15.5", "--namespace", "trust", "--values", "-")
    ]
    assert json.loads((tmp_path / "values").read_text()) == {"a": "b"}
    assert [(each["kind"], each["metadata"]["name"], each["metadata"]["namespace"], each["metadata"]["annotations"]) for each in ratify.created] == [
        ("NamespacedVerifier", "image-trust-trial-verifier-notation", "trust", HOOK),
        ("NamespacedKeyManagementProvider", "image-trust-trial-kmprovider-akv", "trust", HOOK),
        ("NamespacedKeyManagementProvider", "image-trust-trial-ratify-notation-inline-cert-0", "trust", HOOK),
    ]
    assert [each["spec"] for each in ratify.created] == [
        {**NOTATION["spec"], "artifactTypes": "application/vnd.image-trust.trial"},
        {"type": "azurekeyvault", "parameters": {"vaultURI": "https://v"}},
        INLINE["spec"],
    ]
    assert all("/namespaces/trust/namespaced" in each for each in ratify.writes)


def test_what_is_made_beside_the_chart_is_asked_about_too(run: Callable[..., Json]) -> None:
    other = made("KeyManagementProvider", "ratify-notation-inline-cert-1001", type="azurekeyvault", parameters={"vaultURI": "https://w"})
    result = run(Ratify(lambda name, times: REFUSED if "1001" in name else TAKEN), objects=[other])
    assert result["refusals"] == ["KeyManagementProvider ratify-notation-inline-cert-1001: overlapping identities"]


def test_all_reasons_of_ratify_are_in_one_line(run: Callable[..., Json]) -> None:
    result = run(Ratify(lambda name, times: REFUSED))
    assert result["failed"]
    assert result["refusals"] == [f"{each['kind']} {each['metadata']['name']}: overlapping identities" for each in (NOTATION, VAULT, INLINE)]
    assert result["msg"].startswith("Ratify does not take its next configuration, and keeps the one that it has: Verifier verifier-notation: overlapping")


def test_a_refusal_that_cannot_pass_is_not_waited_for(run: Callable[..., Json]) -> None:
    ratify = Ratify(lambda name, times: REFUSED if "notation" in name else TAKEN)
    assert len(run(ratify, timeout=600)["refusals"]) == 2
    assert len(ratify.created) == 3


def test_a_vault_that_cannot_be_read_yet_is_asked_again(run: Callable[..., Json]) -> None:
    ratify = Ratify(lambda name, times: TAKEN if "akv" not in name or times > 2 else REFUSED)
    assert run(ratify)["judged"]
    assert [each["metadata"]["name"] for each in ratify.created].count("image-trust-trial-kmprovider-akv") == 3


def test_a_vault_that_cannot_be_read_at_all_is_refused_in_the_end(run: Callable[..., Json]) -> None:
    refusals = run(Ratify(lambda name, times: REFUSED if "akv" in name else TAKEN))["refusals"]
    assert refusals == ["KeyManagementProvider kmprovider-akv: overlapping identities"]


def test_a_vault_whose_firewall_refuses_the_cluster_is_reported(run: Callable[..., Json]) -> None:
    error = (
        'GET https://v.vault.azure.net/secrets/a/\nRESPONSE 403\n{"error": {"message": "Client address: 20.1.2.3\\r\\n", "innererror": {\n "code": "{}"\n}}}'
    )
    by_firewall = {"issuccess": False, "error": error.replace("{}", "ForbiddenByFirewall")}
    (refusal,) = run(Ratify(lambda name, times: by_firewall if "akv" in name else TAKEN))["refusals"]
    assert "the firewall of the vault v.vault.azure.net refuses the cluster, whose address is 20.1.2.3 (403 ForbiddenByFirewall)" in refusal


def test_a_vault_that_does_not_answer_is_refused_in_the_end(run: Callable[..., Json]) -> None:
    assert run(Ratify(lambda name, times: None if "akv" in name else TAKEN))["refusals"] == ["KeyManagementProvider kmprovider-akv: no answer of Ratify"]


@pytest.mark.parametrize("ratify", [Ratify(lambda name, times: None), Ratify(known=False)], ids=["none runs", "its kinds are not there"])
def test_where_no_ratify_judges_nothing_is_refused(run: Callable[..., Json], ratify: Ratify) -> None:
    result = run(ratify, timeout=600)
    assert (result.get("failed"), result["judged"]) == (None, False)


def test_a_ratify_that_has_refused_something_already_does_not_serve(run: Callable[..., Json]) -> None:
    assert run(Ratify(serves=False))["serves"] is False


def test_a_leftover_of_a_run_that_was_killed_is_replaced(run: Callable[..., Json]) -> None:
    path = f"/apis/{GROUP}/namespaces/trust/namespacedverifiers/image-trust-trial-verifier-notation"
    assert run(Ratify(objects={path: {"metadata": {"name": "old"}}}))["judged"]


def test_a_check_creates_nothing(run: Callable[..., Json]) -> None:
    ratify = Ratify()
    assert (run(ratify, _ansible_check_mode=True)["judged"], ratify.writes) == (False, [])


def test_a_chart_that_cannot_be_rendered_fails_with_what_helm_says(run: Callable[..., Json]) -> None:
    ratify = Ratify()
    result = run(ratify, helm="echo 'Error: chart not found' >&2; exit 1")
    assert result["msg"] == "Chart ratify 1.15.5 of https://charts.example cannot be rendered: Error: chart not found"
    assert ratify.writes == []


def test_a_cluster_that_refuses_says_so(run: Callable[..., Json]) -> None:
    class Closed(Ratify):
        def answer(self, method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
            return (403, {"message": "forbidden"}) if method == "POST" else super().answer(method, path, query, body)

    assert run(Closed())["msg"].startswith("Ratify cannot be asked about its next configuration: it refuses POST")


def test_the_example_asks(run: Callable[..., Json]) -> None:
    [example] = yaml.safe_load(ratify_trial.EXAMPLES)
    options = {key: value for key, value in example["image_trust.azure.ratify_trial"].items() if key != "kubeconfig"}
    assert run(Ratify(), **options)["judged"]


def test_all_that_is_documented_is_returned(run: Callable[..., Json]) -> None:
    assert not_returned("ratify_trial", run(Ratify()), run(Ratify(lambda name, times: REFUSED))) == set()
