# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The objects of role policy: a constraint template, one constraint for all namespaces, and one for each other stage. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .variables import Exemption, Json, Policy

TEMPLATE, CONSTRAINT = "ConstraintTemplate", "ImagesVerified"
TRIAL = "trial"
FORECAST = "image-trust.azure/forecast"
"""Label of the pods that a forecast asks for, by which the trial judges these and no others."""
REASONS = "image-trust.azure/reasons"
"""Annotation of the constraints: why each of the excluded namespaces is one, as JSON by name."""
_VERSION = "constraints.gatekeeper.sh/v1beta1"
_MAIN = ""
_ORDER = ("deny", _MAIN, "warn", "dryrun")
"""What denies comes before what denies less: at each moment, something denies what one of them has to."""
_TEXT, _LIST = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
_KINDS = [
    {"apiGroups": [""], "kinds": ["Pod", "ReplicationController"]},
    {"apiGroups": ["apps"], "kinds": ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]},
    {"apiGroups": ["batch"], "kinds": ["CronJob", "Job"]},
]
_PODS = [{"apiGroups": [""], "kinds": ["Pod"]}]


@dataclass(frozen=True)
class Objects:
    """`constraints` in the order in which they have to be applied; `absent` are constraints of the cluster, by kind and name, of stages that nothing is in
    any more, and a trial that was left behind. `trial` is a constraint that denies only the pods of a forecast, in the namespaces that `deny` did not cover
    before; None where there are none. `audit` is the same for all namespaces but the excluded ones. `expired` are the exemptions that are not applied any
    more."""

    template: Json
    constraints: Sequence[Json]
    absent: Sequence[Json]
    trial: Json | None
    audit: Json
    expired: Sequence[Json]

    def shown(self) -> dict[str, Any]:
        return {
            "template": self.template,
            "constraints": self.constraints,
            "absent": self.absent,
            "trial": self.trial,
            "audit": self.audit,
            "expired": self.expired,
        }


def objects(policy: Policy, rego: Sequence[str], today: str, found: Iterable[Json] = (), label: str = "") -> Objects:
    """Those that `policy` asks for on the day `today` (UTC, such as 2026-12-31). `found` are the constraints that are in the cluster, as the module
    verification_info returns them, and `label` is what the pods of this run's forecast have. `rego` is the module with the rule `violation`, then the
    libraries that it imports."""
    there = {item["name"]: item for item in found}
    current = replace(policy, exemptions=tuple(each for each in policy.exemptions if not _is_over(each, today)))
    stages = [stage for stage in _ORDER if stage == _MAIN or _names(policy, stage)]
    return Objects(
        template=_template(rego),
        constraints=[_constraint(current, stage) for stage in stages],
        absent=[_reference(name) for stage in (*_ORDER, TRIAL) if stage not in stages and (name := _name(policy, stage)) in there],
        trial=_trial(current, there, label),
        audit=_judge(current, label, _constraint(replace(current, enforcement="deny", stages=()), _MAIN), {}),
        expired=[each.parameter() for each in policy.exemptions if _is_over(each, today)],
    )


def _is_over(exemption: Exemption, today: str) -> bool:
    return exemption.ends < today


def _name(policy: Policy, stage: str) -> str:
    return f"{policy.constraint}-{stage}" if stage else policy.constraint


def _reference(name: str) -> dict[str, Any]:
    return {"apiVersion": _VERSION, "kind": CONSTRAINT, "metadata": {"name": name}}


def _names(policy: Policy, stage: str) -> list[str]:
    """The namespaces, and patterns, whose enforcement is `stage` and another one than that of the cluster."""
    return [name for each in policy.stages if each.enforcement == stage != policy.enforcement for name in each.namespaces]


