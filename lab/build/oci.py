"""OCI images without Docker: of one layer, reproducible, as a registry stores them or as a layout in a tar file.

https://github.com/opencontainers/image-spec/blob/main/spec.md
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
_MEDIA = "application/vnd.oci.image"
MANIFEST = f"{_MEDIA}.manifest.v1+json"
_FOLDERS = {"tmp": (0, 0o1777), "home": (0, 0o755), "home/nonroot": (65532, 0o700)}
"""Owner and mode of the folders that every image has."""


@dataclass(frozen=True)
class Image:
    """What an image is to contain."""

    reference: str
    """Full name with registry and tag, such as `docker.io/library/nginx:latest`."""
    files: Mapping[str, Path | bytes]
    """By absolute path in the image; a file that is executable here is so there."""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=lambda: {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})

    @property
    def config(self) -> dict[str, Any]:
        wanted = {
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.command),
            "User": self.user,
            "Env": [f"{name}={value}" for name, value in sorted(self.environment.items())],
            "WorkingDir": "/",
        }
        return {name: value for name, value in wanted.items() if value}


@dataclass(frozen=True)
class Packed:
    """An image as a registry stores it."""

    manifest: bytes
    blobs: Mapping[str, bytes]
    """Configuration and layer, by digest."""

    @property
    def digest(self) -> str:
        return _digest(self.manifest)


def pack(image: Image) -> Packed:
    """The OCI manifest and blobs of an image. The same content gives the same bytes."""
    layer = _layer(image.files)
    config = _json(
        {"architecture": _ARCHITECTURE, "os": "linux", "config": image.config, "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]}, "history": [{}]}
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(f"{_MEDIA}.config.v1+json", config),
            "layers": [_descriptor(f"{_MEDIA}.layer.v1.tar", layer)],
        }
    )
    return Packed(manifest, {_digest(config): config, _digest(layer): layer})


def write(image: Image, tar: Path) -> str:
    """Write the image as an OCI layout in a tar file, which `ctr images import` reads; returns the digest of its manifest."""
    packed = pack(image)
    described = {
        **_descriptor(MANIFEST, packed.manifest),
        "platform": {"architecture": _ARCHITECTURE, "os": "linux"},
        "annotations": {"io.containerd.image.name": image.reference, "org.opencontainers.image.ref.name": image.reference.rpartition(":")[2]},
    }
    new = tar.with_suffix(".new")
    with tarfile.open(new, "w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, "index.json", _json({"schemaVersion": 2, "mediaType": f"{_MEDIA}.index.v1+json", "manifests": [described]}))
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        for digest, blob in {packed.digest: packed.manifest, **packed.blobs}.items():
            _add(archive, f"blobs/sha256/{digest.removeprefix('sha256:')}", blob)
    new.replace(tar)
    return packed.digest


def identify(tar: Path) -> tuple[str, str]:
    """Reference and manifest digest of an image that `write` wrote."""
    with tarfile.open(tar) as archive:
        content = archive.extractfile("index.json")
        assert content is not None
        manifest = json.load(content)["manifests"][0]
        return manifest["annotations"]["io.containerd.image.name"], manifest["digest"]


def _layer(files: Mapping[str, Path | bytes]) -> bytes:
    layer = io.BytesIO()
    paths = sorted(path.lstrip("/") for path in files)
    parents = {parent.as_posix(): (0, 0o755) for path in paths for parent in PurePosixPath(path).parents if parent.name}
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, (owner, mode) in sorted({**parents, **_FOLDERS}.items()):
            folder = tarfile.TarInfo(path)
            folder.type, folder.uid, folder.gid, folder.mode = tarfile.DIRTYPE, owner, owner, mode
            archive.addfile(folder)
        for path in paths:
            source = files[f"/{path}"]
            executable = isinstance(source, Path) and source.stat().st_mode & 0o111
            _add(archive, path, source.read_bytes() if isinstance(source, Path) else source, 0o755 if executable else 0o644)
    return layer.getvalue()


def _add(archive: tarfile.TarFile, path: str, content: bytes, mode: int = 0o644) -> None:
    file = tarfile.TarInfo(path)
    file.size, file.mode = len(content), mode
    archive.addfile(file, io.BytesIO(content))


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
