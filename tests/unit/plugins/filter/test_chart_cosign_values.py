"""Keys of cosign for Ratify's chart."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.image_trust.azure.plugins.filter.chart_cosign_values import FilterModule

chart_cosign_values = FilterModule().filters()["chart_cosign_values"]
TOOLS = "example.azurecr.io/tools"
PEM = (
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKyYt6epimxM/W8pWUNY5jhbj+YD5\n"
    "ymGKEjsQvSczCaYae51OPy6KwXjV2faY5LYtyrdLB/VJVGly8Zq7RwWtEg==\n-----END PUBLIC KEY-----\n"
)
SECRET = "c2VjcmV0"


def key(name: str = "tools", pem: str = PEM) -> dict[str, Any]:
    return {"name": name, "key": pem}


def test_without_keys_nothing_is_verified_by_them() -> None:
    assert chart_cosign_values([], []) == {"cosign": {"enabled": False}, "cosignKeys": []}


@pytest.mark.parametrize(
    ("scopes", "made"),
    [
        ([TOOLS], [f"{TOOLS}:*", f"{TOOLS}@*"]),
        (["localhost:5000/a/b-c.d"], ["localhost:5000/a/b-c.d:*", "localhost:5000/a/b-c.d@*"]),
        (["*"], ["*"]),
    ],
)
def test_a_repository_becomes_scopes_that_only_its_own_images_begin_with(scopes: list[str], made: list[str]) -> None:
    assert chart_cosign_values([key()], scopes) == {"cosign": {"enabled": True, "scopes": made, "tLogVerify": False}, "cosignKeys": [PEM]}


@pytest.mark.parametrize(
    ("keys", "scopes", "reason"),
    [
        ([key()], [], "keys are trusted nowhere without ratify_cosign_scopes"),
        ([], [TOOLS], "there is no key for these scopes"),
        ([key(), key()], [TOOLS], "tools is a key twice"),
        ([key()], [TOOLS, TOOLS], f"{TOOLS} is a scope twice"),
        ([key()], ["*", TOOLS], "the scope * stands for all, alone"),
        ([key()], [f"{TOOLS}*"], f"{TOOLS}* is not a repository"),
        ([key()], [f"{TOOLS}:v1"], f"{TOOLS}:v1 is not a repository"),
        ([key()], ["example.azurecr.io"], "example.azurecr.io is not a repository"),
        ([key()], ["example.azurecr.io/my_tools"], "underscores, which Ratify refuses"),
        ([key()], ["Example.azurecr.io/tools"], "capitals"),
        ([key(pem="cosign.pub")], [TOOLS], "key tools: it is not a public key"),
        ([key(pem=PEM.replace("MFkw", "MFkx"))], [TOOLS], "key tools: it is not a public key"),
        ([key(pem=PEM + PEM)], [TOOLS], "key tools: it is not a public key"),
    ],
)
def test_what_would_trust_too_much_or_no_signer_is_refused(keys: Any, scopes: Any, reason: str) -> None:
    with pytest.raises(AnsibleFilterError, match="these keys of cosign are not used: ") as refusal:
        chart_cosign_values(keys, scopes)
    assert reason in str(refusal.value)


def test_a_private_key_that_was_given_by_mistake_is_refused_and_not_shown() -> None:
    with pytest.raises(AnsibleFilterError, match="it is not a public key") as refusal:
        chart_cosign_values([key(pem=f"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n{SECRET}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n")], [TOOLS])
    assert SECRET not in str(refusal.value)
