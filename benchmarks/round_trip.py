"""A known twin is exported in Ads Manager's form in every variant and imported again: are totals and rates the same?

`python -m benchmarks.round_trip [--ads 420] [--seeds 1,2,3] [--days 31] [--json]`

Totals: language x days x breakdown x encoding x decimal mark, 48 files of the first seed; all come back to the unit.
Rates: per seed, the share of ads whose true rate (sandbox/export_truth.py defines it) lies in the fitted 90 %
interval; 85-95 % is wanted. "settled" days ended more than 28 days before the export, so that every purchase has
arrived; "fresh" days end the day before it, and their conversion rates come out low: the import says that it takes a
report for settled. Leaves with 1 if a total differs or a settled coverage of the whole is outside 85-95 %.
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.account import Account
from sandbox.export import Breakdown, Days, Encoding, ExportForm, export_account
from sandbox.export_truth import TrueRates, deliver_and_watch
from sandbox.export_words import Language
from sandbox.fit_report import Interval
from sandbox.nodes import Kind
from sandbox.report_form import Decimal
from sandbox.report_import import Imported, import_report
from sandbox.scenario import load_scenario
from sandbox.world import World

_START: Final = datetime(2026, 9, 1, 9, tzinfo=UTC)
_FIRST: Final = date(2026, 7, 5)
_SETTLED_DAYS: Final = 29
_LEAST, _MOST = 0.85, 0.95
FORMS: Final = tuple(
    ExportForm(language=language, days=days, breakdown=breakdown, encoding=encoding, decimal=decimal)
    for language, days, breakdown, encoding, decimal in itertools.product(Language, Days, Breakdown, Encoding, Decimal)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How often the truth lay within the intervals of one kind of rate; `missed_*` are ads, `bias` is fitted / true."""

    seed: int
    rate: str
    days: str
    ads: int
    covered: float
    missed_low: int
    missed_high: int
    bias: float


def main() -> None:
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ads", type=int, default=420)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    last = _FIRST + timedelta(days=options.days - 1)
    rows: list[Coverage] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.csv"
        began = time.perf_counter()
        account, _ = known_account(ads=options.ads, seed=seeds[0], last=last)
        differing = [str(form) for form in FORMS if not comes_back(account, path, form, last=last)]
        seconds = time.perf_counter() - began
        for seed in seeds:
            account, truth = known_account(ads=options.ads, seed=seed, last=last)
            for days in ("settled", "fresh"):
                rows += coverage(account, truth, path, last=last, seed=seed, days=days)
    settled = _whole(rows)
    is_good = not differing and all(_LEAST <= share <= _MOST for share in settled.values())
    if options.json:
        figures = {"variants": len(FORMS), "differing": differing, "seconds": round(seconds, 1), "settled": settled}
        print(json.dumps(figures | {"coverage": [asdict(row) for row in rows], "good": is_good}))
    else:
        _print(rows, settled, differing, seconds)
    sys.exit(0 if is_good else 1)


def known_account(*, ads: int, seed: int, last: date) -> tuple[Account, TrueRates]:
    """Return a generated account, five ads to an ad set, that delivered from _FIRST on, and its true rates."""
    world = World(load_scenario(f"generated:{ads}:{seed}"), start_us=int(_START.timestamp() * 1_000_000))
    [account] = world.accounts.values()
    return account, deliver_and_watch(account, first=_FIRST, last=last)


def comes_back(account: Account, path: Path, form: ExportForm, *, last: date) -> bool:
    """Export, import, and compare every total."""
    written = export_account(account, path, first=_FIRST, last=last, cutoff_s=_cutoff_s(last, settled=True), form=form)
    return written.totals == sums(import_report(path, zone=account.spec.timezone))


def sums(imported: Imported) -> dict[str, int]:
    """Return the sums of the history that a twin serves."""
    history = imported.scenario.accounts[0].history
    return {
        "impressions": sum(row.impressions for row in history),
        "clicks": sum(row.clicks for row in history),
        "link_clicks": sum(row.link_clicks for row in history),
        "spend": sum(row.spend_minor for row in history),
        "purchases": sum(row.purchases for row in history),
        "value": sum(row.value_minor for row in history),
    }


def coverage(account: Account, truth: TrueRates, path: Path, *, last: date, seed: int, days: str) -> list[Coverage]:
    """Hold the fitted intervals against the true rates."""
    cutoff_s = _cutoff_s(last, settled=days == "settled")
    export_account(account, path, first=_FIRST, last=last, cutoff_s=cutoff_s, form=ExportForm())
    fits = import_report(path, zone=account.spec.timezone).fit_report.ads
    index_of = {ad.id: ad.market_index for ad in account.nodes[Kind.AD]}
    place = np.array([index_of[fit.ad_id] for fit in fits])
    kinds = {
        "click rate": ([fit.click_rate for fit in fits], truth.click_rate),
        "conversion rate": ([fit.conversion_rate for fit in fits], truth.conversion_rate),
        "order value": ([fit.order_value_minor for fit in fits], truth.order_value_minor),
    }
    return [
        _compare(intervals, true[place], seed=seed, rate=rate, days=days) for rate, (intervals, true) in kinds.items()
    ]


def _compare(intervals: list[Interval], true: NDArray[np.float64], *, seed: int, rate: str, days: str) -> Coverage:
    low, mean, high = (np.array([getattr(one, name) for one in intervals]) for name in ("low", "mean", "high"))
    known = np.isfinite(true)
    below, above = int((true < low)[known].sum()), int((true > high)[known].sum())
    count = int(known.sum())
    return Coverage(
        seed=seed, rate=rate, days=days, ads=count, covered=round(1 - (below + above) / count, 4), missed_low=below,
        missed_high=above, bias=round(float(mean[known].sum() / true[known].sum()), 4),
    )  # fmt: skip


def _cutoff_s(last: date, *, settled: bool) -> float:
    days = _SETTLED_DAYS if settled else 1
    return (datetime(last.year, last.month, last.day, 12, tzinfo=UTC) + timedelta(days=days)).timestamp()


def _whole(rows: list[Coverage]) -> dict[str, float]:
    """Return the coverage over all seeds of what is judged: rates over settled days."""
    shares = {}
    for rate in ("click rate", "conversion rate"):
        chosen = [row for row in rows if row.rate == rate and row.days == "settled"]
        shares[rate] = round(sum(row.covered * row.ads for row in chosen) / sum(row.ads for row in chosen), 4)
    return shares


def _print(rows: list[Coverage], settled: dict[str, float], differing: list[str], seconds: float) -> None:
    print(f"{len(FORMS) - len(differing)} of {len(FORMS)} variants came back to the unit ({seconds:.0f} s)")
    for form in differing:
        print(f"  differs: {form}")
    print(f"{'seed':>4}  {'rate':<16} {'days':<8} {'ads':>4}  covered  missed low/high  fitted/true")
    for row in rows:
        missed = f"{row.missed_low}/{row.missed_high}"
        about = f"{row.seed:>4}  {row.rate:<16} {row.days:<8} {row.ads:>4}"
        print(f"{about}  {row.covered:>6.1%}  {missed:>15}  {row.bias:>11}")
    for rate, share in settled.items():
        print(f"{rate}, settled, all seeds: {share:.1%} (wanted: {_LEAST:.0%} to {_MOST:.0%})")


if __name__ == "__main__":
    main()
