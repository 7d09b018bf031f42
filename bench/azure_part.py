"""Roles aks and identity on many hosts, against the emulated Azure alone: there are no clusters behind it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from bench.commands import ANSIBLE_PLAYBOOK, Spent, run
from bench.pairs import Slope, slope
from lab.config import LOCATION, REGISTRY, RESOURCE_GROUP, VAULT
from lab.progress import say
from tests.support.emulated import emulated
from tests.support.module_runs import Backend

SIZES = (1, 10, 100)
PLAY = {
    "hosts": "clusters",
    "connection": "local",
    "gather_facts": False,
    # As site.yml has it.
    "module_defaults": {"group/image_trust.azure.azure": {"token_cache": "{{ lookup('image_trust.azure.run_folder') }}"}},
    "roles": ["image_trust.azure.aks", "image_trust.azure.identity"],
}


def measure(folder: Path, collections: Path, repetitions: int = 1, sizes: Sequence[int] = SIZES) -> Slope:
    """Of the collection as it is installed in `collections`. What it writes lies in `folder`."""
    variables = {
        "ansible_python_interpreter": sys.executable,
        "aks_resource_group": RESOURCE_GROUP,
        "aks_create": True,
        "aks_location": LOCATION,
        "aks_registries": [{"name": REGISTRY, "resource_group": RESOURCE_GROUP}],
        "aks_kubeconfig": f"{folder}/kubeconfigs/{{{{ inventory_hostname }}}}",
        "identity_resource_group": RESOURCE_GROUP,
        "identity_vaults": [{"name": VAULT, "resource_group": RESOURCE_GROUP}],
    }
    (folder / "play.yml").write_text(yaml.safe_dump([PLAY]))
    (folder / "inventory").write_text("\n".join(["[clusters]", *(f"lab{number}" for number in range(1, max(sizes) + 1))]))
    words = [ANSIBLE_PLAYBOOK, "play.yml", "-i", "inventory", "-e", json.dumps(variables)]
    with emulated(folder, Backend()) as azure:
        environment = {**os.environ, **azure.environment, "ANSIBLE_COLLECTIONS_PATH": str(collections)}

        def play(hosts: Sequence[str]) -> Spent:
            return run([*words, "--limit", ",".join(hosts)], environment, folder)

        say(f"first run of roles aks and identity on {max(sizes)} hosts")
        run(words, environment, folder)
        return slope("roles aks and identity against the emulated Azure", sizes, repetitions, play)
