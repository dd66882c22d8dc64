"""`stakazo schedules`: every cycle of every account, its last, next and missed slots; held back, let go, run now."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Connection

from cli.console import AsJson, ago, instant, print_json, print_table, say, span
from cli.runs import took
from cli.session import AccountFilter, actor, chosen_or_all, opened, transaction
from control_tower import slots_due
from control_tower.commands.chains import hindrance
from control_tower.slots_due import SlotView
from domain import catalogue
from domain.catalogue import Rhythm
from domain.errors import BadInputError, NotReadyError
from models import accounts, schedule_pauses
from models.accounts import Account
from models.schedule_pauses import Pause
from workers.bootstrap import House
from workers.schedule import wanted_rhythms

app = typer.Typer(invoke_without_command=True)

_UNITS: Final = {"min": "minutes", "h": "hours", "d": "days"}
_SPAN: Final = re.compile(r"(\d{1,4}) ?(min|h|d)")
_Cycle = Annotated[str, typer.Argument(metavar="CYCLE", help="Such as meta.full_cycle, or full_cycle.")]
_Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for its end, or only ask for it.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One cycle of one account. `now`, `slots` are None where the platform does not tell the time."""

    rhythm: Rhythm
    account: Account
    now: datetime | None
    slots: SlotView | None
    pause: Pause | None
    hindrance: str | None  # why it would not run now, beside its own pause

    def document(self) -> dict[str, object]:
        """The schedule for machines."""
        run = None if self.slots is None else self.slots.last_run
        names = ("id", "slot_at", "state", "reason", "triggered_by")
        return {
            "cycle": self.rhythm.name,
            "account": self.account.id,
            "every_s": self.rhythm.cycle.every.total_seconds(),
            "lane": self.rhythm.cycle.lane,
            "now": self.now,
            "last_slot": None if self.slots is None else self.slots.last_slot,
            "last_run": None if run is None else {name: getattr(run, name) for name in names},
            "next_slot": None if self.slots is None or self.pause else self.slots.next_slot,
            "missed": None if self.slots is None else self.slots.missed,
            "pause": self.pause,
            "hindrance": self.hindrance,
        }


@app.callback()
def list_callback(context: typer.Context, account: AccountFilter = None, as_json: AsJson = False) -> None:
    """List every schedule: its rhythm, how its last slot ended, the next, those missed, and who holds it back.

    `stakazo schedules pause full_cycle --reason 'price change' --until 2h` holds one back, `resume` lets it go on.

    Example: stakazo schedules --account 1
    """
    if context.invoked_subcommand is None:
        _list(account, as_json=as_json)


@app.command("list")
def list_(account: AccountFilter = None, as_json: AsJson = False) -> None:
    """List every schedule, as `stakazo schedules` alone does.

    Example: stakazo schedules list --json
    """
    _list(account, as_json=as_json)


@app.command("pause")
def pause(
    cycle: _Cycle,
    reason: Annotated[str, typer.Option(help="Why; shown to everyone.")],
    until: Annotated[
        str | None,
        typer.Option(help="From when on it goes on by itself: 2h, 30min, 3d, or 2026-11-22T08:00 (account's time)."),
    ] = None,
    account: AccountFilter = None,
    as_json: AsJson = False,
) -> None:
    """Hold a schedule back: no slot of it is planned. A run at work ends; what a person asks for still runs.

    To keep the module from running at all: `stakazo modules stop`.

    Example: stakazo schedules pause full_cycle --reason 'price change' --until 2h
    """
    if not reason.strip():
        raise BadInputError("a reason is needed: --reason 'price change'")
    with opened() as house:
        found: list[Pause] = []
        for rhythm, one in _chosen(house, cycle, account):
            until_at = None if until is None else _until(until, one, house.clock_of(one).now())
            with transaction(house) as conn:
                held = schedule_pauses.pause(
                    conn, rhythm.name, one.id, reason=reason.strip(), by=actor(), until_at=until_at
                )
            found.append(held)
    if as_json:
        print_json({"pauses": found})
        return
    for held in found:
        end = "until somebody resumes it" if held.until_at is None else f"until {instant(held.until_at)}, its own clock"
        say(f"{held.task} of account {held.account_id} is held back {end}")


@app.command("resume")
def resume(cycle: _Cycle, account: AccountFilter = None, as_json: AsJson = False) -> None:
    """Let a schedule go on: its newest slot is planned within half a minute, the others are recorded as skipped.

    Example: stakazo schedules resume full_cycle
    """
    with opened() as house:
        chosen = _chosen(house, cycle, account)
        with transaction(house) as conn:
            of_cycle = {
                rhythm.name: [one.id for other, one in chosen if other is rhythm] for rhythm, _ in chosen
            }  # fmt: skip
            count = sum(schedule_pauses.resume(conn, name, ids, by=actor()) for name, ids in of_cycle.items())
    if as_json:
        print_json({"resumed": count})
    elif count:
        say(f"{', '.join(of_cycle)}: goes on for {count} account{'s' if count > 1 else ''}")
    else:
        say(f"{', '.join(of_cycle)} was not held back; `stakazo schedules` shows what is")


