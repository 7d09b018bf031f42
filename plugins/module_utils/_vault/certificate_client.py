# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Reading and making certificates in a key vault, by the vault's data plane."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from .._arm.vault_anchors import HERE, certificates_in
from .._arm.vaults import Vault
from .._azure.errors import MissingError, ModuleError, ask
from .._azure.session import POLLING, Azure
from .._azure.writes import Write, in_turn
from .._change import Change
from .._ratify.anchors import NOT_HELD, trusted
from .certificates import Certificate, Key, Plan, Policy, Version

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    CRYPTOGRAPHY_IMPORT_ERROR = None

if TYPE_CHECKING:
    from azure.keyvault.certificates import CertificatePolicy, KeyVaultCertificate

T = TypeVar("T")
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}


class VaultCertificates:
    """The certificates of one vault. Everything raises `ModuleError`."""

    def __init__(self, azure: Azure, vault: Vault) -> None:
        self._azure = azure
        self._vault = vault
        self._client = azure.certificates(str(vault.uri))
        self._plane = azure.vault_plane(str(vault.uri))
        """Tells of an operation; the SDK's models of one do not read an error."""

    def find(self, name: str) -> Certificate | None:
        """None where there is none, and its name is free."""
        found = self._find(f"read the {self._called(name)}", lambda: self._client.get_certificate(name))
        if not found:
            if self._find(f"look for a deleted {self._called(name)}", lambda: self._client.get_deleted_certificate(name)):
                raise ModuleError(
                    f"The {self._called(name)} is deleted and can be recovered, which holds its name; recover it, or purge it and run again.",
                    code="ObjectIsDeletedButRecoverable",
                )
            return None
        return self._certificate(name, found)

    def versions(self, name: str) -> list[Version]:
        """Newest first; none of a certificate that does not exist. One that is still made is none yet."""
        what = f"list the versions of the {self._called(name)}"
        listed = self._find(what, lambda: [str(each.version) for each in self._client.list_properties_of_certificate_versions(name)]) or []
        return sorted((each for version in listed if (each := self.version(name, version))), key=lambda each: (each.created, each.not_before), reverse=True)

    def version(self, name: str, version: str) -> Version | None:
        """None where there is no such version, or it is not made yet."""
        found = self._find(f"read the version {version} of the {self._called(name)}", lambda: self._client.get_certificate_version(name, version))
        return _version(found) if found else None

    def anchor_problem(self, name: str, version: Version, now: datetime) -> str | None:
        """Why Ratify could not verify by that version; None where it can."""
        if not version.enabled:
            return f"disabled in the vault, {NOT_HELD}"
        if not version.not_before <= now < version.not_after:
            return f"valid from {version.not_before:%Y-%m-%d} to {version.not_after:%Y-%m-%d}"
        alone = trusted([version.der], HERE)[0]
        if alone["held"]:
            problem: str | None = alone["problem"]
            return problem
        try:
            chain, unread = certificates_in(self._plane, name, version.id, None)
        except ModuleError as failure:
            return f"its chain was not read: {failure.sentence}".rstrip(".")
        return unread or trusted(chain, HERE)[0]["problem"]

    def apply(self, plan: Plan, wait_timeout: int) -> Change[Certificate]:
        """Make the change, and wait for a version that is made; the change as Key Vault confirmed it."""
        before, after = plan.change.before, plan.change.after
        if not after:
            return plan.change
        name = after.name
        until = time.monotonic() + wait_timeout
        if plan.does == "create":
            self._create(after, wait_timeout)
        if plan.does in ("create", "wait"):
            self._wait(name, wait_timeout, until)
        if plan.does == "update" and before and before.version:
            in_turn(self._updates(before, after, before.version.id), f"of the {self._called(name)}")
        made = self.find(name) if plan.does else before
        return Change(before, replace(made, new_version=False) if made else None)

    def _updates(self, before: Certificate, after: Certificate, version: str) -> list[Write[Any]]:
        policy, enabled = self._sent(after.policy), after.enabled
        of_policy = Write("change the policy", lambda: _answered(lambda: self._client.update_certificate_policy(after.name, policy)))
        of_version = Write(
            f"{'enable' if enabled else 'disable'} the latest version",
            lambda: _answered(lambda: self._client.update_certificate_properties(after.name, version=version, enabled=enabled)),
        )
        return [*([of_policy] if before.policy != after.policy else []), *([of_version] if before.enabled != enabled else [])]

    def _create(self, wanted: Certificate, seconds: int) -> None:
        policy = self._sent(wanted.policy)
        make = partial(self._client.begin_create_certificate, wanted.name, policy, enabled=wanted.enabled)
        what = f"create the {self._called(wanted.name)}"
        making = self._ask(what, make)
        try:
            # The SDK asks in a thread of its own, once it has begun, so that this one need not.
            self._ask(what, lambda: making.wait(seconds))
        except AttributeError:
            """Up to 4.10, the SDK fails on an operation that failed. Why it did is asked next."""

    def _wait(self, name: str, seconds: int, until: float) -> None:
        what, path = f"ask how far the {self._called(name)} is", f"certificates/{name}/pending"
        while True:
            operation = self._plane.get(what, path)
            status = str(operation.get("status")).lower()
            if status == "completed":
                return
            if status != "inprogress":
                error = operation.get("error") or {}
                reason = f": {error.get('message')} ({error.get('code')})" if error else ""
                raise ModuleError(
                    f"Key Vault has not made the {self._called(name)}, its operation is {operation.get('status')}{reason}.", code="CertificateOperationFailed"
                )
            if time.monotonic() >= until:
                details = str(operation.get("status_details") or operation.get("status")).rstrip(".")
                failure = ModuleError(f"The {self._called(name)} is not made after {seconds} s: {details}. Run again to go on waiting for it.", code="Timeout")
                failure.results = {"changed": True}
                raise failure
            time.sleep(max(0.05, POLLING["polling_interval"]))

    def _certificate(self, name: str, found: KeyVaultCertificate) -> Certificate:
        version = _version(found)
        try:
            operation = self._plane.get(f"ask how far the {self._called(name)} is", f"certificates/{name}/pending")
        except MissingError:
            operation = {}
        unfinished = str(operation.get("status")).lower() == "inprogress"
        being_made = str(operation.get("status_details") or operation["status"]) if unfinished else None
        policy = _policy(found.policy) if found.policy else None
        if not policy:
            raise ModuleError(f"Key Vault has not returned the policy of the {self._called(name)}.", code="InvalidAnswer")
        return Certificate(name, policy, version, version.enabled if version else True, being_made=being_made)

    def _sent(self, policy: Policy) -> CertificatePolicy:
        from azure.keyvault.certificates import CertificatePolicy, LifetimeAction

        action = LifetimeAction(action="AutoRenew" if policy.auto_renew else "EmailContacts", **policy.action_at)
        return CertificatePolicy(
            issuer_name=policy.issuer,
            subject=policy.subject,
            exportable=policy.exportable,
            key_type=policy.key.type,
            key_size=policy.key.size,
            key_curve_name=policy.key.curve,
            reuse_key=False,
            content_type=policy.content_type,
            key_usage=list(policy.usages),
            enhanced_key_usage=list(policy.ekus),
            validity_in_months=policy.validity_months,
            lifetime_actions=[action],
        )

    def _called(self, name: str) -> str:
        return f"certificate {name} of the vault {self._vault.name}"

    def _find(self, what: str, request: Callable[[], T]) -> T | None:
        try:
            return self._ask(what, request)
        except MissingError:
            return None

    def _ask(self, what: str, request: Callable[[], T]) -> T:
        """A cached token that the vault refuses leads to one new login, as elsewhere; the SDK's own policy for vaults keeps to the one that it was given."""
        try:
            return _ask(what, request)
        except ModuleError as failure:
            if failure.status != 401 or not self._azure.forget_token():
                raise
        self._client = self._azure.certificates(str(self._vault.uri))
        return _ask(what, request)


