"""What the lab holds from its first `up` on: resources in the emulated Azure, and images, signed and not, in its registry and on Docker Hub."""

from __future__ import annotations

import hashlib
import json
import secrets
import ssl
from dataclasses import dataclass
from uuid import uuid4

import httpx

from lab.azure import state as azure_state
from lab.azure.arm.groups import new_group
from lab.azure.arm.registries import new_registry
from lab.azure.arm.role_assignments import new_assignment
from lab.azure.arm.vaults import new_vault
from lab.azure.docker_hub import PREFIX as DOCKER_HUB
from lab.azure.roles import ACR_PUSH, OWNER, REPOSITORY_WRITER, Role
from lab.azure.state import Secret, SecretVersion, ServicePrincipal, State, guid, now
from lab.config import CERTIFICATE, LOCATION, REGISTRY, REPOSITORY, RESOURCE_GROUP, SUBSCRIPTION, TENANT, VAULT, home
from lab.errors import LabError
from lab.images import BUSYBOX, Image, Packed, pack
from lab.pki import bundle
from lab.progress import step
from lab.signers import Signer

CONTROLLER = "33333333-3333-3333-3333-333333333333"
"""Client id of the service principal that Ansible works as: Owner of the subscription."""
PUBLISHER = "44444444-4444-4444-4444-444444444444"
"""Client id of the service principal that pushes images and signatures: may write to the registry."""
ADMINISTRATORS = "66666666-6666-6666-6666-666666666666"
"""Object id of the group of Entra in which the controller is. Who makes a cluster sign its users in with Entra can name it as its administrators."""
SIGNER = Signer("signer", "CN=brooklyn.io,O=Brooklyn,L=Seattle,ST=WA,C=US")
OTHER = Signer("other", "CN=other.example,O=Other,L=Seattle,ST=WA,C=US")

LOGIN_SERVER = f"{REGISTRY}.azurecr.io"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_SIGNATURE = "application/vnd.cncf.notary.signature"


@dataclass(frozen=True)
class Seeded:
    """An image of the registry: its tag, who signs it, and the tag whose signature is attached to it as if it were its own."""

    tag: str
    signer: Signer | None = None
    signature_of: str | None = None


IMAGES = (Seeded("signed", signer=SIGNER), Seeded("unsigned"), Seeded("other-signer", signer=OTHER), Seeded("moved-signature", signature_of="signed"))


def resources() -> None:
    """Complete the emulated Azure's state file; to be called while it does not run."""
    file = home() / "azure" / "state.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    state = azure_state.load(file) or State(TENANT, SUBSCRIPTION)
    SIGNER.make()
    OTHER.make()
    complete(state, SIGNER.certificate.read_text())
    azure_state.save(state, file)


def complete(state: State, certificate: str) -> None:
    """Add to `state` what is missing of the lab's resources. `certificate` is the PEM of the certificate in the vault."""
    group = new_group(SUBSCRIPTION, RESOURCE_GROUP, LOCATION)
    state.resource_groups.setdefault(group["id"].lower(), group)
    registry = state.registry_named(REGISTRY) or new_registry(state, RESOURCE_GROUP, REGISTRY, LOCATION)
    vault = state.vault_named(VAULT)
    if not vault:
        properties = {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "accessPolicies": [], "enableRbacAuthorization": False}
        vault = new_vault(state, RESOURCE_GROUP, VAULT, LOCATION, properties)
        vault.registered_at = 0
    if CERTIFICATE not in vault.secrets:
        version = uuid4().hex
        vault.secrets[CERTIFICATE] = Secret(version, {version: SecretVersion(certificate, "application/x-pem-file", now())})
        vault.certificates.append(CERTIFICATE)
    _service_principal(state, CONTROLLER, "image-trust-controller", f"/subscriptions/{SUBSCRIPTION}", OWNER)
    state.groups.setdefault(ADMINISTRATORS, [state.service_principals[CONTROLLER].object_id])
    # One role for each role assignment mode of the registry, which may be changed at any time.
    _service_principal(state, PUBLISHER, "image-trust-publisher", registry.id, ACR_PUSH, REPOSITORY_WRITER)


