"""What a module answered, and clusters for it to work on."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.client_secret import ClientSecret
from ansible_collections.image_trust.azure.plugins.module_utils._azure.run_cache import RunCache
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import Azure
from ansible_collections.image_trust.azure.plugins.module_utils._change import KNOWN_AFTERWARDS

from tests.support.emulated import CLIENT_ID, SECRET, Emulated

Run = Callable[..., dict[str, Any]]


class Backend:
    """Clusters that are there at once, and nothing runs in them."""

    registry = "http://127.0.0.1:1"

    def __init__(self) -> None:
        self.kubeconfig_text = "apiVersion: v1\nkind: Config\nusers:\n- name: clusterUser\n  user:\n    client-key-data: c2VjcmV0\n"
        self.broken: Exception | None = None
        self.keys: dict[str, Any] = {"keys": []}
        self.deleted: Counter[str] = Counter()

    def start_cluster(self, name: str) -> None:
        if self.broken:
            raise self.broken

    def delete_cluster(self, name: str) -> None:
        self.deleted[name] += 1

    def kubeconfig(self, name: str) -> str:
        return self.kubeconfig_text

    def issuer(self, name: str) -> str:
        return f"https://eastus.oic.prod-aks.azure.com/tenant/{name}{'-again' * self.deleted[name]}/"

    def jwks(self, name: str) -> dict[str, Any]:
        return self.keys

    def kubernetes_version(self, name: str) -> str:
        return "1.36.4"

    def install_workload_identity(self, name: str, tenant: str) -> None: ...

    def remove_workload_identity(self, name: str) -> None: ...

    def admit_entra(self, name: str, tenant: str, admin_groups: Sequence[str], token: str) -> None: ...

    def forget_entra(self, name: str, token: str) -> None: ...


def session(azure: Emulated) -> Azure:
    """What the modules work with, logged in as the subscription's owner."""
    return Azure(ClientSecret(azure.state.subscription, azure.azure.arm_url, "the tests", azure.state.tenant, CLIENT_ID, SECRET), RunCache(None))


def agree(predicted: Any, real: Any) -> None:
    """What was predicted came true; null, and in a diff `KNOWN_AFTERWARDS`, stands for what could not be known."""
    if isinstance(predicted, dict) and isinstance(real, dict):
        assert predicted.keys() == real.keys()
        for key, value in predicted.items():
            agree(value, real[key])
    elif isinstance(predicted, str) and KNOWN_AFTERWARDS in predicted:
        assert re.fullmatch(re.escape(predicted).replace(re.escape(KNOWN_AFTERWARDS), "[^\n]+"), real)
    elif predicted is not None:
        assert predicted == real


def failure(result: dict[str, Any]) -> str:
    """The sentence of a failed module; fails where it is more than one line, or `error` lacks something."""
    assert result.get("failed"), result
    assert result["error"].keys() == {"code", "message", "status", "request_id"}
    assert ("done" in result) is ("not_done" in result)
    message: str = result["msg"]
    assert "\n" not in message
    assert "Traceback" not in json.dumps(result)
    return message
