# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""A signer's certificate in a key vault as Notation and Ratify need it, as it is and as it is wanted. No I/O.

Which keys, usages and subjects Notation takes: https://github.com/notaryproject/specifications/blob/main/specs/signature-specification.md (certificate
requirements).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from .._azure.errors import ModuleError, refuse
from .._azure.ids import Rule
from .._change import KNOWN_AFTERWARDS, Change
from .._ratify.trust_policies import distinguished_name

NAME = Rule(r"[0-9A-Za-z-]{1,127}", "1 to 127 letters, digits or '-'")
"""Of a certificate, and of an issuer."""
PEM = "application/x-pem-file"
MANUAL = "Unknown"
"""The issuer of what was imported, or is signed elsewhere and merged."""
USAGES, EKUS = ("digitalSignature",), ("1.3.6.1.5.5.7.3.3",)
"""The usages of a signer's key, and the purpose of its certificate: code signing. Notation takes no other."""
RSA_SIZES, CURVES = (2048, 3072, 4096), ("P-256", "P-384", "P-521")
RENEWS_AT = 80
"""Percent of its time after which Key Vault acts, where nothing else is asked."""
_SUBJECT = "x509.subject:"
_EXAMPLE = "C=US, ST=WA, O=Contoso, CN=contoso.io"


@dataclass(frozen=True)
class Key:
    """`size` of an RSA key in bits, `curve` of an EC key."""

    type: str
    size: int | None = None
    curve: str | None = None

    @property
    def outside_an_hsm(self) -> Key:
        """The same one, where it does not matter where it is kept."""
        return replace(self, type=self.type.removesuffix("-HSM"))

    def __str__(self) -> str:
        return f"{self.type} {self.size or self.curve}"


@dataclass(frozen=True)
class Policy:
    """By which Key Vault makes the next version. `action_at`: after which part of its time, or how many days before its end, the action comes."""

    issuer: str
    subject: str
    key: Key
    validity_months: int
    auto_renew: bool
    action_at: Mapping[str, int]
    usages: tuple[str, ...] = USAGES
    ekus: tuple[str, ...] = EKUS
    content_type: str = PEM
    exportable: bool = False

    def shown(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "subject": self.subject,
            "key_type": self.key.type,
            "key_size": self.key.size,
            "curve": self.key.curve,
            "exportable": self.exportable,
            "content_type": self.content_type,
            "key_usage": list(self.usages),
            "extended_key_usage": list(self.ekus),
            "validity_months": self.validity_months,
            "auto_renew": self.auto_renew,
            "renew_at_percent": self.action_at.get("lifetime_percentage") if self.auto_renew else None,
            "renew_days_before": self.action_at.get("days_before_expiry") if self.auto_renew else None,
        }


@dataclass(frozen=True)
class Version:
    """A version, and what its certificate says. Times are in UTC."""

    id: str
    enabled: bool
    key_id: str | None
    secret_id: str | None
    created: datetime
    subject: str
    issuer: str
    key: Key
    usages: tuple[str, ...]
    ekus: tuple[str, ...]
    sha1: str
    sha256: str
    not_before: datetime
    not_after: datetime
    der: bytes = field(repr=False, compare=False)

    def shown(self) -> dict[str, Any]:
        times = {name: f"{getattr(self, name):%Y-%m-%dT%H:%M:%SZ}" for name in ("created", "not_before", "not_after")}
        names = ("enabled", "key_id", "secret_id", "subject", "issuer", "sha256")
        return {"version": self.id, **{name: getattr(self, name) for name in names}, "thumbprint": self.sha1, **times}


