# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that Azure knows beforehand of a cluster and of Ratify's identity, evaluated without a write. Private to the collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import missing_required_lib

from .._arm import attached_cluster as attached
from .._arm import managed_clusters as clusters
from .._arm import permissions, registries
from .._arm import workload_identity as workload
from .._arm.identities import location_of_group
from .._arm.managed_clusters import Cluster
from .._arm.registries import Registry
from .._arm.vault_anchors import Certificate, Examined
from .._azure.errors import ModuleError
from .._azure.session import Azure
from .._azure.writes import Step
from .._ratify.anchors import CRYPTOGRAPHY_IMPORT_ERROR
from . import contents, trust_rules
from .cluster_rules import of_cluster
from .findings import Findings


class Evaluation:
    """Evaluates each object once. An object that cannot be read is a refusal and stops no other."""

    def __init__(self, azure: Azure, found: Findings, trust: Mapping[str, Any] | None = None) -> None:
        self._azure = azure
        self._registries: dict[tuple[str, ...], Registry | None] = {}
        self._steps: list[Step] = []
        self._trust = trust
        self._certificates: list[Certificate] = []
        self.found = found

    def cluster(self, wanted: attached.Wanted, installed: contents.Wanted) -> None:
        """A cluster, its registries, its kubeconfig, and what is in it."""
        found, about = self.found, f"cluster {wanted.cluster.name}"
        cluster = found.known(about, lambda: self._existing(wanted.cluster))
        known = self._known_registries(wanted.registries)
        if cluster:
            of_cluster(found, about, cluster.described, issuer=bool(wanted.cluster.oidc_issuer))
            found.known(about, lambda: clusters.plan(cluster, wanted.cluster))
        if found.refused(about):
            return
        if len(known) == len(wanted.registries) and (around := found.known(about, lambda: attached.around(self._azure, wanted, cluster, known))):
            steps = found.known(about, lambda: attached.plan(self._azure, wanted, around))
            self._steps += steps or ()
            if steps and around.credentials.text:
                contents.evaluate(found, about, around.credentials.text, installed, lasting=steps[0].change.changed)
        found.accept(f"It has Kubernetes {cluster.kubernetes_version}." if cluster else "It is created.", about)

    def identity(self, wanted: workload.Wanted) -> dict[str, Any] | None:
        """An identity, whom it trusts and what it may do; what module workload_identity would return in check mode, None where that is not known."""
        found, azure, about = self.found, self._azure, f"identity {wanted.identity.name}"
        trust = found.known(about, lambda: workload.read_trust(azure, wanted, check=True))
        known = self._known_registries(wanted.registries)
        vaults = tuple(vault for asked in wanted.vaults if (vault := self._vault(asked)))
        former = tuple(vault for asked in wanted.former_vaults if (vault := self._former_vault(asked)))
        self._of_trust(wanted, known)
        if trust is None:
            return None
        if not trust.identity and not wanted.identity.location:
            found.known(about, lambda: location_of_group(azure, wanted.identity.resource_group))
        readable = replace(trust, registries=known, vaults=vaults, former_vaults=former)
        whole = found.known(about, lambda: workload.with_roles(azure, readable)) or trust
        steps = found.known(about, lambda: workload.plan(azure, wanted, whole))
        others = found.known(about, lambda: workload.former(azure, wanted, whole))
        if steps is None or others is None:
            return None
        self._steps += steps
        found.accept("It exists." if trust.identity else "It is created.", about)
        needed = [step.does for step in steps if step.change.changed]
        return {**workload.shown(whole, steps, others), "changed": bool(needed), "changes": needed}

    def permissions(self) -> None:
        """What the login may not do of what would be written; a request for each object, none where nothing would be."""
        for scope, actions in permissions.needed(self._steps).items():
            try:
                lacking = permissions.lacking(self._azure, scope, actions)
            except ModuleError as failure:
                self.found.warn(f"What the login may do is not known: {failure.sentence}", "permissions")
                return
            if lacking:
                self.found.refuse(f"The login may not do {' and '.join(lacking)} on {scope}. Assign it a role there that has the actions.", "permissions")
            self.found.accept("The login may write what would be written.", "permissions")

    def _existing(self, wanted: clusters.Wanted) -> Cluster | None:
        cluster = clusters.read(self._azure, wanted)
        if not cluster and not wanted.create:
            raise clusters.uncreated(self._azure, wanted)
        if not cluster and not wanted.location:
            location_of_group(self._azure, wanted.resource_group)
        return cluster

    def _known_registries(self, places: Sequence[Mapping[str, str]]) -> tuple[Registry, ...]:
        return tuple(registry for place in places if (registry := self._registry(place)))

    def _registry(self, place: Mapping[str, str]) -> Registry | None:
        key, about = tuple(f"{name}={value}".lower() for name, value in sorted(place.items())), f"registry {place['name']}"
        if key not in self._registries:
            registry = self._registries[key] = self.found.known(about, lambda: registries.read_at(self._azure, place))
            if registry and registry.public_network_access.lower() == "disabled":
                self.found.warn(
                    f"The registry {registry.name} has no public network access. Nodes and Ratify need a private endpoint of it in the cluster's network.",
                    about,
                )
            elif registry:
                self.found.accept(f"It is in the mode {registry.role_assignment_mode}.", about)
        return self._registries[key]

    def _vault(self, wanted: workload.WantedVault) -> workload.FoundVault | None:
        """None for one that could not be read."""
        found, about = self.found, f"vault {wanted.place.vault_name}"
        read = found.known(about, lambda: workload.read_vault(self._azure, wanted))
        if not read:
            return None
        if wanted.certificates and CRYPTOGRAPHY_IMPORT_ERROR is not None:
            found.refuse(missing_required_lib("cryptography"), about)
            return None
        if examined := found.known(about, lambda: workload.examined_vault(self._azure, read)):
            self._of_certificates(about, examined)
        if warning := read.vault.network.warning(read.vault.name):
            found.warn(warning, about)
        found.accept(f"Its permission model is {read.vault.permission_model}.", about)
        return read

    def _former_vault(self, wanted: workload.WantedVault) -> workload.FoundVault | None:
        return self.found.known(f"vault {wanted.place.vault_name}", lambda: workload.find_vault(self._azure, wanted))

    def _of_certificates(self, about: str, examined: Examined) -> None:
        self._certificates += examined.certificates
        for sentence in examined.problems:
            self.found.refuse(sentence, about)
        for certificate in examined.certificates if self._trust else ():
            trust_rules.of_certificate(self.found, about, certificate, self._trust or {}, datetime.now(UTC))

    def _of_trust(self, wanted: workload.Wanted, known: Sequence[Registry]) -> None:
        """What depends on all registries, or on all certificates, is not compared where one of them could not be read."""
        trust = self._trust
        if trust and len(known) == len(wanted.registries):
            trust_rules.of_registries(self.found, trust["scopes"], trust["registries"] or [registry.login_server for registry in known])
        if trust and len(self._certificates) == sum(len(vault.certificates) for vault in wanted.vaults):
            trust_rules.of_identities(self.found, trust["policies"], self._certificates)
