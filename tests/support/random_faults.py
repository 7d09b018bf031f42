"""Three of ten requests fail, each in another way."""

from __future__ import annotations

from typing import Any

SHARE = 0.3
FROM_OUTSIDE = r"^(127\.0\.0\.1|localhost):"
"""What modules call; what runs in the cluster calls Azure by its real names."""
WAYS: tuple[dict[str, Any], ...] = (
    {"status": 429, "code": "TooManyRequests"},
    {"status": 429, "code": "TooManyRequests", "retry_after": 1},
    {"status": 500, "code": "InternalServerError"},
    {"status": 503, "code": "ServerBusy"},
    {"reset": "before"},
    {"reset": "after"},
)
OTHER_WRITERS: tuple[dict[str, Any], ...] = (
    {"path": "/federatedIdentityCredentials/", "code": "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"},
    {"path": "/accessPolicies/", "code": "ConflictError"},
)


def random_faults(seed: int) -> list[dict[str, Any]]:
    """Faults for the switchboard: with the same seed and the same requests in the same order, the same ones fail.

    The first fault that strikes is the only one, so each has the share that makes SHARE of all together. Helm asks for charts below /charts, and once.
    """
    each = 1 - (1 - SHARE) ** (1 / len(WAYS))
    everywhere = [{"host": FROM_OUTSIDE, "path": "^/(?!charts/|lab/)", "rate": each, **way} for way in WAYS]
    others = [{"host": FROM_OUTSIDE, "method": "PUT", "status": 409, "rate": SHARE / 2, **way} for way in OTHER_WRITERS]
    return [{**fault, "seed": 1000 * seed + number} for number, fault in enumerate([*everywhere, *others])]
