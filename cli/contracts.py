"""`stakazo contract`: does a platform still answer as our client was built for? Asked of it, reading only."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.console import AsJson, err, print_json, print_table, say
from cli.session import opened
from domain import catalogue
from domain.actions import Mode
from domain.contract import Bounds, Clause, Difference, PlatformContract, Standing, Verdict
from domain.errors import BadInputError, NotReadyError
from domain.platforms import Platform
from workers.bootstrap import House

app = typer.Typer(no_args_is_help=True)

_Live = Annotated[bool, typer.Option("--live", help="Ask the real platform, with its token of the settings.")]
_Which = Annotated[
    str | None,
    typer.Option("--account", "-a", metavar="ID", help="The platform's id (act_...); default: the one it shows."),
]
_On = Annotated[str | None, typer.Option("--platform", help="Of which platform; default: the first that is built.")]
_Pages = Annotated[int, typer.Option(min=1, max=50, help="Pages of each list to read at most.")]
_Calls = Annotated[int, typer.Option("--max-calls", min=10, max=2000, help="Calls after which it stops.")]
_BOUNDS: Final = Bounds()


@app.command("list")
def list_(platform: _On = None, as_json: AsJson = False) -> None:
    """Show what is asked, how many calls each takes, and what must hold; asks nobody.

    Example: stakazo contract list
    """
    row = _platform(platform)
    with opened() as house:
        clauses = house.contract_clauses(row.slug)
    if as_json:
        print_json({"platform": row.slug, "calls": _least(clauses), "clauses": clauses})
        return
    print_table(
        f"The contract with {row.title}: about {_least(clauses)} calls on a small account, all of them reads",
        ("asked", "calls", "what must hold"),
        [(one.name, f"{one.calls}+" if one.is_paged else one.calls, one.holds) for one in clauses],
        empty="nothing is asked",
    )


@app.command("check")
def check(  # noqa: PLR0917 - options of the command line, by name
    live: _Live = False,
    account: _Which = None,
    against: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also list where answers differ from this recording's in shape.")
    ] = None,
    platform: _On = None,
    pages: _Pages = _BOUNDS.pages,
    max_calls: _Calls = _BOUNDS.calls,
    as_json: AsJson = False,
) -> None:
    """Ask the sandbox, or with --live the platform, all that our client asks, and judge the answers. Reads only.

    Exit status 1 if something does not hold or was not asked. Example: stakazo contract check --live
    """
    with opened() as house:
        contract, now = _opened(house, platform, live=live)
        bounds = Bounds(pages=pages, calls=max_calls)
        if against is not None:
            contract.differences(
                str(against)
            )  # so that a folder without a recording is refused before anybody is called
        verdicts = _run(contract, account, now, bounds, as_json=as_json)
        found = () if against is None else contract.differences(str(against))
    _show(contract, verdicts, found, against, as_json=as_json)
    _leave(verdicts)


@app.command("record")
def record(  # noqa: PLR0917 - options of the command line, by name
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A folder that is empty or not there yet; default: in the data folder."),
    ] = None,
    live: _Live = False,
    account: _Which = None,
    amounts: Annotated[
        float, typer.Option("--scale-amounts", min=0.001, max=1000, help="A factor for every sum of money.")
    ] = 1.0,
    platform: _On = None,
    pages: _Pages = _BOUNDS.pages,
    max_calls: _Calls = _BOUNDS.calls,
    as_json: AsJson = False,
) -> None:
    """Do what `check` does, and write what was exchanged into a folder: no token, id, name, text or address in it.

    Exit status 1 if something does not hold; it is written all the same.
    Example: stakazo contract record --live --out tests/meta_client/recorded/real
    """
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInputError(f"{out} holds something already; name a folder that is empty, or does not exist")
    with opened() as house:
        contract, now = _opened(house, platform, live=live)
        folder = out or house.settings.home / "recordings" / f"{now:%Y%m%dT%H%M%S}"
        verdicts = _run(contract, account, now, Bounds(pages=pages, calls=max_calls), as_json=as_json)
        files = contract.write(str(folder), recorded_from=str(Mode.LIVE) if live else "sandbox", amounts=amounts)
    say(f"{files} files in {folder}; look through them before you hand them on")
    _show(contract, verdicts, (), None, as_json=as_json)
    _leave(verdicts)


def _platform(slug: str | None) -> Platform:
    built = catalogue.built_platforms()
    found = [row for row in built if slug in (None, row.slug)]
    if not found:
        raise BadInputError(f'no client of "{slug}" is built; there are: {", ".join(row.slug for row in built)}')
    return found[0]


def _opened(house: House, platform: str | None, *, live: bool) -> tuple[PlatformContract, datetime]:
    contract, clock = house.contract(_platform(platform).slug, Mode.LIVE if live else Mode.STUB)
    return contract, clock.now()


def _run(
    contract: PlatformContract, account: str | None, now: datetime, bounds: Bounds, *, as_json: bool
) -> Sequence[Verdict]:
    least = _least(contract.clauses())
    say(
        f"{contract.address} will be called about {least} times ({least} points of its quota, a read each), more where"
        f" lists have more than one page; never more than {bounds.calls} times; nothing is written there"
    )
    chosen = account or _only(contract)
    verdicts = contract.check(chosen, now, bounds)
    return tuple(verdicts) if as_json else tuple(_told(verdicts))


def _only(contract: PlatformContract) -> str:
    found = contract.accounts()
    if len(found) == 1:
        return found[0].id
    if not found:
        raise NotReadyError("the token sees no ad account; give its user access to one")
    shown = "\n".join(f"  {row.id}  {row.name}" for row in found)
    raise BadInputError(f"the token sees several accounts; name one with --account:\n{shown}")


def _told(verdicts: Iterator[Verdict]) -> Iterator[Verdict]:
    with err.status("asking") as line:
        for verdict in verdicts:
            line.update(f"asked: {verdict.clause}")
            yield verdict


def _show(
    contract: PlatformContract,
    verdicts: Sequence[Verdict],
    found: Sequence[Difference],
    against: Path | None,
    *,
    as_json: bool,
) -> None:
    if as_json:
        print_json({
            "ok": _is_kept(verdicts), "address": contract.address, "calls": sum(one.calls for one in verdicts),
            "verdicts": verdicts, "differences": found,
        })  # fmt: skip
        return
    print_table(
        f"Asked of {contract.address}: {sum(one.calls for one in verdicts)} calls",
        ("asked", "calls", "verdict", "what differs"),
        [(one.clause, one.calls, one.standing, "; ".join(one.differs) or "-") for one in verdicts],
        empty="nothing was asked",
        whole=("asked", "verdict"),
    )
    if against is not None:
        print_table(
            f"Other shapes than in {against}",
            ("asked", "where", "recorded", "now"),
            [(one.question, one.place, one.recorded, one.present) for one in found],
            empty="none",
        )


def _least(clauses: Sequence[Clause]) -> int:
    return sum(one.calls for one in clauses)


def _is_kept(verdicts: Sequence[Verdict]) -> bool:
    return all(one.standing is Standing.KEPT for one in verdicts)


def _leave(verdicts: Sequence[Verdict]) -> None:
    if not _is_kept(verdicts):
        raise typer.Exit(1)
