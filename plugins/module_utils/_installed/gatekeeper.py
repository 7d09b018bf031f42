# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What is installed of Gatekeeper, whose it is, and what speaks against installing or removing it. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from .._kubernetes.inventory import ClusterObject
from .release import Removal, of_release, records_of

Json = Mapping[str, Any]
VALIDATING = "gatekeeper-validating-webhook-configuration"
MUTATING = "gatekeeper-mutating-webhook-configuration"
WEBHOOK = "validation.gatekeeper.sh"
BREAK_GLASS = "image-trust.azure/break-glass"
"""Annotation of both configurations, by playbook break_glass: when the cluster was opened or closed, by whom, and why."""
CONSTRAINTS = "constraints.gatekeeper.sh"
GROUPS = (
    "config.gatekeeper.sh",
    "connection.gatekeeper.sh",
    CONSTRAINTS,
    "expansion.gatekeeper.sh",
    "externaldata.gatekeeper.sh",
    "mutations.gatekeeper.sh",
    "syncset.gatekeeper.sh",
    "templates.gatekeeper.sh",
)
"""API groups of what administrators configure in Gatekeeper; its pods report in status.gatekeeper.sh."""
REMOVED_GROUPS = (*GROUPS, "admissionregistration.k8s.io", "apiextensions.k8s.io", "rbac.authorization.k8s.io")
"""API groups of all that a removal has to look at."""
_GUARD = (
    "ValidatingAdmissionPolicy namespace-labels.image-trust.azure",
    "ValidatingAdmissionPolicyBinding namespace-labels.image-trust.azure",
)
"""Objects of role gatekeeper beside the chart."""
NETWORKS = {"operator.tigera.io": ("Installation", ("tigera-operator", "calico-system"), "Calico, the nodes' network")}
"""Networks that AKS installs outside kube-system, by API group: kind, namespaces and the reason to exempt them. Anybody can create a namespace of that
name; only an administrator can have created the kind. https://learn.microsoft.com/azure/aks/use-network-policies"""
_OWN = ("ConstraintTemplate imagesverified", "Provider ratify-provider", "Provider ratify-mutation-provider")
"""Objects of the roles policy and ratify that no release marks."""
_CRITICAL = ("system-node-critical", "system-cluster-critical")
_DRIVERS = ("/etc/cni", "/opt/cni", "/var/lib/kubelet/plugins")
_MANAGED_BY_AKS = "kubernetes.azure.com/managedby"
_OF_AKS = re.compile(r"aks-command|aks-istio-(system|ingress|egress)|app-routing-system|azure-arc|dapr-system|flux-system")
"""AKS labels the namespaces that it makes; those of its extensions, and that of `az aks command invoke`, are known by name only."""


def azure_policy(*, addon: bool) -> list[str]:
    """The sentence about a cluster with the Azure Policy add-on."""
    sentence = (
        "The cluster has the Azure Policy add-on, which runs a Gatekeeper of its own and refuses templates that did not come by Azure Policy. "
        "Turn it off (az aks disable-addons --addons azure-policy) before Gatekeeper is installed here."
    )
    return [sentence] if addon else []


def exempt_namespaces(given: Sequence[Json], kinds: Collection[str]) -> list[Json]:
    """The entries (`name`, `reason`) that are given, and those of networks whose kind is among the cluster's `kinds`."""
    names = {each["name"] for each in given}
    found = [{"name": name, "reason": reason} for kind, namespaces, reason in NETWORKS.values() if kind in kinds for name in namespaces if name not in names]
    return [*given, *found]


def other_constraints(objects: Iterable[ClusterObject]) -> list[ClusterObject]:
    """Constraints of templates that are not the collection's, which may judge any update."""
    return [each for each in objects if each.group == CONSTRAINTS and each.kind != "ImagesVerified"]


def failure_policy(webhook: Json) -> str | None:
    """That of the webhook by which Gatekeeper validates, of its ValidatingWebhookConfiguration; None where there is none."""
    return next((each.get("failurePolicy") for each in webhook.get("webhooks") or [] if each["name"] == WEBHOOK), None)


def node_critical(namespaces: Iterable[Json], workloads: Iterable[Json], reviewed: Collection[str]) -> list[str]:
    """Sorted names of the namespaces, but the reviewed ones, with what nodes may need to start, or with what AKS runs itself.

    `workloads` are DaemonSets, Deployments, StatefulSets and Pods, of which those with an owner are judged by it; an operator may own the others. Any user
    can choose these priority classes and folders, so that an administrator decides whether the namespace can wait for Gatekeeper.
    """
    found = {
        each["metadata"]["name"]
        for each in namespaces
        if _MANAGED_BY_AKS in (each["metadata"].get("labels") or {}) or _OF_AKS.fullmatch(each["metadata"]["name"])
    }
    for each in workloads:
        template = each["spec"].get("template")
        pod = (template or each)["spec"]
        paths = [str((volume.get("hostPath") or {}).get("path")) for volume in pod.get("volumes") or []]
        critical = pod.get("priorityClassName") in _CRITICAL or any(path.startswith(_DRIVERS) for path in paths)
        if critical and (template or not each["metadata"].get("ownerReferences")):
            found.add(each["metadata"]["namespace"])
    return sorted(found - set(reviewed))


