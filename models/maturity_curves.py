"""The store of maturity curves: what was learnt of each account, and the cohorts to learn from."""

from datetime import datetime
from typing import Final

import numpy as np
from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert

from domain.clock import require_aware
from domain.ids import AccountId
from domain.panel import MaturityCurve
from domain.snapshot import Ints
from estimators.maturity import LAST_AGE, PRIOR
from models.accounts import Account
from models.panel_queries import COHORTS
from models.panels import Reading
from models.tables import maturity_curves

COHORT_DAYS: Final = 56  # as many cohorts are old enough to be whole as are still filling


def cohorts(conn: Connection, account: Account, reading: Reading, days: int = COHORT_DAYS) -> tuple[Ints, Ints]:
    """Return what each age's readings added to each of the last days, (days, ages + 1), and the age each has reached.

    Only ad-days count whose figures were read by the end of the next day. Yesterday's own age is still filling.
    """
    first = reading.first_day(days)
    asked = {"account": account.id, "first": first, "last": reading.until, "zone": account.zone}
    arrived = np.zeros((days, LAST_AGE + 1), np.int64)
    for row, age, purchases in conn.execute(text(COHORTS), asked):
        arrived[row, min(age, LAST_AGE)] += purchases
    ages = reading.ages(days)
    return arrived, np.where(ages > 1, ages, 0)


def keep(conn: Connection, account_id: AccountId, curve: MaturityCurve, learnt_at: datetime) -> None:
    """Keep a curve in the place of the one before."""
    values = {
        "share": curve.share.tolist(), "cohorts": curve.cohorts, "learnt_at": require_aware("learnt_at", learnt_at)
    }  # fmt: skip
    row = insert(maturity_curves).values(account_id=account_id, **values)
    conn.execute(row.on_conflict_do_update(index_elements=["account_id"], set_=values))


def current(conn: Connection, account_id: AccountId) -> MaturityCurve:
    """Read the account's curve; the prior where none was learnt yet."""
    row = conn.execute(select(maturity_curves).where(maturity_curves.c.account_id == account_id)).one_or_none()
    if row is None:
        return PRIOR
    return MaturityCurve(share=np.array(row.share, dtype=np.float64), cohorts=row.cohorts)
