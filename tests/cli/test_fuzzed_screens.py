"""Whatever platforms and people write into names and reasons: every screen shows it, harmless, and none breaks."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from typer.main import get_command

from cli.authority import VERBS
from cli.tree import build
from domain.permissions import Permission
from tests.cli.conftest import NASTY, Run
from tests.cli.planted import fill, plant

# What Postgres cannot hold (NUL, lone surrogates) never gets as far as a row: the stores clean it (models/cleaning.py).
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=200)

NASTIEST = [
    NASTY,
    "[/] [bold red] {x} %s \\",
    "\u202eevil\u2066 \x1b]0;title\x07\x1b[31m\r\n\t\u2028",
    "=1+1" * 100,
    "",
    "\U000e0001\ufeff\ufff9 \x00".replace("\x00", "\x01"),
    "👩‍👩‍👧‍👦 عربى 日本語" * 30,
]


def screens() -> list[tuple[str, tuple[str, ...]]]:
    """Every command that only reads the house, with the names of the arguments that it must have."""
    found = []
    waiting = [((), get_command(build()))]
    while waiting:
        path, command = waiting.pop()
        inner = getattr(command, "commands", None)
        if inner is not None:
            waiting.extend(((*path, name), one) for name, one in inner.items())
        if VERBS.get(" ".join(path)) is Permission.READ:
            found.append((" ".join(path), tuple(str(one.name) for one in command.params if one.required)))
    return sorted(found)


def is_harmless(text: str) -> bool:
    """Whether a terminal only prints it: no control character, no escape, no change of direction, but line ends."""
    return all(char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in text)


def test_every_screen_is_among_those_that_are_tried() -> None:
    names = {name for name, _ in screens()}
    assert names == {verb for verb, permission in VERBS.items() if permission is Permission.READ}
    assert len(names) > 30


@pytest.mark.usefixtures("filled")
@settings(max_examples=2)
@example(texts=NASTIEST)
@given(texts=st.lists(TEXTS, min_size=1, max_size=7))
def test_no_text_breaks_a_screen_or_reaches_the_terminal_raw(
    on_database: Run, engine: Engine, tmp_path: Path, texts: list[str]
) -> None:
    """Tables are printable line by line, documents are JSON; a screen that finds nothing says so (exit 1 or 2)."""
    ids = _IDS.get(str(engine.url)) or _IDS.setdefault(str(engine.url), fill(engine))
    with engine.begin() as conn:
        ids["action_id"] = plant(conn, texts)
    ids["folder"] = str(tmp_path / f"refund-{ids['action_id']}")  # where the one screen that writes files puts them
    for name, needs in screens():
        words = (*name.split(" "), *(ids[need] for need in needs))
        for more in ((), ("--json",)):
            done = on_database(*words, *more)
            where = f"stakazo {' '.join((*words, *more))}"
            assert done.code in (0, 1, 2), f"{where}: {done.code}"
            assert "Traceback" not in done.err, f"{where}: {done.err}"
            assert is_harmless(done.err), f"{where}: {done.err!r}"
            if more and done.out:
                json.loads(done.out)
            else:
                assert is_harmless(done.out), f"{where}: {done.out!r}"


_IDS: dict[str, dict[str, str]] = {}
