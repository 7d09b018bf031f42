# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The program notation, in a configuration of its own: neither the user's keys and trust stores nor their logins are used, or written.

https://notaryproject.dev/docs/user-guides/cli-reference/
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._azure import private_file
from .._azure.errors import ModuleError, refuse
from .._azure.registry_plane import USER
from .._programs import run

Json = Mapping[str, Any]
OLDEST, OLDEST_PLUGIN = (1, 3), (1, 2)
"""Of notation the first that finds its folders by variables of its own, of the plugin the first that has a variable for the login."""
PLUGIN = "azure-kv"
TIMEOUT = 180
"""Seconds within which notation ends: it asks the registry, the vault and the authority of time stamps."""
_MOST = 1000
"""Signatures of an image that are looked at."""
_NOT_PASSED_ON = ("AZURE_", "NOTATION_", "DOCKER_", "ANSIBLE_")
"""Beginnings of variables that could change what notation and its plugin do."""
_TRUST = {
    "version": "1.0",
    "trustPolicies": [
        {
            "name": "signer",
            "registryScopes": ["*"],
            # A list of revoked certificates that cannot be fetched here is no reason to sign again at each run.
            "signatureVerification": {"level": "strict", "override": {"revocation": "skip"}},
            "trustStores": ["ca:signer"],
            "trustedIdentities": ["*"],
        }
    ],
}


class NotationError(ModuleError):
    """What notation said when it did not do what it was asked for."""

    def __init__(self, what: str, said: str) -> None:
        words = re.sub(r"^(Error: |error: )", "", " ".join(said.split())) or "it says nothing"
        super().__init__(f"notation could not {what}: {words.rstrip('.')}.", code="NotationFailed", message=said)


class Notation:
    """`program` is its path, `folder` its private configuration, `plugins` the folder that holds a folder for each plugin."""

    def __init__(self, program: str, folder: Path, plugins: Path) -> None:
        self._program, self.folder, self._plugins = program, folder, plugins
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_PASSED_ON)}
        # notation trusts the authorities that the rest of the collection does, which reads them from a variable that Go does not know.
        bundle = os.environ.get("REQUESTS_CA_BUNDLE")
        self._environment |= {
            "NOTATION_CONFIG": str(folder),
            "NOTATION_CACHE": str(folder / "cache"),
            "NOTATION_LIBEXEC": str(plugins.parent),
            "DOCKER_CONFIG": str(folder / "docker"),
            **({"SSL_CERT_FILE": bundle} if bundle else {}),
        }

    def require_plugin(self) -> None:
        """Raise `ModuleError` where the plugin is missing, or one that cannot be used."""
        path = self._plugins / PLUGIN / f"notation-{PLUGIN}"
        if not os.access(path, os.X_OK) or not path.is_file():
            raise refuse(
                f"notation has no plugin {PLUGIN} in {self._plugins}; install notation-azure-kv with `notation plugin install`, or give plugin_folder."
            )
        code, printed, _complaint = self._run([str(path), "get-plugin-metadata"], {}, "{}")
        try:
            metadata = json.loads(printed) if not code else {}
            version, contracts, able = str(metadata["version"]), metadata["supportedContractVersions"], metadata["capabilities"]
        except (ValueError, LookupError, TypeError):
            raise refuse(f"{path} does not answer as a plugin of notation does; install notation-azure-kv again.") from None
        if _numbers(version) < OLDEST_PLUGIN or "1.0" not in contracts or "SIGNATURE_GENERATOR.RAW" not in able:
            raise refuse(f"notation's plugin {PLUGIN} is of version {version}, but 1.2.0 or a later one with contract 1.0 is needed; update notation-azure-kv.")

    def inspect(self, reference: str, refresh_token: str) -> tuple[list[Json], dict[str, str]]:
        """The signatures of an image, by any signer, and by its digest why one could not be read. Raises `ModuleError`."""
        words = ["inspect", "--output", "json", "--max-signatures", str(_MOST), reference]
        code, printed, complaint = self._notation(words, _registry(refresh_token))
        unread = dict(re.findall(r"Warning: (?:Skipping|unable to fetch) signature (\S+) (?:because of|due to) error: (.*)", complaint))
        try:
            # A warning about too many signatures follows what is in JSON.
            found = json.JSONDecoder().raw_decode(printed.lstrip())[0]["Signatures"]
        except (ValueError, LookupError, TypeError):
            raise NotationError(f"inspect {reference}", complaint) from None
        if code and not unread:
            raise NotationError(f"inspect {reference}", complaint)
        return list(found or []), unread

    def trust(self, root: str) -> None:
        """From now on `verifies` trusts whom the certificate (PEM) has issued, or is."""
        store = self.folder / "truststore/x509/ca/signer"
        store.mkdir(parents=True, exist_ok=True)
        private_file.write(store / "root.pem", root)
        private_file.write(self.folder / "trustpolicy.json", json.dumps(_TRUST))

    def verifies(self, reference: str, refresh_token: str) -> bool:
        """Whether a signature of the image is valid, and by whom is trusted."""
        return self._notation(["verify", "--max-signatures", str(_MOST), reference], _registry(refresh_token))[0] == 0

    def sign(self, reference: str, refresh_token: str, words: Sequence[str], environment: Mapping[str, str]) -> None:
        """Sign an image, by its digest, and push the signature. Raises `ModuleError`."""
        command = ["sign", *words, "--force-referrers-tag=false", reference]
        code, _output, complaint = self._notation(command, {**environment, **_registry(refresh_token)})
        if code:
            raise NotationError(f"sign {reference}", complaint)

    def _notation(self, words: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
        return self._run([self._program, *words], environment)

    def _run(self, command: Sequence[str], environment: Mapping[str, str], given: str = "") -> tuple[int, str, str]:
        try:
            code, *printed = run(command, {**self._environment, **environment}, TIMEOUT, given=given.encode())
        except TimeoutError:
            return 1, "", f"it did not finish within {TIMEOUT} s"
        except OSError as error:
            raise refuse(f"{command[0]} cannot be started ({error.strerror}); check that it is a program for this machine.") from None
        output, complaint = (each.decode(errors="replace") for each in printed)
        return code, output, complaint


@contextmanager
def notation(program: str, plugins: str | None) -> Iterator[Notation]:
    """The program of that name or path, checked, with a private folder that is removed at the end. Raises `ModuleError`."""
    path = shutil.which(os.path.expanduser(program))
    if not path:
        raise refuse(f"There is no program {program} on this machine; install notation 1.3 or later, or give notation_path.")
    home = Path(os.environ.get("NOTATION_LIBEXEC") or Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "notation")
    with tempfile.TemporaryDirectory(prefix="image-trust-notation-") as folder:
        made = Notation(path, Path(folder), Path(plugins).expanduser().absolute() if plugins else home / "plugins")
        _code, printed, _complaint = made._notation(["version"], {})
        version = re.search(r"^Version:\s+v?(\S+)", printed, re.MULTILINE)
        if not version or _numbers(version[1]) < OLDEST:
            raise refuse(
                f"{path} is {f'notation {version[1]}' if version else 'no notation'}, but notation 1.3 or later is needed; install it, or give notation_path."
            )
        yield made


def _registry(refresh_token: str) -> dict[str, str]:
    """The login to the registry: by the environment, for a command line is seen by every user of the machine."""
    return {"NOTATION_USERNAME": USER, "NOTATION_PASSWORD": refresh_token} if refresh_token else {}


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, found[1].split("."))) if found else ()
