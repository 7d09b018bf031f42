"""Stand-in for notation-azure-kv, notation's plugin for Key Vault, which is a .NET program that cannot be built here.

It speaks the plugin's protocol, takes its configuration and its ways to log in, and asks the vault as it does: the certificate of a version for `describe-key`,
and to sign with that version of the key for `generate-signature`. It is not for a certificate whose chain is in the vault's secret.

https://github.com/notaryproject/specifications/blob/main/specs/plugin-extensibility.md
https://github.com/Azure/notation-azure-kv/blob/main/docs/plugin-config.md
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from azure.core import PipelineClient
    from azure.core.rest import HttpRequest, HttpResponse

NAME = "notation-azure-kv"
VERSION = "1.2.1"
"""Of the plugin that it stands for."""
_KEY = re.compile(r"/(?:keys|certificates)/([^/]+)/([^/]+)/?")
_CREDENTIALS = {
    "default": "DefaultAzureCredential",
    "environment": "EnvironmentCredential",
    "workloadid": "WorkloadIdentityCredential",
    "managedid": "ManagedIdentityCredential",
    "azurecli": "AzureCliCredential",
}
"""Classes of azure-identity, by credential_type."""
_RSA_HASHES = {2048: "256", 3072: "384", 4096: "512"}
_EC_HASHES = {256: "256", 384: "384", 521: "512"}


class PluginError(Exception):
    """What the plugin answers when it does not do what notation asks for."""

    def __init__(self, message: str, code: str = "VALIDATION_ERROR") -> None:
        super().__init__(message)
        self.code = code


class _Key:
    """A certificate of a vault and its key, of one version."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._configuration: Mapping[str, str] = request.get("pluginConfig") or {}
        self.id = str(request.get("keyId"))
        url = urlsplit(self.id)
        named = _KEY.fullmatch(url.path)
        if not named or url.scheme != "https":
            raise PluginError(
                'Invalid input passed to "--id". Please follow this format to input the ID "https://<vault-name>.vault.azure.net/certificates/<certificate-name>/[certificate-version]"'
            )
        self._vault, (self._name, self._version) = f"https://{url.netloc}", named.groups()

    @cached_property
    def certificate(self) -> x509.Certificate:
        answer = self._ask("GET", f"certificates/{self._name}/{self._version}")
        return x509.load_der_x509_certificate(base64.b64decode(answer["cer"]))

    def chain(self) -> list[x509.Certificate]:
        """The certificate, and those that the configuration names for it."""
        if path := self._configuration.get("ca_certs"):
            return [self.certificate, *x509.load_pem_x509_certificates(Path(path).read_bytes())]
        if self._configuration.get("self_signed", "").lower() != "true":
            raise PluginError("the stand-in of the lab needs self_signed=true or ca_certs")
        return [self.certificate]

    def sign(self, payload: bytes) -> tuple[bytes, str]:
        """The signature as the envelopes hold it, and the name of its algorithm."""
        family, size = _specification(self.certificate)
        digest = hashlib.new(f"sha{size}", payload).digest()
        asked = {"alg": f"{'PS' if family == 'RSA' else 'ES'}{size}", "value": base64.urlsafe_b64encode(digest).rstrip(b"=").decode()}
        value = str(self._ask("POST", f"keys/{self._name}/{self._version}/sign", asked)["value"])
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)), f"{'RSASSA-PSS' if family == 'RSA' else 'ECDSA'}-SHA-{size}"

    @cached_property
    def _client(self) -> PipelineClient[HttpRequest, HttpResponse]:
        # Imported here: notation starts the plugin several times for a signature, and once only to hear its version.
        from azure import identity
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import BearerTokenCredentialPolicy

        kind = self._configuration.get("credential_type", "default").lower()
        if kind not in _CREDENTIALS:
            raise PluginError(f"Invalid credential type: {kind}")
        # That the authority exists, Microsoft's would be asked, which does not know the lab's.
        options = {"disable_instance_discovery": True} if kind in ("default", "environment", "workloadid") else {}
        login = BearerTokenCredentialPolicy(getattr(identity, _CREDENTIALS[kind])(**options), "https://vault.azure.net/.default")
        return PipelineClient(self._vault, policies=[login])

    def _ask(self, method: str, path: str, content: Mapping[str, str] | None = None) -> dict[str, Any]:
        from azure.core.exceptions import AzureError, ClientAuthenticationError
        from azure.core.rest import HttpRequest

        request = HttpRequest(method, f"{self._vault}/{path}", params={"api-version": "7.4"}, json=content)
        try:
            answer = self._client.send_request(request)
        except ClientAuthenticationError as error:
            raise PluginError(str(error.message), "ACCESS_DENIED") from error
        except AzureError as error:
            raise PluginError(f"the vault cannot be reached: {error!r}", "ERROR") from error
        if answer.status_code >= 400:
            raise PluginError(str(answer.json()["error"]["message"]), "ACCESS_DENIED" if answer.status_code in (401, 403) else "ERROR")
        found: dict[str, Any] = answer.json()
        return found


def _specification(certificate: x509.Certificate) -> tuple[str, str]:
    """RSA or EC, and the bits of the hash that belongs to a key of that size."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_HASHES:
        return "RSA", _RSA_HASHES[key.key_size]
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size in _EC_HASHES:
        return "EC", _EC_HASHES[key.key_size]
    raise PluginError("RSA key size must be 2048, 3072 or 4096, EC key size 256, 384 or 521")


def _metadata(_: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "azure-kv",
        "description": "Stand-in of the lab for the Azure Key Vault plugin",
        "version": VERSION,
        "url": "https://github.com/Azure/notation-azure-kv",
        "supportedContractVersions": ["1.0"],
        "capabilities": ["SIGNATURE_GENERATOR.RAW"],
    }


def _describe(request: Mapping[str, Any]) -> dict[str, Any]:
    key = _Key(request)
    family, _ = _specification(key.certificate)
    public = key.certificate.public_key()
    assert isinstance(public, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey))
    return {"keyId": key.id, "keySpec": f"{family}-{public.key_size}"}


def _generate(request: Mapping[str, Any]) -> dict[str, Any]:
    key = _Key(request)
    chain = key.chain()
    signature, algorithm = key.sign(base64.b64decode(request["payload"]))
    certificates = [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in chain]
    return {"keyId": key.id, "signature": base64.b64encode(signature).decode(), "signingAlgorithm": algorithm, "certificateChain": certificates}


_COMMANDS = {"get-plugin-metadata": _metadata, "describe-key": _describe, "generate-signature": _generate}


def main(arguments: list[str]) -> int:
    """Answer one command of notation; its exit status."""
    # notation reads what is printed as JSON.
    logging.disable()
    try:
        if not arguments or arguments[0] not in _COMMANDS:
            raise PluginError(f"Invalid command: {' '.join(arguments)}")
        print(json.dumps(_COMMANDS[arguments[0]](json.loads(sys.stdin.read() or "{}"))))
    except PluginError as error:
        print(json.dumps({"errorCode": error.code, "errorMessage": str(error)}), file=sys.stderr)
        return 1
    return 0


def install(plugins: Path) -> Path:
    """Put it where notation finds it, below a folder of plugins; its path."""
    program = plugins / "azure-kv" / NAME
    program.parent.mkdir(parents=True, exist_ok=True)
    root = Path(__file__).parents[2]
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(root)!r})\nfrom lab.signing.azure_kv import main\nsys.exit(main(sys.argv[1:]))\n"
    )
    program.chmod(0o755)
    return program
