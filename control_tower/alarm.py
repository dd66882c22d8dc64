"""From a look at the house to incidents: applies the rules, notes what was found for long enough, ends what is over.

Kept by the tower that leads: what ripens is forgotten with it, and found again by the next one.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection, Engine

from control_tower import absence, spend_spikes
from control_tower.alerting import PATIENT, Found, findings
from control_tower.alerts_of_business import Business
from control_tower.health import Checked
from control_tower.spend_spikes import Spike
from domain import catalogue
from domain.alerts import Finding
from domain.clock import PlatformClock
from domain.errors import NotReadyError
from domain.money import Money
from models import accounts, alert_reads, audit_verify, heartbeats, incidents, pacing, promotions
from models.accounts import Account
from models.audit_verify import Verified
from models.engine import db_now
from models.heartbeats import ProcessKind

LOOK_S: Final = 15.0
SPEND_S: Final = 300.0
AUDIT_S: Final = 6 * 3600.0
FORGET_S: Final = 3600.0

log = structlog.get_logger(__name__)
_Key = tuple[str, str]


@dataclass(slots=True, kw_only=True)
class Alarm:
    """Sees to incidents. `daily_cap_of` is what an account may spend a day, None where nobody has set a cap.

    `aside` are connections for the two looks that take long; they may be taken in other threads.
    """

    engine: Engine
    aside: Engine
    clock_of: Callable[[Account], PlatformClock]
    daily_cap_of: Callable[[Account], Money | None]
    _looked_at: datetime | None = None
    _since: dict[_Key, datetime] = field(default_factory=dict)  # found at every look since then
    _spikes: tuple[Spike, ...] | None = None
    _audit: Verified | None = None
    _usual: dict[tuple[int, str, int], int] = field(default_factory=dict)  # medians of the hours looked at last
    _lock: threading.Lock = field(default_factory=threading.Lock)  # the audit is verified aside

    def look(self, checked: Checked) -> Found:
        """Bring the incidents up to date with a look at health and with what this room reads itself."""
        with self.engine.begin() as conn:
            found = findings(checked, self._read(conn))
            now = db_now(conn)
            missed = absence.findings(conn, self._looked_at or absence.last_lead(conn), now)
            ripe = [*self._ripe(conn, found.findings), *missed]
            for finding in sorted(ripe, key=lambda row: (row.kind, row.scope)):  # one order: no two can lock each other
                incidents.note(conn, finding)
            ended = incidents.resolve_missing(conn, found.judged, [(row.kind, row.scope) for row in found.findings])
        self._looked_at = now
        if ended:
            log.info("incidents are over", incidents=list(ended))
        return found

    def look_at_spend(self) -> None:
        """Compare the hour under way, and the one before, with what is usual. Where a clock is unknown, nothing is."""
        with self.aside.begin() as conn:
            people = accounts.listing(conn)
        found: list[Spike] = []
        usual: dict[tuple[int, str, int], int] = {}
        try:
            for account in people:
                with self.aside.begin() as conn:
                    found.extend(self._spikes_of(conn, account, usual))
        except NotReadyError as error:
            log.info("spend cannot be looked at", why=str(error))
            self._spikes = None
            return
        self._spikes, self._usual = tuple(found), usual

    def verify_audit(self) -> None:
        """Walk the audit's chains; takes seconds per million entries, so that it is done aside."""
        with self.aside.begin() as conn:
            found = audit_verify.verify(conn)
        with self._lock:
            self._audit = found

    def forget(self) -> None:
        """Drop incidents of long ago."""
        with self.engine.begin() as conn:
            incidents.forget_older(conn, incidents.KEPT)

    def _read(self, conn: Connection) -> Business:
        with self._lock:
            audit = self._audit
        return Business(
            failed=alert_reads.failed_runs(conn, tuple(row.name for row in catalogue.RHYTHMS)),
            budgets=alert_reads.budget_changes(conn),
            calls=alert_reads.calls(conn),
            unknowns=alert_reads.unknowns(conn),
            waiting=alert_reads.waiting(conn),
            doubts=alert_reads.doubts(conn),
            spikes=self._spikes,
            live=pacing.warnings(conn),
            demoted=promotions.demoted(conn),
            audit=audit,
            failing_duties=_failing(conn),
        )

    def _ripe(self, conn: Connection, found: Iterable[Finding]) -> list[Finding]:
        """What was found for long enough, or is open already."""
        now, rows = db_now(conn), list(found)
        self._since = {key: self._since.get(key, now) for key in ((row.kind, row.scope) for row in rows)}
        opened = {(row.kind, row.scope) for row in incidents.listing(conn, limit=10_000)}
        return [row for row in rows if (row.kind, row.scope) in opened or self._is_old_enough(row, now)]

    def _is_old_enough(self, row: Finding, now: datetime) -> bool:
        return now - self._since[row.kind, row.scope] >= timedelta(seconds=PATIENT.get(row.kind, 0.0))

    def _spikes_of(self, conn: Connection, account: Account, usual: dict[tuple[int, str, int], int]) -> Iterable[Spike]:
        cap = self.daily_cap_of(account)
        if cap is None:
            return
        floor = spend_spikes.floor_minor(cap.minor)
        for day, hour in spend_spikes.hours_to_look_at(self.clock_of(account).now(), account.zone):
            key = (account.id, day.isoformat(), hour)
            spent = sum(row.spend_minor for row in alert_reads.spend_of_hour(conn, account.id, day, day, hour))
            if spent <= floor:
                continue  # the dear half of the rule is asked only where it can matter
            if key not in self._usual:
                first, last = day - timedelta(days=spend_spikes.DAYS), day - timedelta(days=1)
                past = alert_reads.spend_of_hour(conn, account.id, first, last, hour)
                self._usual[key] = spend_spikes.usual_minor(day, past)
            usual[key] = self._usual[key]
            if spend_spikes.is_spike(spent, usual[key], floor):
                yield Spike(
                    account_id=account.id,
                    account=account.name,
                    day=day,
                    hour=hour,
                    spent=Money(spent, account.currency),
                    usual=Money(usual[key], account.currency),
                    floor=Money(floor, account.currency),
                )


def _failing(conn: Connection) -> dict[str, str]:
    """Duties that fail, by the sign of life of the tower that leads."""
    for sign in heartbeats.listing(conn, ProcessKind.TOWER):
        failing = sign.detail.get("failing")
        if sign.detail.get("leads") and isinstance(failing, dict):
            return {str(name): str(what) for name, what in failing.items()}
    return {}
