"""gatekeeper_readiness and ratify_readiness whole, against a stand-in for the API server whose answers change while they wait."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.module_utils._verification import readiness
from ansible_collections.image_trust.azure.plugins.modules import gatekeeper_readiness, ratify_readiness

from tests.support.kubernetes_api import denied, reading, serving
from tests.support.return_values import not_returned

Json = dict[str, Any]
Run = Callable[..., Json]
PODS = "/api/v1/namespaces/gatekeeper-system/pods?labelSelector=gatekeeper.sh/operation=webhook&fieldSelector=status.phase=Running"
TEMPLATE = "/apis/templates.gatekeeper.sh/v1/constrainttemplates/imagesverified"
CONSTRAINT = "/apis/constraints.gatekeeper.sh/v1beta1/imagesverified/images-verified"
SECRET = "/api/v1/namespaces/gatekeeper-system/secrets/ratify-tls"
PROVIDER = "/apis/externaldata.gatekeeper.sh/v1beta1/providers/ratify-provider"
DEPLOYMENT = "/apis/apps/v1/namespaces/gatekeeper-system/deployments/ratify"
STORE = "/apis/config.ratify.deislabs.io/v1beta1/stores/store-oras"
ENFORCED: Json = {"operations": ["webhook"], "enforced": True}


def loaded(*pods: str, generation: int = 2, **of_pod: Any) -> Json:
    """An object of generation 2, with an entry of each pod in its status."""
    return {"metadata": {"generation": 2}, "status": {"created": True, "byPod": [{"id": pod, "observedGeneration": generation, **of_pod} for pod in pods]}}


def cluster(**changed: Any) -> Json:
    """Answers of a cluster in which both are ready, but for `changed`."""
    rolled_out = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    ready = {
        PODS: {"items": [{"metadata": {"name": name}} for name in ("a", "b")]},
        TEMPLATE: loaded("a", "b"),
        CONSTRAINT: loaded("a", "b", **ENFORCED),
        SECRET: {"data": {"ca.crt": "Y2E="}},
        PROVIDER: {"spec": {"caBundle": "Y2E="}},
        DEPLOYMENT: {"metadata": {"generation": 3}, "spec": {"replicas": 2}, "status": rolled_out},
        STORE: {"status": {"issuccess": True}},
    }
    return {**ready, **{globals()[name]: answer for name, answer in changed.items()}}


class Server:
    """`answers` to GET; `refuses` a write by its path; `sent` is what was written."""

    def __init__(self) -> None:
        self.answers = cluster()
        self.refuses: dict[str, tuple[int, Json]] = {}
        self.sent: list[tuple[str, str, str]] = []
        self.on_write: Callable[[], None] = lambda: None

    def answer(self, method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        if method == "GET":
            return reading(self.answers)(method, path, query, body)
        self.sent.append((method, path, query))
        self.on_write()
        return self.refuses.get(path, (201, body))


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def run(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setattr(readiness, "PAUSE", 0.01)
    monkeypatch.setattr(ratify_readiness, "FIRST", 0.05)

    def run(module: ModuleType, *, check: bool = False, **options: Any) -> Json:
        printed = io.StringIO()
        arguments = {"kubeconfig": str(tmp_path / "kubeconfig"), "wait_timeout": 0, **options, "_ansible_check_mode": check}
        with patch_module_args(arguments), redirect_stdout(printed), pytest.raises(SystemExit):
            module.main()
        return dict(json.loads(printed.getvalue()))

    with serving(lambda *asked: server.answer(*asked), tmp_path / "kubeconfig"):
        yield run


POLICY = {"template": "imagesverified", "constraints": ["images-verified"]}
HANGING = 'Internal error occurred: failed calling webhook "validation.gatekeeper.sh": context deadline exceeded'
GATEKEEPER_LACKS: dict[str, tuple[Json, dict[str, tuple[int, Json]], str]] = {
    "nothing": (cluster(), {}, ""),
    "nothing, and pods are denied": (cluster(), {"/api/v1/namespaces/default/pods": denied("[images-verified] it has no signature")}, ""),
    "a pod of the webhook": (cluster(PODS={"items": []}), {}, "no pod of its webhook runs in gatekeeper-system"),
    "an answer about pods": (cluster(), {"/api/v1/namespaces/default/pods": (500, {"message": HANGING})}, HANGING),
    "an answer about namespaces": (cluster(), {"/api/v1/namespaces": (500, {"message": HANGING})}, HANGING),
    "a cluster that starts without it": (cluster(), {"/api/v1/namespaces/kube-system/pods": denied("no")}, "denied the request: no"),
    "the template": (cluster(TEMPLATE={}), {}, "a, b of Gatekeeper's webhook have not loaded ConstraintTemplate imagesverified"),
    "the template on a pod": (cluster(TEMPLATE=loaded("a")), {}, "b of Gatekeeper's webhook has not loaded ConstraintTemplate imagesverified"),
    "the present template": (cluster(TEMPLATE=loaded("a", "b", generation=1)), {}, "a, b of Gatekeeper's webhook have not loaded"),
    "a template that compiles": (cluster(TEMPLATE=loaded("a", "b", errors=[{"message": "rego_parse_error"}])), {}, "imagesverified: rego_parse_error"),
    "the constraint": (cluster(CONSTRAINT=404), {}, "a, b of Gatekeeper's webhook have not loaded ImagesVerified images-verified"),
    "the constraint at admission": (cluster(CONSTRAINT=loaded("a", "b", operations=["audit"], enforced=True)), {}, "ImagesVerified images-verified"),
    "a constraint that is enforced": (cluster(CONSTRAINT=loaded("a", "b", operations=["webhook"])), {}, "ImagesVerified images-verified"),
    "the present constraint": (cluster(CONSTRAINT=loaded("a", "b", generation=1, **ENFORCED)), {}, "ImagesVerified images-verified"),
}


@pytest.mark.parametrize("what", GATEKEEPER_LACKS)
def test_what_gatekeeper_lacks_is_named(run: Run, server: Server, what: str) -> None:
    server.answers, server.refuses, said = GATEKEEPER_LACKS[what]
    result = run(gatekeeper_readiness, **POLICY)
    if said:
        assert result["msg"].startswith("Gatekeeper is not ready within 0 s: ")
        assert said in result["msg"]
    else:
        assert (result["changed"], result["pods"]) == (False, ["a", "b"])
    assert all("dryRun=All" in query for _method, _path, query in server.sent)


def test_gatekeeper_is_waited_for_while_its_pods_load_the_policy(run: Run, server: Server) -> None:
    server.answers = cluster(CONSTRAINT=loaded("a", **ENFORCED))
    asked = iter(range(10))

    def later() -> None:
        if next(asked) == 4:
            server.answers = cluster()

    server.on_write = later
    assert run(gatekeeper_readiness, wait_timeout=20, **POLICY)["pods"] == ["a", "b"]
    assert len(server.sent) > 4


VAULT = {"status": {"issuccess": False, "brieferror": "KEY_MANAGEMENT", "error": "RESPONSE 404: no such certificate"}}
OBJECTS = [{"kind": "Store", "name": "store-oras"}]
RATIFY: Json = {"configuration": OBJECTS, "image": "r.azurecr.io/probe@sha256:0"}
UNAVAILABLE = denied("[images-verified] image verification is not available: no answer")
RATIFY_LACKS: dict[str, tuple[Json, dict[str, tuple[int, Json]], str]] = {
    "nothing": (cluster(), {}, ""),
    "nothing, and the image is denied": (cluster(), {"/api/v1/namespaces/default/pods": denied("[images-verified] it has no signature")}, ""),
    "a certificate": (cluster(SECRET={"data": {}}), {}, "Ratify is not ready within 0 s: Ratify has made no certificate for itself"),
    "the Secret of its certificate": (cluster(SECRET=404), {}, "Secret gatekeeper-system/ratify-tls is empty"),
    "Gatekeeper's trust": (
        cluster(PROVIDER={"spec": {"caBundle": "b3RoZXI="}}),
        {},
        "Gatekeeper's Provider ratify-provider does not trust Ratify's certificate",
    ),
    "what it reads": (cluster(STORE=VAULT), {}, "Ratify is not ready. Store store-oras: RESPONSE 404: no such certificate"),
    "any status": (cluster(STORE={}), {}, "Ratify is not ready. Store store-oras: not read yet"),
    "a verdict": (cluster(), {"/api/v1/namespaces/default/pods": UNAVAILABLE}, "give no verdict on r.azurecr.io/probe@sha256:0 within 0 s: [images-verified]"),
}


@pytest.mark.parametrize("what", RATIFY_LACKS)
def test_what_ratify_lacks_is_named(run: Run, server: Server, what: str) -> None:
    server.answers, server.refuses, said = RATIFY_LACKS[what]
    result = run(ratify_readiness, restart=False, **RATIFY)
    assert said in result.get("msg", "")
    assert bool(said) is bool(result.get("failed"))
    assert all("dryRun=All" in query for _method, _path, query in server.sent)


def test_a_ratify_that_does_not_read_its_configuration_is_restarted_and_asked_again(run: Run, server: Server) -> None:
    server.answers = cluster(STORE=VAULT)
    server.on_write = lambda: server.answers.update(cluster())
    result = run(ratify_readiness, wait_timeout=5, **RATIFY)
    assert (result["restarted"], result["changed"]) == (True, False)
    assert [(method, path) for method, path, query in server.sent if "dryRun" not in query] == [("PATCH", DEPLOYMENT)]


def test_the_secret_of_ratifys_certificate_is_never_printed(run: Run, server: Server) -> None:
    server.answers = cluster(SECRET={"data": {"ca.crt": "Y2E=", "tls.key": "c2VjcmV0"}}, STORE=VAULT)
    assert "c2VjcmV0" not in json.dumps(run(ratify_readiness, restart=False, **RATIFY))


@pytest.mark.parametrize(("module", "options"), [(gatekeeper_readiness, POLICY), (ratify_readiness, RATIFY)])
def test_a_check_waits_for_nothing_and_asks_no_component(run: Run, server: Server, module: ModuleType, options: Json) -> None:
    server.answers = {}
    result = run(module, check=True, **options)
    assert (result["changed"], server.sent) == (False, [])


@pytest.mark.parametrize(("module", "options", "name"), [(gatekeeper_readiness, POLICY, "Gatekeeper"), (ratify_readiness, RATIFY, "Ratify")])
def test_a_kubeconfig_that_is_not_there_is_said(run: Run, module: ModuleType, options: Json, name: str) -> None:
    result = run(module, **{**options, "kubeconfig": "/no/such/file"})
    assert result["msg"].startswith(f"Whether {name} is ready is not known: the kubeconfig /no/such/file cannot be used")


@pytest.mark.parametrize("module", [gatekeeper_readiness, ratify_readiness])
def test_the_example_runs_and_returns_all_that_is_documented(run: Run, server: Server, tmp_path: Path, module: ModuleType) -> None:
    root = "/apis/config.ratify.deislabs.io/v1beta1"
    server.answers |= {f"{root}/{path}": {"status": {"issuccess": True}} for path in ("verifiers/verifier-notation", "keymanagementproviders/kmprovider-akv")}
    name = module.__name__.rpartition(".")[2]
    [example] = yaml.safe_load(module.EXAMPLES)
    result = run(module, **{**example[f"image_trust.azure.{name}"], "kubeconfig": str(tmp_path / "kubeconfig")})
    assert result["changed"] is False
    assert not_returned(name, result) == set()
