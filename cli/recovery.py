"""`stakazo recovery`: what was done by itself and whether it helped, what waits for a person, a module's procedures."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, TypeVar

import typer

from cli.console import AsJson, compact, instant, print_facts, print_json, print_table, say, span
from cli.session import actor, opened, reading, transaction
from control_tower.recovery import TABLE, Procedure
from domain import catalogue
from domain.errors import BadInputError
from domain.recovery import AUTOMATIC_FROM, RecoveryAction, RecoveryState, Trigger
from models import recoveries, recovery_procedures
from models.cleaning import clean_text
from models.recoveries import Recovery, Summary
from workers.health import SharedLook, sources_of
from workers.recovery import recovering_of
from workers.tower import upkeep_of

app = typer.Typer(no_args_is_help=True)
procedures = typer.Typer(no_args_is_help=True)
app.add_typer(procedures, name="procedures", help="What is done on which trigger: the house's table, and a pair's own.")

_WEEK = timedelta(days=7)
W = TypeVar("W", Trigger, RecoveryAction)

_Id = Annotated[int, typer.Argument(metavar="ID", help="As `stakazo recovery list` shows it.")]
_Pair = Annotated[str, typer.Argument(metavar="MODULE", help="Such as meta.full_cycle or 10.11.")]
_Trigger = Annotated[str, typer.Argument(metavar="TRIGGER", help=", ".join(Trigger))]
_Action = Annotated[str, typer.Argument(metavar="ACTION", help=", ".join(RecoveryAction))]


@app.command("list")
def list_(
    target: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only of this module, worker, beat or database.")
    ] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only what is not over.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what recovery did, recommends, or told a person of, and how it did in a week.

    Example: stakazo recovery list --open
    """
    with opened() as house, transaction(house) as conn:
        rows = recoveries.listing(conn, target=target, only_open=only_open, limit=limit)
        week = recoveries.summary(conn, recoveries.now(conn) - _WEEK)
    if as_json:
        print_json({"recoveries": rows, "week": week})
        return
    columns = ("id", "begun", "what for", "about", "done", "state", "outcome")
    print_table("Recovery", columns, [_line(row) for row in rows], empty="nothing called for it")
    say(_in_words(week))


@app.command("show")
def show(recovery_id: _Id, as_json: AsJson = False) -> None:
    """Show one: why, on what evidence, every step that was taken, and what came of it.

    Example: stakazo recovery show 12
    """
    with opened() as house, transaction(house) as conn:
        row = recoveries.get(conn, recovery_id)
    if as_json:
        print_json({"recovery": row})
        return
    _show(row)


@app.command("run")
def run(recovery_id: _Id, as_json: AsJson = False) -> None:
    """Carry out what recovery recommends and does not do by itself. The tower then watches whether it helps.

    Example: stakazo recovery run 12
    """
    with opened() as house, reading():
        look = SharedLook(sources_of(house)).latest
        row = recovering_of(house, look, ring_due=upkeep_of(house).ring_due).run(recovery_id, by=actor())
    if as_json:
        print_json({"recovery": row})
        return
    _show(row)
    say(f"the tower watches whether it helps, until {instant(row.verify_until)}")


@procedures.command("list")
def list_procedures(as_json: AsJson = False) -> None:
    """List the house's table, and what people declared for single modules in its place.

    Example: stakazo recovery procedures list
    """
    with opened() as house, transaction(house) as conn:
        declared = recovery_procedures.listing(conn)
    if as_json:
        print_json({"table": TABLE, "declared": declared})
        return
    rows = [("every module", *_procedure(row), "requirements", "") for row in TABLE]
    for row in declared:
        own = Procedure(trigger=row.trigger, action=row.action, confidence=row.confidence, pair=row.pair)
        rows.append((row.pair, *_procedure(own), row.set_by, row.reason))
    print_table(
        "Procedures", ("module", "trigger", "action", "confidence", "by itself", "from", "why"), rows, empty="none"
    )


