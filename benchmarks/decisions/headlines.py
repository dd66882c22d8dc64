"""Real headline tests: which rule picks well from a part of the traffic, judged on traffic that no rule has seen.

Data: `headline_tests.csv.gz` of the Upworthy Research Archive (CC BY 4.0), found by STAKAZO_BENCH_DATA or in
`../shared/data` beside the repository. Its rows are sorted by success within a test: arms are shuffled first, or every
tie would be broken by the answer.
"""

import csv
import gzip
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from estimators import picks

NAME: Final = "headlines"
TITLE: Final = "Real headline tests (Upworthy)"
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_OURS: Final = "our estimators: Thompson traffic, split among equals, judge B"
_ENV: Final = "STAKAZO_BENCH_DATA"
_FILE: Final = Path("upworthy") / "headline_tests.csv.gz"
_SHARES: Final = ((0.10, 0.5), (0.25, 0.5), (0.50, 0.3))  # seen by the rule, kept for the judge of adaptive rules
# Tuned on splits of seeds under 1000 of these very tests: the spread of headlines (18 % of the rate), what is near the
# best, what is worth a pick.
_PAIR_SD: Final = 0.25
_NEAR: Final = 0.10  # both times the share of a raw difference that the posterior keeps
_WORTH: Final = 0.12
_FIRST, _BATCHES, _MOST = 0.5, 8, 0.5  # of the traffic in equal shares, steps in all, the largest share of one arm
_DRAWS: Final = 200
_NOTES: Final = (
    """lift: held-out click rate of the pick over the mean of the test's arms, 0 where declined; wrong: share of picks
    below that mean. Errors are over tests, paired with the raw rule of the same judge""",
    """judge A, as in the facts: all that the rule did not see; judge B: one and the same part for every rule, kept
    aside before any rule saw anything, since an adaptive rule sees more of good arms""",
    """not blind: the three constants of "split among equals" were chosen on other splits of the same tests, and no
    module splits so yet. Module 4 goes on with one arm ("shrunk best", "Thompson traffic, best"): its wrong picks are
    those""",
    """a split among several arms counts as one pick, wrong where their mean is below the test's""",
    """within a test the file's arms are sorted by success; unshuffled, any rule that breaks ties by place looks better
    than it is""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tests:
    """(tests, arms) impressions and clicks; 0 where a test has fewer arms."""

    shown: Ints
    clicks: Ints

    @property
    def is_arm(self) -> NDArray[np.bool_]:
        """Where there is an arm."""
        return self.shown > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Per test: held-out lift of the pick over the mean of the arms (0 = declined), picked, below the mean."""

    lift: Floats
    is_picked: NDArray[np.bool_]
    is_wrong: NDArray[np.bool_]


def run(*, quick: bool, seed: int) -> dict[str, Any]:
    """Let rules see 10, 25 and 50 % of the traffic; repeat over random splits."""
    path = data_path()
    if not path.exists():
        return {"bars": [], "notes": [f"not run: no {path}; set {_ENV} to the folder that holds {_FILE.parent}/"]}
    splits = 2 if quick else 8
    rows, bars = [], []
    for number, (share, kept) in enumerate(_SHARES):
        found: dict[str, list[Judged]] = {}
        for split in range(splits):
            rng = np.random.default_rng([seed, number, split])
            tests = _shuffled(path, rng)
            for name, judged in {**_uniform(tests, share, rng), **_adaptive(tests, share, kept, rng)}.items():
                found.setdefault(name, []).append(judged)
        rows += [_row(share, name, judged, found[_reference(name)]) for name, judged in found.items()]
        bars.append(_bar(share, found))
    return {
        "tests": len(_shuffled(path, np.random.default_rng(0)).shown),
        "splits": splits,
        "picks": rows,
        "bars": bars,
        "notes": [" ".join(note.split()) for note in _NOTES],
    }


def data_path() -> Path:
    """Where the tests should be."""
    folder = os.environ.get(_ENV)
    root = Path(folder) if folder else Path(__file__).parents[2].parent / "shared" / "data"
    return root / _FILE


def _shuffled(path: Path, rng: np.random.Generator) -> Tests:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        read = [(int(r["test"]), int(r["impressions"]), int(r["clicks"])) for r in csv.DictReader(file)]
    table = np.array(read)[rng.permutation(len(read))]
    table = table[np.argsort(table[:, 0], kind="stable")]
    _, starts, sizes = np.unique(table[:, 0], return_index=True, return_counts=True)
    test = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(len(table)) - np.repeat(starts, sizes)
    shown, clicks = (np.zeros((len(sizes), int(sizes.max())), np.int64) for _ in range(2))
    shown[test, place], clicks[test, place] = table[:, 1], table[:, 2]
    return Tests(shown=shown, clicks=clicks)


def _uniform(tests: Tests, share: float, rng: np.random.Generator) -> dict[str, Judged]:
    seen = _part(tests, np.round(tests.shown * share).astype(np.int64), rng)
    rest = Tests(shown=tests.shown - seen.shown, clicks=tests.clicks - seen.clicks)
    return {
        "best raw rate (classic), judge A": _judge(_raw(seen), rest),
        "z 5 % best v worst, else declined, judge A": _judge(_significant(seen), rest),
        "shrunk best, judge A": _judge(_near(seen, near=0.0, worth=-1.0), rest),
        "our estimators: shrunk, split among equals, judge A": _judge(_near(seen, near=_NEAR, worth=_WORTH), rest),
    }


def _adaptive(tests: Tests, share: float, kept: float, rng: np.random.Generator) -> dict[str, Judged]:
    judge = _part(tests, np.round(tests.shown * kept).astype(np.int64), rng)
    pool = Tests(shown=tests.shown - judge.shown, clicks=tests.clicks - judge.clicks)
    equal = _part(pool, np.minimum(np.round(tests.shown * share).astype(np.int64), pool.shown), rng)
    learnt = _allocate(pool, share * tests.shown.sum(axis=1), rng)
    return {
        "best raw rate (classic), judge B": _judge(_raw(equal), judge),
        "Thompson traffic, best, judge B": _judge(_near(learnt, near=0.0, worth=-1.0), judge),
        _OURS: _judge(_near(learnt, near=_NEAR, worth=_WORTH), judge),
    }


def _part(tests: Tests, shown: Ints, rng: np.random.Generator) -> Tests:
    clicks = rng.hypergeometric(tests.clicks, tests.shown - tests.clicks, shown)
    return Tests(shown=shown, clicks=clicks)


def _allocate(pool: Tests, total: Floats, rng: np.random.Generator) -> Tests:
    """Spend `total` impressions of each test: half in equal shares, then by the chance to be the best."""
    seen = Tests(shown=np.zeros_like(pool.shown), clicks=np.zeros_like(pool.clicks))
    normals = rng.standard_normal((_DRAWS, pool.shown.shape[1]))
    for batch in range(_BATCHES):
        if batch == 0:
            shares = pool.is_arm / pool.is_arm.sum(axis=1, keepdims=True)
        else:
            best = picks.compare(*_posterior(seen), normals).p_best
            shares = np.minimum((best + 1e-4) * pool.is_arm, _MOST)
            shares /= shares.sum(axis=1, keepdims=True)
        part = _FIRST if batch == 0 else (1 - _FIRST) / (_BATCHES - 1)
        wanted = np.floor(shares * (total * part)[:, None]).astype(np.int64)
        left = Tests(shown=pool.shown - seen.shown, clicks=pool.clicks - seen.clicks)
        taken = np.minimum(wanted, left.shown)
        has_room = left.shown > taken
        over = (wanted - taken).sum(axis=1, keepdims=True) / np.maximum(has_room.sum(axis=1, keepdims=True), 1)
        more = _part(left, np.minimum(taken + np.floor(over).astype(np.int64), left.shown), rng)
        seen = Tests(shown=seen.shown + more.shown, clicks=seen.clicks + more.clicks)
    return seen


def _posterior(seen: Tests) -> tuple[Floats, Floats]:
    mean, sd = picks.posterior(seen.clicks.astype(np.float64), seen.shown.astype(np.float64), pair_sd=_PAIR_SD)
    return np.where(seen.is_arm, mean, -9.0), np.where(seen.is_arm, sd, 1e-6)


def _raw(seen: Tests) -> Floats:
    rate = np.where(seen.is_arm, seen.clicks / np.maximum(seen.shown, 1), -1.0)
    weights: Floats = np.eye(rate.shape[1])[rate.argmax(axis=1)]
    return weights


def _significant(seen: Tests) -> Floats:
    rate = np.where(seen.is_arm, seen.clicks / np.maximum(seen.shown, 1), np.nan)
    best, worst = np.nanargmax(rate, axis=1), np.nanargmin(rate, axis=1)
    row = np.arange(len(rate))
    shown = seen.shown[row, best] + seen.shown[row, worst]
    pooled = (seen.clicks[row, best] + seen.clicks[row, worst]) / shown
    error = np.sqrt(pooled * (1 - pooled) * (1 / seen.shown[row, best] + 1 / seen.shown[row, worst]))
    is_clear = rate[row, best] - rate[row, worst] > 1.96 * np.maximum(error, 1e-12)
    weights: Floats = np.eye(rate.shape[1])[best] * is_clear[:, None]
    return weights


def _near(seen: Tests, *, near: float, worth: float) -> Floats:
    """Equal shares of arms within `near` of the best; none where the best gains under `worth`, both shrunk alike."""
    mean, sd = _posterior(seen)
    known = 1 - (np.where(seen.is_arm, sd, 0.0) ** 2).sum(axis=1) / seen.is_arm.sum(axis=1) / (_PAIR_SD**2 / 2)
    top = mean.max(axis=1, keepdims=True)
    chosen = (mean >= top - near * known[:, None]) & seen.is_arm
    average = np.where(seen.is_arm, mean, 0.0).sum(axis=1) / np.maximum(seen.is_arm.sum(axis=1), 1)
    is_worth = np.expm1(top[:, 0] - average) > worth * known
    weights: Floats = chosen / np.maximum(chosen.sum(axis=1, keepdims=True), 1) * is_worth[:, None]
    return weights


def _judge(weights: Floats, rest: Tests) -> Judged:
    rate = np.where(rest.is_arm, rest.clicks / np.maximum(rest.shown, 1), 0.0)
    mean = rate.sum(axis=1) / np.maximum(rest.is_arm.sum(axis=1), 1)
    is_picked = weights.sum(axis=1) > 0
    value = (weights * rate).sum(axis=1)
    lift = np.where(is_picked & (mean > 0), value / np.maximum(mean, 1e-12) - 1, 0.0)
    return Judged(lift=lift, is_picked=is_picked, is_wrong=is_picked & (value < mean))


def _reference(name: str) -> str:
    return f"best raw rate (classic), judge {name[-1]}"


def _gaps(judged: list[Judged], raw: list[Judged]) -> tuple[float, float, float, float]:
    """Paired by test, over splits: difference of lift and its error, of the share of wrong picks and its error."""
    lift = np.mean([one.lift - other.lift for one, other in zip(judged, raw, strict=True)], axis=0)
    share = [one.is_wrong / one.is_picked.mean() for one in judged]
    wrong = np.mean([a - b.is_wrong / b.is_picked.mean() for a, b in zip(share, raw, strict=True)], axis=0)
    root = math.sqrt(len(lift))
    return float(lift.mean()), float(lift.std()) / root, float(wrong.mean()), float(wrong.std()) / root


def _row(share: float, name: str, judged: list[Judged], raw: list[Judged]) -> dict[str, Any]:
    lift_gap, lift_error, wrong_gap, wrong_error = _gaps(judged, raw)
    picked = np.mean([one.is_picked.mean() for one in judged])
    return {
        "seen_pct": round(100 * share), "rule": name, "lift_pct": _pct(np.mean([one.lift.mean() for one in judged])),
        "picks_pct": _pct(picked),
        "wrong_of_picks_pct": _pct(np.mean([one.is_wrong.mean() for one in judged]) / picked),
        "lift_v_raw": _pct(lift_gap), "lift_se": _pct(lift_error), "wrong_v_raw": _pct(wrong_gap),
        "wrong_se": _pct(wrong_error),
    }  # fmt: skip


def _bar(share: float, found: dict[str, list[Judged]]) -> dict[str, Any]:
    lift, lift_error, wrong, wrong_error = _gaps(found[_OURS], found[_reference(_OURS)])
    return {
        "bar": f"{share:.0%} seen: no less lift than best raw rate (within 1 se), clearly fewer wrong picks (> 2 se);"
        " a rule on our estimators, tuned on these tests, that no module runs yet",
        "met": lift >= -lift_error and wrong < -2 * wrong_error,
        "figure": f"lift {100 * lift:+.2f} points (se {100 * lift_error:.2f}), wrong picks {100 * wrong:+.1f} points"
        f" (se {100 * wrong_error:.1f})",
    }


def plots(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw lift against wrong picks."""
    import matplotlib.pyplot as plt

    if not result.get("picks"):
        return []
    figure, axes = plt.subplots(figsize=(7, 4))
    for name in dict.fromkeys(row["rule"] for row in result["picks"]):
        rows = [row for row in result["picks"] if row["rule"] == name]
        axes.plot([r["wrong_of_picks_pct"] for r in rows], [r["lift_pct"] for r in rows], marker="o", label=name,
                  linewidth=2 if name == _OURS else 0.8)  # fmt: skip
    axes.set_xlabel("picks below the mean on held-out traffic, %")
    axes.set_ylabel("held-out lift, % (10, 25, 50 % seen)")
    axes.set_title(TITLE, fontsize=9)
    axes.legend(fontsize=6)
    path = folder / "headlines.png"
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)
    return [path]


def _pct(share: float | np.floating[Any]) -> float:
    return round(100 * float(share), 2)
