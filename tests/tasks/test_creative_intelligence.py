"""Creative intelligence on a real sandbox: collected days become stages on record and findings that `why` shows."""

from domain.evidence import AdStage, Stage
from domain.health import RunState
from models import creative_stages, findings
from models.creative_stages import Row
from tasks import collector, creative_intelligence

TASK = "meta.creative_intelligence"


def test_every_collected_ad_gets_a_stage_and_a_prediction(do, house, account):
    collected = do(collector.run, "meta.collector")
    assert collected.state is RunState.SUCCEEDED, collected.reason
    run = do(creative_intelligence.run, TASK)
    assert run.state is RunState.SUCCEEDED, run.reason
    with house.engine.begin() as conn:
        rows = creative_stages.listing(conn, account.id, None, 1_000)
        counts = creative_stages.counts(conn, account.id)
        told = findings.of_module(conn, account.id, "creative_intelligence", 1_000)
    assert rows
    assert run.stats_snapshot["ads"] == len(rows) == sum(counts.values())
    for row in rows:
        assert 0 <= row.stage.probability <= 1
        if row.stage.stage is not Stage.NEW:
            low, middle, high = row.stage.evidence["expected_ctr"]
            assert 0 <= low <= middle <= high < 1
    assert {finding.finding.verdict for finding in told} <= {"tiring", "fatigued", "rising", "not_decidable"}


def test_without_figures_it_declines_in_words_and_leaves_what_was_told(do, house, account):
    with house.engine.begin() as conn:
        told = AdStage(ad_id="1", stage=Stage.FATIGUED, probability=0.9, reason="", words="", evidence={})
        creative_stages.replace(conn, account.id, account.opened_at, [Row(stage=told, since=None, rates=[])])
    run = do(creative_intelligence.run, TASK)
    assert "ever collected" in run.stats_snapshot["declined"]
    assert run.errors[0]["error"] == "Declined"
    with house.engine.begin() as conn:
        assert creative_stages.current(conn, account.id) == (told,)