@app.command("run")
def run(  # noqa: PLR0917 - options of the command line, by name
    cycle: _Cycle,
    account: AccountFilter = None,
    is_planned: Annotated[
        bool, typer.Option("--plan", help="Only show what it would propose; nothing is written.")
    ] = False,
    wait: _Wait = True,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait at most; the run goes on after that.")] = 600.0,
    as_json: AsJson = False,
) -> None:
    """Run a cycle now, beside its slots; with --plan only say what it would propose, written nowhere.

    Example: stakazo schedules run full_cycle --plan
    """
    from cli import cycles, rehearsals  # late: the latter loads the decisions and Celery, which listing does without
    from tasks.rehearsal import CYCLE, OPTIMIZER

    name = _named(cycle)[0].cycle.name
    if not is_planned:
        cycles.run(account=account, cycle=name, wait=wait, timeout=timeout, as_json=as_json)
    elif name in {CYCLE, OPTIMIZER}:
        rehearsals.show_plan(account, as_json=as_json)
    elif as_json:
        print_json({"cycle": cycle, "proposes": []})
    else:
        say(f"{cycle} proposes nothing of its own that can be planned: {CYCLE} and {OPTIMIZER} do")


def _list(account: str | None, *, as_json: bool) -> None:
    with opened() as house:
        rows = [_look(house, rhythm, one) for rhythm, one in _pairs(house, catalogue.RHYTHMS, account)]
    if as_json:
        print_json({"schedules": [row.document() for row in rows]})
        return
    columns = ("cycle", "account", "every", "last slot", "how it ended", "next", "missed", "held back")
    cells = [_cells(row) for row in rows]
    print_table("Schedules", columns, cells, empty="no account is open", whole=("cycle", "every", "next"))


def _look(house: House, rhythm: Rhythm, account: Account) -> Schedule:
    try:
        now = house.clock_of(account).now()
    except NotReadyError:
        now = None
    wanted = {row.name: row for row in wanted_rhythms(house.settings)}
    own = wanted.get(rhythm.name, rhythm)
    with transaction(house) as conn:
        slots = None if now is None else slots_due.slots(conn, account, own, now)
        held = _pause_of(conn, rhythm, account, now)
        why = hindrance(conn, rhythm.name, account)
    if rhythm.name not in wanted:
        why = f"switched off by {rhythm.pair.platform.slug.upper()}_CYCLE_ENABLED"
    return Schedule(rhythm=own, account=account, now=now, slots=slots, pause=held, hindrance=why)


def _pause_of(conn: Connection, rhythm: Rhythm, account: Account, now: datetime | None) -> Pause | None:
    for row in schedule_pauses.listing(conn):
        is_over = now is not None and row.until_at is not None and row.until_at <= now
        if (row.task, row.account_id) == (rhythm.name, account.id) and not is_over:
            return row
    return None


def _cells(row: Schedule) -> tuple[object, ...]:
    every = span(row.rhythm.cycle.every.total_seconds())
    if row.slots is None or row.now is None:
        return (row.rhythm.name, row.account.id, every, "", "the platform does not tell the time", "", "", _held(row))
    last, missed = row.slots.last_run, row.slots.missed
    ended = "" if last is None else f"{last.state} {took(last)} {last.reason}".strip()
    following = "" if row.pause else ago(row.slots.next_slot, row.now)
    since = f" since {instant(missed[0])}" if missed else ""
    return (
        *(row.rhythm.name, row.account.id, every, ago(row.slots.last_slot, row.now), ended, following),
        *(f"{len(missed)}{since}" if missed else "", _held(row)),
    )


def _held(row: Schedule) -> str:
    told = []
    if row.pause is not None:
        end = "" if row.pause.until_at is None else f", until {instant(row.pause.until_at)}"
        told.append(f"paused by {row.pause.paused_by}: {row.pause.reason}{end}")
    if row.hindrance is not None:
        told.append(row.hindrance)
    return "; ".join(told)


def _named(cycle: str) -> list[Rhythm]:
    """Find a cycle by its full name, or on every platform by its own."""
    return [row for row in catalogue.RHYTHMS if cycle in {row.name, row.cycle.name}] or [catalogue.rhythm(cycle)]


def _chosen(house: House, cycle: str, account: str | None) -> list[tuple[Rhythm, Account]]:
    """Find a cycle, with the accounts that are meant."""
    found = _pairs(house, _named(cycle), account)
    if not found:
        raise NotReadyError("no account is open; `stakazo up` opens those of the sandbox")
    return found


def _pairs(house: House, rhythms: Iterable[Rhythm], account: str | None) -> list[tuple[Rhythm, Account]]:
    with transaction(house) as conn:
        one = chosen_or_all(conn, account)
        people = accounts.listing(conn) if one is None else (one,)
    return [(row, person) for row in rhythms for person in people if row.pair.platform.slug == person.platform]


def _until(typed: str, account: Account, now: datetime) -> datetime:
    """Read a length of time from now on, or an instant; one without a zone is the account's."""
    if found := _SPAN.fullmatch(typed.strip()):
        return now + timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        at = datetime.fromisoformat(typed.strip())
    except ValueError:
        raise BadInputError(f'--until "{typed}" is no time; say 2h, 30min, 3d, or 2026-11-22T08:00') from None
    at = at.replace(tzinfo=ZoneInfo(account.zone)) if at.tzinfo is None else at
    if at <= now:
        raise BadInputError(f"--until {instant(at)} is past: the platform's clock says {instant(now)}")
    return at
