"""When: beat's entries, derived from the catalogue's rows. Imports only `domain` and Celery's schedules.

A tick is not a slot: it only asks the planner to look for slots that are due. So it comes at the cadence, but at least
every minute, so that a slot is noticed soon after a start or a missed tick, and never more than once a second.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TypedDict

from celery.schedules import schedule

from domain.catalogue import CONTROL_QUEUE, Rhythm, control_task, house_cycles

SHORTEST_S = 1.0
LONGEST_S = 60.0


class TickOptions(TypedDict):
    """How the tick is sent: into the queue of its cycle, forgotten when the next one is due."""

    queue: str
    expires: float


class Entry(TypedDict):
    """One entry of beat's schedule."""

    task: str
    schedule: schedule
    options: TickOptions


def tick_name(rhythm: Rhythm) -> str:
    """Return the name of the planner's task, such as "meta.full_cycle.tick"."""
    return f"{rhythm.name}.tick"


def tick_period_s(every: timedelta, speed: float) -> float:
    """Return real seconds between ticks: cadence / speed, within 1..60 s. A standing sandbox ticks every minute."""
    if speed <= 0:
        return LONGEST_S
    return min(max(every.total_seconds() / speed, SHORTEST_S), LONGEST_S)


def build(rhythms: Iterable[Rhythm], overrides: Mapping[str, timedelta | None], speed: float) -> dict[str, Entry]:
    """Build beat's schedule: one entry per built cycle.

    `overrides` maps a rhythm's name to another cadence, or to None to leave it out; `speed` is platform seconds per
    real second.
    """
    entries: dict[str, Entry] = {}
    for rhythm in rhythms:
        every = overrides.get(rhythm.name, rhythm.cycle.every)
        if every is None:
            continue
        period_s = tick_period_s(every, speed)
        entries[tick_name(rhythm)] = Entry(
            task=tick_name(rhythm),
            schedule=schedule(run_every=period_s),
            options=TickOptions(queue=rhythm.name, expires=period_s),
        )
    return entries


def build_control() -> dict[str, Entry]:
    """Build the entries of the house's own cycles: real time whatever the sandbox's speed, for they watch machinery."""
    return {
        control_task(cycle): Entry(
            task=control_task(cycle),
            schedule=schedule(run_every=cycle.every.total_seconds()),
            options=TickOptions(queue=CONTROL_QUEUE, expires=cycle.every.total_seconds()),
        )
        for cycle in house_cycles()
    }
