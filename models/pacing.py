"""The store of where accounts stand against their targets: one row each, replaced with every live reading."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from domain.actions import Json
from domain.clock import require_aware
from domain.ids import AccountId
from models.cleaning import clean_json

YOUNG_S: Final = 1200.0  # by Postgres' clock: a state that nobody renewed for so long warns of nothing any more

_NOTE: Final = text("""
INSERT INTO pacing_states (account_id, made_at, spans, objects, warnings, day_targets, top_budgets, budgets_since)
VALUES (:account, :made_at, :spans, :objects, :warnings, :day_targets, :top_budgets, :budgets_since)
ON CONFLICT (account_id) DO UPDATE SET made_at = EXCLUDED.made_at, written_at = clock_timestamp(),
    spans = EXCLUDED.spans, objects = EXCLUDED.objects, warnings = EXCLUDED.warnings,
    day_targets = EXCLUDED.day_targets, top_budgets = EXCLUDED.top_budgets, budgets_since = EXCLUDED.budgets_since
""")
_CURRENT: Final = text("SELECT * FROM pacing_states WHERE account_id = :account")
_WARNINGS: Final = text(f"""
SELECT p.account_id, a.name, w.entry ->> 'kind' AS kind, w.entry ->> 'scope' AS scope, w.entry ->> 'words' AS words
FROM pacing_states p JOIN accounts a ON a.id = p.account_id
CROSS JOIN LATERAL jsonb_array_elements(p.warnings) AS w(entry)
WHERE p.written_at > clock_timestamp() - interval '{YOUNG_S:.0f} seconds'
ORDER BY p.account_id, kind, scope
""")  # noqa: S608 - a constant of this file


@dataclass(frozen=True, slots=True, kw_only=True)
class PacingState:
    """What was found at `made_at` (platform's clock); rows are plain JSON, as `stakazo pacing --json` shows them."""

    account_id: AccountId
    made_at: datetime
    spans: Sequence[Mapping[str, Json]]
    objects: Sequence[Mapping[str, Json]]
    warnings: Sequence[Mapping[str, Json]]
    day_targets: Mapping[str, int]  # sums of active daily budgets, by date
    top_budgets: Mapping[str, int]  # the highest of today, by object
    budgets_since: datetime  # from when on they are known


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveWarning:
    """What a person should hear at once."""

    account_id: AccountId
    account: str
    kind: str  # of alert
    scope: str  # an object's id, a limit or a span
    words: str


def note(conn: Connection, state: PacingState) -> None:
    """Put this in the place of what was known of the account."""
    documents = {
        name: json.dumps(clean_json(getattr(state, name)), allow_nan=False)
        for name in ("spans", "objects", "warnings", "day_targets", "top_budgets")
    }
    instants = {
        "made_at": require_aware("made_at", state.made_at),
        "budgets_since": require_aware("budgets_since", state.budgets_since),
    }
    conn.execute(_NOTE, {"account": state.account_id, **instants, **documents})


def current(conn: Connection, account_id: AccountId) -> PacingState | None:
    """Read how an account stands; None where nobody looked yet."""
    row = conn.execute(_CURRENT, {"account": account_id}).mappings().one_or_none()
    if row is None:
        return None
    return PacingState(**{name: value for name, value in row.items() if name != "written_at"})


def warnings(conn: Connection) -> tuple[LiveWarning, ...]:
    """Read what all accounts warn of now."""
    return tuple(
        LiveWarning(account_id=AccountId(row[0]), account=row[1], kind=row[2], scope=row[3], words=row[4])
        for row in conn.execute(_WARNINGS)
    )
