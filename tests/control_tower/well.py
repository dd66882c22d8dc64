"""Evidence in which all is well, as plain values: what tests of judging break one thing at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from control_tower import slots_due
from control_tower.evidence import (
    Business,
    CallFacts,
    ClientFacts,
    Consumers,
    DatabaseFacts,
    Evidence,
    Known,
    PlatformFacts,
    QueueFacts,
    QuotaFacts,
    RunFacts,
    Sign,
    SlotFacts,
    WorkerFacts,
)
from domain import catalogue
from domain.actions import Mode
from domain.catalogue import RHYTHMS
from domain.ids import AccountId
from domain.ports import ProcessState
from tests.control_tower.healthy import WELL

NOW = datetime(2026, 3, 1, 10, 7, tzinfo=UTC)
SHOPS = (AccountId(1), AccountId(2))
CYCLE = "meta.full_cycle"


def run_facts(task: str, account_id: AccountId, *, age: timedelta = timedelta(minutes=5), **fields: object) -> RunFacts:
    """Twenty runs, all well, the last of them `age` ago."""
    at = NOW - age
    values = {
        "succeeded": 20, "total_ms": 30_000, "last_slot": NOW - timedelta(minutes=7), "last_run_at": at,
        "last_state": "succeeded", "last_success_at": at, "worker": "cycles@a",
    }  # fmt: skip
    return RunFacts(task=task, account_id=account_id, **{**values, **fields})


def slot_facts(rhythm, account_id: AccountId, **fields: object) -> SlotFacts:
    """Where a cycle stands whose slots are all claimed."""
    last = slots_due.latest_slot(rhythm.cycle, "UTC", NOW)
    values = {
        "task": rhythm.name, "account_id": account_id, "account": f"Shop {account_id}", "excused": "",
        "now": Known(NOW), "view": slots_due.view(rhythm, "UTC", NOW, last_slot=last),
    }  # fmt: skip
    return SlotFacts(**{**values, **fields})


def worker(name: str, **fields: object) -> WorkerFacts:
    """One that lives and works."""
    values = {
        "name": name, "age_s": 4.0, "canary_age_s": 20.0, "rss_mb": 150.0, "cpu_pct": 7.0, "db_connections": 3,
        "at_work": 0, "concurrency": 2, "child": f"worker-{name.partition('@')[0]}", "version": "0.1.0",
    }  # fmt: skip
    return WorkerFacts(**{**values, **fields})


def evidence(**sources: object) -> Evidence:
    """A house with two accounts; every source can be replaced."""
    lanes = {lane: f"{lane}@a" for lane in catalogue.lanes()}
    queues = {queue: name for lane, name in lanes.items() for queue in catalogue.queues(lane)}
    well = Evidence(
        at=NOW,
        modes=Known({"meta": Mode.STUB}),
        desired=Known({}),
        stops=Known(()),
        runs=Known({(row.name, shop): run_facts(row.name, shop) for row in RHYTHMS for shop in SHOPS}),
        slots=Known(tuple(slot_facts(row, shop) for row in RHYTHMS for shop in SHOPS)),
        queues=Known({queue: QueueFacts(length=0, oldest_s=None) for queue in queues}),
        consumers=Known(Consumers(of_queue={q: frozenset({w}) for q, w in queues.items()}, silent=frozenset())),
        workers=Known(tuple(worker(name) for name in lanes.values())),
        processes=Known({f"worker-{lane}": ProcessState.ALIVE for lane in lanes}),
        database=Known(DatabaseFacts(pool_size=100, active=10, query_avg_ms=1.0)),
        broker=Known(WELL),
        client=Known(
            ClientFacts(
                of_pair={CYCLE: CallFacts(calls=100, errors=0, total_ms=5_000)},
                of_platform={"meta": CallFacts(calls=120, errors=0, total_ms=6_000)},
                quota={"meta": QuotaFacts(usage=0.1, breakers=())},
            )
        ),
        platforms=Known((platform_facts(),)),
        beat=Known(Sign(age_s=20.0, detail={})),
        tower=Known(Sign(age_s=2.0, detail={"leads": True})),
        business=Known({"meta": Business(active_campaigns=3, daily_budget_minor={"USD": 50_000})}),
        recoveries=Known({}),
    )
    return replace(well, **sources)


def platform_facts(**fields: object) -> PlatformFacts:
    """A token that is valid and does not end."""
    values = {
        "platform": "meta", "mode": Mode.STUB, "age_s": 600.0, "round_trip_ms": 30.0, "is_token_valid": True,
        "token_left_s": None, "scopes": ("ads_read",), "version": "v1", "version_left_days": None,
        "version_ends_on": None, "newest_version": "v1", "error": None,
    }  # fmt: skip
    return PlatformFacts(**{**values, **fields})


def with_runs(task: str = CYCLE, **fields: object) -> Evidence:
    """A house in which one cycle of every account ran otherwise."""
    base = evidence()
    changed = {
        (name, shop): run_facts(name, shop, **fields) if name == task else row
        for (name, shop), row in base.runs.value.items()
    }
    return replace(base, runs=Known(changed))
