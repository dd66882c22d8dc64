"""The audit: what is told stays told, in a chain that shows every hand laid on it."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.exc import IntegrityError

from domain.actions import ActionState, Level, Mode, ObjectKind
from domain.ids import AccountId, ActionId, CampaignId, PlatformAccountId
from domain.objects import AccountInfo, Campaign, Status
from models import accounts, audit, audit_reads, audit_verify, marks, mirror, module_states, policies
from models.engine import make_engine
from models.module_states import Desired
from models.tables import audit as audit_table
from models.tables import audit_heads

ONE, TWO = AccountId(1), AccountId(2)


@pytest.fixture
def owner(owner_database_url: str) -> Iterator[Engine]:
    """The owner of the very database that `engine` is the application of; a superuser too."""
    engine = make_engine(owner_database_url)
    yield engine
    engine.dispose()


def tell(conn: Connection, *accounts_told: AccountId | None) -> None:
    for n, account_id in enumerate(accounts_told):
        audit.note(
            conn, actor="os:ana", event="thing.done", account_id=account_id, detail={"n": n, "name": "Größe 1.50"}
        )


def verified(engine: Engine, anchors: tuple[audit_reads.Head, ...] = ()) -> audit_verify.Verified:
    with engine.begin() as conn:
        return audit_verify.verify(conn, anchors)


def tamper(owner: Engine, *statements: str) -> None:
    """What a superuser can do: triggers off, then anything."""
    with owner.begin() as conn:
        conn.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            conn.execute(text(statement))


def test_what_is_told_can_be_read_the_newest_first(engine: Engine) -> None:
    with engine.begin() as conn:
        tell(conn, ONE, None)
        audit.note(conn, actor="os:leo", event="fence.closed", account_id=ONE, detail={"reason": "a\x00b \ud800"})
    with engine.begin() as conn:
        rows = audit_reads.listing(conn)
        assert [(row.chain, row.seq, row.actor) for row in rows] == [
            (1, 2, "os:leo"),
            (0, 1, "os:ana"),
            (1, 1, "os:ana"),
        ]
        assert rows[0].detail == {"reason": "ab "}
        assert [row.event for row in audit_reads.listing(conn, event="fence")] == ["fence.closed"]
        assert audit_reads.listing(conn, event="fen") == ()
        assert len(audit_reads.listing(conn, actor="os:ana", chain=1)) == 1
        assert len(audit_reads.listing(conn, limit=2)) == 2


def test_a_row_that_is_rolled_back_was_never_told(engine: Engine) -> None:
    with engine.connect() as conn:
        tell(conn, ONE)
    with engine.begin() as conn:
        tell(conn, ONE)
    assert (verified(engine).rows, verified(engine).problems) == (1, ())


def test_chains_are_whole_when_many_tell_at_once(engine: Engine) -> None:
    def some(account_id: AccountId) -> None:
        for _ in range(10):
            with engine.begin() as conn:
                tell(conn, account_id, account_id)

    threads = [threading.Thread(target=some, args=(account_id,)) for account_id in (ONE, ONE, TWO, TWO)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    found = verified(engine)
    assert (found.rows, found.chains, found.problems) == (80, 2, ())
    assert [(head.chain, head.seq) for head in found.heads] == [(1, 40), (2, 40)]


TWICE = """
INSERT INTO audit SELECT chain, seq, at + interval '1 us', actor, event, action_id, before_state, after_state, epoch,
    detail, prev_hash, hash FROM audit WHERE seq = 2
"""
FORGED = """
INSERT INTO audit SELECT chain, seq + 1, at, actor, event, action_id, before_state, after_state, epoch, detail, hash,
    audit_hash(hash, chain, seq + 1, at, actor, event, action_id, before_state, after_state, epoch, detail)
