"""Microsoft's command line client, `az`, as a client of the emulated Azure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.config import TENANT
from tests.support.environments import environment

AZURE_CLI = "azure-cli==2.91.0"
SECONDS = 120
"""A command that takes longer is stuck."""


def azure_cli() -> Path:
    """Path of `az`, which has a virtual environment of its own; 0.7 GB."""
    return environment("azure-cli", [AZURE_CLI], sys.executable) / "bin/az"


class AzError(Exception):
    """A command of az that failed; the message is what it printed."""


class Az:
    """`az` on an emulated Azure. Everything that it writes lies in `folder`; nothing of the user's own set-up is read."""

    def __init__(self, program: Path, folder: Path, azure: Mapping[str, str]) -> None:
        """`azure` is the environment in which our modules find it."""
        self.program, self._cloud = program, azure["AZURE_CLOUD_ENVIRONMENT"]
        self.kubeconfig = folder / "kubeconfig"
        self.printed = ""
        """Warnings of the last command."""
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "KUBECONFIG": str(self.kubeconfig),
            "AZURE_CONFIG_DIR": str(folder / "azure"),
            "REQUESTS_CA_BUNDLE": azure["REQUESTS_CA_BUNDLE"],
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            # az's own setting for clouds, such as Azure Stack, that login.microsoftonline.com does not know.
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        }
        """Environment of every command, also for others who start `az`."""

    def sign_in(self, client_id: str, secret: str) -> None:
        """Make the emulated Azure the active cloud and log in as a service principal. az keeps the login in its folder."""
        self("cloud", "register", "--name", "lab", "--endpoint-resource-manager", self._cloud)
        self("cloud", "set", "--name", "lab")
        self("login", "--service-principal", "--username", client_id, "--password", secret, "--tenant", TENANT)

    def __call__(self, *command: str) -> Any:
        """What the command answers: the value of its JSON, None where it prints nothing. Raises AzError."""
        done = subprocess.run([self.program, *command, "--output", "json"], env=self.environment, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode:
            raise AzError(done.stderr or done.stdout)
        self.printed = done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def line(self, text: str) -> Any:
        """The same, of a command line without quotes, as one would type it."""
        return self(*text.split())
