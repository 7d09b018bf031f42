"""Certificates of a vault: how they are made, imported, changed and deleted. What may not be done is Key Vault's business, by which it is asked here.

https://learn.microsoft.com/azure/key-vault/certificates/create-certificate-scenarios has the answers while one is made. Which version Key Vault takes for the
latest one while another is made is not written down; here it is the one that is complete. Merging is not emulated.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab.azure.context import Azure, blocking
from lab.azure.keyvault import certificate_policies as policies
from lab.azure.keyvault import issuing, keys
from lab.azure.keyvault.errors import KeyVaultError, not_found
from lab.azure.state import Certificate, CertificateOperation, DeletedCertificate, Secret, SecretVersion, Vault, now

Json = Mapping[str, Any]
_WAITS = "Pending certificate created. Certificate request is in progress. This may take some time based on the issuer provider. Please check again later."
_MERGES = "Pending certificate created. Please Perform Merge to complete the request."
_RETENTION = 90 * 24 * 3600
RETRY_AFTER = {"Retry-After": "10"}


def stored(vault: Vault, name: str) -> str:
    """The name as it was given first."""
    known = {key.lower(): key for key in (*vault.certificate_states, *vault.certificates)}
    return known.get(name.lower(), name)


async def create(azure: Azure, vault: Vault, name: str, host: str, body: Json) -> dict[str, Any]:
    """Begin to make the next version, by the policy that is sent; the operation. Raises KeyVaultError."""
    name = stored(vault, name)
    policy = policies.completed(body.get("policy") or {}, vault.issuers)
    _free(vault, name)
    key = await _key(vault, name, policy["key_props"])
    _free(vault, name)
    issuer, settings = policy["issuer"]["name"], azure.state.settings
    operation = CertificateOperation(
        uuid4().hex,
        uuid4().hex,
        issuer,
        issuing.signing_request(key, policy["x509_props"]),
        issuing.pem_of(key),
        bool((body.get("attributes") or {}).get("enabled", True)),
        dict(body.get("tags") or {}),
        None if issuer == policies.MANUAL else now() + settings.operation_delay,
    )
    kept = vault.certificate_states.get(name)
    if kept:
        kept.policy, kept.policy_updated, kept.operation = policy, now(), operation
    else:
        vault.certificate_states[name] = Certificate(policy, now(), now(), operation.version, operation)
    return pending(vault, name, host)


async def _key(vault: Vault, name: str, properties: Json) -> issuing.PrivateKey:
    """The one before, where the policy says so."""
    before = vault.keys.get(name)
    if properties["reuse_key"] and before:
        return issuing.private(before.versions[before.latest].private_key)
    return await blocking(lambda: issuing.new_key(properties))


def _free(vault: Vault, name: str) -> None:
    """Raise KeyVaultError 409 where no version of that name can be made now."""
    if stored_name := {key.lower(): key for key in vault.deleted_certificates}.get(name.lower()):
        message = (
            f"Certificate {stored_name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the certificate can "
            "only be recovered or purged."
        )
        raise KeyVaultError(409, "Conflict", message, inner="ObjectIsDeletedButRecoverable")
    kept = vault.certificate_states.get(name)
    if kept and kept.operation and kept.operation.status == "inProgress":
        message = "A new key vault certificate can not be created or imported while a pending key vault certificate's status is inProgress."
        raise KeyVaultError(409, "Forbidden", message)


def settle(vault: Vault) -> bool:
    """Complete, or let fail, the operations whose time has come; whether there was one."""
    due = [
        (name, kept.policy, kept.operation)
        for name, kept in vault.certificate_states.items()
        if kept.operation and kept.operation.status == "inProgress" and kept.operation.ready_at is not None and kept.operation.ready_at <= now()
    ]
    for name, policy, operation in due:
        if operation.error:
            operation.status = "failed"
            continue
        issuer = vault.issuers.get(operation.issuer)
        authority = (x509.load_pem_x509_certificate(issuer.certificate.encode()), issuing.private(issuer.private_key)) if issuer else None
        key = issuing.private(operation.private_key)
        made = issuing.certificate(key, policy["x509_props"], authority)
        _keep(vault, name, operation.version, policy, key, [made, *([authority[0]] if authority else [])], enabled=operation.enabled, tags=operation.tags)
        operation.status = "completed"
    return bool(due)


def _keep(
    vault: Vault,
    name: str,
    version: str,
    policy: Json,
    key: issuing.PrivateKey,
    chain: list[x509.Certificate],
    *,
    enabled: bool,
    tags: dict[str, str],
    value: str | None = None,
) -> None:
    """Make it the latest version: of the certificate, of its key, and of its secret, whose value may be given."""
    pem = policy["secret_props"]["contentType"] == policies.PEM
    exported = key if policy["key_props"]["exportable"] else None
    text = value or issuing.secret_value(chain, exported, pem=pem)
    secret = vault.secrets.setdefault(name, Secret(version, {}))
    secret.latest, secret.versions[version] = version, SecretVersion(text, policy["secret_props"]["contentType"], now(), enabled, tags=tags)
    keys.add(vault, name, key, version, issuing.operations_for(policy["x509_props"]["key_usage"]))
    vault.keys[name].versions[version].enabled = enabled
    if name not in vault.certificates:
        vault.certificates.append(name)


def pending(vault: Vault, name: str, host: str, request_id: str = "") -> dict[str, Any]:
    """The operation, as it is shown. Raises KeyVaultError 404."""
    operation = _operation(vault, name, request_id)
    shown: dict[str, Any] = {
        "id": f"https://{host}/certificates/{stored(vault, name)}/pending",
        "issuer": {"name": operation.issuer},
        "csr": operation.csr,
        "cancellation_requested": operation.cancellation_requested,
        "status": operation.status,
    }
    if operation.status == "inProgress":
        shown["status_details"] = _MERGES if operation.ready_at is None else _WAITS
    if operation.status == "failed":
        shown |= {"status_details": "", "error": operation.error}
    if operation.status == "completed":
        shown["target"] = f"https://{host}/certificates/{stored(vault, name)}"
    return {**shown, "request_id": operation.request_id}


def cancel(vault: Vault, name: str, host: str, body: Json) -> dict[str, Any]:
    """A cancellation is only asked for, and here it comes to nothing: Azure promises no more. Raises KeyVaultError."""
    operation = _operation(vault, name)
    if operation.status != "inProgress":
        raise KeyVaultError(400, "BadParameter", f"The request is not in progress: it is {operation.status}.")
    operation.cancellation_requested = bool(body.get("cancellation_requested"))
    return pending(vault, name, host)


def forget_operation(vault: Vault, name: str, host: str) -> dict[str, Any]:
    """Delete the operation, and with it the version that is not made yet. Raises KeyVaultError 404."""
    shown = pending(vault, name, host)
    vault.certificate_states[stored(vault, name)].operation = None
    return shown


def _operation(vault: Vault, name: str, request_id: str = "") -> CertificateOperation:
    kept = vault.certificate_states.get(stored(vault, name))
    if not kept or not kept.operation or (request_id and request_id != kept.operation.request_id):
        raise KeyVaultError(404, "PendingCertificateNotFound", f"Pending certificate not found: {name}")
    return kept.operation


def import_(vault: Vault, name: str, host: str, body: Json) -> dict[str, Any]:
    """Make what is sent the latest version; the certificate. Raises KeyVaultError."""
    name = stored(vault, name)
    _free(vault, name)
    sent, value = body.get("policy") or {}, str(body.get("value") or "")
    if "-----BEGIN" not in value:
        value = _pem_within(value)
    try:
        key, chain = issuing.opened(value, body.get("pwd"))
        leaf = issuing.leaf_of(value) if "-----BEGIN" in value else chain[0]
    except (ValueError, IndexError):
        raise KeyVaultError(400, "BadParameter", "The specified value is neither PEM nor PKCS#12 in base64, or its password is another one.") from None
    if key is None or key.public_key() != leaf.public_key():
        raise KeyVaultError(400, "BadParameter", "The specified value has no private key for its certificate.")
    content_type = policies.PEM if "-----BEGIN" in value else policies.PKCS12
    if (sent.get("secret_props") or {}).get("contentType", policies.PKCS12) != content_type:
        raise KeyVaultError(400, "BadParameter", f"The specified value is not of the policy's content type; it is {content_type}.")
    exportable = (sent.get("key_props") or {}).get("exportable") is not False
    policy = policies.of_certificate(leaf, content_type, exportable=exportable)
    version, attributes = uuid4().hex, body.get("attributes") or {}
    # The secret keeps the order of the import.
    kept = value if exportable and content_type == policies.PEM else issuing.secret_value(chain, None, pem=True) if content_type == policies.PEM else None
    _keep(vault, name, version, policy, key, chain, enabled=bool(attributes.get("enabled", True)), tags=dict(body.get("tags") or {}), value=kept)
    before = vault.certificate_states.get(name)
    vault.certificate_states[name] = Certificate(policy, before.policy_created if before else now(), now(), before.first_version if before else version)
    return shown(vault, name, "", host)


def _pem_within(value: str) -> str:
    """PEM that is in base64, as some SDKs send it; else the value as it is."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except ValueError:
        return value
    return text if "-----BEGIN" in text else value


