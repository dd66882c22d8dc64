"""The market kernel in process: how long 30 days take by number of ads, and against a plain loop over the same ads.

The peer computes the same hour for one ad after the other with the standard library only (`market_loop.py`); both run
in this process, one after the other. Each size runs in a process of its own, so that its peak memory is its own.
`python -m benchmarks.market [--json]`.
"""

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from benchmarks.market_loop import Loop
from sandbox.market.local import LocalMarket
from sandbox.scenario import generated_scenario

SIZES: Final = (1_000, 3_000, 10_000)
PEER_ADS: Final = 2_000
PEER_DAYS: Final = 3
_START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One size: seconds to build the account and to compute its days, and the process's peak memory."""

    ads: int
    days: int
    build_s: float
    advance_s: float
    us_per_ad_hour: float
    purchases: int
    peak_mib: float


def measure(ads: int, days: int) -> Measured:
    """Build a generated account without history and let days pass."""
    began = time.perf_counter()
    market = LocalMarket(generated_scenario(ads=ads, history_days=0), start=_START)
    built = time.perf_counter()
    market.advance(timedelta(days=days))
    done = time.perf_counter()
    (account_id,) = market.accounts
    return Measured(
        ads=ads,
        days=days,
        build_s=round(built - began, 3),
        advance_s=round(done - built, 3),
        us_per_ad_hour=round((done - built) / (ads * days * 24) * 1e6, 3),
        purchases=len(market.account(account_id).market.purchases),
        peak_mib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024, 1),
    )


def against_loop(ads: int = PEER_ADS, days: int = PEER_DAYS) -> dict[str, float | int]:
    """Time the kernel and the plain loop on the same small account."""
    market = LocalMarket(generated_scenario(ads=ads, history_days=0), start=_START)
    began = time.perf_counter()
    market.advance(timedelta(days=days))
    kernel_s = time.perf_counter() - began
    (account_id,) = market.accounts
    loop = Loop(market.account(account_id))
    began = time.perf_counter()
    impressions = loop.run(days)
    loop_s = time.perf_counter() - began
    found = int(market.daily(account_id).impressions.sum())
    return {
        "ads": ads,
        "days": days,
        "kernel_s": round(kernel_s, 4),
        "loop_s": round(loop_s, 4),
        "ratio_to_plain_loop": round(loop_s / kernel_s, 1),
        "impressions_kernel": found,
        "impressions_loop": impressions,
    }


def main(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
    days: Annotated[int, typer.Option(min=1, help="Days to compute.")] = 30,
    only: Annotated[int | None, typer.Option(hidden=True, help="Measure one size in this process.")] = None,
) -> None:
    """Measure every size in a process of its own, then the peer."""
    if only is not None:
        typer.echo(json.dumps(asdict(measure(only, days))))
        return
    rows = [_apart(ads, days) for ads in SIZES]
    peer = against_loop()
    growth = rows[-1].advance_s / rows[0].advance_s / (rows[-1].ads / rows[0].ads)
    if as_json:
        document = {"sizes": [asdict(row) for row in rows], "growth_to_linear": round(growth, 2), "peer": peer}
        typer.echo(json.dumps(document, indent=2))
        return
    for row in rows:
        typer.echo(
            f"{row.ads:>6} ads x {row.days} days: {row.advance_s:6.2f} s ({row.us_per_ad_hour:.2f} us per ad-hour), "
            f"built in {row.build_s:.2f} s, peak {row.peak_mib:.0f} MiB, {row.purchases} purchases"
        )
    typer.echo(f"growth from {rows[0].ads} to {rows[-1].ads} ads: {growth:.2f} times linear")
    typer.echo(
        f"plain loop, {peer['ads']} ads x {peer['days']} days: {peer['loop_s']} s against {peer['kernel_s']} s: "
        f"ratio_to_plain_loop {peer['ratio_to_plain_loop']}"
    )


def _apart(ads: int, days: int) -> Measured:
    command = [sys.executable, "-m", "benchmarks.market", "--only", str(ads), "--days", str(days)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measured(**json.loads(answer.stdout))


if __name__ == "__main__":
    typer.run(main)