def _constraint(policy: Policy, stage: str) -> dict[str, Any]:
    excluded = [each.name for each in policy.excluded]
    if stage:
        places = {"namespaces": _names(policy, stage), "excludedNamespaces": excluded}
    else:
        staged = [name for each in policy.stages if each.enforcement != policy.enforcement for name in each.namespaces]
        places = {"excludedNamespaces": excluded + staged}
    # So that the cluster itself names the reasons; the proof shows them.
    reasons = json.dumps({each.name: each.reason for each in policy.excluded}, sort_keys=True)
    return {
        "apiVersion": _VERSION,
        "kind": CONSTRAINT,
        "metadata": {"name": _name(policy, stage), "annotations": {REASONS: reasons}},
        "spec": {
            "enforcementAction": stage or policy.enforcement,
            "match": {"kinds": _KINDS, "scope": "Namespaced", **places},
            "parameters": {
                "requireDigest": policy.require_digest,
                "messageSuffix": policy.message_suffix,
                "placeholderImages": list(policy.placeholder_images),
                "exemptions": [each.parameter() for each in policy.exemptions],
            },
        },
    }


def _trial(policy: Policy, there: Mapping[str, Json], label: str) -> dict[str, Any] | None:
    """The constraint that denies, for the pods of a forecast alone, where it covers what was not denied before."""
    stage = _MAIN if policy.enforcement == "deny" else "deny"
    wanted = _constraint(policy, stage)
    match: Json = wanted["spec"]["match"]
    before = there.get(_name(policy, stage), {})
    denied = before.get("enforcement") == "deny"
    if stage == _MAIN:
        new = {*before["excluded_namespaces"]} - {*match["excludedNamespaces"]} if denied else {"*"}
    else:
        new = {*match["namespaces"]} - {*(before["namespaces"] if denied else [])}
    if not new:
        return None
    return _judge(policy, label, wanted, {} if "*" in new else {"namespaces": sorted(new)})


def _judge(policy: Policy, label: str, wanted: Json, places: Json) -> dict[str, Any]:
    """The constraint `wanted` for the pods of a forecast alone, in `places`. It has no exemptions by service account: pods are created by other users than
    the one who runs the forecast."""
    parameters = {
        **wanted["spec"]["parameters"],
        "messageSuffix": "",
        "exemptions": [each.parameter() for each in policy.exemptions if "service_accounts" not in each.covers],
    }
    judged = {**wanted["spec"]["match"], **places, "kinds": _PODS, "labelSelector": {"matchLabels": {FORECAST: label}}}
    spec = {**wanted["spec"], "enforcementAction": "deny", "match": judged, "parameters": parameters}
    return {**wanted, "metadata": {**wanted["metadata"], "name": _name(policy, TRIAL)}, "spec": spec}


def _template(rego: Sequence[str]) -> dict[str, Any]:
    main, *libraries = rego
    exemption = {
        "type": "object",
        "required": ["owner", "reason", "ends"],
        "properties": {
            "owner": _TEXT,
            "reason": _TEXT,
            "ends": {**_TEXT, "description": "Its last day in UTC, such as 2026-12-31."},
            "namespaces": _LIST,
            "images": {**_LIST, "description": "Repositories, or all below one with /* at its end."},
            "service_accounts": {**_LIST, "description": "Who asks, as namespace/name."},
        },
    }
    parameters = {
        "requireDigest": {"type": "boolean", "description": "Deny images that are not pinned to a digest."},
        "messageSuffix": {**_TEXT, "description": "What each denial says at its end."},
        "placeholderImages": {**_LIST, "description": "What an injector replaces: what makes pods may have it in place of an image, and no pod."},
        "exemptions": {
            "type": "array",
            "description": "What is admitted without being verified. An exemption covers what fits all that it names, to the end of its last day.",
            "items": exemption,
        },
    }
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": TEMPLATE,
        "metadata": {
            "name": CONSTRAINT.lower(),
            "annotations": {
                "metadata.gatekeeper.sh/title": "Images Verified",
                "metadata.gatekeeper.sh/version": "1.0.0",
                "description": "Denies pods unless Ratify has verified each of their images.",
            },
        },
        "spec": {
            "crd": {
                "spec": {
                    "names": {"kind": CONSTRAINT},
                    "validation": {"openAPIV3Schema": {"type": "object", "properties": parameters}},
                }
            },
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": main, "libs": libraries}],
        },
    }
