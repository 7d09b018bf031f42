"""What the lab holds from its first `up` on: resources in the emulated Azure, and images, signed and not, in its registry and on Docker Hub."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from lab import permissions
from lab.azure import roles
from lab.azure import state as azure_state
from lab.azure.arm.groups import new_group
from lab.azure.arm.registries import new_registry
from lab.azure.arm.role_assignments import new_assignment
from lab.azure.arm.vaults import new_vault
from lab.azure.keyvault import keys
from lab.azure.registries.docker_hub import PREFIX as DOCKER_HUB
from lab.azure.state import Secret, SecretVersion, ServicePrincipal, State, Vault, guid, now
from lab.build.images import BUSYBOX
from lab.build.oci import Image, Packed, pack
from lab.config import (
    CA_CERTIFICATE,
    CERTIFICATE,
    EXPIRED_CERTIFICATE,
    KEYED_REPOSITORY,
    LOCATION,
    OTHER_REPOSITORY,
    PARTNER_VAULT,
    PROOF_KEY,
    REGISTRY,
    REPOSITORY,
    RESOURCE_GROUP,
    STAMPED_REPOSITORY,
    SUBSCRIPTION,
    TENANT,
    UNSIGNED_REPOSITORY,
    VAULT,
    home,
)
from lab.errors import LabError
from lab.pki import bundle
from lab.progress import step
from lab.signing import ca
from lab.signing.keys import Key
from lab.signing.publishing import Repository
from lab.signing.signers import Signer

OWNER = "33333333-3333-3333-3333-333333333333"
"""Client id of the service principal that may do anything in the subscription, as those do who are no part of it: tests."""
CONTROLLER = "77777777-7777-7777-7777-777777777777"
"""Client id of the service principal that Ansible works as: has the two roles of docs/permissions.md, and no others."""
PUBLISHER = "44444444-4444-4444-4444-444444444444"
"""Client id of the service principal that pushes images and signatures: may write to the registry, make certificates of the vault and sign by them."""
ADMINISTRATORS = "66666666-6666-6666-6666-666666666666"
"""Object id of the group of Entra in which the controller is. Who makes a cluster sign its users in with Entra can name it as its administrators."""

SIGNER = Signer("signer", "CN=brooklyn.io,O=Brooklyn,L=Seattle,ST=WA,C=US")
EXPIRED = Signer("expired", SIGNER.subject, year=2025)
"""The same signer with the certificate before this one."""
RENEWED = Signer("renewed", SIGNER.subject)
"""The same signer with the certificate that comes next, which is not in the vault yet."""
OTHER = Signer("other", "CN=other.example,O=Other,L=Seattle,ST=WA,C=US")
CHAINED = Signer("chained", "CN=agents.example,O=Agents,L=Seattle,ST=WA,C=US", issued=True)
REVOKED = Signer("revoked", CHAINED.subject, issued=True)
"""The same signer with a certificate whose key was stolen."""
BRIEF = Signer("brief", CHAINED.subject, issued=True, seconds=20)
"""The same signer, whose certificate has expired when anybody looks."""
STAMPED = replace(BRIEF, name="stamped", stamped=True)
"""The same, whose signature an authority has stamped in time."""
KEY, OTHER_KEY = Key("tools"), Key("tools-of-others")
"""A signer with a bare key, and another one."""
_SIGNERS = (SIGNER, EXPIRED, RENEWED, OTHER, CHAINED, REVOKED)

LOGIN_SERVER = f"{REGISTRY}.azurecr.io"


@dataclass(frozen=True)
class Seeded:
    """An image of the registry: its tag, who signs it with a certificate, the tag whose signature is attached to it as if it were its own, and whether the
    tag was moved after the signing, to an unsigned image.
    """

    tag: str
    signer: Signer | None = None
    signature_of: str | None = None
    moved: bool = False
    repository: str = REPOSITORY
    key: Key | None = None
    """With which it is signed, beside `signer` if there is one."""


IMAGES = (
    Seeded("signed", signer=SIGNER),
    Seeded("unsigned"),
    Seeded("other-signer", signer=OTHER),
    Seeded("moved-signature", signature_of="signed"),
    Seeded("moved-tag", signer=SIGNER, moved=True),
    Seeded("expired", signer=EXPIRED),
    Seeded("renewed", signer=RENEWED),
    Seeded("chained", signer=CHAINED, repository=OTHER_REPOSITORY),
    Seeded("revoked", signer=REVOKED, repository=OTHER_REPOSITORY),
    Seeded("other-scope", signer=SIGNER, repository=OTHER_REPOSITORY),
    Seeded("keyed", key=KEY, repository=KEYED_REPOSITORY),
    Seeded("other-key", key=OTHER_KEY, repository=KEYED_REPOSITORY),
    Seeded("unsigned", repository=KEYED_REPOSITORY),
    Seeded("keyed-and-other-signer", signer=OTHER, key=KEY, repository=KEYED_REPOSITORY),
    Seeded("signed-and-other-key", signer=SIGNER, key=OTHER_KEY, repository=KEYED_REPOSITORY),
    # Its name begins with that of the repository where the key is trusted.
    Seeded("keyed", key=KEY, repository=f"{KEYED_REPOSITORY}-beta"),
    Seeded("expired", signer=BRIEF, repository=STAMPED_REPOSITORY),
    Seeded("stamped", signer=STAMPED, repository=STAMPED_REPOSITORY),
    Seeded("unstamped", signer=CHAINED, repository=STAMPED_REPOSITORY),
    # What sign.yml signs, but for the draft.
    Seeded("v1", repository=UNSIGNED_REPOSITORY),
    Seeded("v2", repository=UNSIGNED_REPOSITORY),
    Seeded("draft", repository=UNSIGNED_REPOSITORY),
)


def resources() -> None:
    """Complete the emulated Azure's state file; to be called while it does not run."""
    file = home() / "azure" / "state.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    state = azure_state.load(file) or State(TENANT, SUBSCRIPTION)
    for signer in _SIGNERS:
        if signer.make() and signer is REVOKED:
            ca.revoke(signer.chain()[0])
    for key in (KEY, OTHER_KEY):
        key.make()
    authority = ca.authority().certificate.public_bytes(Encoding.PEM).decode()
    complete(state, {CERTIFICATE: SIGNER.certificate.read_text(), EXPIRED_CERTIFICATE: EXPIRED.certificate.read_text(), CA_CERTIFICATE: authority})
    if not state.vault_named(PARTNER_VAULT):
        _vault(state, PARTNER_VAULT, rbac=True)
    _import(state, PARTNER_VAULT, {OTHER.name: OTHER.certificate.read_text()})
    azure_state.save(state, file)


