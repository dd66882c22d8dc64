"""Writes a simulation's report: a page of Markdown that starts in plain words, its pictures, and the same as JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.console import instant, plain, safe
from domain.money import Money
from workers.simulation_checks import Check
from workers.simulation_figures import Figures, MoneyDay
from workers.simulation_troubles import Troubles


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Where everything is."""

    page: Path
    figures: Path
    pictures: tuple[Path, ...]


def write(figures: Figures, checks: Sequence[Check], folder: Path) -> Report:
    """Write everything into the folder, over what an earlier report left there."""
    from cli.simulation_plots import draw_all  # late: the plotting library costs half a second

    pictures = draw_all(figures, folder)
    page, data = folder / "report.md", folder / "figures.json"
    page.write_text("\n".join(_page(figures, checks, pictures)) + "\n", encoding="utf-8")
    content = {"figures": plain(figures), "checks": plain(tuple(checks))}
    data.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    return Report(page=page, figures=data, pictures=pictures)


def in_words(figures: Figures) -> str:
    """Say in one paragraph what the system did and what it earned."""
    return " ".join((_what(figures), *_trouble(figures.troubles), *_earned(figures), _note(figures)))


def _page(figures: Figures, checks: Sequence[Check], pictures: Sequence[Path]) -> Iterator[str]:
    plan = figures.plan
    yield f"# Simulation of {_text(plan.title)}"
    yield f"{instant(plan.begin_at)} to {instant(plan.end_at)} on the platform's clock. Policy: {plan.policy}."
    yield ""
    yield in_words(figures)
    yield ""
    yield from _money_table(figures)
    for picture in pictures:
        yield f"![{picture.stem}]({picture.name})"
        yield ""
    yield from _checks_table(checks)
    yield from _troubles_table(figures.troubles)
    yield from _work_table(figures)
    yield from _memory_table(figures)


def _what(figures: Figures) -> str:
    done = Counter[str]()
    for row in figures.actions:
        if row.state == "applied":
            done[row.kind] += row.count
    blocked = sum(row.count for row in figures.actions if row.state == "blocked")
    deeds = ", ".join(f"{count} x {kind.replace('_', ' ')}" for kind, count in done.most_common()) or "nothing"
    slots = sum(row.count for row in figures.runs)
    skipped = sum(row.count for row in figures.runs if row.state == "skipped")
    accounts = ", ".join(_text(name) for name in figures.accounts[:3])
    more = f" and {len(figures.accounts) - 3} more" if len(figures.accounts) > 3 else ""  # noqa: PLR2004 - as shown
    return (
        f"In {_days(figures)} the system ran {slots - skipped} cycles on {accounts}{more} ({skipped} slots skipped) and"
        f" did: {deeds}. Its own guardrails stopped {blocked} further proposals."
    )


def _trouble(troubles: Troubles) -> Iterator[str]:
    met = sum(troubles.faults.values())
    if met:
        runs = f"{troubles.spoilt_runs} run{'' if troubles.spoilt_runs == 1 else 's'}"
        yield f"{met} calls went wrong on the way and spoilt {runs}."
    if troubles.unknowns:
        yield f"Of {sum(troubles.unknowns.values())} unknown outcomes: {_counts(troubles.unknowns)}."
    if troubles.requests:
        asked = _counts(troubles.requests)
        yield f"Nobody is there to approve, so what waits for a person ends after a day: {asked}."
    if troubles.edits:
        over = troubles.edits.get("overwritten", 0)
        yield (
            f"People made {sum(troubles.edits.values())} edits by hand; {troubles.left_alone} changes were given up for"
            f" them, others waited ({troubles.held_back} looks), and {over} edits that fell between a reading and a"
            " write were gone over, and flagged."
        )


def _earned(figures: Figures) -> Iterator[str]:
    for currency in sorted({row.currency for row in figures.money}):
        rows = [row for row in figures.money if row.currency == currency]
        spend, revenue = _sum(rows, "spend_minor", currency), _sum(rows, "revenue_matured_minor", currency)
        idle_spend = _sum(rows, "untouched_spend_minor", currency)
        idle_revenue = _sum(rows, "untouched_revenue_minor", currency)
        gain = (revenue.minor - spend.minor) - (idle_revenue.minor - idle_spend.minor)
        word = "more" if gain >= 0 else "LESS"
        yield (
            f"The ads spent {spend} and brought in {revenue}{_roas(revenue, spend)} once every late purchase had"
            f" arrived; had nobody touched anything since the beginning, in the same world with the same dice, they"
            f" would have spent {idle_spend} and brought in {idle_revenue}{_roas(idle_revenue, idle_spend)}. Revenue"
            f" less spend is {Money(abs(gain), currency)} {word} with the system (before the cost of goods)."
        )
    if not figures.money:
        yield "No whole day of the account has passed, so there is nothing to say about money yet."


def _note(figures: Figures) -> str:
    if figures.plan.policy != "classic":
        return "One world is one draw: judge a policy by several seeds."
    return (
        "Note: the policy `classic` acts on raw figures. It takes what is known today for what a day has earned,"
        " although purchases go on arriving for days, and it does not ask"
        " whether a difference is chance; so it cuts and pauses"
        " some ads that would have paid, and what it gains or loses here is one draw: judge it by several seeds."
    )


