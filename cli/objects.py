"""`stakazo campaign`, `adset`, `ad`: what the mirror shows of an account's objects, and marks never to touch one."""

from collections.abc import Iterable
from typing import Annotated, Final

import typer

from cli.console import AsJson, instant, print_json, print_table
from cli.session import AccountChoice, actor, choose_account, opened, transaction
from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.money import Money
from domain.objects import Ad, AdSet, Bidding, Campaign, Status
from models import marks, mirror
from models.accounts import Account
from models.marks import Mark

_Shown = Campaign | AdSet | Ad
_Touch = Annotated[
    bool | None,
    typer.Option("--never-touch/--touch", help="Mark it, with everything under it; or lift the mark."),
]
_Reason = Annotated[str | None, typer.Option(help="Why; whoever finds it untouched will read this.")]
_All = Annotated[bool, typer.Option("--all", help="Archived objects too.")]
_KINDS: Final = {"campaign": ObjectKind.CAMPAIGN, "adset": ObjectKind.AD_SET, "ad": ObjectKind.AD}


def register(root: typer.Typer) -> None:
    """Add the three groups."""
    for name, kind in _KINDS.items():
        words = kind.replace("_", " ")
        group = typer.Typer(no_args_is_help=True)
        _add_list(group, name, kind)
        _add_set(group, name, kind)
        root.add_typer(group, name=name, help=f"The account's {words}s: budgets, and marks never to touch one.")


def _add_list(group: typer.Typer, name: str, kind: ObjectKind) -> None:
    words = kind.replace("_", " ")

    def list_(account: AccountChoice = None, everything: _All = False, as_json: AsJson = False) -> None:
        with opened() as house, transaction(house) as conn:
            chosen = choose_account(conn, account)
            rows = mirror.listing(conn, chosen.id, kind)
            standing = marks.standing(conn, chosen.id)
            parents = mirror.listing(conn, chosen.id, ObjectKind.CAMPAIGN)
        shown = [row for row in rows if isinstance(row, _Shown) and (everything or row.status is not Status.ARCHIVED)]
        campaigns: dict[str, Campaign] = {row.id: row for row in parents if isinstance(row, Campaign)}
        if as_json:
            print_json({"account": chosen.id, "objects": [_document(row, campaigns, standing) for row in shown]})
            return
        print_table(
            f"{words.capitalize()}s of account {chosen.id}, {chosen.name}",
            ("id", "name", "status", "budget", "budget kind", "never touch"),
            [_cells(chosen, row, campaigns, standing) for row in shown],
            empty="none is known; `stakazo cycle run --cycle collector` reads them",
        )

    group.command("list", help=f"List {words}s with their budgets and marks. Example: stakazo {name} list")(list_)


def _add_set(group: typer.Typer, name: str, kind: ObjectKind) -> None:
    words = kind.replace("_", " ")

    def set_(
        object_id: Annotated[str, typer.Argument(metavar="ID", help=f"The platform's id of the {words}.")],
        never_touch: _Touch = None,
        reason: _Reason = None,
        account: AccountChoice = None,
        as_json: AsJson = False,
    ) -> None:
        if never_touch is None:
            raise BadInputError("nothing to set; write --never-touch --reason ..., or --touch")
        if never_touch and not (reason or "").strip():
            raise BadInputError("a mark wants a reason: --never-touch --reason 'the founder runs it'")
        with opened() as house, transaction(house) as conn:
            chosen = choose_account(conn, account)
            if never_touch:
                changed = marks.put(conn, chosen.id, kind, object_id, reason=str(reason), set_by=actor())
            else:
                changed = marks.lift(conn, chosen.id, kind, object_id, lifted_by=actor())
            standing = marks.standing(conn, chosen.id)
        if as_json:
            print_json({"account": chosen.id, "id": object_id, "changed": changed, "marks": standing})
            return
        print_table(
            f"Marks of account {chosen.id}{'' if changed else ' (it was so already)'}",
            ("object", "id", "reason", "by", "at"),
            [(row.object_kind, row.object_id, row.reason, row.set_by, instant(row.set_at)) for row in standing],
            empty="nothing is marked never to be touched",
        )

    example = f"stakazo {name} set 2385 --never-touch --reason 'the founder runs it'"
    group.command("set", help=f"Mark a {words} never to be touched, or lift the mark. Example: {example}")(set_)


def _cells(
    account: Account, row: _Shown, campaigns: dict[str, Campaign], standing: Iterable[Mark]
) -> tuple[object, ...]:
    minor, kind = _budget(row, campaigns)
    mark = _mark_on(row, standing)
    amount = "" if minor is None else str(Money(minor, account.currency))
    return row.id, row.name, row.status, amount, kind, "" if mark is None else _said(row, mark)


def _document(row: _Shown, campaigns: dict[str, Campaign], standing: Iterable[Mark]) -> dict[str, object]:
    minor, kind = _budget(row, campaigns)
    names = ("id", "name", "status", "effective_status")
    facts = {name: getattr(row, name) for name in names}
    return {**facts, "budget_minor": minor, "budget_kind": kind, "mark": _mark_on(row, standing)}


def _budget(row: _Shown, campaigns: dict[str, Campaign]) -> tuple[int | None, str]:
    """The budget that the object carries itself, and how it comes by money, with what bounds it."""
    if isinstance(row, Ad):
        return None, "its ad set's"
    bound = "" if row.bidding is Bidding.AUTOMATIC else f", {row.bidding.replace('_', ' ')}"
    if isinstance(row, Campaign) and row.spend_cap_minor is not None:
        bound += ", spend cap"
    if row.lifetime_budget_minor is not None:
        return row.lifetime_budget_minor, f"lifetime{bound}: left alone"
    if row.daily_budget_minor is not None:
        return row.daily_budget_minor, f"daily{bound}{': left alone' if bound else ''}"
    if isinstance(row, Campaign):
        return None, f"its ad sets'{bound}"
    parent = campaigns.get(row.campaign_id)
    is_shared = parent is not None and (parent.daily_budget_minor or parent.lifetime_budget_minor)
    return None, f"its campaign's{bound}" if is_shared else f"none{bound}"


def _mark_on(row: _Shown, standing: Iterable[Mark]) -> Mark | None:
    """The mark on it or on what it is part of."""
    covering = {row.id, getattr(row, "ad_set_id", row.id), getattr(row, "campaign_id", row.id)}
    return next((mark for mark in standing if mark.object_id in covering), None)


def _said(row: _Shown, mark: Mark) -> str:
    where = "" if mark.object_id == row.id else f" ({mark.object_kind.replace('_', ' ')} {mark.object_id})"
    return f"{mark.reason}, {mark.set_by}{where}"
