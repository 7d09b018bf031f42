"""The condition under which Gatekeeper is not asked: one text, in the role that sets it and in the proof that knows it. What it says is asked of a cluster by
tests/e2e/test_fail_closed.py."""

from __future__ import annotations

from ansible_collections.image_trust.azure.plugins.module_utils._policy.admission_rules import UPDATES_OF_IMAGES

from tests.support.role_variables import variables


def test_the_proof_knows_the_condition_that_the_role_sets_to_the_letter() -> None:
    assert variables("gatekeeper")["__gatekeeper_updates_of_images"] == UPDATES_OF_IMAGES
