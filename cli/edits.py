"""`stakazo edits`: what people changed by hand beside us, until when we keep off, and what we went over."""

from typing import Annotated

import typer

from cli.console import AsJson, compact, instant, print_facts, print_json, print_table
from cli.session import AccountChoice, AccountFilter, actor, choose_account, chosen_or_all, opened, transaction
from domain.actions import JsonMap
from domain.errors import BadInputError
from domain.money import Money
from models import accounts, audit, hand_edits
from models.accounts import Account
from models.hand_edits import FoundBy, Noted

app = typer.Typer(no_args_is_help=True)
_FOUND = {
    FoundBy.ACTIVITIES: "history",
    FoundBy.PRECHECK: "look before a write",
    FoundBy.OVERWRITTEN: "OVERWRITTEN",
}


@app.command("list")
def list_(
    account: AccountFilter = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, help="So many: overwritten ones first, then the newest.")
    ] = 50,
    as_json: AsJson = False,
) -> None:
    """List edits by hand: who changed what when, until when we keep off; those that we overwrote come first.

    Example: stakazo edits list --limit 20
    """
    with opened() as house, transaction(house) as conn:
        chosen = chosen_or_all(conn, account)
        rows = hand_edits.listing(conn, None if chosen is None else chosen.id, limit)
        known = {row.id: row for row in accounts.listing(conn)}
    if as_json:
        print_json({"edits": rows})
        return
    print_table(
        "Edits by hand (the platform's clock)",
        ("when", "who", "object", "change", "kept off until", "found by", "way back"),
        [_cells(row, known[row.account_id]) for row in rows],
        empty="none is known; every collection looks for them",
    )


@app.command("release")
def release(
    object_id: Annotated[str, typer.Argument(metavar="OBJECT", help="The platform's id, as `edits list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why it may be changed again before its rest is over; kept on record.")],
    account: AccountChoice = None,
    as_json: AsJson = False,
) -> None:
    """Let the modules change an object again that somebody edited by hand.

    Example: stakazo edits release 120210001 --reason 'agreed with Marta'
    """
    if not reason.strip():
        raise BadInputError("a release wants a reason: --reason 'agreed with Marta'")
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        rows = hand_edits.release(conn, chosen.id, object_id, by=actor(), reason=reason)
        if not rows:
            raise BadInputError(f"no edit by hand holds {object_id}; `stakazo edits list` shows those that hold one")
        detail: JsonMap = {"object": object_id, "edits": len(rows), "reason": reason}
        audit.note(conn, actor=actor(), event="edit.released", account_id=chosen.id, detail=detail)
    if as_json:
        print_json({"account": chosen.id, "object": object_id, "released": rows})
        return
    what = "one edit" if len(rows) == 1 else f"{len(rows)} edits"
    print_facts(f"Released {object_id}", [("no longer held by", what), ("released by", actor()), ("because", reason)])


@app.command("window")
def window(account: AccountFilter = None, as_json: AsJson = False) -> None:
    """Show how long an edit could go unseen between our last look at an object and our write, as measured.

    Example: stakazo edits window --json
    """
    with opened() as house, transaction(house) as conn:
        chosen = chosen_or_all(conn, account)
        found = hand_edits.read_to_write(conn, None if chosen is None else chosen.id)
    if as_json:
        print_json({"account": None if chosen is None else chosen.id, "window": found})
        return
    spans = (("half of them within", found.p50_ms), ("99 % within", found.p99_ms), ("the longest", found.max_ms))
    print_facts(
        "From the fresh reading to the write",
        [
            ("writes measured", found.writes),
            *((name, "no write yet" if ms is None else f"{ms} ms") for name, ms in spans),
            ("edits overwritten", found.overwritten),
        ],
    )


def _cells(row: Noted, account: Account) -> tuple[object, ...]:
    edit = row.edit
    return (
        instant(edit.edited_at),
        edit.actor_name or "somebody",
        f"{edit.object_kind.replace('_', ' ')} {edit.object_id}",
        _change(row, account),
        f"released by {row.released_by}" if row.released_at else instant(row.hands_off_until),
        _FOUND[edit.found_by],
        _way_back(row, account) if edit.found_by is FoundBy.OVERWRITTEN else "",
    )


def _way_back(row: Noted, account: Account) -> str:
    """The command that sets again what the person had set; an undo would go back before that."""
    edit = row.edit
    budget, status = edit.after.get("daily_budget_minor"), edit.after.get("status")
    if type(budget) is int:
        option = f'--daily-budget "{Money(budget, account.currency)}"'
    elif status in {"active", "paused"}:
        option = "--activate" if status == "active" else "--pause"
    else:
        return f"stakazo undo action {edit.action_id} --plan"
    kind = edit.object_kind.replace("_", "")
    return f"stakazo change {kind} {edit.object_id} {option} --reason 'as {edit.actor_name or 'they'} had set it'"


def _change(row: Noted, account: Account) -> str:
    edit = row.edit
    if not edit.after:
        return edit.event
    told = [
        f"{_shown(edit.before.get(key), key, account)} → {_shown(edit.after[key], key, account)}" for key in edit.after
    ]
    return ", ".join(told)


def _shown(value: object, key: str, account: Account) -> str:
    if key == "daily_budget_minor" and type(value) is int:
        return str(Money(value, account.currency))
    return value if isinstance(value, str) else compact(value)