def shown(vault: Vault, name: str, version: str, host: str) -> dict[str, Any]:
    """The certificate, with its policy and with an operation that it has; of one that was never made, what is known. Raises KeyVaultError 404."""
    asked, name = name, stored(vault, name)
    kept, secret = vault.certificate_states.get(name), vault.secrets.get(name) if name in vault.certificates else None
    found = secret.versions.get(version or secret.latest) if secret else None
    if secret and found:
        content = {**_version(name, version or secret.latest, found, host), "policy": policy_shown(vault, name, host)}
    elif kept and not secret and version in ("", kept.first_version):
        at = int(kept.policy_created)
        attributes = {"enabled": False, "created": at, "updated": at, "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90}
        content = {"id": f"https://{host}/certificates/{name}/{kept.first_version}", "attributes": attributes, "policy": policy_shown(vault, name, host)}
    else:
        raise not_found("certificate", asked, version)
    if kept and kept.operation:
        content["pending"] = {"id": f"https://{host}/certificates/{name}/pending"}
    return content


def policy_shown(vault: Vault, name: str, host: str) -> dict[str, Any]:
    """The policy; of a certificate that the lab seeded, as of an imported one. Raises KeyVaultError 404."""
    asked, name = name, stored(vault, name)
    kept = vault.certificate_states.get(name)
    if kept:
        policy, created, updated = kept.policy, kept.policy_created, kept.policy_updated
    elif name in vault.certificates:
        found = vault.secrets[name].versions[vault.secrets[name].latest]
        leaf, created, updated = issuing.leaf_of(found.value), found.created, found.created
        policy = policies.of_certificate(leaf, found.content_type, exportable="PRIVATE KEY-----" in found.value)
    else:
        raise not_found("certificate", asked, "")
    attributes = {"enabled": True, "created": int(created), "updated": int(updated)}
    return {"id": f"https://{host}/certificates/{name}/policy", **policy, "attributes": attributes}


def change_policy(vault: Vault, name: str, host: str, body: Json) -> dict[str, Any]:
    """Change the members that are sent; the policy. Raises KeyVaultError."""
    asked, name = name, stored(vault, name)
    kept = vault.certificate_states.get(name)
    if not kept:
        if name not in vault.certificates:
            raise not_found("certificate", asked, "")
        policy = {key: value for key, value in policy_shown(vault, name, host).items() if key not in ("id", "attributes")}
        kept = vault.certificate_states[name] = Certificate(policy, now(), now(), vault.secrets[name].latest)
    kept.policy, kept.policy_updated = policies.updated(kept.policy, body, vault.issuers), now()
    return policy_shown(vault, name, host)


def change(vault: Vault, name: str, version: str, host: str, body: Json) -> dict[str, Any]:
    """Enable or disable a version with its key and secret, or replace its tags; the certificate. Raises KeyVaultError."""
    asked, name = name, stored(vault, name)
    secret = vault.secrets.get(name) if name in vault.certificates else None
    found = secret.versions.get(version or secret.latest) if secret else None
    if not secret or not found:
        raise not_found("certificate", asked, version)
    if body.get("policy"):
        change_policy(vault, name, host, body["policy"])
    if (enabled := (body.get("attributes") or {}).get("enabled")) is not None:
        found.enabled = bool(enabled)
        if key := vault.keys.get(name):
            key.versions[version or secret.latest].enabled = bool(enabled)
    if body.get("tags") is not None:
        found.tags = dict(body["tags"])
    found.updated = now()
    return shown(vault, name, version, host)


def versions(vault: Vault, name: str, host: str) -> list[dict[str, Any]]:
    """Oldest first; none of a certificate that does not exist."""
    name = stored(vault, name)
    found = vault.secrets[name].versions if name in vault.certificates else {}
    return [_listed(_version(name, version, each, host)) for version, each in found.items()]


def names(vault: Vault, host: str) -> list[dict[str, Any]]:
    """Each certificate, by its latest version but without it in the id."""
    latest = {name: _version(name, vault.secrets[name].latest, vault.secrets[name].versions[vault.secrets[name].latest], host) for name in vault.certificates}
    return [{**_listed(each), "id": f"https://{host}/certificates/{name}"} for name, each in sorted(latest.items())]


def delete(vault: Vault, name: str, host: str) -> dict[str, Any]:
    """Delete it with its key and its secret, so that it can be recovered; as it is shown then. Raises KeyVaultError 404."""
    asked, name = name, stored(vault, name)
    if name not in vault.certificates:
        raise not_found("certificate", asked, "")
    vault.certificates.remove(name)
    kept, at = vault.certificate_states.pop(name, None), now()
    vault.deleted_certificates[name] = DeletedCertificate(kept, vault.secrets.pop(name), vault.keys.pop(name, None), at, at + _RETENTION)
    return deleted(vault, name, host)


def deleted(vault: Vault, name: str, host: str) -> dict[str, Any]:
    """Raises KeyVaultError 404."""
    found = vault.deleted_certificates.get(_deleted_name(vault, name))
    if not found:
        raise KeyVaultError(404, "CertificateNotFound", f"Deleted Certificate not found: {name}")
    name = _deleted_name(vault, name)
    version = found.secret.latest
    when = {"deletedDate": int(found.deleted_at), "scheduledPurgeDate": int(found.purged_at)}
    return {"recoveryId": f"https://{host}/deletedcertificates/{name}", **when, **_version(name, version, found.secret.versions[version], host)}


def recover(vault: Vault, name: str, host: str) -> dict[str, Any]:
    """Raises KeyVaultError 404."""
    deleted(vault, name, host)
    name = _deleted_name(vault, name)
    found = vault.deleted_certificates.pop(name)
    vault.certificates.append(name)
    vault.secrets[name] = found.secret
    if found.key:
        vault.keys[name] = found.key
    if found.certificate:
        vault.certificate_states[name] = found.certificate
    return shown(vault, name, "", host)


def _deleted_name(vault: Vault, name: str) -> str:
    return {key.lower(): key for key in vault.deleted_certificates}.get(name.lower(), name)


def attributes(found: SecretVersion, leaf: x509.Certificate | None) -> dict[str, Any]:
    """Of a secret, or of a certificate and its secret, which begin and end with it."""
    ends = {"nbf": int(leaf.not_valid_before_utc.timestamp()), "exp": int(leaf.not_valid_after_utc.timestamp())} if leaf else {}
    times = {"created": int(found.created), "updated": int(found.updated or found.created)}
    return {"enabled": found.enabled, **ends, **times, "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90}


def _version(name: str, version: str, found: SecretVersion, host: str) -> dict[str, Any]:
    leaf = issuing.leaf_of(found.value)
    ids = {key: f"https://{host}/{kind}/{name}/{version}" for key, kind in {"id": "certificates", "kid": "keys", "sid": "secrets"}.items()}
    der = leaf.public_bytes(serialization.Encoding.DER)
    thumbprint = base64.urlsafe_b64encode(hashlib.sha1(der, usedforsecurity=False).digest()).rstrip(b"=").decode()
    cer = base64.b64encode(leaf.public_bytes(serialization.Encoding.DER)).decode()
    tags = {"tags": found.tags} if found.tags else {}
    return {**ids, "x5t": thumbprint, "cer": cer, "contentType": found.content_type, "attributes": attributes(found, leaf), **tags}


def _listed(content: Json) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key in ("id", "x5t", "attributes", "tags")}
