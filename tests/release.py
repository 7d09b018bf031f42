"""The artifact of a release and its notes, in .build/release: `python -m tests.release TAG`, refused where tag, galaxy.yml and changelog differ."""

from __future__ import annotations

import re
import shutil
import sys

import yaml

from tests.support.artifact import ROOT, built

FOLDER = ROOT / ".build/release"


def notes(changelog: str, version: str) -> str:
    """What CHANGELOG.md has on a version, without its heading; empty where that is nothing."""
    heading = re.escape(f"## v{version}".replace(".", r"\."))
    found = re.search(rf'^{heading}\n(.*?)(?=^<a id="v\d|\Z)', changelog, re.M | re.S)
    return found[1].strip() if found else ""


def problems(tag: str, version: str, changelog: str) -> list[str]:
    """Why a checkout is not the release that the tag names. `version` is that of galaxy.yml."""
    if not re.fullmatch(r"v\d+\.\d+\.\d+", tag):
        return [f"the tag {tag!r} is not v and a version, such as v1.2.3"]
    wanted, found = tag.removeprefix("v"), []
    if version != wanted:
        found.append(f"galaxy.yml has version {version}: set it to {wanted}")
    if not notes(changelog, wanted):
        found.append(f"CHANGELOG.md has nothing on {wanted}: run antsibull-changelog release")
    return found


def main(tag: str) -> None:
    version, changelog = str(yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]), (ROOT / "CHANGELOG.md").read_text()
    if found := problems(tag, version, changelog):
        sys.exit(f"Not released: {'; '.join(found)}.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    (FOLDER / "notes.md").write_text(f"{notes(changelog, version)}\n")
    print(built(FOLDER))


if __name__ == "__main__":
    main(sys.argv[1])
