"""The modules that sign images and read who has: the real notation, the lab's plugin for Key Vault and the real registry, behind the emulated Azure."""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from lab.azure.roles import ACR_PULL, ACR_PUSH, REPOSITORY_WRITER
from lab.build.oci import MANIFEST, Packed
from lab.signing import time_stamping
from tests.support.emulated import SECRET
from tests.support.module_runs import Run, failure
from tests.support.return_values import MODULES, not_returned
from tests.support.signing import SERVER, Signer, authority, digest_of, pem, push, signer
from tests.support.signing_world import SIGNER, World, plugins, roles, storage, world

__all__ = ["plugins", "storage", "world"]
pytestmark = pytest.mark.slow
NOTATION = "application/vnd.cncf.notary.signature"
INDEX = "application/vnd.oci.image.index.v1+json"


def test_an_image_is_signed_once_by_a_key_that_never_leaves_the_vault(world: World) -> None:
    packed = world.push("web")
    name = f"{SERVER}/web:v1"
    predicted = world.sign(name, check=True)
    assert (predicted["changed"], world.pushes) == (True, [])
    result = world.sign(name)
    assert not result.get("failed"), result["msg"]
    assert len(world.pushes) == 1
    [signed] = result["images"]
    assert signed["digest"] == packed.digest
    assert signed["reference"] == f"{SERVER}/web@{packed.digest}"
    assert signed["reason"] == predicted["images"][0]["reason"] == "no signature of this certificate"
    [signature] = signed["signatures"]
    assert signature["thumbprint_sha256"] == result["signer"]["thumbprint_sha256"] == SIGNER.thumbprint
    assert signature["media_type"] == "application/cose"
    assert signature["algorithm"] == "RSASSA-PSS-SHA-256"
    assert signature["signer"] == result["signer"]["subject"] == "CN=release,O=Contoso,ST=WA,C=US"
    assert [signature[key] for key in ("expires", "time_stamp", "problem")] == [None, None, None]
    assert predicted["diff"]["before"] == result["diff"]["before"] == ""
    assert predicted["diff"]["after"] == f"{signed['reference']} signature: notation {signature['signer']} (known afterwards)\n"
    assert result["diff"]["after"] == predicted["diff"]["after"].replace("(known afterwards)", signature["digest"])
    again = world.sign(f"{SERVER}/web@{packed.digest}")
    assert (again["changed"], world.pushes, again["images"][0]["reason"]) == (False, [], None)
    assert again["images"][0]["signatures"] == [signature]
    assert world.info(name) == [{"image": name, "digest": packed.digest, "reference": signed["reference"], "problem": None, "signatures": [signature]}]


@pytest.mark.parametrize(
    ("made", "algorithm"),
    [
        (lambda: signer(key=ec.generate_private_key(ec.SECP256R1())), "ECDSA-SHA-256"),
        (lambda: signer(key=ec.generate_private_key(ec.SECP521R1())), "ECDSA-SHA-512"),
        (lambda: signer(issuer=authority()), "RSASSA-PSS-SHA-256"),
    ],
    ids=["EC P-256", "EC P-521", "issued by an authority"],
)
def test_certificates_of_every_kind_sign(world: World, made: Callable[[], Signer], algorithm: str, tmp_path: Path) -> None:
    other = made()
    world.push("kinds")
    options: dict[str, Any] = {"key_id": other.into(world.vault, "other")}
    if len(other.chain) > 1:
        refused = failure(world.sign(f"{SERVER}/kinds:v1", **options))
        assert refused.endswith("give the authority's certificates in ca_certificates.")
        (tmp_path / "ca.pem").write_text(pem(*other.chain[1:]))
        options["ca_certificates"] = str(tmp_path / "ca.pem")
    result = world.sign(f"{SERVER}/kinds:v1", **options, signature_format="jws")
    assert [(each["algorithm"], each["media_type"]) for each in result["images"][0]["signatures"]] == [(algorithm, "application/jose+json")]
    assert not world.sign(f"{SERVER}/kinds:v1", **options)["changed"]


