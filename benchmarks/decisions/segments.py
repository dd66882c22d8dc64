"""Segments, regions, creative elements and variants on the market: false actions where nothing differs, power where.

Every account is a set of cells in the market's kernel whose truth is additive plus interaction
(`segment_market.py`). `actions` is the share of accounts in which one look, after the days, wants to do anything.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.decisions import segment_bandits, segment_prediction
from benchmarks.decisions.peers import missing_notes
from benchmarks.decisions.segment_market import ORDER_VALUE_MINOR, Figures, crossed, live
from decisions.cell_shifts import ShiftRules
from decisions.cells import Cells
from decisions.creative_elements import Creatives, read
from decisions.exploration import Arms, variants
from decisions.geo import lift
from decisions.segments import decide
from domain.actions import ObjectKind
from estimators.additive_prior import dispersion_by_day

NAME: Final = "segments"
TITLE: Final = "Segments, regions, creative elements and variants"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_CELLS = (4, 3, 2)
_ELEMENTS = (8, 6, 5, 3)
_ELEMENT_NAMES = ("hook", "title", "music", "length")
_BREAK_EVEN = 1.5


def run(*, quick: bool, seed: int) -> dict[str, Any]:
    """Return tables of false actions and power, held-out deviance and regret."""
    scale = 0.1 if quick else 1.0
    shifts = _shift_table(max(20, int(300 * scale)), seed)
    lifts = _lift_table(max(10, int(120 * scale)), seed)
    elements = _element_table(max(10, int(100 * scale)), seed)
    retired = _variant_table(max(20, int(300 * scale)), seed)
    predicted = segment_prediction.tables(accounts=max(8, int(60 * scale)), seed=seed + 50)
    regret = segment_bandits.table(tests=max(5, int(80 * scale)), seed=seed + 60)
    found = {
        "tables": {
            "Shifts between segments": shifts,
            "Lift by untreated regions": lifts,
            "Creative elements": elements,
            "Variants retired at one look": retired,
            "Held-out deviance of purchases per cell (lower is better)": predicted,
            "Clicks lost over 28 days, eight creatives": regret,
        }
    }
    return {**found, "bars": _bars(found["tables"]), "notes": _notes()}


def _shift_table(accounts: int, seed: int) -> list[dict[str, Any]]:
    rows = []
    worlds = (("none", 0.0, 0.0), ("small", 0.12, 0.05), ("usual", 0.25, 0.15))
    for number, (effects, spread, interaction) in enumerate(worlds):
        for budget_minor in (800, 3_000, 12_000):
            codes = crossed(_CELLS)
            found = live(
                np.broadcast_to(codes, (accounts, *codes.shape)), _CELLS, spread=spread, interaction=interaction,
                budget_minor=budget_minor, days=14, seed=seed + number,
            )  # fmt: skip
            rows.append({"effects": effects, **_shifts(found)})
    return rows


def _shifts(found: Figures) -> dict[str, Any]:
    moved, gain, right, unsure = [], [], [], []
    for account in range(len(found.truth)):
        cells, truth = _cells(found, account), found.truth[account]
        plan = decide(cells, rules=ShiftRules(), break_even=_BREAK_EVEN)
        change = plan.target_minor - cells.budget_minor
        moved.append(plan.verdict == "shift")
        unsure.append(plan.verdict == "not_decidable")
        if change.any():
            gain.append(float((change * truth).sum() / (cells.budget_minor * truth).sum()))
            edits = change != 0
            right.append(float(np.mean((change[edits] > 0) == (truth[edits] > truth.mean()))))
    return {
        "purchases per cell": float(found.purchases.sum(axis=2).mean()),
        "accounts": len(moved),
        "actions": float(np.mean(moved)),
        "se": _se_share(moved),
        "not decidable": float(np.mean(unsure)),
        "edits the right way": float(np.mean(right)) if right else None,
        "gain of one shift, share of revenue": float(np.mean(gain)) if gain else None,
    }


def _cells(found: Figures, account: int) -> Cells:
    spend, purchases = found.spend_minor[account], found.purchases[account]
    total = spend.sum(axis=1)
    mature = (spend * found.maturity).sum(axis=1) / np.maximum(total, 1)
    many = len(total)
    return Cells(
        object_kind=ObjectKind.AD_SET,
        object_id=np.array([f"{row:04d}" for row in range(many)]),
        features=np.ascontiguousarray(found.features[account]),
        feature_names=("geo", "age", "gender"),
        level_names=tuple(tuple(str(level) for level in range(count)) for count in _CELLS),
        purchases=purchases.sum(axis=1),
        spend_minor=total,
        revenue_minor=found.revenue_minor[account].sum(axis=1),
        maturity=np.minimum(mature, 1.0),
        budget_minor=np.full(many, found.budget_minor),
        currency="USD",
        days=float(spend.shape[1]),
        dispersion=dispersion_by_day(purchases, spend * found.maturity),
    )


def _lift_table(accounts: int, seed: int) -> list[dict[str, Any]]:
    regions, chosen = 30, 6
    codes = np.broadcast_to(np.zeros((regions, 1), np.int64), (accounts, regions, 1))
    rng = np.random.default_rng([seed, 31])
    treated = rng.permuted(np.broadcast_to(np.arange(regions) < chosen, (accounts, regions)), axis=1)
    rows = []
    for number, effect in enumerate((0.0, 0.1, 0.2)):
        found = live(
            codes, (1,), spread=0.0, interaction=0.3, budget_minor=20_000, days=42, seed=seed + 20 + number,
            treated=(treated, 28, effect),
        )  # fmt: skip
        read_ = [lift(found.revenue_minor[a], treated[a], 28, seed=a, placebos=200) for a in range(accounts)]
        told = [reading.verdict != "not_decidable" for reading in read_]
        rows.append(
            {
                "true lift": effect,
                "accounts": accounts,
                "actions": float(np.mean(told)),
                "se": _se_share(told),
                "90 % interval holds it": float(np.mean([r.low <= effect <= r.high for r in read_])),
                "mean estimate": float(np.mean([r.lift for r in read_])),
                "least lift it says it can see": float(np.mean([r.least_lift for r in read_])),
            }
        )
    return rows


def _element_table(accounts: int, seed: int) -> list[dict[str, Any]]:
    rows = []
    worlds = (("none", 0.0, 0.0), ("none, creatives differ", 0.0, 0.2), ("usual", 0.2, 0.1))
    for number, (effects, spread, interaction) in enumerate(worlds):
        for many in (40, 120):
            rng = np.random.default_rng([seed, number, many])
            codes = np.stack([rng.integers(0, count, (accounts, many)) for count in _ELEMENTS], axis=2)
            found = live(
                codes, _ELEMENTS, spread=spread, interaction=interaction, budget_minor=5_000, days=14,
                seed=seed + 30 + number,
            )  # fmt: skip
            rows.append({"effects": effects, "creatives": many, **_elements(found)})
    return rows


def _elements(found: Figures) -> dict[str, Any]:
    anything, share, wrong = [], [], []
    for account in range(len(found.truth)):
        codes = found.features[account]
        reading = read(
            Creatives(
                creative_id=np.arange(len(codes)).astype(str),
                features=codes,
                feature_names=_ELEMENT_NAMES,
                level_names=tuple(tuple(str(level) for level in range(count)) for count in _ELEMENTS),
                counts=found.purchases[account].sum(axis=1),
                exposures=(found.spend_minor[account] * found.maturity).sum(axis=1),
                dispersion=dispersion_by_day(found.purchases[account], found.spend_minor[account] * found.maturity),
            )
        )
        told = [element for element in reading.elements if element.earns]
        anything.append(bool(told))
        share.append(len(told) / len(reading.elements))
        wrong += [(element.factor > 1) != (_effect(found, account, element) > 0) for element in told]
    return {
        "purchases per creative": float(found.purchases.sum(axis=2).mean()),
        "accounts": len(anything),
        "anything told": float(np.mean(anything)),
        "se": _se_share(anything),
        "elements told": float(np.mean(share)),
        "of them wrong sign": float(np.mean(wrong)) if wrong else None,
    }


def _effect(found: Figures, account: int, element: Any) -> float:
    """Return an element's true effect on the log rate, as the least squares of the truth on all elements."""
    codes, truth = found.features[account], np.log(found.truth[account])
    design = np.concatenate([np.eye(count)[codes[:, f]] for f, count in enumerate(_ELEMENTS)], axis=1)
    effects = np.linalg.lstsq(design, truth, rcond=None)[0]
    feature = _ELEMENT_NAMES.index(element.feature)
    start = sum(_ELEMENTS[:feature])
    own = effects[start : start + _ELEMENTS[feature]]
    return float(own[int(element.level)] - np.average(own[codes[:, feature]]))


