"""The collection on the lab, from outside: playbooks are run as an operations team runs them, and Azure and the cluster are asked directly."""

from __future__ import annotations

import json
import os
import re
import shlex
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import kubernetes
import pytest

from lab import seed
from lab.azure import state as azure_state
from lab.azure.state import ServicePrincipal
from lab.config import home
from tests.support.artifact import installed
from tests.support.plays import LOADED_ONCE

if TYPE_CHECKING:
    from .plans import FromNothing

pytest.register_assert_rewrite("tests.e2e.plans")

ROOT = Path(__file__).parents[2]
INVENTORY = ROOT / "inventories/lab"
TEAM = "image-trust-team"
ONE_ROLE = f"""
- name: "{LOADED_ONCE}"
  hosts: clusters
  connection: local
  gather_facts: false
  roles:
    - role: image_trust.azure.NAME
      NAME_kubeconfig: "{{{{ aks_kubeconfig }}}}"
"""
FEW = {"verify_shapes": ["container"]}
"""Variables with which a run asks for a tenth of the verdicts: in most tests these are not what counts."""
WRITES = {"PUT", "PATCH", "DELETE", "POST"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with the marker `order` come by its number, after those without."""
    items.sort(key=lambda item: marker.args[0] if (marker := item.get_closest_marker("order")) else 0)


@dataclass(frozen=True)
class Run:
    """One run of a playbook: `changed` names what changed: the tasks, with each change where one makes several; `errors` the messages of those that failed."""

    returncode: int
    changed: list[str]
    errors: list[str]
    output: str

    @property
    def error(self) -> str:
        return "\n".join(self.errors)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    status: int
    action: str | None
    """Which Resource Manager looked for in the caller's roles."""

    @property
    def writes(self) -> bool:
        return self.method in WRITES and not self.path.lower().endswith("/listclusterusercredential")


def failed(result: dict[str, Any]) -> bool:
    return bool(result.get("failed") or result.get("unreachable"))


class Lab:
    """The running lab: its environment, in which playbooks run with the permissions of docs/permissions.md, the collection as users install it, its Azure."""

    def __init__(self, environment: dict[str, str], owner: ServicePrincipal) -> None:
        self.environment = environment
        self.owner = owner
        self.url = environment["AZURE_CLOUD_ENVIRONMENT"]
        self.http = httpx.Client(verify=ssl.create_default_context(cafile=environment["SSL_CERT_FILE"]), timeout=60)
        self.subscription = f"{self.url}/subscriptions/{environment['AZURE_SUBSCRIPTION_ID']}"

    def command(self, playbook: str | Path, *options: str, **variables: Any) -> tuple[list[str], dict[str, str]]:
        """Words and environment of a run of a playbook, of the collection when it is a name, against the lab's inventory; few verdicts where none are named."""
        named = f"image_trust.azure.{playbook}" if isinstance(playbook, str) else str(playbook)
        words = ["ansible-playbook", named, "-i", str(INVENTORY), *options, "-e", json.dumps({**FEW, **variables})]
        return words, self.environment

    def play(self, playbook: str | Path, *options: str, **variables: Any) -> Run:
        """Such a run."""
        words, environment = self.command(playbook, *options, **variables)
        printing = {**environment, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
        done = subprocess.run(words, env=printing, capture_output=True, text=True, timeout=900, check=False)
        found = re.search(r"^\{.*^\}", done.stdout, re.M | re.S)
        tasks = [task for play in json.loads(found[0])["plays"] for task in play["tasks"]] if found else []
        results = [(task["task"]["name"], result) for task in tasks for result in task["hosts"].values()]
        return Run(
            done.returncode,
            [f"{name}: {each}" if each else name for name, result in results if result.get("changed") for each in result.get("changes", [""])],
            [f"{name}: {one.get('msg')}" for name, result in results for one in [result, *result.get("results", [])] if failed(one)],
            done.stdout + done.stderr,
        )

    def arm(self, method: str, path: str, version: str, body: Any = None) -> Any:
        """Ask Resource Manager as the subscription's owner; `path` is relative to it. Raises httpx.HTTPStatusError."""
        token = self.http.post(
            f"{self.url.replace('127.0.0.1', 'localhost')}/{self.environment['AZURE_TENANT']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self.owner.client_id,
                "client_secret": self.owner.secret,
                "scope": f"{self.url}/.default",
            },
        ).raise_for_status()
        headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
        answer = self.http.request(method, self.subscription + path, params={"api-version": version}, headers=headers, json=body).raise_for_status()
        return answer.json() if answer.content else None

    def wait_for_propagation(self) -> None:
        """Return when what was just taken away in Azure works no more."""
        delays = self.http.get(f"{self.url}/lab/settings").raise_for_status().json()
        time.sleep(max(delays.values()))

    def requests(self) -> list[Request]:
        """What Resource Manager was asked since `forget_requests`."""
        log = self.http.get(f"{self.url}/lab/requests").raise_for_status().json()["requests"]
        return [Request(*(entry[name] for name in ("method", "path", "status", "action"))) for entry in log if entry["path"].startswith("/subscriptions/")]

    def forget_requests(self) -> None:
        self.http.delete(f"{self.url}/lab/requests").raise_for_status()


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder in which the collection was installed from its artifact."""
    return installed(tmp_path_factory.mktemp("collections"))


@pytest.fixture(scope="session")
def lab(collections: Path) -> Lab:
    printed = subprocess.run([sys.executable, "-m", "lab", "env"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    exports = dict(word.split("=", 1) for line in printed.splitlines() for word in shlex.split(line)[1:])
    state = azure_state.load(home() / "azure/state.json")
    assert state
    return Lab({**os.environ, **exports, "ANSIBLE_COLLECTIONS_PATH": str(collections)}, state.service_principals[seed.OWNER])


@pytest.fixture(scope="session")
def site(lab: Lab) -> Run:
    """site.yml has run on the lab (and whatever a killed run before left is restored)."""
    run = lab.play("site")
    assert run.returncode == 0, run.error or run.output[-3000:]
    return run


@pytest.fixture
def kube(site: Run) -> Iterator[kubernetes.dynamic.DynamicClient]:
    from lab.clusters import cluster

    with kubernetes.config.new_client_from_config(str(cluster("lab1").kubeconfig)) as client:
        yield kubernetes.dynamic.DynamicClient(client)


@pytest.fixture
def ratify(lab: Lab, site: Run, tmp_path: Path) -> Callable[..., Run]:
    """Runs role ratify alone, with what the roles beside it would have passed to it and with these variables."""
    from lab.config import REGISTRY, TENANT, VAULT

    from .objects import identity

    playbook = tmp_path / "ratify.yml"
    playbook.write_text(ONE_ROLE.replace("NAME", "ratify"))
    known = {
        "ratify_client_id": identity(lab)["clientId"],
        "ratify_tenant_id": TENANT,
        "ratify_vault_uris": [f"https://{VAULT}.vault.azure.net/"],
        "ratify_registries": [f"{REGISTRY}.azurecr.io"],
        "ratify_mutation_excluded_namespaces": ["kube-system", "gatekeeper-system"],
    }
    return lambda *options, **variables: lab.play(playbook, *options, **{**known, **variables})


@pytest.fixture
def gatekeeper(lab: Lab, site: Run, tmp_path: Path) -> Callable[..., Run]:
    """Runs role gatekeeper alone with these variables."""
    playbook = tmp_path / "gatekeeper.yml"
    playbook.write_text(ONE_ROLE.replace("NAME", "gatekeeper"))
    return lambda *options, **variables: lab.play(playbook, *options, **variables)


@pytest.fixture(scope="session")
def from_nothing(lab: Lab, site: Run, tmp_path_factory: pytest.TempPathFactory) -> FromNothing:
    """The cluster was deleted, and all of site.yml happened again, each step after a check that predicted it."""
    from .plans import make_again

    return make_again(lab, tmp_path_factory.mktemp("plays"))


@pytest.fixture
def team(kube: Any) -> Iterator[str]:
    """A namespace of a user who may do anything in it."""
    namespaces = kube.resources.get(api_version="v1", kind="Namespace")
    namespaces.create(body={"metadata": {"name": TEAM}})
    yield TEAM
    namespaces.delete(name=TEAM)
    while any(found.metadata.name == TEAM for found in namespaces.get().items):
        time.sleep(0.5)
