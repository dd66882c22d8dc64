"""Ad studies and budget schedules: their rules, their life, and that nothing of them is lost by a kill."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.stranger import START, Stranger, open_shop

NOW_S = int(datetime.fromisoformat(f"{START}+00:00").timestamp())
DAY_S = 86_400
BUSINESS = "2220000000000001"


def cells(*ids: str, edge: str = "adsets", share: float = 50) -> str:
    return json.dumps([{"name": f"Cell {n}", "treatment_percentage": share, edge: [one]} for n, one in enumerate(ids)])


def study_form(**more: Any) -> dict[str, Any]:
    times = {"start_time": NOW_S, "end_time": NOW_S + 7 * DAY_S}
    return {"name": "Which", "type": "SPLIT_TEST", **times, **more}


@pytest.fixture
def two(stranger: Stranger) -> list[str]:
    """Two new ad sets that are in no study."""
    campaign = stranger.named("campaigns", "Own budgets")
    return [stranger.new_ad_set(campaign, status="PAUSED", name=f"Arm {n}") for n in range(2)]


def start(stranger: Stranger, *ids: str, **more: Any) -> str:
    return str(stranger.post(f"{BUSINESS}/ad_studies", cells=cells(*ids), **study_form(**more))["id"])


def test_a_study_is_made_read_changed_listed_and_cancelled(stranger: Stranger, two: list[str]) -> None:
    made = start(stranger, *two, description="Red or blue")
    shown = stranger.get(made, fields="name,type,description,start_time,end_time,canceled_time")
    assert (shown["name"], shown["type"], shown["description"]) == ("Which", "SPLIT_TEST", "Red or blue")
    rows = stranger.rows(f"{made}/cells", fields="name,treatment_percentage,ad_entities_count")
    assert [(row["name"], row["treatment_percentage"]) for row in rows] == [("Cell 0", 50), ("Cell 1", 50)]
    assert stranger.get(rows[0]["id"], fields="name")["name"] == "Cell 0"
    for edge in (f"{stranger.account}/ad_studies", f"{BUSINESS}/ad_studies"):
        assert made in [row["id"] for row in stranger.rows(edge)]
    assert stranger.post(made, name="That", end_time=NOW_S + 9 * DAY_S) == {"success": True}
    assert stranger.get(made, fields="name,end_time")["name"] == "That"
    assert stranger.delete(made) == {"success": True}
    assert made not in [row["id"] for row in stranger.rows(f"{stranger.account}/ad_studies")]
    assert "canceled_time" in stranger.get(made, fields="canceled_time")
    assert stranger.refused("POST", made, name="Again") == (100, None)


def test_the_fields_asked_of_cells_are_those_that_are_told(stranger: Stranger, two: list[str]) -> None:
    made = start(stranger, *two)
    (first, _) = stranger.get(made, fields="cells{name}")["cells"]["data"]
    assert first.keys() == {"id", "name"}
    stranger.delete(made)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"name": ""}, (100, None)),
        ({"type": "LIFT"}, (100, None)),
        ({"end_time": NOW_S - DAY_S}, (100, 1_487_033)),
        ({"start_time": NOW_S + 9 * DAY_S}, (100, 1_487_033)),
        ({"start_time": ""}, (100, None)),
        ({"cells": "x"}, (100, None)),
        ({"cells": cells("1")}, (100, None)),
        ({"cells": cells("1", "2")}, (100, 33)),
        ({"cells": cells(*["1"] * 151)}, (100, None)),
        ({"cells": json.dumps([{"name": "A", "treatment_percentage": 50, "adsets": [str(n) for n in range(101)]}] * 2)},
         (100, None)),
        ({"colour": "red"}, (100, None)),
    ],
)  # fmt: skip
def test_a_study_that_breaks_a_rule_is_refused(
    stranger: Stranger, two: list[str], more: dict[str, Any], code: tuple[int, int | None]
) -> None:
    before = stranger.effects()
    form = {"cells": cells(*two), **study_form(**more)}
    assert stranger.refused("POST", f"{BUSINESS}/ad_studies", **form) == code
    assert stranger.effects() == before


def test_cells_share_no_more_than_everybody_and_no_object(stranger: Stranger, two: list[str]) -> None:
    edge = f"{BUSINESS}/ad_studies"
    assert stranger.refused("POST", edge, cells=cells(*two, share=60), **study_form()) == (100, None)
    assert stranger.refused("POST", edge, cells=cells(two[0], two[0]), **study_form()) == (100, None)
    campaign = stranger.get(two[0], fields="campaign_id")["campaign_id"]
    mixed = [{"name": "A", "treatment_percentage": 50, "adsets": [two[0]]},
             {"name": "B", "treatment_percentage": 50, "campaigns": [campaign]}]  # fmt: skip
    assert stranger.refused("POST", edge, cells=json.dumps(mixed), **study_form()) == (100, None)


def test_an_object_is_in_one_study_at_a_time(stranger: Stranger, two: list[str]) -> None:
    first = start(stranger, *two)
    edge = f"{BUSINESS}/ad_studies"
    assert stranger.refused("POST", edge, cells=cells(*two), **study_form()) == (100, None)
    later = start(stranger, *two, start_time=NOW_S + 8 * DAY_S, end_time=NOW_S + 9 * DAY_S)
    assert stranger.refused("POST", first, end_time=NOW_S + 9 * DAY_S) == (100, None)
    stranger.delete(first)
    stranger.delete(later)
    assert start(stranger, *two)


def test_a_creative_test_has_an_ad_in_each_cell_and_a_share_of_the_budget(stranger: Stranger, two: list[str]) -> None:
    ads = [stranger.new_ad(two[0], status="PAUSED") for _ in range(2)]
    edge, form = f"{BUSINESS}/ad_studies", study_form(type="SPLIT_TEST_V2")
    config = '{"daily_budget_percentage":20}'
    arms = cells(*ads, edge="ads")
    assert stranger.refused("POST", edge, cells=arms, **form) == (100, None)
    assert stranger.refused("POST", edge, cells=cells(*two), creative_test_config=config, **form) == (100, None)
    late = {"cooldown_start_time": NOW_S + 5}
    assert stranger.refused("POST", edge, cells=arms, creative_test_config=config, **form, **late) == (100, None)
    before = stranger.effects()
    checked = {"execution_options": '["validate_only"]'}
    assert stranger.post(edge, cells=arms, creative_test_config=config, **form, **checked) == {"success": True}
    assert stranger.effects() == before
    made = stranger.post(edge, cells=arms, creative_test_config=config, **form)["id"]
    assert [row["ad_ids"] for row in stranger.rows(f"{made}/cells", fields="ad_ids")] == [[one] for one in ads]


def schedule(**more: Any) -> dict[str, Any]:
    times = {"time_start": NOW_S + DAY_S, "time_end": NOW_S + 2 * DAY_S}
    return {**times, "budget_value": 9_000, "budget_value_type": "ABSOLUTE", **more}


def test_budget_schedules_are_made_read_changed_listed_and_deleted(stranger: Stranger, two: list[str]) -> None:
    edge = f"{two[0]}/budget_schedules"
    later = {"time_start": NOW_S + 3 * DAY_S, "time_end": NOW_S + 4 * DAY_S}
    second = stranger.post(edge, **schedule(budget_value=2, budget_value_type="MULTIPLIER", **later))["id"]
    first = stranger.post(edge, **schedule(recurrence_type="WEEKLY"))["id"]
    rows = stranger.rows(edge, fields="budget_value,budget_value_type,recurrence_type,ad_object_id")
    assert [row["id"] for row in rows] == [first, second]
    assert rows[1] == {"id": second, "budget_value": 2, "budget_value_type": "MULTIPLIER",
                       "recurrence_type": "ONE_TIME", "ad_object_id": two[0]}  # fmt: skip
    assert [row["id"] for row in stranger.rows(edge, time_start=NOW_S + 3 * DAY_S)] == [second]
    assert stranger.post(first, budget_value="12000") == {"success": True}
    assert stranger.get(first, fields="budget_value")["budget_value"] == 12_000
    assert stranger.delete(first) == {"success": True}
    assert stranger.refused("GET", first) == (100, 33)
    assert [row["id"] for row in stranger.rows(edge)] == [second]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"time_end": NOW_S + DAY_S + 3_600}, (100, None)),
        ({"time_start": NOW_S - 2 * DAY_S, "time_end": NOW_S - DAY_S}, (100, 1_487_033)),
        ({"budget_value": 40_001}, (100, None)),
        ({"budget_value": 4_000}, (100, None)),
        ({"budget_value": 9, "budget_value_type": "MULTIPLIER"}, (100, None)),
        ({"budget_value": "much"}, (100, None)),
        ({"budget_value_type": "RELATIVE"}, (100, None)),
        ({"recurrence_type": "DAILY"}, (100, None)),
        ({"recurrence_type": "WEEKLY", "time_end": NOW_S + 9 * DAY_S}, (100, None)),
        ({"time_start": "soon"}, (100, None)),
        ({"time_start": ""}, (100, None)),
    ],
)
def test_a_budget_schedule_that_breaks_a_rule_is_refused(
    stranger: Stranger, two: list[str], more: dict[str, Any], code: tuple[int, int | None]
) -> None:
    before = stranger.effects()
    assert stranger.refused("POST", f"{two[0]}/budget_schedules", **schedule(**more)) == code
    assert stranger.effects() == before


def test_schedules_do_not_overlap_and_are_of_daily_budgets_and_fifty_at_most(
    stranger: Stranger, two: list[str]
) -> None:
    edge = f"{two[0]}/budget_schedules"
    for n in range(50):
        begin = NOW_S + n * 4 * 3_600
        stranger.post(edge, **schedule(time_start=begin, time_end=begin + 3 * 3_600))
    begin = NOW_S + 50 * 4 * 3_600
    assert stranger.refused("POST", edge, **schedule(time_start=begin, time_end=begin + DAY_S)) == (100, None)
    stranger.delete(stranger.rows(edge, limit=100)[-1]["id"])
    assert stranger.refused("POST", edge, **schedule(time_start=NOW_S, time_end=NOW_S + DAY_S)) == (100, None)
    shared = stranger.named("adsets", "North")
    assert stranger.refused("POST", f"{shared}/budget_schedules", **schedule()) == (100, None)


def test_studies_and_schedules_survive_a_kill(tmp_path: Path) -> None:
    with open_shop(tmp_path) as process:
        stranger = Stranger(process)
        arms = [stranger.named("adsets", name) for name in ("Cooks", "Gifts")]
        study = start(stranger, *arms)
        planned = stranger.post(f"{arms[0]}/budget_schedules", **schedule())["id"]
        process.kill()
        process.restart()
        stranger = Stranger(process)
        assert len(stranger.rows(f"{study}/cells")) == 2
        assert [row["id"] for row in stranger.rows(f"{arms[0]}/budget_schedules")] == [planned]
