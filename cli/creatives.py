"""`stakazo creatives`: where each ad stands in its life, how sure that is, why, and what is to come of it."""

from typing import Annotated

import typer

from cli.console import AsJson, instant, print_json, print_table
from cli.session import AccountChoice, choose_account, opened, transaction
from decisions.wording import percent
from domain.actions import Json
from domain.evidence import Stage
from models import creative_stages
from models.creative_stages import Standing

_TICKS = "▁▂▃▄▅▆▇█"
_COLUMNS = 14  # days of a sparkline


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("creatives")(creatives)


def creatives(
    account: AccountChoice = None,
    stage: Annotated[Stage | None, typer.Option(help="Only ads of this stage.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many, the most likely tired first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List ads by the stage of their life: new, rising, steady, tiring, fatigued, or unknown.

    P is the chance that the click rate is under the policy's ratio of the ad's own first week.
    Example: stakazo creatives --stage fatigued
    """
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        rows = creative_stages.listing(conn, chosen.id, stage, limit)
        counts = creative_stages.counts(conn, chosen.id)
        made_at = creative_stages.made_at(conn, chosen.id)
    if as_json:
        print_json(
            {"account": chosen.id, "made_at": made_at, "counts": counts, "ads": [_document(row) for row in rows]}
        )
        return
    told = "" if made_at is None else f" as of {instant(made_at)}"
    known = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    print_table(
        f"Ads of {chosen.name}{told}: {known or 'none told'}",
        ("ad", "stage", "P", "of 1st week", "14 days", "since", "CTR, next 7 d", "tired in", "reason"),
        [_cells(row) for row in rows],
        empty="the creative intelligence cycle tells them once a day; `stakazo modules` shows when it ran",
        whole=("stage", "P", "14 days", "since"),
    )


def sparkline(rates: tuple[float, ...]) -> str:
    """Draw rates from 0 to the highest; a blank where nothing was shown."""
    shown = rates[-_COLUMNS:]
    top = max((rate for rate in shown if rate >= 0), default=0.0)
    if top <= 0:
        return "".join(" " if rate < 0 else _TICKS[0] for rate in shown)
    return "".join(" " if rate < 0 else _TICKS[round(rate / top * (len(_TICKS) - 1))] for rate in shown)


def _cells(row: Standing) -> tuple[object, ...]:
    stage, evidence = row.stage, row.stage.evidence
    posterior = evidence.get("posterior")
    level = posterior if isinstance(posterior, dict) and stage.stage is not Stage.NEW else {}
    return (
        f"{row.name} ({stage.ad_id})" if row.name else stage.ad_id,
        stage.stage.value,
        percent(stage.probability, 0) if level else "",
        f"{_share(level.get('low'))}-{_share(level.get('high'))} %" if level else "",
        sparkline(row.rates),
        "" if row.since is None else row.since.isoformat(),
        _range(evidence.get("expected_ctr")) if level else "",
        _days(evidence.get("days_until_fatigue"), evidence.get("horizon_days")) if level else "",
        stage.reason or _needs(evidence.get("needs")),
    )


def _share(value: Json) -> str:
    return f"{value * 100:.0f}" if isinstance(value, int | float) else "?"


def _range(value: Json) -> str:
    if not isinstance(value, list) or not all(isinstance(rate, int | float) for rate in value):
        return ""
    low, _, high = (f"{rate * 100:.2f}" for rate in value if isinstance(rate, int | float))
    return f"{low}-{high} %"


def _days(value: Json, horizon: Json) -> str:
    """The middle 80 % of the days until it is under the ratio: the first at which it is likely, and so on."""
    if not isinstance(value, list):
        return ""
    first, middle, _ = value
    if middle == 0:
        return "now"
    if middle is not None:
        return f"{middle} d" if first in {None, middle} else f"{first}-{middle} d"
    return f"over {horizon} d" if first is None else f"{first} d or more"


def _needs(value: Json) -> str:
    return f"needs {value['clicks']} clicks or {value['days']} d" if isinstance(value, dict) else ""


def _document(row: Standing) -> dict[str, object]:
    stage = row.stage
    return {
        "ad": stage.ad_id, "name": row.name, "stage": stage.stage, "probability": stage.probability,
        "since": row.since, "reason": stage.reason, "words": stage.words, "evidence": stage.evidence,
        "rates": [None if rate < 0 else rate for rate in row.rates],
    }  # fmt: skip
