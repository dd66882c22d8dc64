"""Recovery of a house: the look at its health, the ports and the rows put together, for the tower and for a person."""

from collections.abc import Callable

from control_tower.health import Checked
from control_tower.recovering import Recovering
from control_tower.remedies import Remedies
from control_tower.scenes import scene_of
from control_tower.symptoms import Scene
from workers.bootstrap import House


def recovering_of(house: House, look: Callable[[], Checked], *, ring_due: Callable[[], int]) -> Recovering:
    """Build recovery on a house."""

    def scene() -> Scene:
        checked = look()
        with house.engine.begin() as conn:
            return scene_of(conn, checked)

    remedies = Remedies(
        engine=house.engine,
        switchboard=house.switchboard,
        processes=house.processes,
        ring_due=ring_due,
        reconnect=house.reconnect,
    )
    return Recovering(engine=house.engine, look=scene, remedies=remedies)
