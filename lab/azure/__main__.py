"""`python -m lab.azure`: the emulated Azure of this lab, until SIGTERM. Everything it keeps lies in `home()/azure`."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

from lab import pki
from lab.azure import app, server, state
from lab.azure.arm import managed_clusters, resource_groups
from lab.azure.context import Azure
from lab.azure.proxy import Proxy
from lab.azure.request_log import RequestLog
from lab.clusters import Clusters
from lab.config import AZURE_PORT, PROXY_PORT, SUBSCRIPTION, TENANT, Cluster, cache, home
from lab.signing import ca, time_stamping

_log = logging.getLogger(__name__)


async def serve() -> None:
    folder = home() / "azure"
    folder.mkdir(parents=True, exist_ok=True)
    kept = state.load(folder / "state.json") or state.State(TENANT, SUBSCRIPTION)
    azure = Azure(kept, Clusters(), persist=lambda current: state.save(current, folder / "state.json"), log=RequestLog(folder / "requests.jsonl"))
    azure.save()

    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)

    listeners, certificate = server.Listeners(), pki.azure_certificate()
    await listeners.open("outside", server.tcp(AZURE_PORT), app.outside(azure, cache() / "charts"), certificate)
    await listeners.open("inside", server.unix(Cluster("", 0).azure_socket), app.inside(azure), certificate)
    await listeners.open("public", server.unix(Cluster("", 0).public_socket), app.public(azure, ca.revocation_list, time_stamping.stamp))
    proxy = Proxy(lambda: asyncio.open_unix_connection(str(Cluster("", 0).azure_socket)))
    await proxy.open(PROXY_PORT)
    following = asyncio.create_task(server.MetadataServices(azure, listeners).follow())
    managed_clusters.resume(azure)
    resource_groups.resume(azure)
    _log.info("serving on %s, %s and %s", azure.arm_url, azure.login_url, Cluster("", 0).azure_socket)

    stop = asyncio.create_task(asked_to_stop.wait())
    await asyncio.wait({stop, following}, return_when=asyncio.FIRST_COMPLETED)
    failure = following.exception() if following.done() else None
    following.cancel()
    await proxy.close()
    await listeners.close_all()
    if failure:
        raise failure
    if azure.working:
        # A node that is being started cannot be interrupted in its thread; the next start takes the operation up again.
        os._exit(0)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(serve())
