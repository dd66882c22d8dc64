"""Figures that come as lines are loaded as they are, whole days and hours, and mean the same as rows."""

from datetime import date

import pytest
from sqlalchemy import Connection, text

from domain.insight_pages import InsightPage
from domain.objects import InsightRow
from models import insights
from tests.models.test_insights import NOON, opened

DAYS = InsightPage(lines="11\t22\t33\t2026-03-09\t100\t10\t300\t2\t900\n", rows=1)
HOURS = InsightPage(lines="11\t22\t33\t2026-03-09\t07\t100\t10\t300\t2\t900\n", rows=1, has_hours=True)


def test_lines_and_rows_of_the_same_figures_are_one_row(conn: Connection) -> None:
    mine = opened(conn)
    assert insights.upsert_daily(conn, mine, [DAYS], NOON) == 1
    rows = [InsightRow("11", "22", "33", date(2026, 3, 9), -1, 100, 10, 300, 2, 900)]
    assert insights.upsert_daily(conn, mine, [rows, list(DAYS), DAYS], NOON) == 0
    assert conn.execute(text("SELECT ad_id, revenue_minor FROM insights_daily")).all() == [("11", 900)]


def test_hours_keep_their_hour_and_days_are_not_taken_for_hours(conn: Connection) -> None:
    mine = opened(conn)
    assert insights.upsert_hourly(conn, mine, [HOURS], NOON) == 1
    assert conn.execute(text("SELECT hour FROM insights_hourly")).scalar_one() == 7
    with pytest.raises(ValueError, match="no hour"):
        insights.upsert_hourly(conn, mine, [DAYS], NOON)
