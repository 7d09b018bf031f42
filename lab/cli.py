"""`python -m lab`: bring the lab up and down, look at it, enter it, control the emulated Azure."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from lab import bring_up, seed, services
from lab.azure import state
from lab.azure.faults import Fault
from lab.build import tools
from lab.clusters import Clusters, nodes
from lab.config import AZURE_PORT, PROXY_PORT, SUBSCRIPTION, TENANT, home
from lab.errors import LabError
from lab.locks import locked
from lab.node import previous
from lab.node.control import Node
from lab.progress import say, step

_CLIENTS = (*map(tools.family, ("helm", "notation", "crane")), tools.KUBERNETES)
"""Families whose programs `env` puts on PATH."""
_FOLDERS = {"azure", "clusters", "registry", "signers", "kubeconfigs", "notation", "proof"}
_FILES = {"ca.crt", "ca.key", "ca-bundle.crt", ".lock", ".pki.lock"}
"""What the lab keeps in its home."""


def down(delete: bool = False) -> None:
    """Stop everything; with `delete` also forget what was stored. The cache is kept."""
    with locked(home() / ".lock"):
        for node in nodes():
            with step(f"stopping cluster {node.cluster.name}"):
                node.stop()
        services.azure().stop()
        services.registry().stop()
        if delete:
            for each in home().iterdir():
                if each.name in _FOLDERS:
                    shutil.rmtree(each)
                elif each.name in _FILES:
                    each.unlink()
            with suppress(OSError):
                home().rmdir()  # unless it holds something that is not the lab's
    say("down, and forgotten" if delete else "down; `up` goes on from here")


def environment() -> dict[str, str]:
    """Variables for a controller outside the clusters: its credentials, the lab's endpoint and CA, and the lab's clients on PATH. Holds a secret."""
    kept = state.load(home() / "azure/state.json")
    if kept is None:
        raise LabError("there is no lab; run `python -m lab up`")
    controller, publisher = (kept.service_principals[each] for each in (seed.CONTROLLER, seed.PUBLISHER))
    bundle = str(home() / "ca-bundle.crt")
    return {
        "AZURE_CLIENT_ID": controller.client_id,
        "AZURE_SECRET": controller.secret,
        "AZURE_TENANT": TENANT,
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        "AZURE_CLOUD_ENVIRONMENT": services.URL,
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "LAB_PUBLISHER_SECRET": publisher.secret,
        "NOTATION_LIBEXEC": str(home() / "notation"),
        "LAB_HOME": str(home()),
        "LAB_AZURE_PORT": str(AZURE_PORT),
        "LAB_AZURE_PROXY": f"http://127.0.0.1:{PROXY_PORT}",
        "PATH": ":".join([*(str(each.output) for each in _CLIENTS), os.environ.get("PATH", "/usr/bin:/bin")]),
    }


def _status() -> bool:
    """Print what runs; whether all of it does."""
    well = True
    for daemon, address in ((services.registry(), Clusters.registry), (services.azure(), services.URL)):
        pid = daemon.pid()
        well = well and pid is not None
        print(f"{daemon.name:12} {f'runs, process {pid}' if pid else 'stopped':24} {address}")
    for node in nodes():
        pid = node.outer.pid()
        missing = node.pods_missing() if pid else []
        well = well and pid is not None
        pods = f"  pods not ready: {', '.join(missing)}" if missing else ""
        print(f"{node.cluster.name:12} {f'runs, process {pid}' if pid else 'stopped':24} KUBECONFIG={node.cluster.kubeconfig}{pods}")
        if node.crashed:
            print(node.outer.tail(20))
    return well


def _node(name: str) -> Node:
    known = {node.cluster.name: node for node in nodes()}
    if name not in known:
        raise LabError(f"there is no cluster {name}; there are: {', '.join(known) or 'none'}")
    return known[name]


def _exec(name: str, argv: list[str]) -> None:
    command = _node(name).command(argv, os.environ, Path.cwd())
    os.execvp(command[0], command)  # noqa: S606 - a list of arguments, no shell


def _previous(name: str) -> None:
    print(previous.ratify(_node(name)))


def _control(method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """Ask the emulated Azure's control; its JSON. LabError with what it says where it refuses."""
    with services.client() as http:
        try:
            answer = http.request(method, f"/lab/{path}", json=body)
        except httpx.HTTPError as error:
            raise LabError(f"the emulated Azure does not answer {method} /lab/{path}: {error}") from error
    if not answer.is_success:
        raise LabError(f"the emulated Azure refuses {method} /lab/{path}: {answer.text}")
    return answer.json() if answer.content else None


