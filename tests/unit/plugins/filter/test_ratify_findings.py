"""What role ratify refuses of its variables before it asks the cluster, each in a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.filter.ratify_findings import FilterModule

from tests.support.certificates import SelfSigned
from tests.support.cluster_states import chain

ratify_findings = FilterModule().filters()["ratify_findings"]

RESERVED = {"replicaCount": "set ratify_replicas", "sbom": "leave it out"}
REFUSED = {"1.15.3": "it names an image that does not exist"}
TRUST = {"name": "web", "registryScopes": ["example.azurecr.io/web"], "trustedIdentities": ["x509.subject: C=US, ST=WA, O=X"]}
CERTIFICATE = SelfSigned().pem.strip()
KEY = CERTIFICATE.replace("CERTIFICATE", "PRIVATE KEY")
SOUND: dict[str, Any] = {
    "ratify_namespace": "gatekeeper-system",
    "ratify_chart_version": "1.15.7",
    "ratify_vault_uris": ["contoso-signing"],
    "ratify_certificates": [{"name": "root"}],
    "ratify_inline_certificates": [],
    "ratify_refresh_interval": "",
    "ratify_trust_policies": [TRUST],
    "ratify_registries": [],
    "ratify_cosign_keys": [],
    "ratify_cosign_scopes": [],
    "ratify_validation_timeout": 3,
    "ratify_mutation_timeout": 2,
    "ratify_gatekeeper_validation_timeout": 5,
    "ratify_gatekeeper_mutation_timeout": 2,
    "ratify_mutation_excluded_namespaces": [],
    "ratify_replicas": 2,
    "ratify_foreign_objects": [],
    "ratify_values": {},
    "ratify_wait_timeout": 300,
}


def findings(**given: Any) -> list[str]:
    found: list[str] = ratify_findings({**SOUND, **given}, RESERVED, REFUSED, "1.4.6")
    return found


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"ratify_replicas": "2", "ratify_validation_timeout": "3", "ratify_gatekeeper_validation_timeout": "10", "ratify_wait_timeout": "9"},
        {"ratify_validation_timeout": 9, "ratify_gatekeeper_validation_timeout": "10"},
        {"ratify_refresh_interval": "1h30m"},
        {"ratify_mutation_excluded_namespaces": ["kube-system", "team-*", "*-infra", "*"]},
        {"ratify_values": {"provider": {"cache": {"ttl": "3m"}}, "oras": {"cache": {"ttl": 180}}}},
        {"ratify_values": {"provider": {"cache": {"enabled": False}}, "oras": {"cache": {"enabled": False}}}},
        {"ratify_values": {"provider": None, "oras": None, "image": None}},
        {"ratify_values": {"provider": {"timeout": 5, "cache": []}, "oras": "a", "image": "b"}},
        {"ratify_values": {"image": {"tag": "v1.4.6-patched"}}},
        {"ratify_values": {"image": {"tag": "v1.4.6@sha256:0"}}},
        {"ratify_foreign_objects": [{"object": "Verifier sbom", "reason": "counts SBOMs"}]},
        {"ratify_certificates": [{"name": "2024-root", "version": "0123456789abcdef0123456789abcdef"}, {"name": "a", "version": None}]},
        {
            "ratify_certificates": [],
            "ratify_inline_certificates": [{"name": "a", "certificate": f"\n{CERTIFICATE}\n\n{CERTIFICATE} \r\n"}],
            "ratify_trust_policies": [{**TRUST, "trustStores": ["ca:a"]}],
        },
    ],
)
def test_variables_that_ratify_can_take_are_not_refused(given: dict[str, Any]) -> None:
    assert findings(**given) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ratify_replicas": 0}, "ratify_replicas is 0, but must be 1 or more."),
        ({"ratify_replicas": "many"}, "ratify_replicas is 'many', but must be a whole number."),
        ({"ratify_wait_timeout": "0"}, "ratify_wait_timeout is 0, but must be 1 or more."),
        ({"ratify_validation_timeout": 0}, "ratify_validation_timeout is 0, but must be 1 or more."),
        ({"ratify_mutation_timeout": -1}, "ratify_mutation_timeout is -1, but must be 1 or more."),
        ({"ratify_values": {"provider": {"timeout": {"mutationTimeoutSeconds": 0}}}}, "ratify_mutation_timeout is 0, but must be 1 or more."),
        ({"ratify_validation_timeout": 5}, "ratify_validation_timeout (5 s) has to be smaller than the time-out of Gatekeeper's validating webhook (5 s)"),
        ({"ratify_validation_timeout": "10", "ratify_gatekeeper_validation_timeout": "9"}, "ratify_validation_timeout (10 s) has to be smaller"),
        ({"ratify_values": {"provider": {"timeout": {"mutationTimeoutSeconds": 3}}}}, "ratify_mutation_timeout (3 s) must not be greater than the time-out"),
        ({"ratify_values": {"provider": {"cache": {"ttl": "8760h"}}}}, "ratify_values.provider.cache.ttl is '8760h', but must be 3m at most"),
        ({"ratify_values": {"provider": {"cache": {"ttl": "0s"}}}}, "ratify_values.provider.cache.ttl is '0s', by which Ratify remembers a verdict for ever; "),
        ({"ratify_values": {"provider": {"cache": {"ttl": 10}}}}, "ratify_values.provider.cache.ttl is 10, but must be a duration, such as 10s."),
        ({"ratify_values": {"oras": {"cache": {"ttl": 181}}}}, "ratify_values.oras.cache.ttl is 181, but must be 1 to 180"),
        ({"ratify_values": {"oras": {"cache": {"ttl": 0}}}}, "ratify_values.oras.cache.ttl is 0, but must be 1 to 180"),
        ({"ratify_values": {"oras": {"cache": {"ttl": "10s"}}}}, "ratify_values.oras.cache.ttl is '10s', but must be a whole number."),
        ({"ratify_refresh_interval": "1 day"}, "ratify_refresh_interval is '1 day', but must be a duration, such as 1h."),
        ({"ratify_mutation_excluded_namespaces": ["a*b"]}, "ratify_mutation_excluded_namespaces has 'a*b', which is no name of a namespace"),
        ({"ratify_mutation_excluded_namespaces": [""]}, "ratify_mutation_excluded_namespaces has '', which is no name of a namespace"),
        ({"ratify_mutation_excluded_namespaces": "a"}, "ratify_mutation_excluded_namespaces is 'a', but must be a list."),
        ({"ratify_namespace": "a.b"}, "ratify_namespace has 'a.b', which is no name of a namespace"),
        ({"ratify_foreign_objects": [{"object": "Verifier sbom", "reason": ""}]}, "ratify_foreign_objects has Verifier sbom without a reason"),
        ({"ratify_chart_version": "1.x"}, "ratify_chart_version is '1.x', but must be one version, such as 1.15.7."),
        ({"ratify_chart_version": "1.15.3"}, "Chart 1.15.3 with Ratify 1.4.6 is not used: it names an image that does not exist. Take chart 1.15.7."),
        ({"ratify_chart_version": "1.13.3"}, "Chart 1.13.3 with Ratify 1.4.6 is not used: "),
        ({"ratify_chart_version": "2.0.0-alpha.1"}, "Chart 2.0.0-alpha.1 with Ratify 1.4.6 is not used: "),
        ({"ratify_values": {"image": {"tag": "v1.3.1"}}}, "Chart 1.15.7 with Ratify 1.3.1 is not used: Ratify before 1.2.3, 1.3.0 and 1.3.1 send"),
        ({"ratify_values": {"image": {"tag": "v2.0.0-alpha.1"}}}, "Chart 1.15.7 with Ratify 2.0.0-alpha.1 is not used: "),
        ({"ratify_values": {"image": {"tag": "latest"}}}, "Chart 1.15.7 with Ratify latest is not used: "),
        *(
            ({"ratify_inline_certificates": [{"name": "a", "certificate": text}]}, "ratify_inline_certificates has a, whose certificate must be PEM of")
            for text in ("", "none", KEY, f"{CERTIFICATE}\n{KEY}", f"{KEY}\n{CERTIFICATE}", f"Subject: a\n{CERTIFICATE}", f"{CERTIFICATE}\n\n")
        ),
        *(
            ({"ratify_inline_certificates": [{"name": "a", "certificate": text}]}, "ratify_inline_certificates has a, which Ratify cannot use: its cert")
            for text in (CERTIFICATE.replace("MII", "MIJ", 1), CERTIFICATE.replace("MII", "MI", 1), f"{CERTIFICATE}\n{CERTIFICATE.replace('MII', 'MIJ', 1)}\n")
        ),
        (
            {"ratify_inline_certificates": [{"name": "a", "certificate": chain()["leaf"]}]},
            "ratify_inline_certificates has a, which Ratify cannot use: a certificate authority issued it and its chain is not there with it",
        ),
        *(
            ({"ratify_certificates": [{"name": "root"}, each]}, f"ratify_certificates has {each['name']}, which the chart of Ratify takes for a number")
            for each in ({"name": "2024"}, {"name": "1e5"}, {"name": "on"}, {"name": "a", "version": "01234567890123456789012345678901"})
        ),
        ({"ratify_certificates": []}, "A signer has to be trusted, by ratify_trust_policies and a certificate in ratify_certificates or"),
        ({"ratify_trust_policies": []}, "A signer has to be trusted, by ratify_trust_policies and a certificate in ratify_certificates or"),
        ({"ratify_trust_policies": [{**TRUST, "registryScopes": []}]}, "these trust policies are not used: policy web: it needs registryScopes."),
        ({"ratify_cosign_scopes": ["a.io/b"]}, "these keys of cosign are not used: there is no key for these scopes in ratify_cosign_keys."),
        (
            {"ratify_trust_policies": [{**TRUST, "registryScopes": ["contoso.eastus.data.azurecr.io/web"]}]},
            "ratify_trust_policies has contoso.eastus.data.azurecr.io/web, but contoso.eastus.data.azurecr.io serves layers only and no image has its name;"
            " name it by contoso.azurecr.io.",
        ),
        ({"ratify_registries": ["contoso.chinaeast2.data.azurecr.cn"]}, "ratify_registries has contoso.chinaeast2.data.azurecr.cn, but "),
        ({"ratify_values": {"sbom": {}}}, "ratify_values must not have sbom: leave it out. Whom to trust, and how many pods"),
    ],
)
def test_what_kubernetes_or_helm_would_refuse_later_or_would_weaken_the_verdict_is_refused(given: dict[str, Any], said: str) -> None:
    [sentence] = [each for each in findings(**given) if each.startswith(said)]
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = findings(
        ratify_replicas=0,
        ratify_trust_policies=[{**TRUST, "trustedIdentities": []}],
        ratify_cosign_scopes=["a.io/b"],
        ratify_values={"sbom": {}, "oras": {"cache": {"ttl": 9999}}},
    )
    assert [each.split()[0] for each in found] == ["ratify_replicas", "ratify_values.oras.cache.ttl", "these", "these", "ratify_values"]


def test_a_private_key_that_is_given_by_mistake_is_not_quoted() -> None:
    given = {**SOUND, "ratify_inline_certificates": [{"name": "a", "certificate": KEY}]}
    assert CERTIFICATE.splitlines()[1] not in " ".join(ratify_findings(given, RESERVED, REFUSED, "1.4.6"))
