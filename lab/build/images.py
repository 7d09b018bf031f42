"""Container images made from programs on this machine, each in a tar file.

The images of the cluster carry exactly the names that the charts ask for, and what upstream's Dockerfiles put into them: the same program at the
same path under the same user. They are imported into a node's containerd before its kubelet starts, so nothing is pulled for them.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.build import charts, tools
from lab.build.oci import Image, write
from lab.config import cache
from lab.errors import LabError
from lab.locks import locked
from lab.progress import step

BUSYBOX = Path("/usr/bin/busybox")
CURL = Path("/usr/bin/curl")
PAUSE = "lab.local/pause:1"
"""Image that holds a pod's namespaces open. containerd kills it with SIGKILL, so that busybox sleep ignores SIGTERM as process 1 is no loss."""

_NONROOT = "65532:65532"
_DISTROLESS: dict[str, Path | bytes] = {
    "/etc/passwd": b"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
    "/etc/group": b"root:x:0:\nnonroot:x:65532:\n",
}
"""Of upstream's base image: gives the user a home, in which Ratify keeps its cache."""


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
    return f"{re.sub(r'[^a-z0-9.-]+', '-', image.reference)}-{hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:16]}"
