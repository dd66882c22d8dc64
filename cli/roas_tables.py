"""What `stakazo roas` shows: rows of the store of estimates in words and columns, against what the account aims at."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from cli.console import instant, out, print_facts, print_json, print_table, say
from cli.session import choose_account, opened, transaction
from decisions.break_even import Aim, aim_of
from decisions.policy import DEFAULT, AccountLimits, MaturedPolicy, parse_policy
from domain.actions import ObjectKind
from domain.errors import BadInputError, NotReadyError
from domain.money import Money
from models import panels, policies, roas_calibration, roas_estimates, standing
from models.accounts import Account
from models.roas_calibration import SETTLED_DAYS, Held
from models.roas_estimates import Estimate

_Cell = TypeVar("_Cell")
_Z: Final = 1.2815515655446004  # the ends of the middle 80 %
_NOT_YET: Final = "the ROAS engine has not told anything of account {name} yet; it runs every day, or now by"
_HINT: Final = "`stakazo cycle run --cycle roas_engine`"
_COLUMNS: Final = ("now", "matured", "80 %", "P(reaches)", "arrived", "purchases", "next 7 days", "80 %")
_WIDE: Final = 110
_LEFT_OUT: Final = frozenset({5, 6, 8})  # arrived, purchases, the interval of the forecast
_LEGEND: Final = (
    "now: as reports stand; matured: once all its purchases have arrived; 80 %: in 8 of 10 cases between these;"
    " P(reaches): how likely it reaches the ROAS above; arrived: share of its purchases reported by now;"
    " purchases: days weighed by age; off: nothing will be spent on it"
)
_TOLD_SHARE: Final = 0.8
_SURE: Final = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """An account, what it must reach, and the rows to show with their names."""

    account: Account
    aim: Aim
    rows: tuple[Estimate, ...]
    names: Mapping[str, str]


def show_level(account: str | None, level: str, limit: int, *, as_json: bool) -> None:
    """List the objects of a kind, those with most spend first."""
    kind = ObjectKind(level)
    with opened() as house, transaction(house) as conn:
        chosen = _ready(conn, account)
        seen = _seen(conn, chosen, roas_estimates.listing(conn, chosen.id, kind, limit))
    if as_json:
        print_json(_document(seen) | {"level": level, "objects": [_plain(row, seen) for row in seen.rows]})
        return
    made = f" as of {instant(seen.rows[0].made_at)}" if seen.rows else ""
    print_table(
        f"ROAS of {chosen.name}{made}; must reach {seen.aim.words}",
        that_fit((level.replace("_", " "), *_COLUMNS), out.width),
        [that_fit(_cells(row, seen), out.width) for row in seen.rows],
        empty=f"no {level.replace('_', ' ')} has spent anything in the history that counts",
    )
    if seen.rows:
        say(_LEGEND)


def show_one(account: str | None, object_id: str, *, as_json: bool) -> None:
    """Show all that is known of one object."""
    with opened() as house, transaction(house) as conn:
        chosen = _ready(conn, account)
        row = roas_estimates.of_object(conn, chosen.id, object_id)
        if row is None:
            raise BadInputError(
                f'no ROAS of "{object_id}": it spent nothing in the history that counts, or there is no such object;'
                " `stakazo roas --level ad_set` lists those there are"
            )
        seen = _seen(conn, chosen, (row,))
    if as_json:
        print_json(_document(seen) | {"object": _plain(row, seen)})
        return
    name, kind = seen.names.get(row.object_id, ""), row.object_kind.replace("_", " ")
    print_facts(f"ROAS of {kind} {name or chosen.name} ({row.object_id})", _facts(row, seen))


def show_calibration(account: str | None, *, as_json: bool) -> None:
    """Show how often the forecasts of past weeks held."""
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        read_at = chosen.insights_read_at
        until = None if read_at is None else panels.reading(chosen, read_at).until
        held = () if until is None else roas_calibration.calibration(conn, chosen.id, until)
        settled_on = roas_calibration.first_settled_on(conn, chosen.id)
    if as_json:
        print_json({"account": chosen.id, "told_share": _TOLD_SHARE, "first_settled_on": settled_on, "kinds": [
            row._asdict() for row in held]})  # fmt: skip
        return
    waiting = "none was made yet" if settled_on is None else f"the first can be judged on {settled_on}"
    print_table(
        f"Forecasts of {chosen.name}: 8 of 10 should hold (judged {SETTLED_DAYS} days after their week)",
        ("kind", "forecasts", "held", "brought less", "brought more", "brought / told"),
        [_held_cells(row) for row in held],
        empty=f"none is old enough to be judged; {waiting}",
    )


def _ready(conn: Connection, account: str | None) -> Account:
    chosen = choose_account(conn, account)
    if roas_estimates.made_when(conn, chosen.id) is None:
        raise NotReadyError(f"{_NOT_YET.format(name=chosen.name)} {_HINT}")
    return chosen


def _seen(conn: Connection, account: Account, rows: tuple[Estimate, ...]) -> _Seen:
    name, body = policies.current(conn, account.id) or (DEFAULT, {})
    policy = parse_policy(name, body)
    whole = roas_estimates.listing(conn, account.id, ObjectKind.ACCOUNT, 1)
    limits = AccountLimits(
        minimum_daily_budget_minor=account.minimum_daily_budget_minor, goal_roas=account.goal_roas,
        goal_cpa_minor=account.goal_cpa_minor, margin=account.margin,
    )  # fmt: skip
    aim = aim_of(
        policy if isinstance(policy, MaturedPolicy) else MaturedPolicy(), limits,
        order_value_minor=whole[0].order_value_minor if whole and whole[0].purchases > 0 else None,
    )  # fmt: skip
    return _Seen(account=account, aim=aim, rows=rows, names=_names(conn, account, rows))


def _names(conn: Connection, account: Account, rows: tuple[Estimate, ...]) -> Mapping[str, str]:
    kind = rows[0].object_kind if rows else ObjectKind.ACCOUNT
    if kind is ObjectKind.ACCOUNT:
        return {row.object_id: account.name for row in rows}
    return standing.names(conn, account.id, kind, [row.object_id for row in rows])


def _cells(row: Estimate, seen: _Seen) -> tuple[object, ...]:
    low, middle, high = _interval(row)
    ahead = (f"{row.ahead_roas:.2f}", f"{row.ahead_roas_low:.2f} to {row.ahead_roas_high:.2f}")
    name = seen.names.get(row.object_id, "gone")
    return (
        f"{name} ({row.object_id})", f"{row.roas_now:.2f}", f"{middle:.2f}", f"{low:.2f} to {high:.2f}",
        _percent(_chance(row, seen.aim)), f"{row.maturity * 100:.0f} %", f"{row.purchases:.1f}",
        *(ahead if row.ahead_spend_minor > 0 else ("off", "")),
    )  # fmt: skip


def that_fit(cells: tuple[_Cell, ...], width: int) -> tuple[_Cell, ...]:
    """On a narrow screen names would be broken to pieces: without what is in the view of one object anyway."""
    return cells if width >= _WIDE else tuple(cell for place, cell in enumerate(cells) if place not in _LEFT_OUT)


def _facts(row: Estimate, seen: _Seen) -> list[tuple[str, object]]:
    low, middle, high = _interval(row)
    currency = seen.account.currency
    spend, revenue = row.ahead_spend_minor, row.ahead_spend_minor * row.ahead_roas
    ends = [Money(round(spend * end), currency) for end in (row.ahead_roas_low, row.ahead_roas_high)]
    ahead = (
        f"ROAS {row.ahead_roas:.2f} ({row.ahead_roas_low:.2f} to {row.ahead_roas_high:.2f} in 8 of 10 cases): spend"
        f" {Money(round(spend), currency)}, revenue {Money(round(revenue), currency)} ({ends[0]} to {ends[1]})"
    )
    return [
        ("now", f"{row.roas_now:.2f}, as reports stand; recent days count more"),
        ("once matured", f"{middle:.2f} ({low:.2f} to {high:.2f} in 8 of 10 cases)"),
        ("must reach", f"{seen.aim.words}: {_percent(_chance(row, seen.aim))} likely"),
        ("has arrived", f"{row.maturity * 100:.0f} % of its purchases, as far as can be expected"),
        ("purchases", f"{row.purchases:.1f} of {Money(round(row.spend_minor), currency)} spend, days weighed by age"),
        ("an order", f"{Money(round(row.order_value_minor), currency)} on average"),
        (f"next {row.ahead_days} days", ahead if spend > 0 else "nothing will be spent: it is off"),
        ("as of", f"{instant(row.made_at)} (figures read {instant(seen.account.insights_read_at)})"),
    ]


def _plain(row: Estimate, seen: _Seen) -> dict[str, Any]:
    low, middle, high = _interval(row)
    return {
        "kind": row.object_kind, "id": row.object_id, "name": seen.names.get(row.object_id, ""), "made_at": row.made_at,
        "roas_now": row.roas_now, "roas_matured": middle, "low": low, "high": high,
        "chance_to_reach": _chance(row, seen.aim), "maturity": row.maturity, "purchases": row.purchases,
        "spend_minor": row.spend_minor, "order_value_minor": row.order_value_minor,
        "forecast": {
            "days": row.ahead_days, "spend_minor": row.ahead_spend_minor, "roas": row.ahead_roas,
            "low": row.ahead_roas_low, "high": row.ahead_roas_high,
            "revenue_minor": row.ahead_spend_minor * row.ahead_roas,
        } if row.ahead_spend_minor > 0 else None,
    }  # fmt: skip


def _document(seen: _Seen) -> dict[str, Any]:
    return {
        "account": seen.account.id, "currency": seen.account.currency,
        "must_reach": {"roas": seen.aim.roas, "basis": seen.aim.basis}, "read_at": seen.account.insights_read_at,
    }  # fmt: skip


def _interval(row: Estimate) -> tuple[float, float, float]:
    low, middle, high = (math.exp(row.log_median + z * row.log_sd) for z in (-_Z, 0.0, _Z))
    return low, middle, high


def _chance(row: Estimate, aim: Aim) -> float:
    return NormalDist().cdf((row.log_median - math.log(max(aim.roas, 1e-300))) / row.log_sd)


def _percent(chance: float) -> str:
    """Nothing is ever certain."""
    return "over 99 %" if chance > _SURE else "under 1 %" if chance < 1 - _SURE else f"{chance * 100:.0f} %"


def _held_cells(row: Held) -> tuple[object, ...]:
    ratio = "" if row.brought_by_told is None else f"{row.brought_by_told:.2f}"
    return (
        row.object_kind.replace("_", " "), row.forecasts, f"{row.held / row.forecasts * 100:.0f} %", row.under,
        row.over, ratio,
    )  # fmt: skip
