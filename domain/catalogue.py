"""The only list of (module, platform) pairs and cycles; ids, queues, lanes, beat entries and docs derive from it."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.errors import BadInputError
from domain.modules import MODULES, Cycle, Lane, Module, Role
from domain.platforms import PLATFORMS, Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A module on a platform. It exists only where the platform can feed and obey the module."""

    module: Module
    platform: Platform

    @property
    def id(self) -> str:
        """Such as "10.14": stack of the platform, number of the module."""
        return f"{self.platform.stack}.{self.module.number}"

    @property
    def slug(self) -> str:
        """Such as "meta.real_time"."""
        return f"{self.platform.slug}.{self.module.slug}"

    @property
    def is_built(self) -> bool:
        """Whether at least one of its cycles runs; a pair not built is *planned*: no queue, no beat, no health."""
        return any(True for _ in self.built_cycles())

    def built_cycles(self) -> Iterator[Cycle]:
        """Its cycles that are built on its platform."""
        return (cycle for cycle in self.module.cycles if self.platform.slug in cycle.built_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """A built cycle of a pair: what has a queue, a beat entry, slots and run rows."""

    pair: Pair
    cycle: Cycle

    @property
    def name(self) -> str:
        """Task and queue name, such as "meta.full_cycle"."""
        return f"{self.pair.platform.slug}.{self.cycle.name}"


def actions_queue(platform: Platform) -> str:
    """The queue of a platform's executor, such as "meta.actions"."""
    return f"{platform.slug}.actions"


def _exists(module: Module, platform: Platform) -> bool:
    return module.reads <= platform.feeds and module.may_propose <= platform.obeys


PAIRS: tuple[Pair, ...] = tuple(
    Pair(module=module, platform=platform) for platform in PLATFORMS for module in MODULES if _exists(module, platform)
)
RHYTHMS: tuple[Rhythm, ...] = tuple(
    Rhythm(pair=pair, cycle=cycle) for pair in PAIRS for cycle in pair.built_cycles() if cycle.per_account
)
WATCHED: tuple[Pair, ...] = tuple(pair for pair in PAIRS if pair.module.role is not Role.WATCHES)
CONTROL_QUEUE = "control"  # one for all platforms: the tower's own cycles
CANARY_PREFIX = "canary."


def house_cycles() -> tuple[Cycle, ...]:
    """Built cycles that are the house's own, each once whatever the platforms: tasks of the control queue."""
    found = (cycle for pair in PAIRS for cycle in pair.built_cycles() if not cycle.per_account)
    return tuple({cycle.name: cycle for cycle in found}.values())


def control_task(cycle: Cycle) -> str:
    """The task name of one of the house's own cycles, such as "control.health"."""
    return f"{CONTROL_QUEUE}.{cycle.name}"


def canary_queue(worker: str) -> str:
    """The queue that one worker alone consumes, whatever is stopped."""
    return f"{CANARY_PREFIX}{worker}"


def built_platforms() -> tuple[Platform, ...]:
    """Platforms that have a client."""
    return tuple(platform for platform in PLATFORMS if platform.client is not None)


def queues(lane: Lane) -> tuple[str, ...]:
    """Every queue that workers of the lane consume, in the catalogue's order."""
    if lane is Lane.ACTIONS:
        return tuple(actions_queue(platform) for platform in built_platforms())
    if lane is Lane.CONTROL:
        return (CONTROL_QUEUE,)
    return tuple(rhythm.name for rhythm in RHYTHMS if rhythm.cycle.lane is lane)


def lanes() -> tuple[Lane, ...]:
    """Lanes that have at least one queue."""
    return tuple(lane for lane in Lane if queues(lane))


def platform(slug: str) -> Platform:
    """Find a platform by slug.

    Raises:
        BadInputError: there is none of that name; the message lists them.
    """
    for row in PLATFORMS:
        if row.slug == slug:
            return row
    raise BadInputError(f'no platform "{slug}"; there are {", ".join(row.slug for row in PLATFORMS)}')


def pair(slug: str) -> Pair:
    """Find a pair by slug ("meta.full_cycle") or by id ("10.11").

    Raises:
        BadInputError: there is none of that name.
    """
    for row in PAIRS:
        if slug in (row.slug, row.id):
            return row
    raise BadInputError(f'no module "{slug}"; `stakazo modules` lists them')


def rhythm(name: str) -> Rhythm:
    """Find a built cycle by its task name ("meta.full_cycle").

    Raises:
        BadInputError: none is built under that name.
    """
    for row in RHYTHMS:
        if row.name == name:
            return row
    raise BadInputError(f'no cycle "{name}" is built; there are {", ".join(row.name for row in RHYTHMS)}')
