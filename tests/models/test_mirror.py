"""The mirror: what was read is what is kept, whatever characters it has; what did not change is not touched."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from domain.actions import Level, Mode, ObjectKind
from domain.errors import BadInputError, InvariantError
from domain.ids import AccountId, AdId, AdSetId, CampaignId, CreativeId, PlatformAccountId
from domain.objects import AccountInfo, Ad, AdSet, Campaign, Creative, Learning, Status
from models import accounts, mirror

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=30)
NASTY = 'tab\there "quoted" \\N \\. back\\slash \r\n new line, {brace}, \x1b[31m =cmd() \U0001f600 é'


def opened(conn: Connection, platform_id: str = "act_1") -> AccountId:
    info = AccountInfo(id=PlatformAccountId(platform_id), name="A", currency="USD", zone="UTC", is_active=True,
                       status_text="", minimum_daily_budget_minor=100)  # fmt: skip
    return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def ad(number: int, name: str = "Ad", status: Status = Status.ACTIVE) -> Ad:
    return Ad(id=AdId(f"ad{number}"), ad_set_id=AdSetId("s1"), campaign_id=CampaignId("c1"),
              creative_id=CreativeId("k1") if number % 2 else None, name=name, status=status, effective_status="ACTIVE",
              created_at=NOON - timedelta(days=3), updated_at=NOON - timedelta(days=1))  # fmt: skip


def campaign(budget: int | None = 5_000) -> Campaign:
    return Campaign(id=CampaignId("c1"), name="Campaign", status=Status.ACTIVE, effective_status="ACTIVE",
                    objective="SALES", daily_budget_minor=budget, lifetime_budget_minor=None,
                    created_at=NOON, updated_at=NOON)  # fmt: skip


def ad_set(labels: tuple[str, ...] = ()) -> AdSet:
    return AdSet(id=AdSetId("s1"), campaign_id=CampaignId("c1"), name="Set", status=Status.PAUSED,
                 effective_status="CAMPAIGN_PAUSED", optimization_goal="OFFSITE_CONVERSIONS", daily_budget_minor=None,
                 lifetime_budget_minor=70_000, learning=Learning.LIMITED, labels=labels,
                 created_at=NOON, updated_at=NOON)  # fmt: skip


def creative(body: str | None = None) -> Creative:
    return Creative(id=CreativeId("k1"), name="Creative", title="", body=body, video_id=None, thumbnail_url=None)


def positions(conn: Connection) -> list[tuple[object, ...]]:
    """Where each row lies on disk and who wrote or locked it: any touch changes this."""
    return [tuple(row) for row in conn.execute(text("SELECT id, ctid, xmin, xmax FROM ads ORDER BY id"))]


def test_every_kind_of_object_reads_back_as_it_was_stored(conn: Connection) -> None:
    mine = opened(conn)
    labels = ("ab_test", 'say "hi"', "back\\slash", "a,b {c}", "")
    assert mirror.upsert_campaigns(conn, mine, [[campaign()]], NOON) == 1
    assert mirror.upsert_ad_sets(conn, mine, [[ad_set(labels)]], NOON) == 1
    assert mirror.upsert_ads(conn, mine, [[ad(1)], [], [ad(2)]], NOON) == 2
    assert mirror.upsert_creatives(conn, mine, [[creative(NASTY)]], NOON) == 1
    assert mirror.listing(conn, mine, ObjectKind.CAMPAIGN) == (campaign(),)
    assert mirror.listing(conn, mine, ObjectKind.AD_SET) == (ad_set(labels),)
    assert mirror.listing(conn, mine, ObjectKind.AD) == (ad(1), ad(2))
    assert mirror.listing(conn, mine, ObjectKind.CREATIVE) == (creative(NASTY),)


@pytest.mark.parametrize("name", [NASTY, "\\N", "", " ", "\\", "\n", "\t", "Ünïcödé \u2028 \u200e"])
def test_any_name_survives(conn: Connection, name: str) -> None:
    mine = opened(conn)
    mirror.upsert_ads(conn, mine, [[ad(1, name), ad(2, "plain")]], NOON)
    assert [row.name for row in mirror.listing(conn, mine, ObjectKind.AD)] == [name, "plain"]


def test_what_postgres_cannot_hold_is_left_out_of_a_name(conn: Connection) -> None:
    mine = opened(conn)
    mirror.upsert_ads(conn, mine, [[ad(1, "a\x00b\ud800c")]], NOON)
    assert mirror.listing(conn, mine, ObjectKind.AD)[0].name == "abc"


def test_a_second_reading_writes_only_what_changed(engine: Engine) -> None:
    with engine.begin() as conn:
        mine = opened(conn)
        mirror.upsert_ads(conn, mine, [[ad(number) for number in range(5)]], NOON)
    with engine.begin() as conn:
        before = positions(conn)
        assert mirror.upsert_ads(conn, mine, [[ad(number) for number in range(5)]], LATER) == 0
    with engine.begin() as conn:
        assert positions(conn) == before
        changed = [ad(number, name="New" if number == 3 else "Ad") for number in range(5)]
        assert mirror.upsert_ads(conn, mine, [changed], LATER) == 1
        moved = [old[0] for old, new in zip(before, positions(conn), strict=True) if old != new]
        assert moved == ["ad3"]
        seen = dict(conn.execute(text("SELECT id, seen_at FROM ads")).all())
        assert (seen["ad3"], seen["ad1"]) == (LATER, NOON)


def test_of_an_object_that_paging_showed_twice_the_last_counts(conn: Connection) -> None:
    mine = opened(conn)
    assert mirror.upsert_ads(conn, mine, [[ad(1, "first")], [ad(1, "last")]], NOON) == 1
    assert [row.name for row in mirror.listing(conn, mine, ObjectKind.AD)] == ["last"]


def test_what_a_full_reading_no_longer_shows_is_deleted_in_its_account_alone(engine: Engine) -> None:
    with engine.begin() as conn:
        mine, other = opened(conn), opened(conn, "act_2")
        mirror.upsert_ads(conn, mine, [[ad(1), ad(2)]], NOON)
        mirror.upsert_ads(conn, other, [[ad(1), ad(2)]], NOON)
    with engine.begin() as conn:
        mirror.upsert_ads(conn, mine, [[ad(2)]], LATER)
        assert mirror.forget_unseen(conn, mine, ObjectKind.AD, LATER) == 1
        assert mirror.forget_unseen(conn, mine, ObjectKind.AD, LATER) == 0
    with engine.begin() as conn:
        assert mirror.listing(conn, mine, ObjectKind.AD) == (ad(2),)
        assert mirror.listing(conn, other, ObjectKind.AD) == (ad(1), ad(2))
        mirror.upsert_ads(conn, mine, [[ad(1), ad(2)]], LATER)
        assert mirror.listing(conn, mine, ObjectKind.AD) == (ad(1), ad(2))


def test_pages_that_were_brought_in_one_by_one_are_one_reading(conn: Connection) -> None:
    mine = opened(conn)
    for number in range(3):
        mirror.upsert_ads(conn, mine, [[ad(number)]], NOON)
    assert mirror.forget_unseen(conn, mine, ObjectKind.AD, NOON) == 0


def test_an_empty_reading_means_that_nothing_is_left(conn: Connection) -> None:
    mine = opened(conn)
    mirror.upsert_creatives(conn, mine, [[creative()]], NOON)
    mirror.upsert_creatives(conn, mine, [], LATER)
    assert mirror.forget_unseen(conn, mine, ObjectKind.CREATIVE, LATER) == 1
    assert mirror.listing(conn, mine, ObjectKind.CREATIVE) == ()


def test_without_a_reading_nothing_can_be_said_to_be_gone(engine: Engine) -> None:
    with engine.begin() as conn:
        mine = opened(conn)
        mirror.upsert_ads(conn, mine, [[ad(1)]], NOON)
    with engine.begin() as conn, pytest.raises(InvariantError, match="no reading of ads"):
        mirror.forget_unseen(conn, mine, ObjectKind.AD, LATER)


def test_a_reading_that_breaks_off_leaves_the_mirror_as_it_was(engine: Engine) -> None:
    with engine.begin() as conn:
        mine = opened(conn)
        mirror.upsert_ads(conn, mine, [[ad(1)]], NOON)

    def breaking() -> Iterator[Sequence[Ad]]:
        yield [ad(1, "changed")]
        raise ConnectionError("the platform hung up")

    with pytest.raises(ConnectionError, match="hung up"), engine.begin() as conn:
        mirror.upsert_ads(conn, mine, breaking(), LATER)
    with engine.begin() as conn:
        assert mirror.listing(conn, mine, ObjectKind.AD) == (ad(1),)


def test_a_mark_of_fatigue_survives_readings_and_keeps_its_first_instant(conn: Connection) -> None:
    mine = opened(conn)
    mirror.upsert_ads(conn, mine, [[ad(1)]], NOON)
    assert mirror.mark_fatigued(conn, mine, AdId("ad1"), LATER)
    assert mirror.mark_fatigued(conn, mine, AdId("ad1"), NOON)
    assert mirror.mark_fatigued(conn, mine, AdId("ad1"), LATER)
    mirror.upsert_ads(conn, mine, [[ad(1, "renamed")]], LATER)
    assert conn.execute(text("SELECT name, fatigued_at FROM ads")).all() == [("renamed", NOON)]
    assert not mirror.mark_fatigued(conn, mine, AdId("nobody"), NOON)


def test_a_confirmed_write_is_seen_before_the_next_reading(conn: Connection) -> None:
    mine = opened(conn)
    mirror.upsert_campaigns(conn, mine, [[campaign()]], NOON)
    assert mirror.set_values(conn, mine, ObjectKind.CAMPAIGN, "c1", {"daily_budget_minor": 6_000, "status": "paused"})
    expected = replace(campaign(6_000), status=Status.PAUSED)
    assert mirror.listing(conn, mine, ObjectKind.CAMPAIGN) == (expected,)
    assert not mirror.set_values(conn, mine, ObjectKind.CAMPAIGN, "c2", {"status": "paused"})


@pytest.mark.parametrize(
    ("kind", "values"),
    [(ObjectKind.AD, {"daily_budget_minor": 1}), (ObjectKind.ACCOUNT, {"name": "x"}), (ObjectKind.AD, {"id": "x"})],
)
def test_values_that_the_mirror_does_not_keep_are_refused(
    conn: Connection, kind: ObjectKind, values: dict[str, object]
) -> None:
    with pytest.raises(BadInputError):
        mirror.set_values(conn, opened(conn), kind, "ad1", values)
