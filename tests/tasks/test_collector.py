"""The collector brings in what is new, knows how old it is, and reads again what may still change."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from domain import catalogue
from domain.actions import Mode, ObjectKind
from domain.catalogue import RHYTHMS, rhythm
from domain.errors import LostClaimError
from domain.health import RunState
from domain.money import Money
from models import accounts, mirror, run_history
from tasks import collector
from workers.planner import plan_asked
from workers.serve import serve

META = catalogue.platform("meta")
NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


@pytest.fixture
def known(account):
    """The account as it stands after a first collection at 08:30 of the same day."""
    return replace(
        account,
        zone="Europe/Madrid",
        insights_read_at=NOW - timedelta(minutes=30),
        insights_loaded_from=date(2026, 1, 9),
    )


def test_the_first_time_it_reads_as_far_back_as_decisions_look(known):
    new = replace(known, insights_read_at=None, insights_loaded_from=None)

    assert collector.daily_span(new, META, NOW) == collector.Span(since=date(2026, 1, 9), until=date(2026, 3, 10))
    assert collector.hourly_span(new, NOW) == collector.Span(since=date(2026, 3, 2), until=date(2026, 3, 10))


def test_a_platform_with_a_short_memory_is_not_asked_beyond_it(known):
    new = replace(known, insights_read_at=None, insights_loaded_from=None)

    assert collector.daily_span(new, replace(META, history_days=10), NOW).since == date(2026, 2, 28)


def test_within_a_day_it_reads_today_and_yesterday(known):
    assert collector.daily_span(known, META, NOW).since == date(2026, 3, 9)
    assert collector.hourly_span(known, NOW).since == date(2026, 3, 9)


def test_with_a_new_day_of_the_account_it_reads_again_what_may_be_restated(known):
    before_midnight = datetime(2026, 3, 9, 22, 59, tzinfo=UTC)  # 23:59 in Madrid
    after_midnight = datetime(2026, 3, 9, 23, 1, tzinfo=UTC)
    known = replace(known, insights_read_at=before_midnight - timedelta(minutes=30))

    assert collector.daily_span(known, META, before_midnight).since == date(2026, 3, 8)
    assert collector.daily_span(known, META, after_midnight).since == date(2026, 2, 10)  # 28 days before the 10th


def test_after_a_long_silence_nothing_is_left_out(known):
    silent = replace(known, insights_read_at=NOW - timedelta(days=40))

    assert collector.daily_span(silent, META, NOW).since <= date(2026, 1, 29)
    assert collector.hourly_span(silent, NOW).since == date(2026, 3, 2)


def test_a_first_collection_holds_what_the_platform_shows(house, account, platform, do):
    run = do(collector.run, "meta.collector")

    shown = platform.ask("GET", "/health")["accounts"][account.platform_account_id.removeprefix("act_")]
    with house.engine.begin() as conn:
        held = {kind: len(mirror.listing(conn, account.id, kind)) for kind in collector.TREE}
        logs = {log.action: log.output_snapshot for log in run_history.logs(conn, run.id)}
        days = conn.execute(text("SELECT count(DISTINCT day) FROM insights_daily")).scalar()
        account = accounts.get(conn, account.id)
    assert run.state is RunState.SUCCEEDED
    assert sum(held.values()) == sum(shown.values())
    assert held[ObjectKind.AD] == logs["sync_tree"]["ads"]
    assert days > 50
    assert account.tree_read_at == account.insights_read_at == run.now_at
    assert account.insights_loaded_from == date(2026, 1, 9)


def test_a_second_collection_at_the_same_instant_changes_nothing(house, do):
    do(collector.run, "meta.collector")
    again = do(collector.run, "meta.collector")

    with house.engine.begin() as conn:
        logs = {log.action: log.output_snapshot for log in run_history.logs(conn, again.id)}
    assert sum(logs["sync_tree"].values()) == 0
    assert (logs["sync_insights"]["daily_rows"], logs["sync_insights"]["hourly_rows"]) == (0, 0)


def test_a_sandbox_account_in_another_currency_gets_the_settings_figures_in_its_own_money(house, account):
    yen = replace(account, currency="JPY")

    assert account.currency != "USD"
    assert collector.sandbox_caps(account, house.settings) == {
        "max_daily_budget_per_ad_set_minor": Money.parse("500 EUR").minor,
        "max_total_daily_spend_minor": Money.parse("5000 EUR").minor,
        "max_change_without_approval_minor": Money.parse("500 EUR").minor,
    }
    assert collector.sandbox_caps(yen, house.settings)["max_total_daily_spend_minor"] == 5000
    assert collector.sandbox_caps(replace(account, currency="USD"), house.settings) == {}


class _Elsewhere:
    """The house with another reader of figures: after its second page the run is somebody else's."""

    def __init__(self, house, work):
        self._house, self._work, self.is_closed = house, work, False

    def __getattr__(self, name):
        return getattr(self._house, name)

    def client_of(self, _):
        return SimpleNamespace(reader=self)

    def account(self, account):
        return self._house.client("meta", Mode.STUB).reader.account(account)

    def campaigns(self, *_, **__):
        return iter(())

    ad_sets = ads = creatives = campaigns

    def daily_insights(self, *_):
        try:
            yield []
            self._work.owner, self._work._kept_at_s = "another/1/x", -math.inf
            yield []
        finally:
            self.is_closed = True


