"""`stakazo policy check` and what `policy set` says of rules that would fight."""

import pytest


@pytest.fixture
def by_classic(on_database, filled):
    """Only the raw table has rules of one object that fight; `matured` gives each kind of step to one rule."""
    assert on_database("policy", "set", "classic").code == 0


def test_a_check_shows_who_goes_first_and_on_which_figures(on_database, by_classic):
    done = on_database("policy", "check", "--json")
    assert done.code == 0
    pairs = {(row["winner"], row["loser"]) for row in done.document["overlaps"]}
    assert ("spike_negative: cut", "roas_high: raise") in pairs
    assert all(row["figures"]["spend_window"] > 0 for row in done.document["overlaps"])
    assert done.document["mute"] == []


def test_a_check_of_what_is_not_set_yet_changes_nothing(on_database, by_classic):
    done = on_database("policy", "check", "--set", "spike_min_roas=3.5")
    assert "spike_min_roas=3.5" in done.out
    assert on_database("policy", "show", "--json").document["body"]["spike_min_roas"] == 2.0


def test_setting_a_policy_tells_of_its_overlaps(on_database, filled):
    done = on_database("policy", "set", "classic", "--set", "spike_min_roas=3.5", "--json")
    assert done.document["mute"] == [
        {
            "rule": "spike_positive: raise",
            "why": "loses on all figures on which it fires",
            "because_of": ["spike_min_roas=3.5"],
        }
    ]
    assert "gives way" in on_database("policy", "set", "classic", "--set", "step=0.2").out


def test_a_check_of_nonsense_is_refused_with_the_range(on_database, filled):
    done = on_database("policy", "check", "--set", "step=0.9")
    assert done.code == 2
    assert "step is 0.9" in done.err


def test_the_worst_day_and_the_limit_without_approval_are_set_in_the_accounts_currency(on_database, filled):
    done = on_database(
        "account", "set", "1", "--max-worst-day", "900 EUR", "--max-change-without-approval", "50 EUR", "--json"
    )
    account = done.document["account"]
    assert (account["max_worst_day_minor"], account["max_change_without_approval_minor"]) == (90_000, 5_000)
