"""Calibration of the ROAS posterior and its forecasts: how often intervals hold the truth, and how far estimates err.

The truth is the market kernel's own: what a unit of money brings under the conditions of the reading, and what the
next 7 days really brought once everything had arrived. Accounts are independent; standard errors are over them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from scipy import special

from benchmarks.decisions.calibration_market import Seen, observe
from decisions.policy import MaturedPolicy
from decisions.roas_posterior import Estimate, estimate_panels, quantile
from domain.actions import ObjectKind
from domain.panel import Panel
from domain.snapshot import Bools, Floats, Ints
from estimators.forecast import Forecast, forecast
from estimators.maturity import learn

NAME: Final = "calibration"
TITLE: Final = "The ROAS posterior and its forecasts against the truth"
_KINDS: Final = (ObjectKind.AD, ObjectKind.AD_SET, ObjectKind.CAMPAIGN, ObjectKind.ACCOUNT)
_ACCOUNTS: Final = 24
_RUNS: Final = 25
_PURCHASES: Final = (0, 1, 5, 20, 50, 200, np.inf)
_ORDERS: Final = (0, 1, 3, 10, 50, np.inf)
_NOMINAL: Final = tuple(np.round(np.arange(0.05, 1.0, 0.05), 2))
_BAND_90: Final = (0.88, 0.92)
_BAND_80: Final = (0.77, 0.83)
_PEERS: Final = MappingProxyType(
    {"raw": "raw ratio", "account": "account's ratio", "campaign": "campaign's ratio", "ours": "posterior"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Objects of one kind over all accounts, (n,): who owns them, the posterior's z of the truth, and forecasts."""

    account: Ints
    purchases: Floats
    z: Floats
    errors: Mapping[str, Floats]  # by peer: estimate over truth, less 1
    orders: Floats  # expected of the coming week
    is_under: Bools  # the week brought less than the interval's low end
    is_over: Bools
    brought: Floats
    told: Floats


def run(*, quick: bool, seed: int) -> dict[str, Any]:
    """Observe accounts, estimate, compare; `quick` takes few of them."""
    runs = 2 if quick else _RUNS
    seen = [(n * _ACCOUNTS + i, one) for n in range(runs) for i, one in enumerate(_accounts(seed + n))]
    parts = [(number, one, _estimate(one)) for number, one in seen]
    rows = {kind: _joined([_rows(number, one, found, kind) for number, one, found in parts]) for kind in _KINDS}
    levels = [_level(kind, rows[kind]) for kind in _KINDS]
    errors = [row for kind in _KINDS for row in _errors(kind, rows[kind])]
    forecasts = [_forecast(kind, "all", rows[kind], np.ones(len(rows[kind].z), np.bool_)) for kind in _KINDS]
    return {
        "title": TITLE,
        "accounts": len(seen),
        "coverage by level": levels,
        "coverage by volume": [row for kind in _KINDS for row in _volumes(kind, rows[kind])],
        "error against the truth": errors,
        "forecast of 7 days by level": forecasts,
        "forecast by expected orders": [row for kind in _KINDS[:3] for row in _by_orders(kind, rows[kind])],
        "reliability": {kind.value: _reliability(rows[kind].z) for kind in _KINDS},
        "bars": _bars(levels, errors, forecasts),
        "notes": [
            f"{len(seen)} accounts of 4 campaigns x 5 ad sets x 3 ads, 28 days of history, read at 04:00.",
            "Order values, prices, budgets, ages and fatigue are drawn; 40 % of the ad sets had a budget change.",
            "Truth: the kernel's expected ROAS at the reading (tiredness, learning, price at the present budget).",
            "Forecasts take the week's spend as given: they are judged on what it brought.",
        ],
    }


