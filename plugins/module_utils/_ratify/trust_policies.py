# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What notation-go, by which Ratify verifies, refuses of a trust policy's identities and scopes. No I/O.

Ratify judges a policy when it runs already, and verifies nothing while it refuses one. Source: notation-go v1.3.2, verifier/trustpolicy/*.go and
internal/pkix/pkix.go, with ParseDN of go-ldap v3.4.10, dn.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import permutations

_LABEL = r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"
_COMPONENT = r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*"
_SCOPE = re.compile(rf"{_LABEL}(\.{_LABEL})*(:[0-9]+)?(/{_COMPONENT})+")
_PREFIX = "x509.subject:"
_NEEDED = ("C", "ST", "O")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SEPARATOR = re.compile(r"(?:\\.|[^\\,;+])*\\?", re.DOTALL)
_TYPE = re.compile(r"((?:\\.|[^\\=])*)=", re.DOTALL)
_ESCAPE = re.compile(r"\\([ \"#+,;<=>\\]|[0-9A-Fa-f]{2}|)", re.DOTALL)


def scope_problems(scopes: Sequence[str]) -> list[str]:
    """A sentence for each scope of one policy that is refused."""
    if not scopes:
        return ["it needs registryScopes"]
    if "*" in scopes:
        return ["the scope * stands for all, alone"] if len(scopes) > 1 else []
    return [f"{scope} is not a repository with its registry, without tag, digest and wildcards" for scope in scopes if not _SCOPE.fullmatch(scope)]


def identity_problems(identities: Sequence[str]) -> list[str]:
    """A sentence for each identity of one policy that is refused, and for each that trusts what another one trusts already."""
    if not identities:
        return ["it needs trustedIdentities; for the chart none means anybody"]
    if "*" in identities:
        return ["the identity * stands for everybody that a certificate of its trust stores has signed, alone"] if len(identities) > 1 else []
    problems, names = [], []
    for identity in identities:
        try:
            names.append((identity, distinguished_name(identity)))
        except ValueError as problem:
            problems.append(f"{identity!a}: {problem}" if _CONTROL.search(identity) else f"{identity}: {problem}")
    return [*problems, *_overlaps(names)]


def distinguished_name(identity: str) -> dict[str, bytes]:
    """Attributes of an identity by their types. Raises ValueError with what is wrong. The letter case counts, and S is ST."""
    if not identity.startswith(_PREFIX):
        raise ValueError(f"it begins with {_PREFIX}")
    name = identity.removeprefix(_PREFIX)
    if _CONTROL.search(identity):
        raise ValueError("it has a line break, or another character that cannot be seen")
    if "=#" in name:
        raise ValueError("its values are text, none begins with #")
    attributes: dict[str, bytes] = {}
    for part, separator in _parts(name):
        kind, value = _attribute(part)
        if separator == "+":
            raise ValueError("attributes are separated by commas, none by +; write \\+ for a plus sign in a value")
        if attributes.get(kind):
            raise ValueError(f"it has {kind} twice, and Notation takes each attribute once")
        attributes[kind] = value
    if missing := [kind for kind in _NEEDED if not attributes.get(kind)]:
        raise ValueError(f"it needs {', '.join(missing)}")
    return attributes


def identified(identities: Sequence[str], subject: str) -> bool:
    """Whether a signer's subject, as Go writes it, is one of the identities of a policy. Notation reads a subject by the rules of an identity."""
    if "*" in identities:
        return True
    names = []
    for text in (f"{_PREFIX}{subject}", *identities):
        try:
            names.append(distinguished_name(text))
        except ValueError:
            names.append({})
    own, *trusted = names
    return any(each and each.items() <= own.items() for each in trusted)


def _parts(name: str) -> list[tuple[str, str]]:
    """The attributes as they are written, each with the separator behind it."""
    found, start = [], 0
    while start <= len(name) and name.strip():
        part = _SEPARATOR.match(name, start)
        end = part.end() if part else len(name)
        found.append((name[start:end], name[end : end + 1]))
        start = end + 1
    return found


def _attribute(part: str) -> tuple[str, bytes]:
    split = _TYPE.match(part)
    if not split or not _unescaped(split[1]):
        raise ValueError(f"{part.strip() or 'nothing'} is no attribute, such as O=Example; write \\, for a comma in a value")
    kind = _unescaped(split[1]).decode(errors="replace")
    return "ST" if kind == "S" else kind, _unescaped(part[split.end() :])


def _unescaped(text: str) -> bytes:
    trimmed = text.strip(" ")
    if trimmed.endswith("\\") and text.endswith(" "):
        trimmed += " "

    def character(found: re.Match[str]) -> str:
        if not found[1]:
            raise ValueError(f"{trimmed} has a backslash that escapes nothing; write \\\\ for a backslash")
        return found[1] if len(found[1]) == 1 else bytes.fromhex(found[1]).decode("latin-1").translate(_BYTES)

    return _ESCAPE.sub(character, trimmed).encode(errors="surrogateescape")


_BYTES = {byte: 0xDC00 + byte for byte in range(0x80, 0x100)}
"""Bytes that are no character by themselves, as Python's `surrogateescape` has them."""


def _overlaps(names: Sequence[tuple[str, Mapping[str, bytes]]]) -> list[str]:
    wider = [(one, other) for (one, short), (other, long) in permutations(names, 2) if all(long.get(kind, b"") == value for kind, value in short.items())]
    reported = [pair for number, pair in enumerate(wider) if pair not in wider[:number] and (pair[1], pair[0]) not in wider[:number]]
    return [f"{one} trusts everything that {other} trusts; leave out one of them" for one, other in reported]
