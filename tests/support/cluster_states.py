"""What the API server of a cluster answers that verifies images: as the lab's does, with what does not matter left out."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Json = dict[str, Any]
VAULT = "https://image-trust-lab.vault.azure.net/"
RATIFY = "/apis/config.ratify.deislabs.io/v1beta1"
CONSTRAINTS = "/apis/constraints.gatekeeper.sh/v1beta1/imagesverified"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
VALIDATING = f"{ADMISSION}/validatingwebhookconfigurations"
GUARD = "namespace-labels.image-trust.azure"
PODS = "/api/v1/namespaces/gatekeeper-system/pods"
WELL = {"issuccess": True}
NOTATION = {
    "name": "notation",
    "parameters": {
        "verificationCertStores": {"ca": {"cert-0": ["kmprovider-akv"]}},
        "trustPolicyDoc": {
            "version": "1.0",
            "trustPolicies": [
                {
                    "name": "release",
                    "registryScopes": ["contoso.azurecr.io/web"],
                    "signatureVerification": {"level": "strict"},
                    "trustStores": ["ca:cert-0"],
                    "trustedIdentities": ["x509.subject:CN=brooklyn.io,O=Contoso,ST=WA,C=US"],
                }
            ],
        },
    },
}


def pem(name: str, *, days: int = 90, since: int = 1) -> str:
    """A certificate, valid from so many days ago for so many days."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = datetime.now(UTC) - timedelta(days=since)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, begins, begins + timedelta(days=days))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def chain() -> dict[str, str]:
    """PEM of a leaf, the intermediate that issued it and its root, each with its own subject (CN=leaf, mid, root) and expiry."""
    issuer, issuer_key, made, begins = None, None, {}, datetime.now(UTC) - timedelta(days=1)
    for number, (name, days) in enumerate({"root": 3650, "mid": 1825, "leaf": 365}.items(), start=1):
        key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder(issuer or subject, subject, key.public_key(), number, begins, begins + timedelta(days=days))
        builder = builder.add_extension(x509.BasicConstraints(ca=name != "leaf", path_length=None), critical=True)
        made[name] = builder.sign(issuer_key or key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
        issuer, issuer_key = subject, key
    return made


def public_key() -> str:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def odd(text: str, old: str, new: str) -> str:
    """The PEM with other bytes (hexadecimal) in it, such as the name of an unknown algorithm."""
    head, body, end = text.partition("\n")[0], "".join(text.split("-----")[2].split()), text.rstrip().rpartition("\n")[2]
    return "\n".join([head, base64.b64encode(base64.b64decode(body).replace(bytes.fromhex(old), bytes.fromhex(new))).decode(), end, ""])


def items(*found: Json) -> Json:
    return {"items": list(found)}


def item(name: str, spec: Json, **more: Any) -> Json:
    return {"metadata": {"name": name, "resourceVersion": "7", "uid": "u"}, "spec": spec, **more}


def inline(name: str, value: str, content: str = "certificate", **more: Any) -> Json:
    return item(name, {"type": "inline", "parameters": {"contentType": content, "value": value}}, status=WELL, **more)


def in_vault(held: list[Json], asked: tuple[str, ...] = ("brooklyn-io",)) -> Json:
    parameters = {"vaultURI": VAULT, "certificates": [{"name": name, "version": None} for name in asked], "keys": None}
    status = {**WELL, "properties": {"Certificates": held, "Keys": []}}
    return item("kmprovider-akv", {"type": "azurekeyvault", "parameters": parameters}, status=status)


def held(name: str = "brooklyn-io", version: str = "d14071e06f0d4d16a841c0a61e9ab072", enabled: str = "true") -> Json:
    return {"Name": name, "Version": version, "Enabled": enabled, "LastRefreshed": "2026-11-24T11:51:18Z"}


def pod(name: str, labels: Json, image: str, *, ready: bool = True, **metadata: Any) -> Json:
    return {
        "metadata": {"name": name, "labels": labels, **metadata},
        "spec": {"containers": [{"name": "it", "image": image, "args": ["--operation=webhook"]}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"image": image, "imageID": f"{image.partition(':')[0]}@sha256:{'a' * 64}"}],
        },
    }


def constraint(name: str = "images-verified", **parameters: Any) -> Json:
    made = item(name, {"enforcementAction": "deny", "match": {"excludedNamespaces": ["kube-system", "gatekeeper-system"]}, "parameters": parameters})
    made["metadata"]["annotations"] = {"image-trust.azure/reasons": json.dumps({"kube-system": "what the cluster needs to start"})}
    return made


