"""Pushing images and signatures to a registry. https://github.com/opencontainers/distribution-spec/blob/main/spec.md"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from lab.build.oci import MANIFEST, Packed
from lab.signing import envelopes

SIGNATURE = "application/vnd.cncf.notary.signature"
_SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_NOTHING = b"{}"


class Repository:
    """One repository of the registry that `client` talks to. Everything raises httpx.HTTPError where the registry refuses."""

    def __init__(self, client: httpx.Client, name: str) -> None:
        self._client, self._name = client, name

    def digest(self, tag: str) -> str | None:
        """Digest of the image that the tag names now."""
        digest: str | None = self._client.head(f"/v2/{self._name}/manifests/{tag}", headers={"Accept": MANIFEST}).headers.get("Docker-Content-Digest")
        return digest

    def push(self, tag: str, image: Packed) -> None:
        """Push what is missing of the image, and let the tag name it."""
        if self.digest(tag) == image.digest:
            return
        for content in image.blobs.values():
            self._blob(content)
        self._manifest(tag, image.manifest)

    def signatures(self, digest: str) -> list[str]:
        """Digests of the signatures of an image."""
        answer = self._client.get(f"/v2/{self._name}/referrers/{digest}", params={"artifactType": SIGNATURE}).raise_for_status()
        return [descriptor["digest"] for descriptor in answer.json()["manifests"]]

    def attach_signature_of_another(self, signature: str, image: Packed) -> None:
        """Attach a signature of another image to this one: the same envelope, under a manifest that names this image as its subject."""
        stored = self._client.get(f"/v2/{self._name}/manifests/{signature}", headers={"Accept": MANIFEST}).raise_for_status().json()
        self._attach({**stored, "subject": _described(MANIFEST, image.manifest)})

    def attach_envelope(self, envelope: bytes, chain: Sequence[x509.Certificate], image: Packed) -> None:
        """Attach a signature.

        https://github.com/notaryproject/specifications/blob/main/specs/signature-specification.md#oci-signatures
        """
        self._blob(_NOTHING)
        self._blob(envelope)
        thumbprints = json.dumps([certificate.fingerprint(hashes.SHA256()).hex() for certificate in chain])
        self._attach(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": _described(SIGNATURE, _NOTHING),
                "layers": [_described(envelopes.MEDIA, envelope)],
                "subject": _described(MANIFEST, image.manifest),
                "annotations": {"io.cncf.notary.x509chain.thumbprint#S256": thumbprints},
            }
        )

    def keyed(self, digest: str) -> bool:
        """Whether an image has signatures of cosign."""
        return self.digest(_tag(digest)) is not None

    def attach_keyed(self, payload: bytes, signature: str, image: Packed) -> None:
        """Attach a signature of cosign, alone: an image without a subject, which the tag names.

        https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md#storage
        """
        config = json.dumps({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": [_digest(payload)]}}).encode()
        self._blob(config)
        self._blob(payload)
        layer = {**_described(_SIMPLE_SIGNING, payload), "annotations": {"dev.cosignproject.cosign/signature": signature}}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": _described(_CONFIG, config), "layers": [layer]}
        self._manifest(_tag(image.digest), json.dumps(manifest).encode())

    def _attach(self, manifest: dict[str, Any]) -> None:
        content = json.dumps(manifest).encode()
        self._manifest(_digest(content), content)

    def _manifest(self, reference: str, content: bytes) -> None:
        self._client.put(f"/v2/{self._name}/manifests/{reference}", content=content, headers={"Content-Type": MANIFEST}).raise_for_status()

    def _blob(self, content: bytes) -> None:
        digest = _digest(content)
        if self._client.head(f"/v2/{self._name}/blobs/{digest}").status_code != 200:
            upload = self._client.post(f"/v2/{self._name}/blobs/uploads/").raise_for_status()
            self._client.put(httpx.URL(upload.headers["Location"]).copy_add_param("digest", digest), content=content).raise_for_status()


def _tag(digest: str) -> str:
    return f"{digest.replace(':', '-')}.sig"


def _described(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
