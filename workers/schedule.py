"""The catalogue's rhythms as the settings want them: some with another cadence, some left out."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from domain.catalogue import RHYTHMS, Rhythm
from workers.settings import Settings

_STEERED = "full_cycle"  # the cycle that <PLATFORM>_CYCLE_ENABLED and _INTERVAL_MINUTES speak of
_REAL_TIME = "real_time"  # that of <PLATFORM>_REAL_TIME_INTERVAL_MINUTES


def overrides(settings: Settings, rhythms: Iterable[Rhythm] = RHYTHMS) -> Mapping[str, timedelta | None]:
    """Return rhythm name → cadence for those that settings change; None = switched off."""
    rhythms = tuple(rhythms)
    steered = (rhythm for rhythm in rhythms if rhythm.cycle.name == _STEERED)
    changes: dict[str, timedelta | None] = {}
    for rhythm in steered:
        own = settings.of(rhythm.pair.platform.slug)
        changes[rhythm.name] = timedelta(minutes=own.cycle_interval_minutes) if own.cycle_enabled else None
    for rhythm in rhythms:
        if rhythm.cycle.name == _REAL_TIME:
            every = timedelta(minutes=settings.of(rhythm.pair.platform.slug).real_time_interval_minutes)
            changes |= {} if every == rhythm.cycle.every else {rhythm.name: every}
    return changes


def wanted_rhythms(settings: Settings, rhythms: Iterable[Rhythm] = RHYTHMS) -> tuple[Rhythm, ...]:
    """Return the rhythms to plan, each with the cadence that the settings give it."""
    rhythms = tuple(rhythms)
    changes = overrides(settings, rhythms)
    return tuple(
        replace(rhythm, cycle=replace(rhythm.cycle, every=every))
        for rhythm in rhythms
        if (every := changes.get(rhythm.name, rhythm.cycle.every)) is not None
    )


def starts_stopped(settings: Settings, rhythms: Iterable[Rhythm] = RHYTHMS) -> tuple[str, ...]:
    """Return pairs that wait for a person's start the first time, by <PLATFORM>_CYCLE_AUTO_START=false."""
    return tuple(
        rhythm.pair.slug
        for rhythm in rhythms
        if rhythm.cycle.name == _STEERED and not settings.of(rhythm.pair.platform.slug).cycle_auto_start
    )
