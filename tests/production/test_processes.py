"""The very commands of docker-compose.yml, run as processes under the roles of Postgres and the users of Redis."""

import shutil

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import func, select

from domain.health import RunState
from models import heartbeats, migrate, roles
from models.engine import make_engine
from models.heartbeats import ProcessKind
from models.tables import runs, stops
from tests.production.place import Deployed, wait_until

LASTING = ("worker-cycles", "worker-actions", "worker-control", "tower", "beat", "flower", "metrics")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    place = Deployed(tmp_path_factory.mktemp("deployed"), speed=1800)
    try:
        place.start("sandbox")
        wait_until(lambda: not place.problem("sandbox"), "the sandbox answers")
        place.run("migrate")
        for name in LASTING:
            place.start(name)
        place.start("tower", copy=2)
        yield place
    finally:
        place.close()


@pytest.fixture(scope="module")
def engine(deployed):
    engine = make_engine(deployed.app_url, pool_size=2)
    yield engine
    engine.dispose()


def test_cycles_run_from_beat_to_the_ledger_and_nobody_lacks_a_right(deployed, engine):
    """What each process asks of Redis it may; what it need not is refused (see test_broker)."""

    def has_run():
        with engine.connect() as conn:
            ended = conn.execute(select(runs.c.task).where(runs.c.state == RunState.SUCCEEDED)).scalars()
            return "meta.full_cycle" in set(ended)

    wait_until(has_run, "a full cycle succeeded")
    looked = deployed.stakazo("status", "--json")
    assert looked.returncode in {0, 1}, looked.stderr
    assert deployed.broker.refused() == []
    assert "permission denied" not in "".join(deployed.log(f"{name}-1") for name in LASTING)


def test_every_health_check_passes(deployed):
    left = set(LASTING)
    problems = {}

    def all_are_well():
        problems.update(deployed.problems(sorted(left)))
        left.difference_update({name for name, problem in problems.items() if not problem})
        return not left

    wait_until(all_are_well, lambda: f"health checks pass: {problems}")


def test_one_tower_leads_and_the_other_waits(deployed, engine):
    def told():
        with engine.connect() as conn:
            return sorted(bool(sign.detail["leads"]) for sign in heartbeats.listing(conn, ProcessKind.TOWER))

    wait_until(lambda: told() == [False, True], lambda: f"one leads: {told()}")


def test_a_person_stops_and_resumes_everything_from_beside_the_tower(deployed, engine):
    """`docker compose exec tower stakazo ...`: workers are told over the broker, under the tower's own user."""
    stopped = deployed.stakazo("emergency-stop", "--reason", "a rehearsal", "--no-send-alerts", "--json")
    assert stopped.returncode == 0, stopped.stderr
    with engine.connect() as conn:
        (row,) = conn.execute(select(stops).where(stops.c.opened_at.is_(None))).all()
    assert sorted(told["worker"].split("@")[0] for told in row.halted) == ["actions", "cycles"]
    assert {told["fate"] for told in row.halted} == {"halted"}

    resumed = deployed.stakazo("resume", "--reason", "over", "--no-health-check", "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert deployed.broker.refused() == []


def _next_version(folder):
    """The migrations that there are, and one more that touches the tables in use most."""
    shutil.copytree(migrate.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    config = Config()
    config.set_main_option("script_location", str(folder))
    head = ScriptDirectory.from_config(config).get_current_head()
    (folder / "versions" / "r9999_next.py").write_text(
        f"""from alembic import op
revision = "9999"
down_revision = {head!r}


def upgrade():
    op.execute("ALTER TABLE actions ADD COLUMN next_note text")
    op.execute("ALTER TABLE runs ADD COLUMN next_note text NOT NULL DEFAULT ''")
    op.execute("CREATE TABLE next_things (id bigint PRIMARY KEY, run_id bigint REFERENCES runs)")
    op.execute("CREATE INDEX ix_next ON runs (next_note)")
"""
    )
    return folder


def test_the_next_version_is_migrated_to_while_the_last_one_works(deployed, engine, tmp_path):
    """No run fails of it, and those of before go on."""
    migrate.upgrade(deployed.owner_url, folder=_next_version(tmp_path / "migrations"))
    roles.admit(deployed.owner_url, deployed.app_url)

    with engine.connect() as conn:
        last = conn.execute(select(func.max(runs.c.id))).scalar_one()

    def goes_on():
        with engine.connect() as conn:
            later = (runs.c.id > last) & (runs.c.state == RunState.SUCCEEDED)
            return conn.execute(select(func.count()).where(later)).scalar_one() > 0

    wait_until(goes_on, "a run that began after the migration succeeded")
    with engine.connect() as conn:
        failed = conn.execute(select(runs.c.id, runs.c.task, runs.c.errors).where(runs.c.state == RunState.FAILED))
        assert failed.all() == []


def test_everything_ends_in_order_when_it_is_told_to(deployed):
    ends = deployed.terminate()
    assert {name: code for name, code in ends.items() if code != 0} == {}
    assert deployed.broker.refused() == []
