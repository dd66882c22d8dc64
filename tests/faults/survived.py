"""Which fault is survived, and what shows it: a table. `test_survived.py` looks whether everything named is there."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Survived:
    """A fault; what is left of it afterwards; tests (`tests/...py::test_...`) and experiments (`I-n`) that show it."""

    fault: str
    outcome: str
    shown_by: tuple[str, ...]


_OUTAGES = "tests/journeys/test_outages.py::test_"
_TOWER = "tests/journeys/test_tower.py::test_"
_BACK = f"{_TOWER}what_dies_is_told_at_the_next_look_and_all_is_well_again_by_itself"
_UP = "tests/journeys/test_up.py::test_killed_processes_are_restarted_with_a_line_each_and_cycles_go_on"

ROWS = (
    Survived(
        fault="Redis killed",
        outcome="the same workers consume again within seconds; every run is done, each once",
        shown_by=(
            "I-23", "I-2", f"{_OUTAGES}redis_killed_while_a_cycle_reads",
            f"{_OUTAGES}redis_killed_while_a_budget_is_on_its_way", _BACK,
            "tests/workers/test_desired_state.py::test_a_stopped_module_stays_stopped_through_restarts_of_worker_and_redis",
        ),
    ),
    Survived(
        fault="Redis restarted in order", outcome="as when it is killed",
        shown_by=("I-23", "tests/workers/test_switchboard.py::test_the_first_command_after_redis_came_back_is_heard"),
    ),
    Survived(
        fault="Redis flushed", outcome="no run and no action is lost: they are rung for again",
        shown_by=(
            "I-23", "I-2",
            f"{_OUTAGES}messages_lost_from_redis_are_rung_again_by_the_tower_and_the_next_slot_runs",
            "tests/workers/test_redis_outage.py::test_losing_every_message_loses_no_run",
        ),
    ),
    Survived(
        fault="Redis paused", outcome="workers wait and go on; who asks waits once, not again and again",
        shown_by=(
            "I-23", "tests/workers/test_switchboard.py::test_after_a_call_that_hung_nobody_asks_for_three_seconds",
        ),
    ),
    Survived(fault="clients of Redis cut", outcome="connected again, no run twice", shown_by=("I-23",)),
    Survived(
        fault="a wire to Redis dead without a word", outcome="consumed again within 60 s (tried in the long form)",
        shown_by=("I-23",),
    ),
    Survived(
        fault="Postgres stopped at once",
        outcome="no effect twice and the ledger tells what happened; runs are done by another attempt",
        shown_by=(
            "I-3", f"{_OUTAGES}postgres_stopped_while_a_cycle_reads",
            f"{_OUTAGES}postgres_stopped_while_a_budget_is_on_its_way",
            f"{_TOWER}without_postgres_nothing_is_known_and_nothing_is_called_well",
            "tests/control_tower/test_tower.py::test_the_tower_goes_on_after_postgres_was_away",
            "tests/workers/test_sign_of_life.py::test_signs_come_again_after_postgres_was_away",
        ),
    ),
    Survived(
        fault="a worker killed", outcome="restarted; its run is done by another attempt, its send is never repeated",
        shown_by=(
            "I-1", f"{_OUTAGES}the_cycles_worker_killed_while_a_cycle_reads",
            f"{_OUTAGES}the_executor_killed_while_a_budget_is_on_its_way", _UP, _BACK,
            "tests/workers/test_redis_outage.py::test_a_killed_worker_s_run_is_done_by_the_next",
        ),
    ),
    Survived(
        fault="a worker that hangs", outcome="noticed, ended by force, restarted; it writes nothing when it wakes",
        shown_by=(
            "I-20", f"{_TOWER}a_worker_that_hangs_is_restarted_and_recovery_says_that_it_helped",
            "tests/workers/test_processes.py::test_a_process_that_hangs_is_killed_with_its_pool_and_started_again",
        ),
    ),
    Survived(
        fault="a child of a worker's pool killed, hung, or out of memory",
        outcome="another takes its place; its run is tried three times at most", shown_by=("I-22",),
    ),
    Survived(
        fault="beat killed", outcome="restarted; the tower plans meanwhile, and no slot is missed without a word",
        shown_by=(
            "I-19", f"{_OUTAGES}beat_killed_while_a_cycle_reads", _UP, _BACK,
            "tests/control_tower/test_tower.py::test_missed_slots_are_planned_without_beat",
        ),
    ),
    Survived(
        fault="two and five beats with wrong clocks", outcome="every slot is run once",
        shown_by=(
            "I-18", "tests/workers/test_beats_apart.py::test_every_slot_is_run_and_none_twice",
            "tests/workers/test_beats_apart.py::test_a_beat_whose_clock_is_behind_is_not_heard_and_does_no_harm",
        ),
    ),
    Survived(
        fault="the tower killed", outcome="restarted, or another leads; nothing that was ordered is left half done",
        shown_by=(
            "I-21", f"{_OUTAGES}the_tower_killed_while_a_cycle_reads", _UP, _BACK,
            "tests/control_tower/test_tower.py::test_of_two_towers_one_leads_until_it_ends",
            "tests/control_tower/test_tower.py::test_a_leader_whose_session_was_cut_leads_no_more_and_takes_the_lead_again",
        ),
    ),
    Survived(
        fault="the sandbox killed", outcome="its clock never goes back; what was in doubt is read back",
        shown_by=(
            f"{_OUTAGES}the_sandbox_killed_while_a_cycle_reads",
            f"{_OUTAGES}the_sandbox_killed_while_a_budget_is_on_its_way",
        ),
    ),
    Survived(
        fault="the supervisor killed", outcome="its children end with it; the next start works on the same data",
        shown_by=(
            "tests/embedded/test_killed_supervisor.py::test_the_children_of_a_killed_supervisor_end_with_it",
            "tests/journeys/test_up.py::test_an_up_after_a_killed_supervisor_works_and_nothing_is_left_over",
        ),
    ),
    Survived(fault="the API down", outcome="calls stay within the usual, and fade", shown_by=("I-24",)),
)  # fmt: skip
