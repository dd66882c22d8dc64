"""I-30: every step of the ledger and every request to the platform is told in the audit, in its own transaction."""

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from embedded.scratch import as_application
from models import audit_verify, roles
from models.engine import make_engine
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.matrix import Verdict
from tests.faults.nemesis import line_kill

_WEAKER_TRIALS = 10

# The witness: triggers of the database's owner, which write down each step and each row told with its transaction.
_WITNESS = """
CREATE TABLE seen_steps (action_id bigint, before_state text, after_state text, xact xid8);
CREATE TABLE seen_told (action_id bigint, before_state text, after_state text, event text, xact xid8);
CREATE FUNCTION see_step() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO seen_steps VALUES (NEW.id, NULL, NEW.state, pg_current_xact_id());
    ELSIF NEW.state <> OLD.state THEN
        INSERT INTO seen_steps VALUES (NEW.id, OLD.state, NEW.state, pg_current_xact_id());
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION see_told() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seen_told VALUES (NEW.action_id, NEW.before_state, NEW.after_state, NEW.event, pg_current_xact_id());
    RETURN NULL;
END $$;
CREATE TRIGGER see_step AFTER INSERT OR UPDATE ON actions FOR EACH ROW EXECUTE FUNCTION see_step();
CREATE TRIGGER see_told AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION see_told();
"""
# A row comes into the ledger as it was judged; that it was proposed first is told by the audit alone.
_UNTOLD = text(
    """
    SELECT s.action_id, s.before_state, s.after_state FROM seen_steps s WHERE NOT EXISTS (
        SELECT FROM seen_told t WHERE t.action_id = s.action_id AND t.xact = s.xact AND t.after_state = s.after_state
        AND t.before_state IS NOT DISTINCT FROM
            CASE WHEN s.after_state = 'proposed' THEN s.before_state ELSE coalesce(s.before_state, 'proposed') END)
    """
)
_INVENTED = text(
    """
    SELECT t.action_id, t.before_state, t.after_state FROM seen_told t
    WHERE t.before_state <> t.after_state AND NOT EXISTS (
        SELECT FROM seen_steps s WHERE s.action_id = t.action_id AND s.xact = t.xact
        AND s.after_state = t.after_state AND coalesce(s.before_state, 'proposed') = t.before_state)
    """
)
_SENT = text(
    """
    SELECT a.platform_account_id, count(t.action_id) AS told FROM accounts a JOIN actions x ON x.account_id = a.id
    LEFT JOIN seen_told t ON t.action_id = x.id AND t.after_state = 'sent' AND t.before_state = 'approved'
    GROUP BY a.platform_account_id
    """
)
_LATER = """
CREATE TABLE to_tell (id bigint GENERATED ALWAYS AS IDENTITY, chain bigint, told jsonb);
ALTER FUNCTION audit_append(bigint, jsonb) RENAME TO audit_append_later;
CREATE FUNCTION audit_append(of_chain bigint, told jsonb) RETURNS bigint LANGUAGE sql SECURITY DEFINER
    SET search_path = public, pg_temp AS 'INSERT INTO to_tell (chain, told) VALUES (of_chain, told) RETURNING id';
"""
_ENDS = """
ALTER FUNCTION audit_append(bigint, jsonb) RENAME TO audit_append_all;
CREATE FUNCTION audit_append(of_chain bigint, told jsonb) RETURNS bigint LANGUAGE sql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    SELECT audit_append_all(of_chain, coalesce(jsonb_agg(line), '[]')) FROM jsonb_array_elements(told) AS line
    WHERE line->>'after_state' NOT IN ('sent', 'unknown')
$$;
"""
_TELL_NOW = text("SELECT audit_append_later(chain, told) FROM to_tell ORDER BY id")


