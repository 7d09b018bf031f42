"""Which image is signed, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError
from ansible_collections.image_trust.azure.plugins.module_utils._azure.registry_plane import RegistryPlane, is_of_azure
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.found import Image, Signature, utc
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.signer import Signer, until
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.signing import Signed, Wanted, named, plan, wanted

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SIGNER = Signer("CN=release", "aa", NOW + timedelta(days=90), "", ())
IMAGE = Image(RegistryPlane("contoso.azurecr.io", str), "web", f"sha256:{'0' * 64}")
NONE, INVALID, NO_STAMP = "no signature of this certificate", "no valid signature of this certificate", "a signature without time stamp"
STAMP = {"time_stamp": ("http://tsa.example", "/root.pem")}


def own(days: float | None = None, **more: Any) -> Signature:
    """A signature of the signer, which expires in so many days."""
    return Signature("notation", "sha256:1", thumbprint_sha256="aa", expires=None if days is None else utc(NOW + timedelta(days=days)), **more)


@pytest.mark.parametrize(
    ("found", "valid", "options", "reason"),
    [
        ([], False, {}, NONE),
        ([Signature("notation", "sha256:2", thumbprint_sha256="bb")], True, {}, NONE),
        ([Signature("cosign", "sha256:2", thumbprint_sha256="aa")], True, {}, NONE),
        ([own(problem="it is a signature of another image")], True, {}, NONE),
        ([own()], False, {}, INVALID),
        ([own()], True, {}, ""),
        ([own(5)], True, {}, ""),
        ([own(5)], True, {"renew_within": 4}, ""),
        ([own(5)], True, {"renew_within": 5}, "a signature that expires on 2026-06-06T00:00:00Z"),
        ([own(-1)], True, {}, "a signature that expires on 2026-05-31T00:00:00Z"),
        ([own(1), own(5)], True, {"renew_within": 3}, ""),
        ([own(1), own()], True, {"renew_within": 3}, ""),
        ([own()], True, {"expiry": 3}, ""),
        ([own()], True, STAMP, NO_STAMP),
        ([own(time_stamp="2026-05-01T00:00:00Z")], True, STAMP, ""),
        ([own(), own(1, time_stamp="2026-05-01T00:00:00Z")], True, {**STAMP, "renew_within": 3}, NO_STAMP),
    ],
)
def test_an_image_is_signed_where_it_lacks_what_is_wanted(found: list[Signature], valid: bool, options: dict[str, Any], reason: str) -> None:
    before = Signed("contoso.azurecr.io/web:v1", IMAGE, tuple(found), valid)
    change = plan(before, SIGNER, Wanted("cose", **options), NOW)
    assert change.after
    assert (change.changed, change.after.reason) == (bool(reason), reason)
    assert len(change.after.signatures) == len(found) + bool(reason) - len(change.after.removed)


FORMER, OTHER = (Signature("notation", f"sha256:{each}", thumbprint_sha256=each * 2) for each in "fo")
STAMPED = own(time_stamp="2026-05-01T00:00:00Z")


@pytest.mark.parametrize(
    ("found", "options", "removed"),
    [
        ([own(), FORMER, OTHER], {}, []),
        ([own(), FORMER, OTHER], {"former": ("ff",)}, [FORMER]),
        ([FORMER, OTHER], {"former": ("ff",)}, [FORMER]),
        ([Signature("cosign", "sha256:2", thumbprint_sha256="ff"), own()], {"former": ("ff",)}, []),
        ([own(5), OTHER], {"renew_within": 5}, [own(5)]),
        ([own(5), own(50)], {"renew_within": 5}, []),
        ([own(-1)], {}, [own(-1)]),
        ([own(), OTHER], STAMP, [own()]),
        ([own(), STAMPED], STAMP, []),
    ],
)
def test_what_would_deny_the_image_later_goes_once_there_is_a_good_one(found: list[Signature], options: dict[str, Any], removed: list[Signature]) -> None:
    change = plan(Signed("contoso.azurecr.io/web:v1", IMAGE, tuple(found), valid=True), SIGNER, Wanted("cose", **options), NOW)
    assert change.after
    assert list(change.after.removed) == removed
    assert [each for each in change.after.signatures if each in found] == [each for each in found if each not in removed]


def test_a_certificate_that_does_not_exist_yet_has_signed_nothing() -> None:
    change = plan(Signed("contoso.azurecr.io/web:v1", IMAGE, (own(),), valid=False), None, Wanted("cose"), NOW)
    assert change.after
    assert change.after.reason == NONE


def test_what_is_wanted_becomes_arguments_of_notation() -> None:
    given = {
        "former_certificates": [],
        "signature_format": "jws",
        "expiry": 30,
        "renew_within": 10,
        "time_stamp": {"url": "http://tsa.example", "root_certificate": __file__},
    }
    stamp = ["--timestamp-url", "http://tsa.example", "--timestamp-root-cert", __file__]
    assert wanted(given).words == ["--signature-format", "jws", "--expiry", "720h", *stamp]


def test_a_certificate_that_lasts_is_no_warning() -> None:
    lasting = Signer("CN=release", "aa", datetime.now(UTC) + timedelta(days=10), "", ())
    assert until(lasting, 9) is None
    assert "CN=release expires on" in str(until(lasting, 11))


@pytest.mark.parametrize(
    ("server", "ours"),
    [
        ("contoso.azurecr.io", True),
        ("contoso.azurecr.us", True),
        ("contoso-a1b2c3.azurecr.io", True),
        ("contoso.eastus.geo.azurecr.io", True),
        ("contoso.azurecr.io.evil.example", False),
        ("evil.example/contoso.azurecr.io", False),
        ("azurecr.io", False),
        ("contoso.azurecr.io:8443", False),
        ("contosoazurecr.io", False),
    ],
)
def test_only_a_registry_of_azure_gets_a_token_of_entra(server: str, ours: bool) -> None:
    assert is_of_azure(server) is ours


@pytest.mark.parametrize("name", ["contoso.azurecr.io/web", "web:v1", "contoso.azurecr.io.evil.example/web:v1", "contoso.azurecr.io/Web:v1", ""])
def test_a_name_that_is_no_image_in_a_registry_of_azure_is_refused(name: str) -> None:
    with pytest.raises(ModuleError, match=r"images\[0\] is "):
        named([name])
