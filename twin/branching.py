"""Begins a comparison where an operator's own sandbox stands: a copy of its world in memory. Only reads the folder."""

import json
from contextlib import closing
from pathlib import Path
from typing import Final

from decisions.policy import AccountLimits
from domain.errors import BadInputError, NotReadyError
from sandbox.clock import from_us
from sandbox.founding import holds_world
from sandbox.journal import Journal
from sandbox.market.local import LocalMarket
from sandbox.scenario import Scenario
from sandbox.world import World
from twin.compare import Case, case_of
from twin.loop import Founded

_JOURNAL: Final = "sandbox.sqlite3"


def branch(
    data_dir: Path, account: str, *, seed: int | None, wishes: AccountLimits | None, margin: float | None
) -> Case:  # fmt: skip
    """Copy the world as it stands; with a seed its dice fall otherwise, in its simulated past too.

    Raises:
        NotReadyError: the folder holds no world.
        BadInputError: no such account is in it.
    """
    if not holds_world(data_dir):
        raise NotReadyError(
            f"{data_dir} holds no sandbox; `stakazo sandbox import REPORT.csv` makes a twin of an account"
        )
    with closing(Journal(data_dir / _JOURNAL)) as journal:
        scenario = Scenario.model_validate_json(journal.setting("scenario") or "")
        start = from_us(int(journal.setting("start_us") or 0))
        now = from_us(int(json.loads(journal.setting("clock") or "{}")["platform_us"]))
        lines = list(journal.lines())
    ids = tuple(World(scenario, start_us=int(start.timestamp() * 1_000_000)).accounts)
    digits = account.strip().removeprefix("act_")
    if digits not in ids:
        raise BadInputError(f'no account "{account}" in the sandbox; there are {", ".join(ids)}')
    if seed is not None:
        specs = tuple(spec.model_copy(update={"id": own}) for spec, own in zip(scenario.accounts, ids, strict=True))
        scenario = scenario.model_copy(update={"seed": seed, "accounts": specs})
    market = LocalMarket.resume(scenario, start=start, lines=lines, now=now)
    name = f"account {digits}" + ("" if seed is None else f", seed {seed}")
    return case_of(Founded(market=market, account_id=digits), name=name, margin=margin, wishes=wishes)
