"""What the simulated days come to once every late purchase has arrived, and what they would have without the system.

Both are lived on in sandboxes of their own, branched from the simulation's: the first from its end, the second from its
untouched beginning, with the same dice. The simulation's own world is not moved by it.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from domain import catalogue
from domain.actions import Mode
from models.accounts import Account
from workers import addresses, sandbox_admin
from workers.bootstrap import House
from workers.machine import Stepped
from workers.simulation_folder import Plan, SimulationFolder

MATURED, UNTOUCHED = "matured", "untouched"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """What an account's ads did on one of its days; money in its minor units."""

    account: int
    day: date
    spend_minor: int
    revenue_minor: int
    purchases: int


Branch = Callable[[Path, Path], object]


def days_of(account: Account, plan: Plan) -> tuple[date, ...]:
    """Return the account's days of the simulation: from the day of the beginning to the last that is over."""
    zone = ZoneInfo(account.zone)
    first, end = (at.astimezone(zone).date() for at in (plan.begin_at, plan.end_at))
    return tuple(first + timedelta(days=number) for number in range(max(0, (end - first).days)))


def live_on(
    machine: Stepped, folder: SimulationFolder, plan: Plan, people: Sequence[Account], branch: Branch
) -> Mapping[str, tuple[DayFigures, ...]]:
    """Let both worlds go on until the platform restates nothing of the simulated days any more, and read these.

    `branch` copies one sandbox's folder into another.
    """
    restated_days = max(catalogue.platform(account.platform).restatement_days for account in people)
    until = plan.end_at + timedelta(days=restated_days + 1)
    found: dict[str, tuple[DayFigures, ...]] = {}
    for name, source in ((MATURED, folder.sandbox), (UNTOUCHED, folder.beginning)):
        target = folder.path / "futures" / name
        shutil.rmtree(target, ignore_errors=True)
        branch(source, target)
        found[name] = tuple(_read(machine, target, f"sandbox-{name}", until, plan, people))
    return found


def _read(  # noqa: PLR0917 - what a reading needs
    machine: Stepped, data: Path, name: str, until: datetime, plan: Plan, people: Sequence[Account]
) -> Iterator[DayFigures]:
    settings = machine.house.settings
    own = replace(settings, common=settings.common.model_copy(update={"sandbox_data": data}))
    machine.start_sandbox(own, name=name)
    admin_url = addresses.sandbox_admin_url(own)
    sandbox_admin.set_faults(admin_url, [])  # what is asked here is how things are
    sandbox_admin.advance(admin_url, to=until)
    with House.open(own, name="stakazo-simulate") as house:
        for account in people:
            yield from _of_account(house, account, days_of(account, plan))


def _of_account(house: House, account: Account, days: Sequence[date]) -> Iterator[DayFigures]:
    if not days:
        return
    reader = house.client(account.platform, Mode.STUB).reader
    sums = {day: [0, 0, 0] for day in days}
    for page in reader.daily_insights(account.platform_account_id, days[0], days[-1]):
        for row in page:
            if row.on in sums:
                for place, value in enumerate((row.spend_minor, row.revenue_minor, row.purchases)):
                    sums[row.on][place] += value
    for day, (spend, revenue, purchases) in sums.items():
        yield DayFigures(
            account=int(account.id), day=day, spend_minor=spend, revenue_minor=revenue, purchases=purchases
        )  # fmt: skip