def unreviewed(names: Sequence[str]) -> list[str]:
    """The sentence about namespaces of `node_critical`."""
    if not names:
        return []
    return [
        f"The namespaces {', '.join(names)} hold what nodes may need to start (priority class system-*-critical, or a network or storage driver's folders),"
        " or what AKS itself runs. Name each in gatekeeper_exempt_namespaces, where every image is admitted then, or, if it can wait for Gatekeeper and its"
        " images are signed, in gatekeeper_covered_namespaces; both with a reason."
    ]


def break_glass(annotation: str | None) -> dict[str, str]:
    """What the annotation BREAK_GLASS records (`state`, `when`, `who`, `why`); empty where there is none, `state` unknown where it cannot be read."""
    if annotation is None:
        return {}
    try:
        record = json.loads(annotation)
    except (ValueError, RecursionError):
        record = None
    readable = isinstance(record, dict) and all(isinstance(value, str) for value in record.values()) and record.get("state") in ("open", "closed")
    return record if readable else {"state": "unknown"}


def opened(annotations: Mapping[str, str]) -> list[str]:
    """The sentence about a cluster that was opened in an emergency, by the annotations of its ValidatingWebhookConfiguration."""
    record = break_glass(annotations.get(BREAK_GLASS))
    if record.get("state", "closed") == "closed":
        return []
    close = "Close it first: ansible-playbook image_trust.azure.break_glass -e break_glass_state=closed -e break_glass_reason=..., with its name after -l."
    if record["state"] == "unknown":
        return [f"{VALIDATING} has an annotation {BREAK_GLASS} that cannot be read; whether the cluster was opened is not known. {close}"]
    return [f"The cluster is open: every image is admitted since {record.get('when', '')}, by {record.get('who', '')} ({record.get('why', '')}). {close}"]


def another(webhook: Json, release: str) -> list[str]:
    """The sentence about a Gatekeeper that is not of the release (namespace/name), by its ValidatingWebhookConfiguration, which is empty where there is none.
    Only before the first installation: of a release that Helm knows, a run restores what was changed."""
    if not webhook:
        return []
    annotations = webhook["metadata"].get("annotations") or {}
    name, namespace = (annotations.get(f"meta.helm.sh/release-{part}") for part in ("name", "namespace"))
    if f"{namespace}/{name}" == release:
        return []
    return [
        f"There is a Gatekeeper in the cluster already, which is not of the Helm release {release} but of {f'{namespace}/{name}' if name else 'none'}. Helm"
        " does not install a second one over its objects. Uninstall it first, or set gatekeeper_namespace to its namespace if its release is named gatekeeper."
    ]


def is_own(objects: Iterable[ClusterObject], release: str) -> bool:
    """Whether Gatekeeper's webhooks are of the release (namespace/name). Without webhooks it is what an interrupted removal left, which is."""
    return all(each.release == release for each in objects if each.name in (VALIDATING, MUTATING))


def foreign(objects: Iterable[ClusterObject], namespace: str, constraint: str) -> list[ClusterObject]:
    """What administrators or other programs have configured in Gatekeeper, and its custom resource definitions would take with them."""
    own = re.compile(rf"ImagesVerified {re.escape(constraint)}(-(deny|warn|dryrun|trial))?")
    releases = (f"{namespace}/gatekeeper", f"{namespace}/ratify")
    return [each for each in objects if each.group in GROUPS and each.title not in _OWN and each.release not in releases and not own.fullmatch(each.title)]


def used_by_others(objects: Sequence[ClusterObject]) -> list[str]:
    """The sentence about objects of `foreign`."""
    if not objects:
        return []
    titles = ", ".join(each.title for each in objects)
    return [
        f"Other objects use Gatekeeper, and its custom resource definitions would take with them: {titles}. Delete these first, or keep Gatekeeper"
        " (gatekeeper_state: present)."
    ]


def removal(objects: Sequence[ClusterObject], namespace: str) -> Removal:
    """Webhooks first, or requests are denied while the release goes: Helm deletes webhooks after the pods that answer them."""
    release = f"{namespace}/gatekeeper"
    webhooks = [each for each in objects if each.name in (VALIDATING, MUTATING)]
    guard = [each for each in objects if each.title in _GUARD]
    definitions = [each for each in objects if each.kind == "CustomResourceDefinition" and "gatekeeper.sh/system" in each.labels]
    return Removal(
        before=[*webhooks, *guard],
        release=[each for each in of_release(objects, release) if each not in webhooks],
        records=records_of(objects, release),
        leftovers=[*definitions, *_namespace(objects, namespace)],
    )


def _namespace(objects: Sequence[ClusterObject], namespace: str) -> list[ClusterObject]:
    """The namespace, where Helm created it and it holds nothing but what goes with the two releases or comes with every namespace."""
    releases = (f"{namespace}/gatekeeper", f"{namespace}/ratify")
    records = [record for release in releases for record in records_of(objects, release)]
    usual = (f"PodDisruptionBudget {namespace}/ratify", f"ConfigMap {namespace}/kube-root-ca.crt", f"ServiceAccount {namespace}/default")
    others = [
        each
        for each in objects
        if each.namespace == namespace and not (each.owned or each.hook or each.release in releases or each.title in usual or each in records)
    ]
    return [each for each in objects if each.title == f"Namespace {namespace}" and "helm" in each.managers and not others]