def _ask(what: str, request: Callable[[], T]) -> T:
    return ask(what, lambda: _answered(request))


def _answered(request: Callable[[], T]) -> T:
    """The answer; an error as that of the other SDKs. This one has a model of its own, without Azure's code."""
    from azure.core.exceptions import HttpResponseError

    try:
        return request()
    except HttpResponseError as error:
        raise HttpResponseError(response=error.response) if error.response is not None else error from None
    except ValueError as error:
        raise ModuleError(f"The vault has not answered as one: {str(error).rstrip('.')}.", code="InvalidVault") from None


def _policy(policy: CertificatePolicy) -> Policy:
    action = next(iter(policy.lifetime_actions or ()), None)
    at = {"lifetime_percentage": action.lifetime_percentage, "days_before_expiry": action.days_before_expiry} if action else {}
    rsa_key = _text(policy.key_type).startswith("RSA")
    return Policy(
        str(policy.issuer_name),
        str(policy.subject or ""),
        Key(_text(policy.key_type), size=policy.key_size) if rsa_key else Key(_text(policy.key_type), curve=_text(policy.key_curve_name)),
        int(policy.validity_in_months or 0),
        bool(action and _text(action.action) == "AutoRenew"),
        {name: number for name, number in at.items() if number is not None},
        tuple(_text(each) for each in policy.key_usage or ()),
        tuple(policy.enhanced_key_usage or ()),
        _text(policy.content_type),
        policy.exportable is not False,
    )


def _text(value: Any) -> str:
    """Of an enumeration of the SDK, or of a text that it does not know."""
    return str(getattr(value, "value", value) or "")


def _version(found: KeyVaultCertificate) -> Version | None:
    """What the certificate says; None of one that is not made yet."""
    properties = found.properties
    if not found.cer or properties is None:
        return None
    der = bytes(found.cer)
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        raise ModuleError(f"The certificate {found.id} cannot be read.", code="InvalidAnswer") from None
    usage, purposes = _extension(certificate, x509.KeyUsage), _extension(certificate, x509.ExtendedKeyUsage)
    return Version(
        str(properties.version),
        bool(properties.enabled),
        found.key_id,
        found.secret_id,
        properties.created_on or datetime.fromtimestamp(0, UTC),
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        _key(certificate),
        tuple(name for attribute, name in _USAGES.items() if usage and getattr(usage, attribute)),
        tuple(each.dotted_string for each in purposes or ()),
        hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
        certificate.fingerprint(hashes.SHA256()).hex(),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        der,
    )


def _key(certificate: x509.Certificate) -> Key:
    public = certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return Key("RSA", size=public.key_size)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return Key("EC", curve=_CURVES.get(public.curve.name, public.curve.name))
    return Key(type(public).__name__)


def _extension(certificate: x509.Certificate, kind: type[Any]) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
