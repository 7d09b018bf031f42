# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Whether Gatekeeper and Ratify are ready, and what is missing. Each question is answered by a sentence, which is empty when nothing is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._admission.namespace import answer_of
from .._admission.workloads import POD, pod
from .._kubernetes.api import ClusterApi, ClusterError
from .._kubernetes.converge import is_rolled_out, restarted
from .._ratify.errors import explained

Json = Mapping[str, Any]
PAUSE = 1.0
"""Seconds between two questions."""
TEMPLATES = "/apis/templates.gatekeeper.sh/v1/constrainttemplates"
CONSTRAINTS = "/apis/constraints.gatekeeper.sh/v1beta1/imagesverified"
RATIFY = "/apis/config.ratify.deislabs.io/v1beta1"
PLURALS = {"KeyManagementProvider": "keymanagementproviders", "Store": "stores", "Verifier": "verifiers"}
DENIED = 'gatekeeper.sh" denied the request'
"""In a refusal by one of Gatekeeper's webhooks; that it could not be called reads otherwise."""
IMAGE = f"image-trust-probe.invalid/probe@sha256:{'0' * 64}"
"""Of a registry that cannot exist."""


def wait(missing: Callable[[], str], seconds: float) -> str:
    """Ask until nothing is missing, and for `seconds` at most; returns what is missing still. A cluster that does not answer is asked again."""
    end = time.monotonic() + seconds
    while True:
        try:
            said = missing()
        except ClusterError as e:
            said = str(e)
        if not said or time.monotonic() + PAUSE > end:
            return said
        time.sleep(PAUSE)


def unanswered(api: ClusterApi, covered: str, exempt: str) -> str:
    """Gatekeeper does not judge pods of the namespace `covered`, or pods of `exempt` are not made without it. Dry runs only.

    Where nothing is asked for yet a pod is admitted; where it is denied, Gatekeeper has answered. The webhook that guards namespaces' labels fails closed, so a
    namespace that passes is an answer too.
    """
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "image-trust-probe"}}
    asked = (("/api/v1/namespaces", namespace), *((POD.path(name), pod(IMAGE)) for name in (covered, exempt)))
    for path, body in asked:
        try:
            api.write("post", path, body, dry_run=True)
        except ClusterError as e:
            if path != POD.path(covered) or DENIED not in e.reason:
                return str(e)
    return ""


def webhook_pods(api: ClusterApi, namespace: str) -> list[str]:
    """Names of the pods of Gatekeeper's webhook that run."""
    found = api.get(POD.path(namespace), labelSelector="gatekeeper.sh/operation=webhook", fieldSelector="status.phase=Running")
    return [item["metadata"]["name"] for item in found["items"]]


def unenforced(api: ClusterApi, pods: Iterable[str], template: str | None, constraints: Iterable[str]) -> str:
    """A pod of `pods` lacks the present generation of the template or of one of the constraints, all of them by name."""
    wanted: list[tuple[str, str, str, Callable[[Json, Json], bool]]] = [("ImagesVerified", CONSTRAINTS, name, enforces) for name in constraints]
    if template:
        wanted.insert(0, ("ConstraintTemplate", TEMPLATES, template, has_template))
    for kind, path, name, has in wanted:
        found = api.get(f"{path}/{name}", missing={})
        if lacking := sorted(set(pods) - {str(each.get("id")) for each in _by_pod(found) if has(found, each)}):
            errors = sorted({str(error.get("message")) for each in _by_pod(found) for error in each.get("errors") or []})
            return f"{', '.join(lacking)} of Gatekeeper's webhook {'have' if len(lacking) > 1 else 'has'} not loaded {kind} {name}{_because(errors)}"
    return ""


def has_template(template: Json, of_pod: Json) -> bool:
    """Whether a pod, by its entry in the status, has compiled the template as it is now."""
    created = (template.get("status") or {}).get("created")
    return bool(created) and _is_current(template, of_pod) and not of_pod.get("errors")


def enforces(constraint: Json, of_pod: Json) -> bool:
    """Whether a pod, by its entry in the status, asks for the constraint as it is now at admission."""
    return _is_current(constraint, of_pod) and "webhook" in (of_pod.get("operations") or []) and bool(of_pod.get("enforced"))


def uncertified(api: ClusterApi, namespace: str) -> str:
    """Ratify has no certificate yet, or Gatekeeper trusts another one."""
    secret = api.get(f"/api/v1/namespaces/{namespace}/secrets/ratify-tls", missing={})
    authority = (secret.get("data") or {}).get("ca.crt")
    if not authority:
        return f"Ratify has made no certificate for itself: Secret {namespace}/ratify-tls is empty"
    provider = api.get("/apis/externaldata.gatekeeper.sh/v1beta1/providers/ratify-provider", missing={})
    return "" if (provider.get("spec") or {}).get("caBundle") == authority else "Gatekeeper's Provider ratify-provider does not trust Ratify's certificate"


def unread(api: ClusterApi, objects: Iterable[Json]) -> str:
    """Ratify has not taken one of the objects (`kind` and `name`) of its configuration, and why, in its words."""
    statuses = [(each, api.get(f"{RATIFY}/{PLURALS[each['kind']]}/{each['name']}", missing={}).get("status") or {}) for each in objects]
    return " ".join(
        f"{each['kind']} {each['name']}: {explained(str(status.get('error') or status.get('brieferror') or 'not read yet'))}"
        for each, status in statuses
        if not status.get("issuccess")
    )


def unverdicted(api: ClusterApi, image: str) -> str:
    """Gatekeeper and Ratify give no verdict on a pod of the image in the namespace `default`, and why. A dry run."""
    answer, _stored = answer_of(api, None, "post", POD.path("default"), pod(image), dry_run=True)
    return answer.message if answer.verdict == "error" else ""


def restart(api: ClusterApi, namespace: str) -> None:
    """Restart Ratify's pods, as `kubectl rollout restart` does."""
    api.write("patch", _deployment(namespace), restarted())


def unrolled(api: ClusterApi, namespace: str) -> str:
    """Ratify's Deployment has pods from before, or fewer available than it asks for."""
    return "" if is_rolled_out(api.get(_deployment(namespace))) else f"Deployment {namespace}/ratify is not rolled out"


def _deployment(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/ratify"


def _by_pod(found: Json) -> list[Json]:
    return list((found.get("status") or {}).get("byPod") or [])


def _is_current(found: Json, of_pod: Json) -> bool:
    return bool(of_pod.get("observedGeneration") == found["metadata"]["generation"])


def _because(errors: Iterable[str]) -> str:
    said = "; ".join(errors)
    return f": {said}" if said else ""
