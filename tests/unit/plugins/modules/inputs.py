"""Right and wrong values of the modules' options, made from Azure's rules and not from the code that checks them.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Values = st.SearchStrategy[Any]
LETTERS, DIGITS = string.ascii_letters, string.digits
# Without halves of surrogate pairs: they do not get through JSON.
ANYTHING = st.characters(exclude_categories=["Cs"])
NOT_TEXT = st.one_of(st.dictionaries(st.text("ab", min_size=1), st.integers(), min_size=1), st.lists(st.text("ab"), min_size=1))
"""Ansible makes text of it, which then breaks the rule."""


@dataclass(frozen=True)
class Kind:
    """Values of an option. `right` has none where what is right depends on what exists."""

    wrong: Values
    right: Values = field(default_factory=st.nothing)


def without(characters: str) -> Values:
    return st.characters(exclude_categories=["Cs"], exclude_characters=characters)


def text_of(length: int, characters: str, ends: str) -> Values:
    """Text of that length whose first and last character is one of `ends`."""
    if length == 1:
        return st.sampled_from(ends)
    middle = st.text(characters, min_size=length - 2, max_size=length - 2)
    return st.tuples(st.sampled_from(ends), middle, st.sampled_from(ends)).map("".join)


@st.composite
def spoilt(draw: st.DrawFn, right: Values, strange: Values) -> str:
    """A right text with one strange character somewhere, in place of another."""
    text = draw(right)
    at = draw(st.integers(0, len(text) - 1))
    return str(text[:at] + draw(strange) + text[at + 1 :])


def name(least: int, most: int, characters: str, *, ends: str = LETTERS + DIGITS) -> Kind:
    """A name of `least` to `most` of these characters, at the limits as often as between."""
    lengths = st.one_of(st.sampled_from([least, most]), st.integers(least, most))
    right = lengths.flatmap(lambda length: text_of(length, characters, ends))
    too_short = [text_of(least - 1, characters, ends)] if least > 1 else [st.just("")]
    too_long = st.integers(most + 1, most + 40).flatmap(lambda length: text_of(length, characters, ends))
    return Kind(st.one_of(*too_short, too_long, spoilt(right, without(characters)), NOT_TEXT), right)


def also_wrong(kind: Kind, *wrong: Values) -> Kind:
    return Kind(st.one_of(kind.wrong, *wrong), kind.right)


RESOURCE_GROUP = also_wrong(name(1, 90, LETTERS + DIGITS + "_-.()"), st.text(LETTERS, max_size=89).map(lambda text: text + "."))
IDENTITY = also_wrong(name(3, 128, LETTERS + DIGITS + "_-"), st.text(LETTERS, min_size=2, max_size=127).map(lambda text: "-" + text))
FEDERATED_CREDENTIAL = also_wrong(name(3, 120, LETTERS + DIGITS + "_-"), st.text(LETTERS, min_size=2, max_size=119).map(lambda text: "_" + text))
VAULT = also_wrong(
    name(3, 24, LETTERS + DIGITS, ends=LETTERS),
    st.text(LETTERS, min_size=2, max_size=10).map(lambda text: "1" + text),
    st.text(LETTERS, min_size=2, max_size=10).map(lambda text: text + "-"),
    st.text(LETTERS, min_size=2, max_size=10).map(lambda text: f"{text}--{text}"),
)
REGISTRY = name(5, 50, LETTERS + DIGITS)
CLUSTER = also_wrong(name(1, 63, LETTERS + DIGITS + "_-"), st.sampled_from(["-a", "a-", "_a", "a_", "-"]))


def blank_somewhere(right: Values) -> Values:
    return spoilt(right, st.sampled_from(" \t\n\r\v\f\u00a0\u2003\u200b\ufeff\0"))


def long(prefix: str, length: int) -> str:
    return prefix + "a" * (length - len(prefix))


def trust(start: str, *wrong: Values) -> Kind:
    """A text of 1 to 600 characters that is compared byte for byte."""
    lengths = st.one_of(st.just(600), st.integers(len(start) + 1, 600))
    right = lengths.map(lambda length: long(start, length))
    surrounded = st.tuples(st.sampled_from(["", " ", "\t"]), right, st.sampled_from([" ", "\n", "\u3000"])).map("".join)
    too_long = st.integers(601, 700).map(lambda length: long(start, length))
    return Kind(st.one_of(blank_somewhere(right), surrounded, too_long, right.map(lambda text: text[:300] + "*"), *wrong), right)


ISSUER = trust(
    "https://eastus.oic.prod-aks.azure.com/",
    st.text(ANYTHING, min_size=1, max_size=40),
    st.sampled_from(
        ["http://issuer/", "HTTP://issuer/", "issuer/", "//issuer/", "https:///", "https://", "https:issuer", "https://[", "https://[::1", "https://]/"]
    ),
    NOT_TEXT,
)
SUBJECT = trust("system:serviceaccount:gatekeeper-system:")
AUDIENCES = Kind(
    st.one_of(
        st.just([]),
        st.lists(st.text(LETTERS, min_size=1), min_size=2, max_size=4),
        trust("api://").wrong.map(lambda value: [value]),
        st.dictionaries(st.text("ab", min_size=1), st.integers(), min_size=1),
    )
)

RIGHT_GUID = st.uuids().flatmap(lambda guid: st.sampled_from([str(guid), str(guid).upper()]))
GUID = Kind(
    st.one_of(
        spoilt(RIGHT_GUID, without("0123456789abcdefABCDEF-")),
        RIGHT_GUID.map(lambda guid: guid[:-1]),
        RIGHT_GUID.map(lambda guid: guid + "0"),
        RIGHT_GUID.map(lambda guid: guid.replace("-", "")),
        RIGHT_GUID.map(lambda guid: f"{{{guid}}}"),
        RIGHT_GUID.map(lambda guid: f" {guid}"),
        RIGHT_GUID.map(lambda guid: f"/subscriptions/{guid}"),
        st.text(ANYTHING, min_size=1, max_size=36),
        NOT_TEXT,
    ),
    RIGHT_GUID,
)

SUBSCRIPTION_ID = "/subscriptions/22222222-2222-2222-2222-222222222222"
SCOPES = [SUBSCRIPTION_ID, f"{SUBSCRIPTION_ID}/resourceGroups/g", f"{SUBSCRIPTION_ID}/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"]
SCOPE = Kind(
    st.one_of(
        st.sampled_from(SCOPES).map(lambda scope: scope + "/"),
        st.sampled_from(SCOPES).map(lambda scope: scope[1:]),
        st.sampled_from(SCOPES).map(lambda scope: " " + scope),
        st.sampled_from(SCOPES).map(lambda scope: scope + "\n"),
        st.sampled_from(
            [f"{SUBSCRIPTION_ID}/resourceGroups", f"{SUBSCRIPTION_ID}/vaults/v", "/", f"{SCOPES[2]}/secrets", "/subscriptions/mine", f"{SCOPES[1]}/v"]
        ),
        RIGHT_GUID,
        st.text(ANYTHING, min_size=1, max_size=40),
        NOT_TEXT,
    )
)
ROLE = Kind(
    st.one_of(
        st.sampled_from(["", " ", "\t", "/", *SCOPES, f"{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions/AcrPull"]),
        RIGHT_GUID.map(lambda guid: f"/providers/Microsoft.Authorization/roleAssignments/{guid}"),
        st.text(ANYTHING, max_size=20).map(lambda text: text + "/"),
    )
)

NUMBERS_IN_WORDS = st.sampled_from(["many", "1.5", "", "0x10", [1], {"a": 1}])
WORDS = st.text(LETTERS, min_size=1, max_size=12)


def one_of_the_choices(*choices: str) -> Kind:
    strange = st.one_of(WORDS, st.sampled_from(choices).map(str.upper), st.sampled_from(choices).map(lambda choice: choice + " "), NOT_TEXT)
    return Kind(strange.filter(lambda value: value not in choices), st.sampled_from(choices))


PERMISSIONS = Kind(
    st.one_of(
        WORDS.filter(lambda word: word.lower() not in {"get", "list", "set", "all", "purge", "delete", "backup", "restore", "recover"}).map(
            lambda word: {"secrets": [word]}
        ),
        st.sampled_from(
            [{"secrets": [" get"]}, {"secrets": ["get "]}, {"secrets": ["sign"]}, {"keys": ["getissuers"]}, {"secrets": [["get"]]}, {"secrets": {"get": 1}}]
        ),
        WORDS.map(lambda word: {word + "x": ["get"]}),
        st.sampled_from([{}, {"secrets": []}, {"secrets": None}, {"secrets": [], "keys": []}, ["get"]]),
    )
)
YES_OR_NO = Kind(
    st.one_of(
        st.sampled_from(["maybe", "", 2, [True], {"a": True}]),
        WORDS.filter(lambda word: word.lower() not in {"y", "n", "t", "f", "on", "off", "yes", "no", "true", "false"}),
    )
)

LOCATION = Kind(
    st.one_of(st.sampled_from(["", "e", "east-us", "east_us", "eastus/"]), spoilt(st.just("eastus"), without(LETTERS + DIGITS + " ")), NOT_TEXT),
    st.sampled_from(["eastus", "East US"]),
)
VERSION = Kind(st.one_of(st.sampled_from(["", "1", "v1.36", "1.36.", "latest", "1.36.4-x", " 1.36", "1.36\n"]), WORDS, NOT_TEXT))
NODES = Kind(st.one_of(st.integers(max_value=0), st.integers(min_value=1001), NUMBERS_IN_WORDS))
TIMEOUT = Kind(NUMBERS_IN_WORDS)


def number(least: int, most: int) -> Kind:
    return Kind(st.one_of(st.integers(max_value=least - 1), st.integers(min_value=most + 1), NUMBERS_IN_WORDS))


def other_numbers(*right: int) -> Kind:
    return Kind(st.one_of(st.integers().filter(lambda value: value not in right), NUMBERS_IN_WORDS))


CERTIFICATE = name(1, 127, LETTERS + DIGITS + "-")
"""Names of a vault's certificates, and of its issuers."""
VERSION_OF_A_CERTIFICATE = Kind(st.one_of(st.sampled_from(["", "latest", "0" * 31, "0" * 33, "A" * 32, " " + "0" * 31]), NOT_TEXT))
X500_NAME = Kind(
    st.one_of(
        st.sampled_from(
            ["", "contoso", "CN=contoso.io", "C=US, ST=WA, CN=contoso.io", "C=US, ST=WA, O=Contoso", "O=, C=US, ST=WA, CN=a", "C=US+ST=WA, O=a, CN=a"]
        ),
        st.text(ANYTHING, max_size=40),
        NOT_TEXT,
    )
)
"""Those without one of the attributes by which Notation trusts a signer."""
TENANT = Kind(
    st.one_of(
        st.sampled_from(["a b", "a/b", "https://login", " contoso.com", "contoso.com\n", "tenant?"]),
        spoilt(st.just("contoso.onmicrosoft.com"), without(LETTERS + DIGITS + ".-")),
        NOT_TEXT,
    )
)
RIGHT_KEY_URL = st.just("https://example.vault.azure.net/keys/proof")
KEY_URL = Kind(
    st.one_of(
        st.sampled_from(
            [
                "https://example.vault.azure.net/secrets/proof",
                "https://example.vault.azure.net/keys/",
                "https://example.vault.azure.net/keys/proof/latest",
                "https://example.vault.azure.net/keys/proof?api-version=7.4",
                "https:///keys/proof",
                "http://example.vault.azure.net/keys/proof",
                "proof",
            ]
        ),
        spoilt(RIGHT_KEY_URL, st.sampled_from(" \t\n_?#")),
        NOT_TEXT,
    ),
    RIGHT_KEY_URL,
)
RIGHT_BLOB_URL = st.just("https://contoso.blob.core.windows.net/image-trust/web.json")
BLOB_URL = Kind(
    st.one_of(
        st.sampled_from(
            [
                "http://contoso.blob.core.windows.net/image-trust/web.json",
                "https://contoso.dfs.core.windows.net/image-trust/web.json",
                "https://contoso.blob.core.windows.net:8443/image-trust/web.json",
                "https://contoso.blob.core.windows.net/$web/web.json",
                "https://contoso.blob.core.windows.net/image-trust/",
                "https://contoso.blob.core.windows.net/image-trust/../web.json",
                "web.json",
                "",
            ]
        ),
        spoilt(RIGHT_BLOB_URL, st.sampled_from(" \t\n%\\")),
        NOT_TEXT,
    ),
    RIGHT_BLOB_URL,
)
"""But for those with what may be a token, which is not shown."""
TIME = Kind(st.one_of(st.sampled_from(["", "now", "24.11.2026", "2026-13-24T12:00:00Z", "2026-11-24T25:00:00Z"]), NOT_TEXT))
CLOUD = Kind(
    st.one_of(
        st.sampled_from(["AzureGermanCloud", "azurecloud", "http://127.0.0.1", "https://", "https://[", "https://a?b", "https:management.azure.com"]),
        st.text(ANYTHING, min_size=1, max_size=30).filter(lambda text: not text.startswith("https://")),
        NOT_TEXT,
    )
)
