"""Which versions of a signer's certificate a cluster trusts while it is rotated."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.image_trust.azure.plugins.filter.rotation_certificates import FilterModule

rotation_certificates = FilterModule().filters()["rotation_certificates"]

OLD = "0" * 32
SIGNER = {"certificate": "release", "vault": "signing", "version": OLD}
LATEST, FORMER, OTHER = {"name": "release"}, {"name": "release", "version": OLD}, {"name": "ca"}
OF_VAULT = {"name": "release", "vault": "Signing"}
NEXT = {"name": "release", "version": "1" * 32}


@pytest.mark.parametrize(
    ("given", "vaults", "former", "both"),
    [
        ([LATEST], ["signing"], [FORMER], [LATEST, FORMER]),
        ([LATEST, OTHER], ["signing"], [OTHER, FORMER], [LATEST, OTHER, FORMER]),
        ([LATEST, FORMER], ["signing"], [FORMER], [LATEST, FORMER]),
        ([NEXT], ["signing"], [FORMER], [NEXT, FORMER]),
        ([OF_VAULT], ["signing", "second"], [{**OF_VAULT, "version": OLD}], [OF_VAULT, {**OF_VAULT, "version": OLD}]),
        ([{**LATEST, "vault": "second"}], ["signing", "second"], [{**LATEST, "vault": "second"}], [{**LATEST, "vault": "second"}]),
        ([LATEST], ["second"], [LATEST], [LATEST]),
        ([LATEST], ["signing", "second"], [LATEST], [LATEST]),
        ([OTHER], ["signing"], [OTHER], [OTHER]),
        ([], ["signing"], [], []),
    ],
)
def test_the_replaced_version_alone_and_then_beside_the_others(given: list[Any], vaults: list[str], former: list[Any], both: list[Any]) -> None:
    assert rotation_certificates(given, SIGNER, vaults, "former") == former
    assert rotation_certificates(given, SIGNER, vaults, "both") == both


@pytest.mark.parametrize("step", ["former", "both"])
def test_an_inventory_that_pins_the_replaced_version_is_refused(step: str) -> None:
    with pytest.raises(AnsibleFilterError, match="take its version out of the inventory"):
        rotation_certificates([FORMER, OTHER], SIGNER, ["signing"], step)
