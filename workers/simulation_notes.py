"""What a simulation writes down while it goes: memory of each process, each day's figures as known then, learning."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import psutil
from sqlalchemy import Connection, func, select

from domain.actions import ObjectKind
from domain.objects import AdSet, Learning
from embedded.supervisor import Supervisor
from models import mirror
from models.accounts import Account
from models.tables import insights_daily
from workers.simulation_folder import SimulationFolder

_MEMORY_EVERY = timedelta(hours=6)
_SETTLED = timedelta(hours=1)  # a day's figures are noted that long after its end, when reports know its last minutes
_OWN = "simulate"
_SERVERS = frozenset({"postgres", "redis"})  # their children come and go: counted as one


class Notes:
    """Writes down what is new at a slot; holds only what it wrote last."""

    def __init__(self, folder: SimulationFolder) -> None:
        self._folder = folder
        self._memory_due: datetime | None = None
        self._days = {(int(row["account"]), str(row["day"])) for row in folder.notes("known")}
        self._learning = {
            (int(row["account"]), str(row["ad_set"])): bool(row["learning"]) for row in folder.notes("learning")
        }

    def take(self, conn: Connection, accounts: tuple[Account, ...], now: datetime, supervisor: Supervisor) -> None:
        """Write down what is new at this instant of the platform."""
        for account in accounts:
            self._take_known(conn, account, now)
            self._take_learning(conn, account, now)
        if self._memory_due is None or now >= self._memory_due:
            self._memory_due = now + _MEMORY_EVERY
            go = supervisor.runtime().run_id  # a resumed simulation has new processes
            self._folder.note("memory", at=now.isoformat(), go=go, **dict(_memory(supervisor)))

    def _take_known(self, conn: Connection, account: Account, now: datetime) -> None:
        yesterday = (now - _SETTLED).astimezone(ZoneInfo(account.zone)).date() - timedelta(days=1)
        key = (int(account.id), yesterday.isoformat())
        if key in self._days:
            return
        self._days.add(key)
        self._folder.note("known", account=key[0], day=key[1], **day_figures(conn, account, yesterday))

    def _take_learning(self, conn: Connection, account: Account, now: datetime) -> None:
        for ad_set in mirror.listing(conn, account.id, ObjectKind.AD_SET):
            if not isinstance(ad_set, AdSet):
                continue
            key, learning = (int(account.id), str(ad_set.id)), ad_set.learning is not Learning.DONE
            if self._learning.get(key) is not learning:
                self._learning[key] = learning
                self._folder.note("learning", account=key[0], ad_set=key[1], learning=learning, at=now.isoformat())


def day_figures(conn: Connection, account: Account, day: date) -> Mapping[str, int]:
    """Sum a day's figures as they are known now, in the account's minor units."""
    table = insights_daily.c
    sums = [func.coalesce(func.sum(table[name]), 0) for name in ("spend_minor", "revenue_minor", "purchases")]
    row = conn.execute(select(*sums).where(table.account_id == account.id, table.day == day)).one()
    return {"spend_minor": int(row[0]), "revenue_minor": int(row[1]), "purchases": int(row[2])}


def _memory(supervisor: Supervisor) -> Iterator[tuple[str, Mapping[str, int]]]:
    """Bytes of each process: resident as `rss`, and what it allocated as `own` (shared memory is nobody's leak)."""
    rss: dict[str, int] = {}
    own: dict[str, int] = {}
    for name, process in _processes(supervisor):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            rss[name] = rss.get(name, 0) + process.memory_info().rss
            own[name] = own.get(name, 0) + _own_bytes(process)
    yield "rss", rss
    yield "own", own


def _own_bytes(process: psutil.Process) -> int:
    """Return what it allocated.

    On Linux its anonymous pages: the private figure also counts pages of Postgres' shared buffers that only one backend
    has touched yet, which fill up by design.
    """
    if not psutil.LINUX:
        return int(process.memory_full_info().uss)
    return sum(int(mapped.anonymous) for mapped in process.memory_maps())


def _processes(supervisor: Supervisor) -> Iterator[tuple[str, psutil.Process]]:
    yield _OWN, psutil.Process()
    for child in supervisor.runtime().children:
        if child.mark is None:
            continue
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(child.mark.pid)
            yield child.name, process
            below = sorted(process.children(recursive=True), key=lambda one: one.pid)
            for number, one in enumerate(below, start=1):
                yield child.name if child.name in _SERVERS else f"{child.name}/{number}", one
