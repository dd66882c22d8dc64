"""`stakazo experiment`: tests of ads against each other, what they may claim by now, and what they still need."""

import math
from collections.abc import Sequence
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo

import typer

from cli.console import AsJson, instant, print_facts, print_json, print_table
from cli.experiment_plans import plan_of, power_in_words, power_of, read_arms
from cli.session import AccountChoice, AccountFilter, actor, choose_account, chosen_or_all, opened, transaction
from decisions.experiment_state import Claim, Metric
from decisions.wording import percent
from domain.actions import JsonMap
from domain.evidence import TestState
from domain.money import Money
from models import accounts, audit, experiment_figures, experiments
from models.experiments import Experiment, Look
from tasks.ab_testing import policy_of

app = typer.Typer(no_args_is_help=True)
_Number = Annotated[int, typer.Argument(metavar="EXPERIMENT", help="Its number, as `experiment list` shows it.")]
_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60
_COUNTED = {  # events and what they are divided by
    Metric.CLICKS: ("clicks", "impressions"),
    Metric.CONVERSIONS: ("purchases", "spend"),
    Metric.ROAS: ("revenue", "spend"),
}


@app.command("create")
def create(  # noqa: PLR0917 - one option each, as typed
    metric: Annotated[Metric, typer.Option(help="What ads are compared by.")] = Metric.CLICKS,
    ads: Annotated[str | None, typer.Option(metavar="A,B,…", help="The ads, active and of one ad set.")] = None,
    ad_set: Annotated[str | None, typer.Option(metavar="ID", help="Or all active ads of this ad set.")] = None,
    claim: Annotated[Claim, typer.Option(help="Look whenever you like, or once a day and find more.")] = Claim.DAILY,
    max_days: Annotated[int | None, typer.Option(min=2, max=90, help="Its horizon; else the policy's.")] = None,
    pick: Annotated[bool, typer.Option("--pick", help="End as soon as a pick loses little; no claim then.")] = False,
    account: AccountChoice = None,
    as_json: AsJson = False,
) -> None:
    """Declare a test before its figures come in; the A/B module looks at it every 6 hours.

    Example: stakazo experiment create --ad-set 120210001 --metric clicks --claim daily --max-days 14
    """
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        now = house.clock_of(chosen).now()
        arms = read_arms(conn, chosen, ads, ad_set)
        today = now.astimezone(ZoneInfo(chosen.zone)).date()
        rate = experiment_figures.events_per_day(conn, chosen.id, [arm.id for arm in arms], metric, today)
        plan = plan_of(
            arms, policy_of(conn, chosen), metric=metric, claim=claim, max_days=max_days, events_per_day=rate,
            ends_on_pick=pick,
        )  # fmt: skip
        number = experiments.declare(conn, chosen, plan, started_at=now, by=actor())
        detail: JsonMap = {"experiment": number, "ad_set": plan.ad_set_id, "arms": list(plan.arms), "metric": metric}
        audit.note(conn, actor=actor(), event="experiment.declared", account_id=chosen.id, detail=detail)
        declared = experiments.get(conn, number)
    power = power_of(plan, rate)
    if as_json:
        print_json({"experiment": _document(declared), "planned": power})
        return
    print_facts(
        f"Experiment {number}",
        [
            ("compares", f"{len(arms)} ads of ad set {plan.ad_set_id} by {metric}"),
            ("claims", "at one look a day" if claim is Claim.DAILY else "at any look"),
            ("until", f"{plan.max_days} days at most" + (", or a good pick" if pick else "")),
            ("planned", power_in_words(power, plan.max_days)),
        ],
    )


