"""`stakazo quota`: how much of each account's calls is used, who may still call, and what is broken off."""

from collections.abc import Mapping
from typing import Annotated

import typer

from actions import quota as rule
from cli.console import AsJson, instant, print_facts, print_json, print_table, span
from cli.session import AccountChoice, AccountFilter, actor, choose_account, chosen_or_all, opened, transaction
from domain.actions import JsonMap
from domain.errors import BadInputError
from domain.ports import CallClass, CallKind
from models import accounts, audit, quota
from models.accounts import Account
from models.quota import BreakerRow, Key, Quota
from workers.gate import standing

app = typer.Typer(no_args_is_help=True)


@app.command("show")
def show(account: AccountFilter = None, as_json: AsJson = False) -> None:
    """Show the calls of each account: used now, until when nobody calls, breakers, retry tokens.

    Collecting stops at 60 % of what the platform reports as used, prechecks and writes at 80 %; the rest is kept for
    the pauses of an emergency stop. Example: stakazo quota show --json
    """
    with opened() as house, transaction(house) as conn:
        chosen = chosen_or_all(conn, account)
        known = {_key(row): row for row in accounts.listing(conn)}
        rows = [row for row in quota.listing(conn) if chosen is None or row.key == _key(chosen)]
    if as_json:
        limits = {str(name): limit for name, limit in rule.LIMITS.items()}
        print_json({"limits": limits, "quotas": [_document(row, known) for row in rows]})
        return
    print_table(
        "Calls of each account: collect stops at 60 %, the door at 80 %, an emergency at 100 %",
        ("account", "mode", "used now", "under way", "may call", "nobody before", "broken off", "repeats", "kept back"),
        [_cells(row, known) for row in rows],
        empty="nobody has called a platform yet; the first collection will",
    )


@app.command("reset-breaker")
def reset_breaker(
    kind: Annotated[CallKind, typer.Argument(help="Which calls to let through again.")],
    reason: Annotated[str, typer.Option(help="Why the platform is known to work again; kept on record.")],
    account: AccountChoice = None,
    as_json: AsJson = False,
) -> None:
    """Let a kind of calls through at once that was broken off; by itself that takes a read that succeeds.

    Example: stakazo quota reset-breaker write --reason 'the platform reports the incident as solved'
    """
    if not reason.strip():
        raise BadInputError("a reset wants a reason: --reason 'the platform reports the incident as solved'")
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        if not quota.reset_breaker(conn, _key(chosen), kind):
            raise BadInputError(f"{kind} calls of account {chosen.name} are not broken off; see `stakazo quota show`")
        detail: JsonMap = {"kind": kind, "reason": reason}
        audit.note(conn, actor=actor(), event="breaker.reset", account_id=chosen.id, detail=detail)
    if as_json:
        print_json({"account": chosen.id, "kind": kind, "is_open": False})
        return
    print_facts(f"Let through: {kind} calls of {chosen.name}", [("by", actor()), ("because", reason)])


def _key(account: Account) -> Key:
    return Key(platform=account.platform, mode=account.mode, account=account.platform_account_id)


def _cells(row: Quota, known: Mapping[Key, Account]) -> tuple[object, ...]:
    used = _used(row)
    shares = ", ".join(f"{name} {share:.0%}" for name, share in used.items())
    waits = row.regain_at is not None and row.regain_at > row.now
    return (
        _name(row, known),
        row.key.mode,
        shares if row.reported_at else "not told yet",
        f"{rule.in_flight(standing(row)):.0%}",
        ", ".join(_may_call(row)) or "nobody",
        f"{instant(row.regain_at)}: {row.regain_reason}" if waits else "-",
        "; ".join(_broken_off(row)) or "-",
        f"{row.retry_tenths // rule.RETRY_COST} of {rule.RETRY_TENTHS // rule.RETRY_COST}",
        f"{row.kept_back} of {row.kept_back + row.calls}",
    )


def _document(row: Quota, known: Mapping[Key, Account]) -> dict[str, object]:
    account = known.get(row.key)
    return {
        "account": None if account is None else account.id,
        "platform": row.key.platform,
        "mode": row.key.mode,
        "platform_account_id": row.key.account or None,
        "used": _used(row),
        "reported_at": row.reported_at,
        "score_limit": row.score_limit,
        "points_under_way": row.taken,
        "may_call": _may_call(row),
        "regain_at": row.regain_at,
        "regain_reason": row.regain_reason,
        "breakers": {kind: {"is_open": one.is_open, "probe_at": one.probe_at} for kind, one in row.breakers.items()},
        "retry_tokens": row.retry_tenths / rule.RETRY_COST,
        "calls": row.calls,
        "kept_back": row.kept_back,
    }


def _used(row: Quota) -> dict[str, float]:
    return {name: share.used for name, share in rule.shares(standing(row), CallKind.INSIGHTS).items()}


def _may_call(row: Quota) -> list[str]:
    """The classes whose next read would go out now."""
    now = standing(row)
    return [str(one) for one in CallClass if isinstance(rule.judge(now, CallKind.READ, one), rule.Go)]


def _broken_off(row: Quota) -> list[str]:
    return [f"{kind} (a read may try {_when(row, one)})" for kind, one in row.breakers.items() if one.is_open]


def _when(row: Quota, breaker: BreakerRow) -> str:
    left_s = 0.0 if breaker.probe_at is None else (breaker.probe_at - row.now).total_seconds()
    return "now" if left_s <= 0 else f"in {span(left_s)}"


def _name(row: Quota, known: Mapping[Key, Account]) -> str:
    if not row.key.account:
        return f"the token ({row.key.platform})"
    account = known.get(row.key)
    return row.key.account if account is None else account.name