FROM audit WHERE seq = 5
"""


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE audit SET actor = 'os:eve' WHERE seq = 3", "row 3 was changed"),
        ("UPDATE audit SET detail = '{}' WHERE seq = 1", "row 1 was changed"),
        ("UPDATE audit SET at = at - interval '1 microsecond' WHERE seq = 2", "row 2 was changed"),
        ("UPDATE audit SET after_state = 'applied' WHERE seq = 2", "row 2 was changed"),
        ("UPDATE audit SET hash = sha256('x') WHERE seq = 3", "row 4 does not go on"),
        ("DELETE FROM audit WHERE seq = 3", "row 4 follows a gap"),
        ("DELETE FROM audit WHERE seq = 1", "row 2 follows a gap"),
        ("DELETE FROM audit WHERE seq = 5", "the end was cut off"),
        ("DELETE FROM audit", "the end was cut off"),
        ("DELETE FROM audit_heads", "has no head"),
        ("UPDATE audit SET seq = CASE seq WHEN 2 THEN 3 ELSE 2 END WHERE seq IN (2, 3)", "row 2 was changed"),
        (TWICE, "row 2 has the number of another"),
        (FORGED, "the two do not belong together"),
        ("UPDATE audit_heads SET seq = 4", "ends at row 5"),
    ],
)
def test_whatever_a_superuser_does_to_a_row_shows(engine: Engine, owner: Engine, statement: str, words: str) -> None:
    with engine.begin() as conn:
        tell(conn, ONE, ONE, ONE, ONE, ONE)
    assert verified(engine).problems == ()
    tamper(owner, statement)
    found = [f"row {problem.seq} {problem.words}" for problem in verified(engine).problems]
    assert any(words in line for line in found), found


REWRITE = """
DO $$
DECLARE
    line record;
    kept bytea := decode(repeat('00', 32), 'hex');
BEGIN
    FOR line IN SELECT * FROM audit ORDER BY chain, seq LOOP
        UPDATE audit SET actor = 'os:eve', prev_hash = kept, hash = audit_hash(kept, line.chain, line.seq, line.at,
            'os:eve', line.event, line.action_id, line.before_state, line.after_state, line.epoch, line.detail)
            WHERE seq = line.seq RETURNING hash INTO kept;
    END LOOP;
    UPDATE audit_heads SET hash = kept;
