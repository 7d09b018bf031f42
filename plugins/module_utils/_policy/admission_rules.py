# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Which requests the policy has to judge, and which of them the rules of a webhook leave out. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

NEEDED = (("pods", "CREATE"), ("pods", "UPDATE"), ("pods/ephemeralcontainers", "UPDATE"))
"""Every request of the core API by which an image gets into a pod: a new pod, another image of a pod that runs, a debug container. Workloads are judged
early for convenience only; their pods are judged again. https://kubernetes.io/docs/concepts/workloads/pods/#pod-update-and-replacement"""


UPDATES_OF_IMAGES = {
    "name": "updates-of-images.image-trust.azure",
    "expression": (
        "request.operation != 'UPDATE' || !(request.kind.group in ['', 'apps', 'batch'] && request.kind.kind in ['Pod', 'ReplicationController', 'DaemonSet', "
        "'Deployment', 'ReplicaSet', 'StatefulSet', 'CronJob', 'Job']) || [[object, oldObject]"
        ".map(each, request.kind.kind == 'Pod' ? each.spec : "
        "request.kind.kind == 'CronJob' ? each.spec.jobTemplate.spec.template.spec : each.spec.template.spec)"
        ".map(pod, [has(pod.containers) ? pod.containers : [], has(pod.initContainers) ? pod.initContainers : [], "
        "has(pod.ephemeralContainers) ? pod.ephemeralContainers : [], has(pod.volumes) ? dyn(pod.volumes.filter(each, has(each.image))) : []]"
        ".map(list, list.map(each, [each.name, has(each.image) ? each.image : ''])))]"
        ".exists(both, both[0] != both[1])"
    ),
}
"""The one match condition that leaves nothing unjudged: an update that keeps the names and images of all containers and volumes, in their order, is admitted
by the policy in any case, and the API server need not ask whether Gatekeeper is there. Role gatekeeper sets it."""


def conditions(hook: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The match conditions of a validating webhook by which less is judged."""
    return [each for each in hook.get("matchConditions") or [] if each != UPDATES_OF_IMAGES]


def unjudged(rules: Iterable[Mapping[str, Any]]) -> list[str]:
    """The requests of NEEDED that the rules of a validating webhook (`rules` of its configuration) do not match, such as "UPDATE pods"."""
    given = list(rules)
    return [f"{operation} {resource}" for resource, operation in NEEDED if not any(_covers(rule, operation, "", "v1", resource) for rule in given)]


def left_out(wanted: Mapping[str, Any], rules: Iterable[Mapping[str, Any]]) -> list[str]:
    """The requests of the rule `wanted` that `rules` do not match, such as "CREATE apps deployments". A star in `wanted` is matched by a star only."""
    given = list(rules)
    requests = product(*(_list(wanted.get(field)) for field in ("operations", "apiGroups", "apiVersions", "resources")))
    return [" ".join(each for each in (o, g, r) if each) for o, g, v, r in requests if not any(_covers(rule, o, g, v, r) for rule in given)]


def _covers(rule: Mapping[str, Any], operation: str, group: str, version: str, resource: str) -> bool:
    name, slash, subresource = resource.partition("/")
    resources = {resource, "*/*", *({f"{name}/*", f"*/{subresource}"} if slash else {"*"})}
    wanted = (("operations", {operation, "*"}), ("apiGroups", {group, "*"}), ("apiVersions", {version, "*"}), ("resources", resources))
    return all(accepted & set(_list(rule.get(field))) for field, accepted in wanted) and rule.get("scope", "*") in ("*", "Namespaced")


def _list(value: Any) -> Sequence[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else []
