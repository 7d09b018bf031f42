"""Ratify's own certificate, and those of the signers, are renewed while a client asks for images all the time. About four minutes."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab import seed
from lab.config import CERTIFICATE, OTHER_REPOSITORY, REGISTRY, VAULT

from .asking import Asked, afresh, asking_for
from .conftest import Lab
from .pods import IMAGE, SIGNED, UNSIGNED, pod, refusal
from .waiting import NAMESPACE, until

CHAINED = f"{REGISTRY}.azurecr.io/{OTHER_REPOSITORY}:chained"
RECOVERY = 150
"""Seconds for which signed images may be denied when Ratify's certificate was renewed: so long the kubelet may take to bring it to the pods."""
RESTORED = ["image_trust.azure.release : Restore the objects of release ratify"]
NOTICED = 3
"""Seconds within which Gatekeeper knows whom to trust now."""
REFRESH = 10
KNOWN = REFRESH + 60
"""Seconds within which a new certificate of a signer is trusted: an interval, and what Gatekeeper and Ratify remember."""


def secret_of(days: int) -> dict[str, str]:
    """A CA and a certificate for Ratify's service, as it makes them itself, that end in so many days."""
    name, now = f"ratify.{NAMESPACE}", datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    keys = {part: rsa.generate_private_key(public_exponent=65537, key_size=2048) for part in ("ca", "tls")}

    def made(part: str) -> bytes:
        builder = (
            x509.CertificateBuilder(
                subject, subject, keys[part].public_key(), x509.random_serial_number(), now - timedelta(days=400), now + timedelta(days=days)
            )
            .add_extension(x509.BasicConstraints(ca=part == "ca", path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        )
        if part == "tls":
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return builder.sign(keys["ca"], hashes.SHA256()).public_bytes(Encoding.PEM)

    content = {f"{part}.crt": made(part) for part in keys}
    content |= {f"{part}.key": key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()) for part, key in keys.items()}
    return {file: base64.b64encode(each).decode() for file, each in content.items()}


def trusted(kube: Any) -> set[str]:
    """Whom Gatekeeper trusts to be Ratify."""
    listed = kube.resources.get(api_version="externaldata.gatekeeper.sh/v1beta1", kind="Provider").get().items
    return {each.spec.caBundle for each in listed}


def authority(kube: Any) -> str | None:
    """Of Ratify's own certificate."""
    secrets = kube.resources.get(api_version="v1", kind="Secret")
    return dict(secrets.get(name="ratify-tls", namespace=NAMESPACE).to_dict().get("data") or {}).get("ca.crt")


def admitted_again(asked: Asked, image: str) -> None:
    since = time.monotonic() + NOTICED
    until(lambda: asked.admitted_since(image, since), "signed images are admitted again", RECOVERY)


def test_a_certificate_of_ratify_that_expires_soon_is_renewed_by_itself_and_one_that_was_deleted_by_a_run(kube: Any, ratify: Any) -> None:
    secrets = kube.resources.get(api_version="v1", kind="Secret")
    signed, unsigned = afresh(kube, SIGNED), afresh(kube, UNSIGNED)

    def renewed(old: set[str | None]) -> bool:
        return authority(kube) not in old and trusted(kube) == {authority(kube)}

    with asking_for(unsigned, signed) as asked:
        before, ending = authority(kube), secret_of(days=30)
        secrets.patch(name="ratify-tls", namespace=NAMESPACE, body={"data": ending}, content_type="application/merge-patch+json")
        until(lambda: renewed({before, ending["ca.crt"], None}), "Gatekeeper trusts another certificate", 60)
        admitted_again(asked, signed)

        before = authority(kube)
        secrets.delete(name="ratify-tls", namespace=NAMESPACE)
        run = ratify()
        assert run.returncode == 0, run.error or run.output[-2000:]
        assert run.changed == RESTORED
        assert renewed({before, None})
        admitted_again(asked, signed)
    print(json.dumps({"refused": asked.refused(unsigned), "signed images denied for seconds": asked.longest_refusal(signed)}))
    assert asked.admitted(unsigned) == 0 < asked.refused(unsigned)
    assert asked.longest_refusal(signed) < RECOVERY
    assert ratify().changed == []


@pytest.fixture
def renewable(lab: Lab, ratify: Any) -> Iterator[str]:
    """Where the lab makes versions of the signer's certificate; afterwards there is the one of before, and Ratify reads the vault as the inventory says."""
    address = f"{lab.url}/lab/vaults/{VAULT}/certificates/{CERTIFICATE}"
    yield address
    for version in versions(lab)[1:]:
        lab.http.delete(f"{address}/{version}").raise_for_status()
    assert ratify().returncode == 0


def versions(lab: Lab) -> list[str]:
    """Of the signer's certificate, the oldest first."""
    [vault] = [each for each in lab.http.get(f"{lab.url}/lab/state").json()["vaults"].values() if each["name"] == VAULT]
    kept = vault["secrets"][CERTIFICATE]["versions"]
    return sorted(kept, key=lambda version: kept[version]["created"])


def test_a_signers_next_certificate_is_trusted_without_a_run_and_one_that_is_disabled_opens_nothing(lab: Lab, kube: Any, ratify: Any, renewable: str) -> None:
    """And the first one is not trusted any more then."""
    refreshed = ratify(ratify_refresh_interval=f"{REFRESH}s")
    assert refreshed.returncode == 0, refreshed.error
    renewed = f"{IMAGE}:renewed"

    def admitted(image: str) -> bool:
        return refusal(kube, pod(image), "default") == ""

    unsigned = afresh(kube, UNSIGNED)
    with asking_for(unsigned) as asked:
        until(lambda: admitted(SIGNED) and admitted(CHAINED), "what is trusted is admitted", KNOWN)
        assert "does not contain any trusted certificate" in refusal(kube, pod(renewed), "default")
        made = lab.http.put(renewable, content=seed.RENEWED.certificate.read_text()).raise_for_status().json()["version"]
        until(lambda: admitted(renewed) and not admitted(SIGNED), "the next certificate is trusted, and no other", KNOWN)

        lab.http.patch(f"{renewable}/{made}", json={"enabled": False}).raise_for_status()
        until(lambda: not admitted(renewed) and not admitted(CHAINED), "a certificate that is disabled is not trusted, nor is any of the vault", KNOWN)
        assert not admitted(SIGNED)
        lab.http.patch(f"{renewable}/{made}", json={"enabled": True}).raise_for_status()
        until(lambda: admitted(renewed), "the certificate is trusted again, by itself", KNOWN)
    assert asked.admitted(unsigned) == 0 < asked.refused(unsigned)
