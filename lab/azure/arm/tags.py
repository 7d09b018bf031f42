"""Which tags Resource Manager takes: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lab.azure.arm.errors import bad_request

MOST = 50
LONGEST_NAME, LONGEST_VALUE = 512, 256
_RESERVED = re.compile(r"[<>%&\\?/\x00-\x1f\x7f]")


def check(tags: Mapping[str, str]) -> None:
    """Raise `ArmError` for tags beyond the limits."""
    if len(tags) > MOST:
        raise bad_request(f"The tags have {len(tags)} entries; the maximum is '{MOST}'.", "TagCountLimitExceeded")
    if reserved := [name for name in tags if _RESERVED.search(name)]:
        message = f"The tag names '{', '.join(reserved)}' have reserved characters '<,>,%,&,\\,?,/' or control characters."
        raise bad_request(message, "InvalidTagNameCharacters")
    if bad := [name for name in tags if not 1 <= len(name) <= LONGEST_NAME]:
        raise _too_large("Tag key too large. Following tag name", bad, "tag name", LONGEST_NAME, "InvalidTagName")
    if bad := [value for value in tags.values() if len(value) > LONGEST_VALUE]:
        raise _too_large("Tag value too large. Following tag value", bad, "tag value", LONGEST_VALUE, "InvalidTagValueLength")


def _too_large(what: str, bad: list[str], kind: str, longest: int, code: str) -> Exception:
    message = f"{what} '{', '.join(bad)}' exceeded the maximum length. Maximum allowed length for {kind} - '{longest}' characters."
    return bad_request(message, code)
