"""How long decisions take by number of ads, beside a plain loop, objects of scipy.stats and a solver per campaign.

Every size runs in a process of its own (`speed_case.py`), so that its peak memory is its own; times are CPU seconds of
one thread, the best of three. Peers run on a part of the work and are scaled to the whole, which the tables say.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.decisions.speed_case import ANEW
from decisions.allocation_solver import Curves, fill_total
from estimators.hierarchy import shrink

NAME: Final = "speed"
TITLE: Final = "Speed"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SIZES: Final = (20_000, 200_000, 1_000_000)
_QUICK: Final = (2_000, 20_000)
_BAR_ADS: Final = 200_000
_NOT_DECISIONS: Final = (
    "weighing 28 days", "posterior of the ads' rates alone", ANEW, "allocation where nearly every budget moves",
)  # fmt: skip
_POSTERIORS: Final = 1_000_000
_CAMPAIGNS, _AD_SETS_EACH = 10_000, 5
_ROOT: Final = Path(__file__).parents[2]
_TIME_LIMIT_S: Final = 1_200


def run(*, quick: bool, seed: int) -> dict[str, Any]:
    """Return times by size and step, peers, and the bars."""
    sizes = _QUICK if quick else SIZES
    cases = [_case(size, seed) for size in sizes]
    posteriors = _posterior_table(_POSTERIORS // (10 if quick else 1), seed)
    filled = _filling_table(_CAMPAIGNS // (10 if quick else 1), seed)
    told = [case for case in cases if "error" not in case]
    return {
        "tables": {
            "CPU seconds by step": _by_step(told),
            "Posteriors of rates, beside peers": posteriors,
            "Budgets of campaigns shared out, beside a solver": filled,
        },
        "bars": _bars(told, posteriors, quick=quick),
        "notes": [
            f"{case['ads']:,} ads: peak {case['peak_mib']:,.0f} MiB ({case['account_mib']:,.0f} of them the made-up "
            f"account); {case['steps']:,} budget steps proposed and {case['findings']:,} findings of budgets, "
            f"{case['stops']:,} stops, {case['declining']:,} ads told to tire of which {case['marks']:,} proposals are "
            f"new; in the worst case {case['worst_steps']:,} budget steps"
            for case in told
        ]
        + [f"{case['ads']:,} ads did not finish: {case['error']}" for case in cases if "error" in case]
        + [
            "In production the days are weighed in SQL (models/panels.py: load_sums), so weighing is told apart.",
            "The life-cycle of a day is one step from what stood before; once a week all is followed anew: told apart.",
            "Budgets stand where the curves put them, but for one in fifty; that nearly all move is told apart.",
        ],
    }


def _case(ads: int, seed: int) -> dict[str, Any]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "benchmarks.decisions.speed_case", str(ads), str(seed)]
    try:
        done = subprocess.run(
            command, cwd=_ROOT, env={**os.environ, **threads}, capture_output=True, text=True, check=True,
            timeout=_TIME_LIMIT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"ads": ads, "error": f"over {_TIME_LIMIT_S} s"}
    except subprocess.CalledProcessError as failed:
        return {"ads": ads, "error": failed.stderr.strip().splitlines()[-1]}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _by_step(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = [
        {"step": step, **{f"{case['ads']:,} ads": case["seconds"][step] for case in cases}}
        for step in cases[0]["seconds"]
    ]
    rows.append({"step": "all decisions of a cycle", **{f"{case['ads']:,} ads": _all(case) for case in cases}})
    rows.append({"step": "µs an ad", **{f"{case['ads']:,} ads": _all(case) / case["ads"] * 1e6 for case in cases}})
    rows.append({"step": "peak memory, MiB", **{f"{case['ads']:,} ads": case["peak_mib"] for case in cases}})
    return rows


def _all(case: dict[str, Any]) -> float:
    return float(sum(taken for step, taken in case["seconds"].items() if step not in _NOT_DECISIONS))


def _posterior_table(many: int, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    exposure = rng.gamma(1.0, 20_000.0, many)
    counts = rng.poisson(exposure * 2e-4).astype(np.float64)
    ad_set, campaign = np.arange(many) // 4, np.arange(many // 4 + 1) // 5
    parents, spreads = (ad_set, campaign), (0.25, 0.10, 0.10)
    part, few = min(many, 50_000), min(many, 500)
    ours = _best(lambda: shrink(counts, exposure, parents, spreads))
    loop = _best(lambda: _loop(counts[:part].tolist(), exposure[:part].tolist()), times=1) * many / part
    objects = _best(lambda: _objects(counts[:few], exposure[:few]), times=1) * many / few
    return [
        {"what": "ours, three levels", "posteriors": many, "CPU s": ours, "measured on": many, "times ours": 1.0},
        {"what": "Python loop, one level", "posteriors": many, "CPU s": loop, "measured on": part,
         "times ours": loop / ours},
        {"what": "scipy.stats objects, one level", "posteriors": many, "CPU s": objects, "measured on": few,
         "times ours": objects / ours},
    ]  # fmt: skip


def _loop(counts: list[float], exposures: list[float]) -> list[tuple[float, float]]:
    """Do one level of the same sum in plain Python."""
    mean, k = sum(counts) / sum(exposures), 4.0
    found = []
    for count, exposure in zip(counts, exposures, strict=True):
        shape = count + k
        found.append((shape / (exposure + k / mean), 1 / shape))
    return found


def _objects(counts: Floats, exposures: Floats) -> list[tuple[float, float]]:
    from scipy import stats  # the peer; nothing else needs its objects

    mean, k = counts.sum() / exposures.sum(), 4.0
    found = []
    for count, exposure in zip(counts, exposures, strict=True):
        belief = stats.gamma(count + k, scale=1 / (exposure + k / mean))
        found.append((belief.mean(), belief.var()))
    return found


def _filling_table(campaigns: int, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    many = campaigns * _AD_SETS_EACH
    top, kappa = np.exp(rng.normal(0.7, 0.3, many)), np.exp(rng.normal(9.0, 0.5, many))
    curves = Curves(top=top, kappa=kappa, bend=np.full(many, 0.4))
    before = np.exp(rng.normal(9.0, 0.5, many))
    group = np.repeat(np.arange(campaigns), _AD_SETS_EACH)
    total = np.bincount(group, weights=before, minlength=campaigns).astype(np.float64)
    low, high = 0.8 * before, 1.2 * before
    ours = _best(lambda: fill_total(curves, low, high, total, group=group))
    spend = fill_total(curves, low, high, total, group=group).spend
    few = min(campaigns, 20)
    begun = time.process_time()
    solved = [_slsqp(curves, low, high, float(total[one]), np.flatnonzero(group == one)) for one in range(few)]
    solver = (time.process_time() - begun) * campaigns / few
    worst = max(
        (value - _revenue(curves, spend, group == one)) / value for one, value in enumerate(solved)
    )  # fmt: skip
    return [
        {"what": "ours, all at once", "campaigns": campaigns, "CPU s": ours, "measured on": campaigns,
         "times ours": 1.0, "revenue under the solver's, at most": worst},
        {"what": "SLSQP per campaign", "campaigns": campaigns, "CPU s": solver, "measured on": few,
         "times ours": solver / ours, "revenue under the solver's, at most": 0.0},
    ]  # fmt: skip


def _revenue(curves: Curves, spend: Floats, rows: Any) -> float:
    part = spend[rows]
    return float((curves.top[rows] * part * (1 + part / curves.kappa[rows]) ** -curves.bend[rows]).sum())


def _slsqp(curves: Curves, low: Floats, high: Floats, total: float, rows: Ints) -> float:
    """Return the best revenue of one campaign by a general solver."""
    from scipy.optimize import minimize  # the peer; nothing else needs it

    top, kappa, bend = curves.top[rows], curves.kappa[rows], curves.bend[rows]
    scale = total / len(rows)

    def loss(share: Floats) -> float:
        spend = share * scale
        return -float((top * spend * (1 + spend / kappa) ** -bend).sum()) / total

    found = minimize(
        loss, (low[rows] + high[rows]) / 2 / scale, method="SLSQP",
        bounds=list(zip(low[rows] / scale, high[rows] / scale, strict=True)),
        constraints=[{"type": "eq", "fun": lambda share: share.sum() - len(rows)}],
        options={"ftol": 1e-12, "maxiter": 200},
    )  # fmt: skip
    return -float(found.fun) * total


def _best(step: Callable[[], object], *, times: int = 3) -> float:
    taken = []
    for _ in range(times):
        begun = time.process_time()
        step()
        taken.append(time.process_time() - begun)
    return max(min(taken), 1e-9)


def _bars(cases: list[dict[str, Any]], posteriors: list[dict[str, Any]], *, quick: bool) -> list[dict[str, Any]]:
    ours = posteriors[0]
    bars = [
        {"bar": f"{ours['posteriors']:,} posteriors in < 0.1 s", "met": ours["CPU s"] < 0.1,
         "figure": f"{ours['CPU s']:.3f} s"}
    ]  # fmt: skip
    case = next((case for case in cases if case["ads"] == _BAR_ADS), None)
    if case is not None:
        slowest = sorted(
            ((taken, step) for step, taken in case["seconds"].items() if step not in _NOT_DECISIONS), reverse=True
        )
        figure = f"{_all(case):.2f} s; " + ", ".join(f"{step} {taken:.2f} s" for taken, step in slowest[:3])
        bars.append({"bar": "all decisions of 200k ads in < 1 s", "met": _all(case) < 1, "figure": figure})
    if len(cases) > 1 and not quick:
        ratios = [(_all(after) / _all(before)) / (after["ads"] / before["ads"]) for before, after in pairwise(cases)]
        figure = ", ".join(f"{ratio:.2f}" for ratio in ratios) + " times the growth in ads"
        bars.append({"bar": "time grows in step with ads (at most 1.3 times)", "met": max(ratios) <= 1.3,
                     "figure": figure})  # fmt: skip
    return bars


def plots(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the time of each step by size."""
    import matplotlib.pyplot as plt  # only a plot needs it

    rows = [row for row in result["tables"]["CPU seconds by step"] if not row["step"].startswith(("µs", "peak"))]
    sizes = [key for key in rows[0] if key != "step"]
    figure, axes = plt.subplots(figsize=(7, 4))
    for row in rows:
        axes.plot(
            [int(size.split()[0].replace(",", "")) for size in sizes], [max(row[size], 1e-5) for size in sizes],
            marker="o", label=row["step"], linewidth=2.5 if row["step"].startswith("all") else 1,
        )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="ads", ylabel="CPU seconds")
    axes.legend(fontsize=6)
    figure.tight_layout()
    path = folder / "speed.png"
    figure.savefig(path, dpi=80)
    plt.close(figure)
    return [path]
