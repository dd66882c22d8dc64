"""Panels and what the ROAS engine keeps: figures in their cells, days of the account's own zone, forecasts by week."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Connection, text

from domain.actions import Level, Mode, ObjectKind
from domain.errors import BadInputError
from domain.evidence import RoasFrame
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo, InsightRow
from domain.panel import MaturityCurve
from estimators.forecast import NO_PACE, forecast
from models import accounts, insights, maturity_curves, panels, roas_estimates
from models.accounts import Account
from models.panels import Reading
from models.roas_estimates import Told

DAY = date(2026, 3, 9)
NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)
READING = Reading(until=DAY, day_share=1 / 6)


def opened(conn: Connection, zone: str = "UTC", number: int = 1) -> Account:
    info = AccountInfo(id=PlatformAccountId(f"act_{number}"), name="A", currency="USD", zone=zone, is_active=True,
                       status_text="", minimum_daily_budget_minor=100)  # fmt: skip
    account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
    return accounts.get(conn, account_id)


def row(ad: str, ad_set: str, campaign: str, back: int, spend: int) -> InsightRow:
    return InsightRow(ad, ad_set, campaign, DAY - timedelta(days=back), -1, 10 * spend, spend, spend, 1, 2 * spend)


def read(conn: Connection, account: Account, rows: list[InsightRow], at: datetime = NOW) -> None:
    insights.upsert_daily(conn, account.id, [rows], at)


ROWS = [
    row("a1", "s1", "c1", 0, 100), row("a1", "s1", "c1", 2, 300), row("a2", "s1", "c1", 0, 50),
    row("b\\1", "s2", "c2", 1, 70), row("z9", "s9", "c2", 40, 999),
]  # fmt: skip


def test_figures_stand_in_the_row_of_their_object_and_the_column_of_their_day(conn: Connection) -> None:
    mine, other = opened(conn), opened(conn, number=2)
    read(conn, mine, ROWS)
    read(conn, other, [row("a1", "s1", "c1", 0, 77)])
    campaigns = panels.load(conn, mine, ObjectKind.CAMPAIGN, days=4, reading=READING)
    sets = panels.load(conn, mine, ObjectKind.AD_SET, days=4, reading=READING, parents=campaigns.object_id)
    ads = panels.load(conn, mine, ObjectKind.AD, days=4, reading=READING, parents=sets.object_id)
    assert list(ads.object_id) == ["a1", "a2", "b\\1"]  # what has no figure in these days is not there
    assert ads.spend_minor.tolist() == [[0, 300, 0, 100], [0, 0, 0, 50], [0, 0, 70, 0]]
    assert ads.parent.tolist() == [0, 0, 1]
    assert sets.spend_minor.tolist() == [[0, 300, 0, 150], [0, 0, 70, 0]]
    assert sets.parent.tolist() == [0, 1]
    assert (sets.purchases.sum(), sets.revenue_minor.sum(), sets.impressions.sum()) == (4, 1_040, 5_200)
    assert campaigns.parent.tolist() == [-1, -1]
    assert (ads.age_days.tolist(), ads.first_day, ads.day_share) == ([4, 3, 2, 1], date(2026, 3, 6), 1 / 6)


def test_a_panel_and_its_parents_are_those_that_are_loaded_apart(conn: Connection) -> None:
    mine = opened(conn)
    read(conn, mine, [*ROWS, row("a0", "s0", "c9", 3, 40)])
    sets, campaigns = panels.load_with_parents(conn, mine, ObjectKind.AD_SET, days=4, reading=READING)
    alone = panels.load(conn, mine, ObjectKind.CAMPAIGN, days=4, reading=READING)
    assert list(campaigns.object_id) == list(alone.object_id) == ["c1", "c2", "c9"]
    assert sets.parent.tolist() == [2, 0, 1]
    assert campaigns.spend_minor.tolist() == alone.spend_minor.tolist()
    assert campaigns.purchases.tolist() == alone.purchases.tolist()
    none = panels.load_with_parents(conn, opened(conn, number=3), ObjectKind.AD, days=4, reading=READING)
    assert [len(one) for one in none] == [0, 0]


def test_an_account_without_figures_has_an_empty_panel(conn: Connection) -> None:
    found = panels.load(conn, opened(conn), ObjectKind.AD, days=28, reading=READING)
    assert len(found) == 0
    assert found.spend_minor.shape == (0, 28)


def test_figures_that_are_not_asked_for_are_zeros_of_no_size(conn: Connection) -> None:
    mine = opened(conn)
    read(conn, mine, ROWS)
    found = panels.load(conn, mine, ObjectKind.AD, days=4, reading=READING, figures=("clicks",))
    assert found.clicks.sum() == 520
    assert found.spend_minor.sum() == 0
    assert found.spend_minor.strides == (0, 0)


def test_what_has_no_panel_and_days_without_number_are_refused(conn: Connection) -> None:
    mine = opened(conn)
    with pytest.raises(BadInputError, match="creative"):
        panels.load(conn, mine, ObjectKind.CREATIVE, days=7, reading=READING)
    with pytest.raises(BadInputError, match="days"):
        panels.load(conn, mine, ObjectKind.AD, days=0, reading=READING)


@pytest.mark.parametrize(
    ("read_at", "until", "share"),
    [
        (datetime(2026, 3, 29, 20, tzinfo=UTC), date(2026, 3, 28), 21 / 23),  # the clock goes forward: 23 hours
        (datetime(2026, 10, 25, 11, tzinfo=UTC), date(2026, 10, 24), 13 / 25),  # and back: 25 hours
        (datetime(2026, 3, 9, 23, tzinfo=UTC), date(2026, 3, 9), 0.0),  # midnight in Madrid
    ],
)
def test_days_end_where_the_account_lives(read_at: datetime, until: date, share: float, conn: Connection) -> None:
    account = replace(opened(conn, "Europe/Madrid"), insights_read_at=read_at)
    found = panels.reading(account, read_at + timedelta(days=1))
    assert found.until == until
    assert found.day_share == pytest.approx(share)


def test_cohorts_tell_what_each_age_added_and_how_old_they_are(conn: Connection) -> None:
    mine = opened(conn)
    for age, purchases in ((0, 2), (1, 3), (2, 3), (4, 7)):
        at = datetime(2026, 3, 5, 23, tzinfo=UTC) + timedelta(days=age)
        read(conn, mine, [InsightRow("a1", "s1", "c1", date(2026, 3, 5), -1, 100, 10, 300, purchases, 500)], at)
    arrived, reached = maturity_curves.cohorts(conn, mine, READING, days=6)
    assert reached.tolist() == [6, 5, 4, 3, 2, 0]
    assert arrived[1].tolist()[:6] == [0, 3, 0, 0, 4, 0]
    assert arrived.sum() == 7


def test_a_curve_is_kept_and_the_assumed_one_stands_in_for_it(conn: Connection) -> None:
    mine = opened(conn)
    assert maturity_curves.current(conn, mine.id).cohorts == 0
    for cohorts in (5.0, 9.0):
        maturity_curves.keep(conn, mine.id, MaturityCurve(share=np.array([0.25, 0.5, 1.0]), cohorts=cohorts), NOW)
    found = maturity_curves.current(conn, mine.id)
    assert (found.share.tolist(), found.cohorts) == ([0.25, 0.5, 1.0], 9.0)


def told(kind: ObjectKind, *ids: str, spend: float = 100.0) -> Told:
    real = np.linspace(1, 2, len(ids))
    frame = RoasFrame(
        kind=kind, object_id=np.array(ids, dtype=object), spend_minor=real * 1e3, purchases=real, maturity=real / 3,
        now=real, log_median=-real, log_sd=real / 7,
    )  # fmt: skip
    spends = np.full(len(ids), spend)
    ahead = forecast(frame, spends, real * 5_000, order_cv2=0.2, pace=NO_PACE)
    return Told(frame=frame, order_value_minor=real * 5_000, ahead=ahead)


def test_what_is_written_is_read_back_and_the_next_run_replaces_it(conn: Connection) -> None:
    mine = opened(conn)
    assert roas_estimates.current(conn, mine.id) is None
    first = {ObjectKind.AD: told(ObjectKind.AD, "a", "b\t\\x", "ñ"), ObjectKind.AD_SET: told(ObjectKind.AD_SET, "s")}
    assert roas_estimates.replace(conn, mine.id, NOW, DAY, first) == 4
    found = roas_estimates.current(conn, mine.id)
    assert found is not None
    assert list(found.frames[ObjectKind.AD].object_id) == ["a", "b\t\\x", "ñ"]
    for name in ("spend_minor", "purchases", "maturity", "now", "log_median", "log_sd"):
        assert getattr(found.frames[ObjectKind.AD], name) == pytest.approx(
            getattr(first[ObjectKind.AD].frame, name), abs=1e-8
        )
    later = NOW + timedelta(days=1)
    roas_estimates.replace(conn, mine.id, later, DAY, {ObjectKind.AD_SET: told(ObjectKind.AD_SET, "t")})
    again = roas_estimates.current(conn, mine.id)
    assert again is not None
    assert again.made_at == later
    assert (len(again.frames[ObjectKind.AD]), list(again.frames[ObjectKind.AD_SET].object_id)) == (0, ["t"])
    assert roas_estimates.of_object(conn, mine.id, "a") is None
    shown = roas_estimates.of_object(conn, mine.id, "t")
    assert shown is not None
    assert (shown.object_kind, shown.ahead_days, shown.ahead_spend_minor) == (ObjectKind.AD_SET, 7, 700.0)


def test_forecasts_are_kept_once_a_week_for_ninety_days_of_what_spends(conn: Connection) -> None:
    mine = opened(conn)
    for back in (100, 95, 91, 90, 84, 80):
        day = DAY - timedelta(days=back)
        some = {ObjectKind.AD: told(ObjectKind.AD, "a"), ObjectKind.AD_SET: told(ObjectKind.AD_SET, "s")}
        roas_estimates.replace(conn, mine.id, NOW, day, some)
    off = {
        ObjectKind.AD_SET: told(ObjectKind.AD_SET, "s", spend=0.0),
        ObjectKind.CAMPAIGN: told(ObjectKind.CAMPAIGN, "c"),
    }
    roas_estimates.replace(conn, mine.id, NOW, DAY, off)
    kept = conn.execute(text("SELECT first_day, object_kind FROM roas_forecasts ORDER BY 1, 2")).all()
    # Made 100, 91 and 84 days ago, a week apart at least; the first of them has gone with the last run.
    assert [tuple(one) for one in kept] == [(DAY - timedelta(days=84), "ad_set"), (DAY, "campaign")]


def test_all_of_it_goes_with_the_account(conn: Connection) -> None:
    mine = opened(conn)
    roas_estimates.replace(conn, mine.id, NOW, DAY, {ObjectKind.AD_SET: told(ObjectKind.AD_SET, "s")})
    maturity_curves.keep(conn, mine.id, MaturityCurve(share=np.ones(2), cohorts=1.0), NOW)
    conn.execute(text("DELETE FROM accounts WHERE id = :id"), {"id": mine.id})
    left = "SELECT (SELECT count(*) FROM roas_estimates) + (SELECT count(*) FROM roas_forecasts)"
    assert conn.execute(text(f"{left} + (SELECT count(*) FROM maturity_curves)")).scalar_one() == 0
