"""What of a cluster that differs from the inventory lets other images in, and what a user may change without harm: by tables."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._policy.admission_rules import UPDATES_OF_IMAGES
from ansible_collections.image_trust.azure.plugins.module_utils._verification.deviations import HARMLESS, differing, gatekeeper_deviations, policy_deviations
from ansible_collections.image_trust.azure.plugins.module_utils._verification.state import LISTS, Verification
from ansible_collections.image_trust.azure.plugins.module_utils._verification.trust_deviations import VAULTS, trust_deviations

Json = dict[str, Any]
Change = Callable[[Json], Any]
COSIGN = "application/vnd.dev.cosign.artifact.sig.v1+json"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
CA = base64.b64encode(CERTIFICATE).decode()
GUARD = "namespace-labels.image-trust.azure"
OURS = "https://image-trust-lab.vault.azure.net/"


def item(name: str, spec: Json, **metadata: Any) -> Json:
    return {"metadata": {"name": name, **metadata}, "spec": spec}


def exemption(ends: str = "2999-01-01") -> Json:
    return {"owner": "team", "reason": "soon", "ends": ends, "images": ["docker.io/library/nginx"]}


CONSTRAINT: Json = {
    "enforcementAction": "deny",
    "match": {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}], "scope": "Namespaced", "excludedNamespaces": ["kube-system"]},
    "parameters": {"requireDigest": True, "messageSuffix": "", "exemptions": [exemption(), exemption("2026-01-01")]},
}
TEMPLATE: Json = {
    "crd": {"spec": {"names": {"kind": "ImagesVerified"}, "validation": {"openAPIV3Schema": {"type": "object"}}}},
    "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": "package imagesverified", "libs": ["package lib.pods"]}],
}
RULE = {"apiGroups": [""], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["namespaces", "namespaces/status"]}
POLICY: Json = {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": "false"}]}
BINDING: Json = {"policyName": GUARD, "validationActions": ["Deny"]}
OBJECTS = [
    {"kind": "ConstraintTemplate", **item("imagesverified", TEMPLATE)},
    {"kind": "ImagesVerified", **item("images-verified", CONSTRAINT)},
    {"kind": "ValidatingAdmissionPolicy", **item(GUARD, POLICY)},
    {"kind": "ValidatingAdmissionPolicyBinding", **item(GUARD, BINDING)},
]
RULES = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods", "pods/ephemeralcontainers"]}]
RULES_APPS = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
GATEKEEPER: Json = {
    "namespace": "gatekeeper-system",
    "failure_policy": "Fail",
    "validated_resources": [*RULES, RULES_APPS],
    "all_updates": True,
    "exempt_namespaces": ["kube-system"],
    "response_cache": "10s",
    "images": ["openpolicyagent/gatekeeper:v3.23.1"],
}
IDENTITY = "x509.subject: C=US, ST=WA, O=Brooklyn, CN=brooklyn.io"
RATIFY: Json = {
    "namespace": "gatekeeper-system",
    "images": ["ghcr.io/notaryproject/ratify:v1.4.6"],
    "trust_policies": [
        {"name": "web", "level": "strict", "registryScopes": ["r.io/web"], "trustedIdentities": [IDENTITY], "trustStores": ["ca:azurekeyvault"]},
        {"name": "api", "level": "strict", "registryScopes": ["r.io/api"], "trustedIdentities": ["*"], "trustStores": ["ca:notationCerts[0]"]},
    ],
    "vaults": [{"name": "kmprovider-akv", "vault": OURS, "certificates": [{"name": "brooklyn-io"}, {"name": "old", "version": "1"}]}],
    "inline_certificates": ["CERTIFICATE\n"],
    "cosign_keys": ["KEY"],
    "cosign_scopes": ["r.io/tools:*", "r.io/tools@*"],
    "cache": "10s",
    "store_cache": 10,
    "foreign_objects": ["Verifier reviewed"],
}


def trust(scope: str, store: str, identities: list[str]) -> Json:
    policy = {"name": "p", "registryScopes": [scope], "signatureVerification": {"level": "strict"}}
    return {**policy, "trustStores": [store], "trustedIdentities": identities}


def pod(name: str, labels: Json, image: str, *arguments: str) -> Json:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [{"name": "it", "image": image, "args": list(arguments)}]}, "status": {}}


def cluster() -> Json:
    """As the lab's is, by the names of `Verification`; `pods` beside them."""
    hook = {
        "name": "validation.gatekeeper.sh",
        "failurePolicy": "Fail",
        "rules": [{**rule, "scope": "*"} for rule in (*RULES, RULES_APPS)],
        "clientConfig": {"caBundle": CA, "service": {"namespace": "gatekeeper-system", "name": "gatekeeper-webhook-service", "path": "/v1/admit", "port": 443}},
        "namespaceSelector": {
            "matchExpressions": [
                {"key": "admission.gatekeeper.sh/ignore", "operator": "DoesNotExist"},
                {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "gatekeeper-system"]},
            ]
        },
    }
    stores = {"ca": {"cert-0": ["kmprovider-akv"], "cert-1": ["ratify-notation-inline-cert-0"]}}
    policies = [trust("r.io/api", "ca:cert-1", ["*"]), trust("r.io/web", "ca:cert-0", [IDENTITY])]
    notation = {
        "name": "notation",
        "artifactTypes": "application/vnd.cncf.notary.signature",
        "parameters": {"verificationCertStores": stores, "trustPolicyDoc": {"version": "1.0", "trustPolicies": policies}},
    }
    cosign = {
        "name": "cosign",
        "artifactTypes": COSIGN,
        "parameters": {"trustPolicies": [{"scopes": RATIFY["cosign_scopes"], "keys": [{"provider": "ratify-cosign-inline-key-0"}], "tLogVerify": False}]},
    }
    vault = {"vaultURI": OURS, "certificates": [{"name": "old", "version": "1"}, {"name": "brooklyn-io", "version": None}], "keys": None, "clientID": "x"}
    filled = copy.deepcopy(OBJECTS)
    filled[0]["spec"]["crd"]["spec"]["validation"]["legacySchema"] = False
    filled[2]["spec"]["matchConstraints"] |= {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
    filled[2]["spec"]["matchConstraints"]["resourceRules"][0]["scope"] = "*"
    return {
        "templates": [filled[0]],
        "constraints": [filled[1]],
        "guards": [filled[2]],
        "guard_bindings": [filled[3]],
        "validating_webhooks": [{"metadata": {"name": "gatekeeper-validating-webhook-configuration"}, "webhooks": [hook]}],
        "providers": [
            item("ratify-provider", {"url": "https://ratify.gatekeeper-system:6001/ratify/gatekeeper/v1/verify", "caBundle": CA}),
            item("ratify-mutation-provider", {}),
        ],
        "ratify_policies": [item("ratify-policy", {"type": "config-policy", "parameters": {"artifactVerificationPolicies": {"default": "all"}}})],
        "stores": [item("store-oras", {"name": "oras", "parameters": {"cacheEnabled": True, "ttl": 10}})],
        "verifiers": [item("verifier-notation", notation), item("verifier-cosign", cosign), item("reviewed", {"artifactTypes": COSIGN})],
        "key_management_providers": [
            item("kmprovider-akv", {"type": "azurekeyvault", "parameters": vault}),
            item("ratify-notation-inline-cert-0", {"type": "inline", "parameters": {"contentType": "certificate", "value": "CERTIFICATE"}}),
            item("ratify-cosign-inline-key-0", {"type": "inline", "parameters": {"contentType": "key", "value": "KEY"}}),
        ],
        "services": [
            item("ratify", {"selector": {"app.kubernetes.io/name": "ratify", "app.kubernetes.io/instance": "ratify"}, "type": "ClusterIP"}),
            item("gatekeeper-webhook-service", {"selector": {"gatekeeper.sh/operation": "webhook", "app": "gatekeeper"}}),
        ],
        "pods": [
            pod("g", {"gatekeeper.sh/operation": "webhook"}, *GATEKEEPER["images"], "--exempt-namespace=gatekeeper-system", "--log-level=INFO"),
            pod("r", {"app.kubernetes.io/name": "ratify"}, *RATIFY["images"], "serve", "--enable-crd-manager", "--cache-ttl=10s"),
        ],
    }


def deviations(change: Change = lambda found: None, issuer: str | None = None, **expected: Any) -> list[str]:
    found = cluster()
    change(found)
    objects = {**dict.fromkeys(LISTS, ()), **{name: items for name, items in found.items() if name not in ("pods", "services")}}
    verification = Verification("v1.36.4", "uid", issuer, {name: list(items) for name, items in objects.items()}, [], found["pods"], found["services"], ())
    wanted = {"objects": OBJECTS, "gatekeeper": GATEKEEPER, "ratify": RATIFY, **expected}
    sentences = policy_deviations(verification, wanted["objects"], "2026-11-29")
    sentences += gatekeeper_deviations(verification, wanted["gatekeeper"]) + trust_deviations(verification, wanted["ratify"])
    assert all(sentence.endswith((". Run site.yml.", "with the reason.")) for sentence in sentences)
    named = [" ".join(sentence.split()[:2]) for sentence in policy_deviations(verification, wanted["objects"], "2026-11-29")]
    assert differing(verification, wanted["objects"], "2026-11-29") == named, "the title of each object of which there is a sentence"
    return [sentence.removesuffix(". Run site.yml.") for sentence in sentences]


def spec(listed: str, number: int = 0) -> Callable[[Json], Json]:
    return lambda found: found[listed][number]["spec"]


def hook(found: Json) -> Json:
    asked: Json = found["validating_webhooks"][0]["webhooks"][0]
    return asked


def trusted(found: Json) -> list[Json]:
    policies: list[Json] = found["verifiers"][0]["spec"]["parameters"]["trustPolicyDoc"]["trustPolicies"]
    return policies


DIFFERENT: dict[str, tuple[Change, str]] = {
    "the Rego was edited": (
        lambda found: spec("templates")(found)["targets"][0].update(rego="package imagesverified # admits all"),
        "ConstraintTemplate imagesverified is not as the inventory says: spec.targets",
    ),
    "a library of the Rego was edited": (
        lambda found: spec("templates")(found)["targets"][0].update(libs=["package lib.pods # admits all"]),
        "ConstraintTemplate imagesverified is not as the inventory says: spec.targets",
    ),
    "the template has code of another language": (
        lambda found: spec("templates")(found)["targets"][0].update(code=[{"engine": "K8sNativeValidation"}]),
        "ConstraintTemplate imagesverified is not as the inventory says: spec.targets",
    ),
    "the template takes other parameters": (
        lambda found: spec("templates")(found)["crd"]["spec"]["validation"]["openAPIV3Schema"].update(type="string"),
        "ConstraintTemplate imagesverified is not as the inventory says: spec.crd.spec.validation.openAPIV3Schema.type",
    ),
    "a namespace more is excluded": (
        lambda found: spec("constraints")(found)["match"]["excludedNamespaces"].append("default"),
        "ImagesVerified images-verified is not as the inventory says: spec.match.excludedNamespaces",
    ),
    "the constraint looks at labels": (
        lambda found: spec("constraints")(found)["match"].update(labelSelector={"matchLabels": {"a": "b"}}),
        "ImagesVerified images-verified is not as the inventory says: spec.match.labelSelector.matchLabels.a",
    ),
    "the constraint judges other kinds": (
        lambda found: spec("constraints")(found)["match"].update(kinds=[{"apiGroups": ["apps"], "kinds": ["Deployment"]}]),
        "ImagesVerified images-verified is not as the inventory says: spec.match.kinds",
    ),
    "tags are admitted": (
        lambda found: spec("constraints")(found)["parameters"].update(requireDigest=False),
        "ImagesVerified images-verified is not as the inventory says: spec.parameters.requireDigest",
    ),
    "an exemption more": (
        lambda found: spec("constraints")(found)["parameters"]["exemptions"].append(exemption("2998-01-01")),
        "ImagesVerified images-verified is not as the inventory says: spec.parameters.exemptions",
    ),
    "an exemption lasts longer": (
        lambda found: spec("constraints")(found)["parameters"]["exemptions"][0].update(ends="3999-01-01"),
        "ImagesVerified images-verified is not as the inventory says: spec.parameters.exemptions",
    ),
    "the constraint was deleted": (lambda found: found["constraints"].clear(), "ImagesVerified images-verified does not exist"),
    "the guard lets through what it cannot judge": (
        lambda found: spec("guards")(found).update(failurePolicy="Ignore"),
        f"ValidatingAdmissionPolicy {GUARD} is not as the inventory says: spec.failurePolicy",
    ),
    "the guard looks at fewer resources": (
        lambda found: spec("guards")(found)["matchConstraints"]["resourceRules"][0].update(resources=["namespaces"]),
        f"ValidatingAdmissionPolicy {GUARD} is not as the inventory says: spec.matchConstraints.resourceRules",
    ),
    "the guard has a condition": (
        lambda found: spec("guards")(found).update(matchConditions=[{"name": "never", "expression": "false"}]),
        f"ValidatingAdmissionPolicy {GUARD} is not as the inventory says: spec.matchConditions",
    ),
    "the guard only warns": (
        lambda found: spec("guard_bindings")(found).update(validationActions=["Warn"]),
        f"ValidatingAdmissionPolicyBinding {GUARD} is not as the inventory says: spec.validationActions",
    ),
    "the guard is bound to some objects": (
        lambda found: spec("guard_bindings")(found).update(matchResources={"objectSelector": {"matchLabels": {"a": "b"}}}),
        f"ValidatingAdmissionPolicyBinding {GUARD} is not as the inventory says: spec.matchResources.objectSelector.matchLabels.a",
    ),
    "another service is asked": (
        lambda found: hook(found)["clientConfig"]["service"].update(name="yes"),
        "The webhook validation.gatekeeper.sh asks another service than Gatekeeper's",
    ),
    "a URL is asked": (
        lambda found: hook(found).update(clientConfig={"url": "https://yes.example", "caBundle": CA}),
        "The webhook validation.gatekeeper.sh asks another service than Gatekeeper's",
    ),
    "workloads are not judged": (
        lambda found: hook(found)["rules"].pop(),
        "Gatekeeper is not asked about what gatekeeper_validated_resources names: CREATE apps deployments",
    ),
    "constraints of others may judge an update": (
        lambda found: hook(found).update(matchConditions=[UPDATES_OF_IMAGES]),
        "Gatekeeper is not asked about updates that keep all images, which constraints of others may judge",
    ),
    "a namespace more is left out": (
        lambda found: hook(found)["namespaceSelector"]["matchExpressions"][1]["values"].append("default"),
        "Gatekeeper is not asked about the namespaces default, which gatekeeper_exempt_namespaces does not name",
    ),
    "it fails open": (
        lambda found: hook(found).update(failurePolicy="Ignore"),
        "Gatekeeper's webhook has failurePolicy Ignore, and gatekeeper_failure_policy is Fail",
    ),
    "Gatekeeper lets more namespaces have the label": (
        lambda found: found["pods"][0]["spec"]["containers"][0]["args"].append("--exempt-namespace-prefix=team-"),
        "Gatekeeper runs with --exempt-namespace-prefix=team-, which the inventory does not ask for",
    ),
    "Gatekeeper remembers answers for long": (
        lambda found: found["pods"][0]["spec"]["containers"][0]["args"].append("--external-data-provider-response-cache-ttl=8760h"),
        "Gatekeeper runs with --external-data-provider-response-cache-ttl=8760h, which the inventory does not ask for",
    ),
    "Ratify remembers answers for long": (
        lambda found: found["pods"][1]["spec"]["containers"][0]["args"].append("--cache-ttl=8760h"),
        "Ratify runs with --cache-ttl=8760h, which the inventory does not ask for",
    ),
    "the store remembers answers for long": (
        lambda found: spec("stores")(found)["parameters"].update(ttl=86400),
        "Ratify's Store store-oras remembers what registries answered for 86400 s, and not for 10 s",
    ),
    "another program answers as Ratify": (
        lambda found: found["pods"].append(pod("yes", {"app.kubernetes.io/name": "ratify"}, "evil.io/ratify:v1.4.6", "--enable-crd-manager")),
        "A pod of Ratify runs evil.io/ratify:v1.4.6 in place of ghcr.io/notaryproject/ratify:v1.4.6",
    ),
    "an older Gatekeeper runs": (
        lambda found: found["pods"][0]["spec"]["containers"][0].update(image="openpolicyagent/gatekeeper:v3.10.0"),
        "A pod of Gatekeeper runs openpolicyagent/gatekeeper:v3.10.0 in place of openpolicyagent/gatekeeper:v3.23.1",
    ),
    "Gatekeeper asks another provider": (
        lambda found: spec("providers")(found).update(url="https://yes.example/verify"),
        "Gatekeeper asks https://yes.example/verify in place of Ratify",
    ),
    "a verifier of another": (
        lambda found: found["verifiers"].append(item("more", {"artifactTypes": COSIGN})),
        "Ratify has configuration that the inventory does not name: Verifier more. Delete it, or name it in ratify_foreign_objects with the reason.",
    ),
    "a verifier of a namespace": (
        lambda found: found.update(namespaced_verifiers=[item("verifier-notation", {}, namespace="team")]),
        "Ratify has configuration that the inventory does not name: NamespacedVerifier team/verifier-notation. "
        "Delete it, or name it in ratify_foreign_objects with the reason.",
    ),
    "certificates of another": (
        lambda found: found["key_management_providers"].append(item("more", {})),
        "Ratify has configuration that the inventory does not name: KeyManagementProvider more. "
        "Delete it, or name it in ratify_foreign_objects with the reason.",
    ),
    "one report of several is enough": (
        lambda found: spec("ratify_policies")(found)["parameters"].update(artifactVerificationPolicies={"default": "any"}),
        "Ratify's Policy ratify-policy is not the chart's",
    ),
    "registries are asked without TLS": (
        lambda found: spec("stores")(found)["parameters"].update(useHttp=True),
        "Ratify's Store store-oras asks registries without TLS",
    ),
    "another program is selected as Ratify": (
        lambda found: found["services"][0]["spec"].update(selector={"app": "yes"}),
        "The service ratify does not select the pods of Ratify",
    ),
    "a service of another cluster answers as Ratify": (
        lambda found: found["services"][0]["spec"].update(type="ExternalName", externalName="yes.example"),
        "The service ratify does not select the pods of Ratify",
    ),
    "another program is selected as Gatekeeper": (
        lambda found: found["services"][1]["spec"].update(selector={"app": "yes"}),
        "The service gatekeeper-webhook-service does not select the pods of Gatekeeper",
    ),
    "Gatekeeper trusts another authority beside Ratify's": (
        lambda found: found["providers"][0]["spec"].update(caBundle=base64.b64encode(CERTIFICATE * 2).decode()),
        "Gatekeeper's provider ratify-provider trusts 2 certificate authorities in place of its own one",
    ),
    "the API server trusts no authority": (
        lambda found: hook(found)["clientConfig"].update(caBundle="no base64"),
        "Gatekeeper's webhook trusts 0 certificate authorities in place of its own one",
    ),
    "a pod of Ratify has a configuration of its own": (
        lambda found: found["pods"][1]["spec"]["containers"][0].update(args=["serve", "-c", "mine.json", "--cache-ttl=10s"]),
        "A pod of Ratify does not read Ratify's configuration from the cluster",
    ),
    "a pod of Ratify runs another command": (
        lambda found: found["pods"][1]["spec"]["containers"][0].update(command=["/bin/sh"]),
        "A pod of Ratify runs another command than that of its image",
    ),
    "a debug container is in a pod of Ratify": (
        lambda found: found["pods"][1]["spec"].update(ephemeralContainers=[{"name": "d", "image": "evil.io/a"}]),
        "A pod of Ratify runs evil.io/a in place of ghcr.io/notaryproject/ratify:v1.4.6",
    ),
    "a reviewed verifier verifies no signatures": (
        lambda found: found["verifiers"][2]["spec"].update(artifactTypes="application/spdx+json"),
        "Ratify's Verifier reviewed verifies no signatures: it admits an image that has application/spdx+json and no signature. Delete it",
    ),
    "a verifier is a program of its own": (
        lambda found: spec("verifiers")(found).update(source={"artifact": "evil.io/notation:1"}),
        "Ratify's Verifier verifier-notation names a program of its own: source",
    ),
    "a verifier is another one by its name": (
        lambda found: spec("verifiers")(found).update(name="mine"),
        "Ratify's Verifier verifier-notation is not the chart's",
    ),
    "the store is a program of its own": (
        lambda found: spec("stores")(found).update(address="/plugins"),
        "Ratify's Store store-oras names a program of its own: address",
    ),
    "what is wrong with a signature is only logged": (
        lambda found: trusted(found)[0]["signatureVerification"].update(override={"authenticity": "log"}),
        "Ratify's Verifier verifier-notation trusts others than ratify_trust_policies names",
    ),
    "everybody is trusted": (
        lambda found: trusted(found)[1].update(trustedIdentities=["*"]),
        "Ratify's Verifier verifier-notation trusts others than ratify_trust_policies names",
    ),
    "a policy more": (
        lambda found: trusted(found).append(trust("*", "ca:cert-0", ["*"])),
        "Ratify's Verifier verifier-notation trusts others than ratify_trust_policies names",
    ),
    "a signature is only looked at": (
        lambda found: trusted(found)[0].update(signatureVerification={"level": "audit"}),
        "Ratify's Verifier verifier-notation trusts others than ratify_trust_policies names",
    ),
    "a trust store has more certificates": (
        lambda found: found["verifiers"][0]["spec"]["parameters"]["verificationCertStores"]["ca"]["cert-0"].append("ratify-notation-inline-cert-0"),
        "Ratify's Verifier verifier-notation trusts others than ratify_trust_policies names",
    ),
    "a key counts in more repositories": (
        lambda found: found["verifiers"][1]["spec"]["parameters"]["trustPolicies"][0].update(scopes=["*"]),
        "Ratify's Verifier verifier-cosign trusts others than ratify_cosign_keys and ratify_cosign_scopes name",
    ),
    "keyless signatures count": (
        lambda found: found["verifiers"][1]["spec"]["parameters"]["trustPolicies"][0].update(keyless={"certificateIdentity": "me"}),
        "Ratify's Verifier verifier-cosign trusts others than ratify_cosign_keys and ratify_cosign_scopes name",
    ),
    "certificates come from another vault": (
        lambda found: found["key_management_providers"][0]["spec"]["parameters"].update(vaultURI="https://evil.vault.azure.net/"),
        "Ratify's KeyManagementProvider kmprovider-akv does not hold what the inventory names",
    ),
    "a certificate more": (
        lambda found: found["key_management_providers"][0]["spec"]["parameters"]["certificates"].append({"name": "evil"}),
        "Ratify's KeyManagementProvider kmprovider-akv does not hold what the inventory names",
    ),
    "another version of a certificate": (
        lambda found: found["key_management_providers"][0]["spec"]["parameters"]["certificates"][0].update(version="2"),
        "Ratify's KeyManagementProvider kmprovider-akv does not hold what the inventory names",
    ),
    "another certificate in place": (
        lambda found: found["key_management_providers"][1]["spec"]["parameters"].update(value="EVIL"),
        "Ratify's KeyManagementProvider ratify-notation-inline-cert-0 does not hold what the inventory names",
    ),
    "another key in place": (
        lambda found: found["key_management_providers"][2]["spec"]["parameters"].update(value="EVIL"),
        "Ratify's KeyManagementProvider ratify-cosign-inline-key-0 does not hold what the inventory names",
    ),
}


def test_a_cluster_as_the_inventory_says_has_no_deviation() -> None:
    assert deviations() == []


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_lets_other_images_in_is_named(name: str) -> None:
    change, sentence = DIFFERENT[name]
    assert deviations(change) == [sentence]


SAME: dict[str, Change] = {
    "spec.parameters.messageSuffix": lambda found: spec("constraints")(found)["parameters"].update(messageSuffix="Ask us."),
    "a field that is not given is as the API server fills it in": lambda found: spec("constraints")(found)["match"].update(source="All"),
    "an exemption has expired": lambda found: spec("constraints")(found)["parameters"]["exemptions"].pop(1),
    "another time-out": lambda found: hook(found).update(timeoutSeconds=30),
    "Gatekeeper is asked about more": lambda found: hook(found)["rules"].append({**RULES_APPS, "resources": ["*"]}),
    "Gatekeeper is asked about all": lambda found: hook(found).update(
        rules=[{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}]
    ),
    "Gatekeeper is asked in more namespaces": lambda found: hook(found)["namespaceSelector"]["matchExpressions"][1]["values"].remove("kube-system"),
    "more pods": lambda found: found["pods"].append({**found["pods"][0], "metadata": {"name": "g2", "labels": {"gatekeeper.sh/operation": "webhook"}}}),
    "another level of the log": lambda found: found["pods"][0]["spec"]["containers"][0].update(args=["--log-level=DEBUG"]),
    "more resources": lambda found: found["pods"][0]["spec"]["containers"][0].update(resources={"limits": {"memory": "2Gi"}}),
    "another node": lambda found: found["pods"][0]["spec"].update(nodeSelector={"pool": "system"}, tolerations=[{"operator": "Exists"}]),
    "labels": lambda found: found["constraints"][0]["metadata"].update(labels={"team": "us"}, annotations={"note": "ours"}),
    "the interval of the vault": lambda found: found["key_management_providers"][0]["spec"].update(refreshInterval="1h"),
    "the order of trust policies": lambda found: trusted(found).reverse(),
}


@pytest.mark.parametrize("name", SAME)
def test_what_a_user_may_change_without_harm_is_no_deviation(name: str) -> None:
    assert deviations(SAME[name]) == []


def test_each_harmless_field_has_its_case() -> None:
    assert set(HARMLESS) <= set(SAME)


@pytest.mark.parametrize("domain", VAULTS.values())
def test_where_only_the_name_of_the_vault_is_known_it_is_the_one_of_microsofts_clouds(domain: str) -> None:
    def named(uri: str, issuer: str | None = None) -> list[str]:
        known = {**RATIFY, "vaults": [{**RATIFY["vaults"][0], "vault": "image-trust-lab"}]}
        return deviations(lambda found: found["key_management_providers"][0]["spec"]["parameters"].update(vaultURI=uri), issuer, ratify=known)

    assert named(f"https://Image-Trust-Lab.{domain}/") == named(f"https://image-trust-lab.{domain}") == []
    assert named(f"https://image-trust-lab.{domain}.evil.example/") != []
    assert named("https://image-trust-lab.vault.evil.example/") != []
    of_public = named(f"https://image-trust-lab.{domain}/", "https://eastus.oic.prod-aks.azure.com/tenant/id/")
    assert (of_public == []) == (domain == "vault.azure.net"), "a name is taken in one cloud at a time"


def test_each_of_several_vaults_is_compared_with_its_own_provider() -> None:
    partner = {"name": "ratify-notation-inline-cert-1001", "vault": "contoso-partner", "certificates": [{"name": "partner"}]}
    policies = [{**RATIFY["trust_policies"][0], "trustStores": ["ca:azurekeyvault", "ca:notationCerts[1001]"]}, RATIFY["trust_policies"][1]]
    known = {**RATIFY, "vaults": [*RATIFY["vaults"], partner], "trust_policies": policies}

    def of(uri: str, names: list[str], stores: list[str]) -> list[str]:
        def change(found: Json) -> None:
            parameters = {"vaultURI": uri, "certificates": [{"name": "partner"}]}
            found["key_management_providers"].append(item("ratify-notation-inline-cert-1001", {"type": "azurekeyvault", "parameters": parameters}))
            notation = found["verifiers"][0]["spec"]["parameters"]
            notation["verificationCertStores"]["ca"]["cert-2"] = names
            notation["trustPolicyDoc"]["trustPolicies"][1]["trustStores"] = stores

        return deviations(change, ratify=known)

    there, second, stores = "https://contoso-partner.vault.azure.net/", ["ratify-notation-inline-cert-1001"], ["ca:cert-0", "ca:cert-2"]
    assert of(there, second, stores) == []
    assert "does not hold what the inventory names" in " ".join(of("https://evil.vault.azure.net/", second, stores))
    assert "trusts others than ratify_trust_policies names" in " ".join(of(there, ["evil"], stores))
    assert "trusts others than ratify_trust_policies names" in " ".join(of(there, second, stores[:1]))


def test_where_the_tag_of_the_image_is_not_known_any_tag_is_its() -> None:
    def of(image: str) -> list[str]:
        return deviations(ratify={**RATIFY, "images": [image]})

    assert of("ghcr.io/notaryproject/ratify") == []
    assert of("ghcr.io/notaryproject/rat") != []
    assert of("ghcr.io:443/notaryproject/ratify") != []