@dataclass
class Watched:
    """A place whose databases have the witness, and are used as the application's role."""

    inner: Place
    seed: int
    weaken: str = ""
    owners: list[str] = field(default_factory=list)

    def database_url(self) -> str:
        url = self.inner.database_url()
        self.owners.append(url)
        engine = make_engine(url)
        with engine.begin() as conn:
            conn.exec_driver_sql(_WITNESS + self.weaken, execution_options={"no_parameters": True})
        engine.dispose()
        roles.admit(url, as_application(url))
        return as_application(url)

    def folder(self) -> Path:
        return self.inner.folder()

    def redis_url(self) -> str:
        return self.inner.redis_url()


def _experiment(place: Place, trials: int, weaken: str = "") -> Outcome:
    line_kill.count_lines(place)
    watched = Watched(inner=place, seed=place.seed, weaken=weaken)
    found = line_kill.run("as it is", watched, trials)
    violations: list[str] = []
    figures = {"steps of the ledger": 0, "rows told": 0, "writes that reached the platform": 0}
    by_database = [found.verdicts[n : n + line_kill.BATCH] for n in range(0, len(found.verdicts), line_kill.BATCH)]
    for owner, verdicts in zip(watched.owners, by_database, strict=True):
        engine = make_engine(owner)
        try:
            violations += _judge(engine, verdicts, figures, tells_later=weaken == _LATER)
        finally:
            engine.dispose()
    return Outcome(
        trials=len(found.verdicts), violations=tuple(violations), figures={**figures, "SIGKILLs": found.deaths}
    )


def _judge(engine: Engine, verdicts: tuple[Verdict, ...], figures: dict[str, int], *, tells_later: bool) -> list[str]:
    with engine.begin() as conn:
        if tells_later:
            conn.execute(_TELL_NOW)
        figures["steps of the ledger"] += conn.execute(text("SELECT count(*) FROM seen_steps")).scalar_one()
        figures["rows told"] += conn.execute(text("SELECT count(*) FROM audit")).scalar_one()
        figures["writes that reached the platform"] += sum(verdict.sends for verdict in verdicts)
        violations = [
            f"not told in its transaction: action {row.action_id} from {row.before_state} to {row.after_state}"
            for row in conn.execute(_UNTOLD)
        ]
        violations += [
            f"told and not so: action {row.action_id} from {row.before_state} to {row.after_state}"
            for row in conn.execute(_INVENTED)
        ]
        violations += _unsaid_sends(conn, verdicts)
        violations += [f"the chain is broken: {problem}" for problem in audit_verify.verify(conn).problems]
    return violations


def _unsaid_sends(conn: Connection, verdicts: tuple[Verdict, ...]) -> list[str]:
    """Writes that reached the platform more often than the audit told before that they would."""
    told = {row.platform_account_id: row.told for row in conn.execute(_SENT)}
    return [
        f"{verdict.sends} requests and {told[f'act_{verdict.cell.account_id}']} told: {verdict}"
        for verdict in verdicts
        if verdict.sends > told[f"act_{verdict.cell.account_id}"]
    ]


def _told_later(place: Place, trials: int) -> Outcome:
    """The rows wait in a queue, and a job of its own tells them afterwards."""
    return _experiment(place, min(trials, _WEAKER_TRIALS), _LATER)


def _only_ends(place: Place, trials: int) -> Outcome:
    """What has not come to an end is not thought worth telling."""
    return _experiment(place, min(trials, _WEAKER_TRIALS), _ENDS)


GUARANTEE = Guarantee(
    id="I-30",
    statement="Every step of an action in the ledger has its row in the audit, written in the very same transaction; no"
    " write reaches the platform that the audit did not tell before.",
    enforced_at="models/ledger_moves.py, ledger_claims.py, ledger_drafts.py: each statement with its rows",
    refuted_by="Executors killed at executed lines x 8 outcomes of the API x 3 kinds of action, as the application's"
    " role; triggers of the owner write down each step and each row told with the transaction's number.",
    short=60,
    full=2000,
    experiment=_experiment,
    weaker={"told by a job of its own": _told_later, "only what ends is told": _only_ends},
    judge="the owner's triggers for steps, the sandbox's count of writes for requests",
    not_promised="Reads of the platform are not told; a claim is told, although it changes no state.",
)
