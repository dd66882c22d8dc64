"""The control tower as a process: its loop wired to Postgres, Celery's remote control and the platforms' clocks."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType

import structlog
from sqlalchemy.exc import SQLAlchemyError

from actions import approvals, sweeper
from actions.pauses import Pausing
from control_tower import alarm, canaries, emergency, health, recovering, upkeep, weekly
from control_tower.commands.carrying import carry_out
from control_tower.loop import Duty, Tower
from control_tower.upkeep import Upkeep
from models import module_states
from models.module_states import Desired
from workers import log
from workers.alerts import alerting_of, outage_of
from workers.bootstrap import House
from workers.celery_app import secrets_of
from workers.emergencies import stopping_of
from workers.health import SharedLook, sources_of
from workers.orders import ports_of
from workers.planner import planner_of
from workers.recovery import recovering_of
from workers.schedule import starts_stopped
from workers.settings import Settings, read_settings
from workers.weekly import Weekly

_PATIENCE_S = 2.0
_POOL = 6  # one keeps the leadership, one the command that is carried out; a look at health asks side by side
_STOP_S = 5.0  # for the pauses of one stop in a round; the next round goes on

logger = structlog.get_logger(__name__)


def run_tower(settings: Settings | None = None) -> None:
    """Run until SIGTERM or Ctrl-C.

    Raises:
        SettingsError: the environment has problems.
        NotReadyError: there is no database or Redis to speak to.
    """
    settings = settings or read_settings()
    log.set_up(level=settings.common.log_level, secrets=secrets_of(settings))
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with House.open(settings, name="stakazo-tower", pool_size=_POOL) as house:
        _when_postgres_answers(lambda: apply_auto_start(house), stopping)
        tower = make_tower(house, stopping)
        logger.info("tower begins")
        tower.run()
        logger.info("tower ended")


def make_tower(house: House, stopping: threading.Event) -> Tower:
    """Build the tower of a house; it ends once `stopping` is set."""
    name = f"tower@{socket.gethostname()}:{os.getpid()}"
    return Tower(
        engine=house.engine,
        duties=duties_of(house, name),
        name=name,
        rest=stopping.wait,
        now_s=time.monotonic,
        outage=outage_of(house.settings),
    )


def upkeep_of(house: House) -> Upkeep:
    """Build the upkeep of a house."""
    return Upkeep(
        engine=house.engine,
        doorbell=house.doorbell,
        switchboard=house.switchboard,
        planner=planner_of(house),
        due_actions=sweeper.due,
        expire=approvals.expire,
    )


def duties_of(house: House, name: str) -> tuple[Duty, ...]:
    """List what the tower does, in the order in which a round does it."""
    pausing = Pausing(engine=house.engine, executor=house.executor(name), clock_of=house.clock_of)
    keep = upkeep_of(house)
    alerting = alerting_of(house, name)
    looking = SharedLook(sources_of(house))  # `looking.latest` is the look of the round, for whoever needs one
    return (
        # First of all: who ordered a stop may have died.
        Duty(
            name="finish stops",
            every_s=0,
            do=lambda: emergency.finish_open(stopping_of(house), pausing, patience_s=_STOP_S),
        ),
        Duty(name="carry out commands", every_s=0, do=lambda: carry_out(ports_of(house))),
        Duty(name="plan what was missed", every_s=upkeep.RING_S, do=keep.plan_missed),
        Duty(name="end what nobody answered", every_s=upkeep.RING_S, do=keep.end_unanswered),
        Duty(name="ring what is due", every_s=upkeep.RING_S, do=keep.ring_due),
        Duty(name="reconcile consumers", every_s=0, do=keep.reconcile),
        Duty(
            name="send canaries",
            every_s=canaries.EVERY_S,
            do=lambda: canaries.send(house.engine, house.switchboard),
        ),
        Duty(
            name="send first canaries",
            every_s=canaries.NEW_EVERY_S,
            do=lambda: canaries.send_to_new(house.engine, house.switchboard),
        ),
        Duty(name="look at health", every_s=health.LOOK_S, do=looking.look),
        Duty(name="check health hourly", every_s=health.HOURLY_S, do=lambda: health.hourly(looking.sources)),
        Duty(
            name="recover",
            every_s=recovering.EVERY_S,
            do=recovering_of(house, looking.latest, ring_due=keep.ring_due).round,
        ),
        Duty(name="raise alarms", every_s=alarm.LOOK_S, do=lambda: alerting.alarm.look(looking.latest())),
        Duty(name="keep the audit", every_s=upkeep.KEEP_S, do=keep.keep_audit),
        Duty(name="forget what is old", every_s=upkeep.KEEP_S, do=keep.forget_old),
        Duty(name="send the weekly report", every_s=weekly.LOOK_S, do=Weekly(house).start),
        *alerting.duties,
    )


def apply_auto_start(house: House) -> None:
    """Hold back, the first time, the pairs that <PLATFORM>_CYCLE_AUTO_START=false leaves to a person."""
    with house.engine.begin() as conn:
        module_states.set_first(
            conn,
            starts_stopped(house.settings),
            Desired.STOPPED,
            reason="CYCLE_AUTO_START is false; a person starts it",
            changed_by="settings",
        )


def _when_postgres_answers(do: Callable[[], None], stopping: threading.Event) -> None:
    while not stopping.is_set():
        try:
            return do()
        except SQLAlchemyError as error:
            logger.warning("postgres away", cause=type(error).__name__)
            stopping.wait(_PATIENCE_S)
    return None