def _variant_table(accounts: int, seed: int) -> list[dict[str, Any]]:
    rows = []
    codes = np.broadcast_to(np.zeros((8, 1), np.int64), (accounts, 8, 1))
    for number, (effects, interaction) in enumerate((("none", 0.0), ("usual", 0.35))):
        for budget_minor in (800, 3_000, 12_000):
            found = live(
                codes, (1,), spread=0.0, interaction=interaction, budget_minor=budget_minor, days=14,
                seed=seed + 40 + number,
            )  # fmt: skip
            plans = [_variants(found, account) for account in range(accounts)]
            retired = [bool(plan.any()) for plan in plans]
            lost = [bool(plan[np.argmax(found.truth[account])]) for account, plan in enumerate(plans)]
            rows.append(
                {
                    "effects": effects,
                    "purchases per variant": float(found.purchases.sum(axis=2).mean()),
                    "accounts": accounts,
                    "actions": float(np.mean(retired)),
                    "se": _se_share(retired),
                    "variants retired": float(np.mean([plan.mean() for plan in plans])),
                    "the best one retired": float(np.mean(lost)) if interaction else None,
                }
            )
    return rows


def _variants(found: Figures, account: int) -> NDArray[np.bool_]:
    counts = found.purchases[account].sum(axis=1)
    exposed = (found.spend_minor[account] * found.maturity).sum(axis=1)
    arms = Arms(
        ad_id=np.arange(len(counts)).astype(str),
        counts=counts,
        exposures=exposed,
        dispersion=dispersion_by_day(found.purchases[account], found.spend_minor[account] * found.maturity),
    )
    return variants(arms, seed=account, budget_minor=100_000, cost_per_purchase_minor=ORDER_VALUE_MINOR).retire


