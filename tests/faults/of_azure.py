"""Faults of the registry, the vault, the token service and the federated credential."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from lab.build.oci import MANIFEST
from lab.clusters import Clusters
from lab.seed import LOGIN_SERVER
from lab.signing.publishing import Repository
from tests.e2e.objects import IDENTITY_PATH

from .world import Break, Felt, World

CREDENTIALS = "2024-11-30"


def of_azure(*faults: Mapping[str, Any]) -> Break:
    """Faults of the emulated Azure's switchboard."""

    @contextmanager
    def broken(world: World) -> Iterator[Felt]:
        switchboard = f"{world.lab.url}/lab/faults"
        for fault in faults:
            world.lab.http.post(switchboard, json=fault).raise_for_status()
        try:
            yield lambda: any(fault["struck"] for fault in world.lab.http.get(switchboard).json()["faults"])
        finally:
            world.lab.http.delete(switchboard).raise_for_status()

    return broken


def while_certificates_are_read_again(fault: Break) -> Break:
    """The fault, and Ratify reads its certificates in the vault again and again, with a new token each time, until the cluster has recovered."""

    @contextmanager
    def broken(world: World) -> Iterator[Felt]:
        place = ("config.ratify.deislabs.io/v1beta1", "KeyManagementProvider", "kmprovider-akv")
        with fault(world) as felt:
            world.afterwards.callback(world.patch, *place, {"spec": {"refreshInterval": ""}}, None)
            world.patch(*place, {"spec": {"refreshInterval": "1s"}}, None)
            yield felt

    return broken


def of_federation(**change: str) -> Break:
    """The federated credential has another issuer or subject."""

    @contextmanager
    def broken(world: World) -> Iterator[Felt]:
        path = f"{IDENTITY_PATH}/federatedIdentityCredentials"
        [found] = world.lab.arm("GET", path, CREDENTIALS)["value"]
        place = f"{path}/{found['name']}"
        world.lab.arm("PUT", place, CREDENTIALS, {"properties": {**found["properties"], **change}})
        try:
            yield lambda: True
        finally:
            world.lab.arm("PUT", place, CREDENTIALS, {"properties": found["properties"]})

    return broken


def of_tag(image: str, other: str) -> Break:
    """The registry has the manifest of `other` under the tag of `image`, both of one repository."""

    @contextmanager
    def broken(world: World) -> Iterator[Felt]:
        repository, _, tag = image.rpartition(":")
        with httpx.Client(base_url=f"{Clusters.registry}/v2/{LOGIN_SERVER}/{repository}/manifests/", headers={"Accept": MANIFEST}) as storage:
            mine, its = (storage.get(name).raise_for_status().content for name in (tag, other))

            def put(manifest: bytes) -> None:
                storage.put(tag, content=manifest, headers={"Content-Type": MANIFEST}).raise_for_status()

            put(its)
            try:
                yield lambda: True
            finally:
                put(mine)

    return broken


def of_signatures(image: str, other: str) -> Break:
    """The registry passes off the signatures of `other` as those of `image`, both of one repository."""

    @contextmanager
    def broken(world: World) -> Iterator[Felt]:
        repository, _, tag = image.rpartition(":")
        with httpx.Client(base_url=Clusters.registry) as storage:
            mine, its = (Repository(storage, f"{LOGIN_SERVER}/{repository}").digest(name) for name in (tag, other))
        with of_azure({"path": f"/referrers/{mine}$", "instead": f"/referrers/{its}"})(world) as felt:
            yield felt

    return broken