def test_a_key_in_a_file_signs_and_needs_no_plugin(world: World, tmp_path: Path) -> None:
    world.push("files")
    options = {"key_id": None, "plugin_folder": str(tmp_path / "none"), **signer(issuer=authority()).files(tmp_path / "files")}
    result = world.sign(f"{SERVER}/files:v1", **options)
    assert not result.get("failed"), result["msg"]
    assert not world.sign(f"{SERVER}/files:v1", **options)["changed"]


def test_a_new_version_of_the_certificate_signs_beside_the_old_one(world: World) -> None:
    world.push("rotated")
    world.sign(f"{SERVER}/rotated:v1")
    new = signer()
    result = world.sign(f"{SERVER}/rotated:v1", key_id=new.into(world.vault, "release"))
    assert [each["thumbprint_sha256"] for each in result["images"][0]["signatures"]] == [SIGNER.thumbprint, new.thumbprint]
    assert result["diff"]["after"].startswith(result["diff"]["before"])


def test_a_signature_that_expires_soon_is_made_again(world: World) -> None:
    world.push("expiring")
    name = f"{SERVER}/expiring:v1"
    [first] = world.sign(name, expiry=10)["images"][0]["signatures"]
    assert first["expires"] is not None
    assert not world.sign(name, expiry=10, renew_within=9)["changed"]
    result = world.sign(name, expiry=30, renew_within=11)
    assert result["images"][0]["reason"] == f"a signature that expires on {first['expires']}"
    assert result["images"][0]["removed"] == [first["digest"]], "Ratify would deny the image when it expires"
    assert [each["expires"] > first["expires"] for each in result["images"][0]["signatures"]] == [True]
    assert not world.sign(name, expiry=30, renew_within=11)["changed"]


def test_signatures_of_a_former_certificate_are_removed_from_an_image_that_has_a_good_one_and_no_others(world: World) -> None:
    name, other, new = f"{SERVER}/former:v1", signer(), signer()
    world.push("former")
    [old] = world.sign(name)["images"][0]["signatures"]
    world.sign(name, key_id=other.into(world.vault, "other"))
    options = {"key_id": new.into(world.vault, "release"), "former_certificates": [SIGNER.thumbprint.upper()]}
    predicted, before = world.sign(name, **options, check=True), world.info(name)[0]["signatures"]
    assert (predicted["images"][0]["removed"], len(before)) == ([old["digest"]], 2)
    result = world.sign(name, **options)
    assert [each["thumbprint_sha256"] for each in result["images"][0]["signatures"]] == [other.thumbprint, new.thumbprint]
    assert result["images"][0]["removed"] == [old["digest"]]
    assert world.azure.requests[-1].method == "DELETE", "what is left is known, and was verified before"
    assert result["diff"]["before"] == predicted["diff"]["before"]
    assert world.info(name)[0]["signatures"] == result["images"][0]["signatures"]
    assert not world.sign(name, **options)["changed"]


def test_where_the_new_signature_is_there_already_only_the_former_one_goes(world: World) -> None:
    name, new = f"{SERVER}/both:v1", signer()
    world.push("both")
    [old] = world.sign(name)["images"][0]["signatures"]
    key = new.into(world.vault, "release")
    world.sign(name, key_id=key)
    result = world.sign(name, key_id=key, former_certificates=[SIGNER.thumbprint])
    assert (result["changed"], result["images"][0]["reason"], result["images"][0]["removed"]) == (True, None, [old["digest"]])
    assert world.pushes == []


@pytest.mark.parametrize("role", [ACR_PUSH, REPOSITORY_WRITER])
def test_a_login_that_may_not_delete_is_refused_before_anything_is_signed(world: World, role: Any) -> None:
    name, new = f"{SERVER}/kept:v1", signer()
    world.push("kept")
    world.sign(name)
    registry = world.azure.state.registry_named("imagetrustlab")
    assert registry
    registry.properties["roleAssignmentMode"] = "LegacyRegistryPermissions" if role is ACR_PUSH else "AbacRepositoryPermissions"
    roles(world.azure, role)
    result = world.sign(name, key_id=new.into(world.vault, "release"), former_certificates=[SIGNER.thumbprint])
    assert "give its principal AcrDelete on the registry" in failure(result)
    assert world.pushes == []
    assert world.sign(name, key_id=new.into(world.vault, "release"))["changed"], "only what is removed takes the permission"


