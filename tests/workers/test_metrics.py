"""The page for Prometheus: what it shows is what the rows say, cheaply, and it never guesses what it cannot read."""

import threading
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, func, insert, select, text, update

from actions import resume
from domain.actions import ActionState, Level, Mode
from domain.health import RunState
from models import metric_reads, runs
from models.engine import make_engine
from models.metric_reads import QUESTIONS, TALLIED, Asked, Sample
from models.tables import accounts, actions, call_counts
from tests.actions.fake_platform import NOW
from tests.actions.stage import ADMIN, Stage, budget, set_stage
from workers.bootstrap import House
from workers.metric_names import BY_NAME
from workers.metrics import Collector, Source, collector_of, page, serve

ASKED = Asked(cap_minor=500_000, cap_currency="USD", cycles=["meta.full_cycle"], decay_s=300.0, hourly_decay_s=3600.0)
GROWING = ("actions", "runs", "audit", "audit_p", "insights_daily", "run_logs")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def stage(engine: Engine) -> Stage:
    return set_stage(engine)


def _values(engine: Engine, metric: str) -> dict[tuple[str, ...], float]:
    with engine.begin() as conn:
        return {row.labels: row.value for row in metric_reads.read(conn, ASKED) if row.metric == metric}


def _value(engine: Engine, metric: str) -> float:
    (value,) = _values(engine, metric).values()
    return value


def test_every_question_is_about_a_metric_of_the_table_and_gives_its_labels(engine: Engine) -> None:
    params = {name: getattr(ASKED, name) for name in ASKED.__slots__}
    with engine.begin() as conn:
        for metric, question in QUESTIONS.items():
            statement = text(question)
            found = conn.execute(statement, {name: params[name] for name in statement.compile().params})
            assert len(found.keys()) == len(BY_NAME[metric].labels) + 1, metric
    assert set(TALLIED) <= set(BY_NAME)


def test_a_house_in_which_nothing_has_happened_yet_has_a_page(engine: Engine) -> None:
    with engine.begin() as conn:
        shown = {row.metric for row in metric_reads.read(conn, ASKED)}
    assert "ads_audit_chain_ok" in shown
    assert "ads_audit_head_age_seconds" not in shown


def test_no_question_reads_a_growing_table_from_end_to_end(engine: Engine) -> None:
    params = {name: getattr(ASKED, name) for name in ASKED.__slots__}
    statements = {**metric_reads.STATEMENTS, "actions": metric_reads.ACTIONS, "runs": metric_reads.RUNS}
    with engine.begin() as conn:
        conn.execute(text("SET LOCAL enable_seqscan = off"))
        for metric, statement in statements.items():
            wanted = {name: params[name] for name in statement.compile().params}
            plan = [row[0] for row in conn.execute(text(f"EXPLAIN {statement.text}"), wanted)]
            whole = [line for line in plan for table in GROWING if f"Seq Scan on {table} " in line]
            assert not whole, f"{metric}: {plan}"


