"""`stakazo actions`: the ledger. Read-only: changes go through cycles and commands."""

from typing import Annotated

import typer

from cli import dead, orphans, wording
from cli.console import AsJson, compact, instant, print_facts, print_json, print_table
from cli.session import AccountFilter, chosen_or_all, opened, transaction
from domain.actions import Action, ActionState
from domain.errors import BadInputError
from domain.ids import ActionId
from models import accounts, ledger_reads
from models.accounts import Account
from models.ledger_reads import Event, Machinery

app = typer.Typer(no_args_is_help=True)
app.add_typer(dead.app, name="dead", help="Actions whose executors died too often, and giving one another life.")
orphans.register(app)


@app.command("list")
def list_(
    account: AccountFilter = None,
    state: Annotated[ActionState | None, typer.Option(help="Only actions that stand so.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what was wanted, newest first: the change, where it stands, why.

    Example: stakazo actions list --state blocked
    """
    with opened() as house, transaction(house) as conn:
        chosen = chosen_or_all(conn, account)
        rows = ledger_reads.listing(conn, None if chosen is None else chosen.id, state, limit)
        currencies = {row.id: row.currency for row in accounts.listing(conn)}
    if as_json:
        print_json({"actions": rows})
        return
    print_actions("Actions", [(row, currencies[row.account_id]) for row in rows], empty="none yet; `stakazo cycle run`")


@app.command("show")
def show(
    action_id: Annotated[int, typer.Argument(metavar="ID", help="As `stakazo actions list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Show one action: evidence, verdicts, how it was sent, every event.

    Example: stakazo actions show 12
    """
    wanted = ActionId(action_id)
    with opened() as house, transaction(house) as conn:
        action, machinery = ledger_reads.get(conn, wanted), ledger_reads.machinery(conn, wanted)
        if action is None or machinery is None:
            raise BadInputError(f"no action {action_id}; `stakazo actions list` shows them")
        events, account = ledger_reads.events(conn, wanted), accounts.get(conn, action.account_id)
    if as_json:
        print_json({"action": action, "machinery": machinery, "events": events})
        return
    _print_action(action, account, machinery)
    _print_verdicts(machinery)
    _print_events(events)


def print_actions(title: str, rows: list[tuple[Action, str]], *, empty: str, with_ids: bool = True) -> None:
    """Print ledger rows, each with the currency of its account; rehearsed ones have no id worth showing."""
    columns = ("id", "object", "change", "state", "rule", "why")
    shown = [
        (
            *(row.id, wording.object_of(row), wording.change_of(row, currency)),
            *(wording.state_of(row), row.rule, wording.why_of(row)),
        )
        for row, currency in rows
    ]
    first = 0 if with_ids else 1
    print_table(title, columns[first:], [row[first:] for row in shown], empty=empty)


def _print_action(action: Action, account: Account, machinery: Machinery) -> None:
    print_facts(
        f"Action {action.id}",
        [
            ("account", f"{account.name} ({account.platform}:{account.platform_account_id}, {account.mode})"),
            ("run", action.run_id or "none: ordered by a person"),
            ("object", wording.object_of(action)),
            ("change", wording.change_of(action, account.currency)),
            ("state", f"{wording.state_of(action)} ({action.state})"),
            ("state because", action.state_reason),
            ("rule", f"{action.rule}, priority {action.priority}"),
            ("why", action.reason),
            ("evidence", compact(action.evidence)),
            ("expected before", compact(action.expected_before)),
            ("target", compact(action.target)),
            ("decided", f"{instant(action.decided_at)} on the platform's clock"),
            ("recorded", instant(action.created_at)),
            ("sent", f"{instant(action.sent_at)}, {action.attempts} attempts, {action.crash_count} crashes"),
            ("finished", instant(action.finished_at)),
            ("platform's answer", f"object {action.result_object_id}" if action.result_object_id else "none"),
            ("last error", compact(machinery.last_error) if machinery.last_error else "none"),
        ],
    )


def _print_verdicts(machinery: Machinery) -> None:
    print_table(
        "Verdicts",
        ("guardrail", "says", "because"),
        [
            (row.get("guardrail"), _says(row.get("allowed"), row.get("trimmed_target")), row.get("reason"))
            for row in machinery.verdicts
        ],
        empty="no guardrail was asked",
    )


def _says(allowed: object, trimmed: object) -> str:
    if trimmed:
        return f"trim to {compact(trimmed)}"
    return "pass" if allowed else "stop"


def _print_events(events: tuple[Event, ...]) -> None:
    print_table(
        "Events",
        ("at", "actor", "event", "from", "to", "epoch", "detail"),
        [
            (instant(row.at), row.actor, row.event, row.before or "", row.after, row.epoch, compact(row.detail))
            for row in events
        ],
        empty="none",
    )
