from __future__ import annotations

from pathlib import Path

import pytest

from lab.build import images
from lab.build.oci import Image


@pytest.mark.parametrize(
    ("repository", "name"),
    [
        ("openpolicyagent/gatekeeper", "docker.io/openpolicyagent/gatekeeper:v1"),
        ("ghcr.io/notaryproject/ratify", "ghcr.io/notaryproject/ratify:v1"),
    ],
)
def test_names_are_those_that_containerd_gives(repository: str, name: str) -> None:
    assert images._full_name(repository, "v1") == name


def test_the_name_of_the_tar_file_changes_with_the_content(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    image = Image("docker.io/library/thing:1", {"/app/thing": program})
    before = images._key(image)
    assert images._key(image) == before
    program.write_bytes(b"\x7fELF2")
    assert images._key(image) != before


def test_the_libraries_of_a_program_are_found_with_its_loader() -> None:
    found = images._libraries(Path("/bin/ls"))
    assert any("libc.so" in path for path in found)
    assert any("ld-linux" in path for path in found)
    assert all(Path(path).exists() for path in found)
