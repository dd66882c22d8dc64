"""What the audit's chain costs: the same rows told through it, and put into a plain table by one statement a part.

`python -m benchmarks.audit [--rows 100000] [--json]`. Growth is shown from a hundredth of the rows to all. The plain
table has neither hashes nor chain nor triggers: what an application would write otherwise. Postgres is a scratch one.
"""

import argparse
import json
import time
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from domain.actions import JsonMap
from domain.ids import AccountId
from embedded.scratch import scratch_database, scratch_postgres
from models import audit, audit_verify
from models.audit import Line
from models.engine import make_engine
from models.migrate import upgrade

_PART: Final = 500  # rows in a statement, as the ledger writes them
_PLAIN: Final = "CREATE TABLE plain (at timestamptz DEFAULT clock_timestamp(), actor text, event text, detail jsonb)"
_DETAIL: Final[JsonMap] = {"reason": "ROAS 0.94 over 7 days is below 1.50: budget -20 %", "epoch": 1}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    told = measure(given.rows)
    print(json.dumps(told, indent=2) if given.as_json else "\n".join(f"{name:<24}{told[name]}" for name in told))


def measure(most: int) -> dict[str, Any]:
    """Seconds to tell, to put plainly, and to verify, at a hundredth, a tenth and all of the rows."""
    told: dict[str, Any] = {}
    with scratch_postgres() as server:
        for count in (most // 100, most // 10, most):
            with scratch_database(server.url) as url:
                upgrade(url)
                engine = make_engine(url)
                chained_s, plain_s, verified_s = (
                    _chained(engine, count),
                    _plain(engine, count),
                    _verified(engine, count),
                )
                engine.dispose()
            told |= {
                f"{count}_chained_s": round(chained_s, 3),
                f"{count}_plain_s": round(plain_s, 3),
                f"{count}_ratio": round(chained_s / plain_s, 2),
                f"{count}_verify_s": round(verified_s, 3),
            }
    return told


def _chained(engine: Engine, count: int) -> float:
    lines = [Line(actor="benchmark", event="told", detail=_DETAIL) for _ in range(_PART)]
    began = time.perf_counter()
    with engine.begin() as conn:
        for done in range(0, count, _PART):
            audit.append(conn, AccountId(1), lines[: count - done])
    return time.perf_counter() - began


def _plain(engine: Engine, count: int) -> float:
    with engine.begin() as conn:
        conn.execute(text(_PLAIN))
    began = time.perf_counter()
    with engine.begin() as conn:
        for done in range(0, count, _PART):
            _put(conn, min(_PART, count - done))
    return time.perf_counter() - began


def _put(conn: Connection, count: int) -> None:
    row = {"actor": "benchmark", "event": "told", "detail": json.dumps(_DETAIL)}
    conn.execute(
        text("INSERT INTO plain (actor, event, detail) VALUES (:actor, :event, CAST(:detail AS jsonb))"), [row] * count
    )


def _verified(engine: Engine, count: int) -> float:
    began = time.perf_counter()
    with engine.begin() as conn:
        found = audit_verify.verify(conn)
    if found.problems or found.rows < count:
        raise RuntimeError(f"{found.rows} rows of {count} told, {len(found.problems)} problems: nothing was measured")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
