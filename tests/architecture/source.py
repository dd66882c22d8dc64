"""Where the house's source is, and how it is read without being run."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_ROOMS = frozenset({"tests", "benchmarks", "docs", "deploy"})  # deploy: what other programs read, Flower among them


def import_linter_rooms() -> set[str]:
    """The rooms whose imports are under contract."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return set(tomllib.load(file)["tool"]["importlinter"]["root_packages"])


def folders_with_python() -> set[str]:
    """Folders at the root that hold Python files anywhere below; hidden and build folders are nobody's room."""
    return {
        folder.name
        for folder in ROOT.iterdir()
        if folder.is_dir()
        and not folder.name.startswith((".", "_"))
        and folder.name != "build"
        and any(folder.rglob("*.py"))
    }


def room_files() -> Iterator[Path]:
    """Every Python file of the rooms and at the root."""
    for room in sorted(import_linter_rooms()):
        yield from sorted((ROOT / room).rglob("*.py"))
    yield from sorted(ROOT.glob("*.py"))


def name_of(path: Path) -> str:
    """A file as it is spoken of: from the root, with slashes."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """The file's syntax."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=name_of(path))


def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