@dataclass(frozen=True)
class Certificate:
    """`version` is the latest one that was made; None: none yet, or the one of `new_version` that a run would make. `being_made`: what Key Vault says of the
    one that it is making."""

    name: str
    policy: Policy
    version: Version | None = None
    enabled: bool = True
    new_version: bool = False
    being_made: str | None = field(default=None, compare=False)

    def shown(self) -> dict[str, Any]:
        known = self.version if not self.new_version else None
        unknown = dict.fromkeys(("version", "key_id", "secret_id", "subject", "issuer", "sha256", "thumbprint", "created", "not_before", "not_after"))
        return {"name": self.name, **(known.shown() if known else unknown), "enabled": self.enabled, "policy": self.policy.shown()}

    def compared(self) -> dict[str, Any]:
        version = KNOWN_AFTERWARDS if self.new_version or not self.version else self.version.id
        policy = {name: value for name, value in self.policy.shown().items() if value is not None}
        return {"version": version, "enabled": self.enabled, **{f"policy {name}": value for name, value in policy.items()}}


@dataclass(frozen=True)
class Wanted:
    """What is asked for; None stays as it is, and has a default in a new certificate."""

    issuer: str | None = None
    subject: str | None = None
    key: Key | None = None
    validity_months: int | None = None
    auto_renew: bool | None = None
    renew_at_percent: int | None = None
    enabled: bool | None = None
    renew_within_days: int | None = None
    """Another version where the latest one expires within so many days."""
    replace_version: str | None = None
    """Another version while this is the latest one."""

    def __post_init__(self) -> None:
        if self.issuer is not None:
            NAME.check("issuer", self.issuer)
        if self.issuer == MANUAL:
            raise refuse(f"issuer is {MANUAL}: Key Vault would wait for a certificate that is signed elsewhere; give Self or the name of an issuer.")
        if self.subject is not None:
            check_subject(self.subject)
        for option, least, most in (("validity_months", 1, 120), ("renew_at_percent", 1, 99), ("renew_within_days", 1, 3650)):
            value = getattr(self, option)
            if value is not None and not least <= value <= most:
                raise refuse(f"{option} is {value}, but must be {least} to {most}.")
        if self.renew_at_percent is not None and not self.auto_renew:
            raise refuse("renew_at_percent is for automatic renewal; set auto_renew too.")
        if self.replace_version is not None and not re.fullmatch(r"[0-9a-f]{32}", self.replace_version):
            raise refuse(f"replace_version is {self.replace_version!r}, but must be the 32 hexadecimal digits of a version.")


@dataclass(frozen=True)
class Plan:
    """`does`: `create` another version, `wait` for the one that is being made, `update` the certificate in place, or nothing. `because`: why another
    version is needed, in words."""

    change: Change[Certificate]
    does: str = ""
    because: str | None = None


def key_of(key_type: str | None, key_size: int | None, curve: str | None) -> Key | None:
    """The key that these options ask for; None where none of them is given. Raises `ModuleError`."""
    kind = key_type or ("EC" if curve else "RSA" if key_size else None)
    if kind is None:
        return None
    if curve if kind == "RSA" else key_size:
        raise refuse(f"key_type is {kind}, and {'curve is for EC keys' if curve else 'key_size is for RSA keys'}; give one of them.")
    return Key("RSA", size=key_size or RSA_SIZES[0]) if kind == "RSA" else Key("EC", curve=curve or CURVES[0])


def check_subject(subject: str) -> None:
    """Refuse a subject by which no trust policy of Notation could name the signer."""
    try:
        attributes = distinguished_name(f"{_SUBJECT}{subject}")
    except ValueError as problem:
        raise refuse(f"Notation cannot trust the subject {subject!r} by name: {problem}. It wants C, ST and O, as in {_EXAMPLE}.") from None
    if not attributes.get("CN"):
        raise refuse(f"The subject {subject!r} has no CN; name the signer, as in {_EXAMPLE}.")


def same_subject(one: str, other: str) -> bool:
    """Whatever the order of the attributes and the spaces between them."""
    try:
        return distinguished_name(f"{_SUBJECT}{one}") == distinguished_name(f"{_SUBJECT}{other}")
    except ValueError:
        return one == other


