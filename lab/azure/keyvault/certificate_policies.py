"""Policies of certificates: what Key Vault adds to one that it is sent, and what it takes. Sentences of a refusal are the lab's, its code is Key Vault's.

https://learn.microsoft.com/rest/api/keyvault/certificates/create-certificate/create-certificate
https://learn.microsoft.com/azure/key-vault/certificates/about-certificates
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lab.azure.keyvault.errors import KeyVaultError
from lab.azure.keyvault.issuing import CURVES, OPERATIONS, key_usages, name_of

Json = Mapping[str, Any]
PEM, PKCS12 = "application/x-pem-file", "application/x-pkcs12"
MANUAL = "Unknown"
"""The issuer of certificates that are imported, or merged once they are signed elsewhere."""
SELF = "Self"
_PARTS = ("key_props", "secret_props", "x509_props", "lifetime_actions", "issuer")
_ACTIONS = ("AutoRenew", "EmailContacts")
_RSA_SIZES = (2048, 3072, 4096)


def completed(sent: Json, issuers: Mapping[str, Any]) -> dict[str, Any]:
    """The policy of a certificate to create, with Key Vault's defaults (as its SDKs' recordings have them). Raises KeyVaultError 400."""
    issuer = str((sent.get("issuer") or {}).get("name") or MANUAL)
    key = {"exportable": True, "kty": "RSA", "reuse_key": False, **_given(sent.get("key_props"))}
    if key["kty"] == "RSA":
        key.setdefault("key_size", 2048)
    elif key["kty"] == "EC" and key.get("crv") in CURVES:
        key.setdefault("key_size", CURVES[key["crv"]].key_size)
    certificate = {
        "subject": "",
        "sans": {},
        "ekus": ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
        "key_usage": ["digitalSignature", "keyEncipherment"],
        "validity_months": 12,
        "basic_constraints": {"ca": False},
        **_given(sent.get("x509_props")),
    }
    action = "EmailContacts" if issuer == MANUAL else "AutoRenew"
    policy = {
        "key_props": key,
        "secret_props": {"contentType": PKCS12, **_given(sent.get("secret_props"))},
        "x509_props": certificate,
        "lifetime_actions": sent.get("lifetime_actions") or [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": action}}],
        "issuer": {"name": issuer, **_given(sent.get("issuer"))},
    }
    _check(policy, issuers)
    return policy


def updated(policy: Json, sent: Json, issuers: Mapping[str, Any]) -> dict[str, Any]:
    """`policy` with the members that are sent, and the others as they are. Raises KeyVaultError 400."""
    changed = dict(policy)
    for part in _PARTS:
        given = sent.get(part)
        if isinstance(given, Mapping):
            changed[part] = {**(policy.get(part) or {}), **_given(given)}
        elif given:
            changed[part] = given
    if changed["key_props"].get("kty") == "RSA":
        changed["key_props"].pop("crv", None)
    elif (sent.get("key_props") or {}).get("crv"):
        changed["key_props"]["key_size"] = CURVES[changed["key_props"]["crv"]].key_size if changed["key_props"]["crv"] in CURVES else None
    _check(changed, issuers)
    return changed


def of_certificate(leaf: x509.Certificate, content_type: str, *, exportable: bool) -> dict[str, Any]:
    """The policy of a certificate that was imported without one."""
    public, extensions = leaf.public_key(), leaf.extensions
    key: dict[str, Any] = {"exportable": exportable, "kty": "RSA" if isinstance(public, rsa.RSAPublicKey) else "EC", "reuse_key": False}
    if isinstance(public, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
        key["key_size"] = public.key_size
    if isinstance(public, ec.EllipticCurvePublicKey):
        key["crv"] = next((name for name, curve in CURVES.items() if curve.name == public.curve.name), None)
    ekus = [each.dotted_string for each in _value(extensions, x509.ExtendedKeyUsage) or ()]
    months = round((leaf.not_valid_after_utc - leaf.not_valid_before_utc).days / 30.44)
    return {
        "key_props": key,
        "secret_props": {"contentType": content_type},
        "x509_props": {
            "subject": ", ".join(reversed(leaf.subject.rfc4514_string().split(","))),
            "ekus": ekus,
            "key_usage": key_usages(_value(extensions, x509.KeyUsage)),
            "validity_months": months,
            "basic_constraints": {"ca": bool(getattr(_value(extensions, x509.BasicConstraints), "ca", False))},
        },
        "lifetime_actions": [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "EmailContacts"}}],
        "issuer": {"name": MANUAL},
    }


def _value(extensions: x509.Extensions, kind: type[Any]) -> Any:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _given(part: Any) -> dict[str, Any]:
    return {name: value for name, value in (part or {}).items() if value is not None}


def _check(policy: Json, issuers: Mapping[str, Any]) -> None:
    key, certificate, issuer = policy["key_props"], policy["x509_props"], policy["issuer"]
    if key["kty"] not in ("RSA", "EC"):
        raise _refusal(f"The lab does not emulate keys of the type {key['kty']}.")
    if key["kty"] == "RSA" and key.get("key_size") not in _RSA_SIZES:
        raise _refusal(f"An RSA key has {', '.join(map(str, _RSA_SIZES))} bits, and not {key.get('key_size')}.")
    if key["kty"] == "EC" and key.get("crv") not in CURVES:
        raise _refusal(f"The lab knows the curves {', '.join(CURVES)}, and not {key.get('crv')}.")
    if policy["secret_props"]["contentType"] not in (PEM, PKCS12):
        raise _refusal(f"Unknown content type: {policy['secret_props']['contentType']}")
    if any((certificate.get("sans") or {}).values()) or (certificate.get("basic_constraints") or {}).get("ca"):
        raise _refusal("The lab does not emulate subject alternative names and authorities.")
    if unknown := set(certificate["key_usage"]) - OPERATIONS.keys():
        raise _refusal(f"The lab does not emulate the key usages {', '.join(sorted(unknown))}.")
    if not isinstance(certificate["validity_months"], int) or certificate["validity_months"] < 1:
        raise _refusal("validity_months is a number from 1.")
    try:
        name_of(str(certificate["subject"]))
    except ValueError:
        raise _refusal(f"The subject is not an X.500 name: {certificate['subject']}") from None
    if issuer["name"] not in (SELF, MANUAL, *issuers):
        raise _refusal(f"The vault has no certificate issuer {issuer['name']}.")
    if issuer.get("cty") or issuer.get("cert_transparency"):
        raise _refusal("The lab does not emulate types of certificates and their transparency.")
    for each in policy["lifetime_actions"]:
        action, trigger = (each.get("action") or {}).get("action_type"), _given(each.get("trigger"))
        if action not in _ACTIONS or len(trigger) != 1 or not trigger.keys() <= {"lifetime_percentage", "days_before_expiry"}:
            raise _refusal("A lifetime action is AutoRenew or EmailContacts, with one trigger.")
        if not 1 <= trigger.get("lifetime_percentage", 1) <= 99:
            raise _refusal("lifetime_percentage is a number from 1 to 99.")
        if action == "AutoRenew" and issuer["name"] == MANUAL:
            raise _refusal(f"A certificate of the issuer {MANUAL} is not renewed by Key Vault.")


def _refusal(message: str) -> KeyVaultError:
    return KeyVaultError(400, "BadParameter", message)