def _money_table(figures: Figures) -> Iterator[str]:
    if not figures.money:
        return
    yield (
        "| | spend | revenue, as known at each day's end | revenue, matured | return, matured | untouched: spend |"
        " untouched: revenue |"
    )
    yield "|---|---|---|---|---|---|---|"
    for currency in sorted({row.currency for row in figures.money}):
        rows = [row for row in figures.money if row.currency == currency]
        names = (
            "spend_minor", "revenue_known_minor", "revenue_matured_minor", "untouched_spend_minor",
            "untouched_revenue_minor",
        )  # fmt: skip
        spend, known, matured, idle_spend, idle = (_sum(rows, name, currency) for name in names)
        ratio = f"{matured.minor / spend.minor:.2f}" if spend.minor else "none"
        yield (
            f"| {rows[0].day} to {rows[-1].day}, {currency} | {spend} | {known} | {matured} | {ratio} | {idle_spend}"
            f" | {idle} |"
        )
    yield ""


def _checks_table(checks: Sequence[Check]) -> Iterator[str]:
    yield "## What must hold"
    yield "| check | says | broken |"
    yield "|---|---|---|"
    for check in checks:
        yield f"| {check.name} | {check.says} | {check.broken or 'no'} |"
    yield ""
    for check in checks:
        yield from (f"- **{check.name}**: {_text(line)}" for line in check.violations)
    yield ""


def _troubles_table(troubles: Troubles) -> Iterator[str]:
    window = "nothing was sent" if troubles.read_to_write_ms is None else f"{troubles.read_to_write_ms} ms at most"
    rows = (
        ("calls that went wrong, by fault", _counts(troubles.faults) or "none"),
        ("runs that ended partial or failed by them", str(troubles.spoilt_runs)),
        ("outcomes that were unknown, as they stand now", _counts(troubles.unknowns) or "none"),
        ("changes that a person was asked about", _counts(troubles.requests) or "none"),
        ("edits by hand, by how they were found", _counts(troubles.edits) or "none"),
        ("changes given up for an edit by hand", str(troubles.left_alone)),
        ("looks at changes that wait for one", str(troubles.held_back)),
        ("from our fresh reading to the write", window),
        ("rows of the audit", f"{troubles.audit_rows}, {_whole(troubles)}"),
        ("largest share of an account's calls in use", f"{troubles.usage_peak:.1%}"),
    )
    yield "## What went wrong, and what became of it"
    yield "| what | figures |"
    yield "|---|---|"
    yield from (f"| {name} | {value} |" for name, value in rows)
    yield ""


def _whole(troubles: Troubles) -> str:
    return f"{len(troubles.audit_problems)} problems" if troubles.audit_problems else "every chain whole"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} x {name.replace('_', ' ')}" for name, count in counts.items())


def _work_table(figures: Figures) -> Iterator[str]:
    yield "## The work behind it"
    total = sum(sum(day.seconds.values()) for day in figures.pace)
    slots = sum(day.slots for day in figures.pace)
    parts = Counter[str]()
    for day in figures.pace:
        parts.update({name: round(value * 1000) for name, value in day.seconds.items()})
    shares = ", ".join(f"{name} {value / 1000:.1f} s" for name, value in parts.most_common())
    each_ms = 1000 * total / max(1, slots)
    yield f"{slots} instants were served in {total:.1f} real seconds ({each_ms:.0f} ms each): {shares}."
    yield ""
    yield "| cycle | state | runs | mean ms |"
    yield "|---|---|---|---|"
    for run in figures.runs:
        yield f"| {run.task} | {run.state} | {run.count} | {run.mean_ms} |"
    yield ""
    yield "| cycle | step | seconds in all | times |"
    yield "|---|---|---|---|"
    for step in figures.steps:
        yield f"| {step.task} | {step.step} | {step.seconds:.1f} | {step.times} |"
    yield ""


def _memory_table(figures: Figures) -> Iterator[str]:
    yield "| process | own MB, first | last | peak RSS MB | MB a simulated day | flat |"
    yield "|---|---|---|---|---|---|"
    for row in figures.slopes:
        slope = "too few samples" if row.mb_per_day is None else f"{row.mb_per_day:+.2f}"
        flat = "yes" if row.is_flat else "NO"
        yield f"| {row.process} | {row.first_mb:.1f} | {row.last_mb:.1f} | {row.peak_rss_mb:.1f} | {slope} | {flat} |"


def _sum(rows: Sequence[MoneyDay], name: str, currency: str) -> Money:
    return Money(sum(getattr(row, name) for row in rows), currency)


def _roas(revenue: Money, spend: Money) -> str:
    return f" (a return of {revenue.minor / spend.minor:.2f})" if spend.minor else ""


def _days(figures: Figures) -> str:
    days = (figures.plan.end_at - figures.plan.begin_at).total_seconds() / 86_400
    return f"{days:g} simulated day{'' if days == 1 else 's'}"


def _text(value: object) -> str:
    """Text from outside on a Markdown page: one line, its marks without force."""
    text = safe(value)
    for mark in "\\`*_[]<>|#":
        text = text.replace(mark, f"\\{mark}")
    return text
