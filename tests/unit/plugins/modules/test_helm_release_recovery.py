"""The module run whole against a stand-in for the API server that has Helm's records of a release and deletes them."""

from __future__ import annotations

import io
import json
import time
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.image_trust.azure.plugins.modules import helm_release_recovery

from tests.support.cluster_states import helm_record
from tests.support.kubernetes_api import serving

Json = dict[str, Any]
SECRETS = "/api/v1/namespaces/trust/secrets"


@dataclass
class Api:
    """`finishes` is the number of looks after which an unfinished record is deployed, `begins` whether each look finds a record just written."""

    statuses: list[str]
    labels: Json = field(default_factory=dict)
    finishes: int = 0
    begins: bool = False
    looks: int = 0
    deleted: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, query: str, body: Json) -> tuple[int, Json]:
        if method == "DELETE":
            self.deleted.append(path.removeprefix(f"{SECRETS}/"))
            return 200, {}
        assert (method, path, query) == ("GET", SECRETS, "labelSelector=owner=helm,name=web")
        self.looks += 1
        if self.looks == self.finishes:
            self.statuses[-1] = "deployed"
        found = [helm_record("web", "trust", number, status, "1.0.0", {}) for number, status in enumerate(self.statuses, 1)]
        if found:
            found[-1]["metadata"]["labels"] |= {"modifiedAt": str(int(time.time()) + 1)} if self.begins else self.labels
        return 200, {"items": found}

    def run(self, folder: Path, *, check: bool = False, timeout: int = 300) -> Json:
        arguments = {"kubeconfig": str(folder / "kubeconfig"), "name": "web", "namespace": "trust", "wait_timeout": timeout}
        printed = io.StringIO()
        flags = {"_ansible_check_mode": check, "_ansible_diff": True}
        with serving(self.answer, folder / "kubeconfig"), patch_module_args({**arguments, **flags}), redirect_stdout(printed), pytest.raises(SystemExit):
            helm_release_recovery.main()
        result: Json = json.loads(printed.getvalue())
        return result


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helm_release_recovery, "PAUSE", 0.05)


@pytest.mark.parametrize(
    ("statuses", "revisions"),
    [
        ([], []),
        (["superseded", "deployed"], []),
        (["deployed", "failed"], []),
        (["pending-install"], [1]),
        (["deployed", "pending-upgrade"], [2]),
        (["superseded", "deployed", "pending-rollback"], [3]),
        (["uninstalling"], [1]),
        (["superseded", "superseded", "uninstalling"], [1, 2, 3]),
    ],
)
def test_what_blocks_helm_is_deleted_and_nothing_else(statuses: list[str], revisions: list[int], tmp_path: Path) -> None:
    names = [f"sh.helm.release.v1.web.v{each}" for each in revisions]
    checked, api = Api(list(statuses)), Api(list(statuses))
    predicted, result = checked.run(tmp_path, check=True), api.run(tmp_path)
    assert (predicted, checked.deleted) == (result, [])
    assert (result["changed"], result["objects"], api.deleted) == (bool(names), names, names)
    assert result["diff"] == {"before": "".join(f"Secret trust/{name}\n" for name in names), "after": ""}


@pytest.mark.parametrize("label", ["createdAt", "modifiedAt"])
def test_a_record_whose_writer_may_be_at_work_is_waited_for(label: str, tmp_path: Path) -> None:
    api = Api(["deployed", "pending-upgrade"], {label: str(int(time.time()) + 1)})
    begun = time.monotonic()
    assert api.run(tmp_path, timeout=1)["objects"] == ["sh.helm.release.v1.web.v2"]
    assert time.monotonic() - begun > 1
    assert api.looks > 2


def test_a_writer_that_finishes_meanwhile_keeps_its_record(tmp_path: Path) -> None:
    api = Api(["pending-install"], {"modifiedAt": str(int(time.time()))}, finishes=3)
    result = api.run(tmp_path)
    assert (result["changed"], result["objects"], api.deleted, api.looks) == (False, [], [], 3)


def test_a_check_does_not_wait(tmp_path: Path) -> None:
    api = Api(["pending-install"], {"modifiedAt": str(int(time.time()))})
    result = api.run(tmp_path, check=True)
    assert (result["objects"], api.deleted, api.looks) == (["sh.helm.release.v1.web.v1"], [], 1)


def test_others_that_go_on_starting_helm_are_not_waited_for_without_end(tmp_path: Path) -> None:
    api = Api(["pending-install"], begins=True)
    assert api.run(tmp_path, timeout=1)["msg"] == "Other clients run Helm on the release web in trust again and again; 2 s were not enough."
    assert api.deleted == []


def test_a_cluster_that_does_not_answer_is_a_clear_error(tmp_path: Path) -> None:
    with serving(Api([]).answer, tmp_path / "kubeconfig"):
        pass
    printed = io.StringIO()
    arguments = {"kubeconfig": str(tmp_path / "kubeconfig"), "name": "web", "namespace": "trust"}
    with patch_module_args(arguments), redirect_stdout(printed), pytest.raises(SystemExit):
        helm_release_recovery.main()
    assert json.loads(printed.getvalue())["msg"].startswith("Helm's records of the release web in trust cannot be removed: it does not answer: ")