def images(backend: str) -> None:
    """Push and sign what is missing. Azure must run, and the real registry at the URL `backend`. Raises LabError."""
    publisher = _publisher()
    try:
        with httpx.Client(base_url=backend, timeout=60) as storage:
            nginx = _image("docker.io/library/nginx:latest", "I stand in for nginx, unsigned")
            _push(storage, f"{DOCKER_HUB}/library/nginx", "latest", nginx)
        with _front() as registry:
            _login(registry, publisher)
            packed = {seeded.tag: _image(f"{LOGIN_SERVER}/{REPOSITORY}:{seeded.tag}", f"I am {seeded.tag}") for seeded in IMAGES}
            for tag, content in packed.items():
                _push(registry, REPOSITORY, tag, content)
            for seeded in IMAGES:
                digest = packed[seeded.tag].digest
                if (seeded.signer or seeded.signature_of) and not _signatures(registry, digest):
                    with step(f"Signing {REPOSITORY}:{seeded.tag}"):
                        if seeded.signer:
                            seeded.signer.sign(f"{LOGIN_SERVER}/{REPOSITORY}@{digest}", publisher.client_id, publisher.secret)
                        elif seeded.signature_of:
                            _attach(registry, _signatures(registry, packed[seeded.signature_of].digest)[0], packed[seeded.tag])
    except httpx.HTTPError as error:
        raise LabError(f"the lab's images cannot be pushed: {error}") from error


def _image(reference: str, text: str) -> Packed:
    """An image that runs until it is told to end, and says `text` in /who.txt."""
    # Process 1 has no default action for SIGTERM: without the trap a pod would take its whole grace period to end.
    script = "trap 'exit 0' TERM; /bin/busybox sleep infinity & wait"
    return pack(Image(reference, {"/bin/busybox": BUSYBOX, "/who.txt": f"{text}\n".encode()}, ("/bin/busybox", "sh", "-c", script)))


def _service_principal(state: State, client_id: str, name: str, scope: str, *roles: Role) -> None:
    if client_id not in state.service_principals:
        principal = ServicePrincipal(client_id, guid(), name, secrets.token_urlsafe(32))
        state.service_principals[client_id] = principal
        for role in roles:
            new_assignment(state, scope, role.guid, principal.object_id).effective_at = 0


def _publisher() -> ServicePrincipal:
    state = azure_state.load(home() / "azure" / "state.json")
    if not state or PUBLISHER not in state.service_principals:
        raise LabError("the emulated Azure has no publisher; run `up`")
    return state.service_principals[PUBLISHER]


def _front() -> httpx.Client:
    """Client of the registry, through the emulated Azure's socket."""
    trust = ssl.create_default_context(cafile=str(bundle()))
    transport = httpx.HTTPTransport(uds=str(home() / "azure/azure.sock"), verify=trust)
    return httpx.Client(base_url=f"https://{LOGIN_SERVER}", transport=transport, timeout=60)


def _login(registry: httpx.Client, principal: ServicePrincipal) -> None:
    """Let the client go on as `principal`."""
    query = {"service": LOGIN_SERVER, "scope": f"repository:{REPOSITORY}:pull,push"}
    answer = registry.get("/oauth2/token", params=query, auth=(principal.client_id, principal.secret)).raise_for_status()
    registry.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def _push(registry: httpx.Client, repository: str, tag: str, image: Packed) -> None:
    """Push what is missing of the image. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push"""
    head = registry.head(f"/v2/{repository}/manifests/{tag}", headers={"Accept": _MANIFEST})
    if head.headers.get("Docker-Content-Digest") == image.digest:
        return
    for digest, content in image.blobs.items():
        if registry.head(f"/v2/{repository}/blobs/{digest}").status_code != 200:
            upload = registry.post(f"/v2/{repository}/blobs/uploads/").raise_for_status()
            registry.put(httpx.URL(upload.headers["Location"]).copy_add_param("digest", digest), content=content).raise_for_status()
    registry.put(f"/v2/{repository}/manifests/{tag}", content=image.manifest, headers={"Content-Type": _MANIFEST}).raise_for_status()


def _signatures(registry: httpx.Client, digest: str) -> list[str]:
    """Digests of the signatures of an image."""
    answer = registry.get(f"/v2/{REPOSITORY}/referrers/{digest}", params={"artifactType": _SIGNATURE}).raise_for_status()
    return [descriptor["digest"] for descriptor in answer.json()["manifests"]]


def _attach(registry: httpx.Client, signature: str, image: Packed) -> None:
    """Attach a signature of another image to this one: the same envelope, under a manifest that names this image as its subject."""
    manifest = registry.get(f"/v2/{REPOSITORY}/manifests/{signature}", headers={"Accept": _MANIFEST}).raise_for_status().json()
    manifest["subject"] = {"mediaType": _MANIFEST, "digest": image.digest, "size": len(image.manifest)}
    content = json.dumps(manifest).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    registry.put(f"/v2/{REPOSITORY}/manifests/{digest}", content=content, headers={"Content-Type": _MANIFEST}).raise_for_status()
