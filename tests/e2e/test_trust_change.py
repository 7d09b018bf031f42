"""A change of whom Ratify trusts, that Ratify does not take."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from lab import tools
from tests.trust_policies import CONTOSO, REFUSED, SCOPES, STRICTER, TAKEN, WEB


def taken_by_notation(identities: list[str], scopes: list[str], folder: Path) -> bool:
    """Whether Notation takes the trust policy, as Ratify would: both ask notation-go."""
    statement = {"name": "one", "registryScopes": scopes, "trustStores": ["ca:vault"], "trustedIdentities": identities}
    policy = folder / "policy.json"
    policy.write_text(json.dumps({"version": "1.0", "trustPolicies": [{**statement, "signatureVerification": {"level": "strict"}}]}))
    environment = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    done = subprocess.run(
        [tools.program("notation"), "policy", "import", "--force", policy], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0 or "trust policy" in done.stderr or "scope" in done.stderr, done.stderr
    return done.returncode == 0


@pytest.mark.parametrize("identities", [*TAKEN.values(), *(given for given, _ in STRICTER.values())], ids=[*TAKEN, *STRICTER])
def test_notation_takes_the_identities(identities: list[str], tmp_path: Path) -> None:
    assert taken_by_notation(identities, [WEB], tmp_path)


@pytest.mark.parametrize("identities", [given for given, _ in REFUSED.values()], ids=REFUSED)
def test_notation_refuses_the_identities(identities: list[str], tmp_path: Path) -> None:
    assert not taken_by_notation(identities, [WEB], tmp_path)


@pytest.mark.parametrize(("scope", "taken"), SCOPES.items())
def test_notation_judges_the_scope_so(scope: str, *, taken: bool, tmp_path: Path) -> None:
    assert taken_by_notation([CONTOSO], [scope], tmp_path) is taken
