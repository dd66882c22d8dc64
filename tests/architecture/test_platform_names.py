"""Code asks a platform's row for a trait; it never asks for a platform's name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.platforms import PLATFORMS
from tests.architecture.source import name_of, room_files, tree

NAMES = frozenset(platform.slug for platform in PLATFORMS)
# Where a platform is at home: its client, its dialect in the sandbox, its row there, and its row with what is built.
_ROWS = r"sandbox/dialects\.py$|domain/(platforms|modules)\.py$"
AT_HOME = re.compile(rf"^(({'|'.join(NAMES)})_client/|sandbox/({'|'.join(NAMES)})/|{_ROWS})")
ENVIRONMENT = re.compile(rf"^({'|'.join(NAMES)})_[a-z0-9_]+$", re.IGNORECASE)  # META_ACCESS_TOKEN, and as a field
SETTINGS = "workers/settings.py"
# The sandbox's server mounts its dialects: it is their composition root.
MOUNTED = re.compile(rf"^sandbox\.({'|'.join(NAMES)})(\.|$)")
# Other people's words: of libraries and HTML, where it means something else, and a column of the Ads Manager's export.
NOT_A_PLATFORM = ("MetaData", "remove_processors_meta", "Meta purchases", "<meta charset=", "<meta name=")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def test_no_code_names_a_platform_outside_its_home():
    found = [
        f"{name_of(path)}:{line}: {text}"
        for path in room_files()
        if not AT_HOME.match(name_of(path))
        for line, text in spoken(path)
        if names_a_platform(text) and not is_setting(path, text) and not is_mount(path, text)
    ]
    assert found == []


def spoken(path: Path) -> Iterator[tuple[int, str]]:
    """Every identifier and every string of a file that is code; docstrings, comments and help texts are prose."""
    yield from _said(tree(path))


def _said(syntax: ast.Module) -> Iterator[tuple[int, str]]:
    statements = (node.value for node in ast.walk(syntax) if isinstance(node, ast.Expr))
    prose = {id(value) for value in statements if isinstance(value, ast.Constant)}
    prose |= {id(node.value) for node in ast.walk(syntax) if isinstance(node, ast.keyword) and node.arg == "help"}
    for node in ast.walk(syntax):
        if id(node) in prose:
            continue
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Constant(value=str() as text) | ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text):
                yield line, text
            case ast.FunctionDef(name=text) | ast.ClassDef(name=text) | ast.AsyncFunctionDef(name=text):
                yield line, text
            case ast.keyword(arg=str() as text) | ast.alias(name=text):
                yield line, text
            case ast.ImportFrom(module=str() as text):
                yield line, text
            case _:
                pass


def names_a_platform(text: str) -> bool:
    """Whether a platform is one of the words, however they are joined: `meta.full_cycle`, `MetaClient`, `is_tiktok`."""
    for foreign in NOT_A_PLATFORM:
        text = text.replace(foreign, "")
    return any(word.lower() in NAMES for word in _WORD.findall(text))


def is_setting(path: Path, text: str) -> bool:
    """Names of the environment are fixed by the requirements (§6): upper case anywhere, as fields in the settings."""
    return bool(ENVIRONMENT.match(text)) and (text.isupper() or name_of(path) == SETTINGS)


def is_mount(path: Path, text: str) -> bool:
    """Whether it is an import of a dialect within the sandbox."""
    return name_of(path).startswith("sandbox/") and bool(MOUNTED.match(text))


@pytest.mark.parametrize("text", ["meta", "meta.full_cycle", "MetaClient", "is_tiktok", "LINKEDIN", "to linkedin: x"])
def test_a_platform_is_heard_in_any_joining(text):
    assert names_a_platform(text)


@pytest.mark.parametrize("text", ["metadata", "MetaData", "table_metadata", "metal", "thermometa", "cycle"])
def test_words_that_only_look_alike_are_not_heard(text):
    assert not names_a_platform(text)


def test_prose_is_not_code():
    syntax = ast.parse(
        '"""Speaks to meta."""\ndef f():\n    """Such as meta."""\n    return "meta.x"\nf(help="Such as meta.")\n'
    )
    assert [text for _, text in _said(syntax) if names_a_platform(text)] == ["meta.x"]
