"""seen.json speaks of routes and tests that there are; each test checks what it says of that test itself."""

from pathlib import Path

from sandbox.meta.insights.tables import InsightTables
from sandbox.meta.routes import all_routes
from tests.conformance import seen

FOLDER = Path(__file__).parent


def test_every_route_that_a_client_was_seen_to_use_exists():
    known = {route.key for route in all_routes(InsightTables())}
    assert {key for routes in seen.kept().values() for key in routes} - known == set()


def test_every_test_that_is_named_as_evidence_exists():
    for client, routes in seen.kept().items():
        for test in routes.values():
            file, _, name = test.partition("::")
            assert f"def {name.partition('[')[0]}(" in (FOLDER / file).read_text(encoding="utf-8"), (client, test)


def test_every_client_is_recorded():
    assert set(seen.kept()) == {seen.SDK, seen.TAP, seen.CLI, seen.OURS}


def test_the_pins_of_other_peoples_clients_are_exact_and_name_no_index():
    lines = (FOLDER / "clients.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert {"tap-facebook==1.26.0", "meta-ads-cli==0.2.0"} <= set(pins)
    assert all(line.count("==") == 1 and "/" not in line and not line.startswith("-") for line in pins)
