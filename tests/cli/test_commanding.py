"""What people set: it is written, shown as a difference, and refused with the choices where it cannot be."""

import pytest

from domain.actions import Level, Mode
from models import accounts, module_states, policies


@pytest.fixture
def second(engine, filled):
    """Another account beside the one of `filled`, billed in yen."""
    with engine.begin() as conn:
        first = accounts.listing(conn)[0]
        info = _info(first)
        return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.OBSERVE)


def test_a_cap_is_set_in_the_currency_of_the_account(on_database, filled, engine):
    done = on_database("account", "set", "1", "--max-total-daily-spend", "900 EUR", "--json")
    assert done.code == 0
    assert done.document["changed"]["max_total_daily_spend_minor"] == {"before": None, "after": 90000}
    with engine.begin() as conn:
        assert accounts.listing(conn)[0].max_total_daily_spend_minor == 90000


def test_a_cap_in_another_currency_is_refused_with_the_way_out(on_database, filled, engine):
    done = on_database("account", "set", "act_1001", "--max-daily-budget-per-adset", "500 USD")
    assert done.code == 2
    assert 'such as "500 EUR"' in done.err
    with engine.begin() as conn:
        assert accounts.listing(conn)[0].max_daily_budget_per_ad_set_minor is None


def test_a_cap_is_taken_away_by_none(on_database, filled):
    on_database("account", "set", "1", "--max-total-daily-spend", "900 EUR")
    done = on_database("account", "set", "1", "--max-total-daily-spend", "none", "--json")
    assert done.document["account"]["max_total_daily_spend_minor"] is None


def test_an_account_is_paused_and_resumed_and_its_level_changed(on_database, filled):
    paused = on_database("account", "set", "1", "--paused", "--level", "observe", "--json").document["account"]
    assert (paused["is_paused"], paused["level"]) == (True, "observe")
    resumed = on_database("account", "set", "1001", "--resumed", "--json").document["account"]
    assert (resumed["is_paused"], resumed["level"]) == (False, "observe")


def test_countries_are_two_letters(on_database, filled):
    assert on_database("account", "set", "1", "--countries", "es, pt", "--json").document["account"]["countries"] == [
        "ES",
        "PT",
    ]
    assert on_database("account", "set", "1", "--countries", "Spain").code == 2


def test_setting_nothing_is_a_usage_error(on_database, filled):
    assert on_database("account", "set", "1").code == 2


def test_an_unknown_account_is_refused_with_those_that_are(on_database, filled):
    done = on_database("actions", "list", "--account", "act_77")
    assert done.code == 2
    assert "act_1001" in done.err


def test_with_two_accounts_one_has_to_be_named(on_database, second):
    done = on_database("policy", "show")
    assert done.code == 2
    assert "act_1001" in done.err
    assert "act_2002" in done.err
    assert on_database("policy", "show", "--account", "act_2002").code == 0


def test_a_policy_is_changed_field_by_field_and_the_difference_shown(on_database, filled, engine):
    done = on_database("policy", "set", "classic", "--set", "roas_high=3.5", "--set", "window_days=14", "--json")
    assert done.code == 0
    assert done.document["changed"] == {
        "roas_high": {"before": 3.0, "after": 3.5},
        "window_days": {"before": 7, "after": 14},
    }
    later = on_database("policy", "set", "classic", "--set", "step=0.2", "--json").document
    assert later["body"]["roas_high"] == 3.5
    with engine.begin() as conn:
        name, body = policies.current(conn, accounts.listing(conn)[0].id)
    assert (name, body["roas_high"], body["step"]) == ("classic", 3.5, 0.2)


def test_a_policy_goes_back_to_its_defaults(on_database, filled):
    on_database("policy", "set", "classic", "--set", "roas_high=3.5")
    assert on_database("policy", "set", "classic", "--from-defaults", "--json").document["body"]["roas_high"] == 3.0


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("roas_hihg=3", "roas_high"),  # the fields there are
        ("step=0.9", "0.2 to 0.4"),
        ("step=much", "a number"),
        ("window_days=1e999", "a whole number"),
        ("step", "FIELD=VALUE"),
    ],
)
def test_what_a_policy_does_not_know_is_refused_with_the_choices(on_database, filled, engine, typed, told):
    done = on_database("policy", "set", "classic", "--set", typed)
    assert done.code == 2
    assert told in done.err
    with engine.begin() as conn:
        assert policies.current(conn, accounts.listing(conn)[0].id) is None


def test_an_unknown_policy_is_refused_with_the_choices(on_database, filled):
    done = on_database("policy", "set", "clasic")
    assert done.code == 2
    assert "there are classic" in done.err


def test_a_module_is_stopped_with_a_reason_and_started_again(on_database, engine):
    assert on_database("modules", "stop", "10.11", "--reason", "price\x1b change").code == 0
    with engine.begin() as conn:
        assert module_states.stopped(conn) == {"meta.full_cycle"}
    rows = {row["slug"]: row for row in on_database("modules", "--json").document["modules"]}
    assert rows["meta.full_cycle"]["desired"] == "stopped"
    assert "price" in rows["meta.full_cycle"]["reason"]
    assert on_database("modules", "start", "meta.full_cycle").code == 0
    with engine.begin() as conn:
        assert module_states.stopped(conn) == frozenset()


def test_a_stop_without_a_reason_is_a_usage_error(on_database):
    assert on_database("modules", "stop", "meta.full_cycle").code == 2


def test_a_planned_module_cannot_be_stopped(on_database):
    done = on_database("modules", "stop", "meta.targeting", "--reason", "x")
    assert done.code == 2
    assert "planned" in done.err


def _info(first):
    from domain.objects import AccountInfo

    return AccountInfo(
        id="act_2002",
        name=first.name,
        currency="JPY",
        zone="Asia/Tokyo",
        is_active=True,
        status_text="active",
        minimum_daily_budget_minor=100,
    )
