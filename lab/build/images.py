"""Container images made from programs on this machine, without Docker: reproducible OCI image layouts of one layer, each in a tar file.

The images of the cluster carry exactly the names that the charts ask for, and what upstream's Dockerfiles put into them: the same program at the
same path under the same user. They are imported into a node's containerd before its kubelet starts, so nothing is pulled for them.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import re
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from lab.build import charts, tools
from lab.config import cache
from lab.errors import LabError
from lab.locks import locked
from lab.progress import step

BUSYBOX = Path("/usr/bin/busybox")
CURL = Path("/usr/bin/curl")
PAUSE = "lab.local/pause:1"
"""Image that holds a pod's namespaces open. containerd kills it with SIGKILL, so that busybox sleep ignores SIGTERM as process 1 is no loss."""

_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
_MEDIA = "application/vnd.oci.image"
MANIFEST = f"{_MEDIA}.manifest.v1+json"
_NONROOT = "65532:65532"
_DISTROLESS: dict[str, Path | bytes] = {
    "/etc/passwd": b"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
    "/etc/group": b"root:x:0:\nnonroot:x:65532:\n",
}
"""Of upstream's base image: gives the user a home, in which Ratify keeps its cache."""
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


def cluster_images() -> list[Image]:
    """Every image that a node has before its first pod. Needs programs (tools.build) and charts (charts.package)."""
    identity = charts.WORKLOAD_IDENTITY.values()
    probe = charts.GATEKEEPER.values()["postInstall"]["probeWebhook"]["image"]
    return [
        Image(PAUSE, {"/bin/sleep": BUSYBOX}, ("/bin/sleep", "infinity")),
        *gatekeeper_images(charts.GATEKEEPER),
        Image(_full_name(probe["repository"], probe["tag"]), {"/usr/bin/curl": CURL, **_libraries(CURL)}, ("/usr/bin/curl",), user=_NONROOT),
        *ratify_images(charts.RATIFY),
        Image(
            _full_name(identity["image"]["repository"], identity["image"]["release"]),
            {"/manager": tools.program("webhook"), **_DISTROLESS},
            ("/manager",),
            user=_NONROOT,
        ),
    ]


def gatekeeper_images(chart: charts.Chart) -> list[Image]:
    """What the pods and the job of a chart of Gatekeeper run. Needs its program and the packaged chart."""
    named = chart.values()["image"]
    return [
        Image(
            _full_name(named["repository"], named["release"]),
            {"/manager": tools.family(chart.family).output / "gatekeeper", **_DISTROLESS},
            ("/manager",),
            user=_NONROOT,
        ),
        _crds(_full_name(named["crdRepository"], named["release"]), chart),
    ]


def ratify_images(chart: charts.Chart) -> list[Image]:
    """What the pods and the job of a chart of Ratify run. Needs its program and the packaged chart."""
    named = chart.values()["image"]
    return [
        Image(
            _full_name(named["repository"], named["tag"]),
            {"/app/ratify": tools.family(chart.family).output / "ratify", **_DISTROLESS},
            ("/app/ratify", "serve", "--http", ":6001"),
            user=_NONROOT,
        ),
        _crds(_full_name(named["crdRepository"], named["tag"]), chart),
    ]


def build(wanted: Sequence[Image] | None = None) -> list[Path]:
    """Tar files of images (`cluster_images` when not given), in the cache; only those are written whose content has changed."""
    folder = cache() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock"):
        images = {folder / f"{_key(image)}.tar": image for image in (cluster_images() if wanted is None else wanted)}
        missing = {tar: image for tar, image in images.items() if not tar.exists()}
        if missing:
            with step(f"making {len(missing)} images"):
                for tar, image in missing.items():
                    write(image, tar)
    return list(images)


def _crds(reference: str, chart: charts.Chart) -> Image:
    """kubectl and a chart's custom resource definitions, for the job that applies them."""
    definitions = {f"/{path}": content for path, content in chart.files().items() if path.startswith("crds/")}
    return Image(reference, {"/kubectl": tools.program("kubectl"), **definitions}, ("/kubectl",), user=_NONROOT)


def _full_name(repository: str, tag: str) -> str:
    """As containerd names it: a repository without a registry is Docker Hub's."""
    registry = repository.partition("/")[0]
    return f"{repository}:{tag}" if "." in registry else f"docker.io/{repository}:{tag}"


def _libraries(program: Path) -> dict[str, Path | bytes]:
    """The shared libraries and the loader that a program of this machine needs, by their paths."""
    answer = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise LabError(f"the libraries of {program} cannot be listed: {answer.stderr.strip()}")
    return {path: Path(path) for path in re.findall(r"(/\S+) \(0x", answer.stdout)}


def _key(image: Image) -> str:
    """Name for the tar file: changes with everything that goes into the image. Files count by size and time, since hashing them all takes seconds."""
    state: list[Any] = [image.reference, image.config]
    for path, source in sorted(image.files.items()):
        content = hashlib.sha256(source).hexdigest() if isinstance(source, bytes) else [str(source), source.stat().st_size, source.stat().st_mtime_ns]
        state.append([path, content])
    return f"{re.sub(r'[^a-z0-9.-]+', '-', image.reference)}-{hashlib.sha256(_json(state)).hexdigest()[:16]}"


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
