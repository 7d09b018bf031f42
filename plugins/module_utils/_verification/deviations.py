# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Where what decides in a cluster is not what the collection installs for the inventory: policy, webhook, programs. No I/O.

What may differ without harm is in HARMLESS. Whom Ratify trusts is in `_trust_deviations`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._kubernetes.converge import title
from .._policy.admission_rules import UPDATES_OF_IMAGES, left_out
from .exemptions import failure_policy, hooks
from .programs import arguments, containers
from .state import Verification

Json = Mapping[str, Any]
HARMLESS = ("spec.parameters.messageSuffix",)
"""Fields of the policy's objects by which no other image is admitted. Numbers of pods, their resources, nodes and time-outs are not compared at all."""
FILLED_IN = {
    "spec.crd.spec.validation.legacySchema": False,
    "spec.enforcementAction": "deny",
    "spec.match.source": "All",
    "spec.matchConstraints.namespaceSelector": {},
    "spec.matchConstraints.objectSelector": {},
    "spec.matchConstraints.matchPolicy": "Equivalent",
    "spec.matchConstraints.resourceRules.scope": "*",
}
"""What the API server writes where a field is not given."""
KINDS = {
    "ConstraintTemplate": "templates",
    "ImagesVerified": "constraints",
    "ValidatingAdmissionPolicy": "guards",
    "ValidatingAdmissionPolicyBinding": "guard_bindings",
}
"""Where `Verification` has the objects of a kind."""
RUN = "Run site.yml."
COMMANDS = {"gatekeeper": ["/manager"], "ratify": ["/app/ratify"]}
"""Commands that the charts name."""
GATEKEEPER = {"gatekeeper.sh/operation": "webhook"}
"""Labels of the pods that the service of the webhook has to select."""


def policy_deviations(found: Verification, expected: Sequence[Json], today: str) -> list[str]:
    """Of the objects `expected` (template, constraints, guard), as the roles make them. `today`, such as "2026-12-31", ends exemptions."""
    return [sentence for wanted in expected for sentence in _of_object(found, wanted, today)]


def differing(found: Verification, expected: Sequence[Json], today: str) -> list[str]:
    """The titles of those of `expected` of which `policy_deviations` has a sentence."""
    return [title(wanted) for wanted in expected if any(_of_object(found, wanted, today))]


def _of_object(found: Verification, wanted: Json, today: str) -> Iterator[str]:
    kind, name = wanted["kind"], wanted["metadata"]["name"]
    live = next((item for item in found.objects[KINDS[kind]] if item["metadata"]["name"] == name), None)
    if live is None:
        yield f"{kind} {name} does not exist. {RUN}"
        return
    now, then = (dict(_fields(item.get("spec"), "spec", today)) for item in (live, wanted))
    differing = sorted(
        path for path in now.keys() | then.keys() if path not in HARMLESS and now.get(path, FILLED_IN.get(path)) != then.get(path, FILLED_IN.get(path))
    )
    if differing:
        yield f"{kind} {name} is not as the inventory says: {', '.join(differing)}. {RUN}"


