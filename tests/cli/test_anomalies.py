"""`stakazo anomalies` as a person uses it: what is open, one in full, and the evidence for a refund."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from decisions.anomaly_values import Told
from decisions.incident_mode import Incident
from decisions.refunds import AccountHour
from domain.actions import ObjectKind
from domain.evidence import Cause
from models import anomalies
from tests.cli.conftest import NOW

NASTY = "spends 90.00 EUR an hour \x1b[2J instead of 20.00 EUR to 40.00 EUR"


@pytest.fixture
def glitch(engine, filled):
    """Six hours in which the account spent three times as much, at twice the price, with usual hours around them."""
    since = NOW - timedelta(hours=12)
    with engine.begin() as conn:
        account_id = conn.execute(text("SELECT id FROM accounts ORDER BY id LIMIT 1")).scalar_one()
        told = Told(
            object_kind=ObjectKind.AD_SET, object_id="503", metric="spend", is_up=True, cause=Cause.PLATFORM,
            since=since,
            expected=3_000.0, low=2_000.0, high=4_000.0, seen=9_000.0, q_value=1e-6,
            counts={"maturity": 0.15, "seen_lately": 54_000.0, "expected_lately": 18_000.0, "hours_lately": 6.0,
                    "changed": None},
        )  # fmt: skip
        row = anomalies.note(conn, account_id, told, NASTY, upto=since + timedelta(hours=5))
        mode = Incident(
            cause=Cause.PLATFORM, since=since, until=since + timedelta(hours=6), quiet=0, velocity_cap_minor=5_000,
            words="spend of 9 unrelated objects rose: a platform incident",
        )  # fmt: skip
        anomalies.keep_incident(conn, account_id, mode, since)
        for n in range(-10, 12):
            is_in = 0 <= n < 6
            hour = AccountHour(
                at=since + timedelta(hours=n), spend_minor=9_000 if is_in else 3_000, expected_minor=3_000.0,
                low_minor=2_500.0, high_minor=3_500.0, impressions=4_500 if is_in else 3_000, usual_cpm_minor=1_000.0,
            )  # fmt: skip
            anomalies.keep_hour(conn, account_id, hour, 10, 1)
        (incident_id,) = [key for key, _, _ in anomalies.incidents(conn, account_id)]
    return row.id, incident_id


def test_the_list_shows_what_is_open_and_the_incident(on_database, glitch):
    done = on_database("anomalies", "list")
    assert done.code == 0
    assert "503" in done.out
    assert "under way" in done.out
    document = on_database("anomalies", "list", "--open", "--json").document
    assert [row["anomaly"]["metric"] for row in document["anomalies"]] == ["spend"]
    assert document["incidents"][0]["is_under_way"] is True


def test_one_anomaly_is_shown_with_its_evidence_and_without_its_control_characters(on_database, glitch):
    done = on_database("anomalies", "show", str(glitch[0]))
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "30.00 EUR, 90 % between 20.00 EUR and 40.00 EUR" in done.out
    assert "540.00 EUR instead of 180.00 EUR" in done.out
    assert "15 %" in done.out


def test_the_refund_pack_says_what_was_paid_above_what_is_usual(on_database, glitch, tmp_path):
    """6 h x 90.00 - 6 h x 30.00 = 360.00 (6 x 35.00 and 25.00 at the ends); 4,500 impressions usually cost 45.00."""
    done = on_database("anomalies", "refund", str(glitch[1]), "--folder", str(tmp_path / "pack"), "--json")
    assert done.code == 0, done.err
    made = done.document["claim"]
    assert (made["excess_minor"], made["excess_low_minor"], made["excess_high_minor"]) == (36_000, 33_000, 39_000)
    assert made["dearer_minor"] == 6 * (9_000 - 4_500)
    assert (made["cpm_before_minor"], made["cpm_during_minor"], made["cpm_after_minor"]) == (1_000, 2_000, 1_000)
    letter = (tmp_path / "pack" / "claim.md").read_text()
    assert "330.00" in letter
    assert "390.00" in letter
    rows = (tmp_path / "pack" / "hours.csv").read_text().splitlines()
    assert len(rows) == 1 + 10 + 6 + 6
    assert sum(row.split(",")[1] == "1" for row in rows) == 6


@pytest.mark.parametrize("words", [("show", "999"), ("refund", "999", "--folder", "x")])
def test_what_is_not_there_is_refused_with_the_way_out(on_database, filled, words):
    done = on_database("anomalies", *words)
    assert done.code == 2
    assert "stakazo anomalies list" in done.err
