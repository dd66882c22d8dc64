"""A twin of a report, imported by the command, served by a real sandbox, rehearsed on and advanced by the command."""

import json
from pathlib import Path

import pytest

from domain.actions import Level, Mode
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, ledger_reads, policies, run_history
from sandbox import process
from workers.bootstrap import House
from workers.machine import open_stub_accounts

_HEADERS = (
    *("Day", "Campaign name", "Ad set name", "Ad name", "Impressions", "Link clicks", "Clicks (all)"),
    *("Amount spent (EUR)", "Purchases", "Purchases conversion value"),
)
REPORT = f"""\
{",".join(_HEADERS)}
2026-11-01,Summer,Women,Video A,12000,150,180,60.50,6,240.00
2026-11-02,Summer,Women,Video A,11000,140,170,58.10,5,200.00
2026-11-01,Summer,Women,=cmd|x,9000,60,80,44.00,1,40.00
2026-11-02,Summer,Women,=cmd|x,9500,70,90,46.00,2,80.00
2026-11-01,Summer,Men,Video B,8000,90,100,40.00,3,120.00
2026-11-02,Summer,Men,Video B,8100,80,100,41.00,4,160.00
"""


def account_info(account_id: str, *, currency: str = "EUR", zone: str = "UTC") -> AccountInfo:
    return AccountInfo(
        id=PlatformAccountId(account_id),
        name="an account",
        currency=currency,
        zone=zone,
        is_active=True,
        status_text="active",
        minimum_daily_budget_minor=100,
    )


@pytest.fixture
def report(tmp_path) -> Path:
    path = tmp_path / "report.csv"
    path.write_text(REPORT, encoding="utf-8")
    return path


@pytest.fixture
def twin(stakazo, report) -> dict:
    done = stakazo("sandbox", "import", str(report), "--zone", "Europe/Madrid", "--json")
    assert done.code == 0, done.err
    return done.document


@pytest.fixture
def served(twin):
    with process.start(Path(twin["data"]), speed=1.0) as running:
        yield running


@pytest.fixture
def housed(on_database, engine, twin, served, redis_url):
    """`stakazo` on Postgres, Redis and the twin, whose account is open; no workers."""
    about = twin["account"]
    info = account_info(f"act_{about['id']}", currency=about["currency"], zone=about["timezone"])
    with engine.begin() as conn:
        opened = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
        policies.save(conn, opened, "classic", {}, "test")  # it decides from the first reading on
    return lambda *words: on_database(*words, env={"REDIS_URL": redis_url})


def test_a_report_becomes_the_world_of_the_next_start(twin):
    assert twin["counts"] == {"campaigns": 1, "ad_sets": 2, "ads": 3, "ad_days": 6}
    assert twin["account"]["timezone"] == "Europe/Madrid"
    assert {line["how"] for line in twin["fit_report"]["lines"]} == {"read", "fitted", "assumed"}
    assert Path(twin["scenario"]).exists()


def test_what_was_fitted_and_assumed_is_a_table(stakazo, report, tmp_path):
    done = stakazo("sandbox", "import", str(report), "--out", str(tmp_path / "twin.json"))
    assert done.code == 0
    assert "assumed" in done.out
    assert "fitted" in done.out
    assert json.loads((tmp_path / "twin.json").read_text())["accounts"][0]["currency"] == "EUR"
    assert not (tmp_path / "home").exists()


def test_a_world_that_is_there_is_kept_unless_it_is_to_be_replaced(stakazo, report, twin):
    refused = stakazo("sandbox", "import", str(report))
    assert refused.code == 2
    assert "--replace" in refused.err
    replaced = stakazo("sandbox", "import", str(report), "--replace", "--json").document
    assert (Path(replaced["replaced"]) / "credentials.json").exists()


def test_a_malformed_row_is_told_with_its_line_and_nothing_is_imported(stakazo, report, tmp_path):
    report.write_text(REPORT.replace("11000,140", "11000,many").replace("44.00", "-44"), encoding="utf-8")
    done = stakazo("sandbox", "import", str(report))
    assert done.code == 2
    assert "line 3" in done.err
    assert "line 4" in done.err
    assert not (tmp_path / "home").exists()


def test_headers_of_another_language_are_mapped(stakazo, report):
    report.write_text(REPORT.replace("Link clicks", "Clics en el enlace"), encoding="utf-8")
    assert stakazo("sandbox", "import", str(report), "--map", "link_clicks=Clics en el enlace").code == 0


@pytest.mark.parametrize("mapping", ["link_clicks", "klicks=Link clicks"])
def test_a_mapping_that_means_nothing_is_a_usage_error(stakazo, report, mapping):
    assert stakazo("sandbox", "import", str(report), "--map", mapping).code == 2