def _fields(value: Any, path: str, today: str) -> Iterator[tuple[str, Any]]:
    """Each field that is not empty, by its path; lists whole, without what is filled in and without exemptions that have expired."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _fields(inner, f"{path}.{key}", today)
    elif isinstance(value, list):
        kept = [_plain(each, path) for each in value if not (path.endswith(".exemptions") and str(each.get("ends", "9")) < today)]
        if kept:
            yield path, kept
    elif value not in (None, "", FILLED_IN.get(path)):
        yield path, value


def _plain(value: Any, path: str) -> Any:
    """An entry of a list without empty fields, and without those that the API server fills in."""
    if not isinstance(value, Mapping):
        return value
    return {key: _plain(inner, f"{path}.{key}") for key, inner in value.items() if inner not in (None, "", [], {}, FILLED_IN.get(f"{path}.{key}"))}


def gatekeeper_deviations(found: Verification, expected: Json) -> list[str]:
    """Of the webhook and the programs of Gatekeeper. `expected` has `namespace`, `failure_policy`, `validated_resources` (rules of a webhook),
    `all_updates` (it is asked also about updates that keep all images), `exempt_namespaces` (names), `response_cache` and `images`, as role gatekeeper
    returns them."""
    flags = {
        "--exempt-namespace": expected["namespace"],
        "--exempt-namespace-prefix": None,
        "--exempt-namespace-suffix": None,
        "--external-data-provider-response-cache-ttl": str(expected["response_cache"]),
    }
    of_pods = [*of_arguments(found, "gatekeeper", flags), *of_images(found, "gatekeeper", expected)]
    sentences = [*_of_webhook(found, expected), *of_service(found, "gatekeeper-webhook-service", "Gatekeeper", GATEKEEPER), *of_pods]
    return [f"{sentence}. {RUN}" for sentence in sentences]


def _of_webhook(found: Verification, expected: Json) -> Iterator[str]:
    for hook in hooks(found):
        asked = (hook.get("clientConfig") or {}).get("service") or {}
        if (asked.get("namespace"), asked.get("name"), asked.get("path")) != (expected["namespace"], "gatekeeper-webhook-service", "/v1/admit"):
            yield "The webhook validation.gatekeeper.sh asks another service than Gatekeeper's"
        if unasked := sorted({request for rule in expected["validated_resources"] for request in left_out(rule, hook.get("rules") or [])}):
            yield f"Gatekeeper is not asked about what gatekeeper_validated_resources names: {', '.join(unasked)}"
        if expected["all_updates"] and UPDATES_OF_IMAGES in (hook.get("matchConditions") or []):
            yield "Gatekeeper is not asked about updates that keep all images, which constraints of others may judge"
        yield from of_authority((hook.get("clientConfig") or {}).get("caBundle"), "Gatekeeper's webhook")
        expressions = (hook.get("namespaceSelector") or {}).get("matchExpressions") or []
        exempt = {name for each in expressions if each.get("operator") == "NotIn" for name in each.get("values") or []}
        if more := sorted(exempt - {*expected["exempt_namespaces"], expected["namespace"]}):
            yield f"Gatekeeper is not asked about the namespaces {', '.join(more)}, which gatekeeper_exempt_namespaces does not name"
    if failure_policy(found) == "Ignore" and expected["failure_policy"] != "Ignore":
        yield "Gatekeeper's webhook has failurePolicy Ignore, and gatekeeper_failure_policy is Fail"


def of_service(found: Verification, service: str, program: str, selector: Mapping[str, str]) -> Iterator[str]:
    """The service is asked for another program's answer: it selects other pods than those with the labels `selector`, or none."""
    spec: Json = next((item["spec"] for item in found.services if item["metadata"]["name"] == service), {})
    if any((spec.get("selector") or {}).get(key) != value for key, value in selector.items()) or spec.get("type", "ClusterIP") != "ClusterIP":
        yield f"The service {service} does not select the pods of {program}"


def of_authority(bundle: Any, asked: str) -> Iterator[str]:
    """`bundle` is a `caBundle`, the certificate of one authority in PEM, in Base64: another one beside it may certify another program."""
    try:
        number = base64.b64decode(str(bundle or "")).count(b"BEGIN CERTIFICATE")
    except ValueError:
        number = 0
    if number != 1:
        yield f"{asked} trusts {number} certificate authorities in place of its own one"


def of_arguments(found: Verification, program: str, allowed: Mapping[str, Any]) -> Iterator[str]:
    """Pods that count as the program's run with another value of a flag of `allowed` than its own, None being that they have the flag at all, or run another
    command than that of their image."""
    given = {str(each) for one in arguments(found.pods) if one["program"] == program for each in one["arguments"]}
    if any(container.get("command") not in (None, [], COMMANDS.get(program)) for container in containers(found.pods, program)):
        yield f"A pod of {program.capitalize()} runs another command than that of its image"
    flags = [(flag, value) for flag, _equals, value in (each.partition("=") for each in sorted(given)) if flag in allowed]
    if others := [f"{flag}={value}" for flag, value in flags if value != allowed[flag]]:
        yield f"{program.capitalize()} runs with {', '.join(others)}, which the inventory does not ask for"


def of_images(found: Verification, program: str, expected: Json) -> Iterator[str]:
    """Pods that count as the program's run another image than the wanted one, and so may give any answer."""
    wanted = [str(each) for each in expected["images"]]
    running = {str(container.get("image")) for container in containers(found.pods, program)}
    if others := sorted(image for image in running if not any(_is_image(image, each) for each in wanted)):
        yield f"A pod of {program.capitalize()} runs {', '.join(others)} in place of {', '.join(wanted)}"


def _is_image(image: str, wanted: str) -> bool:
    """Where the wanted image has no tag, any tag is its."""
    return image == wanted or (":" not in wanted.rpartition("/")[2] and image.startswith(f"{wanted}:"))
