# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What a cluster has installed, read for the roles and for role preflight. Everything here raises `ClusterError` and `RecordError`."""

from __future__ import annotations

from typing import Any

from .._kubernetes.api import ClusterApi
from .._kubernetes.helm import Records, read_records
from .._kubernetes.inventory import ClusterObjects
from . import gatekeeper, ratify, release

Options = dict[str, Any]
"""Those of module gatekeeper_info or ratify_info, where they are documented as the results are."""
_CONFIGURATION = f"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{gatekeeper.VALIDATING}"
_WORKLOADS = ("/apis/apps/v1/daemonsets", "/apis/apps/v1/deployments", "/apis/apps/v1/statefulsets", "/api/v1/pods")


def reviewed_option() -> dict[str, Any]:
    """Namespaces, each with a reason."""
    return dict(type="list", elements="dict", default=[], options=dict(name=dict(required=True), reason=dict(required=True)))


def gatekeeper_options() -> dict[str, Any]:
    return dict(
        namespace=dict(default="gatekeeper-system"),
        state=dict(choices=["present", "absent"], default="present"),
        chart_version=dict(),
        downgrade=dict(type="bool", default=False),
        azure_policy_addon=dict(type="bool", default=False),
        failure_policy=dict(choices=["Fail", "Ignore"], default="Fail"),
        exempt_namespaces=reviewed_option(),
        covered_namespaces=reviewed_option(),
        constraint=dict(default="images-verified"),
    )


def ratify_options() -> dict[str, Any]:
    return dict(
        namespace=dict(default="gatekeeper-system"),
        state=dict(choices=["present", "absent"], default="present"),
        chart_version=dict(),
        downgrade=dict(type="bool", default=False),
        configuration=dict(type="list", elements="dict", default=[], options=dict(kind=dict(required=True), name=dict(required=True))),
        foreign_objects=dict(type="list", elements="str", default=[]),
    )


def gatekeeper_to_install(api: ClusterApi, options: Options) -> dict[str, Any]:
    """The results of gatekeeper_info that the cluster decides, with `state=present`."""
    cluster, version = ClusterObjects(api), options["chart_version"]
    groups = [gatekeeper.CONSTRAINTS, *gatekeeper.NETWORKS]
    exempt = gatekeeper.exempt_namespaces(options["exempt_namespaces"], cluster.kinds(groups))
    records = read_records(api, "gatekeeper", options["namespace"]) if version else Records("gatekeeper", options["namespace"], [])
    webhook = api.get(_CONFIGURATION, missing={})
    newer = release.newer("gatekeeper", version, records.chart_versions, downgrade=options["downgrade"]) if version else []
    addon = gatekeeper.azure_policy(addon=options["azure_policy_addon"])
    another = gatekeeper.another(webhook, f"{options['namespace']}/gatekeeper") if version and not records.secrets else []
    problems = [*addon, *another, *gatekeeper.opened((webhook.get("metadata") or {}).get("annotations") or {}), *newer]
    if version and options["failure_policy"] == "Fail" != gatekeeper.failure_policy(webhook):
        reviewed = [options["namespace"], *(each["name"] for each in [*exempt, *options["covered_namespaces"]])]
        workloads = [each for path in _WORKLOADS for each in api.get(path)["items"] or []]
        problems += gatekeeper.unreviewed(gatekeeper.node_critical(api.get("/api/v1/namespaces")["items"], workloads, reviewed))
    return dict(
        **release.shown(records),
        exempt_namespaces=exempt,
        has_other_constraints=bool(gatekeeper.other_constraints(cluster.find(groups, []))),
        failure_policy=gatekeeper.failure_policy(webhook),
        problems=problems,
    )


def gatekeeper_to_remove(api: ClusterApi, options: Options) -> dict[str, Any]:
    """The same with `state=absent`."""
    namespace = options["namespace"]
    objects = ClusterObjects(api).find(gatekeeper.REMOVED_GROUPS, [namespace])
    if not gatekeeper.is_own(objects, f"{namespace}/gatekeeper"):
        return dict(is_own=False)
    others = gatekeeper.foreign(objects, namespace, options["constraint"])
    return dict(problems=gatekeeper.used_by_others(others), removal=gatekeeper.removal(objects, namespace).shown())


def ratify_to_install(api: ClusterApi, options: Options) -> dict[str, Any]:
    """The results of ratify_info that the cluster decides, with `state=present`."""
    namespace = options["namespace"]
    objects, records = ClusterObjects(api).find(ratify.GROUPS, []), read_records(api, "ratify", namespace)
    wanted = [ratify.POLICY, *(f"{each['kind']} {each['name']}" for each in options["configuration"])]
    gone, made = ratify.stale(objects, namespace, wanted), ratify.made(objects, records, wanted)
    foreign = ratify.foreign(objects, made, gone, options["foreign_objects"])
    newer = release.newer("ratify", options["chart_version"], records.chart_versions, downgrade=options["downgrade"])
    return dict(
        **release.shown(records),
        is_known=ratify.is_known(objects),
        former=ratify.former(objects, namespace),
        stale=[each.reference for each in gone],
        problems=[*ratify.conflicts(objects, namespace), *newer, *ratify.unreviewed(foreign)],
    )


def ratify_to_remove(api: ClusterApi, options: Options) -> dict[str, Any]:
    """The same with `state=absent`."""
    namespace = options["namespace"]
    objects = ClusterObjects(api).find(ratify.REMOVED_GROUPS, [namespace])
    return dict(problems=ratify.unexpected(objects, namespace), removal=ratify.removal(objects, namespace).shown())