@procedures.command("set")
def set_procedure(  # noqa: PLR0917 - words of the command line, by name
    pair: _Pair,
    trigger: _Trigger,
    action: _Action,
    reason: Annotated[str, typer.Option(help="Why; kept with it and shown to everyone.")],
    confidence: Annotated[
        float, typer.Option(min=0.0, max=1.0, help=f"From {AUTOMATIC_FROM} on it is done by itself; 0..1.")
    ],
    as_json: AsJson = False,
) -> None:
    """Declare what is done for one module on a trigger, in place of the table; of several the most trusted goes first.

    Example: stakazo recovery procedures set meta.full_cycle module_offline alert_admin --confidence 0.9
    --reason "its platform sleeps at night"
    """
    chosen, on, does = (
        catalogue.pair(pair),
        _parsed(Trigger, trigger, "trigger"),
        _parsed(RecoveryAction, action, "action"),
    )
    if not chosen.is_built:
        raise BadInputError(f"{chosen.slug} is planned and not built, so that nothing can befall it")
    if not reason.strip():
        raise BadInputError('a reason is needed: --reason "its platform sleeps at night"')
    if does is RecoveryAction.RESET_MODULE and confidence >= AUTOMATIC_FROM:
        raise BadInputError(
            f"reset_module is never done by itself: give a confidence under {AUTOMATIC_FROM}, and "
            "`stakazo recovery run ID` carries it out"
        )
    with opened() as house, transaction(house) as conn:
        row = recovery_procedures.set_(
            conn, pair=chosen.slug, trigger=on, action=does, confidence=confidence, reason=clean_text(reason.strip()),
            by=actor(),
        )  # fmt: skip
    if as_json:
        print_json({"procedure": row})
        return
    how = "by itself" if confidence >= AUTOMATIC_FROM else "once a person runs it"
    say(f"on {on} of {chosen.slug}: {does}, {how}; `stakazo recovery procedures drop {chosen.slug} {on}` takes it back")


@procedures.command("drop")
def drop_procedure(
    pair: _Pair,
    trigger: _Trigger,
    action: Annotated[str | None, typer.Option(metavar="ACTION", help="Only this one; left out: all of them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take back what was declared for a module on a trigger: the house's table rules again.

    Example: stakazo recovery procedures drop meta.full_cycle module_offline
    """
    chosen, on = catalogue.pair(pair), _parsed(Trigger, trigger, "trigger")
    only = None if action is None else _parsed(RecoveryAction, action, "action")
    with opened() as house, transaction(house) as conn:
        gone = recovery_procedures.drop(conn, pair=chosen.slug, trigger=on, action=only, by=actor())
    if not gone:
        raise BadInputError(
            f"nothing is declared for {chosen.slug} on {on}; `stakazo recovery procedures list` shows what is"
        )
    if as_json:
        print_json({"dropped": gone})
        return
    say(f"on {on} of {chosen.slug}: no more {', '.join(row.action for row in gone)}")


def _parsed(kind: type[W], text: str, word: str) -> W:
    value = text.strip().lower()
    if value not in set(kind):
        raise BadInputError(f'no {word} "{text}"; there are {", ".join(kind)}')
    return kind(value)


def _procedure(row: Procedure) -> tuple[str, str, str, str]:
    return row.trigger, row.action, f"{row.confidence:.2f}", "yes" if row.is_automatic else "a person runs it"


def _line(row: Recovery) -> Sequence[object]:
    return row.id, instant(row.begun_at), row.target, row.reason, row.action, _state(row), row.outcome


def _state(row: Recovery) -> str:
    match row.state:
        case RecoveryState.RECOMMENDED if row.ended_at is None:
            return f"recommended: stakazo recovery run {row.id}"
        case RecoveryState.RUNNING:
            return "watched"
        case RecoveryState.ESCALATED if row.ended_at is None:
            return "a person is needed"
        case _:
            return row.state


def _show(row: Recovery) -> None:
    facts = [
        ("what for", row.target),
        ("about", f"{row.trigger}: {row.reason}"),
        ("what is done", f"{row.action}, confidence {row.confidence:.2f}"),
        ("state", _state(row)),
        ("noticed", instant(row.noticed_at)),
        ("begun", instant(row.begun_at)),
        ("watched until", instant(row.verify_until)),
        ("ended", instant(row.ended_at) if row.ended_at else "not yet"),
        ("outcome", row.outcome or "not known yet"),
        ("evidence", compact(row.evidence)),
    ]
    print_facts(f"Recovery {row.id}", facts)
    steps = [(step.get("at", ""), step["did"], compact({key: step[key] for key in step if key not in {"at", "did"}}))
             for step in row.steps]  # fmt: skip
    print_table("Steps", ("at", "did", "more"), steps, empty="none")


def _in_words(week: Summary) -> str:
    if week.success_rate is None or week.mean_time_to_recover_s is None:
        cured = f"{week.cured} cured, {week.failed} failed"
    else:
        cured = (
            f"{week.cured} cured, {week.failed} failed ({week.success_rate:.0%} helped), "
            f"{span(week.mean_time_to_recover_s)} on average from the first sight to the cure"
        )
    return f"in 7 days: {week.begun} carried out, {cured}; {week.recommended} wait for a person"
