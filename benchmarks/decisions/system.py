"""The whole system: every policy in the twin, on all scenarios, beside an oracle that knows the truth.

Each seed is a market of its own; within it hold, classic, matured and the oracle meet the same dice, caps and
guardrails. Profit counts every purchase of the days, arrived or not: margin x revenue - spend.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from sandbox.scenario import Scenario, generated_scenario, load_scenario
from twin.compare import MARGIN, found, gains, run_case, share_of
from twin.loop import Outcome

NAME = "system"
TITLE = "Whole system: matured profit in the twin over 60 days"
POLICIES: Final = ("hold", "classic", "matured", "oracle")
_DAYS, _SEEDS = 60, 20
_WORKERS: Final = 2  # processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A scenario as it is run here."""

    name: str
    scenario: str
    seeds: int = _SEEDS
    days: int = _DAYS
    words: str = ""


ROWS: Final = (
    Row(name="small_shop", scenario="small_shop"),
    Row(name="demo", scenario="demo"),
    Row(name="troubled_shop", scenario="troubled_shop", words="its market and its people; the twin's calls never fail"),
    Row(name="agency", scenario="agency", words="seed n takes account (7 n) mod 50, one account at a time"),
    Row(name="large_shop", scenario="large_shop", seeds=4, days=30, words="its ranges with 300 of 200,000 ads"),
    Row(name="generated:60", scenario="generated:60", seeds=4, words="60 ads drawn anew from each seed"),
)


def run(*, quick: bool, seed: int) -> dict[str, Any]:
    """Run every scenario; a policy that cannot be asked yet is left out and named."""
    policies, missing = _askable()
    rows = ROWS[:2] if quick else ROWS
    scenarios: list[dict[str, Any]] = []
    curves: dict[str, dict[str, list[float]]] = {}
    stops: list[dict[str, Any]] = []
    for row, days, runs in _all(rows, policies, quick=quick, seed=seed):
        scenarios += _table(row, runs, policies, days)
        curves[row.name] = {name: _curve([found[name] for found in runs]) for name in policies}
        stops += _stops(row, runs, policies)
    return {
        "scenarios": scenarios,
        "guardrails": stops,
        "curves_of_profit": curves,
        "bars": _bars(scenarios, stops, policies),
        "notes": _notes(rows, missing),
    }


