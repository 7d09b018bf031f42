"""Which images of the proof can never be admitted."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.filter.verify_findings import FilterModule

verify_findings = FilterModule().filters()["verify_findings"]
WEB = "contoso.azurecr.io/web"
EXEMPT = {"owner": "team", "reason": "not yet", "ends": "2026-12-31"}


def found(image: str, scopes: list[str], *exemptions: dict[str, Any], expect: str = "admitted") -> list[str]:
    result: list[str] = verify_findings([{"image": image, "expect": expect}], scopes, [{**EXEMPT, **each} for each in exemptions])
    return result


@pytest.mark.parametrize("image", [WEB, f"{WEB}:1", f"{WEB}@sha256:{'a' * 64}", f"{WEB}:1@sha256:{'a' * 64}"])
def test_an_image_in_a_scope_can_be_admitted(image: str) -> None:
    assert found(image, ["contoso.azurecr.io/api", WEB]) == []


@pytest.mark.parametrize("image", ["contoso.azurecr.io/wep:1", f"{WEB}/api", "contoso.eastus.geo.azurecr.io/web", "web", "contoso.azurecr.io:443/web", "Web@x"])
def test_an_image_in_no_scope_never_is(image: str) -> None:
    (sentence,) = found(image, [WEB])
    assert sentence.startswith(f"verify_images expects {image} to be admitted, but ")


@pytest.mark.parametrize(
    ("image", "scopes", "exemption"),
    [
        ("nginx", ["*"], {"images": ["docker.io/library/redis"]}),
        ("nginx", ["docker.io/library/nginx"], {"images": ["docker.io/library/redis"]}),
        ("nginx:1", [WEB], {"images": ["docker.io/library/nginx"]}),
        ("nginx:1", [WEB], {"images": ["docker.io/library/*"], "namespaces": ["shop"]}),
        ("nginx:1", [WEB], {"namespaces": ["shop"]}),
        ("nginx:1", [WEB], {"service_accounts": ["shop/deployer"]}),
    ],
)
def test_all_scopes_and_exemptions_count(image: str, scopes: list[str], exemption: dict[str, Any]) -> None:
    assert found(image, scopes, exemption) == []


def test_an_exemption_of_other_images_does_not_count() -> None:
    assert "docker.io/library/nginx is no scope" in found("nginx", [WEB], {"images": ["docker.io/library/redis"], "namespaces": ["shop"]})[0]


def test_an_image_to_deny_may_be_anywhere() -> None:
    assert found("nginx", [WEB], expect="denied") == []