def _bars(tables: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    shifts = [row for row in tables["Shifts between segments"] if row["effects"] == "none"]
    retired = [row for row in tables["Variants retired at one look"] if row["effects"] == "none"]
    elements = [row for row in tables["Creative elements"] if row["effects"].startswith("none")]
    still = tables["Lift by untreated regions"][0]
    bars = [
        _at_most("A/A: budgets of equal segments are shifted at most at 5 % (+ 2 se)", shifts, "actions", 0.05),
        _at_most("A/A: one of 8 equal variants is retired at most at 5 % (+ 2 se)", retired, "actions", 0.05),
        _at_most("A/A: an element is told where none has an effect at most at 10 % (+ 2 se)", elements,
                 "anything told", 0.10),
        _at_most("A/A: a lift of untreated regions is told at most at 10 % (+ 2 se)", [still], "actions", 0.10),
    ]  # fmt: skip
    gains = [row["gain of one shift, share of revenue"] for row in tables["Shifts between segments"][3:]]
    told = [gain for gain in gains if gain is not None]
    bars.append(
        {"bar": "power: shifts gain wherever cells differ", "met": bool(told) and min(told) > 0,
         "figure": ", ".join(f"{gain:+.1%}" for gain in told)}
    )  # fmt: skip
    rivals = [
        row
        for row in tables["Held-out deviance of purchases per cell (lower is better)"]
        if row["predictor"] != "additive prior (ours)" and row["world"] != "no effect"
    ]
    bars.append(_no_worse("held-out deviance of seen cells not above any peer's by > 2 se where cells differ", rivals))
    regret = [
        row
        for row in tables["Clicks lost over 28 days, eight creatives"]
        if row["policy"] in {"equal split", "mabwiser Thompson", "mabwiser UCB1"}
    ]
    names = ", ".join(dict.fromkeys(str(row["policy"]) for row in regret))
    bars.append(_better(f"regret below {names} by > 2 se", regret, "minus ours"))
    return bars


def _no_worse(bar: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Count in how many worlds ours is better or worse than each rival by more than two standard errors."""
    better = sum(row["seen minus ours"] > 2 * row["se"] for row in rows)
    worse = sum(row["seen minus ours"] < -2 * row["se"] for row in rows)
    figure = f"better by > 2 se in {better} of {len(rows)} comparisons, worse in {worse}"
    return {"bar": bar, "met": worse == 0, "figure": figure}


def _at_most(bar: str, rows: list[dict[str, Any]], column: str, most: float) -> dict[str, Any]:
    margin = [row[column] - 2 * np.sqrt(most * (1 - most) / row["accounts"]) for row in rows]
    figures = ", ".join(f"{row[column]:.1%}" for row in rows)
    return {"bar": bar, "met": bool(max(margin) <= most), "figure": figures}


def _better(bar: str, rows: list[dict[str, Any]], column: str) -> dict[str, Any]:
    least = min(rows, key=lambda row: row[column] / max(row["se"], 1e-12))
    name = least.get("predictor") or least.get("policy")
    place = least.get("world") or f"{least.get('impressions a day')} a day"
    figure = f"closest: {name}, {place}: {least[column]:+.3f} (se {least['se']:.3f})"
    return {"bar": bar, "met": bool(least[column] > 2 * least["se"]), "figure": figure}


def _notes() -> list[str]:
    return [
        "One look each: who looks every day and acts on the first yes acts on nothing more often than stated.",
        "Where no cell differs, the plain account mean predicts better than the additive prior: its price.",
        "Bandits play click rates dealt by the market, handed out in days; fatigue and delivery are left out.",
        "Held-out figures are halves of each cell's purchases (binomial), 20 % of the cells never seen.",
        *missing_notes(),
    ]


def _se_share(flags: list[bool]) -> float:
    share = float(np.mean(flags))
    return float(np.sqrt(share * (1 - share) / len(flags)))


def plots(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw deviance by predictor and regret by policy."""
    import matplotlib.pyplot as plt  # only a plot needs it

    tables = result["tables"]
    predicted = tables["Held-out deviance of purchases per cell (lower is better)"]
    regret = tables["Clicks lost over 28 days, eight creatives"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    _grouped(left, predicted, "world", "predictor", "seen")
    left.set_title("Held-out deviance per cell")
    _grouped(right, regret, "impressions a day", "policy", "regret")
    right.set_title("Share of clicks lost in 28 days")
    figure.tight_layout()
    path = folder / "segments.png"
    figure.savefig(path, dpi=80)
    plt.close(figure)
    return [path]


def _grouped(axes: Any, rows: list[dict[str, Any]], group: str, bar: str, value: str) -> None:
    groups = list(dict.fromkeys(row[group] for row in rows))
    bars = list(dict.fromkeys(row[bar] for row in rows))
    for number, name in enumerate(bars):
        heights = [next(row[value] for row in rows if row[group] == one and row[bar] == name) for one in groups]
        axes.bar(np.arange(len(groups)) + number * 0.8 / len(bars), heights, 0.8 / len(bars), label=name)
    axes.set_xticks(np.arange(len(groups)) + 0.4, [str(one) for one in groups], fontsize=6)
    axes.legend(fontsize=6)