def plots(result: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw the reliability: how often the truth lay under each quantile told."""
    import matplotlib.pyplot as plt  # late: only who draws needs it

    figure, axes = plt.subplots(figsize=(4.6, 4.4))
    axes.plot((0, 1), (0, 1), color="tab:gray", linewidth=0.8)
    for kind, held in result["reliability"].items():
        axes.plot(_NOMINAL, held, marker=".", label=kind.replace("_", " "))
    axes.set_xlabel("quantile told")
    axes.set_ylabel("share of truths under it")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    figure.tight_layout()
    path = folder / "calibration.png"
    figure.savefig(path, dpi=90)
    plt.close(figure)
    return [path]


def _accounts(seed: int) -> tuple[Seen, ...]:
    return observe(accounts=_ACCOUNTS, seed=seed)


def _estimate(one: Seen) -> Estimate:
    panels = [one.panels[kind] for kind in _KINDS[:3]]
    curve = learn(one.arrived, one.reached)
    return estimate_panels(*panels, account_id=one.account_id, curve=curve, policy=MaturedPolicy())


def _rows(number: int, one: Seen, found: Estimate, kind: ObjectKind) -> _Rows:
    frame, truth = found.frames[kind], one.true_roas[kind]
    ahead = _ahead(one, found, kind)
    live = one.coming_spend[kind] > 0
    median = quantile(frame, 0.5)
    peers = {"raw": frame.now, "account": np.full(len(frame), found.frames[ObjectKind.ACCOUNT].now[0]), "ours": median}
    peers["campaign"] = _of_campaign(one, found, kind)
    brought = one.coming_revenue[kind]
    return _Rows(
        account=np.full(int(live.sum()), number),
        purchases=frame.purchases[live],
        z=((np.log(truth) - frame.log_median) / frame.log_sd)[live],
        errors={name: (values / truth - 1)[live] for name, values in peers.items()},
        orders=(ahead.revenue_minor / found.order_values[kind])[live],
        is_under=(brought < ahead.revenue_low_minor)[live],
        is_over=(brought > ahead.revenue_high_minor)[live],
        brought=brought[live],
        told=ahead.revenue_minor[live],
    )


def _ahead(one: Seen, found: Estimate, kind: ObjectKind) -> Forecast:
    daily = one.coming_spend[kind] / 7
    return forecast(
        found.frames[kind], daily, found.order_values[kind], order_cv2=found.order_cv2, pace=found.pace
    )  # fmt: skip


def _of_campaign(one: Seen, found: Estimate, kind: ObjectKind) -> Floats:
    now = found.frames[ObjectKind.CAMPAIGN].now
    sets: Panel = one.panels[ObjectKind.AD_SET]
    match kind:
        case ObjectKind.AD:
            return now[sets.parent[one.panels[ObjectKind.AD].parent]]
        case ObjectKind.AD_SET:
            return now[sets.parent]
        case ObjectKind.CAMPAIGN:
            return now
        case _:
            return found.frames[ObjectKind.ACCOUNT].now


def _joined(parts: list[_Rows]) -> _Rows:
    def column(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    return _Rows(
        account=column("account"), purchases=column("purchases"), z=column("z"), orders=column("orders"),
        is_under=column("is_under"), is_over=column("is_over"), brought=column("brought"), told=column("told"),
        errors={name: np.concatenate([part.errors[name] for part in parts]) for name in _PEERS},
    )  # fmt: skip


def _level(kind: ObjectKind, rows: _Rows) -> dict[str, Any]:
    return {"level": kind.value, "objects": len(rows.z)} | _held(rows, np.ones(len(rows.z), np.bool_))


def _volumes(kind: ObjectKind, rows: _Rows) -> list[dict[str, Any]]:
    found = []
    for low, high in pairwise(_PURCHASES):
        inside = (rows.purchases >= low) & (rows.purchases < high)
        if inside.sum() >= 100:
            told = {"level": kind.value, "purchases": _span(low, high), "objects": int(inside.sum())}
            found.append(told | _held(rows, inside))
    return found


def _held(rows: _Rows, inside: Bools) -> dict[str, Any]:
    z, account = np.abs(rows.z[inside]), rows.account[inside]
    told: dict[str, Any] = {}
    for percent, bound in ((80, special.ndtri(0.9)), (90, special.ndtri(0.95))):
        share, error = _share(z < bound, account)
        told |= {f"{percent} % held": _pct(share), f"{percent} se": _pct(error)}
    return told | {"mean z": round(float(rows.z[inside].mean()), 3), "sd of z": round(float(rows.z[inside].std()), 3)}


def _errors(kind: ObjectKind, rows: _Rows) -> list[dict[str, Any]]:
    """Root of the mean squared relative error of each peer, and the paired gain of ours over accounts."""
    ours = rows.errors["ours"] ** 2
    found = []
    for name, title in _PEERS.items():
        square = rows.errors[name] ** 2
        gain, error = _mean_by_account(square - ours, rows.account)
        found.append({
            "level": kind.value, "estimate": title, "relative RMSE": round(float(np.sqrt(square.mean())), 4),
            "MSE over ours": round(gain, 4), "se": round(error, 4),
        })  # fmt: skip
    return found


def _by_orders(kind: ObjectKind, rows: _Rows) -> list[dict[str, Any]]:
    masks = [(_span(low, high), (rows.orders >= low) & (rows.orders < high)) for low, high in pairwise(_ORDERS)]
    return [_forecast(kind, name, rows, inside) for name, inside in masks if inside.sum() >= 100]


def _forecast(kind: ObjectKind, name: str, rows: _Rows, inside: Bools) -> dict[str, Any]:
    held, error = _share(~(rows.is_under | rows.is_over)[inside], rows.account[inside])
    return {
        "level": kind.value, "expected orders": name, "objects": int(inside.sum()), "80 % held": _pct(held),
        "se": _pct(error), "brought less %": _pct(float(rows.is_under[inside].mean())),
        "brought more %": _pct(float(rows.is_over[inside].mean())),
        "brought / told": round(float(rows.brought[inside].sum() / rows.told[inside].sum()), 3),
    }  # fmt: skip


def _reliability(z: Floats) -> list[float]:
    return [round(float(np.mean(z < special.ndtri(p))), 4) for p in _NOMINAL]


def _bars(
    levels: list[dict[str, Any]], errors: list[dict[str, Any]], forecasts: list[dict[str, Any]]
) -> list[dict[str, Any]]:  # fmt: skip
    nineties = {row["level"]: row["90 % held"] for row in levels}
    eighties = {row["level"]: row["80 % held"] for row in levels}
    weeks = {row["level"]: row["80 % held"] for row in forecasts if row["level"] != "ad"}
    peers = [row for row in errors if row["estimate"] != _PEERS["ours"] and row["level"] in ("ad", "ad_set")]
    worst = min(peers, key=lambda row: row["MSE over ours"] / max(row["se"], 1e-9))
    return [
        _bar("90 % intervals hold 88-92 % at every level", nineties, _BAND_90),
        _bar("80 % intervals hold 77-83 % at every level", eighties, _BAND_80),
        _bar("80 % of the forecasts of a week hold (77-83 %; ad sets and up)", weeks, _BAND_80),
        {
            "bar": "error of ads and ad sets under raw ratio's, account's and campaign's by over 2 se",
            "met": worst["MSE over ours"] > 2 * worst["se"],
            "figure": f"closest: {worst['estimate']} of {worst['level']}, {worst['MSE over ours']} (se {worst['se']})",
        },
    ]


def _bar(text: str, held: Mapping[str, float], band: tuple[float, float]) -> dict[str, Any]:
    low, high = (100 * end for end in band)
    figure = ", ".join(f"{level.replace('_', ' ')} {value:.1f}" for level, value in held.items())
    return {"bar": text, "met": all(low <= value <= high for value in held.values()), "figure": figure}


def _share(holds: Bools, account: Ints) -> tuple[float, float]:
    return _mean_by_account(holds.astype(np.float64), account)


def _mean_by_account(values: Floats, account: Ints) -> tuple[float, float]:
    """Return the mean over objects, and its standard error with accounts as independent clusters."""
    mean = float(values.mean())
    residual = np.bincount(account - account.min(), weights=values - mean)
    return mean, float(np.sqrt((residual**2).sum()) / len(values))


def _span(low: float, high: float) -> str:
    return f"{low:g} and over" if np.isinf(high) else f"{low:g} to {high:g}"


def _pct(share: float) -> float:
    return round(100 * share, 2)
