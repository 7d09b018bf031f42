# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Patterns of namespaces' names as Gatekeeper compares them. No I/O.

https://github.com/open-policy-agent/gatekeeper/blob/v3.23.1/pkg/wildcard/wildcard.go
"""

from __future__ import annotations

import re

_ACCEPTED = re.compile(r"\*?[-:a-z0-9]*\*?")
"""What the schema of each constraint takes in `match.namespaces` and `match.excludedNamespaces`."""
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def is_namespace(name: str) -> bool:
    """Whether Kubernetes takes it for the name of a namespace, a DNS label of RFC 1123."""
    return _LABEL.fullmatch(name) is not None


def is_pattern(pattern: str) -> bool:
    """Whether Gatekeeper accepts it, and a namespace can exist that it matches."""
    if not _ACCEPTED.fullmatch(pattern):
        return False
    before, fixed, after = _parts(pattern)
    # What an asterisk stands for may begin and end the name.
    return matches_all(pattern) or is_namespace(f"{'a' if before else ''}{fixed}{'a' if after else ''}") or is_namespace(fixed)


def matches_all(pattern: str) -> bool:
    """Whether it matches every namespace."""
    return pattern in ("*", "**")


def matches(pattern: str, name: str) -> bool:
    """Whether Gatekeeper takes the pattern for this name."""
    before, fixed, after = _parts(pattern)
    if before and after:
        return fixed in name
    if before:
        return name.endswith(fixed)
    return name.startswith(fixed) if after else name == fixed


def overlap(one: str, other: str) -> bool:
    """Whether one name can match both. The length of names, at most 63 characters, is not taken into account."""
    (before, fixed, after), (others_before, others_fixed, others_after) = _parts(one), _parts(other)
    if not before and not after:
        return matches(other, fixed)
    if not others_before and not others_after:
        return matches(one, others_fixed)
    # Both have an asterisk. Where they do not fix the same end of a name, a name with the one's text and then the other's matches both.
    if not before and not others_before:
        return fixed.startswith(others_fixed) or others_fixed.startswith(fixed)
    if not after and not others_after:
        return fixed.endswith(others_fixed) or others_fixed.endswith(fixed)
    return True


def _parts(pattern: str) -> tuple[bool, str, bool]:
    """Whether an asterisk is before the fixed text, that text, and whether one is behind it. One alone counts as both."""
    if pattern == "*":
        return True, "", True
    return pattern.startswith("*"), pattern.removeprefix("*").removesuffix("*"), pattern.endswith("*")
