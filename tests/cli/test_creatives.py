"""`stakazo creatives` as a person uses it: stages with their reasons, sparklines, one document, refusals."""

from datetime import date

import pytest
from sqlalchemy import text

from cli.creatives import sparkline
from domain.evidence import AdStage, Stage
from models import creative_stages
from models.creative_stages import Row
from tests.cli.conftest import NOW


def row(ad, stage, probability, **evidence):
    told = AdStage(
        ad_id=ad, stage=stage, probability=probability, reason="seen too often" if stage is Stage.FATIGUED else "",
        words="click rate at 52 % of its own first week",
        evidence={
            "posterior": {"mean": 0.52, "low": 0.45, "high": 0.61}, "expected_ctr": [0.005, 0.006, 0.007],
            "days_until_fatigue": [0, 0, 0], "horizon_days": 45, **evidence,
        },
    )  # fmt: skip
    return Row(stage=told, since=date(2026, 11, 12), rates=[0.01, 0.01, -1.0, 0.005])


@pytest.fixture
def told(engine, filled):
    with engine.begin() as conn:
        account_id = conn.execute(text("SELECT id FROM accounts")).scalar_one()
        rows = [
            row("771", Stage.FATIGUED, 0.97),
            row("772", Stage.STEADY, 0.02, days_until_fatigue=[18, None, None]),
            row("773", Stage.UNKNOWN, 0.2, needs={"clicks": 31, "days": 9}, days_until_fatigue=[3, 40, None]),
        ]
        creative_stages.replace(conn, account_id, NOW, rows)


def test_the_most_likely_tired_come_first_with_their_figures(on_database, told):
    done = on_database("creatives")
    assert done.code == 0
    lines = [line for line in done.out.splitlines() if line.startswith("77")]
    assert [line.split()[0] for line in lines] == ["771", "773", "772"]
    tired, unsure, steady = lines
    for word in ("fatigued", "97 %", "45-61 %", "██ ▅", "2026-11-12", "0.50-0.70 %", "now", "seen too often"):
        assert word in tired
    assert "needs 31 clicks or 9 d" in unsure
    assert "3-40 d" in unsure
    assert "18 d or more" in steady
    assert "1 steady, 1 fatigued, 1 unknown" in " ".join(done.out.split())


def test_one_stage_can_be_asked_for_and_the_document_has_it_all(on_database, told):
    document = on_database("creatives", "--stage", "fatigued", "--json").document
    (ad,) = document["ads"]
    assert (ad["ad"], ad["stage"], ad["since"]) == ("771", "fatigued", "2026-11-12")
    assert ad["rates"] == [0.01, 0.01, None, 0.005]
    assert document["counts"]["unknown"] == 1


def test_before_the_first_run_it_says_when_stages_come(on_database, filled):
    done = on_database("creatives")
    assert done.code == 0
    assert "once a day" in done.out


def test_an_unknown_stage_is_a_usage_error(on_database, filled):
    done = on_database("creatives", "--stage", "dead")
    assert done.code == 2
    assert "fatigued" in done.err


def test_a_sparkline_is_drawn_from_zero_and_leaves_days_without_impressions_blank():
    assert sparkline((0.0, 0.01, -1.0, 0.02)) == "▁▅ █"
    assert sparkline((0.0, 0.0)) == "▁▁"
    assert sparkline(()) == ""
    assert len(sparkline((0.01,) * 40)) == 14
