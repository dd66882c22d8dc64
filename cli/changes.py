"""`stakazo change`: a person's own request, through the same door as every module's."""

from collections.abc import Mapping
from typing import Annotated, Final, NoReturn

import typer
from sqlalchemy import Connection

from actions import door
from cli import goals
from cli.actions import print_actions
from cli.console import AsJson, print_json, say
from cli.ringing import ring_all
from cli.session import AccountChoice, choose_account, opened, principal, transaction
from cli.waiting import wait_for_actions
from domain.actions import TERMINAL, Action, ActionKind, ActionState, JsonMap, ObjectKind, Priority, Proposal
from domain.errors import BadInputError, NotReadyError
from domain.objects import Ad, AdSet, Campaign
from domain.permissions import Permission, require
from models import accounts, mirror
from models.accounts import Account
from workers.bootstrap import House, limits_of

app = typer.Typer(no_args_is_help=True)

_RULE: Final = "person"
_Id = Annotated[str, typer.Argument(metavar="ID", help="The platform's id, as the lists show it.")]
_Budget = Annotated[
    str | None, typer.Option("--daily-budget", metavar="AMOUNT", help='In the account\'s currency: "60 EUR".')
]
_Pause = Annotated[bool, typer.Option("--pause", help="Let it run no more.")]
_Activate = Annotated[bool, typer.Option("--activate", help="Let it run.")]
_Reason = Annotated[str, typer.Option(help="Why; kept with the change for good.")]
_Timeout = Annotated[float, typer.Option(min=1, max=3600, help="Seconds to wait for the outcome.")]
_Change = tuple[ActionKind, JsonMap]  # what is to be set


@app.command("campaign")
def campaign(  # noqa: PLR0917 - typer hands options over by name
    object_id: _Id,
    reason: _Reason,
    daily_budget: _Budget = None,
    pause: _Pause = False,
    activate: _Activate = False,
    account: AccountChoice = None,
    timeout: _Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Change a campaign: its budget where it has its own, or its switch. Exit status 0 once it is applied.

    Example: stakazo change campaign 2385 --pause --reason "sold out"
    """
    _change(ObjectKind.CAMPAIGN, object_id, daily_budget, pause, activate, reason, account, timeout, as_json=as_json)


@app.command("adset")
def adset(  # noqa: PLR0917 - typer hands options over by name
    object_id: _Id,
    reason: _Reason,
    daily_budget: _Budget = None,
    pause: _Pause = False,
    activate: _Activate = False,
    account: AccountChoice = None,
    timeout: _Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Change an ad set: its budget or its switch. Exit status 0 once it is applied.

    Steps, caps and cooldowns hold for people too; what is over a threshold waits for somebody else's approval.

    Example: stakazo change adset 2386 --daily-budget "60 EUR" --reason "the spring sale"
    """
    _change(ObjectKind.AD_SET, object_id, daily_budget, pause, activate, reason, account, timeout, as_json=as_json)


@app.command("ad")
def ad(  # noqa: PLR0917 - typer hands options over by name
    object_id: _Id,
    reason: _Reason,
    pause: _Pause = False,
    activate: _Activate = False,
    account: AccountChoice = None,
    timeout: _Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Pause an ad, or let it run. Exit status 0 once it is applied.

    Example: stakazo change ad 2387 --activate --reason "the claim was checked"
    """
    _change(ObjectKind.AD, object_id, None, pause, activate, reason, account, timeout, as_json=as_json)


def _change(  # noqa: PLR0917 - the options as they were typed
    kind: ObjectKind,
    object_id: str,
    daily_budget: str | None,
    pause: bool,
    activate: bool,
    reason: str,
    account: str | None,
    timeout: float,
    *,
    as_json: bool,
) -> NoReturn:
    if [daily_budget is not None, pause, activate].count(True) != 1:
        raise BadInputError("say one thing: --daily-budget AMOUNT, --pause or --activate")
    if not reason.strip():
        raise BadInputError("a change wants a reason: --reason 'the spring sale'")
    with opened() as house:
        with transaction(house) as conn:
            chosen = choose_account(conn, account)
        change = _wanted(chosen, daily_budget, pause=pause)
        proposed = _propose(house, chosen, kind, object_id, change, reason.strip())
        ring_all(house, proposed.rings)
        (action,) = wait_for_actions(house, [row.id for row in proposed.actions], timeout)
    leave(action, chosen, as_json=as_json)


def _wanted(account: Account, daily_budget: str | None, *, pause: bool) -> _Change:
    if daily_budget is not None:
        minor = goals.amount_in(account, daily_budget, "daily budget")
        return ActionKind.SET_DAILY_BUDGET, {"daily_budget_minor": minor}
    if pause:
        return ActionKind.PAUSE, {"status": "paused"}
    return ActionKind.ACTIVATE, {"status": "active"}


def _propose(  # noqa: PLR0917 - what was asked for, of what
    house: House, account: Account, kind: ObjectKind, object_id: str, change: _Change, reason: str
) -> door.Proposed:
    now = house.clock_of(account).now()
    with transaction(house) as conn:
        who = principal(conn)
        require(who, Permission.PROPOSE)
        chosen = accounts.get(conn, account.id)
        name, before = _present(conn, chosen, kind, object_id, change)
        proposal = Proposal(
            kind=change[0],
            object_kind=kind,
            object_id=object_id,
            object_name=name,
            expected_before=before,
            target=change[1],
            rule=_RULE,
            priority=Priority.PERSON,
            reason=reason,
            evidence={"asked_by": who.name},
        )
        return door.propose(
            conn,
            account=chosen,
            run_id=None,
            now=now,
            proposals=[proposal],
            actor=who.name,
            limits=limits_of(house.settings),
        )


def _present(
    conn: Connection, account: Account, kind: ObjectKind, object_id: str, change: _Change
) -> tuple[str, JsonMap]:
    """The object's name and the values that the change is to replace, as our mirror knows them."""
    words = kind.replace("_", " ")
    known = mirror.find(conn, account.id, kind, object_id)
    if not isinstance(known, Campaign | AdSet | Ad):
        listed = words.replace(" ", "")
        raise BadInputError(f"account {account.id} has no {words} {object_id}; `stakazo {listed} list` shows them")
    held: Mapping[str, int | str | None] = {
        "status": known.status.value,
        "daily_budget_minor": None if isinstance(known, Ad) else known.daily_budget_minor,
    }
    before: JsonMap = {key: held[key] for key in change[1]}
    if None in before.values():
        raise BadInputError(
            f"{words} {object_id} has no daily budget of its own; `stakazo {words.replace(' ', '')} list`"
        )
    if before == change[1]:
        raise NotReadyError(f"{words} {object_id} is so already, as far as we know; nothing was asked for")
    return known.name, before


def leave(action: Action, account: Account, *, as_json: bool) -> NoReturn:
    """Print what became of a change, and end: exit status 0 if it is applied."""
    if as_json:
        print_json({"action": action})
    else:
        print_actions("Change", [(action, account.currency)], empty="")
    if action.state is ActionState.BLOCKED and action.state_reason.startswith("the fence is closed"):
        say("a stop keeps everything back; `stakazo fence status` shows it, `stakazo resume --plan` the way out")
    if action.state is ActionState.AWAITING_APPROVAL:
        say(f"it waits for somebody else: `stakazo approve {action.id} --reason ...`; `stakazo reject` takes it back")
    elif action.state not in TERMINAL:
        say(f"its outcome is not known yet; `stakazo actions show {action.id}` tells it")
    raise typer.Exit(0 if action.state is ActionState.APPLIED else 1)
