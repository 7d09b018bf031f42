"""What the emulated Azure needs of the machine it runs on: real clusters and a real registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Backend(Protocol):
    """Implemented by `lab.clusters` with real nodes, and by tests without. Methods block; Azure calls them in a thread."""

    registry: str
    """Base URL of the OCI registry (distribution) that stores what the registry front and the public registries serve."""

    def start_cluster(self, name: str) -> None:
        """Make the node `name` run; returns when its Kubernetes API answers and the node is Ready. Adopts one that runs."""

    def delete_cluster(self, name: str) -> None:
        """Stop the node and forget what it stored."""

    def kubeconfig(self, name: str) -> str:
        """Text of a kubeconfig with client certificate, usable on 127.0.0.1."""

    def issuer(self, name: str) -> str:
        """Issuer of the cluster's service account tokens, with trailing slash; another one after the cluster was deleted."""

    def jwks(self, name: str) -> dict[str, Any]:
        """The public keys that sign the cluster's service account tokens (JWKS); read from the cluster itself."""

    def kubernetes_version(self, name: str) -> str:
        """Such as `1.36.4`."""

    def install_workload_identity(self, name: str, tenant: str) -> None:
        """Make the azure-workload-identity webhook serve in the cluster; returns when it does."""

    def remove_workload_identity(self, name: str) -> None:
        """Take it away again."""

    def admit_entra(self, name: str, tenant: str, admin_groups: Sequence[str], token: str) -> None:
        """Make the Kubernetes API know the users of Entra's tenant by their tokens, and the members of `admin_groups` (object ids) administrators.

        Returns when it accepts `token`, which is one of Entra's.
        """

    def forget_entra(self, name: str, token: str) -> None:
        """Take that away again; returns when `token` is accepted no more."""
