"""`stakazo metrics`: a page for this machine alone, that says what it could not read and shows no secret."""

import re

from cli.metrics import metrics
from tests.cli.conftest import Run

KEY = "EAACanarymetrics0key0of0a0web0hook"


def test_what_is_away_is_told_in_the_log_of_a_process_that_nobody_watches(on_database: Run) -> None:
    env = {"REDIS_URL": "redis://127.0.0.1:1/0", "ALERT_URLS": f"json://127.0.0.1:9/{KEY}"}
    done = on_database("metrics", "--once", env=env)

    assert done.code == 0
    assert 'ads_source_up{source="redis"} 0.0' in done.out
    assert re.search(r'"source of metrics away".*"warning"|"warning".*"source of metrics away"', done.err), done.err
    assert KEY not in done.out + done.err


def test_it_answers_this_machine_only_unless_somebody_says_otherwise() -> None:
    assert metrics.__defaults__ is not None
    assert "127.0.0.1" in metrics.__defaults__


def test_an_address_that_is_not_ours_is_refused_with_the_way_out(on_database: Run) -> None:
    done = on_database("metrics", "--address", "192.0.2.1", "--port", "0")

    assert done.code == 1
    assert "choose another one with --port or --address" in done.err
