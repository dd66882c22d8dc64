"""The very commands of docker-compose.yml, run as processes under the roles of Postgres and the users of Redis."""

import pytest
from sqlalchemy import select

from domain.health import RunState
from models.engine import make_engine
from models.tables import runs
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
    secret = (deployed.secrets / "app_password").read_text().strip()
    url = f"postgresql+psycopg://stakazo_app:{secret}@127.0.0.1:{deployed.server.port}/stakazo"
    engine = make_engine(url, pool_size=2)
    yield engine
    engine.dispose()


def test_every_health_check_passes(deployed):
    problems = {}

    def all_are_well():
        problems.update({name: deployed.problem(name) for name in LASTING if problems.get(name, "?")})
        return not any(problems.values())

    wait_until(all_are_well, lambda: f"health checks pass: {problems}")


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


def test_one_tower_leads_and_the_other_waits(deployed, engine):
    from models import heartbeats  # late: the fixtures above are what this file is about
    from models.heartbeats import ProcessKind

    def told():
        with engine.connect() as conn:
            return sorted(bool(sign.detail["leads"]) for sign in heartbeats.listing(conn, ProcessKind.TOWER))

    wait_until(lambda: told() == [False, True], lambda: f"one leads: {told()}")


def test_everything_ends_in_order_when_it_is_told_to(deployed):
    ends = deployed.terminate()
    assert {name: code for name, code in ends.items() if code != 0} == {}
    assert deployed.broker.refused() == []
