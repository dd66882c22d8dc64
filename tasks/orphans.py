"""The orphan sweep (module 2): what carries our mark on the platform and is in no ledger as a result, every hour.

Creatives, which spend nothing by themselves and must all be listed, are looked at once a day.
"""

from datetime import timedelta

from sqlalchemy import Connection

from actions import orphans
from actions.door import Proposed
from actions.orphans import Found
from domain import catalogue
from domain.actions import ObjectKind
from domain.calls import calling
from domain.ports import CallClass
from models import accounts
from models.run_history import LogEntry
from workers.bootstrap import limits_of
from workers.celery_app import app
from workers.task import cycle_tasks
from workers.work import Work

STEP = "step_1_sweep"
LOOK_BACK = timedelta(days=7)
_HOUR_OF_CREATIVES = 3
_EVERY_HOUR = (ObjectKind.CAMPAIGN, ObjectKind.AD_SET, ObjectKind.AD)


@calling(CallClass.COLLECT)
def run(work: Work) -> None:
    """Read what was made in the last days, tell orphans, and propose to put the harmless ones away."""
    with work.step(STEP):
        account, now = work.reload_account(), work.run.now_at
        kinds = _EVERY_HOUR + ((ObjectKind.CREATIVE,) if work.run.slot_at.hour == _HOUR_OF_CREATIVES else ())
        reader = work.house.client_of(account).reader
        seen = orphans.read(reader, account, since=now - LOOK_BACK, kinds=kinds, keep=work.keep)
        with work.transaction() as conn:
            account = accounts.get(conn, account.id)
            found = orphans.find(conn, account, seen)
            proposed = orphans.settle(
                conn, account, found, run_id=work.run.id, now=now, actor=f"run:{work.run.id}",
                limits=limits_of(work.house.settings),
            )  # fmt: skip
            _log(work, conn, found, proposed)
        work.stats |= {"looked_at": len(seen.made), "orphans": len(found), "proposed": len(proposed.actions)}


def _log(work: Work, conn: Connection, found: tuple[Found, ...], proposed: Proposed) -> None:
    queue = catalogue.actions_queue(catalogue.platform(work.account.platform))
    for ring in proposed.rings:
        work.ring_action_after(queue, ring.action_id, ring.about)
    work.log_in(
        conn,
        [
            LogEntry(
                step=STEP, action="orphan", entity_type=row.thing.kind, entity_id=row.thing.id,
                output_snapshot={"why": row.why, "put_away": row.is_harmless},
            )
            for row in found
        ],
    )  # fmt: skip


cycle_tasks(app, "orphan_sweep", run)
