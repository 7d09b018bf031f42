"""The lab on a stock distribution with systemd and cgroup v2, whatever this machine has: `python -m tests.cgroup_v2 [--suite NAME] [--mirror URL] [--demo]`.

The machine is User Mode Linux, Debian's kernel that runs as a process: it takes root and memory, but no virtualization. Its root is a folder of the cache,
made once by debootstrap; `guest` is what it runs. Exit code: that of `guest`.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lab.build import charts, tools
from lab.config import cache
from lab.progress import say, step

ROOT = Path(__file__).parents[2]
SYSTEM = ("systemd-sysv", "dbus", "udev", "kmod", "python3")
"""Packages that a machine has beside those of the lab."""
MODULES = (
    *("overlay", "veth", "nf_conntrack", "nf_nat", "ip_tables", "iptable_filter", "iptable_mangle", "iptable_nat", "ipt_REJECT"),
    *(f"xt_{name}" for name in ("MASQUERADE", "addrtype", "comment", "conntrack", "mark", "multiport", "nat", "recent", "statistic", "tcpudp")),
)
"""This kernel loads none by itself when iptables asks for what it lacks."""
NODE_NAME = "clock: 2000.000"
"""Of the process that is the kernel, which repeats it in /proc/cpuinfo: there the kubelet insists on a clock speed, and this kernel knows none."""
SECONDS = 3600

UNIT = """\
[Unit]
Description=The lab under cgroup v2
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
# A process that is started takes a tenth of a second here. containerd's overlayfs takes no folder of the host.
Environment=HOME=/lab XDG_CACHE_HOME=/var/cache LAB_HOME=/lab LAB_PATIENCE=8
Environment=PATH=/opt/lab/bin:/usr/sbin:/usr/bin:/sbin:/bin ANSIBLE_COLLECTIONS_PATH={checkout}/.build
WorkingDirectory={checkout}
ExecStart=/opt/lab/bin/python -m tests.cgroup_v2.guest {options}
ExecStopPost=/bin/sh -c 'echo "$EXIT_STATUS" >/status'
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
"""
FSTAB = """\
none {checkout} hostfs ro,{checkout} 0 0
none /var/cache/{cache.name}/bin hostfs {cache}/bin 0 0
none /var/cache/{cache.name}/charts hostfs {cache}/charts 0 0
none /lab tmpfs mode=700 0 0
"""


@dataclass(frozen=True)
class Suite:
    """A release of a distribution."""

    components: tuple[str, ...] = ("main",)
    keyring: str = "debian-archive-keyring"
    script: str = "sid"
    """Of debootstrap, which knows fewer names than work: those of a distribution differ in age only."""


SUITES = {"bookworm": Suite(), "trixie": Suite(), "noble": Suite(("main", "universe"), "ubuntu-archive-keyring", "gutsy")}


def run(*argv: str | Path, log: Path) -> None:
    """Run a command; what it prints is added to `log`. Exits with the end of it where the command fails."""
    with log.open("a") as output:
        done = subprocess.run(argv, stdout=output, stderr=output, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}, check=False)
    if done.returncode:
        sys.exit("\n".join([f"{' '.join(map(str, argv))} failed, see {log}:", *log.read_text().splitlines()[-15:]]))


def own_mirror() -> str:
    """The mirror that this machine's apt takes its own release from."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    listed = ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Component: main", f"Codename: {release}"]
    found = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    return found[0] if found else sys.exit(f"apt has no list of the packages of {release}: run apt-get update, or give --mirror")


def lines(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if line and not line.startswith("#")]


