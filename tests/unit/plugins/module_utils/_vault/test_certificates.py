"""What is decided of a signer's certificate: table tests of the plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError
from ansible_collections.image_trust.azure.plugins.module_utils._vault.certificates import (
    EKUS,
    USAGES,
    Certificate,
    Key,
    Plan,
    Policy,
    Version,
    Wanted,
    check_subject,
    key_of,
    plan,
    same_subject,
)

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SUBJECT = "C=US, ST=WA, O=Contoso, CN=contoso.io"
RSA, EC = Key("RSA", size=2048), Key("EC", curve="P-256")
POLICY = Policy("Self", SUBJECT, RSA, 12, auto_renew=False, action_at={"lifetime_percentage": 80})
VERSION = Version(
    "1" * 32, True, None, None, NOW, "CN=contoso.io,O=Contoso,ST=WA,C=US", "", RSA, USAGES, EKUS, "", "", NOW, NOW + timedelta(days=100), b""
)  # fmt: skip
SIGNER = Certificate("signer", POLICY, VERSION)


def planned(current: Certificate | None, **wanted: Any) -> Plan:
    return plan("signer", "lab", current, Wanted(**wanted), NOW)


def of(**version: Any) -> Certificate:
    return replace(SIGNER, version=replace(VERSION, **version))


CASES: dict[str, tuple[Certificate | None, dict[str, Any], tuple[str, str | None]]] = {
    "none": (None, {"subject": SUBJECT}, ("create", "there is none")),
    "all is as asked": (SIGNER, {"subject": SUBJECT, "key": RSA, "issuer": "Self", "validity_months": 12, "auto_renew": False, "enabled": True}, ("", None)),
    "nothing is asked": (SIGNER, {}, ("", None)),
    "the subject in another order": (SIGNER, {"subject": "CN=contoso.io,O=Contoso,S=WA,C=US"}, ("", None)),
    "another subject": (SIGNER, {"subject": SUBJECT.replace("Contoso", "Other")}, ("create", "its subject is CN=contoso.io,O=Contoso,ST=WA,C=US")),
    "another kind of key": (SIGNER, {"key": EC}, ("create", "its key is RSA 2048")),
    "a longer key": (SIGNER, {"key": Key("RSA", size=4096)}, ("create", "its key is RSA 2048")),
    "another issuer": (SIGNER, {"issuer": "contoso-ca"}, ("create", "its issuer is Self")),
    "another validity": (SIGNER, {"validity_months": 24}, ("update", None)),
    "automatic renewal": (SIGNER, {"auto_renew": True}, ("update", None)),
    "disabled": (SIGNER, {"enabled": False}, ("update", None)),
    "a disabled one stays so": (replace(of(enabled=False), enabled=False), {"subject": SUBJECT}, ("", None)),
    "it expires later": (SIGNER, {"renew_within_days": 100}, ("", None)),
    "it expires soon": (SIGNER, {"renew_within_days": 101}, ("create", "it expires on 2027-03-10")),
    "it is to be replaced": (SIGNER, {"replace_version": "1" * 32}, ("create", "its replacement was asked for")),
    "another one was to be replaced": (SIGNER, {"replace_version": "2" * 32}, ("", None)),
    "it could not sign": (of(usages=("digitalSignature", "keyEncipherment")), {}, ("create", "its key usage is digitalSignature, keyEncipherment")),
    "it is for servers": (of(ekus=("1.3.6.1.5.5.7.3.1",)), {}, ("create", "its extended key usage is 1.3.6.1.5.5.7.3.1")),
    "it is for everything": (of(ekus=()), {}, ("create", "its extended key usage is not restricted")),
    "only its policy is for servers": (replace(SIGNER, policy=replace(POLICY, ekus=("1.3.6.1.5.5.7.3.1",))), {}, ("update", None)),
    "only its policy has another key": (replace(SIGNER, policy=replace(POLICY, key=EC)), {"key": RSA}, ("update", None)),
    "its next key is not asked for": (replace(SIGNER, policy=replace(POLICY, key=EC)), {}, ("", None)),
    "its key is in an HSM": (replace(SIGNER, policy=replace(POLICY, key=Key("RSA-HSM", size=2048))), {"key": RSA}, ("", None)),
    "it is in the making": (replace(SIGNER, version=None, being_made="wait"), {"subject": SUBJECT}, ("wait", "there is none")),
    "its making has failed": (replace(SIGNER, version=None), {"subject": SUBJECT}, ("create", "there is none")),
    "its replacement is in the making": (replace(SIGNER, being_made="wait"), {"replace_version": "1" * 32}, ("wait", "its replacement was asked for")),
    "another one makes a version that is not needed": (replace(SIGNER, being_made="wait"), {"subject": SUBJECT}, ("", None)),
}


@pytest.mark.parametrize("name", CASES)
def test_another_version_is_made_only_where_it_is_needed(name: str) -> None:
    current, wanted, expected = CASES[name]
    found = planned(current, **wanted)
    assert (found.does, found.because) == expected
    assert found.change.changed is bool(found.does)


def test_a_new_certificate_has_the_defaults_and_is_not_renewed_unasked() -> None:
    after = planned(None, subject=SUBJECT).change.after
    assert after
    assert after.policy == POLICY
    assert after.shown()["version"] is None
    assert after.compared()["version"] == "(known afterwards)"


def test_what_is_not_asked_stays() -> None:
    own = replace(POLICY, validity_months=6, auto_renew=True, action_at={"days_before_expiry": 30}, issuer="contoso-ca")
    after = planned(replace(SIGNER, policy=own), enabled=False, auto_renew=True).change.after
    assert after
    assert (after.policy, after.enabled) == (own, False)
    renewed = planned(replace(SIGNER, policy=own), auto_renew=True, renew_at_percent=70).change.after
    assert renewed
    assert renewed.policy.action_at == {"lifetime_percentage": 70}


def test_a_new_version_is_enabled_whatever_the_one_before_was() -> None:
    after = planned(replace(of(enabled=False), enabled=False), replace_version="1" * 32).change.after
    assert after
    assert (after.enabled, after.new_version) == (True, True)


REFUSED: dict[str, tuple[Certificate | None, dict[str, Any], str]] = {
    "an exportable key": (replace(SIGNER, policy=replace(POLICY, exportable=True)), {}, "The certificate signer of the vault lab has an exportable key:"),
    "PKCS#12": (
        replace(SIGNER, policy=replace(POLICY, content_type="application/x-pkcs12")),
        {},
        "has the content type application/x-pkcs12, and Ratify reads",
    ),
    "an imported one": (replace(SIGNER, policy=replace(POLICY, issuer="Unknown")), {"key": EC}, "was imported or merged, so Key Vault cannot make its next"),
    "renewal of an imported one": (replace(SIGNER, policy=replace(POLICY, issuer="Unknown")), {"auto_renew": True}, "was imported or merged"),
    "none without a subject": (None, {}, "The certificate signer of the vault lab does not exist; give its subject."),
    "another one in the making": (replace(SIGNER, being_made="Please wait."), {"key": EC}, "by another policy: Please wait. Wait until it is made"),
    "renewal at each run": (SIGNER, {"renew_within_days": 360}, "renew_within_days is 360, which is all the time of a certificate of 12 months."),
    "no O": (None, {"subject": "C=US, ST=WA, CN=contoso.io"}, "Notation cannot trust the subject 'C=US, ST=WA, CN=contoso.io' by name: it needs O."),
    "no CN": (None, {"subject": "C=US, ST=WA, O=Contoso"}, "has no CN; name the signer"),
    "no subject at all": (None, {"subject": "contoso"}, "contoso is no attribute"),
    "an issuer that signs nothing": (None, {"subject": SUBJECT, "issuer": "Unknown"}, "issuer is Unknown: Key Vault would wait"),
    "no time": (None, {"subject": SUBJECT, "validity_months": 0}, "validity_months is 0, but must be 1 to 120."),
    "renewal at the end": (None, {"subject": SUBJECT, "auto_renew": True, "renew_at_percent": 100}, "renew_at_percent is 100, but must be 1 to 99."),
    "a time of no renewal": (None, {"subject": SUBJECT, "renew_at_percent": 80}, "renew_at_percent is for automatic renewal"),
    "no version": (SIGNER, {"replace_version": "latest"}, "replace_version is 'latest', but must be the 32 hexadecimal digits of a version."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_signer_should_use_and_what_key_vault_cannot_do_is_refused(name: str) -> None:
    current, wanted, sentence = REFUSED[name]
    with pytest.raises(ModuleError) as refused:
        planned(current, **wanted)
    assert sentence in refused.value.sentence


def test_an_imported_certificate_is_disabled_as_any_other() -> None:
    assert planned(replace(SIGNER, policy=replace(POLICY, issuer="Unknown")), enabled=False).does == "update"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((None, None, None), None),
        (("RSA", None, None), RSA),
        ((None, 3072, None), Key("RSA", size=3072)),
        (("EC", None, None), EC),
        ((None, None, "P-521"), Key("EC", curve="P-521")),
    ],
)
def test_a_key_is_what_its_options_say(options: tuple[str | None, int | None, str | None], expected: Key | None) -> None:
    assert key_of(*options) == expected


@pytest.mark.parametrize("options", [("RSA", None, "P-256"), ("EC", 2048, None)])
def test_a_size_is_for_rsa_and_a_curve_for_ec(options: tuple[str | None, int | None, str | None]) -> None:
    with pytest.raises(ModuleError, match="give one of them"):
        key_of(*options)


def test_subjects_are_compared_as_notation_does() -> None:
    check_subject(SUBJECT)
    assert same_subject(SUBJECT, "CN=contoso.io,O=Contoso,ST=WA,C=US")
    assert not same_subject(SUBJECT, SUBJECT.lower())
    assert same_subject("contoso", "contoso")