def complete(state: State, certificates: Mapping[str, str]) -> None:
    """Add to `state` what is missing of the lab's resources. `certificates` are those in the vault: PEM by name."""
    group = new_group(SUBSCRIPTION, RESOURCE_GROUP, LOCATION)
    state.resource_groups.setdefault(group["id"].lower(), group)
    registry = state.registry_named(REGISTRY) or new_registry(state, RESOURCE_GROUP, REGISTRY, LOCATION)
    vault = state.vault_named(VAULT)
    if not vault:
        vault = _vault(state, VAULT, rbac=False)
    if PROOF_KEY not in vault.keys:
        keys.add(vault, PROOF_KEY, ec.generate_private_key(ec.SECP256R1()))
    _import(state, VAULT, certificates)
    _service_principal(state, OWNER, "image-trust-owner", f"/subscriptions/{SUBSCRIPTION}", roles.OWNER)
    _service_principal(state, CONTROLLER, "image-trust-controller", group["id"])
    controller = state.service_principals[CONTROLLER].object_id
    permissions.give(state, controller, RESOURCE_GROUP)
    # What the proof of role verify takes: to sign it, and to say when certificates expire.
    _permit(vault, controller, keys=["get", "sign"], certificates=["get"])
    if controller not in state.groups.setdefault(ADMINISTRATORS, []):
        state.groups[ADMINISTRATORS].append(controller)
    # One role for each role assignment mode of the registry, which may be changed at any time.
    _service_principal(state, PUBLISHER, "image-trust-publisher", registry.id, roles.ACR_PUSH, roles.ACR_DELETE, roles.REPOSITORY_CONTRIBUTOR)
    publisher = state.service_principals[PUBLISHER].object_id
    _permit(vault, publisher, keys=["sign"], certificates=["get", "list", "create", "update"])
    if not state.roles_of(publisher, vault.id):
        new_assignment(state, vault.id, roles.READER.guid, publisher).effective_at = 0


