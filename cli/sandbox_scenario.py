"""`stakazo sandbox scenario`: what the scenarios hold that ship, and whether a file of one's own is sound."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import AsJson, print_json, print_table, say
from domain.errors import BadInputError

if TYPE_CHECKING:
    from sandbox.scenario_check import Checked, Contents

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the scenarios that ship with the sandbox.

    Example: stakazo sandbox scenario list
    """
    from sandbox.scenario import scenario_names  # late: only these commands need the sandbox

    found = [_checked(name).contents for name in scenario_names()]
    rows = [contents for contents in found if contents is not None]
    if as_json:
        print_json({"scenarios": [asdict(contents) for contents in rows]})
        return
    print_table(
        "Scenarios",
        ("name", "accounts", "ad sets", "ads", "history", "what it is"),
        [(row.name, row.accounts, row.ad_sets, row.ads, f"{row.history_days} d", row.title) for row in rows],
        empty="none",
    )


@app.command("check")
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A .toml or .json file, or the name of one that ships.")],
    as_json: AsJson = False,
) -> None:
    """Say what a scenario file holds, or every problem with its place; exits with 2 where there is one.

    Numbers whose key is not in the file's [sources] table are named, and do no harm. Keys: docs/reference/scenario.md

    Example: stakazo sandbox scenario check my_shop.toml
    """
    found = _checked(file)
    if as_json:
        contents = None if found.contents is None else asdict(found.contents)
        print_json({"contents": contents, "problems": found.problems, "unsourced": found.unsourced})
        if found.problems:
            raise typer.Exit(2)
        return
    if found.contents is None:
        count = len(found.problems)
        listed = "\n".join(f"  {problem}" for problem in found.problems)
        raise BadInputError(f"{file} has {count} problem{'' if count == 1 else 's'}:\n{listed}")
    _tell(found.contents)
    if found.unsourced:
        say(f"numbers without a line in [sources]: {', '.join(found.unsourced)}")


def _checked(name_or_file: str) -> "Checked":
    from sandbox.scenario_check import check_scenario  # late, as above

    try:
        return check_scenario(name_or_file)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{name_or_file} cannot be read: {error}") from None


def _tell(contents: "Contents") -> None:
    say(f"{contents.name}: {contents.title}" if contents.title else contents.name)
    say(
        f"{contents.accounts} accounts, {contents.campaigns} campaigns, {contents.ad_sets} ad sets, "
        f"{contents.ads} ads; {contents.history_days} days of history"
    )
    say(f"currencies {', '.join(contents.currencies)}; zones {', '.join(contents.timezones)}")
    extras = {
        "people who edit by hand": contents.people, "incidents": contents.incidents,
        "reported days": contents.history_rows,
    }  # fmt: skip
    told = [f"{count} {what}" for what, count in extras.items() if count]
    say(", ".join([*told, "with seasons" if contents.has_season else "no seasons"]))