@app.command("list")
def list_(
    account: AccountFilter = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List tests with what they say by now.

    Example: stakazo experiment list
    """
    with opened() as house, transaction(house) as conn:
        chosen = chosen_or_all(conn, account)
        rows = experiments.listing(conn, None if chosen is None else chosen.id, limit)
    if as_json:
        print_json({"experiments": [_document(row) for row in rows]})
        return
    print_table(
        "Experiments",
        ("no.", "ad set", "by", "state", "started", "what may be said"),
        [
            (row.id, row.plan.ad_set_id, row.plan.metric, row.state, f"{row.started_at:%Y-%m-%d}", row.words)
            for row in rows
        ],
        empty="none was declared; `stakazo experiment create --ad-set S` does, and a label ab_test on the platform",
        whole=("no.", "started"),
    )


@app.command("show")
def show(experiment: _Number, as_json: AsJson = False) -> None:
    """Show one test: its arms, the evidence over time, and in words what may be claimed.

    Example: stakazo experiment show 3
    """
    with opened() as house, transaction(house) as conn:
        row = experiments.get(conn, experiment)
        points = experiments.looks(conn, experiment)
        owner = accounts.get(conn, row.account_id)
    if as_json:
        print_json({"experiment": _document(row), "looks": points})
        return
    print_facts(f"Experiment {row.id} of account {owner.id}, {owner.name}", _facts(row, points))
    print_table(
        "Arms", ("ad", *_COUNTED[row.plan.metric], "beside the test's rate", "P(best)", "would lose", "verdict"),
        _arms(row, owner.currency),
        empty="nothing is known of them before the first look", whole=_COUNTED[row.plan.metric],
    )  # fmt: skip


@app.command("stop")
def stop(
    experiment: _Number,
    reason: Annotated[str, typer.Option(help="Why; kept on record.")] = "",
    as_json: AsJson = False,
) -> None:
    """End a test; nothing is concluded from it, and its ads go on as they are.

    Example: stakazo experiment stop 3 --reason 'the offer changed'
    """
    with opened() as house, transaction(house) as conn:
        owner = accounts.get(conn, experiments.get(conn, experiment).account_id)
        row = experiments.stop(conn, experiment, at=house.clock_of(owner).now(), by=actor())
        detail: JsonMap = {"experiment": experiment, "reason": reason}
        audit.note(conn, actor=actor(), event="experiment.stopped", account_id=owner.id, detail=detail)
    if as_json:
        print_json({"experiment": _document(row)})
        return
    print_facts(f"Experiment {row.id}", [("state", row.state), ("said last", row.words)])


def sparkline(values: Sequence[float | None], *, low: float, high: float) -> str:
    """Draw values between two bounds, at most 60 wide; a gap where nothing was known."""
    width = min(len(values), _WIDTH)
    shown = [values[math.ceil((place + 1) * len(values) / width) - 1] for place in range(width)]
    reach = max(high - low, 1e-12)
    steps = [None if value is None else round((min(max(value, low), high) - low) / reach * 7) for value in shown]
    return "".join(" " if step is None else _BARS[step] for step in steps)


def _facts(row: Experiment, points: Sequence[Look]) -> list[tuple[str, object]]:
    plan = row.plan
    facts: list[tuple[str, object]] = [
        ("state", row.state),
        ("may be said", row.words),
        ("compares", f"{len(plan.arms)} ads of ad set {plan.ad_set_id} by {plan.metric}, claims {plan.claim}"),
        ("declared", f"{instant(row.started_at)} by {row.declared_by}"),
        ("looks", f"{len(points)}, the last {instant(row.looked_at)}; {plan.max_days} days at most"),
    ]
    if row.ended_at is not None:
        facts.append(("ended", instant(row.ended_at)))
    if points:
        needed = float(cast("Any", row.evidence.get("threshold", 3.69)))
        facts.append(
            ("evidence", f"{sparkline([p.log_e for p in points], low=0, high=needed)}  {_e(points[-1], needed)}")
        )
        facts.append(("lead", f"{sparkline([p.lead for p in points], low=0, high=0.3)}  {_lead(points[-1])}"))
    return facts


def _e(point: Look, needed: float) -> str:
    return f"e = {math.exp(min(point.log_e, 50)):,.2g}; a claim takes {math.exp(needed):,.0f}"


def _lead(point: Look) -> str:
    if point.low is None or point.high is None:
        return f"{point.lead:+.1%}, shrunk; no interval yet"
    return f"{point.lead:+.1%}, shrunk; {point.low:+.1%} to {point.high:+.1%} whenever one looks"


def _arms(row: Experiment, currency: str) -> list[tuple[object, ...]]:
    arms = cast("dict[str, dict[str, float]]", row.evidence.get("arms", {}))
    return [
        (
            arm, *_counts(row.plan.metric, figures, currency), _beside(figures["relative"]),
            percent(figures["p_best"], 0), percent(figures["loss"], 2), _fate(row, arm),
        )
        for arm, figures in arms.items()
    ]  # fmt: skip


def _counts(metric: Metric, figures: dict[str, float], currency: str) -> tuple[str, ...]:
    named = zip(_COUNTED[metric], (figures["events"], figures["exposures"]), strict=True)
    return tuple(
        str(Money(round(value), currency)) if name in {"revenue", "spend"} else f"{value:,.0f}" for name, value in named
    )


def _beside(relative: float) -> str:
    """In words, not with a sign: a cell that begins with one is defused for spreadsheets."""
    return f"{percent(abs(relative), 1)} {'above' if relative >= 0 else 'below'}"


def _fate(row: Experiment, arm: str) -> str:
    if arm in row.lost:
        return "lost"
    return "open" if row.state in {TestState.RUNNING, TestState.STOPPED, TestState.UNDECIDED} else "goes on"


def _document(row: Experiment) -> dict[str, Any]:
    plan = row.plan
    return {
        "id": row.id, "account": row.account_id, "ad_set": plan.ad_set_id, "arms": plan.arms, "metric": plan.metric,
        "claim": plan.claim, "alpha": plan.alpha, "max_days": plan.max_days, "ends_on_pick": plan.ends_on_pick,
        "is_implicit": row.is_implicit, "declared_by": row.declared_by, "started_at": row.started_at,
        "looked_at": row.looked_at, "ended_at": row.ended_at, "state": row.state, "keep": row.keep, "lost": row.lost,
        "words": row.words, "evidence": row.evidence,
    }  # fmt: skip
