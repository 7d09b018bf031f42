"""What runs beside the clusters: the OCI registry that stores the images, and the emulated Azure in front of it."""

from __future__ import annotations

import json
import ssl
import sys

import httpx

from lab import pki
from lab.build import tools
from lab.clusters import Clusters
from lab.config import AZURE_PORT, home
from lab.daemon import Daemon
from lab.errors import LabError
from lab.node.control import lab_environment
from lab.progress import wait_for

URL = f"https://127.0.0.1:{AZURE_PORT}"


def registry() -> Daemon:
    return Daemon(home() / "registry", "registry")


def azure() -> Daemon:
    return Daemon(home() / "azure", "azure")


def start_registry() -> bool:
    """Start the registry (CNCF distribution) on 127.0.0.1; False where it already runs."""
    daemon = registry()
    daemon.folder.mkdir(parents=True, exist_ok=True)
    config = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(daemon.folder / "storage")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{AZURE_PORT + 1}"},
    }
    file = daemon.folder / "config.yaml"
    file.write_text(json.dumps(config))
    return daemon.start((str(tools.program("registry")), "serve", str(file)), lab_environment())


def wait_for_registry(seconds: float = 30) -> None:
    wait_for("registry answers", lambda: _answers(f"{Clusters.registry}/v2/"), seconds, lambda: _alive(registry()))


def start_azure() -> bool:
    """Start the emulated Azure; False where it already runs. Needs its state (lab.seed.resources)."""
    pki.bundle()
    pki.azure_certificate()
    return azure().start((sys.executable, "-m", "lab.azure"), lab_environment())


def wait_for_azure(seconds: float = 30) -> None:
    wait_for("emulated Azure answers", lambda: _answers(f"{URL}/metadata/endpoints?api-version=2022-09-01"), seconds, lambda: _alive(azure()))


def client() -> httpx.Client:
    """HTTP client for the emulated Azure's control paths (/lab/...). LabError is raised where Azure does not run."""
    if azure().pid() is None:
        raise LabError("the emulated Azure does not run; run `python -m lab up`")
    return httpx.Client(base_url=URL, verify=ssl.create_default_context(cafile=str(home() / "ca.crt")), timeout=30, trust_env=False)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, verify=ssl.create_default_context(cafile=str(home() / "ca.crt")), timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _alive(daemon: Daemon) -> None:
    if daemon.pid() is None:
        raise LabError(f"{daemon.name} has stopped:\n{daemon.tail()}")