def plan(name: str, vault: str, current: Certificate | None, wanted: Wanted, now: datetime) -> Plan:
    """Compare and decide; no I/O. Raises `ModuleError` for a certificate that no signer should use, and for what Key Vault could not do."""
    called = f"The certificate {name} of the vault {vault}"
    if current:
        _check(called, current)
    policy = _policy(called, current, wanted)
    because = _because(current, wanted, policy, now)
    before = current if current and current.version else None
    kept = wanted.enabled if wanted.enabled is not None else (current.enabled if current and not because else True)
    if because or not current:
        days = policy.validity_months * 28
        if wanted.renew_within_days is not None and wanted.renew_within_days >= days:
            raise refuse(f"renew_within_days is {wanted.renew_within_days}, which is all the time of a certificate of {policy.validity_months} months.")
        _check_issuer(called, current)
        if current and current.being_made is not None and policy != current.policy:
            raise ModuleError(
                f"{called} has another version in the making, by another policy: {current.being_made} Wait until it is made, or delete its operation.",
                code="CertificateOperationInProgress",
            )
        waits = bool(current and current.being_made is not None)
        return Plan(Change(before, Certificate(name, policy, enabled=kept, new_version=True)), "wait" if waits else "create", because)
    if policy != current.policy:
        _check_issuer(called, current)
    after = replace(current, policy=policy, enabled=kept)
    return Plan(Change(current, after), "update" if after != current else "")


def _check(called: str, current: Certificate) -> None:
    """Refuse what no run can make good: a key that was, or may be, read is not the signer's alone any more."""
    if current.policy.exportable:
        raise ModuleError(
            f"{called} has an exportable key: a user who may read its secret can sign elsewhere; make a certificate of another name for this signer.",
            code="ExportableKey",
        )
    if current.policy.content_type != PEM:
        raise ModuleError(
            f"{called} has the content type {current.policy.content_type}, and Ratify reads {PEM}; make a certificate of another name for this signer.",
            code="ContentType",
        )


def _check_issuer(called: str, current: Certificate | None) -> None:
    if current and current.policy.issuer == MANUAL:
        raise ModuleError(
            f"{called} was imported or merged, so Key Vault cannot make its next version; import that, or make a certificate of another name.",
            code="ImportedCertificate",
        )


def _policy(called: str, current: Certificate | None, wanted: Wanted) -> Policy:
    has = current.policy if current else None
    # The same subject, and the same key in an HSM, stay as they are: no policy is written for the order of attributes.
    subject = has.subject if has and (wanted.subject is None or same_subject(wanted.subject, has.subject)) else wanted.subject
    if subject is None:
        raise refuse(f"{called} does not exist; give its subject.")
    auto_renew = wanted.auto_renew if wanted.auto_renew is not None else bool(has and has.auto_renew)
    action_at = dict(has.action_at) if has and has.action_at and has.auto_renew == auto_renew else {"lifetime_percentage": RENEWS_AT}
    if wanted.renew_at_percent is not None:
        action_at = {"lifetime_percentage": wanted.renew_at_percent}
    return Policy(
        wanted.issuer or (has.issuer if has else "Self"),
        subject,
        has.key if has and wanted.key in (None, has.key.outside_an_hsm) else wanted.key or Key("RSA", size=RSA_SIZES[0]),
        wanted.validity_months or (has.validity_months if has else 12),
        auto_renew,
        action_at,
    )


def _because(current: Certificate | None, wanted: Wanted, policy: Policy, now: datetime) -> str | None:
    """Why what is asked cannot be had of the latest version."""
    latest = current.version if current else None
    if not current or not latest:
        return "there is none"
    if wanted.subject is not None and not same_subject(wanted.subject, latest.subject):
        return f"its subject is {latest.subject}"
    if wanted.key is not None and wanted.key != latest.key:
        return f"its key is {latest.key}"
    if latest.usages != USAGES:
        return f"its key usage is {', '.join(latest.usages) or 'not restricted'}"
    if latest.ekus != EKUS:
        return f"its extended key usage is {', '.join(latest.ekus) or 'not restricted'}"
    if policy.issuer != current.policy.issuer:
        return f"its issuer is {current.policy.issuer}"
    if wanted.replace_version == latest.id:
        return "its replacement was asked for"
    if wanted.renew_within_days is not None and latest.not_after - now < timedelta(days=wanted.renew_within_days):
        return f"it expires on {latest.not_after:%Y-%m-%d}"
    return None