def test_a_certificate_that_expires_soon_is_a_warning_for_signing_again_does_not_help(world: World) -> None:
    world.push("ending")
    result = world.sign(f"{SERVER}/ending:v1", key_id=signer(days=5).into(world.vault, "ending"), renew_within=7)
    assert "signing again with it does not help" in json.dumps(result["warnings"])


def stored(world: World, name: str, digest: str) -> tuple[dict[str, Any], bytes]:
    """The manifest of a signature, and its envelope."""
    client, path = httpx.Client(base_url=world.storage), f"/v2/{SERVER}/{name}"
    manifest: dict[str, Any] = client.get(f"{path}/manifests/{digest}", headers={"Accept": MANIFEST}).json()
    return manifest, client.get(f"{path}/blobs/{manifest['layers'][0]['digest']}").content


def attach(world: World, name: str, subject: Packed, manifest: dict[str, Any], kind: str, *blobs: bytes) -> str:
    """Push a manifest, whose layers are these blobs, past the front, and list it as one that refers to an image; its digest."""
    layers = [{**layer, "digest": digest_of(blob), "size": len(blob)} for layer, blob in zip(manifest["layers"], blobs, strict=True)]
    content = json.dumps({**manifest, "layers": layers, "subject": {"mediaType": MANIFEST, "digest": subject.digest, "size": len(subject.manifest)}}).encode()
    push(world.storage, name, digest_of(content), content, b"{}", *blobs)
    found = world.azure.state.registry_named("imagetrustlab")
    assert found
    descriptor = {"mediaType": MANIFEST, "digest": digest_of(content), "size": len(content), "artifactType": kind}
    found.referrers[f"{name}@{subject.digest}"] = [descriptor]
    return digest_of(content)


def test_the_signature_of_another_image_does_not_count(world: World) -> None:
    moved, victim = world.push("moved"), world.push("victim")
    [signature] = world.sign(f"{SERVER}/moved:v1")["images"][0]["signatures"]
    manifest, envelope = stored(world, "moved", signature["digest"])
    attach(world, "victim", victim, manifest, NOTATION, envelope)
    [found] = world.info(f"{SERVER}/victim:v1")[0]["signatures"]
    assert found["thumbprint_sha256"] == SIGNER.thumbprint
    assert found["problem"].startswith(f"it is a signature of {moved.digest}, not of this image")
    result = world.sign(f"{SERVER}/victim:v1")
    assert result["images"][0]["reason"] == "no signature of this certificate"
    assert not world.sign(f"{SERVER}/victim:v1")["changed"]


@pytest.mark.parametrize(("altered", "reason"), [("signature", "no valid signature of this certificate"), ("envelope", "no signature of this certificate")])
def test_a_broken_signature_does_not_count(world: World, altered: str, reason: str) -> None:
    packed = world.push("broken")
    [signature] = world.sign(f"{SERVER}/broken:v1", signature_format="jws")["images"][0]["signatures"]
    manifest, envelope = stored(world, "broken", signature["digest"])
    content = json.loads(envelope)
    forged = {**content, "signature": content["signature"][::-1]}
    attach(world, "broken", packed, manifest, NOTATION, b"nothing" if altered == "envelope" else json.dumps(forged).encode())
    [found] = world.info(f"{SERVER}/broken:v1")[0]["signatures"]
    assert (found["problem"] is not None) is (altered == "envelope")
    result = world.sign(f"{SERVER}/broken:v1")
    assert (result["images"][0]["reason"], len(result["images"][0]["signatures"])) == (reason, 2)
    assert not world.sign(f"{SERVER}/broken:v1")["changed"]


def test_a_check_knows_what_is_signed_by_a_certificate_that_does_not_exist_yet(world: World) -> None:
    world.push("soon")
    result = world.sign(f"{SERVER}/soon:v1", key_id="", check=True)
    assert (result["changed"], result["signer"], result["images"][0]["reason"]) == (True, None, "no signature of this certificate")
    assert failure(world.sign(f"{SERVER}/soon:v1", key_id="")) == "key_id is empty; give the value that the task which creates it returned."