def make_root(name: str, mirror: str) -> Path:
    """Folder of the distribution with what the lab needs; recreated when that changes."""
    suite, root = SUITES[name], cache() / "cgroup-v2" / name
    packages = [*SYSTEM, *lines(ROOT / "lab/packages.txt")]
    libraries = [line for name in ("requirements.txt", "requirements-dev.txt") for line in lines(ROOT / name) if not line.startswith("-r ")]
    made_of = "\n".join([mirror, *packages, *libraries])
    ready, log = root / "made-of", root.with_suffix(".log")
    if ready.exists() and ready.read_text() == made_of:
        return root
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    with step(f"root of {name}, by debootstrap"):
        trusted, script = f"--keyring=/usr/share/keyrings/{suite.keyring}.gpg", f"/usr/share/debootstrap/scripts/{suite.script}"
        run("debootstrap", "--variant=minbase", f"--components={','.join(suite.components)}", trusted, name, root, mirror, script, log=log)
    with step(f"packages of {name}"):
        sources = "".join(f"deb {mirror} {each} {' '.join(suite.components)}\n" for each in (name, f"{name}-updates"))
        (root / "etc/apt/sources.list").write_text(sources)
        run("chroot", root, "apt-get", "--quiet", "update", log=log)
        run("chroot", root, "apt-get", "--quiet", "install", "--yes", "--no-install-recommends", *packages, log=log)
    with step(f"Python libraries of {name}"):
        # A machine may reach the package registries only by a proxy with a CA of its own.
        bundle = Path("/etc/ssl/certs/ca-certificates.crt")
        shutil.copy(bundle, root / bundle.relative_to("/"))
        run("chroot", root, "python3", "-m", "venv", "/opt/lab", log=log)
        run("chroot", root, "/opt/lab/bin/pip", "install", *libraries, log=log)
    ready.write_text(made_of)
    return root


def configure(root: Path, options: str) -> None:
    """Give the root the kernel's modules, the folders of this machine that it sees, and the unit that runs `guest` with these options."""
    shutil.copytree("/usr/lib/uml/modules", root / "usr/lib/modules", dirs_exist_ok=True)
    places = {"checkout": ROOT, "cache": cache()}
    (root / "etc/modules-load.d/lab.conf").write_text("\n".join(MODULES))
    (root / "etc/fstab").write_text(FSTAB.format(**places))
    (root / "etc/systemd/system/lab.service").write_text(UNIT.format(**places, options=options))
    (root / "etc/hostname").write_text("guest\n")
    # This kernel has nf_tables, but not for IPv4.
    run("chroot", root, "update-alternatives", "--set", "iptables", "/usr/sbin/iptables-legacy", log=root.with_suffix(".log"))


def boot(root: Path) -> int:
    """Run the machine until it has powered itself off, its console shown; exit code of what it ran."""
    status = root / "status"
    status.unlink(missing_ok=True)
    kernel = ["linux.uml", "mem=7G", "root=/dev/root", "rootfstype=hostfs", f"rootflags={root}", "rw", "con=null", "con0=fd:0,fd:1", "quiet"]
    # All that the kernel starts on this machine is killed with it.
    own = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    named = ["sh", "-c", 'echo "$0" >/proc/sys/kernel/hostname && exec "$@"', NODE_NAME]
    command = [*own, *named, *kernel, f"uml_dir={root.parent}/", "systemd.wants=lab.service", "TERM=dumb"]
    subprocess.run(command, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
    return int(status.read_text()) if status.exists() else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cgroup_v2", description=__doc__)
    parser.add_argument("--suite", choices=SUITES, default="bookworm")
    parser.add_argument("--mirror", help="of the distribution's packages (default: that of this machine's apt)")
    parser.add_argument("--demo", action="store_true", help="also run what make demo runs")
    given, began = parser.parse_args(), time.monotonic()
    tools.build()
    charts.package()
    root = make_root(given.suite, given.mirror or own_mirror())
    configure(root, "--demo" if given.demo else "")
    with step(f"{given.suite} boots and runs the lab"):
        code = boot(root)
    say(f"the lab on {given.suite}: exit code {code} after {time.monotonic() - began:.0f} s in all")
    return code


if __name__ == "__main__":
    sys.exit(main())