def plots(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw cumulative profit by day, a panel a scenario, as a share of the oracle's at the end."""
    from matplotlib import pyplot as plt  # late: half a second that a run without plots need not wait

    curves = result["curves_of_profit"]
    columns = min(3, len(curves))
    lines = math.ceil(len(curves) / columns)
    figure, axes = plt.subplots(lines, columns, figsize=(4 * columns, 2.6 * lines), squeeze=False)
    for axis, (name, of_policy) in zip(axes.flat, curves.items(), strict=False):
        for policy, values in of_policy.items():
            axis.plot(range(1, len(values) + 1), values, label=policy, linewidth=1.4)
        axis.set_title(name, fontsize=9)
        axis.axhline(0, color="grey", linewidth=0.5)
        axis.tick_params(labelsize=7)
    for axis in list(axes.flat)[len(curves) :]:
        axis.set_visible(False)
    axes.flat[0].legend(fontsize=7)
    figure.suptitle("profit so far by day, mean over seeds (share of the oracle's at the end)", fontsize=9)
    figure.tight_layout()
    path = folder / "system_profit.png"
    figure.savefig(path, dpi=80)
    plt.close(figure)
    return [path]


def scenario_of(row: Row, seed: int) -> tuple[Scenario, int]:
    """The scenario and which of its accounts; large ones are cut down to what a minute can hold."""
    if row.scenario.startswith("generated:"):
        return generated_scenario(ads=int(row.scenario.partition(":")[2]), seed=seed, history_days=45), 0
    scenario = load_scenario(row.scenario)
    if row.name == "agency":
        return scenario, 7 * seed % len(scenario.accounts)
    if row.name == "large_shop":
        account = scenario.accounts[0]
        drawn = account.generate.model_copy(update={"ads": 300}) if account.generate else None
        small = account.model_copy(update={"generate": drawn})
        return scenario.model_copy(update={"accounts": (small,), "history_days": 45}), 0
    return scenario, 0


def _askable() -> tuple[tuple[str, ...], list[str]]:
    missing = []
    try:
        import twin.matured  # noqa: F401 - late: whether the policy can be asked at all
    except ImportError as error:
        missing.append(f"matured could not be asked: {error}")
    return tuple(name for name in POLICIES if name != "matured" or not missing), missing


def _all(
    rows: tuple[Row, ...], policies: tuple[str, ...], *, quick: bool, seed: int
) -> Iterator[tuple[Row, int, list[dict[str, Outcome]]]]:
    """Run every market, two at a time: a market knows nothing of the others, so that the order does not matter."""
    sizes = [(2, 10) if quick else (row.seeds, row.days) for row in rows]
    with ProcessPoolExecutor(_WORKERS, mp_context=get_context("spawn")) as pool:
        waiting = [
            [pool.submit(_one, row, seed + n, days, policies) for n in range(seeds)]
            for row, (seeds, days) in zip(rows, sizes, strict=True)
        ]
        for row, (_, days), found in zip(rows, sizes, waiting, strict=True):
            yield row, days, [one.result() for one in found]


def _one(row: Row, seed: int, days: int, policies: tuple[str, ...]) -> dict[str, Outcome]:
    scenario, account = scenario_of(row, seed)
    return run_case(found(scenario, seed=seed, account=account), policies, days=days)


def _table(
    row: Row, runs: list[dict[str, Outcome]], policies: tuple[str, ...], days: int
) -> list[dict[str, Any]]:  # fmt: skip
    """One line a policy; money as a share of what the account spends when it is held, since currencies differ."""
    scale = fmean(max(1, found["hold"].spend_minor) for found in runs)
    over = {gain.policy: gain for gain in gains(runs, over="classic")}
    lines = []
    for name in policies:
        outcomes = [found[name] for found in runs]
        gain = over.get(name)
        regret, regret_se = share_of(runs, name, of="oracle")
        lines.append(
            {
                "scenario": row.name,
                "policy": name,
                "seeds": len(runs),
                "days": days,
                "spend": fmean(one.spend_minor for one in outcomes) / scale,
                "profit": fmean(one.profit_minor for one in outcomes) / scale,
                "gain_over_classic": None if gain is None else gain.mean_minor / scale,
                "se": None if gain is None or gain.se_minor is None else gain.se_minor / scale,
                "better_than_classic_in": None if gain is None else f"{gain.better} of {gain.cases}",
                "regret": regret,
                "regret_se": regret_se,
                "edits_a_day": fmean(one.edits / one.days for one in outcomes),
                "learning_resets": fmean(one.learning_resets for one in outcomes),
                "flaps_per_object_day": fmean(one.flaps_per_object_day for one in outcomes),
                "breaches": sum(len(one.breaches) for one in outcomes),
                "asked_a_person": fmean(one.asked for one in outcomes),
            }
        )
    return lines


def _stops(row: Row, runs: list[dict[str, Outcome]], policies: tuple[str, ...]) -> list[dict[str, Any]]:
    """How often guardrails had to stop or trim what a policy wanted, per day; what waited was never asked of them."""
    found = []
    for name in policies:
        days = sum(one[name].days for one in runs)
        line: dict[str, Any] = {"scenario": row.name, "policy": name}
        for what in ("stopped", "trimmed", "waited", "put_to_person"):
            counts: dict[str, int] = {}
            for one in runs:
                for slug, count in getattr(one[name], what).items():
                    counts[slug] = counts.get(slug, 0) + count
            told = sorted(counts.items(), key=lambda pair: -pair[1])
            line[f"{what}_a_day"] = ", ".join(f"{slug} {count / days:.2f}" for slug, count in told) or "none"
        found.append(line)
    return found


def _curve(outcomes: list[Outcome]) -> list[float]:
    scale = fmean(max(1, one.spend_minor) for one in outcomes)
    days = len(outcomes[0].daily_profit_minor)
    total, found = 0.0, []
    for day in range(days):
        total += fmean(one.daily_profit_minor[day] for one in outcomes)
        found.append(total / scale)
    return found


def _bars(
    scenarios: list[dict[str, Any]], stops: list[dict[str, Any]], policies: tuple[str, ...]
) -> list[dict[str, Any]]:  # fmt: skip
    if "matured" not in policies:
        return [{"bar": "matured profit above classic in every scenario", "met": False, "figure": "not built"}]
    rows = [row for row in scenarios if row["policy"] == "matured"]
    sure = [row["scenario"] for row in rows if (row["se"] or 0) and row["gain_over_classic"] > 2 * row["se"]]
    worse = [row["scenario"] for row in rows if row["gain_over_classic"] <= 0]
    told = ", ".join(f"{row['scenario']} {row['gain_over_classic']:+.3f} (se {row['se'] or 0:.3f})" for row in rows)
    flaps = max(row["flaps_per_object_day"] for row in rows)
    breaches = sum(row["breaches"] for row in rows)
    own = [row for row in stops if row["policy"] == "matured"]
    touched = [row["scenario"] for row in own if row["stopped_a_day"] != "none"]
    asked = [f"{row['scenario']} {row['put_to_person_a_day']}" for row in own if row["put_to_person_a_day"] != "none"]
    return [
        {"bar": "matured profit above classic in every scenario", "met": not worse,
         "figure": f"{told}; beyond 2 se in {len(sure)} of {len(rows)}"},
        {"bar": "flaps per object and day: 0", "met": flaps == 0, "figure": f"at most {flaps:g}"},
        {"bar": "no guardrail passed (audit of what was done, its own code)", "met": breaches == 0,
         "figure": f"{breaches} breaches"},
        {"bar": "no guardrail had to stop what matured wanted", "met": not touched,
         "figure": ("none did" if not touched else f"some did in {', '.join(touched)}; see the table")
         + f"; what waited instead is in the table; asked of a person a day: {', '.join(asked) or 'nothing'}"},
    ]  # fmt: skip


def _notes(rows: tuple[Row, ...], missing: list[str]) -> list[str]:
    return [
        *missing,
        (
            f"Margin {MARGIN:g} of revenue in every scenario (the scenarios state none): break-even is at ROAS"
            f" {1 / MARGIN:g}. The account's cap is 1.5 times its daily budgets at the start."
        ),
        (
            "Money is in units of what the same account spends over the same days when it is held. Profit counts late"
            " purchases too. Regret is the share of the oracle's profit that is missing; the oracle knows every rate,"
            " acts once a day under the same guardrails and does not foresee chance: it is a reference, not a bound."
        ),
        "All policies run at level auto; what needs a person's approval (mass pauses above all) is never approved.",
        (
            "Rhythms, as far as they differ from production: classic is asked every hour, not every half hour; matured"
            " sees every complete hour once, half an hour after it at most, its rules are asked where evidence is new,"
            " and hourly while they want something (production: every half hour). Budgets once a day, tests every six"
            " hours, as in production. What a rule wants waits half an hour longer at most."
        ),
        (
            "Waited: what the policy wanted and kept back since a guardrail would have stopped it, counted every time"
            " that it looked (each hour while something waits). Put to person: what only a person may let pass, asked"
            " knowingly, once a day. A guardrail's stop of anything else is `stopped`."
        ),
        "A flap is a change that turns round our own former change of the same object within 72 h.",
        *(f"{row.name}: {row.words}; {row.seeds} seeds, {row.days} days." for row in rows if row.words),
    ]
