"""`--watch`: looks again and again, survives a look that cannot be had, and is readable by machines too."""

import json
from collections.abc import Callable

import pytest
import typer

from cli import watching
from cli.console import out, print_json, print_table
from domain.errors import NotReadyError


def _looks(*answers: bool | BaseException, say: Callable[[int], None]) -> Callable[[], bool]:
    left = list(enumerate(answers, start=1))

    def look() -> bool:
        number, answer = left.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        say(number)
        return answer

    return look


def _watch(look: Callable[[], bool], looks: int, *, as_json: bool = False) -> int:
    with pytest.raises(typer.Exit) as leaving:
        watching.show(look, is_watched=True, as_json=as_json, looks=looks, rest=lambda _: None)
    return leaving.value.exit_code


def _table(number: int) -> None:
    print_table("Things", ("thing",), [(f"thing {number}",)], empty="none")


def test_a_single_look_leaves_with_what_it_saw(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as leaving:
        watching.show(_looks(False, say=_table), is_watched=False)
    assert leaving.value.exit_code == 1
    assert "thing 1" in capsys.readouterr().out


def test_every_look_is_shown_with_its_time_and_the_last_one_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert _watch(_looks(False, True, say=_table), 2) == 0
    told = capsys.readouterr().out
    assert told.index("thing 1") < told.index("thing 2")
    assert told.count("--- 20") == 2


def test_each_look_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    look = _looks(True, NotReadyError("Postgres is away"), False, say=lambda number: print_json({"number": number}))
    assert _watch(look, 3, as_json=True) == 1
    first, second, third = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first, third) == ({"number": 1}, {"number": 3})
    assert second["error"]["problems"] == ["Postgres is away"]


def test_a_look_that_cannot_be_had_is_told_and_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert _watch(_looks(NotReadyError("Postgres is away"), True, say=_table), 2) == 0
    told = capsys.readouterr().out
    assert "Postgres is away" in told
    assert "thing 2" in told


def test_ctrl_c_ends_the_watching_with_what_was_seen_last() -> None:
    assert _watch(_looks(True, KeyboardInterrupt(), say=_table), 5) == 0


def test_a_picture_too_tall_for_the_terminal_says_how_much_is_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "_force_terminal", True)
    monkeypatch.setattr(out, "_height", 10)
    monkeypatch.setattr(out, "_width", 100)

    def tall(_: int) -> None:
        print_table("Things", ("thing",), [(f"thing {each}",) for each in range(30)], empty="none")

    assert _watch(_looks(True, say=tall), 1) == 0
    told = capsys.readouterr().out
    assert "\x1b[H" in told
    assert "25 more lines" in told
    assert len(told.splitlines()) <= 10