def test_a_run_that_was_lost_stops_reading_at_once(house, do):
    seen = []

    def body(work):
        work.house = elsewhere = _Elsewhere(house, work)
        with pytest.raises(LostClaimError) as failure:
            collector.collect(work)
        seen.append((elsewhere.is_closed, failure.value is not None))  # its traceback still holds every frame

    do(body, "meta.collector")
    assert seen == [(True, True)]


def test_a_platform_that_is_away_puts_the_run_back(house, account, platform):
    run_id = plan_asked(house, "meta.collector", account, asked_by="test")
    platform.stop()
    served = serve(
        house, run_id, collector.run, rhythm=rhythm("meta.collector"), rhythms=RHYTHMS, owner="test/1/x"
    )  # fmt: skip
    platform.restart()

    assert served.state is RunState.PLANNED
    with house.engine.begin() as conn:
        assert run_history.get(conn, run_id).reason.startswith("TransientError")


def test_the_whole_tree_is_read_at_first_and_every_few_hours(known):
    new = replace(known, tree_read_at=None, tree_full_read_at=None)
    half_hour = replace(known, tree_read_at=NOW - timedelta(minutes=30), tree_full_read_at=NOW - timedelta(hours=3))
    old = replace(half_hour, tree_full_read_at=NOW - collector.FULL_TREE_EVERY)
    turned_back = replace(half_hour, tree_full_read_at=NOW + timedelta(minutes=1))

    assert collector.ads_since(new, NOW) is None
    assert collector.ads_since(half_hour, NOW) == NOW - timedelta(minutes=90)
    assert collector.ads_since(old, NOW) is None
    assert collector.ads_since(turned_back, NOW) is None
    assert collector.ads_since(replace(half_hour, tree_read_at=None), NOW) is None


def test_what_people_change_in_between_is_seen_by_the_next_collection(house, account, do, by_hand):
    """A pause and a new name of an ad, a budget of an ad set, and an ad with a creative that nobody knew."""
    do(collector.run, "meta.collector")
    first = by_hand.ads()[0]
    by_hand.change(first["id"], status="PAUSED", name="Renamed by hand")
    by_hand.change(first["adset_id"], daily_budget="4321")
    made = by_hand.make_ad(first["adset_id"])
    run = do(collector.run, "meta.collector")

    with house.engine.begin() as conn:
        ads = {row.id: row for row in mirror.listing(conn, account.id, ObjectKind.AD)}
        sets = {row.id: row for row in mirror.listing(conn, account.id, ObjectKind.AD_SET)}
        creatives = {row.id for row in mirror.listing(conn, account.id, ObjectKind.CREATIVE)}
        log = next(log for log in run_history.logs(conn, run.id) if log.action == "sync_tree").output_snapshot
    assert (ads[first["id"]].status, ads[first["id"]].name) == ("paused", "Renamed by hand")
    assert sets[first["adset_id"]].daily_budget_minor == 4321
    assert ads[made].creative_id in creatives
    assert (log["ads"], log["gone"]) == (2, 0)


def test_a_deleted_ad_is_noticed_by_the_next_full_collection(house, account, do, by_hand):
    do(collector.run, "meta.collector")
    gone = by_hand.ads()[-1]["id"]
    by_hand.change(gone, status="DELETED")

    def is_held():
        with house.engine.begin() as conn:
            return gone in {row.id for row in mirror.listing(conn, account.id, ObjectKind.AD)}

    run = do(collector.run, "meta.collector")
    assert is_held()
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, tree_full_read_at=run.now_at - collector.FULL_TREE_EVERY)
    do(collector.run, "meta.collector")
    assert not is_held()
