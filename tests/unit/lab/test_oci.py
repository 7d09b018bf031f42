from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from lab.build import oci
from lab.build.oci import Image


@pytest.fixture
def image(tmp_path: Path) -> Image:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    return Image("docker.io/library/thing:1", {"/app/thing": program, "/crds/one.yaml": b"kind: One\n"}, ("/app/thing",), ("run",), "65532:65532")


def layer(packed: oci.Packed) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(packed.blobs[json.loads(packed.manifest)["layers"][0]["digest"]]))


def test_the_same_content_gives_the_same_bytes(image: Image, tmp_path: Path) -> None:
    oci.write(image, tmp_path / "one.tar")
    (tmp_path / "program").touch()
    oci.write(image, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_manifest_and_configuration_name_the_layers_by_their_digests(image: Image) -> None:
    packed = oci.pack(image)
    manifest = json.loads(packed.manifest)
    for digest, blob in packed.blobs.items():
        assert digest == f"sha256:{hashlib.sha256(blob).hexdigest()}"
    assert {manifest["config"]["digest"], manifest["layers"][0]["digest"]} == packed.blobs.keys()
    config = json.loads(packed.blobs[manifest["config"]["digest"]])
    assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
    assert (config["config"]["Entrypoint"], config["config"]["Cmd"], config["config"]["User"]) == (["/app/thing"], ["run"], "65532:65532")


def test_files_keep_whether_they_are_executable_and_belong_to_root(image: Image) -> None:
    with layer(oci.pack(image)) as archive:
        modes = {member.name: (member.mode, member.uid) for member in archive}
    assert modes["app/thing"] == (0o755, 0)
    assert modes["crds/one.yaml"] == (0o644, 0)
    assert modes["tmp"] == (0o1777, 0)
    assert modes["home/nonroot"] == (0o700, 65532)


def test_a_folder_comes_before_what_is_in_it(image: Image) -> None:
    with layer(oci.pack(image)) as archive:
        names = archive.getnames()
    assert names.index("app") < names.index("app/thing")


def test_a_written_image_says_its_name_and_digest(image: Image, tmp_path: Path) -> None:
    digest = oci.write(image, tmp_path / "image.tar")
    assert oci.identify(tmp_path / "image.tar") == (image.reference, digest)
