# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is in a cluster that speaks against installing Gatekeeper and Ratify, or that people should know before. Private to the collection."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._azure import private_file
from .._installed import reading
from .._kubernetes import lease
from .._kubernetes.api import ClusterApi, ClusterError
from .._kubernetes.helm import RecordError
from .._kubernetes.inventory import ClusterObject, ClusterObjects
from .._policy import exempt_namespaces
from .._policy.admission_rules import unjudged
from .findings import Findings

Json = Mapping[str, Any]
VERIFIERS = {
    "ImageValidatingPolicy": "Kyverno",
    "NamespacedImageValidatingPolicy": "Kyverno",
    "ClusterImagePolicy": "Sigstore's policy-controller",
    "ImagePolicy": "Connaisseur",
}
"""By kind, programs that verify images too: https://kyverno.io/docs/policy-types/image-validating-policy/,
https://docs.sigstore.dev/policy-controller/overview/, https://sse-secure-systems.github.io/connaisseur/"""
GROUPS = ("policies.kyverno.io", "policy.sigstore.dev", "connaisseur.policy")
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
HARMLESS = ("azure-wi-webhook-mutating-webhook-configuration", "gatekeeper-mutating-webhook-configuration")
"""These add no image: the former adds a token and variables, https://learn.microsoft.com/azure/aks/workload-identity-overview"""


@dataclass(frozen=True)
class Wanted:
    """What will be installed: options of the modules gatekeeper_info and ratify_info but the kubeconfig, and `policy_options`; None where that is not
    installed. `holder` is the run that installs it, and with `check` only would."""

    gatekeeper: dict[str, Any] | None = None
    ratify: dict[str, Any] | None = None
    policy: dict[str, Any] | None = None
    holder: str = ""
    check: bool = False


def policy_options() -> dict[str, Any]:
    """Of the policy: Gatekeeper's namespace, which namespaces it excludes, and to which it is limited."""
    pilot = dict(type="list", elements="str", default=[])
    return dict(namespace=dict(default="gatekeeper-system"), excluded_namespaces=reading.reviewed_option(), pilot=pilot)


def evaluate(found: Findings, about: str, kubeconfig: str, wanted: Wanted, *, lasting: bool) -> None:
    """Report what the cluster with this kubeconfig, a secret, contains. Where that is not known it is a warning, and a refusal where going on would
    write what cannot be undone (`lasting`)."""
    with tempfile.TemporaryDirectory(prefix="image-trust-") as folder:
        private_file.write(path := Path(folder, "kubeconfig"), kubeconfig)
        try:
            _evaluate(found, about, ClusterApi(str(path)), wanted)
        except RecordError as error:
            found.refuse(str(error), about)
        except ClusterError as error:
            for sentence in unknown(str(error).replace(str(path), "that AKS answered")):
                (found.refuse if lasting else found.warn)(sentence, about)


def _evaluate(found: Findings, about: str, api: ClusterApi, wanted: Wanted) -> None:
    installed, exempt = None, []
    if other := lease.of_another_run(api, wanted.holder):
        (found.warn if wanted.check else found.refuse)(str(other.refusal), about)
    if wanted.gatekeeper:
        read = reading.gatekeeper_to_install(api, wanted.gatekeeper)
        installed, exempt = read["installed"], read["exempt_namespaces"]
        _refuse(found, about, read["problems"])
    if wanted.ratify:
        _refuse(found, about, reading.ratify_to_install(api, wanted.ratify)["problems"])
    cluster = ClusterObjects(api)
    if wanted.policy:
        # Role policy excludes by itself the namespaces of networks that role gatekeeper finds.
        reviewed = [each["name"] for each in [*wanted.policy["excluded_namespaces"], *exempt]]
        _refuse(found, about, exempt_from_policy(cluster, wanted.policy["namespace"], reviewed))
        _refuse(found, about, missing_namespaces(api, wanted.policy["pilot"]))
    if wanted.gatekeeper and not installed:
        # Once, before the first installation: what works needs no warning at each run.
        for sentence in [*verifiers(cluster.find(GROUPS, [])), *injectors(cluster.get(WEBHOOKS).get("items") or [])]:
            found.warn(sentence, about)


def exempt_from_policy(cluster: ClusterObjects, namespace: str, reviewed: Sequence[str]) -> list[str]:
    """The sentence about namespaces that are exempt without a review. Raises `ClusterError`."""
    configs = [each for each in cluster.get(exempt_namespaces.CONFIGS).get("items") or [] if each["metadata"]["namespace"] == namespace]
    labelled = [each["metadata"]["name"] for each in cluster.get(exempt_namespaces.LABELLED).get("items") or []]
    found = exempt_namespaces.exempt(exempt_namespaces.by_others(configs, labelled))
    return exempt_namespaces.unreviewed(found, reviewed, namespace)


def missing_namespaces(api: ClusterApi, pilot: Iterable[str]) -> list[str]:
    """A sentence for each namespace of a pilot that does not exist: role verify, after all writes, could ask nothing in it. Raises `ClusterError`."""
    found: list[str] = []
    for name in pilot:
        if "*" not in name and not api.get(f"/api/v1/namespaces/{name}", missing={}):
            found.append(f"There is no namespace {name} in the cluster, in which the policy is to deny (policy_stages). Create it, or correct the name.")
    return found


def _refuse(found: Findings, about: str, problems: Iterable[str]) -> None:
    for problem in problems:
        found.refuse(problem, about)


def unknown(reason: str) -> list[str]:
    """The sentence about a cluster that could not be read."""
    return [f"What is in the cluster is not known: {reason}."]


def verifiers(objects: Iterable[ClusterObject]) -> list[str]:
    """The sentence about programs that verify images too, by their policies."""
    titles: dict[str, list[str]] = {}
    for each in objects:
        if each.kind in VERIFIERS:
            titles.setdefault(VERIFIERS[each.kind], []).append(each.title)
    if not titles:
        return []
    programs = "; ".join(f"{program} ({', '.join(sorted(named))})" for program, named in sorted(titles.items()))
    return [f"Images are verified by another program too: {programs}. An image has to pass both. Delete its policies once this one denies."]


def injectors(configurations: Iterable[Json]) -> list[str]:
    """The sentence about mutating webhooks that change new pods, which may add images."""
    names = sorted(each["metadata"]["name"] for each in configurations if _is_asked(each.get("webhooks") or ()))
    others = [name for name in names if name not in HARMLESS]
    if not others:
        return []
    return [f"Other webhooks change new pods ({', '.join(others)}). The images that they add have to be signed too, or be named in policy_exemptions."]


def _is_asked(webhooks: Iterable[Json]) -> bool:
    return any("CREATE pods" not in unjudged(webhook.get("rules") or ()) for webhook in webhooks)
