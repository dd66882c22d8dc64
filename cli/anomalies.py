"""`stakazo anomalies`: what is not as usual, incidents, and evidence for a refund claim."""

import csv
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.console import AsJson, instant, print_facts, print_json, print_table, say
from cli.session import AccountChoice, choose_account, opened, transaction
from decisions.incident_mode import Incident
from decisions.refunds import AccountHour, Claim, claim
from decisions.wording import amounts, percent
from domain.errors import BadInputError
from domain.evidence import Anomaly
from models import anomalies
from models.accounts import Account

app = typer.Typer(no_args_is_help=True)
_AROUND = timedelta(hours=24)
_COUNTED = {"cpm": "impressions", "ctr": "clicks"}
_HOW = (
    "Expectations were made before each hour, from the account's own hours of the day and week; hours of the"
    " incident were not learnt from. Every hour is in hours.csv."
)


@app.command("list")
def list_(
    account: AccountChoice = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only what is open now.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many: open ones first, then the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List anomalies and incidents of an account: what was seen instead of what, since when, whose doing.

    Example: stakazo anomalies list --open
    """
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        rows = anomalies.listing(conn, chosen.id, only_open=only_open, limit=limit)
        modes = [row for row in anomalies.incidents(conn, chosen.id) if row[2] or not only_open]
    if as_json:
        print_json(
            {
                "account": chosen.id,
                "anomalies": [{"anomaly": row, "closed_at": closed_at} for row, closed_at in rows],
                "incidents": [{"id": key, "incident": mode, "is_under_way": is_open} for key, mode, is_open in modes],
            }
        )
        return
    print_table(
        f"Anomalies of {chosen.name} (UTC on the platform's clock; figures of the last hour in which each was open)",
        ("no.", "since", "until", "object", "metric", "expected", "seen", "cause"),
        [_cells(row, closed_at, chosen) for row, closed_at in rows],
        empty="everything is as usual",
        whole=("since", "until", "cause"),
    )
    print_table(
        "Incidents: while one is under way, nothing that spends more goes by itself",
        ("no.", "since", "until", "what"),
        [(key, instant(mode.since), "under way" if is_open else instant(mode.until), mode.words)
         for key, mode, is_open in modes],
        empty="none",
    )  # fmt: skip


@app.command("show")
def show(
    anomaly_id: Annotated[int, typer.Argument(metavar="ANOMALY", help="Its number, as `anomalies list` shows it.")],
    account: AccountChoice = None,
    as_json: AsJson = False,
) -> None:
    """Show one anomaly with its evidence.

    Example: stakazo anomalies show 12
    """
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        found = anomalies.get(conn, chosen.id, anomaly_id)
    if found is None:
        raise BadInputError(f"no anomaly {anomaly_id} of {chosen.name}; `stakazo anomalies list` shows them")
    row, closed_at = found
    if as_json:
        print_json({"account": chosen.id, "anomaly": row, "closed_at": closed_at})
        return
    facts: list[tuple[str, object]] = [
        ("what", row.words),
        ("object", f"{row.object_kind.replace('_', ' ')} {row.object_id}"),
        ("state", "open" if closed_at is None else f"closed {instant(closed_at)}"),
        ("cause", row.cause.value),
        ("false-discovery rate at which it is told", f"{row.q_value:.2g}"),
    ]
    print_facts(f"Anomaly {row.id}", [*facts, *_evidence(row, chosen)])


@app.command("refund")
def refund(
    incident_id: Annotated[int, typer.Argument(metavar="INCIDENT", help="Its number, as `anomalies list` shows it.")],
    folder: Annotated[Path, typer.Option("--folder", help="Where the pack is written; made if it is not there.")],
    account: AccountChoice = None,
    as_json: AsJson = False,
) -> None:
    """Write the evidence for a refund claim: a letter in Markdown, and every hour as CSV.

    Example: stakazo anomalies refund 3 --folder refund-march
    """
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        found = anomalies.past_incident(conn, chosen.id, incident_id)
        if found is None:
            raise BadInputError(f"no incident {incident_id} of {chosen.name}; `stakazo anomalies list` shows them")
        mode, _ = found
        hours = anomalies.hours(conn, chosen.id, mode.since - _AROUND, mode.until + _AROUND)
    made = claim(hours, since=mode.since, until=mode.until)
    if not made.hours:
        raise BadInputError(f"no hour of incident {incident_id} is on record any more; they are kept for 90 days")
    letter, table = folder / "claim.md", folder / "hours.csv"
    folder.mkdir(parents=True, exist_ok=True)
    letter.write_text(_letter(chosen, mode, made), encoding="utf-8")
    _write_hours(table, hours, made)
    if as_json:
        print_json({"account": chosen.id, "incident": incident_id, "claim": made, "files": [str(letter), str(table)]})
        return
    doubt = "" if made.is_proven else " This does not prove a loss beyond chance: there is nothing to claim."
    say(f"{letter} and {table}: {_sum(chosen, made)}{doubt}")


def _cells(row: Anomaly, closed_at: object, account: Account) -> tuple[object, ...]:
    return (
        row.id,
        f"{row.since:%m-%d %H:%M}",
        "open" if closed_at is None else f"{closed_at:%m-%d %H:%M}",
        f"{row.object_kind.replace('_', ' ')} {row.object_id}",
        f"{row.metric} {'up' if row.is_up else 'down'}",
        _figure(row.metric, row.expected, account),
        _figure(row.metric, row.seen, account),
        row.cause.value,
    )


def _evidence(row: Anomaly, account: Account) -> Iterator[tuple[str, object]]:
    """Its last hour, and the hours before it as counts: what was shown of prices, what was clicked of click rates."""
    range_, counts = (row.evidence.get(name) for name in ("posterior", "counts"))
    expected = _figure(row.metric, row.expected, account)
    if isinstance(range_, dict):
        low, high = (_figure(row.metric, float(str(range_[end])), account) for end in ("low", "high"))
        expected = f"{expected}, 90 % between {low} and {high}"
    yield "expected in its last hour", expected
    yield "seen in its last hour", _figure(row.metric, row.seen, account)
    if not isinstance(counts, dict):
        return
    if "hours_lately" in counts:
        seen, usual, hours = (float(str(counts[name])) for name in ("seen_lately", "expected_lately", "hours_lately"))
        seen_text, usual_text = (_count(row.metric, value, account) for value in (seen, usual))
        yield f"in {hours:g} h", f"{seen_text} instead of {usual_text}"
    if counts.get("maturity") is not None:
        yield "purchases of that hour that have arrived", percent(float(str(counts["maturity"])), 0)
    if counts.get("changed"):
        yield "changed before", counts["changed"]


def _count(metric: str, value: float, account: Account) -> str:
    if metric == "spend":
        return _figure(metric, value, account)
    return f"{value:,.1f} {_COUNTED.get(metric, metric)}"


def _figure(metric: str, value: float, account: Account) -> str:
    if metric in {"spend", "cpm"}:
        return f"{amounts(account.currency)(round(value))} {account.currency}"
    return percent(value, 2) if metric == "ctr" else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _sum(account: Account, made: Claim) -> str:
    write = amounts(account.currency)
    over = f"{write(made.excess_low_minor)} to {write(made.excess_high_minor)} {account.currency}"
    return (
        f"{write(made.spend_minor)} {account.currency} were spent in {len(made.hours)} h, which is {over} above what is"
        f" usual; higher prices alone cost {write(made.dearer_minor)} {account.currency}"
    )


def _letter(account: Account, mode: Incident, made: Claim) -> str:
    write, currency = amounts(account.currency), account.currency

    def money(minor: float) -> str:
        return f"{write(round(minor))} {currency}"

    interval = f"90 % interval {money(made.excess_low_minor)} to {money(made.excess_high_minor)}"
    lines = [
        f"# Claim for a refund: ad account {account.platform_account_id}",
        "",
        f"From {made.since:%Y-%m-%d %H:%M} to {made.until:%Y-%m-%d %H:%M} UTC: {mode.words}.",
        "",
        "| | |",
        "|---|---|",
        f"| spent | {money(made.spend_minor)} |",
        f"| expected for these hours | {money(made.expected_minor)} |",
        f"| above expectation | {money(made.excess_minor)} ({interval}) |",
        f"| paid above the usual price for the impressions delivered | {money(made.dearer_minor)} |",
        f"| price of 1,000 impressions in the 24 h before | {money(made.cpm_before_minor)} |",
        f"| during | {money(made.cpm_during_minor)} |",
        f"| in the 24 h after | {money(made.cpm_after_minor) if made.cpm_after_minor else 'not known yet'} |",
        "",
        _HOW,
        "" if made.is_proven else "The figures do not prove a loss beyond chance.",
        "",
        "## Timeline (UTC)",
        "",
        "| hour | spent | expected | price of 1,000 | usual price |",
        "|---|---|---|---|---|",
        *(
            f"| {row.at:%Y-%m-%d %H:%M} | {money(row.spend_minor)} | {money(row.expected_minor)} |"
            f" {money(row.cpm_minor)} | {money(row.usual_cpm_minor)} |"
            for row in made.hours
        ),
        "",
    ]
    return "\n".join(lines)


def _write_hours(path: Path, hours: Sequence[AccountHour], made: Claim) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["hour_utc", "in_incident", "spend_minor", "expected_minor", "low_minor", "high_minor",
                      "impressions", "cpm_minor", "usual_cpm_minor"])  # fmt: skip
        for row in hours:
            is_in = made.since <= row.at < made.until
            figures = (row.expected_minor, row.low_minor, row.high_minor)
            out.writerow([row.at.isoformat(), int(is_in), row.spend_minor, *(round(value) for value in figures),
                          row.impressions, round(row.cpm_minor), round(row.usual_cpm_minor)])  # fmt: skip