def _show(value: Any) -> None:
    """One line of JSON an entry of a list; anything else as it is."""
    for entry in value if isinstance(value, list) else [value]:
        print(json.dumps(entry))


def _requests(arguments: argparse.Namespace) -> None:
    if arguments.clear:
        _control("DELETE", "requests")
    else:
        _show(_control("GET", "requests")["requests"])


def _faults(arguments: argparse.Namespace) -> None:
    if arguments.action == "add":
        given = {name: getattr(arguments, name) for name in _FAULT_FIELDS if getattr(arguments, name) is not None}
        _show(_control("POST", "faults", given))
    elif arguments.action == "clear":
        _control("DELETE", "faults")
    else:
        _show(_control("GET", "faults")["faults"])


def _settings(arguments: argparse.Namespace) -> None:
    if arguments.change:
        _show(_control("PUT", "settings", {name: float(seconds) for name, seconds in arguments.change}))
    else:
        _show(_control("GET", "settings"))


def _env(_: argparse.Namespace) -> None:
    for name, value in environment().items():
        print(f"export {name}={shlex.quote(value)}")


def _assignment(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not value.replace(".", "", 1).isdigit():
        raise argparse.ArgumentTypeError(f"{text} is not NAME=SECONDS")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, summary: str, run: Callable[[argparse.Namespace], object]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(run=run)
        return added

    added = command("up", "Start what does not run, build what is missing, and wait until all of it serves", lambda given: bring_up.up(given.clusters))
    added.add_argument("--clusters", type=int, default=1, metavar="N", help="clusters lab1..labN (default: 1)")
    added = command("down", "Stop everything; `up` goes on from there", lambda given: down(given.delete))
    added.add_argument("--delete", action="store_true", help="also forget everything that was stored")
    command("status", "Say what runs; status 1 where something does not", lambda _: None if _status() else sys.exit(1))
    added = command("exec", "Run a command inside a cluster's namespaces, as on its node", lambda given: _exec(given.cluster, given.argv))
    added.add_argument("--cluster", default="lab1", metavar="NAME")
    added.add_argument("argv", nargs="+", metavar="CMD", help="after --")
    added = command("previous", "Make Ratify's previous chart installable on a cluster, and print its version", lambda given: _previous(given.cluster))
    added.add_argument("--cluster", default="lab1", metavar="NAME")
    command("env", "Print shell commands that point Azure's and Kubernetes' clients at the lab (with a secret)", _env)
    added = command("requests", "Print the requests that the emulated Azure was sent, as JSON lines", _requests)
    added.add_argument("--clear", action="store_true", help="forget them instead")
    added = command("settings", "Print or change the delays of the emulated Azure, in seconds", _settings)
    added.add_argument("change", nargs="*", type=_assignment, metavar="NAME=SECONDS")
    added = command("faults", "Make chosen requests to the emulated Azure fail, wait or lose their connection", _faults)
    actions = added.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="the faults that are set")
    actions.add_parser("clear", help="take all away")
    fault = actions.add_parser("add", help="set one", description=Fault.__doc__)
    for name in _FAULT_FIELDS:
        fault.add_argument(f"--{name.replace('_', '-')}")
    return parser


_FAULT_FIELDS = [name for name in Fault.model_fields if name != "struck"]


def main() -> None:
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except LabError as error:
        sys.exit(f"lab: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
