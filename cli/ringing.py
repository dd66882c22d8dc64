"""Ringing workers for actions after a command has committed: a broker that is away costs latency, never the command."""

from collections.abc import Iterable

from actions.wording import Ring
from cli.console import say
from domain import catalogue
from domain.errors import NotReadyError
from workers.bootstrap import House


def ring_all(house: House, rings: Iterable[Ring]) -> None:
    """Ring for each; say so where nobody can be rung."""
    try:
        for ring in rings:
            queue = catalogue.actions_queue(catalogue.platform(ring.platform))
            house.doorbell.ring_action(queue, ring.action_id, about=ring.about)
    except NotReadyError as error:
        say(f"it is recorded, but no worker could be rung ({error}); the tower rings within half a minute of living")
