"""The engine: whatever form the url has, psycopg connects, in UTC and with bounded patience."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from models.engine import db_now, make_engine


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg"])
def test_every_usual_form_of_the_url_connects(database_url: str, scheme: str) -> None:
    engine = make_engine(scheme + database_url[database_url.index("://") :], application_name="a test")
    with engine.connect() as conn:
        assert conn.execute(text("SHOW application_name")).scalar_one() == "a test"
        assert conn.execute(text("SHOW timezone")).scalar_one() == "UTC"
        assert conn.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one() == "1min"
    engine.dispose()


def test_postgres_notices_within_half_a_minute_that_a_machine_with_a_lock_is_gone(database_url: str) -> None:
    engine = make_engine(database_url)
    with engine.connect() as conn:
        shown = [int(conn.execute(text(f"SHOW tcp_keepalives_{name}")).scalar_one()) for name in
                 ("idle", "interval", "count")]  # fmt: skip
    engine.dispose()
    idle_s, interval_s, count = shown
    assert 0 < idle_s + interval_s * count <= 30


def test_asyncpgs_ssl_option_is_understood() -> None:
    engine = make_engine("postgresql+asyncpg://someone@127.0.0.1:1/db?ssl=require")
    assert dict(engine.url.query) == {"sslmode": "require"}


def test_a_password_is_not_shown_by_the_engine() -> None:
    assert "hunter2" not in repr(make_engine("postgresql://someone:hunter2@127.0.0.1:1/db"))


def test_postgres_clock_is_aware_and_moves_within_a_transaction(database_url: str) -> None:
    engine = make_engine(database_url)
    with engine.begin() as conn:
        first, second = db_now(conn), db_now(conn)
    engine.dispose()
    assert first.utcoffset() == timedelta(0)
    assert second > first