END $$
"""


def test_a_chain_rewritten_as_a_whole_is_found_by_an_anchor_alone(engine: Engine, owner: Engine) -> None:
    """What the chain by itself cannot show, and says that it cannot."""
    with engine.begin() as conn:
        tell(conn, ONE, ONE, ONE)
    anchors = verified(engine).heads
    with engine.begin() as conn:
        tell(conn, ONE)
    assert verified(engine, anchors).problems == ()
    tamper(owner, REWRITE)
    assert verified(engine).problems == ()
    (problem,) = verified(engine, anchors).problems
    assert (problem.chain, problem.seq) == (1, 3)
    assert "rewritten" in problem.words


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["DELETE FROM audit", "DELETE FROM audit_heads"], "the whole chain is gone"),
        (
            [
                "DELETE FROM audit WHERE seq > 1",
                "UPDATE audit_heads h SET seq = 1, hash = a.hash FROM audit a WHERE a.chain = h.chain",
            ],
            "is anchored and not there",
        ),
        (
            [
                "UPDATE audit_heads h SET base_seq = 3, base_hash = a.hash FROM audit a WHERE a.seq = 3",
                "DELETE FROM audit WHERE seq < 4",
            ],
            "is anchored and not there",
        ),
    ],
    ids=["all gone", "cut short", "its beginning gone before its time"],
)
def test_what_is_anchored_and_gone_is_missed(engine: Engine, owner: Engine, statements: list[str], words: str) -> None:
    with engine.begin() as conn:
        tell(conn, ONE, ONE)
    anchors = verified(engine).heads
    with engine.begin() as conn:
        tell(conn, ONE, ONE)
    tamper(owner, *statements)
    assert [problem.words for problem in verified(engine).problems] == []
    assert any(words in problem.words for problem in verified(engine, anchors).problems)


def test_an_export_can_be_checked_by_anybody_with_sha256(engine: Engine) -> None:
    with engine.begin() as conn:
        tell(conn, ONE, ONE, None, TWO)
    with engine.begin() as conn:
        rows = list(audit_reads.stream(conn))
    assert [(row.told.chain, row.told.seq) for row in rows] == [(0, 1), (1, 1), (1, 2), (2, 1)]
    for row in rows:
        assert sha256(bytes.fromhex(row.prev_hash) + row.hashed.encode()).hexdigest() == row.hash
        chain, seq, _at, actor, *_ = json.loads(row.hashed)
        assert (chain, seq, actor) == (row.told.chain, row.told.seq, row.told.actor)
    assert rows[2].prev_hash == rows[1].hash


def test_an_export_can_be_bounded_in_time_and_to_an_account(engine: Engine) -> None:
    with engine.begin() as conn:
        tell(conn, ONE, TWO)
    with engine.begin() as conn:
        at = {row.chain: row.at for row in audit_reads.listing(conn)}
        assert [row.told.chain for row in audit_reads.stream(conn, account_id=TWO)] == [2]
        assert [row.told.chain for row in audit_reads.stream(conn, since=at[2])] == [2]
        assert [row.told.chain for row in audit_reads.stream(conn, until=at[2])] == [1]


def aged(owner: Engine, days: list[float]) -> None:
    """Rows of these ages in chain 1, the oldest first, as if they had been told then."""
    nothing = bytes(32)
    now = datetime.now(UTC)
    with owner.begin() as conn:
        prev = nothing
        for seq, age in enumerate(days, start=1):
            at = now - timedelta(days=age)
            conn.execute(text("SELECT audit_partition(:at)"), {"at": at})
            row = {"chain": 1, "seq": seq, "at": at, "actor": "os:ana", "event": "old"}
            names = ":prev, :chain, :seq, :at, :actor, :event, NULL, NULL, NULL, NULL, '{}'"
            hashed = conn.execute(text(f"SELECT audit_hash({names})"), row | {"prev": prev}).scalar_one()
            conn.execute(insert(audit_table).values(**row, prev_hash=prev, hash=hashed))
            prev = hashed
        head = {"chain": 1, "seq": len(days), "at": at, "hash": prev, "base_hash": nothing}
        conn.execute(insert(audit_heads).values(**head))


def ages(engine: Engine) -> list[int]:
    with engine.begin() as conn:
        now = datetime.now(UTC)
        return [round((now - at).total_seconds() / 86400) for at in conn.execute(select(audit_table.c.at)).scalars()]


def test_rows_live_for_90_days_and_are_gone_by_97(engine: Engine, owner: Engine) -> None:
    every_day = [float(age) for age in range(120, -1, -1)]
    aged(owner, every_day)
    with engine.begin() as conn:
        dropped = audit.keep(conn)
    assert dropped
    left = ages(engine)
    assert set(range(91)) <= set(left)
    assert max(left) <= 96
    assert verified(engine).problems == ()


def test_the_chain_goes_on_after_its_beginning_was_dropped(engine: Engine, owner: Engine) -> None:
    aged(owner, [110, 100, 50, 1])
    anchors = verified(owner).heads
    with engine.begin() as conn:
        audit.keep(conn)
        tell(conn, ONE)
    found = verified(engine, anchors)
    assert (found.rows, found.problems) == (3, ())
    tamper(owner, "DELETE FROM audit WHERE seq = 3")
    assert verified(engine).problems != ()


def test_a_chain_of_which_all_was_dropped_goes_on_from_its_head(engine: Engine, owner: Engine) -> None:
    aged(owner, [110, 100])
    with engine.begin() as conn:
        audit.keep(conn)
    assert (verified(engine).rows, verified(engine).problems) == (0, ())
    with engine.begin() as conn:
        tell(conn, ONE)
    assert (verified(engine).rows, verified(engine).problems) == (1, ())


def test_nothing_under_90_days_can_be_dropped(engine: Engine) -> None:
    with engine.connect() as conn, pytest.raises(IntegrityError, match="kept for 90 days"):
        conn.execute(text("SELECT audit_drop_before(clock_timestamp() - interval '89 days 23 hours')"))
    with engine.connect() as conn, pytest.raises(IntegrityError, match="kept for 90 days"):
        conn.execute(text("SELECT audit_drop_before(NULL)"))


def test_the_days_ahead_have_their_partitions(engine: Engine) -> None:
    with engine.begin() as conn:
        audit.keep(conn)
        parts = conn.execute(text("SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit'::regclass"))
        assert parts.scalar_one() == 3


def test_a_clock_that_goes_back_does_not_turn_the_chain_round(engine: Engine, owner: Engine) -> None:
    aged(owner, [1, -1])  # the last row was told by a clock that ran a day ahead
    with engine.begin() as conn:
        tell(conn, ONE)
        at = conn.execute(select(audit_table.c.at).order_by(audit_table.c.seq)).scalars().all()
    assert at == sorted(at)
    assert verified(engine).problems == ()


def test_the_owner_can_move_a_head_only_along_its_rows(engine: Engine, owner: Engine) -> None:
    with engine.begin() as conn:
        tell(conn, ONE, ONE)
    for change in ("seq = 1", "hash = sha256('x')", "seq = 9", "base_seq = 1", "base_seq = 1, base_hash = hash"):
        with owner.connect() as conn, pytest.raises(IntegrityError, match="only follows"):
            conn.execute(text(f"UPDATE audit_heads SET {change}"))


def test_events_of_an_action_are_read_from_the_audit(conn: Connection) -> None:
    line = audit.Line(
        actor="e", event="sent", action_id=ActionId(7), before=ActionState.APPROVED, after=ActionState.SENT, epoch=2
    )
    audit.append(conn, ONE, [line])
    (row,) = audit_reads.listing(conn)
    assert (row.action_id, row.before_state, row.after_state, row.epoch) == (7, "approved", "sent", 2)


def test_what_people_set_is_told_with_what_it_was_before(conn: Connection) -> None:
    info = AccountInfo(
        id=PlatformAccountId("act_1"), name="Shop", currency="USD", zone="UTC", is_active=True, status_text="",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    shop = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.OBSERVE, actor="os:ana")
    accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
    accounts.change(conn, shop, actor="os:ana", level=Level.AUTO, is_paused=False, countries=("ES",))
    accounts.change(conn, shop, actor="collector", tree_read_at=datetime(2026, 3, 1, tzinfo=UTC))
    policies.save(conn, shop, "classic", {"roas_low": 1.0}, "os:ana")
    policies.save(conn, shop, "classic", {"roas_low": 1.0}, "os:ana")
    module_states.set_desired(conn, ["meta.full_cycle"], Desired.STOPPED, reason="drill", changed_by="os:ana")
    rows = sorted(audit_reads.listing(conn), key=lambda row: (row.chain, row.seq))
    assert [(row.event, row.actor) for row in rows] == [
        ("module.stopped", "os:ana"),
        ("account.opened", "os:ana"),
        ("account.changed", "os:ana"),
        ("policy.set", "os:ana"),
    ]
    assert rows[2].detail == {
        "before": {"countries": [], "level": "observe"},
        "after": {"countries": ["ES"], "level": "auto"},
    }
    assert rows[3].detail["after"] == {"name": "classic", "body": {"roas_low": 1.0}}


def test_a_mark_is_told_once_as_it_is_put_and_once_as_it_is_lifted(conn: Connection) -> None:
    info = AccountInfo(
        id=PlatformAccountId("act_1"), name="Shop", currency="USD", zone="UTC", is_active=True, status_text="",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    shop = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.OBSERVE)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    campaign = Campaign(
        id=CampaignId("11"), name="Summer", status=Status.ACTIVE, effective_status="ACTIVE", created_at=at,
        updated_at=at, daily_budget_minor=5000, lifetime_budget_minor=None, objective="SALES",
    )  # fmt: skip
    mirror.upsert_campaigns(conn, shop, [[campaign]], at)
    for _ in range(2):
        marks.put(conn, shop, ObjectKind.CAMPAIGN, "11", reason="the founder's", set_by="os:ana")
    for _ in range(2):
        marks.lift(conn, shop, ObjectKind.CAMPAIGN, "11", lifted_by="os:leo")
    rows = audit_reads.listing(conn, event="mark")
    assert [(row.event, row.actor) for row in rows] == [("mark.lifted", "os:leo"), ("mark.put", "os:ana")]