def test_an_image_that_is_named_twice_is_signed_once(world: World) -> None:
    packed = world.push("twice")
    names = [f"{SERVER}/twice:v1", f"{SERVER}/twice@{packed.digest}"]
    result = world.sign(*names)
    assert [each["image"] for each in result["images"]] == names[:1]
    assert len(world.pushes) == 1


def test_what_was_signed_before_a_failure_is_said_and_the_next_run_goes_on(world: World) -> None:
    names = [f"{SERVER}/batch-{number}" for number in range(3)]
    references = [f"{name}@{world.push(name.partition('/')[2]).digest}" for name in names]
    world.azure.fail(method="PUT", path="/v2/batch-1/manifests/.*", status=403)
    result = world.sign(*references)
    world.azure.azure.faults.active.clear()
    assert failure(result).startswith(f"notation could not sign {references[1]}: ")
    assert (result["changed"], result["done"]) == (True, [f"sign {references[0]}"])
    assert result["not_done"] == [f"sign {reference}" for reference in references[1:]]
    again = world.sign(*references)
    assert [each["reason"] for each in again["images"]] == [None, *["no signature of this certificate"] * 2]
    assert not world.sign(*references)["changed"]


COSIGN = "application/vnd.dev.cosign.artifact.sig.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"


def keyless(**annotations: str) -> dict[str, Any]:
    """The manifest in which cosign keeps a signature."""
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(b"{}"), "size": 2}
    notes = {f"dev.sigstore.cosign/{name}": value for name, value in annotations.items()}
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [{"mediaType": PAYLOAD, "annotations": notes}]}


def test_signatures_of_cosign_are_read_by_tag_and_by_referrer(world: World) -> None:
    workflow = signer("CN=ignored", mail="release@contoso.example")
    own = {"signer": "release@contoso.example", "thumbprint_sha256": workflow.thumbprint, "issuer": "CN=ignored"}
    logged = json.dumps({"Payload": {"integratedTime": 1_800_000_000}})
    packed = world.push("cosign")
    tagged = keyless(certificate=pem(workflow.certificate), bundle=logged)
    bare = {
        **tagged,
        "layers": [{**tagged["layers"][0], "digest": digest_of(b"payload"), "size": 7}, {**keyless()["layers"][0], "digest": digest_of(b"2"), "size": 1}],
    }
    push(world.storage, "cosign", f"sha256-{packed.digest[7:]}.sig", json.dumps(bare).encode(), b"{}", b"payload", b"2")
    found = world.info(f"{SERVER}/cosign:v1")[0]["signatures"]
    assert [each["kind"] for each in found] == ["cosign", "cosign"]
    by_key, by_certificate = found
    assert {name: by_certificate[name] for name in own} == own
    assert (by_certificate["signed_at"], by_certificate["media_type"]) == ("2027-01-15T08:00:00Z", PAYLOAD)
    assert [by_key[name] for name in ("signer", "thumbprint_sha256", "problem")] == [None, None, None]

    attached = world.push("attached")
    digest = attach(world, "attached", attached, keyless(certificate=pem(workflow.certificate)), COSIGN, b"payload")
    [found] = world.info(f"{SERVER}/attached:v1")[0]["signatures"]
    assert {name: found[name] for name in own} == own
    assert found["digest"] == digest

    bundled = world.push("bundled")
    raw = base64.b64encode(workflow.certificate.public_bytes(Encoding.DER)).decode()
    material = {"certificate": {"rawBytes": raw}, "tlogEntries": [{"integratedTime": "1800000000"}]}
    bundle = json.dumps({"mediaType": BUNDLE, "verificationMaterial": material}).encode()
    attach(world, "bundled", bundled, {**keyless(), "layers": [{"mediaType": BUNDLE}]}, BUNDLE, bundle)
    [found] = world.info(f"{SERVER}/bundled:v1")[0]["signatures"]
    assert {name: found[name] for name in own} == own
    assert (found["media_type"], found["signed_at"]) == (BUNDLE, "2027-01-15T08:00:00Z")


