"""`stakazo alerts`: what people were told of, who sees to it, whether the channels work."""

from collections.abc import Iterable
from typing import Annotated

import typer

from cli.console import AsJson, ago, instant, print_facts, print_json, print_table, say
from cli.session import actor, opened, transaction
from domain.alerts import Severity, kind
from domain.errors import BadInputError
from models import audit, incidents, notices
from models.engine import db_now
from models.incidents import Incident
from models.notices import ChannelState, Notice
from workers.alerts import telling_of
from workers.channels import channels_of

app = typer.Typer(invoke_without_command=True)

# Processes keep the settings that they were started with; another terminal may lack them.
_NONE = "no channel is set up in the settings of this terminal"

_Id = Annotated[int, typer.Argument(metavar="ID", help="As `stakazo alerts` shows it.")]
_All = Annotated[bool, typer.Option("--all", help="Those that are over too.")]
_Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")]
_Least = Annotated[str, typer.Option(help="Only from this severity on: info, warning, critical.")]


@app.callback()
def alerts(
    context: typer.Context, everything: _All = False, limit: _Limit = 50, severity: _Least = "info",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """List what is open, the gravest first; `stakazo alerts test` finds out whether the channels reach you.

    Example: stakazo alerts --all --severity warning
    """
    if context.invoked_subcommand is None:
        list_(everything=everything, limit=limit, severity=severity, as_json=as_json)


@app.command("list")
def list_(everything: _All = False, limit: _Limit = 50, severity: _Least = "info", as_json: AsJson = False) -> None:
    """List what is open, the gravest first; with --all what is over, too.

    Example: stakazo alerts list --all --json
    """
    least = Severity.parse(severity)
    with opened() as house, transaction(house) as conn:
        now = db_now(conn)
        rows = incidents.listing(conn, only_open=not everything, least=least, limit=limit)
        states = notices.states(conn, [row.name for row in channels_of(house.settings)])
    if as_json:
        print_json({"alerts": [_document(row) for row in rows], "channels": list(states.values())})
        return
    print_table(
        "Alerts" if everything else "Open alerts",
        ("id", "severity", "alert", "since", "times", "state"),
        [(row.id, row.severity.word, row.title, ago(row.opened_at, now), row.times, _state(row)) for row in rows],
        empty="none",
    )
    for sentence in _warnings(states.values()):
        say(sentence)


@app.command("show")
def show(incident_id: _Id, as_json: AsJson = False) -> None:
    """Show one alert: what was found, what to do, which channel was told of it when.

    Example: stakazo alerts show 12
    """
    with opened() as house, transaction(house) as conn:
        row = incidents.get(conn, incident_id)
        told = notices.of_incident(conn, incident_id)
    if as_json:
        print_json({"alert": _document(row), "notices": told})
        return
    print_facts(
        f"Alert {row.id}: {row.title}",
        [
            ("severity", row.severity.word),
            ("state", _state(row)),
            *((f"found{f' ({number})' if number else ''}", line) for number, line in enumerate(row.body.splitlines())),
            ("what to do", kind(row.kind).advice),
            ("begun", instant(row.opened_at)),
            ("over", instant(row.resolved_at) if row.resolved_at else "no"),
            ("times", row.times),
            *([("called false by", row.false_by)] if row.false_by else []),
        ],
    )
    print_table(
        "Told",
        ("channel", "what", "wanted", "became"),
        [(one.channel, one.event, instant(one.wanted_at), _became(one)) for one in told],
        empty="nobody yet",
    )


@app.command("ack")
def ack(incident_id: _Id, as_json: AsJson = False) -> None:
    """Say that you see to it: nobody is reminded of it any more.

    Example: stakazo alerts ack 12
    """
    with opened() as house, transaction(house) as conn:
        row = incidents.acknowledge(conn, incident_id, actor())
        audit.note(conn, actor=actor(), event="alert.acknowledged", detail={"alert": row.id, "kind": row.kind})
    if as_json:
        print_json({"alert": _document(row)})
        return
    say(f"alert {row.id} ({row.title}) is seen to by {row.acknowledged_by}")


@app.command("false")
def false(incident_id: _Id, as_json: AsJson = False) -> None:
    """Call it a false alarm; the report counts them, so that limits can be mended.

    Example: stakazo alerts false 12
    """
    with opened() as house, transaction(house) as conn:
        row = incidents.call_false(conn, incident_id, actor())
        audit.note(conn, actor=actor(), event="alert.called_false", detail={"alert": row.id, "kind": row.kind})
    if as_json:
        print_json({"alert": _document(row)})
        return
    say(f"alert {row.id} ({row.title}) counts as a false alarm")


@app.command("test")
def send_test(
    channel: Annotated[list[str] | None, typer.Option(help="Only this one; may be given several times.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send a test alert now and say what became of it; 1 if a channel did not take it.

    Example: stakazo alerts test --channel slack
    """
    with opened() as house:
        telling = telling_of(house)
        known = tuple(telling.messenger.channels())
        wanted = tuple(dict.fromkeys(channel)) if channel else known
        _require(wanted, known)
        told = telling.test(wanted, actor())
    is_fine = all(row.sent_at is not None for row in told)
    if as_json:
        print_json({"notices": told})
    else:
        rows = [(row.channel, _became(row)) for row in told]
        print_table("Test alert", ("channel", "became"), rows, empty="no channel")
    raise typer.Exit(0 if is_fine else 1)


@app.command("channels")
def channels(as_json: AsJson = False) -> None:
    """List the channels of the settings and how each does; addresses are shown nowhere.

    Set ALERT_EMAIL (with ALERT_SMTP_URL), ALERT_SLACK_WEBHOOK_URL or ALERT_URLS. Example: stakazo alerts channels
    """
    with opened() as house, transaction(house) as conn:
        names = [row.name for row in channels_of(house.settings)]
        states = notices.states(conn, names)
        common = house.settings.common
        others = {
            "quiet_hours": str(common.alert_quiet_hours) if common.alert_quiet_hours else None,
            "deadman": common.deadman_url is not None,
        }
    if as_json:
        print_json({"channels": list(states.values()), **others})
        return
    print_table(
        "Channels",
        ("channel", "waiting", "failures in a row", "last sent", "last error"),
        [
            (row.channel, row.waiting, row.failures, instant(row.last_sent_at), row.last_error or "none")
            for row in states.values()
        ],
        empty=f"{_NONE}; set ALERT_EMAIL, ALERT_SLACK_WEBHOOK_URL or ALERT_URLS, else nobody is told of anything",
    )
    say(f"quiet hours: {others['quiet_hours'] or 'none'}; dead-man's signal: {'on' if others['deadman'] else 'off'}")


def _require(wanted: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Refuse a test that could not tell anything.

    Raises:
        BadInputError: there is no channel, or none of a name.
    """
    if not known:
        raise BadInputError(f"{_NONE}; set ALERT_EMAIL, ALERT_SLACK_WEBHOOK_URL or ALERT_URLS")
    strangers = [name for name in wanted if name not in known]
    if strangers:
        raise BadInputError(f'no channel "{strangers[0]}"; there are {", ".join(known)}')


def _warnings(states: Iterable[ChannelState]) -> tuple[str, ...]:
    rows = tuple(states)
    if not rows:
        return (f"nobody is told: {_NONE} (ALERT_EMAIL, ALERT_SLACK_WEBHOOK_URL, ALERT_URLS)",)
    failing = (row for row in rows if row.failures)
    return tuple(f"{row.channel} does not take what is sent: {row.last_error}" for row in failing)


def _document(row: Incident) -> dict[str, object]:
    names = ("id", "kind", "scope", "title", "body", "detail", "times", "opened_at", "updated_at", "resolved_at",
             "acknowledged_by", "acknowledged_at", "false_by")  # fmt: skip
    return {"severity": row.severity.word, **{name: getattr(row, name) for name in names}}


def _state(row: Incident) -> str:
    over = "over" if kind(row.kind).holds else "happened"
    words = [over if row.resolved_at else "open"]
    if row.acknowledged_by and not row.resolved_at:
        words.append(f"seen to by {row.acknowledged_by}")
    if row.false_by:
        words.append("false alarm")
    return ", ".join(words)


def _became(row: Notice) -> str:
    if row.sent_at is not None:
        return f"sent {instant(row.sent_at)}"
    if row.given_up_at is not None:
        return f"not sent: {row.error}"
    return f"waits until {instant(row.due_at)}" + (f"; {row.error}" if row.error else "")