def test_a_sandbox_that_runs_is_not_replaced(stakazo, report, twin, served):
    done = stakazo("sandbox", "import", str(report), "--replace")
    assert done.code == 1
    assert "runs on" in done.err
    assert Path(twin["data"]).exists()


def test_the_clock_is_moved_on_and_never_back(housed):
    done = housed("sandbox", "advance", "--hours", "5", "--json").document
    assert done["before"][:10] == "2026-11-03"
    assert housed("sandbox", "advance", "--to", "2026-11-05T12:00").code == 0
    back = housed("sandbox", "advance", "--to", "2020-01-01")
    assert back.code == 2
    assert "never goes back" in back.err


def test_accounts_of_a_sandbox_that_was_replaced_are_paused_and_live_ones_left_alone(
    served, engine, database_url, tmp_path, monkeypatch
):
    monkeypatch.setenv("STAKAZO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DATABASE_URL", database_url)
    with engine.begin() as conn:
        for mode in Mode:
            info = account_info("act_1")
            accounts.open_account(conn, platform="meta", info=info, mode=mode, level=Level.AUTO)
    with House.open() as house:
        open_stub_accounts(house)
    with engine.begin() as conn:
        paused = {(row.platform_account_id, row.mode): row.is_paused for row in accounts.listing(conn)}
    own = f"act_{served.account_ids[0]}"
    assert paused == {("act_1", Mode.STUB): True, ("act_1", Mode.LIVE): False, (own, Mode.STUB): False}


@pytest.mark.parametrize("words", [(), ("--hours", "1", "--to", "2027-01-01"), ("--to", "soon")])
def test_an_advance_says_one_distance(housed, words):
    assert housed("sandbox", "advance", *words).code == 2


def test_faults_are_set_shown_and_ended(housed, tmp_path):
    script = tmp_path / "faults.json"
    script.write_text('[{"do": "refuse", "match": {"path": "ads$"}, "times": null}]')
    assert housed("sandbox", "faults", "set", str(script)).code == 0
    assert "for ever" in housed("sandbox", "faults", "list").out
    assert housed("sandbox", "faults", "clear", "--json").document == {"script": []}


@pytest.mark.parametrize("content", ['[{"do": "explode"}]', "{", '{"faults": []}'])
def test_a_script_that_is_none_is_a_usage_error(housed, tmp_path, content):
    script = tmp_path / "faults.json"
    script.write_text(content)
    assert housed("sandbox", "faults", "set", str(script)).code == 2


def test_a_plan_before_any_reading_says_that_nothing_is_known(housed):
    assert "never been read" in housed("plan", "--json").document["declined"]


def test_the_plan_shows_what_a_cycle_would_do_and_leaves_no_trace(housed, engine):
    collected = housed("cycle", "step", "collection", "--json")
    assert collected.document["state"] == "succeeded"
    planned = housed("plan", "--json").document
    assert [(row["kind"], row["state"]) for row in planned["actions"]] == [("set_daily_budget", "approved")]
    assert "It would do" in housed("plan").out
    with engine.begin() as conn:
        assert ledger_reads.listing(conn) == ()
        assert len(run_history.history(conn)) == 1


@pytest.mark.parametrize(
    ("step", "key"), [("decisions", "proposals"), ("api_actions", "actions"), ("finalize", "ads_active")]
)
def test_each_step_is_shown_by_itself(housed, step, key):
    housed("cycle", "step", "collection")
    assert housed("cycle", "step", step, "--json").document[key]
    assert housed("cycle", "step", step).code == 0


def test_a_cycle_that_is_asked_for_without_waiting_is_planned(housed):
    done = housed("cycle", "run", "--no-wait", "--json")
    assert done.code == 0
    assert done.document["status"] == "planned"
    assert housed("cycle", "last", "--json").document["run"]["id"] == done.document["cycle_run_id"]


def test_a_cycle_that_nobody_runs_fails_after_its_time_and_says_where_to_look(housed):
    done = housed("cycle", "run", "--timeout", "1", "--json")
    assert done.code == 1
    assert "cycle log" in done.document["error"]["problems"][0]


def test_a_stopped_module_is_not_asked_to_run(housed):
    housed("modules", "stop", "meta.full_cycle", "--reason", "test")
    done = housed("cycle", "run", "--no-wait")
    assert done.code == 1
    assert "is stopped" in done.err


def test_the_doctor_finds_the_sandbox_its_clock_and_its_token_well(housed):
    findings = housed("doctor", "--json").document["findings"]
    grades = {finding["check"]: finding["grade"] for finding in findings}
    assert (grades["platform's clock"], grades["token"]) == ("ok", "ok")


def test_no_token_is_ever_shown(housed, served):
    shown = "".join(done.out + done.err for done in (housed("doctor", "--json"), housed("status", "--json")))
    assert served.token not in shown