def test_an_image_of_another_registry_is_read_without_login_and_without_the_referrers_api(world: World) -> None:
    """Docker Hub, of which the emulated one has no referrers API: what refers to an image is in the index that a tag names."""
    packed = world.push("nginx", server="docker.io/library")
    certificate = signer("CN=hub")
    manifest = keyless(certificate=pem(certificate.certificate))
    manifest["layers"] = [{**manifest["layers"][0], "digest": digest_of(b"payload"), "size": 7}]
    content = json.dumps(manifest).encode()
    push(world.storage, "nginx", digest_of(content), content, b"{}", b"payload", server="docker.io/library")
    listed = {"mediaType": MANIFEST, "digest": digest_of(content), "size": len(content), "artifactType": COSIGN}
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]}).encode()
    push(world.storage, "nginx", packed.digest.replace(":", "-"), index, server="docker.io/library", kind=INDEX)
    [found] = world.info("nginx:v1")
    assert (found["problem"], found["reference"]) == (None, f"docker.io/library/nginx@{packed.digest}")
    assert [each["thumbprint_sha256"] for each in found["signatures"]] == [certificate.thumbprint]
    assert not [entry for entry in world.azure.requests if entry.path == "/oauth2/exchange"]


def test_an_image_that_cannot_be_read_is_no_failure_of_the_others(world: World) -> None:
    world.push("readable")
    found = world.info(f"{SERVER}/readable:v1", f"{SERVER}/readable:none", "nosuchregistry.azurecr.io/web:v1", "Not an image")
    assert [each["problem"] is None for each in found] == [True, False, False, False]
    assert [each["signatures"] for each in found] == [[], None, None, None]


