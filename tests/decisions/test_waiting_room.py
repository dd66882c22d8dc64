"""A plan keeps within what the door's limits leave it: the weightiest goes now, the rest waits and says for what."""

from datetime import timedelta
from typing import Any

import pytest

from actions.guardrails.mass_pause import SLUG as MASS_PAUSE
from decisions.waiting_room import after, fit
from domain.actions import ActionKind, ObjectKind, Priority, Proposal
from domain.leeway import UNKNOWN, Held, Leeway, StopRoom, Turn
from tests.decisions.frames import NOW, ad_set, snapshot

LATER = NOW + timedelta(hours=5)
ROOM = StopRoom(objects=2, spend_share=0.10, alone=0.10)
SEEN = snapshot(
    [ad_set(spend_window=spend, campaign_id=f"c{n}") for n, spend in enumerate((4_000, 5_000, 3_000, 88_000), 1)]
)


def pause(object_id: str, *, gain: float = 0.0, priority: Priority = Priority.ROAS) -> Proposal:
    return Proposal(
        kind=ActionKind.PAUSE, object_kind=ObjectKind.AD_SET, object_id=object_id, object_name="",
        expected_before={"status": "active"}, target={"status": "paused"}, rule="loss_stop", priority=priority,
        reason="it loses", evidence={"expected_gain_minor": gain},
    )  # fmt: skip


def budget(object_id: str, target: int, *, priority: Priority = Priority.ROAS) -> Proposal:
    return Proposal(
        kind=ActionKind.SET_DAILY_BUDGET, object_kind=ObjectKind.AD_SET, object_id=object_id, object_name="",
        expected_before={"daily_budget_minor": 4_000}, target={"daily_budget_minor": target}, rule="allocation",
        priority=priority, reason="it pays", evidence={},
    )  # fmt: skip


def turned(*, is_up: bool, priority: int = Priority.ROAS, window_until: Any = NOW) -> Leeway:
    row = Turn(is_up=is_up, priority=priority, window_until=window_until, until=LATER)
    return Leeway(turned={(ObjectKind.AD_SET, "s1"): row})


def goes(proposals: list[Proposal], leeway: Leeway) -> list[str]:
    return [row.object_id for row in fit(proposals, SEEN, leeway).proposals]


def waits(proposals: list[Proposal], leeway: Leeway) -> dict[str, Any]:
    return {row.object_id: row.evidence["blocked_by"] for row in fit(proposals, SEEN, leeway).waits}


def test_the_day_pauses_what_it_has_room_for_and_the_largest_gain_first() -> None:
    wanted = [pause("s1", gain=1.0), pause("s2", gain=3.0), pause("s3", gain=2.0)]  # 4 %, 5 % and 3 % of the spend
    assert goes(wanted, Leeway(stops=ROOM)) == ["s2", "s3"]
    assert waits(wanted, Leeway(stops=ROOM)) == {"s1": MASS_PAUSE}
    assert goes(wanted[::-1], Leeway(stops=ROOM)) == ["s2", "s3"]


def test_what_no_day_has_room_for_is_asked_of_a_person_once_and_alone() -> None:
    (asked,) = fit([pause("s4")], SEEN, Leeway(stops=ROOM)).proposals
    assert asked.evidence["asks"] == MASS_PAUSE
    assert goes([pause("s4"), pause("s1")], Leeway(stops=ROOM)) == ["s1"]
    waiting = Leeway(stops=ROOM, asked=frozenset({(ActionKind.PAUSE, ObjectKind.AD_SET, "s4")}))
    (told,) = fit([pause("s4")], SEEN, waiting).waits
    assert "a person is asked and has not answered" in told.words


def test_an_urgent_pause_without_room_is_asked_of_a_person_at_once_and_lighter_ones_wait() -> None:
    urgent, light = pause("s4", priority=Priority.NEGATIVE_SPIKE), pause("s3", gain=2.0)
    fitted = fit([light, urgent], SEEN, Leeway(stops=ROOM))
    assert [(row.object_id, row.evidence.get("asks")) for row in fitted.proposals] == [("s4", MASS_PAUSE)]
    assert waits([light, urgent], Leeway(stops=ROOM)) == {"s3": MASS_PAUSE}
    none_left = Leeway(stops=StopRoom(objects=0, spend_share=0.0, alone=0.10))
    small = pause("s1", priority=Priority.NEGATIVE_SPIKE)
    assert goes([small], none_left) == ["s1"]
    assert goes([small, light], Leeway(stops=ROOM)) == ["s1", "s3"]  # where there is room nobody is asked


FORBIDDEN = [
    (Leeway(stops=ROOM, marked=frozenset({(ObjectKind.AD_SET, "s2")})), "never_touch"),
    (Leeway(stops=ROOM, marked=frozenset({(ObjectKind.CAMPAIGN, "c2")})), "never_touch"),
    (Leeway(stops=ROOM, above_marks=frozenset({(ObjectKind.AD_SET, "s2")})), "never_touch"),
    (Leeway(stops=ROOM, refused=frozenset({("pause", "s2", "loss_stop")})), "rejected"),
    (Leeway(stops=ROOM, asked=frozenset({(ActionKind.PAUSE, ObjectKind.AD_SET, "s2")})), MASS_PAUSE),
]


@pytest.mark.parametrize(("leeway", "guard"), FORBIDDEN)
def test_what_a_person_forbade_or_was_asked_about_takes_no_room_from_others(leeway: Leeway, guard: str) -> None:
    wanted = [pause("s1", gain=1.0), pause("s2", gain=3.0), pause("s3", gain=2.0)]
    assert goes(wanted, leeway) == ["s3", "s1"]
    assert waits(wanted, leeway) == {"s2": guard}


