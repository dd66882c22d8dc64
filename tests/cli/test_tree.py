"""Only the file of the command that was typed is loaded, and the table knows every file's words."""

import subprocess
import sys

import pytest
import typer
from typer.main import get_command

from cli import tree

_LOADED = "import sys; from cli.tree import build; build({!r}); print(*sys.modules)"


@pytest.mark.parametrize(("file", "words"), tree._FILES.items())
def test_a_file_puts_its_commands_under_the_words_of_the_table(file, words):
    app = typer.Typer()
    app.callback()(lambda: None)
    tree._load(file).register(app)
    assert set(get_command(app).commands) == set(words)


def test_what_was_typed_is_the_same_command_as_in_the_whole():
    whole = get_command(tree.build()).commands
    for word, command in whole.items():
        alone = get_command(tree.build(word)).commands[word]
        assert alone.name == command.name
        assert alone.help == command.help


@pytest.mark.parametrize("word", ["", "-h", "stats"])
def test_help_and_slips_of_the_pen_find_every_command(word):
    assert set(get_command(tree.build(word)).commands) == set(get_command(tree.build()).commands)


def test_other_commands_files_stay_out():
    done = subprocess.run(
        [sys.executable, "-c", _LOADED.format("status")], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "cli.status" in loaded
    assert not loaded & {"cli.simulate", "cli.backtest"}
    assert "scipy" not in loaded  # a quarter of a second, which only those who decide need to pay
