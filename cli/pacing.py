"""`stakazo pacing`: what is spent today, this week and month against its targets; `stakazo live`: what spends now."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

import typer
from sqlalchemy import Connection

from cli.console import AsJson, instant, out, print_json, print_table, safe
from cli.session import AccountChoice, AccountFilter, choose_account, chosen_or_all, opened, transaction
from cli.watching import EVERY_S, Watch, WatchEvery, show
from domain.actions import ObjectKind
from domain.errors import BadInputError, NotReadyError
from domain.live import LiveSnapshot, ObjectTotal
from domain.money import Money
from models import accounts, live, pacing
from models.accounts import Account
from models.pacing import PacingState

BAR: Final = 24  # characters
_AN_HOUR: Final = timedelta(minutes=55)
_KINDS: Final = {"campaign": ObjectKind.CAMPAIGN, "ad_set": ObjectKind.AD_SET}
_HINT: Final = "real time looks every 5 minutes; `stakazo schedules` shows when next"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("pacing")(pacing_)
    app.command("live")(live_)


def pacing_(
    *, account: AccountFilter = None, as_json: AsJson = False, watch: Watch = False, every: WatchEvery = EVERY_S
) -> None:
    """Show spend against day, week and month: target, spent, due by now, likely at the end, over or under.

    The bar is spent (#), likely to come (-) and the target (|). Over and under are said only where the whole 80 %
    interval says so; a day may cost 1.75 times its budgets, a Sunday-Saturday week 7 times.
    Exit status 1 while something runs away or a budget will not hold.

    Example: stakazo pacing --watch
    """
    with opened() as house:

        def see() -> bool:
            with transaction(house) as conn:
                rows = _states(conn, account)
            if as_json:
                print_json({"accounts": [_document(*row) for row in rows]})
            else:
                for row in rows:
                    _print(*row)
            return not any(state is not None and state.warnings for _, state in rows)

        show(see, is_watched=watch, as_json=as_json, every_s=every)


def live_(
    *,
    account: AccountChoice = None,
    kind: Annotated[str, typer.Option(help="campaign or ad_set.")] = "ad_set",
    limit: Annotated[int, typer.Option(min=1, max=500, help="The largest so many.")] = 20,
    as_json: AsJson = False,
    watch: Watch = False,
    every: WatchEvery = EVERY_S,
) -> None:
    """Show what spent most today, as of the newest live reading, and how fast since about an hour before.

    Example: stakazo live --kind campaign --watch
    """
    wanted = _kind(kind)
    with opened() as house:

        def see() -> bool:
            with transaction(house) as conn:
                chosen = choose_account(conn, account)
                snapshot = _reading(conn, chosen)
                earlier = live.latest(conn, chosen.id, as_of=snapshot.as_of - _AN_HOUR)
                rows = _spenders(conn, chosen, (snapshot, earlier), wanted, limit)
            if as_json:
                told = {"read_at": snapshot.read_at, "as_of": snapshot.as_of, "source": snapshot.source}
                print_json({"account": chosen.platform_account_id, **told, "kind": wanted, "objects": rows})
            else:
                _print_live(chosen, snapshot, rows)
            return True

        show(see, is_watched=watch, as_json=as_json, every_s=every)


def bar(spent: int, projected: int, target: int | None) -> str:
    """Draw spent, likely end and target on one scale: `####--------|---`."""
    whole = max(spent, projected, target or 0, 1)
    at = [min(BAR, round(BAR * value / whole)) for value in (spent, projected)]
    drawn = list("#" * at[0] + "-" * (at[1] - at[0]) + "." * (BAR - at[1]))
    if target:
        drawn[min(BAR - 1, round(BAR * target / whole))] = "|"
    return "".join(drawn)


def _states(conn: Connection, text: str | None) -> tuple[tuple[Account, PacingState | None], ...]:
    chosen = chosen_or_all(conn, text)
    found = accounts.listing(conn) if chosen is None else (chosen,)
    return tuple((row, pacing.current(conn, row.id)) for row in found)


def _document(account: Account, state: PacingState | None) -> dict[str, Any]:
    common = {"account": account.platform_account_id, "name": account.name, "currency": account.currency}
    if state is None:
        return {**common, "made_at": None}
    told = {"spans": state.spans, "objects": state.objects, "warnings": state.warnings}
    return {**common, "made_at": state.made_at, **told}


def _print(account: Account, state: PacingState | None) -> None:
    title = f"{account.name} ({account.platform_account_id}), in {account.currency}"
    spans = () if state is None else state.spans
    print_table(
        title if state is None else f"{title} at {instant(state.made_at)}",
        ("", "target", "spent", "due by now", "likely at the end (80 %)", "pace", "bar"),
        [_row(account, span) for span in spans],
        empty=f"nobody looked yet; {_HINT}",
        whole=("bar", "pace"),
    )
    if state is None:
        return
    for warning in state.warnings:
        out.print(f"  ! {safe(warning['words'])}", style="red", markup=False, soft_wrap=True)
    if state.objects:
        print_table(
            f"Beside their budgets, in {account.currency}",
            ("object", "a day", "spent", "likely", "pace"),
            [
                (
                    f"{str(row['kind']).replace('_', ' ')} {row['name']} ({row['id']})",
                    *(_money(account, row[name]) for name in ("daily_budget_minor", "spent_minor", "projected_minor")),
                    row["pace"],
                )
                for row in state.objects[:10]
            ],
            empty="",
        )


def _row(account: Account, span: Mapping[str, Any]) -> tuple[object, ...]:
    low, high = (_money(account, span[name]) for name in ("low_minor", "high_minor"))
    return (
        span["span"],
        *(_money(account, span[name]) for name in ("target_minor", "spent_minor", "expected_minor")),
        f"{_money(account, span['projected_minor'])} ({low} to {high})",
        span["pace"],
        bar(span["spent_minor"], span["projected_minor"], span["target_minor"]),
    )


def _money(account: Account, minor: object) -> str:
    return str(Money(minor, account.currency)).removesuffix(f" {account.currency}") if isinstance(minor, int) else "-"


def _kind(text: str) -> ObjectKind:
    if text not in _KINDS:
        raise BadInputError(f'no kind "{text}" spends live; there are {", ".join(_KINDS)}')
    return _KINDS[text]


def _reading(conn: Connection, account: Account) -> LiveSnapshot:
    found = live.latest(conn, account.id)
    if found is None:
        raise NotReadyError(f"account {account.name} was never read live; {_HINT}")
    return found


def _spenders(
    conn: Connection,
    account: Account,
    readings: tuple[LiveSnapshot, LiveSnapshot | None],
    kind: ObjectKind,
    limit: int,
) -> list[dict[str, Any]]:
    now, earlier = readings
    rows = _rows(now, kind)[:limit]
    before = {} if earlier is None or earlier.day != now.day else {row.object_id: row for row in _rows(earlier, kind)}
    hours = 0.0 if earlier is None else (now.as_of - earlier.as_of).total_seconds() / 3600
    names = live.names(conn, account.id, kind, [row.object_id for row in rows])
    return [
        {
            **row._asdict(),
            "name": names.get(row.object_id, ""),
            "spend_minor_an_hour": None
            if row.object_id not in before or hours <= 0
            else round((row.spend_minor - before[row.object_id].spend_minor) / hours),
        }
        for row in rows
    ]


def _rows(snapshot: LiveSnapshot, kind: ObjectKind) -> list[ObjectTotal]:
    return list(live.rows_of(snapshot.frames[kind])) if kind in snapshot.frames else []


def _print_live(account: Account, snapshot: LiveSnapshot, rows: list[dict[str, Any]]) -> None:
    print_table(
        f"{account.name} on {snapshot.day}, up to {instant(snapshot.as_of)}, read at {instant(snapshot.read_at)}",
        (
            "object",
            *(f"{word}, {account.currency}" for word in ("spent", "an hour")),
            *("impressions", "clicks", "purchases", f"revenue, {account.currency}"),
        ),
        [
            (
                f"{row['name']} ({row['object_id']})",
                *(_money(account, row[name]) for name in ("spend_minor", "spend_minor_an_hour")),
                *(f"{row[name]:,}" for name in ("impressions", "clicks", "purchases")),
                _money(account, row["revenue_minor"]),
            )
            for row in rows
        ],
        empty="nothing was shown today",
    )
