"""Status follows from evidence by one table: never well by default, never worse than what was seen."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_tower import thresholds
from control_tower.evidence import CallFacts, Consumers, Evidence, Known, QueueFacts, QuotaFacts, Sign, Unknown
from control_tower.judging import Standing, judge, module, status_of, system
from domain import catalogue
from domain.catalogue import RHYTHMS, WATCHED
from domain.health import ModuleStatus, SystemStatus
from domain.ids import AccountId, StopId
from domain.ports import ProcessState
from models.module_states import Desired, ModuleState
from tests.control_tower import well
from tests.control_tower.well import CYCLE, NOW, SHOPS, evidence, platform_facts, run_facts, slot_facts, with_runs

PAIR = catalogue.pair(CYCLE)
BUILT = [pair for pair in WATCHED if pair.is_built]
ONLINE, DEGRADED, OFFLINE, UNKNOWN = ModuleStatus
EVERY = PAIR.module.cycles[0].every
# What the table below cannot cut for a module: at stake, not how it is; what people are shown of recovery.
INFORMS = {"at", "business", "recoveries"}
SOURCES = [name for name in Evidence.__dataclass_fields__ if name not in INFORMS]


def status(found: Evidence, pair=PAIR) -> ModuleStatus:
    return module(found, pair).status


def reason(found: Evidence, name: str):
    return next(row for row in module(found, PAIR).reasons if row.name == name)


def test_all_being_well_every_built_module_is_online_and_the_system_healthy():
    modules = judge(evidence(), WATCHED)

    assert {row.pair.slug: row.status for row in modules if row.counts} == dict.fromkeys(
        (pair.slug for pair in BUILT), ONLINE
    )
    assert system(evidence(), modules).status is SystemStatus.HEALTHY
    assert system(evidence(), modules).reasons == ()


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_is_cut_is_never_taken_for_health(source):
    cut = evidence(**{source: Unknown("cut")})
    modules = judge(cut, WATCHED)

    assert system(cut, modules).status is SystemStatus.DEGRADED
    if source != "stops":  # whether everything is stopped is the system's to say, not a module's
        assert {row.status for row in modules if row.counts} == {UNKNOWN}
    assert any("cut" in text for text in system(cut, modules).reasons)


@pytest.mark.parametrize(
    ("source", "figures"),
    [
        (
            "runs",
            ("success_rate", "avg_execution_ms", "error_count_24h", "last_run_at", "last_success_at", "last_error"),
        ),
        ("slots", ("next_run_at", "success_age_intervals", "missed_slots")),
        ("workers", ("memory_mb", "cpu_pct", "db_connections")),
        ("client", ("api_calls_24h", "is_api_healthy")),
        ("platforms", ("is_api_healthy",)),
        ("database", ("is_db_healthy",)),
        ("queues", ("is_scheduler_running",)),
        ("consumers", ("is_scheduler_running",)),
        ("tower", ("is_scheduler_running",)),
        ("beat", ("is_scheduler_running",)),
    ],
)
def test_a_figure_whose_source_is_cut_is_unknown(source, figures):
    whole, cut = module(evidence(), PAIR), module(evidence(**{source: Unknown("cut")}), PAIR)

    assert [getattr(cut, name) for name in figures] == [None] * len(figures)
    known = [name for name in figures if name != "last_error"]
    assert all(getattr(whole, name) is not None for name in known)


def test_a_clock_that_cannot_be_read_makes_its_module_unknown():
    slots = tuple(slot_facts(row, shop, now=Unknown("sandbox down"), view=None) for row in RHYTHMS for shop in SHOPS)

    assert status(evidence(slots=Known(slots))) is UNKNOWN


@given(
    ages=st.lists(st.floats(min_value=0.0, max_value=8.0), min_size=1, max_size=4),
    tried=st.one_of(st.none(), st.floats(min_value=0.0, max_value=8.0)),
    cut=st.sampled_from([None, *SOURCES]),
    rate=st.integers(min_value=0, max_value=20),
)
@settings(max_examples=300, deadline=None)
def test_no_module_is_online_while_a_last_success_is_older_than_one_and_a_half_intervals(ages, tried, cut, rate):
    """I-35, whatever else is so: the worst account rules, and the system is not healthy either."""
    shops = [AccountId(number) for number in range(1, len(ages) + 1)]
    runs = {
        (row.name, shop): run_facts(
            row.name,
            shop,
            age=age * row.cycle.every,
            succeeded=rate,
            failed=20 - rate,
            planned_since_at=None if tried is None or tried > age else NOW - tried * row.cycle.every,
        )
        for row in RHYTHMS
        for shop, age in zip(shops, ages, strict=True)
    }
    slots = tuple(slot_facts(row, shop) for row in RHYTHMS for shop in shops)
    found = evidence(runs=Known(runs), slots=Known(slots))
    if cut is not None:
        found = replace(found, **{cut: Unknown("cut")})
    modules = [row for row in judge(found, WATCHED) if row.counts]

    if max(ages) > 1.5 + 1e-9:
        assert ONLINE not in {row.status for row in modules}
        assert system(found, modules).status is not SystemStatus.HEALTHY
    elif max(ages) < 1.5 - 1e-9 and cut is None and rate == 20:
        assert {row.status for row in modules} == {ONLINE}


@pytest.mark.parametrize(
    ("intervals", "wanted"),
    [(0, ONLINE), (1.5, ONLINE), (1.5001, DEGRADED), (3.0, DEGRADED), (3.0001, OFFLINE), (100, OFFLINE)],
)
def test_the_age_of_the_last_success_has_its_limits(intervals, wanted):
    assert status(with_runs(age=intervals * EVERY)) is wanted


def test_a_module_that_is_planned_again_only_lately_is_catching_up_and_not_offline():
    caught = with_runs(age=20 * EVERY, planned_since_at=NOW - EVERY)
    stuck = with_runs(age=20 * EVERY, planned_since_at=NOW - 1.6 * EVERY)

    assert (status(caught), status(stuck)) == (DEGRADED, OFFLINE)


@pytest.mark.parametrize(
    ("tried", "wanted"), [(None, UNKNOWN), (0.5, UNKNOWN), (1.5, UNKNOWN), (1.6, DEGRADED), (3.1, OFFLINE)]
)
def test_a_module_that_has_never_succeeded_is_unknown_until_its_time_is_over(tried, wanted):
    since = None if tried is None else NOW - tried * EVERY

    assert status(with_runs(last_success_at=None, planned_since_at=since, succeeded=0, last_state="")) is wanted


def _queue(**facts: object) -> Evidence:
    base = evidence()
    return replace(
        base, queues=Known({**base.queues.value, CYCLE: QueueFacts(**{"length": 1, "oldest_s": 1, **facts})})
    )


def _worker(**fields: object) -> Evidence:
    base = evidence()
    return replace(base, workers=Known(tuple(replace(row, **fields) for row in base.workers.value)))


def _client(**fields: object) -> Evidence:
    return evidence(client=Known(replace(evidence().client.value, **fields)))


def _calls(errors: int) -> Evidence:
    return _client(of_pair={CYCLE: CallFacts(calls=10_000, errors=errors)})


def _database(**fields: object) -> Evidence:
    return evidence(database=Known(replace(evidence().database.value, **fields)))


def _broker(**fields: object) -> Evidence:
    return evidence(broker=Known(replace(evidence().broker.value, **fields)))


def _told(**fields: object) -> Evidence:
    return evidence(platforms=Known((platform_facts(**fields),)))


def _missed(count: int) -> Evidence:
    missed = tuple(NOW - number * EVERY for number in range(count, 0, -1))
    slots = tuple(
        replace(row, view=replace(row.view, missed=missed)) if row.account_id == 1 else row
        for row in evidence().slots.value
    )
    return evidence(slots=Known(slots))


# row of the table → how a house looks in which the figure is this; every limit is tried on it and just past it
FIGURES = {
    "success_age": lambda value: with_runs(age=value * EVERY),
    "success_rate": lambda value: with_runs(succeeded=round(value * 10_000), failed=10_000 - round(value * 10_000)),
    "errors_24h": lambda value: with_runs(succeeded=10_000, errors=value / len(SHOPS)),
    "cycle_s": lambda value: with_runs(open_run=7, open_for_s=value),
    "missed_slots": lambda value: _missed(int(value)),
    "queue_age_s": lambda value: _queue(oldest_s=value),
    "queue_length": lambda value: _queue(length=int(value)),
    "worker_silent_s": lambda value: _worker(age_s=value),
    "canary_age_s": lambda value: _worker(canary_age_s=value),
    "busy_canary_age_s": lambda value: _worker(canary_age_s=value, at_work=2),
    "api_error_rate": lambda value: _calls(round(value * 10_000)),
    "api_usage": lambda value: _client(quota={"meta": QuotaFacts(usage=value, breakers=())}),
    "round_trip_ms": lambda value: _told(round_trip_ms=value),
    "db_connections": lambda value: _database(pool_size=10_000, active=round(value * 10_000)),
    "db_query_ms": lambda value: _database(query_avg_ms=value),
    "redis_memory": lambda value: _broker(used_memory_bytes=value * 1_000_000, max_memory_bytes=1_000_000),
    "redis_round_trip_ms": lambda value: _broker(round_trip_ms=value),
    "redis_evicted": lambda value: _broker(evicted_keys=int(value), policy="allkeys-lru"),
    "token_left_s": lambda value: _told(token_left_s=value),
    "version_left_days": lambda value: _told(version_left_days=value),
}
STEPS = {"missed_slots": 1, "queue_length": 1, "redis_evicted": 1, "version_left_days": 1, "errors_24h": 1}
LIMITS = [
    (row, limit, bad)
    for row in (*thresholds.MODULE, *thresholds.HOUSE)
    if row.name in FIGURES
    for limit, bad in ((row.degraded, DEGRADED), (row.offline, OFFLINE))
    if limit is not None
]


@pytest.mark.parametrize(("row", "limit", "bad"), LIMITS, ids=lambda value: getattr(value, "name", str(value)))
def test_a_figure_counts_past_its_limit_and_not_on_it(row, limit, bad):
    step = STEPS.get(row.name, 1e-4 * max(1.0, abs(limit)) if row.unit != "ratio" else 1e-4)
    past = module(FIGURES[row.name](limit - step if row.low else limit + step), PAIR)
    on = module(FIGURES[row.name](limit), PAIR)

    assert {found.name: found.status for found in past.reasons}[row.name] is bad
    assert {found.name: found.status for found in on.reasons}.get(row.name) is not bad


def test_every_limit_of_a_module_is_tried():
    elsewhere = {"tower_silent_s", "beat_silent_s", "facts_age_s"}  # the house's, below

    assert {row.name for row in (*thresholds.MODULE, *thresholds.HOUSE)} == FIGURES.keys() | elsewhere


@pytest.mark.parametrize(("age_s", "wanted"), [(7_200.0, ONLINE), (7_200.5, UNKNOWN)])
def test_what_a_platform_said_over_two_hours_ago_is_not_known_any_more(age_s, wanted):
    assert status(_told(age_s=age_s)) is wanted


@pytest.mark.parametrize(
    ("fields", "wanted"), [({"is_token_valid": False}, OFFLINE), ({"is_token_valid": None}, UNKNOWN)]
)
def test_a_token_that_is_not_valid_takes_its_modules_down(fields, wanted):
    assert status(_told(**fields)) is wanted


@pytest.mark.parametrize("mode_told", ["live"])
def test_what_another_mode_s_platform_said_is_nothing_about_this_one(mode_told):
    assert status(_told(mode=mode_told)) is UNKNOWN


@pytest.mark.parametrize(("silent", "limit_s"), [("tower", 60.0), ("beat", 30.0)])
def test_a_house_whose_tower_or_beat_is_silent_is_not_healthy(silent, limit_s):
    on, past = (evidence(**{silent: Known(Sign(age_s=age_s, detail={}))}) for age_s in (limit_s, limit_s + 0.1))
    never = evidence(**{silent: Known(Sign(age_s=None, detail={}))})

    assert system(on, judge(on, WATCHED)).status is SystemStatus.HEALTHY
    for found in (past, never):
        assert system(found, judge(found, WATCHED)).status is SystemStatus.DEGRADED
        assert status(found) is ONLINE  # the other one plans


@pytest.mark.parametrize("dead", ["tower", "beat"])
def test_a_tower_or_beat_whose_process_is_dead_is_told_before_its_signs_are_old(dead):
    found = evidence(processes=Known({dead: ProcessState.DEAD}))
    house = system(found, judge(found, WATCHED))

    assert (house.status, house.degraded) == (SystemStatus.DEGRADED, 0)
    assert house.reasons[0].startswith(f"the process {dead} is dead")


def test_with_neither_beat_nor_tower_nothing_is_planned_and_modules_are_offline():
    gone = Known(Sign(age_s=900.0, detail={}))
    found = module(evidence(tower=gone, beat=gone), PAIR)

    assert (found.status, found.is_scheduler_running) == (OFFLINE, False)


def _consumed_by(names: frozenset[str], silent: frozenset[str] = frozenset()) -> Evidence:
    base = evidence()
    return replace(
        base, consumers=Known(Consumers(of_queue={**base.consumers.value.of_queue, CYCLE: names}, silent=silent))
    )


def test_a_queue_that_nobody_consumes_is_offline_and_unknown_while_its_worker_only_keeps_silent():
    nobody, silent = _consumed_by(frozenset()), _consumed_by(frozenset(), frozenset({"cycles@a"}))

    assert (status(nobody), module(nobody, PAIR).is_scheduler_running) == (OFFLINE, False)
    assert (status(silent), module(silent, PAIR).is_scheduler_running) == (UNKNOWN, None)


def test_a_silent_worker_of_another_lane_excuses_nobody():
    assert status(_consumed_by(frozenset(), frozenset({"actions@a"}))) is OFFLINE


def test_silence_of_a_worker_whose_process_is_dead_is_no_riddle():
    silent = _consumed_by(frozenset(), frozenset({"cycles@a"}))
    found = replace(silent, processes=Known({"worker-cycles": ProcessState.DEAD}))

    assert (status(silent), status(found)) == (UNKNOWN, OFFLINE)


def test_one_ill_worker_of_two_degrades_and_two_of_two_take_the_module_down():
    def two(ill: int) -> Evidence:
        found = _consumed_by(frozenset({"cycles@a", "cycles@b"}))
        pair = [
            well.worker(name, canary_age_s=500.0 if number < ill else 5.0)
            for number, name in enumerate(("cycles@a", "cycles@b"))
        ]
        rest = [row for row in found.workers.value if row.name != "cycles@a"]
        return replace(found, workers=Known((*pair, *rest)))

    assert [status(two(ill)) for ill in (0, 1, 2)] == [ONLINE, DEGRADED, OFFLINE]


def test_a_worker_that_consumes_without_a_sign_of_life_proves_nothing():
    assert status(_consumed_by(frozenset({"cycles@stranger"}))) is UNKNOWN


def test_a_dead_process_is_seen_before_its_heartbeat_grows_old():
    base = evidence()
    processes = {**base.processes.value, "worker-cycles": ProcessState.DEAD}

    assert status(replace(base, processes=Known(processes))) is OFFLINE


def test_a_failed_last_run_degrades_and_is_quoted():
    found = with_runs(failed=1, errors=1, last_state="failed", last_error="token expired")

    assert status(found) is DEGRADED
    assert "token expired" in reason(found, "last_failed").text


def test_a_rate_says_nothing_of_fewer_than_five_runs_nor_of_fewer_than_twenty_calls():
    few = with_runs(succeeded=0, failed=0, partial=2)  # four of two accounts
    calls = _client(of_pair={CYCLE: CallFacts(calls=19, errors=19)})

    assert (status(few), status(calls)) == (ONLINE, ONLINE)


def test_breakers_that_are_open_degrade():
    assert status(_client(quota={"meta": QuotaFacts(usage=None, breakers=("act_1 read",))})) is DEGRADED


@pytest.mark.parametrize("fields", [{"policy": "allkeys-lru"}, {"last_write_ok": False}])
def test_a_redis_that_may_lose_what_it_holds_degrades(fields):
    assert status(_broker(**fields)) is DEGRADED


def test_planned_pairs_are_listed_and_do_not_count():
    planned = next(pair for pair in WATCHED if not pair.is_built)
    found = module(evidence(), planned)

    assert (found.standing, found.status, found.word, found.counts) == (Standing.PLANNED, None, "planned", False)


def _stopped(pair: str) -> Known:
    state = ModuleState(pair=pair, desired=Desired.STOPPED, reason="price change", changed_by="ana", changed_at=NOW)
    return Known({pair: state})


def test_a_module_that_a_person_stopped_says_so_and_does_not_count_however_stale():
    found = replace(with_runs(age=50 * EVERY), desired=_stopped(CYCLE))
    modules = judge(found, WATCHED)
    mine = next(row for row in modules if row.pair.slug == CYCLE)

    assert (mine.standing, mine.word, mine.stopped_by) == (Standing.STOPPED, "stopped", "stopped by ana: price change")
    assert (mine.status, mine.is_scheduler_running) == (UNKNOWN, False)
    assert system(found, modules).status is SystemStatus.HEALTHY
    assert system(found, modules).stopped == 1


def test_a_paused_account_is_not_waited_for_but_the_others_are():
    base = with_runs(age=timedelta(minutes=5))
    stale = {
        key: replace(row, last_success_at=NOW - 9 * EVERY) if key[1] == SHOPS[0] else row
        for key, row in base.runs.value.items()
    }
    slots = tuple(replace(row, excused="paused") if row.account_id == SHOPS[0] else row for row in base.slots.value)
    one, none = replace(base, runs=Known(stale), slots=Known(slots)), replace(base, runs=Known(stale))

    assert (status(one), status(none)) == (ONLINE, OFFLINE)


def test_with_every_account_paused_or_fenced_a_module_stands_still():
    slots = tuple(replace(row, excused="its fence is closed") for row in evidence().slots.value)
    found = module(evidence(slots=Known(slots)), PAIR)

    assert (found.standing, found.stopped_by) == (Standing.STOPPED, "no account of it may run: its fence is closed")


def test_without_any_account_nothing_is_known_of_a_module():
    assert status(evidence(slots=Known(()), runs=Known({}))) is UNKNOWN


@pytest.mark.parametrize(
    ("offline", "degraded", "wanted"),
    [
        (0, 0, SystemStatus.HEALTHY),
        (0, 2, SystemStatus.HEALTHY),
        (0, 3, SystemStatus.DEGRADED),
        (0, 17, SystemStatus.DEGRADED),
        (1, 0, SystemStatus.CRITICAL),
        (17, 0, SystemStatus.CRITICAL),
    ],
)
def test_the_system_follows_from_the_counts_of_its_modules(offline, degraded, wanted):
    assert status_of(offline=offline, degraded=degraded) is wanted


def test_one_offline_module_makes_the_system_critical_and_names_it():
    found = with_runs(age=10 * EVERY)
    whole = system(found, judge(found, WATCHED))

    assert (whole.status, whole.offline) == (SystemStatus.CRITICAL, 1)
    assert any(text.startswith("meta.full_cycle is offline") for text in whole.reasons)


def test_a_module_that_is_merely_degraded_leaves_the_system_healthy():
    found = _queue(length=101)
    whole = system(found, judge(found, WATCHED))

    assert (whole.status, whole.degraded) == (SystemStatus.HEALTHY, 1)


def _stop(account_id: AccountId | None) -> Known:
    stop = SimpleNamespace(id=StopId(4), account_id=account_id, closed_at=NOW, actor="ana", reason="spend")
    return Known((stop,))


def test_a_stop_of_all_is_an_emergency_and_one_of_an_account_is_not():
    every, one = evidence(stops=_stop(None)), evidence(stops=_stop(SHOPS[0]))

    assert system(every, judge(every, WATCHED)).status is SystemStatus.EMERGENCY_STOP
    assert "by ana: spend" in system(every, judge(every, WATCHED)).reasons[0]
    assert system(one, judge(one, WATCHED)).status is SystemStatus.HEALTHY


def test_a_house_whose_every_account_is_stopped_by_itself_is_as_good_as_stopped():
    stops = [SimpleNamespace(id=StopId(number), account_id=shop) for number, shop in enumerate(SHOPS)]
    found = evidence(stops=Known(tuple(stops)))

    assert system(found, judge(found, WATCHED)).status is SystemStatus.EMERGENCY_STOP


def test_a_cycle_at_another_cadence_is_judged_by_that_cadence():
    slow = [
        replace(row, cycle=replace(row.cycle, every=4 * row.cycle.every)) if row.name == CYCLE else row
        for row in RHYTHMS
    ]
    found = with_runs(age=4 * EVERY)

    assert status(found) is OFFLINE
    assert module(found, PAIR, slow).status is ONLINE


def test_a_cycle_that_the_settings_switch_off_is_stopped_by_them():
    found = module(evidence(), PAIR, [row for row in RHYTHMS if row.name != CYCLE])

    assert found.stopped_by == "switched off in the settings"


def test_figures_are_those_of_the_worker_that_ran_the_module_last():
    found = module(evidence(), PAIR)

    assert (found.worker, found.memory_mb, found.cpu_pct, found.db_connections) == ("cycles@a", 150.0, 7.0, 3)
    assert (found.success_rate, found.avg_execution_ms, found.error_count_24h) == (1.0, 1_500.0, 0)
    assert found.api_calls_24h == 100


def test_keys_thrown_away_before_redis_was_told_to_keep_all_are_history():
    assert status(_broker(evicted_keys=7)) is ONLINE
    assert status(_broker(evicted_keys=7, policy="allkeys-lru")) is OFFLINE
