# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""One digest of all that decides which images a cluster admits, and one of each part, so that one sees what differs. No I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .programs import arguments
from .state import Verification

_WEBHOOK = ("name", "rules", "failurePolicy", "matchPolicy", "matchConditions", "namespaceSelector", "objectSelector", "timeoutSeconds", "reinvocationPolicy")
"""What of a webhook says when it is asked, and what happens when it does not answer."""


def digest(value: Any) -> str:
    """SHA-256 in hexadecimal of the value's canonical JSON: keys sorted, no blanks, UTF-8."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def policy_digest(found: Verification) -> dict[str, Any]:
    """`sha256` of the digests of the parts, and `parts`: for each the number of its `objects` and the `sha256` of what they say."""
    deciding = {name: [_decides(item) for item in items] for name, items in found.objects.items()}
    deciding["arguments"] = arguments(found.pods)
    parts = {name: {"objects": len(items), "sha256": digest(items)} for name, items in deciding.items()}
    return {"sha256": digest({name: part["sha256"] for name, part in parts.items()}), "parts": parts}


def _decides(item: Mapping[str, Any]) -> dict[str, Any]:
    """Name and spec of an object, or the webhooks of a configuration, without certificates, which are renewed and decide nothing."""
    metadata = item["metadata"]
    named = {key: metadata[key] for key in ("name", "namespace") if metadata.get(key)}
    if "webhooks" in item:
        return {**named, "webhooks": [{**{key: hook[key] for key in _WEBHOOK if key in hook}, "asked": _asked(hook)} for hook in item["webhooks"]]}
    return {**named, "spec": {key: value for key, value in (item.get("spec") or {}).items() if key != "caBundle"}}


def _asked(hook: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (hook.get("clientConfig") or {}).items() if key != "caBundle"}
