"""What sign.yml costs by the number of images, against the emulated Azure and a real registry, with the lab's plugin in place of azure-kv."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.commands import ANSIBLE_PLAYBOOK, Spent, run
from bench.report import Titled
from lab.build import tools
from lab.config import RESOURCE_GROUP, VAULT
from lab.progress import say
from lab.signing import azure_kv
from tests.support.emulated import OBJECT_ID, emulated
from tests.support.module_runs import Backend
from tests.support.signing import SERVER, image, registry, repository

SIZES = (1, 20, 200)
HEAD = ("images", "first run: wall, s", "CPU, s", "an image, s", "second run: wall, s", "CPU, s")


def tables(folder: Path, collections: Path, sizes: Sequence[int] = SIZES) -> list[Titled]:
    """Of the collection as it is installed in `collections`. What is written lies in `folder`."""
    tools.family("notation").build()
    azure_kv.install(folder / "notation/plugins")
    rows, backend = [], Backend()
    (folder / "inventory").write_text("[signers]\nbench\n")
    with registry(folder) as storage, emulated(folder, backend) as azure:
        backend.registry = storage
        vault = azure.state.vault_named(VAULT)
        assert vault
        vault.registered_at = 0
        permitted = {"certificates": ["get", "list", "create", "update"], "keys": ["sign"]}
        vault.properties["accessPolicies"] = [{"tenantId": vault.properties["tenantId"], "objectId": OBJECT_ID, "permissions": permitted}]
        environment = {**os.environ, **azure.public, "ANSIBLE_COLLECTIONS_PATH": str(collections), "NOTATION_LIBEXEC": str(folder / "notation")}
        for size in sizes:
            name = f"shop-{size}"
            for number in range(size):
                repository(storage, name).push(f"v{number}", image(f"{name} {number}"))
            variables = {
                "ansible_python_interpreter": sys.executable,
                "signer_vault": {"name": VAULT, "resource_group": RESOURCE_GROUP},
                "signer_certificate": name,
                "signer_subject": "C=US, ST=WA, O=Bench, CN=bench.example",
                "signer_images": [f"{SERVER}/{name}:*"],
                "signer_notation_path": str(tools.program("notation")),
            }
            words = [ANSIBLE_PLAYBOOK, "image_trust.azure.sign", "-i", "inventory", "-e", json.dumps(variables)]
            say(f"signing {size} images, twice")
            rows.append(_row(size, *(run(words, environment, folder) for _ in range(2))))
    return [("sign.yml by the number of images: one run each; the first makes the certificate and signs all, the second finds all signed", HEAD, rows)]


def _row(size: int, first: Spent, second: Spent) -> list[str]:
    each = f"{(first.wall - second.wall) / size:.1f}"
    return [str(size), f"{first.wall:.0f}", f"{first.cpu:.0f}", each, f"{second.wall:.0f}", f"{second.cpu:.0f}"]
