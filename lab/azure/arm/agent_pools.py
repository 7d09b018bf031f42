"""Agent pools of a managed cluster: what AKS takes, and its defaults. Names: https://aka.ms/aks-naming-rules

Only one node runs in the lab, whatever the pools say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lab.azure.arm.errors import bad_request

MOST_NODES = 1000
_LONGEST_NAME = {"Linux": 12, "Windows": 6}
_VM_SIZE = re.compile(r"(Standard|Basic)_[A-Z]+\d+(-\d+)?[A-Z]*(_[A-Z0-9]+)*", re.IGNORECASE)


def new_pool(pool: dict[str, Any], version: str) -> dict[str, Any]:
    """The pool that a request describes, with Azure's defaults."""
    defaults = {
        "count": 1,
        "vmSize": "Standard_D4ds_v5",
        "osDiskSizeGB": 128,
        "osDiskType": "Managed",
        "kubeletDiskType": "OS",
        "maxPods": 250,
        "type": "VirtualMachineScaleSets",
        "enableAutoScaling": False,
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "orchestratorVersion": version,
        "currentOrchestratorVersion": version,
        "enableNodePublicIP": False,
        "mode": "User",
        "enableEncryptionAtHost": False,
        "enableUltraSSD": False,
        "osType": "Linux",
        "osSKU": "Ubuntu",
        "nodeImageVersion": "AKSUbuntu-2404gen2containerd-202610.01.0",
        "upgradeSettings": {},
        "enableFIPS": False,
    }
    only_asked = ("scaleSetPriority", "scaleSetEvictionPolicy", "spotMaxPrice", "nodeTaints")
    said = {key: value for key, value in pool.items() if value not in (None, "") and key not in only_asked and (key, value) != ("osDiskSizeGB", 0)}
    return {"name": pool.get("name"), **defaults, **said}


def check(pools: Sequence[dict[str, Any]], location: str) -> None:
    """Raise `ArmError` where AKS refuses the pools of a cluster, each as `new_pool` gives it."""
    for pool in pools:
        _check_name(pool, pools)
        _check_count(pool)
        if not _VM_SIZE.fullmatch(str(pool["vmSize"])):
            message = f"The VM size of AgentPoolProfile:{pool['name']} is not allowed in your subscription in location '{location}'. "
            raise bad_request(message + " For more details, please visit https://aka.ms/aks/quotas-skus-regions")
    if not any(pool["mode"] == "System" for pool in pools):
        raise bad_request("Must define at least one system pool.", "MustDefineAtLeastOneSystemPool")


def _check_name(pool: dict[str, Any], pools: Sequence[dict[str, Any]]) -> None:
    if pool["mode"] not in ("System", "User"):
        raise bad_request("The value of parameter agentPoolProfile.mode is invalid.", "InvalidParameter")
    name, longest = str(pool["name"]), _LONGEST_NAME.get(pool["osType"], 12)
    if not re.fullmatch(rf"[a-z][a-z0-9]{{0,{longest - 1}}}", name) or [each["name"] for each in pools].count(name) > 1:
        message = "The value of parameter agentPoolProfile.name is invalid. Please see https://aka.ms/aks-naming-rules for more details."
        raise bad_request(message, "InvalidParameter")


def _check_count(pool: dict[str, Any]) -> None:
    count, least = pool["count"], 1 if pool["mode"] == "System" else 0
    if type(count) is not int or not least <= count <= MOST_NODES:
        raise bad_request(
            f"The value of parameter agentPoolProfile.count is invalid. Error details: agentPoolProfile.count was {count}. It must be greater or equal to "
            f"minCount:{least} and less than or equal to maxCount:{MOST_NODES}. Please see https://aka.ms/aks-naming-rules for more details.",
            "InvalidParameter",
        )