def test_a_signature_carries_a_time_stamp_where_one_is_asked_for(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    world.push("stamped")
    world.sign(f"{SERVER}/stamped:v1")
    with stamping() as url:
        stamp = {"url": url, "root_certificate": str(time_stamping.authority())}
        result = world.sign(f"{SERVER}/stamped:v1", time_stamp=stamp)
        assert not result.get("failed"), result["msg"]
        assert result["images"][0]["reason"] == "a signature without time stamp"
        assert [each["time_stamp"] is not None for each in result["images"][0]["signatures"]] == [True]
        assert not world.sign(f"{SERVER}/stamped:v1", time_stamp=stamp)["changed"]
    world.push("unstamped")
    assert "timestamp" in failure(world.sign(f"{SERVER}/unstamped:v1", time_stamp=stamp))
    assert world.pushes == []


def test_the_examples_run_and_return_what_is_documented(world: World, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the names of this registry, vault and authorities in place of theirs."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    ca = authority()
    (tmp_path / "ca.pem").write_text(pem(*ca.chain))
    issued = signer(issuer=ca).into(world.vault, "issued")
    with stamping() as url:
        names = {
            "contosoimages.azurecr.io": SERVER,
            "sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6": world.push("web", tag="1.4").digest,
            "https://contoso-signing.vault.azure.net/keys/release/0123456789abcdef0123456789abcdef": issued,
            "/etc/signing/contoso-ca.pem": str(tmp_path / "ca.pem"),
            "http://timestamp.digicert.com": url,
            "/etc/signing/digicert-tsa-root.pem": str(time_stamping.authority()),
        }
        world.push("worker", tag="1.4")
        programs = {name: world.options[name] for name in ("notation_path", "plugin_folder")}
        results: dict[str, list[dict[str, Any]]] = {"image_signature": [], "image_signature_info": []}
        for module, results_of_module in results.items():
            written = importlib.import_module(f"{MODULES}{module}").EXAMPLES
            for theirs, ours in names.items():
                written = written.replace(theirs, ours)
            for options in [task[f"image_trust.azure.{module}"] for task in yaml.safe_load(written) if f"image_trust.azure.{module}" in task]:
                of_the_ca = {"ca_certificates": str(tmp_path / "ca.pem")} if "key_id" in options else {}
                own = programs if "key_id" in options else {"notation_path": programs["notation_path"]}
                result = run(module, **{**of_the_ca, **own, **options})
                assert not result.get("failed"), result["msg"]
                results_of_module.append(result)
    assert [result["changed"] for result in results["image_signature"]] == [True, True]
    for module, found in results.items():
        # Of a broken signature, above.
        assert {where for where in not_returned(module, *found) if not where.endswith(" problem")} == set()


@contextmanager
def stamping() -> Iterator[str]:
    """URL of the lab's authority of time stamps."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = time_stamping.stamp(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", time_stamping.REPLY)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


# Refusals: one sentence each, before anything is signed.


def plugin(folder: Path, version: str = "1.2.1", answer: str | None = None) -> str:
    """Folder of plugins with one that says this of itself."""
    program = folder / "plugins/azure-kv/notation-azure-kv"
    program.parent.mkdir(parents=True)
    metadata = {"name": "azure-kv", "version": version, "supportedContractVersions": ["1.0"], "capabilities": ["SIGNATURE_GENERATOR.RAW"]}
    program.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{json.dumps(metadata) if answer is None else answer}'\n")
    program.chmod(0o755)
    return str(folder / "plugins")


def program(folder: Path, printed: str) -> str:
    path = folder / "notation"
    path.write_text(f"#!/bin/sh\necho '{printed}'\n")
    path.chmod(0o755)
    return str(path)


REFUSED: dict[str, tuple[Callable[[World, Path], dict[str, Any]], str]] = {
    "notation is missing": (
        lambda *_: {"notation_path": "/none/notation"},
        "There is no program /none/notation on this machine; install notation 1.3 or later",
    ),
    "notation is too old": (
        lambda _, folder: {"notation_path": program(folder, "Version:     v1.2.1")},
        "is notation 1.2.1, but notation 1.3 or later is needed",
    ),
    "notation is another program": (lambda _, folder: {"notation_path": program(folder, "hello")}, "is no notation, but notation 1.3 or later is needed"),
    "the plugin is missing": (lambda _, folder: {"plugin_folder": str(folder)}, "notation has no plugin azure-kv in"),
    "the plugin is too old": (lambda _, folder: {"plugin_folder": plugin(folder, "1.1.0")}, "plugin azure-kv is of version 1.1.0, but 1.2.0 or a later one"),
    "the plugin is none": (lambda _, folder: {"plugin_folder": plugin(folder, answer="hello")}, "does not answer as a plugin of notation does"),
    "no such image": (lambda *_: {"images": [f"{SERVER}/web:none"]}, f"There is no image {SERVER}/web:none in its registry; push it first"),
    "no image": (lambda *_: {"images": [f"{SERVER}/web"]}, "images[0] is 'imagetrustlab.azurecr.io/web', but must be such as"),
    "a registry of others": (lambda *_: {"images": ["nginx:1"]}, "images[0] is 'nginx:1', which is not in a registry of Azure"),
    "the key is no version": (
        lambda *_: {"key_id": "https://image-trust-lab.vault.azure.net/keys/release"},
        "but must be such as https://<vault>.vault.azure.net/keys",
    ),
    "no such certificate": (
        lambda *_: {"key_id": f"https://image-trust-lab.vault.azure.net/keys/release/{'0' * 32}"},
        "Could not read the certificate release of https://image-trust-lab.vault.azure.net/: A certificate with (name/id)",
    ),
    "a disabled certificate": (lambda world, _: {"key_id": signer().into(world.vault, "off", enabled=False)}, "is disabled in version"),
    "an expired certificate": (lambda world, _: {"key_id": signer(days=-1).into(world.vault, "old")}, "cannot sign images: it is valid from"),
    "a certificate for something else": (lambda world, _: {"key_id": signer(usage=False).into(world.vault, "tls")}, "its key usage is not digital signature"),
    "no chain": (
        lambda world, folder: {"key_id": signer(issuer=authority()).into(world.vault, "leaf"), "ca_certificates": signer().files(folder)["certificate_file"]},
        "are no chain",
    ),
    "an expiry of the past": (lambda *_: {"expiry": 0}, "expiry is 0, but must be a number of days from 1 on"),
    "renewal at each run": (lambda *_: {"expiry": 7, "renew_within": 7}, "renew_within is 7, but must be"),
    "a former certificate that signs": (
        lambda *_: {"former_certificates": [SIGNER.thumbprint]},
        "which is the certificate that signs; leave it out.",
    ),
    "a former certificate by its SHA-1": (lambda *_: {"former_certificates": ["0" * 40]}, "but must have SHA-256 of certificates"),
    "a time stamp without root": (
        lambda *_: {"time_stamp": {"url": "http://tsa.example", "root_certificate": "/none"}},
        "There is no file /none, which time_stamp.root_certificate names.",
    ),
    "a time stamp from nowhere": (lambda *_: {"time_stamp": {"url": "tsa", "root_certificate": "/none"}}, "time_stamp.url is 'tsa', but must be the URL"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_signed_is_refused(world: World, case: str, tmp_path: Path) -> None:
    options, sentence = REFUSED[case]
    world.push("web")
    given = {"images": [f"{SERVER}/web:v1"], **options(world, tmp_path)}
    result = world.sign(*given.pop("images"), **given)
    assert sentence in failure(result)
    assert world.pushes == []


@pytest.mark.parametrize(
    ("role", "sentence"),
    [
        (ACR_PULL, "This login may not push signatures to imagetrustlab.azurecr.io/web; give its principal AcrPush"),
        (None, "refuses this login; give its principal AcrPull"),
    ],
    ids=["AcrPull alone", "no role"],
)
def test_a_login_that_may_not_push_is_refused(world: World, role: Any, sentence: str) -> None:
    world.push("web")
    roles(world.azure, role)
    assert sentence in failure(world.sign(f"{SERVER}/web:v1"))
    assert sentence in failure(world.sign(f"{SERVER}/web:v1", check=True))
    assert not [entry for entry in world.azure.requests if entry.path.endswith("/sign")]


def test_a_login_that_may_push_and_nothing_else_signs(world: World) -> None:
    world.push("least")
    roles(world.azure, ACR_PUSH)
    assert world.sign(f"{SERVER}/least:v1")["changed"]


def test_all_images_are_refused_at_once_before_the_first_is_signed(world: World) -> None:
    world.push("good")
    message = failure(world.sign(f"{SERVER}/good:v1", f"{SERVER}/bad:v1", f"{SERVER}/worse:v1"))
    assert [name in message for name in ("/good:v1", "/bad:v1", "/worse:v1")] == [False, True, True]
    assert world.pushes == []


def test_a_registry_that_cannot_be_reached_is_one_sentence(world: World) -> None:
    message = failure(world.sign("nosuchregistry.azurecr.io/web:v1"))
    assert message.startswith("Could not log in to nosuchregistry.azurecr.io: ")
    assert "check cloud_environment, the proxy and the network of this machine." in message


def test_a_vault_that_refuses_to_sign_is_one_sentence(world: World) -> None:
    world.push("denied")
    world.permit(certificates=["get"])
    result = world.sign(f"{SERVER}/denied:v1")
    assert "does not have keys sign permission on key vault" in failure(result)
    assert world.pushes == []


# Secrets and the user's own configuration.


def test_secrets_are_on_no_command_line_and_in_no_output(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    log = tmp_path / "commands"
    spy = tmp_path / "spy"
    spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{log}\nstat -c "%a %n" "$NOTATION_CONFIG" >>{log}\nexec {world.options["notation_path"]} "$@"\n')
    spy.chmod(0o755)
    home = tmp_path / "home"
    (home / "notation").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    world.push("secrets")
    result = world.sign(f"{SERVER}/secrets:v1", notation_path=str(spy))
    assert result["changed"]
    lines = log.read_text()
    assert [word for word in ("sign", "inspect", "verify") if f"\n{word} " in lines] == ["sign", "inspect", "verify"]
    for secret in (SECRET, "eyJ"):
        assert secret not in lines
        assert secret not in json.dumps(result)
    folders = {line for line in lines.splitlines() if "image-trust-notation-" in line and line.startswith("7")}
    assert folders
    assert all(line.startswith("700 ") for line in folders)
    assert not list(tmp_path.glob("image-trust-notation-*"))
    assert list(home.rglob("*")) == [home / "notation"]


def test_the_plugin_is_found_in_the_users_own_folder(world: World, plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world.push("own")
    monkeypatch.setenv("NOTATION_LIBEXEC", str(plugins.parent))
    assert world.sign(f"{SERVER}/own:v1", plugin_folder=None)["changed"]
