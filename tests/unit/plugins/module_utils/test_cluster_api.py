"""How long a cluster is asked that does not answer, or has too much to do."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils import _cluster_api
from ansible_collections.image_trust.azure.plugins.module_utils._cluster_api import PAUSE, TIMEOUT, ClusterApi, ClusterError

from tests.kubernetes_api import serving


@pytest.mark.parametrize("method", ["get", "delete"])
def test_a_cluster_that_does_not_answer_is_given_up_within_a_minute(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    over = threading.Event()
    monkeypatch.setattr(_cluster_api, "TIMEOUT", (5, 0.2))
    with serving(lambda *_asked: (200, {"over": over.wait(10)}), tmp_path / "kubeconfig", asked):
        api = ClusterApi(str(tmp_path / "kubeconfig"))
        with pytest.raises(ClusterError, match="it does not answer"):
            api.get("/version") if method == "get" else api.delete("/version")
        over.set()
    assert len(asked) * sum(TIMEOUT) + PAUSE <= 60


def test_a_cluster_that_has_too_much_to_do_is_asked_once_more_and_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([(429, {}), (200, {"gitVersion": "v1.36.4"})])
    monkeypatch.setattr(_cluster_api, "PAUSE", 0.01)
    with serving(lambda *_asked: next(answers), tmp_path / "kubeconfig"):
        api, begun = ClusterApi(str(tmp_path / "kubeconfig")), time.monotonic()
        assert api.get("/version") == {"gitVersion": "v1.36.4"}
        assert time.monotonic() - begun < 1


@pytest.mark.parametrize("body", [[], "text", {}], ids=str)
def test_a_refusal_that_says_nothing_is_told_by_its_status(body: Any, tmp_path: Path) -> None:
    with serving(lambda *_asked: (500, body), tmp_path / "kubeconfig"), pytest.raises(ClusterError, match="HTTP 500 Internal Server Error") as refused:
        ClusterApi(str(tmp_path / "kubeconfig")).get("/version")
    assert (refused.value.status, refused.value.reason) == (500, "Internal Server Error")
