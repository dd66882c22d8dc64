"""What the platform is still to do by itself: effects that come late. They outlive a kill."""

from dataclasses import dataclass

import msgspec

from sandbox.journal import Journal

_SETTING = "errands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """An effect to come. `due_us` is real time; `call` is its text, to be read by who wrote it."""

    id: int
    due_us: int
    call: str
    outcome: str
    actor: str


class Errands:
    """The errands that are open, on disk before anybody relies on them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        kept = journal.setting(_SETTING)
        found = msgspec.json.decode(kept, type=list[Errand]) if kept else []
        self._open = {errand.id: errand for errand in found}
        self._last = max(self._open, default=0)

    def add(self, *, due_us: int, call: str, outcome: str, actor: str) -> Errand:
        """Note an errand."""
        self._last += 1
        errand = Errand(id=self._last, due_us=due_us, call=call, outcome=outcome, actor=actor)
        self._open[errand.id] = errand
        self._keep()
        return errand

    def strike(self, errand: Errand) -> None:
        """Take an errand off the list, right before it is done: a kill in between loses it, and never does it twice."""
        del self._open[errand.id]
        self._keep()

    def all(self) -> tuple[Errand, ...]:
        """Return what is open, by its time."""
        return tuple(sorted(self._open.values(), key=lambda errand: (errand.due_us, errand.id)))

    def _keep(self) -> None:
        self._journal.set(_SETTING, msgspec.json.encode(list(self._open.values())).decode())