def test_the_ledger_is_counted_without_touching_its_rows(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(text("SET LOCAL enable_seqscan = off"))
        for statement in (metric_reads.ACTIONS, metric_reads.RUNS):
            plan = [row[0] for row in conn.execute(text(f"EXPLAIN {statement.text}"))]
            assert any("Index Only Scan" in line for line in plan), plan


def test_an_action_is_counted_where_it_stands_and_once_it_has_ended(stage: Stage) -> None:
    action = stage.approve(budget("11"))
    assert _values(stage.engine, "ads_action_state") == {("approved",): 1}
    assert _values(stage.engine, "ads_actions_total") == {}
    assert stage.settle(action) is ActionState.APPLIED
    assert _values(stage.engine, "ads_action_state") == {}
    assert _values(stage.engine, "ads_actions_total") == {("", "set_daily_budget", "applied"): 1}


def test_a_dead_action_is_no_ended_one_since_a_person_may_revive_it(stage: Stage) -> None:
    action = stage.approve(budget("11"))
    with stage.engine.begin() as conn:
        conn.execute(update(actions).where(actions.c.id == action.id).values(state="dead"))
    assert _value(stage.engine, "ads_dead_actions") == 1
    assert _values(stage.engine, "ads_actions_total") == {}


def test_budgets_that_run_and_raises_under_way_stand_beside_the_cap(stage: Stage) -> None:
    key = (str(stage.account_id), "USD")
    assert _values(stage.engine, "ads_cap_minor") == {key: 500_000}
    assert _values(stage.engine, "ads_committed_minor") == {key: 30_000}
    stage.approve(budget("11"))
    assert _values(stage.engine, "ads_reserved_minor")[key] > 0


def test_a_closed_fence_shows_at_every_account_until_it_is_open(stage: Stage) -> None:
    key = (str(stage.account_id),)
    assert _values(stage.engine, "ads_gate_stopped") == {key: 0}
    stop_id = stage.stop()
    assert _values(stage.engine, "ads_gate_stopped") == {key: 1}
    assert {phase for (phase,) in _values(stage.engine, "ads_stop_duration_seconds")} >= {"fenced"}
    resume.apply(stage.engine, stop_id, (), ADMIN, reason="over", clock_of=lambda _: stage.clock)
    assert _values(stage.engine, "ads_gate_stopped") == {key: 0}


def test_a_write_that_took_effect_behind_a_closed_fence_is_counted(stage: Stage) -> None:
    action = stage.approve(budget("11"))
    stage.settle(action)
    stage.stop()
    assert _value(stage.engine, "ads_writes_after_stop_total") == 0
    with stage.engine.begin() as conn:
        conn.execute(update(actions).where(actions.c.id == action.id).values(sent_at=func.clock_timestamp()))
    assert _value(stage.engine, "ads_writes_after_stop_total") == 1


def test_a_cycle_is_counted_by_how_it_ended_with_its_last_success(stage: Stage) -> None:
    with stage.engine.begin() as conn:
        run_id = runs.plan(
            conn, task="meta.full_cycle", account_id=stage.account_id, mode=Mode.STUB, level=Level.AUTO, slot_at=NOW,
            now_at=NOW,
        )  # fmt: skip
        runs.claim(conn, run_id, "worker")
    assert _values(stage.engine, "ads_cycle_open") == {("meta.full_cycle", "running"): 1}
    assert _values(stage.engine, "ads_cycle_last_success_timestamp_seconds") == {}
    with stage.engine.begin() as conn:
        runs.finish(conn, run_id, "worker", state=RunState.SUCCEEDED, stats={})
        now = conn.execute(select(func.clock_timestamp())).scalar_one().timestamp()
    assert _values(stage.engine, "ads_cycle_runs_total") == {("meta.full_cycle", "succeeded"): 1}
    (last,) = _values(stage.engine, "ads_cycle_last_success_timestamp_seconds").values()
    assert now - 60 < last <= now


def test_calls_are_told_by_who_made_them_and_how_they_ended(engine: Engine) -> None:
    with engine.begin() as conn:
        hour = conn.execute(select(func.date_trunc("hour", func.clock_timestamp()))).scalar_one()
        row = {"platform": "meta", "mode": "stub", "account": "act_1", "pair": "meta.full_cycle", "hour_at": hour}
        conn.execute(insert(call_counts).values(**row, calls=10, errors=2, total_ms=5_000, slowest_ms=900))
    assert _values(engine, "ads_api_requests_recent") == {
        ("meta", "stub", "meta.full_cycle", "ok"): 8,
        ("meta", "stub", "meta.full_cycle", "error"): 2,
    }
    assert _value(engine, "ads_api_request_seconds") == 0.5
    assert _value(engine, "ads_api_request_slowest_seconds") == 0.9


def test_the_page_is_what_prometheus_reads_and_says_which_sources_are_away(
    database_url: str, stage: Stage, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("STAKAZO_HOME", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    with House.open() as house:
        server = serve(collector_of(house), address="127.0.0.1", port=0)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=30) as answer:
                families = {row.name: row for row in text_string_to_metric_families(answer.read().decode())}
        finally:
            server.shutdown()
            server.server_close()
    up = {row.labels["source"]: row.value for row in families["ads_source_up"].samples}
    assert up == {"postgres": 1, "redis": 0, "catalogue": 1}
    assert "redis_memory_used_bytes" not in families
    assert families["ads_gate_stopped"].samples[0].value == 0
    assert abs(families["ads_db_clock_skew_seconds"].samples[0].value) < 5
    assert {row.labels["cycle"] for row in families["ads_cycle_interval_seconds"].samples} >= {"meta.full_cycle"}


def test_without_postgres_nothing_of_it_is_shown_as_fine(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("STAKAZO_HOME", str(tmp_path))
    with House.open() as house:
        told = page(collector_of(house))
    assert 'ads_source_up{source="postgres"} 0.0' in told
    assert "ads_gate_stopped" not in told


def test_too_many_accounts_become_one_that_sums_money_and_shows_the_worst() -> None:
    def read() -> Iterator[Sample]:
        for number in range(201):
            account = str(number)
            yield Sample(metric="ads_account_info", labels=(account, "meta", "stub", "shop"), value=1)
            yield Sample(metric="ads_cap_minor", labels=(account, "USD"), value=100)
            yield Sample(metric="ads_gate_stopped", labels=(account,), value=float(number == 7))

    told = page(Collector([Source(name="many", read=read)]))
    assert 'ads_cap_minor{account="all",currency="USD"} 20100.0' in told
    assert 'ads_gate_stopped{account="all"} 1.0' in told
    assert "ads_account_info" not in told


def test_scrapes_do_not_queue_up_behind_one_that_hangs() -> None:
    hangs, may_end = threading.Event(), threading.Event()

    def read() -> Iterator[Sample]:
        hangs.set()
        may_end.wait(30)
        yield Sample(metric="ads_approvals_waiting", labels=(), value=3)

    collector = Collector([Source(name="postgres", read=read)], patience_s=0.01)
    first: list[str] = []
    scrape = threading.Thread(target=lambda: first.append(page(collector)))
    scrape.start()
    assert hangs.wait(10)
    told = page(collector)
    may_end.set()
    scrape.join(10)

    assert 'ads_source_up{source="postgres"} 0.0' in told
    assert "ads_approvals_waiting" not in told
    assert "ads_approvals_waiting 3.0" in first[0]
    assert "ads_approvals_waiting 3.0" in page(collector)


def test_an_account_without_a_cap_in_its_currency_shows_none(stage: Stage) -> None:
    with stage.engine.begin() as conn:
        conn.execute(update(accounts).values(currency="EUR"))
    assert _values(stage.engine, "ads_cap_minor") == {}