def webhooks(**change: Any) -> Json:
    """The configuration of Gatekeeper's webhook, with other values of its webhook."""
    selector = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}]}
    asked = {"service": {"name": "gatekeeper-webhook-service", "namespace": "gatekeeper-system"}, "caBundle": "Y2E="}
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods", "pods/ephemeralcontainers"], "scope": "*"}]
    when = {"rules": rules, "failurePolicy": "Fail", "timeoutSeconds": 5, "namespaceSelector": selector}
    hook = {"name": "validation.gatekeeper.sh", **when, "clientConfig": asked, **change}
    annotations = {"image-trust.azure/fails-open": "a test cluster"}
    return {"metadata": {"name": "gatekeeper-validating-webhook-configuration", "resourceVersion": "9", "annotations": annotations}, "webhooks": [hook]}


def cluster(*providers: Json) -> dict[str, Any]:
    """Answers by path, of one where all is well. `providers`: its key management providers, one with a certificate in the vault when not given."""
    gatekeeper, ratify = {"gatekeeper.sh/operation": "webhook"}, {"app.kubernetes.io/name": "ratify"}
    return {
        "/version": {"gitVersion": "v1.36.4"},
        "/api/v1/namespaces/kube-system": {"metadata": {"name": "kube-system", "uid": "a2eb4051-5860-4210-8575-3aa72220f316"}},
        "/api/v1/namespaces?labelSelector=admission.gatekeeper.sh/ignore": items(),
        "/.well-known/openid-configuration": {"issuer": "https://eastus.oic.prod-aks.azure.com/tenant/lab1/"},
        "/apis/templates.gatekeeper.sh/v1/constrainttemplates": items(item("imagesverified", {"targets": [{"rego": "package"}]}), item("other", {})),
        CONSTRAINTS: items(constraint()),
        "/apis/mutations.gatekeeper.sh/v1/assign": items(item("mutate-pod-image", {"location": "spec.containers[name:*].image"})),
        "/apis/externaldata.gatekeeper.sh/v1beta1/providers": items(
            item("ratify-provider", {"url": "https://ratify", "timeout": 3, "caBundle": "Y2E="}), item("ratify-mutation-provider", {"timeout": 2})
        ),
        f"{RATIFY}/policies": items(item("ratify-policy", {"type": "config-policy"}, status=WELL)),
        f"{RATIFY}/stores": items(item("store-oras", {"name": "oras"}, status=WELL)),
        f"{RATIFY}/verifiers": items(item("verifier-notation", NOTATION, status=WELL)),
        f"{RATIFY}/keymanagementproviders": items(*(providers or (in_vault([held()]),))),
        f"{RATIFY}/certificatestores": items(),
        f"{ADMISSION}/validatingadmissionpolicies": items(item(GUARD, {"failurePolicy": "Fail"}), item("of-somebody-else", {})),
        f"{ADMISSION}/validatingadmissionpolicybindings": items(item(GUARD, {"policyName": GUARD, "validationActions": ["Deny"]})),
        VALIDATING: items(webhooks(), {"metadata": {"name": "somebody-else"}, "webhooks": [{"name": "else"}]}),
        PODS: items(
            pod("gatekeeper-1", gatekeeper, "docker.io/openpolicyagent/gatekeeper:v3.23.1"), pod("ratify-1", ratify, "ghcr.io/notaryproject/ratify:v1.4.6")
        ),
    }


def helm_record(name: str, namespace: str, revision: int, status: str, chart_version: str, values: Json) -> Json:
    """The Secret in which Helm writes down a revision of a release, whose chart has the release's name."""
    content = {
        "name": name,
        "version": revision,
        "info": {"status": status},
        "chart": {"metadata": {"name": name, "version": chart_version}},
        "config": values,
        "manifest": "",
    }
    return {
        "metadata": {
            "name": f"sh.helm.release.v1.{name}.v{revision}",
            "namespace": namespace,
            "labels": {"name": name, "owner": "helm", "status": status, "version": str(revision)},
            "managedFields": [{"manager": "helm", "fieldsV1": {"f:data": {}}}],
        },
        "data": {"release": base64.b64encode(base64.b64encode(gzip.compress(json.dumps(content).encode()))).decode()},
    }
