"""How often a queued thing was asked for while the platform's clock stood: what then takes the place of time."""

_NEEDED = 2  # so many polls do all the work while the clock stands


class Polls:
    """Counted in memory: what a killed process left half done is taken up again from what time alone did."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[int, int]] = {}  # by thing: the polls that counted, and the last poll's instant

    def share_done(self, thing_id: str, *, since_us: int, now_us: int, seconds: float, is_poll: bool) -> float:
        """Return the share (from 0 on) of some seconds of work that is done: by time, and by polls when none passed."""
        polls, last_us = self._asked.get(thing_id, (0, since_us))
        if is_poll:
            polls += now_us == last_us
            self._asked[thing_id] = polls, now_us
        return (now_us - since_us) / 1e6 / seconds + polls / _NEEDED
