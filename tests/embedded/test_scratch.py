import psycopg
from redis import Redis

from embedded.scratch import database_name, quick_place, scratch_database


def run(url, statement):
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_a_scratch_database_is_empty_and_gone_afterwards(postgres_url):
    with scratch_database(postgres_url) as url:
        assert run(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
        name = database_name(url)
    assert run(postgres_url, f"SELECT 1 FROM pg_database WHERE datname = '{name}'") == []


def test_a_copy_of_a_template_has_its_rows_and_leaves_the_template_alone(postgres_url, empty_database_url):
    run(empty_database_url, "CREATE TABLE t AS SELECT 1 AS n")
    with scratch_database(postgres_url, template=database_name(empty_database_url)) as copy:
        run(copy, "INSERT INTO t VALUES (2)")
        assert run(copy, "SELECT n FROM t ORDER BY n") == [(1,), (2,)]
    assert run(empty_database_url, "SELECT n FROM t") == [(1,)]


def test_a_database_somebody_is_still_connected_to_is_dropped_all_the_same(postgres_url):
    with scratch_database(postgres_url) as url:
        lingering = psycopg.connect(url.replace("+psycopg", ""))
    assert run(postgres_url, f"SELECT 1 FROM pg_database WHERE datname = '{database_name(url)}'") == []
    lingering.close()


def test_the_scratch_redis_is_empty_for_each_test(redis_url):
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_the_scratch_redis_is_empty_for_the_next_test_too(redis_url):
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_memory_is_taken_only_where_it_has_room(tmp_path, monkeypatch):
    monkeypatch.delenv("TMPDIR", raising=False)
    assert quick_place(tmp_path, room_bytes=0) == tmp_path
    assert quick_place(tmp_path, room_bytes=1 << 62) is None
    assert quick_place(tmp_path / "missing", room_bytes=0) is None


def test_who_names_a_place_for_temporary_files_is_obeyed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert quick_place(tmp_path, room_bytes=0) is None
