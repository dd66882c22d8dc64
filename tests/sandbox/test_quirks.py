"""What differs between versions is a table: flags, ends, and the warning of a version that has ended."""

from datetime import date

import pytest

from sandbox.meta.objects.odax import TABLE, billing_of, destinations_of, goals_of, promoted_keys
from sandbox.meta.protocol.quirks import has_ended, quirks_of, warning
from sandbox.meta.protocol.words import BILLING_EVENTS, DESTINATIONS, GOALS, OBJECTIVES

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("version", "flags", "ended"),
    [
        ("v21.0", (False, False, False, False), True),
        ("v22.0", (False, False, False, False), True),
        ("v23.0", (False, False, True, False), True),
        ("v24.0", (True, True, True, False), True),
        ("v25.0", (True, True, True, True), False),
        ("v26.0", (True, True, True, True), False),
        (None, (True, True, True, True), False),
    ],
)
def test_a_version_has_the_flags_of_its_changelog(version: str | None, flags: tuple[bool, ...], ended: bool) -> None:
    found = quirks_of(version, TODAY)
    told = (found.needs_sharing_flag, found.needs_advantage_flag, found.advantage_by_default, found.run_says_why)
    assert told == flags
    assert (warning(version, TODAY) is not None) is ended


def test_a_version_is_warned_of_from_the_day_it_ends_on_and_names_what_serves_instead() -> None:
    assert warning("v24.0", date(2026, 10, 5)) is None
    text = warning("v24.0", date(2026, 10, 6)) or ""
    assert "v25.0" in text
    assert "v26.0" in text
    assert has_ended("v2.0", TODAY)


def test_automated_campaigns_end_for_every_version_on_one_day() -> None:
    assert not quirks_of("v24.0", date(2026, 5, 18)).refuses_automated_campaigns
    assert quirks_of("v24.0", date(2026, 5, 19)).refuses_automated_campaigns
    assert quirks_of("v25.0", date(2026, 3, 1)).refuses_automated_campaigns


def test_the_table_of_goals_speaks_only_known_words_and_covers_every_objective() -> None:
    assert {row.objective for row in TABLE} == OBJECTIVES
    for row in TABLE:
        assert row.goals <= GOALS
        assert row.page_goals <= row.goals
        assert row.destinations <= DESTINATIONS
        for goal in row.goals:
            assert "IMPRESSIONS" in billing_of(goal, "AUCTION") <= BILLING_EVENTS
            assert billing_of(goal, "RESERVED") == {"IMPRESSIONS"}
    for objective in OBJECTIVES:
        assert goals_of(objective, None) == {g for d in destinations_of(objective) for g in goals_of(objective, d)}


@pytest.mark.parametrize(
    ("objective", "destination", "goal", "keys"),
    [
        ("OUTCOME_SALES", None, "OFFSITE_CONVERSIONS", ("pixel_id", "custom_event_type")),
        ("OUTCOME_SALES", "WEBSITE", "LINK_CLICKS", ()),
        ("OUTCOME_LEADS", "ON_AD", "LEAD_GENERATION", ("page_id",)),
        ("OUTCOME_AWARENESS", None, "REACH", ("page_id",)),
        ("OUTCOME_TRAFFIC", None, "LINK_CLICKS", ()),
        ("OUTCOME_TRAFFIC", "MESSENGER", "LINK_CLICKS", ("page_id",)),
        ("OUTCOME_APP_PROMOTION", None, "APP_INSTALLS", ("application_id", "object_store_url")),
    ],
)
def test_a_goal_says_what_must_be_promoted(
    objective: str, destination: str | None, goal: str, keys: tuple[str, ...]
) -> None:
    assert promoted_keys(objective, destination, goal) == keys
