"""`stakazo policy`: the thresholds by which an account's cycles decide, as validated data."""

import json
from typing import Annotated

import typer

from actions import limits
from actions.conflicts import Checked, Conflict, check
from cli.console import AsJson, instant, print_json, print_table
from cli.policy_words import MEANINGS
from cli.session import AccountChoice, choose_account, opened, principal, transaction
from decisions.policy import DEFAULT, POLICIES, AccountLimits, Policy, parse_policy
from domain.actions import Json
from domain.errors import BadInputError
from models import policies
from models.accounts import Account

app = typer.Typer(no_args_is_help=True)

_SHOWN = 60


@app.command("show")
def show(
    account: AccountChoice = None,
    history: Annotated[int, typer.Option(min=0, max=1000, help="Also the newest so many versions.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show the policy in force, field by field beside the defaults.

    Example: stakazo policy show --history 5
    """
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        versions = policies.history(conn, chosen.id, max(1, history))
    newest = versions[0] if versions else None
    name = DEFAULT if newest is None else newest.name
    body = parse_policy(name, {} if newest is None else newest.body).to_json()
    if as_json:
        extra = {"history": versions} if history else {}
        print_json(
            {"account": chosen.id, "name": name, "body": body, "is_default": newest is None, "set": newest} | extra
        )
        return
    origin = "the default, never set" if newest is None else f"set by {newest.set_by} {instant(newest.set_at)}"
    defaults = POLICIES[name]().to_json()
    print_table(
        f"Policy {name} of account {chosen.id}, {chosen.name} ({origin})",
        ("field", "value", "default", "what it is"),
        [
            (field, value, "" if value == defaults[field] else defaults[field], MEANINGS[name][field])
            for field, value in body.items()
        ],
        empty="no fields",
    )
    if history:
        rows = [(row.id, instant(row.set_at), row.set_by, row.name) for row in versions]
        print_table("Versions", ("id", "set at", "set by", "policy"), rows, empty="none was ever set")


@app.command("check")
def check_(
    fields: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="As if it were so.")] = None,
    account: AccountChoice = None,
    as_json: AsJson = False,
) -> None:
    """Show on which figures two rules of the policy would fight, who wins, and which rules never get their way.

    Example: stakazo policy check --set spike_min_roas=3.5
    """
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        name, body = policies.current(conn, chosen.id) or (DEFAULT, {})
    policy = parse_policy(name, parse_policy(name, body).to_json() | _typed(fields or []))
    found = _check(policy, chosen)
    if as_json:
        print_json({"account": chosen.id, "name": name, "body": policy.to_json(), **_told(found)})
        return
    _print_check(found, chosen)


@app.command("set")
def set_(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"The policy: {', '.join(POLICIES)}.")],
    fields: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="May be repeated.")] = None,
    account: AccountChoice = None,
    from_defaults: Annotated[bool, typer.Option("--from-defaults", help="Forget what was set before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set an account's policy; fields not named stay.

    Example: stakazo policy set classic --set roas_high=3.5 --set step=0.2
    """
    parse_policy(name, {})  # an unknown name is refused before anything is opened
    typed = _typed(fields or [])
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        kept = policies.current(conn, chosen.id)
        before = parse_policy(kept[0], kept[1]) if kept else POLICIES[name]()
        is_other = kept is not None and kept[0] != name
        base: dict[str, Json] = {} if from_defaults or is_other else before.to_json()
        after = parse_policy(name, base | typed)
        saved = limits.save_policy(conn, principal(conn), chosen.id, name, after.to_json())
    old, new = before.to_json(), after.to_json()
    changed = {field: {"before": old.get(field), "after": new[field]} for field in new if old.get(field) != new[field]}
    if as_json:
        told = _told(_check(after, chosen))
        print_json({"account": chosen.id, "name": name, "changed": changed, "body": new, "set": saved, **told})
        return
    print_table(
        f"Policy {name} of account {chosen.id}",
        ("field", "before", "after"),
        [(field, row["before"], row["after"]) for field, row in changed.items()],
        empty="it was so already",
    )
    _print_check(_check(after, chosen), chosen)


def _check(policy: Policy, account: Account) -> Checked:
    limits = AccountLimits(
        minimum_daily_budget_minor=account.minimum_daily_budget_minor,
        goal_roas=account.goal_roas,
        goal_cpa_minor=account.goal_cpa_minor,
    )
    return check(policy, limits, account.currency)


def _told(found: Checked) -> dict[str, Json]:
    return {
        "overlaps": [
            {
                "object": row.kind,
                "winner": str(row.winner),
                "loser": str(row.loser),
                "figures": dict(row.figures),
                "why": row.reason,
                "wins_with": dict(row.wins_with.target),
                "loses_with": dict(row.loses_with.target),
                "winner_says": row.wins_with.reason,
                "loser_says": row.loses_with.reason,
            }
            for row in found.conflicts
        ],
        "mute": [{"rule": str(row.stand), "why": row.why, "because_of": list(row.because_of)} for row in found.mute],
    }


def _print_check(found: Checked, account: Account) -> None:
    """An ad set and a campaign that carries the budget are judged alike: one line for both."""
    lines: dict[tuple[str, str], Conflict] = {}
    for row in found.conflicts:
        lines.setdefault((str(row.winner), str(row.loser)), row)
    print_table(
        f"Where two rules would want different things of one object (account {account.id})",
        ("goes first", "gives way", "such as on"),
        [
            (winner, loser, f"{row.wins_with.reason} / {row.loses_with.reason}")
            for (winner, loser), row in lines.items()
        ],
        empty="nowhere",
    )
    if found.mute:
        print_table(
            "Rules that never get their way",
            ("rule", "why", "because of"),
            [(str(row.stand), row.why, ", ".join(row.because_of) or "several settings") for row in found.mute],
            empty="none",
        )


def _typed(fields: list[str]) -> dict[str, Json]:
    """Read FIELD=VALUE pairs; values are JSON where they can be, else text, which the policy then refuses by name."""
    found: dict[str, Json] = {}
    for text in fields:
        field, equals, value = text.partition("=")
        if not equals or not field.strip():
            raise BadInputError(f'"{text}" is not FIELD=VALUE; write it like --set roas_high=3.5')
        try:
            found[field.strip()] = json.loads(value, parse_constant=str)
        except (ValueError, RecursionError):  # no JSON, or JSON that no threshold is made of
            found[field.strip()] = value[:_SHOWN]
    return found