def test_a_pause_is_asked_for_though_a_raise_of_the_object_waits_for_an_answer() -> None:
    raise_waits = frozenset({(ActionKind.SET_DAILY_BUDGET, ObjectKind.AD_SET, "s1")})
    assert goes([pause("s1")], Leeway(stops=ROOM, asked=raise_waits)) == ["s1"]
    newer = fit([budget("s1", 4_800), budget("s2", 4_800)], SEEN, Leeway(actions=1, asked=raise_waits))
    assert [row.object_id for row in newer.proposals] == ["s1", "s2"]  # what was asked takes no place of the cycle


def test_budgets_above_a_mark_stay_free() -> None:
    leeway = Leeway(above_marks=frozenset({(ObjectKind.AD_SET, "s1")}))
    assert goes([budget("s1", 4_800)], leeway) == ["s1"]


@pytest.mark.parametrize(
    ("until", "now"), [(LATER, ["s3"]), (NOW + timedelta(days=1), ["s3", "s1"]), (None, ["s3", "s1"])]
)
def test_a_pause_that_waits_for_its_object_keeps_its_room_if_it_may_go_within_the_day(
    until: Any, now: list[str]
) -> None:
    by_hand = {(ObjectKind.AD_SET, "s2"): Held(guard="hands_off", until=until, words="by hand")}
    wanted = [pause("s1", gain=1.0), pause("s2", gain=3.0), pause("s3", gain=2.0)]
    assert goes(wanted, Leeway(stops=ROOM, held=by_hand)) == now


@pytest.mark.parametrize(
    ("leeway", "guard"),
    [
        (Leeway(resting={"s1": LATER}), "cooldown"),
        (turned(is_up=False), "hysteresis"),
        (turned(is_up=True, window_until=LATER), "arbiter_window"),
        (Leeway(held={(ObjectKind.AD_SET, "s1"): Held(guard="hands_off", until=LATER, words="by hand")}), "hands_off"),
        (Leeway(actions=0, next_cycle_at=LATER), "cycle_limit"),
    ],
)  # fmt: skip
def test_it_waits_and_says_for_which_guardrail_and_until_when(leeway: Leeway, guard: str) -> None:
    fitted = fit([budget("s1", 4_800)], SEEN, leeway)
    (told,) = fitted.waits
    assert fitted.proposals == ()
    assert told.verdict == "waits"
    assert told.words.startswith(f"waits: {guard} until 2026-03-10 17:00 UTC")
    assert (told.evidence["blocked_by"], told.evidence["until"]) == (guard, LATER.isoformat())


def test_a_raise_waits_for_room_under_the_cap_for_an_incident_and_for_break_even() -> None:
    assert waits([budget("s1", 4_800)], Leeway(raise_minor=799)) == {"s1": "account_cap"}
    assert goes([budget("s1", 4_800), budget("s2", 4_800)], Leeway(raise_minor=1_000)) == ["s1"]
    assert waits([budget("s1", 4_800)], Leeway(incident="prices doubled")) == {"s1": "incident"}
    assert waits([budget("s1", 4_800)], Leeway(margin=0.5)) == {"s1": "break_even"}
    cut = Leeway(raise_minor=0, incident="prices doubled", margin=0.5)
    assert goes([budget("s1", 3_200)], cut) == ["s1"]


def test_a_pause_waits_for_no_turn_and_no_rest() -> None:
    assert goes([pause("s1")], turned(is_up=True)) == ["s1"]
    assert goes([pause("s1")], Leeway(resting={"s1": LATER})) == ["s1"]


def test_what_weighs_more_than_the_last_change_does_not_wait_for_it() -> None:
    spike = budget("s1", 3_600, priority=Priority.NEGATIVE_SPIKE)
    assert goes([spike], turned(is_up=True, window_until=LATER)) == ["s1"]
    busy = Held(guard="one_open_action", until=None, words="under way", priority=Priority.ROAS)
    assert goes([spike], Leeway(held={(ObjectKind.AD_SET, "s1"): busy})) == ["s1"]
    assert goes([budget("s1", 3_600)], Leeway(held={(ObjectKind.AD_SET, "s1"): busy})) == []


def test_safety_and_people_never_wait() -> None:
    nothing = Leeway(actions=0, stops=StopRoom(objects=0, spend_share=0.0, alone=0.0), resting={"s1": LATER})
    for priority in (Priority.SAFETY, Priority.PERSON):
        assert goes([pause("s1", priority=priority), budget("s2", 4_800, priority=priority)], nothing) != []
        assert waits([pause("s1", priority=priority), budget("s2", 4_800, priority=priority)], nothing) == {}


def test_the_weightiest_take_the_room_of_a_cycle() -> None:
    wanted = [budget("s1", 4_800), budget("s2", 3_600, priority=Priority.NEGATIVE_SPIKE), pause("s3")]
    assert goes(wanted, Leeway(actions=2)) == ["s2", "s3"]


def test_what_is_not_known_holds_nothing_back() -> None:
    wanted = [budget("s1", 4_800), pause("s4")]
    assert sorted(goes(wanted, UNKNOWN)) == ["s1", "s4"]


def test_who_plans_next_finds_what_was_taken_up_busy() -> None:
    left = after(fit([budget("s1", 4_800)], SEEN, Leeway(actions=5, raise_minor=1_000)))
    assert (left.actions, left.raise_minor) == (4, 200)
    assert waits([budget("s1", 3_200)], left) == {"s1": "one_open_action"}
    lighter = fit([budget("s1", 4_400, priority=Priority.POSITIVE_SPIKE)], SEEN, Leeway(actions=5))
    assert waits([budget("s1", 3_200)], after(lighter)) == {"s1": "one_open_action"}  # a cooldown knows no weight
