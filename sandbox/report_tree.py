"""The campaigns, ad sets and ads that a report names, gathered row by row; levels it does not name are made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from hashlib import blake2b
from typing import Final

_DERIVED_IDS: Final = 230_000_000_000_000_000
_DERIVED_SPAN: Final = 10_000_000_000_000_000
_MADE_CAMPAIGN: Final = "Campaign (not in the report)"

Key = tuple[str, ...]


class Level(StrEnum):
    """A storey of the tree, by the name of its field in the report."""

    CAMPAIGN = "campaign"
    AD_SET = "ad_set"
    AD = "ad"


@dataclass(slots=True, kw_only=True)
class Found:
    """An object of the report. What may change from day to day (name, delivery, budget) is the latest row's."""

    level: Level
    index: int
    parent: int  # index on the level above; -1 for a campaign
    id: str
    name: str
    line: int
    seen_on: int = 0  # ordinal of the latest day told about it
    delivery: str = ""
    budget_minor: int | None = None
    is_lifetime: bool = False
    is_budget_elsewhere: bool = False  # "Using campaign budget" of an ad set, "Using ad set budget" of a campaign
    starts: date | None = None
    ends: date | None = None


class TreeError(ValueError):
    """A row contradicts an earlier one; `level` is where."""

    def __init__(self, level: Level, reason: str) -> None:
        self.level = level
        super().__init__(reason)


@dataclass(slots=True)
class Tree:
    """Objects by level, in the order of their first row."""

    found: dict[Level, list[Found]] = field(default_factory=lambda: {level: [] for level in Level})
    _by_key: dict[tuple[Level, Key], Found] = field(default_factory=dict)
    _taken: dict[str, tuple[Level, Key]] = field(default_factory=dict)

    def place(self, names: Mapping[Level, str], ids: Mapping[Level, str | None], *, line: int) -> Found:
        """Return the ad of a row, taking in what is new; a level is told by its id, else by the names down to it.

        Raises:
            TreeError: an id stands for two objects, or an object has two parents.
        """
        parent: Found | None = None
        path: Key = ()
        for level in Level:
            name, own_id = names[level], ids[level]
            path = (own_id,) if own_id else (*path, name)
            parent = self._place_one(level, (level, path), name=name, own_id=own_id, parent=parent, line=line)
        if parent is None:
            raise AssertionError("a tree has levels")
        return parent

    def _place_one(
        self, level: Level, key: tuple[Level, Key], *, name: str, own_id: str | None, parent: Found | None, line: int
    ) -> Found:
        index_above = parent.index if parent else -1
        known = self._by_key.get(key)
        if known is None:
            known = Found(
                level=level,
                index=len(self.found[level]),
                parent=index_above,
                id=self._take_id(key, own_id),
                name=name,
                line=line,
            )
            self._by_key[key] = known
            self.found[level].append(known)
        if known.parent != index_above:
            raise TreeError(level, f"{level.replace('_', ' ')} {known.id} had another parent on line {known.line}")
        if name:
            known.name = name
        return known

    def _take_id(self, key: tuple[Level, Key], own_id: str | None) -> str:
        if own_id is None:
            return self._derive_id(key)
        holder = self._taken.setdefault(own_id, key)
        if holder != key:
            level = key[0]
            raise TreeError(level, f"the id {own_id} already stands for another {holder[0].replace('_', ' ')}")
        return own_id

    def _derive_id(self, key: tuple[Level, Key]) -> str:
        for salt in range(1_000):
            text = "\0".join((key[0], *key[1], str(salt)))
            digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            derived = str(_DERIVED_IDS + int.from_bytes(digest) % _DERIVED_SPAN)
            if self._taken.setdefault(derived, key) == key:
                return derived
        raise AssertionError("a thousand digests in a row were taken")


def made_names(names: Mapping[Level, str], present: frozenset[Level]) -> dict[Level, str]:
    """Name the levels that the report does not have after the nearest one that it has."""
    ad_set = names[Level.AD_SET] if Level.AD_SET in present else ""
    campaign = names[Level.CAMPAIGN] if Level.CAMPAIGN in present else _MADE_CAMPAIGN
    ad = names[Level.AD] if Level.AD in present else ""
    return {Level.CAMPAIGN: campaign, Level.AD_SET: ad_set or campaign, Level.AD: ad or ad_set or campaign}
