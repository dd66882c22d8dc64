"""States of the life-cycle's filter on record: they come back as they were, and the next day is stepped from them."""

import io
from datetime import UTC, date, datetime

import numpy as np
import pytest
from sqlalchemy import Connection, select, update

from decisions.life_cycle import stages, study, tell
from decisions.life_memory import advance
from decisions.policy import MaturedPolicy
from domain.actions import Level, Mode
from domain.ids import AccountId, PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, creative_states
from models.tables import creative_states as table
from tests.decisions.test_life_cycle import drawn, panel

POLICY = MaturedPolicy()


def opened(conn: Connection) -> AccountId:
    info = AccountInfo(id=PlatformAccountId("act_1"), name="A", currency="USD", zone="UTC", is_active=True,
                       status_text="", minimum_daily_budget_minor=100)  # fmt: skip
    return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def test_a_day_stepped_from_the_record_tells_what_all_days_tell(conn: Connection) -> None:
    """Each of the last ten days from the record of the day before; half precision moves no stage."""
    account_id = opened(conn)
    clicks, shown, _ = drawn(31, 2_000, ads=120, share=0.5)
    whole = panel(clicks, shown)
    memory = study(panel(clicks[:, :20], shown[:, :20]), POLICY)
    for day in range(20, 30):
        creative_states.keep(conn, account_id, 0, memory)
        memory = creative_states.take(conn, account_id, 0)
        advance(memory, whole.clicks[:, day], whole.impressions[:, day], whole.spend_minor[:, day])
    found, at_once = tell(memory), stages(whole, POLICY)
    assert list(found.ad_id) == list(at_once.ad_id)
    assert (found.stage == at_once.stage).all()
    assert (found.fatigued_on == at_once.fatigued_on).all()
    assert found.probability == pytest.approx(at_once.probability, abs=2e-3)
    assert found.outlook.rate == pytest.approx(at_once.outlook.rate, rel=2e-3)


def test_an_ad_takes_less_than_a_kilobyte(conn: Connection) -> None:
    account_id = opened(conn)
    clicks, shown, _ = drawn(32, 2_000, ads=400, share=0.5)
    creative_states.keep(conn, account_id, 0, study(panel(clicks, shown), POLICY))
    body = conn.execute(table.select()).one().body
    assert len(body) / 400 < 1_000


def turned(body: bytes) -> bytes:
    """Return a document as version 1 was written: ads first in every array."""
    with np.load(io.BytesIO(body)) as found:
        arrays = {
            name: np.moveaxis(found[name], -1, 0) if name.endswith((".belief", ".base", ".last")) else found[name]
            for name in found.files
        }
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def test_what_the_version_before_wrote_is_gone_on_with(conn: Connection) -> None:
    """No account has to learn anew: a part of either version is read, and both stand together."""
    account_id = opened(conn)
    clicks, shown, _ = drawn(34, 300, ads=40, share=0.5)
    memory = study(panel(clicks, shown, parent=np.repeat(np.arange(10), 4)), POLICY)
    for part in (0, 1):
        creative_states.keep(conn, account_id, part, memory)
    now = creative_states.take(conn, account_id, 0)
    body = conn.execute(select(table.c.body).where(table.c.part == 1)).scalar_one()
    conn.execute(update(table).where(table.c.part == 1).values(version=1, body=turned(body)))
    known = creative_states.standing(conn, account_id)
    assert known is not None
    assert known.parts == (0, 1)
    then = creative_states.take(conn, account_id, 1)
    assert len(then.pools.group) > 1
    for name in ("belief", "base", "last", "evidence", "first_clicks"):
        assert np.array_equal(getattr(then.state, name), getattr(now.state, name)), name
        assert np.array_equal(getattr(then.pools, name), getattr(now.pools, name)), name
    advance(then, memory.clicks[:, -1].astype(int), memory.impressions[:, -1].astype(int), np.zeros(40, np.int64))
    assert np.isfinite(tell(then).probability).all()


def test_what_stands_is_told_of_all_parts_together(conn: Connection) -> None:
    account_id = opened(conn)
    assert creative_states.standing(conn, account_id) is None
    clicks, shown, _ = drawn(33, 2_000, ads=4, share=0.5)
    for part in (0, 1, 2):
        creative_states.keep(conn, account_id, part, study(panel(clicks, shown), POLICY))
    creative_states.forget_from(conn, account_id, 2)
    known = creative_states.standing(conn, account_id)
    assert known is not None
    assert (known.parts, known.upto, known.ratio) == ((0, 1), date(2026, 3, 30), POLICY.fatigue_ratio)
    conn.execute(update(table).where(table.c.part == 1).values(upto=datetime(2026, 3, 29, tzinfo=UTC).date()))
    assert creative_states.standing(conn, account_id) is None, "of several days"


def test_another_version_is_not_read(conn: Connection) -> None:
    account_id = opened(conn)
    none = np.zeros((1, 3), np.int64)
    creative_states.keep(conn, account_id, 0, study(panel(none, none), POLICY))
    conn.execute(update(table).values(version=creative_states.VERSION + 1))
    assert creative_states.standing(conn, account_id) is None
