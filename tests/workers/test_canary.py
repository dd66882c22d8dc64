"""The suite's own search for tokens: what it must find, and where it must not look."""

import pytest
from redis import Redis
from sqlalchemy import text

from models.engine import make_engine
from tests import canary

TOKEN = "EAA" + "Canary" + "0123456789"  # in two pieces, so that this file's own source is no hit in a traceback


def test_a_token_in_a_file_is_found_and_its_own_place_is_not_looked_at(tmp_path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "credentials.json").write_text(TOKEN)
    assert list(canary.in_folder(tmp_path)) == []
    log = tmp_path / "logs" / "worker.log"
    log.write_bytes(b"\0" * 5000 + TOKEN.encode())
    assert list(canary.in_folder(tmp_path)) == ["file logs/worker.log"]
    log.unlink()


@pytest.mark.parametrize(
    "value",
    [
        "to_jsonb(CAST(:token AS text))",
        "CAST(:token AS text)",
        "ARRAY[CAST(:token AS text)]",
        "convert_to(:token, 'UTF8')",
    ],
)
def test_a_token_in_a_row_is_found_in_columns_of_any_type(owner_database_url, value) -> None:
    engine = make_engine(owner_database_url)
    with engine.begin() as conn:
        conn.execute(text(f"CREATE TABLE leaky AS SELECT {value} AS anything"), {"token": TOKEN})
    assert list(canary.in_database(owner_database_url)) == ["table leaky"]
    with engine.begin() as conn:
        conn.execute(text("DROP TABLE leaky"))
    assert list(canary.in_database(owner_database_url)) == []
    engine.dispose()


@pytest.mark.parametrize("kind", ["string", "list", "hash", "zset", "set"])
def test_a_token_in_redis_is_found_in_keys_of_any_type(redis_url, kind) -> None:
    with Redis.from_url(redis_url) as client:
        match kind:
            case "string":
                client.set("a", TOKEN)
            case "list":
                client.rpush("a", "x", TOKEN)
            case "hash":
                client.hset("a", "x", TOKEN)
            case "zset":
                client.zadd("a", {TOKEN: 1})
            case _:
                client.sadd("a", TOKEN)
        assert list(canary.in_redis(client)) == ["Redis key b'a'"]
        client.flushall()


def test_the_token_of_a_sandbox_is_one_that_is_found() -> None:
    assert canary.is_in("x" + "EAA" + "b" * 180)
    assert not canary.is_in("EAAGround")
