"""How the modules that ask a cluster sign in to it; by cluster_objects_info, for all have the same options."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.pki import Authority
from tests.support.kubernetes_api import serving

MODULES = Path(__file__).parents[4] / "plugins/modules"
OF_A_CLUSTER = sorted(path.stem for path in MODULES.glob("*.py") if "cluster_module(" in path.read_text())
KUBELOGIN = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "kubelogin", "args": ["get-token", "--login", "azurecli"]}


@dataclass
class Cluster:
    """An API server with TLS that wants certificates of its clients where `certificates`, and who asked it."""

    folder: Path
    headers: list[Mapping[str, str]] = field(default_factory=list)

    @contextmanager
    def serving(self, user: Mapping[str, Any], *, certificates: bool = False) -> Iterator[None]:
        """Until the end of the context; the kubeconfig names the cluster's authority and `user`."""
        authority = Authority.kept(self.folder / "pki", "the cluster's authority")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*authority.issue(self.folder / "pki/server", "the server", names=["127.0.0.1"]))
        tls.load_verify_locations(self.folder / "pki/ca.crt")
        tls.verify_mode = ssl.CERT_REQUIRED if certificates else ssl.CERT_NONE
        cluster = {"certificate-authority": "pki/ca.crt"}
        with serving(lambda *_asked: (200, {"groups": []}), self.folder / "kubeconfig", tls=tls, headers=self.headers, cluster=cluster, user=dict(user)):
            yield

    def client(self) -> dict[str, str]:
        files = Authority.kept(self.folder / "pki", "the cluster's authority").issue(self.folder / "pki/client", "somebody")
        return {f"client-{name}-data": base64.b64encode(file.read_bytes()).decode() for name, file in zip(("certificate", "key"), files, strict=True)}

    def program(self, script: str) -> None:
        """Put `kubelogin` on the PATH of the modules."""
        (self.folder / "bin").mkdir()
        (self.folder / "bin/kubelogin").write_text(f"#!/bin/sh\n{script}\n")
        (self.folder / "bin/kubelogin").chmod(0o755)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def run(cluster: Cluster) -> dict[str, Any]:
    """cluster_objects_info in a process of its own, as Ansible runs it, with something on its standard input."""
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"kubeconfig": str(cluster.folder / "kubeconfig"), "groups": ["apps"]}})
    environment = {**os.environ, "PATH": f"{cluster.folder}/bin:{os.environ['PATH']}", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    name = "ansible_collections.image_trust.azure.plugins.modules.cluster_objects_info"
    done = subprocess.run([sys.executable, "-m", name, arguments], env=environment, input="typed", capture_output=True, text=True, check=False)
    assert done.stderr == ""
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_a_client_certificate(cluster: Cluster) -> None:
    with cluster.serving(cluster.client(), certificates=True):
        assert run(cluster)["objects"] == []
    with cluster.serving({}, certificates=True):
        assert "The cluster cannot be looked at: it does not answer: " in run(cluster)["msg"]


def test_the_token_of_kubelogin_which_has_no_terminal(cluster: Cluster) -> None:
    printed = {"apiVersion": KUBELOGIN["apiVersion"], "kind": "ExecCredential", "status": {"token": "of-entra"}}
    cluster.program(f"[ \"$*\" = 'get-token --login azurecli' ] && [ -z \"$(cat)\" ] && echo '{json.dumps(printed)}'")
    with cluster.serving({"exec": KUBELOGIN}):
        assert run(cluster)["objects"] == []
    assert {each["Authorization"] for each in cluster.headers} == {"Bearer of-entra"}


def test_a_kubelogin_that_cannot_sign_in_is_reported_with_its_reason(cluster: Cluster) -> None:
    cluster.program("echo 'AzureCLICredential: please run az login' >&2; exit 1")
    with cluster.serving({"exec": KUBELOGIN}):
        assert run(cluster)["msg"] == (
            f"The cluster cannot be looked at: the kubeconfig {cluster.folder}/kubeconfig cannot be used: the program kubelogin, by which its user signs in, "
            "failed with exit code 1: AzureCLICredential: please run az login."
        )
    assert cluster.headers == []


def test_a_user_of_a_removed_provider_is_refused(cluster: Cluster) -> None:
    with cluster.serving({"auth-provider": {"name": "azure", "config": {"access-token": "s3cret"}}}):
        result = run(cluster)
    assert "its user signs in by the auth-provider azure: give the user an exec plugin, for AKS with `kubelogin convert-kubeconfig`" in result["msg"]
    assert "s3cret" not in json.dumps(result)


OPTIONS: dict[str, dict[str, Any]] = {
    "admission_forecast": {"constraint": "c"},
    "admission_probe": {"images": []},
    "cluster_lease": {"holder": "h"},
    "exact_objects": {"definitions": []},
    "cluster_objects_info": {},
    "gatekeeper_info": {},
    "gatekeeper_readiness": {},
    "helm_release_recovery": {"name": "n", "namespace": "n"},
    "ratify_info": {"chart_version": "1"},
    "ratify_readiness": {"image": "i"},
    "ratify_trial": {"chart_repo_url": "https://charts", "chart_version": "1", "values": {}, "namespace": "n"},
    "signature_forecast": {"forecast": {}},
    "verification_info": {},
}


@pytest.mark.parametrize("library", ["urllib3", "yaml", "kubernetes"])
@pytest.mark.parametrize("module", OF_A_CLUSTER)
def test_a_missing_library_is_named_where_it_is_needed(module: str, library: str, tmp_path: Path) -> None:
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"kubeconfig": str(tmp_path / "none"), **OPTIONS[module]}})
    script = f"import sys, runpy; sys.modules[{library!r}] = None; runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
    command = [sys.executable, "-c", script, f"ansible_collections.image_trust.azure.plugins.modules.{module}", arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    said = json.loads(done.stdout)["msg"]
    needed = {"urllib3": "Failed to import the required Python library (urllib3)", "yaml": "Failed to import the required Python library (PyYAML)"}
    assert (needed.get(library, "required Python library") in said) is (library in needed), said
