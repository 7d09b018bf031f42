from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible_collections.image_trust.azure.plugins.lookup.collection_version import LookupModule, version_in

WRITTEN = {
    "released": ({"MANIFEST.json": json.dumps({"collection_info": {"version": "6.2.0"}})}, "6.2.0"),
    "a checkout": ({"galaxy.yml": yaml.safe_dump({"version": "6.4.0-dev"})}, "6.4.0-dev"),
    "a checkout that tells its version when it is released": ({"galaxy.yml": "version: null\n"}, "*"),
    "neither": ({}, "*"),
}


@pytest.mark.parametrize(("files", "expected"), WRITTEN.values(), ids=WRITTEN)
def test_the_version_is_read_from_what_galaxy_or_the_checkout_has(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert version_in(tmp_path) == expected


def test_the_version_is_that_of_the_collection_that_ansible_uses() -> None:
    [found] = LookupModule().run(["kubernetes.core"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", found)


def test_a_collection_that_is_not_installed_is_named() -> None:
    with pytest.raises(AnsibleError, match=r"Collection example\.missing is not installed"):
        LookupModule().run(["example.missing"])