def _permit(vault: Vault, principal: str, **permitted: list[str]) -> None:
    """By an access policy, where the principal has none."""
    if not any(entry["objectId"] == principal for entry in vault.properties["accessPolicies"]):
        vault.properties["accessPolicies"].append({"tenantId": TENANT, "objectId": principal, "permissions": permitted})


def _vault(state: State, name: str, *, rbac: bool) -> Vault:
    properties = {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "accessPolicies": [], "enableRbacAuthorization": rbac}
    vault = new_vault(state, RESOURCE_GROUP, name, LOCATION, properties)
    vault.registered_at = 0
    return vault


def _import(state: State, vault_name: str, certificates: Mapping[str, str]) -> None:
    """What is missing there of these certificates, PEM by name."""
    vault = state.vault_named(vault_name)
    assert vault
    for name in [name for name in certificates if name not in vault.secrets]:
        version = uuid4().hex
        vault.secrets[name] = Secret(version, {version: SecretVersion(certificates[name], "application/x-pem-file", now())})
        vault.certificates.append(name)


def images(backend: str) -> None:
    """Push and sign what is missing. Azure must run, and the real registry at the URL `backend`. Raises LabError."""
    publisher = _publisher()
    try:
        with httpx.Client(base_url=backend, timeout=60) as storage:
            Repository(storage, f"{DOCKER_HUB}/library/nginx").push("latest", _image("docker.io/library/nginx:latest", "I stand in for nginx, unsigned"))
        with _front() as registry:
            _login(registry, publisher)
            for seeded in IMAGES:
                publish(Repository(registry, seeded.repository), seeded, publisher)
    except httpx.HTTPError as error:
        raise LabError(f"the lab's images cannot be pushed: {error}") from error


def image(seeded: Seeded) -> None:
    """Push and sign what is missing of one image, in a repository of IMAGES. Azure must run."""
    publisher = _publisher()
    with _front() as registry:
        _login(registry, publisher)
        publish(Repository(registry, seeded.repository), seeded, publisher)


def publish(repository: Repository, seeded: Seeded, publisher: ServicePrincipal) -> None:
    """Push, sign and move what is missing of one image."""
    name = f"{seeded.repository}:{seeded.tag}"
    image = _image(f"{LOGIN_SERVER}/{name}", f"I am {seeded.tag}")
    moved = _image(f"{LOGIN_SERVER}/{name}", f"I have taken the place of {seeded.tag}")
    if seeded.moved and repository.digest(seeded.tag) == moved.digest:
        return
    repository.push(seeded.tag, image)
    if (seeded.signer or seeded.signature_of) and not repository.signatures(image.digest):
        with step(f"Signing {name}"):
            if seeded.signature_of:
                of = repository.digest(seeded.signature_of)
                assert of
                repository.attach_signature_of_another(repository.signatures(of)[0], image)
            elif seeded.signer and seeded.signer.year:
                repository.attach_envelope(seeded.signer.back_then(image), seeded.signer.chain(), image)
            elif seeded.signer:
                seeded.signer.sign(f"{LOGIN_SERVER}/{seeded.repository}@{image.digest}", publisher.client_id, publisher.secret)
    if seeded.key and not repository.keyed(image.digest):
        repository.attach_keyed(*seeded.key.sign(f"{LOGIN_SERVER}/{seeded.repository}", image.digest), image)
    if seeded.moved:
        repository.push(seeded.tag, moved)


def _image(reference: str, text: str) -> Packed:
    """An image that runs until it is stopped, and has `text` in /who.txt."""
    # Process 1 has no default action for SIGTERM: without the trap a pod would take its whole grace period to end.
    script = "trap 'exit 0' TERM; /bin/busybox sleep infinity & wait"
    return pack(Image(reference, {"/bin/busybox": BUSYBOX, "/who.txt": f"{text}\n".encode()}, ("/bin/busybox", "sh", "-c", script)))


def _service_principal(state: State, client_id: str, name: str, scope: str, *granted: roles.Role) -> None:
    if client_id not in state.service_principals:
        principal = ServicePrincipal(client_id, guid(), name, secrets.token_urlsafe(32))
        state.service_principals[client_id] = principal
        for role in granted:
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
    scopes = [f"repository:{repository}:pull,push" for repository in sorted({seeded.repository for seeded in IMAGES})]
    query = {"service": LOGIN_SERVER, "scope": scopes}
    answer = registry.get("/oauth2/token", params=query, auth=(principal.client_id, principal.secret)).raise_for_status()
    registry.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
