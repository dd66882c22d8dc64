"""Does the audit still say what was told? Every row's hash, every link, every head, and anchors kept elsewhere.

What it finds without an anchor: any row that was changed, taken out, put in or moved, and a chain cut short. Who can
rewrite a whole chain *and* its head, that is a superuser with the triggers off, is found by an anchor alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from models.audit_reads import HASHED, Head
from models.engine import db_now

KEPT: Final = timedelta(days=90)
_NAMED: Final = 100  # rows named per chain and kind of problem; all are counted

# One statement, so that rows and heads are of one instant. A row is judged against the one before it, the first one
# against the base behind which rows were dropped.
_WALK: Final = text(
    f"""
    WITH walked AS (
        SELECT audit.chain, audit.seq, audit.hash,
               audit.hash <> sha256(audit.prev_hash || convert_to({HASHED}, 'UTF8')) AS is_changed,
               audit.seq - coalesce(lag(audit.seq) OVER chained, head.base_seq, 0) AS step,
               audit.prev_hash <> coalesce(lag(audit.hash) OVER chained, head.base_hash) AS is_loose,
               lead(audit.seq) OVER chained IS NULL AS is_last
        FROM audit LEFT JOIN audit_heads head ON head.chain = audit.chain
        WINDOW chained AS (PARTITION BY audit.chain ORDER BY audit.seq, audit.at)
    ), summed AS (
        SELECT chain, count(*) AS rows, max(seq) AS seq,
               (array_agg(hash) FILTER (WHERE is_last))[1] AS hash,
               array_agg(seq) FILTER (WHERE is_changed) AS changed,
               array_agg(seq) FILTER (WHERE step > 1) AS after_gap,
               array_agg(seq) FILTER (WHERE step < 1) AS doubled,
               array_agg(seq) FILTER (WHERE is_loose) AS loose
        FROM walked GROUP BY chain
    )
    SELECT coalesce(summed.chain, head.chain) AS chain, coalesce(rows, 0) AS rows, summed.seq, summed.hash,
           coalesce(changed, '{{}}') AS changed, coalesce(after_gap, '{{}}') AS after_gap,
           coalesce(doubled, '{{}}') AS doubled, coalesce(loose, '{{}}') AS loose, head.seq AS head_seq,
           head.at AS head_at, head.hash AS head_hash, head.base_seq, head.base_hash
    FROM summed FULL JOIN audit_heads head ON head.chain = summed.chain
    ORDER BY 1
    """  # noqa: S608 - our own expression
)
_KINDS: Final = (
    ("changed", "was changed: its hash is not that of what it says"),
    ("after_gap", "follows a gap: rows before it are missing"),
    ("doubled", "has the number of another row: it was put in"),
    ("loose", "does not go on from the row before it"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is not as it was told; `seq` is None where the chain as a whole is meant."""

    chain: int
    seq: int | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was looked at and what is wrong; `heads` are those of the heads' table, to be kept elsewhere."""

    rows: int
    chains: int
    problems: tuple[Problem, ...]
    heads: tuple[Head, ...]


def verify(conn: Connection, anchors: Iterable[Head] = ()) -> Verified:
    """Check every row, link and head, and that the chains still pass through the anchors."""
    conn.execute(text("SET LOCAL statement_timeout = 0"))
    conn.execute(text("SET LOCAL work_mem = '64MB'"))
    chains = conn.execute(_WALK).all()
    problems = [problem for row in chains for problem in _problems(row)]
    problems += [problem for anchor in anchors for problem in _against(conn, chains, anchor)]
    return Verified(
        rows=sum(row.rows for row in chains),
        chains=len(chains),
        problems=tuple(problems),
        heads=tuple(
            Head(chain=row.chain, seq=row.head_seq, at=row.head_at, hash=row.head_hash.hex())
            for row in chains
            if row.head_seq is not None
        ),
    )


def _problems(row: Row[Any]) -> list[Problem]:
    found = [
        Problem(chain=row.chain, seq=seq, words=words)
        for kind, words in _KINDS
        for seq in sorted(getattr(row, kind))[:_NAMED]
    ]
    found += [
        Problem(chain=row.chain, seq=None, words=f"{len(getattr(row, kind)) - _NAMED} more rows: each {words}")
        for kind, words in _KINDS
        if len(getattr(row, kind)) > _NAMED
    ]
    if row.head_seq is None:
        return [*found, Problem(chain=row.chain, seq=None, words="has no head: it was taken out of audit_heads")]
    last = (row.base_seq, row.base_hash) if row.seq is None else (row.seq, row.hash)
    if last != (row.head_seq, row.head_hash):
        words = f"ends at row {last[0]} and its head says row {row.head_seq}"
        cut = "; the end was cut off" if last[0] < row.head_seq else "; the two do not belong together"
        found.append(Problem(chain=row.chain, seq=last[0], words=words + cut))
    return found


def _against(conn: Connection, chains: Sequence[Row[Any]], anchor: Head) -> list[Problem]:
    row = next((row for row in chains if row.chain == anchor.chain), None)
    if row is None:
        return [Problem(chain=anchor.chain, seq=anchor.seq, words="is anchored, and the whole chain is gone")]
    base = row.base_seq or 0
    if anchor.seq < base and anchor.at < db_now(conn) - KEPT:  # dropped by age; the rest goes on from the base
        return []
    if anchor.seq == base:
        kept = row.base_hash
    else:
        query = text("SELECT hash FROM audit WHERE chain = :chain AND seq = :seq ORDER BY at LIMIT 1")
        kept = conn.execute(query, {"chain": anchor.chain, "seq": anchor.seq}).scalar_one_or_none()
    if kept is None:
        return [Problem(chain=anchor.chain, seq=anchor.seq, words="is anchored and not there")]
    if kept.hex() != anchor.hash:
        words = "is not the row that was anchored: the chain was rewritten up to here or further"
        return [Problem(chain=anchor.chain, seq=anchor.seq, words=words)]
    return []
