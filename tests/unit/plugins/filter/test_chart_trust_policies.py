"""Trust policies for Ratify's chart."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.image_trust.azure.plugins.filter.chart_trust_policies import FilterModule

chart_trust_policies = FilterModule().filters()["chart_trust_policies"]
WEB, SUBJECT = "example.azurecr.io/web", "x509.subject: C=US, ST=WA, O=Example, CN=example.com"


def policy(**changes: Any) -> dict[str, Any]:
    return {"name": "web", "registryScopes": [WEB], "trustedIdentities": [SUBJECT], **changes}


@pytest.mark.parametrize(
    ("given", "inline", "vault", "made"),
    [
        ({}, [], True, {"level": "strict", "trustStores": ["ca:azurekeyvault"]}),
        ({"level": "audit"}, [], True, {"level": "audit"}),
        ({"level": None}, [], True, {"level": "strict"}),
        ({"trustStores": None}, ["root"], True, {"trustStores": ["ca:azurekeyvault"]}),
        ({"trustStores": ["ca:root"]}, ["other", "root"], False, {"trustStores": ["ca:notationCerts[1]"]}),
        ({"trustStores": ["ca:vault", "tsa:time"]}, ["time"], True, {"trustStores": ["ca:azurekeyvault", "tsa:notationCerts[0]"]}),
        ({"trustStores": ["signingAuthority:root"]}, ["root"], False, {"trustStores": ["signingAuthority:notationCerts[0]"]}),
        ({"registryScopes": ["*"], "trustedIdentities": ["*"]}, [], True, {"registryScopes": ["*"], "trustedIdentities": ["*"]}),
        ({"registryScopes": ["localhost:5000/a/b-c_d"]}, [], True, {"registryScopes": ["localhost:5000/a/b-c_d"]}),
        ({"trustedIdentities": [r"x509.subject: C=US, ST=WA, O=A\, \"B\""]}, [], True, {"trustedIdentities": [r"x509.subject: C=US, ST=WA, O=A\\, \\\"B\\\""]}),
    ],
)
def test_the_chart_gets_its_own_names_of_trust_stores_and_what_yaml_can_hold(given: Any, inline: list[str], vault: int, made: dict[str, Any]) -> None:
    [chart] = chart_trust_policies([policy(**given)], inline, vault)
    assert {name: chart[name] for name in made} == made
    assert chart["name"] == "web"


@pytest.mark.parametrize(
    ("policies", "inline", "vault", "reason"),
    [
        ([policy()], [], False, "policy web: it needs a trust store of the type ca or signingAuthority"),
        ([policy(trustStores=["tsa:time"])], ["time"], True, "it needs a trust store of the type ca or signingAuthority"),
        ([policy(trustStores=["ca:rot"])], ["root"], True, "there is no trust store ca:rot; there are root, vault"),
        ([policy(trustStores=["ca:vault"])], [], False, "there is no trust store ca:vault; there are none"),
        ([policy(trustStores=["root"])], ["root"], True, "there is no trust store root"),
        ([policy(trustedIdentities=[SUBJECT, "x509.subject: C=US, ST=WA, O=Example"])], [], True, f"O=Example trusts everything that {SUBJECT} trusts"),
        ([policy(level="skip")], [], True, "policy web: its level is skip, but must be strict, permissive or audit"),
        *(
            ([policy(name=name)], [], True, "its name would be no text in YAML")
            for name in ("", "2024", 2024, "1.5", "on", "~", "a: b", "a #b", "*", "-", "a ")
        ),
        ([policy()], ["vault"], True, "an inline certificate cannot be called vault"),
        ([policy()], ["a", "a"], True, "a is a certificate twice"),
        ([policy(), policy(registryScopes=["example.azurecr.io/x"])], [], True, "web is a policy twice"),
        ([policy(name="trustPolicy-1"), policy(name=None, registryScopes=["example.azurecr.io/x"])], [], True, "trustPolicy-1 is a policy twice"),
        ([policy(), policy(name="x")], [], True, f"{WEB} is a scope twice"),
        ([policy(registryScopes=[])], [], True, "it needs registryScopes"),
        ([policy(registryScopes=["*", WEB])], [], True, "the scope * stands for all, alone"),
        ([policy(registryScopes=["example.azurecr.io"])], [], True, "example.azurecr.io is not a repository with its registry"),
        ([policy(registryScopes=[f"{WEB}:v1"])], [], True, f"{WEB}:v1 is not a repository"),
        ([policy(registryScopes=["example.azurecr.io/*"])], [], True, "example.azurecr.io/* is not a repository"),
        ([policy(trustedIdentities=[])], [], True, "for the chart none means anybody"),
        ([policy(trustedIdentities=["*", SUBJECT])], [], True, "the identity * stands for everybody"),
        ([policy(trustedIdentities=["CN=example.com"])], [], True, "it begins with x509.subject:"),
        ([policy(trustedIdentities=[r"x509.subject: C=US, O=Example\, ST=WA"])], [], True, "it needs ST"),
    ],
)
def test_what_ratify_would_refuse_only_when_it_runs_is_refused_before(policies: Any, inline: list[str], vault: int, reason: str) -> None:
    with pytest.raises(AnsibleFilterError, match="these trust policies are not used: ") as refusal:
        chart_trust_policies(policies, inline, vault)
    assert reason in str(refusal.value)


def test_a_policy_without_a_name_gets_the_charts() -> None:
    unnamed = {"registryScopes": ["example.azurecr.io/x"], "trustedIdentities": [SUBJECT]}
    named = [each["name"] for each in chart_trust_policies([policy(), unnamed, {**unnamed, "name": None, "registryScopes": ["*"]}], [], True)]
    assert named == ["web", "trustPolicy-1", "trustPolicy-2"]


def test_the_certificates_of_all_vaults_are_one_trust_store() -> None:
    [chart] = chart_trust_policies([policy(trustStores=["ca:vault", "tsa:time"])], ["time"], 3)
    assert chart["trustStores"] == ["ca:azurekeyvault", "ca:notationCerts[1001]", "ca:notationCerts[1002]", "tsa:notationCerts[0]"]
