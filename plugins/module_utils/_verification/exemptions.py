# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Where and for what the policy does not hold, as the cluster's objects say. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._admission.verdict import VALIDATION
from .._policy.admission_rules import conditions, unjudged
from .._policy.exempt_namespaces import IGNORE, by_others, exempt
from .._policy.objects import REASONS
from .state import Verification

Json = Mapping[str, Any]
FAILS_OPEN = "image-trust.azure/fails-open"
"""Annotation of the validating webhook's configuration: why Gatekeeper fails open."""
_NAME = "kubernetes.io/metadata.name"
_ELSEWHERE = ("kinds", "scope", "namespaces", "excludedNamespaces")
"""What of a constraint's match is reported elsewhere, or seen in the verdicts."""


def constraints(found: Verification) -> list[dict[str, Any]]:
    """What each constraint of the policy does, and in which namespaces; an empty list of `namespaces` is all but the excluded ones. `selectors` are the fields
    by which it holds in fewer places than that."""
    return [
        {
            "name": item["metadata"]["name"],
            "enforcement": _spec(item).get("enforcementAction") or "deny",
            "namespaces": sorted(_match(item).get("namespaces") or []),
            "excluded_namespaces": sorted(set(_match(item).get("excludedNamespaces") or [])),
            "selectors": sorted(field for field, value in _match(item).items() if value and field not in _ELSEWHERE),
        }
        for item in found.objects["constraints"]
    ]


def failure_policy(found: Verification) -> str | None:
    """What becomes of a pod when Gatekeeper does not answer: it is refused with "Fail", admitted with "Ignore". None where Gatekeeper is not asked."""
    return next((hook.get("failurePolicy") for hook in hooks(found)), None)


def failure_policy_reason(found: Verification) -> str | None:
    """Why Gatekeeper does not fail closed, as role gatekeeper has noted it; None where it does, or where no reason is noted."""
    noted = [(item["metadata"].get("annotations") or {}).get(FAILS_OPEN) for item in found.objects["validating_webhooks"]]
    return next((str(reason) for reason in noted if reason), None) if failure_policy(found) == "Ignore" else None


def narrowed(found: Verification) -> list[str]:
    """A sentence for each way in which Gatekeeper is asked about less than all but the namespaces that are left out by name."""
    asked = hooks(found)
    unasked = unjudged(rule for hook in asked for rule in hook.get("rules") or []) if asked else []
    fields = sorted({field for hook in asked for field in ("matchConditions", "namespaceSelector", "objectSelector") if _narrows(field, hook)})
    return [
        *(f"Gatekeeper is only asked about what fits the {field} of its webhook." for field in fields),
        *(f"Gatekeeper is not asked about {request}: the rules of its webhook leave it out." for request in unasked),
    ]


def exempt_namespaces(found: Verification) -> list[dict[str, Any]]:
    """Names, or patterns of names, of namespaces that the policy does not cover, by what, and the reason, None where the policy's constraints tell none."""
    reasons = _stages(found) | _reasons(found)
    return [{"name": name, "by": by, "reason": reasons.get(name)} for name, by in exempt(_exempt(found)).items()]


def exemptions(found: Verification) -> list[dict[str, Any]]:
    """Those that the constraints name, each once."""
    seen: list[dict[str, Any]] = []
    for item in found.objects["constraints"]:
        for given in (_spec(item).get("parameters") or {}).get("exemptions") or []:
            exemption = {
                **{key: given.get(key) for key in ("owner", "reason", "ends")},
                **{key: sorted(given.get(key) or []) for key in ("images", "namespaces", "service_accounts")},
            }
            seen += [exemption] if exemption not in seen else []
    return seen


def _exempt(found: Verification) -> Iterator[tuple[str, str]]:
    for constraint in constraints(found):
        if not constraint["namespaces"]:
            yield from ((name, f"constraint {constraint['name']}") for name in constraint["excluded_namespaces"])
    for hook in hooks(found):
        yield from ((name, f"webhook {hook['name']}") for name in _not_asked_for((hook.get("namespaceSelector") or {}).get("matchExpressions") or []))
    yield from by_others(found.objects["gatekeeper_configs"], found.ignored)


def _stages(found: Verification) -> dict[str, str]:
    """By name of the namespace, that a constraint of its own holds there (`policy_stages`); one that holds in fewer places than it names is no reason."""
    return {
        name: f"the constraint {constraint['name']} holds there: {constraint['enforcement']}"
        for constraint in constraints(found)
        for name in constraint["namespaces"]
        if not constraint["selectors"]
    }


def _reasons(found: Verification) -> dict[str, str]:
    """By name, as role policy has noted them."""
    reasons: dict[str, str] = {}
    for item in found.objects["constraints"]:
        try:
            noted = json.loads((item["metadata"].get("annotations") or {}).get(REASONS) or "{}")
        except ValueError:
            continue
        reasons |= {name: str(reason) for name, reason in noted.items()} if isinstance(noted, dict) else {}
    return reasons


def hooks(found: Verification) -> list[Json]:
    """The webhooks by which Gatekeeper is asked for verdicts: one, or none."""
    return [hook for item in found.objects["validating_webhooks"] for hook in item.get("webhooks") or [] if hook["name"] == VALIDATION]


def _narrows(field: str, hook: Json) -> bool:
    """Names and Gatekeeper's own label are reported as exempt namespaces."""
    if field == "matchConditions":
        return bool(conditions(hook))
    value = hook.get(field) or {}
    if field != "namespaceSelector":
        return bool(value)
    reported = ((_NAME, "NotIn"), (IGNORE, "DoesNotExist"))
    expressions = value.get("matchExpressions") or []
    return bool(value.get("matchLabels")) or any((each.get("key"), each.get("operator")) not in reported for each in expressions)


def _not_asked_for(expressions: Iterable[Json]) -> Iterator[str]:
    for expression in expressions:
        if expression.get("key") == _NAME and expression.get("operator") == "NotIn":
            yield from expression.get("values") or []


def _spec(item: Json) -> dict[str, Any]:
    return dict(item.get("spec") or {})


def _match(item: Json) -> dict[str, Any]:
    return dict(_spec(item).get("match") or {})
