"""Which modules and cycles a command is about. Pure; refuses with the way out."""

from collections.abc import Collection, Sequence

from control_tower.planner import in_order
from domain import catalogue
from domain.catalogue import Pair, Rhythm
from domain.errors import BadInputError
from domain.health import CommandType


def commandable(platform: str | None = None) -> tuple[Pair, ...]:
    """Return the built pairs that can be started and stopped, the tower's own not among them."""
    only = None if platform is None else catalogue.platform(platform)
    return tuple(pair for pair in catalogue.WATCHED if pair.is_built and only in (None, pair.platform))


def pairs_of(platform: str | None, modules: Sequence[str]) -> tuple[Pair, ...]:
    """Find the pairs that a person named by slug, id, or the module's name alone; all of the platform without names.

    Raises:
        BadInputError: there is none of that name, it is planned, or stands on another platform.
    """
    if not modules:
        return commandable(platform)
    found: dict[str, Pair] = {}
    for name in modules:
        for pair in _named(platform, name.strip()):
            found[pair.slug] = pair
    planned = [slug for slug, pair in found.items() if not pair.is_built]
    if planned:
        raise BadInputError(f"{', '.join(planned)}: planned and not built, so there is nothing to start or stop")
    own = [slug for slug, pair in found.items() if pair not in catalogue.WATCHED]
    if own:
        raise BadInputError(f"{', '.join(own)}: the tower itself; `stakazo tower` runs it, and commands are its work")
    return tuple(found.values())


def queues_of(pairs: Collection[str]) -> tuple[str, ...]:
    """Return the queues of these pairs, by slug."""
    return tuple(rhythm.name for rhythm in catalogue.RHYTHMS if rhythm.pair.slug in pairs)


def chain_of(
    rhythms: Sequence[Rhythm], command_type: CommandType, platform: str | None, modules: Sequence[str]
) -> tuple[Rhythm, ...]:
    """Return the cycles that a command runs, each behind those it comes after.

    Raises:
        BadInputError: none of the modules named is part of it.
    """
    wanted = {pair.slug for pair in pairs_of(platform, modules)}
    part = [row for row in rhythms if command_type in row.cycle.part_of]
    finals = [row for row in part if row.pair.slug in wanted]
    if not finals:
        can = ", ".join(row.pair.slug for row in part) or "none that the settings want"
        raise BadInputError(f"nothing named is part of {command_type}; modules that are: {can}")
    chain: dict[str, Rhythm] = {}
    for final in finals:
        chain |= {row.name: row for row in in_order(rhythms, final.name)}
    return tuple(chain.values())


def _named(platform: str | None, name: str) -> tuple[Pair, ...]:
    only = None if platform is None else catalogue.platform(platform)
    everywhere = [row for row in catalogue.PAIRS if row.module.slug == name]
    if everywhere:
        built = [row for row in everywhere if row.is_built and only in (None, row.platform)]
        return tuple(built or everywhere[:1])
    pair = catalogue.pair(name)
    if only not in (None, pair.platform):
        raise BadInputError(f"{pair.slug} is not a module of {platform}; leave out --platform, or name another module")
    return (pair,)
