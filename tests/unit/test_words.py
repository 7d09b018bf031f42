"""Words that the project does not use, held on pages and Rego, in comments, names, docstrings and messages of Python, and in comments and texts of YAML.

Held in their bad use only: ends (of certificates, exemptions and tokens; the field `ends` of an exemption and the end of a process stay),
kept (of what is cached), way (as "way out").
Not held, as each has a meaning that is fine: says (of programs), right and wrong (of a verdict), others, there is.
Strings of the tests' Python are not held: many of them stand for what others write.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDERS = (".github", "awx", "bench", "docs", "inventories", "lab", "molecule", "playbooks", "plugins", "roles", "tests")
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    ".github/*.md",
    "docs/**/*.md",
    "roles/*/README.md",
    "roles/**/*.j2",
    "roles/**/*.rego",
    "changelogs/fragments/*.yml",
)
WORDS = {
    r"(un|not_?)?foret(old|ells?)": "predicted, unpredicted",
    r"anew": "again; recreated, restarted, renewed",
    r"whoever": "the noun: a user who, the login that",
    r"mend(s|ed|ing)?": "fixed, restored",
    r"puts?[ _]back": "restored",
    r"rights": "permissions",
    r"rescue": "break_glass; `rescue:` is Ansible's keyword",
    r"by[ _]hand": "manually",
    r"his|he|him|himself": "the noun: the signer's; they",
    r"doors?|holes?": "a path, a bypass",
    r"(somebody|someone)(?! decides)": "the noun: a user who, an administrator, another client",
    r"nobody": "the noun: no user, no client",
    r"(what(ever)?|all|which \w+)[ _]there[ _](is|are)(?! to say)|what[ _]is[ _]there": "existing, installed objects",
    r"that[ _]there[ _](is|are)(?![ _](an?|no|nothing|one|none)\b)": "existing, installed objects",
    r"stands(?! (in (a diff )?)?for\b)": "is, has",
    r"ways?[ _]out": "remedy",
    r"an?[ _]kept|kept[ _](tokens?|fields?|objects?|values?)": "cached, preserved, expected, reserved",
    r"(certificates?|exemptions?|tokens?|cache|licen[cs]e)[ _](soon[ _])?ends?": "expires",
    r"told": "reported, returned, printed; configured",
    r"(has|have|had)[ _]ended": "has expired; has finished",
}
"""What to write in place of each."""


def files(*patterns: str) -> list[Path]:
    found = (file for pattern in patterns for file in ROOT.glob(pattern))
    return sorted(file for file in found if file != Path(__file__) and not {".build", "_build"} & {*file.relative_to(ROOT).parts})


def of_python(source: str) -> Iterator[tuple[int, str]]:
    """Its comments, names, and strings that are a statement of their own or the documentation of a module, each with its line."""
    lines = iter(source.splitlines(keepends=True))
    for token in tokenize.generate_tokens(lambda: next(lines, "")):
        if token.type in (tokenize.COMMENT, tokenize.NAME):
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        documents = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in ("DOCUMENTATION", "EXAMPLES", "RETURN")
        if (isinstance(node, ast.Expr) or (documents and isinstance(node, ast.Assign))) and isinstance(node.value, ast.Constant):
            yield from enumerate(str(node.value.value).splitlines(), node.lineno)


def of_messages(source: str) -> Iterator[tuple[int, str]]:
    """Its strings that have a space in them, each with its line; a string without one is a key or a value."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield from enumerate(node.value.splitlines(), node.lineno)


def of_yaml(source: str) -> Iterator[tuple[int, str]]:
    """Its comments, and its values that have a space in them, each with its line."""
    for number, line in enumerate(source.splitlines(), 1):
        if found := re.search(r"(?:^|\s)#.*", line):
            yield number, found[0]
    for document in yaml.compose_all(source, yaml.SafeLoader):
        for scalar in scalars(document):
            if " " in scalar.value:
                yield from enumerate(scalar.value.splitlines(), scalar.start_mark.line + 1)


def scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        yield from (scalar for value in node.value for scalar in scalars(value))
    elif isinstance(node, yaml.MappingNode):
        yield from (scalar for _key, value in node.value for scalar in scalars(value))


def of_page(source: str) -> Iterator[tuple[int, str]]:
    """All of its lines, without code, quoted texts of programs (both in backticks) and the targets of links."""
    yield from enumerate(re.sub(r"(`+)[^`]+\1|(?<=\])\([^)]+\)", lambda found: re.sub(r".", " ", found[0]), source).splitlines(), 1)


def found_in(text: str) -> Iterator[str]:
    for word, better in WORDS.items():
        for found in re.finditer(rf"(?<![^\W_])(?:{word})(?![^\W_])", text, re.IGNORECASE):
            yield f"{found[0]!r}: write {better}"


@pytest.mark.parametrize(
    ("patterns", "texts"),
    [
        ([f"{folder}/**/*.py" for folder in FOLDERS], of_python),
        (("plugins/**/*.py", "lab/**/*.py"), of_messages),
        ([f"{folder}/**/*.yml" for folder in FOLDERS], of_yaml),
        (PAGES, of_page),
    ],
    ids=["Python", "messages", "YAML", "pages"],
)
def test_the_words_of_the_field_are_used(patterns: Sequence[str], texts: Callable[[str], Iterator[tuple[int, str]]]) -> None:
    read = {file.relative_to(ROOT): file.read_text(encoding="utf-8") for file in files(*patterns)}
    assert len(read) > 80
    doubtful = {file: source for file, source in read.items() if any(found_in(source))}
    assert [f"{file}:{line} {hit}" for file, source in doubtful.items() for line, text in texts(source) for hit in found_in(text)] == []


@pytest.mark.parametrize(
    ("text", "words"),
    {
        "a comment": ("# Made anew by whoever asks.", ["anew", "whoever"]),
        "a name": ("change_is_foretold = 1", ["foretold"]),
        "a docstring": ('def f():\n    """It is put back."""', ["put back"]),
        "documentation": ('DOCUMENTATION = """\ndescription: Rights."""', ["Rights"]),
        "part of another word": ("# amended, copyrights, a new one, rescued", []),
        "a string that is no text of ours": ('x = {"rights": "anew"}', []),
    }.values(),
)
def test_of_python(text: str, words: list[str]) -> None:
    assert [hit.split("'")[1] for _line, part in of_python(text) for hit in found_in(part)] == words


@pytest.mark.parametrize(
    ("text", "words"),
    [('raise Error(f"{name} is made anew")', ["anew"]), ('x = {"rights": "anew"}', []), ('"""It is\nput back."""', ["put back"])],
)
def test_of_messages(text: str, words: list[str]) -> None:
    assert [hit.split("'")[1] for _line, part in of_messages(text) for hit in found_in(part)] == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- name: Mend it", ["Mend"]),
        ("key: 1  # made anew", ["anew"]),
        ("rescue:", []),
        ("# What rescue.yml does", ["rescue"]),
        ("description:\n  - One.\n  - Made\n    anew.", ["anew"]),
        ("fail_msg: >-\n  It is\n  anew.", ["anew"]),
        ("client_id: nobody", []),
    ],
)
def test_of_yaml(text: str, words: list[str]) -> None:
    assert [hit.split("'")[1] for _line, part in of_yaml(text) for hit in found_in(part)] == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Helm makes it\nanew.", ["anew"]),
        ("`rescue:` is a key, ``rights`` and `his\nrights` too.", []),
        ("[how](adr/put-back.md), [the rights](permissions.md)", ["rights"]),
    ],
)
def test_of_page(text: str, words: list[str]) -> None:
    assert [hit.split("'")[1] for _line, part in of_page(text) for hit in found_in(part)] == words
