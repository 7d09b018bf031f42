"""What the demo's table says of an image."""

from __future__ import annotations

from typing import Any

import pytest

from lab.demo import outcome
from tests.support.proofs import verdict

ID = f"r.azurecr.io/web@sha256:{'ab' * 32}"
OUTCOMES: dict[str, tuple[dict[str, Any] | None, str]] = {
    "denied": (None, "it has no signature"),
    "pulled": ({"pulled": True, "started": False, "message": "pulled", "image_id": ID}, "pulled from the registry as sha256:abababab…"),
    "started": ({"pulled": True, "started": True, "message": "running", "image_id": ID}, "running, pulled from the registry as sha256:abababab…"),
    "not pulled": ({"pulled": False, "started": False, "message": "ErrImagePull: 401", "image_id": None}, "ErrImagePull: 401"),
}


@pytest.mark.parametrize(("ran", "said"), OUTCOMES.values(), ids=OUTCOMES)
def test_an_admitted_image_is_shown_with_the_digest_that_was_pulled(ran: dict[str, Any] | None, said: str) -> None:
    assert outcome(verdict(ran=ran)) == said
