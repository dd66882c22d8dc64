"""Alerts wired to this house: channels of the settings, an engine of their own, what the tower does about them."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import psutil
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from control_tower.alarm import AUDIT_S, FORGET_S, SPEND_S, Alarm
from control_tower.loop import Duty
from control_tower.outage import Outage
from control_tower.telling import Telling
from control_tower.watch import watch as look_after
from domain.money import Money
from models import heartbeats
from models.accounts import Account
from models.engine import make_engine
from models.heartbeats import ProcessKind
from workers import addresses, deadman
from workers.aside import Aside
from workers.bootstrap import House
from workers.deadman import Deadman
from workers.messenger import messenger_of
from workers.settings import Settings

_CONNECTIONS: Final = 2
_TELL_S: Final = 0.0  # every round

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """What the tower has of alerts: the alarm that is shown every look, and the duties beside it."""

    alarm: Alarm
    duties: tuple[Duty, ...]


def telling_of(house: House, engine: Engine | None = None) -> Telling:
    """Build what tells people, on the house's own engine unless another is given."""
    quiet = house.settings.common.alert_quiet_hours
    return Telling(engine=engine or house.engine, messenger=messenger_of(house.settings), quiet=quiet)


def alerting_of(house: House, tower: str) -> Alerting:
    """Build the tower's alerts; what is done aside has connections of its own, so that no round waits for one."""
    engine = aside_engine(house.settings)
    alarm = Alarm(
        engine=house.engine,
        clock_of=house.clock_of,
        daily_cap_of=lambda account: daily_cap_of(account, house.settings),
        aside=engine,
    )
    return Alerting(alarm=alarm, duties=tuple(_duties(house, engine, alarm, tower)))


def outage_of(settings: Settings) -> Outage:
    """Build what tells people that Postgres is away."""
    return Outage(messenger_of(settings), time.monotonic)


def tell_beside(house: House) -> Aside:
    """Tell people at once and beside what goes on, for whoever has just written an incident that cannot wait.

    Raises nothing: what is not sent by then the tower sends. The caller waits for it at the end, as long as it likes.
    """
    aside = Aside("telling", lambda: _tell_now(house.settings))
    aside()
    return aside


def watch(house: House) -> str:
    """What the control worker does each minute: see whether a tower lives, and tell people if none does."""
    return "alive" if look_after(house.engine, telling_of(house), awaited_s=_up_s()) else "silent"


def _up_s() -> float | None:
    """For how long the worker runs of whose pool this process is: after a start its signs and the tower's are due."""
    try:
        return time.time() - psutil.Process(os.getppid()).create_time()
    except psutil.Error:
        return None


def daily_cap_of(account: Account, settings: Settings) -> Money | None:
    """What the account may spend a day: its own cap, else the house's where it is of its currency."""
    if account.max_total_daily_spend_minor is not None:
        return Money(account.max_total_daily_spend_minor, account.currency)
    cap = settings.max_total_daily_spend
    return cap if cap.currency == account.currency else None


def aside_engine(settings: Settings) -> Engine:
    """Connections for work beside the rounds."""
    return make_engine(addresses.database_url(settings), pool_size=_CONNECTIONS, application_name="stakazo-tower-aside")


def _duties(house: House, engine: Engine, alarm: Alarm, tower: str) -> Iterator[Duty]:
    yield Duty(name="look at spend", every_s=SPEND_S, do=Aside("spend", alarm.look_at_spend))
    yield Duty(name="verify the audit", every_s=AUDIT_S, do=Aside("audit", alarm.verify_audit))
    yield Duty(name="forget old alerts", every_s=FORGET_S, do=alarm.forget)
    yield Duty(name="tell people", every_s=_TELL_S, do=Aside("telling", telling_of(house, engine).tell))
    address = house.settings.common.deadman_url
    if address is not None:
        signal = Deadman(address=address, is_well=lambda: _is_well(engine, tower))
        yield Duty(name="give the dead-man's signal", every_s=deadman.EVERY_S, do=Aside("deadman", signal.signal))


def _tell_now(settings: Settings) -> None:
    engine = aside_engine(settings)
    try:
        quiet = settings.common.alert_quiet_hours
        Telling(engine=engine, messenger=messenger_of(settings), quiet=quiet, is_guest=True).tell()
    except SQLAlchemyError as error:
        log.warning("people were not told at once", cause=type(error).__name__)
    finally:
        engine.dispose()


def _is_well(engine: Engine, tower: str) -> bool:
    """Whether no duty of this tower failed in its last round."""
    with engine.connect() as conn:
        signs = [sign for sign in heartbeats.listing(conn, ProcessKind.TOWER) if sign.process == tower]
    return bool(signs) and not signs[0].detail.get("failing")
