"""A house in which every text that a platform or a person may choose can be replaced by one of a test's. No facts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import cycle
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, insert, select, update

from domain.actions import ActionState, Json, Verdict
from domain.ids import AccountId
from models import ledger, pacing
from models.pacing import PacingState
from models.tables import metadata
from tests.cli.conftest import NASTY, NOW, draft

# Texts that nobody checks: names, titles, reasons. Everything else is an enum, an id or a name of ours.
FREE_TEXTS: Final = {
    "accounts": ("name", "fence_reason"),
    "campaigns": ("name", "objective"),
    "ad_sets": ("name", "optimization_goal"),
    "ads": ("name", "effective_status"),
    "creatives": ("name", "title", "body", "thumbnail_url"),
    "experiments": ("declared_by", "words"),
    "findings": ("verdict", "words"),
    "anomalies": ("metric", "words"),
    "anomaly_incidents": ("words",),
    "creative_stages": ("reason", "words"),
    "marks": ("reason", "set_by"),
    "hand_edits": ("event", "actor_name"),
    "orphans": ("object_name", "why"),
    "incidents": ("title", "body"),
    "notices": ("title", "body", "error"),
    "recoveries": ("reason", "outcome", "target"),
    "recovery_procedures": ("reason", "set_by"),
    "commands": ("reason", "actor"),
    "stop_items": ("object_name", "note"),
    "schedule_pauses": ("reason", "paused_by"),
    "module_states": ("reason", "changed_by"),
    "module_levels": ("set_by",),
    "platform_facts": ("error",),
    "run_logs": ("error_message", "action"),
    "runs": ("reason", "worker"),
}
_AT: Final = {"created_at": NOW, "updated_at": NOW, "seen_at": NOW}
_STATE: Final = {"status": "active", "effective_status": "active", **_AT}


def fill(engine: Engine) -> dict[str, str]:
    """Add to the `filled` house a row of every kind that a screen shows; return the ids that screens ask for."""
    tables = metadata.tables
    with engine.begin() as conn:
        account = conn.execute(select(tables["accounts"].c.id)).scalar_one()
        action, run = (conn.execute(select(tables[name].c.id)).scalars().first() for name in ("actions", "runs"))
        own = {"account_id": account}
        for name, values in _rows(own).items():
            conn.execute(insert(tables[name]).values(values))
        incident = conn.execute(select(tables["incidents"].c.id)).scalar_one()
        stop = conn.execute(select(tables["stops"].c.id)).scalar_one()
        conn.execute(insert(tables["notices"]).values(
            incident_id=incident, channel="log", event="opened", severity=3, title="t", body="b"))  # fmt: skip
        conn.execute(
            insert(tables["stop_items"]).values(
                **own, stop_id=stop, object_kind="ad", object_id="503", object_name="n", status_before="active"
            )
        )
        found = {name: str(conn.execute(select(tables[table].c.id)).scalars().first()) for name, table in (
            ("incident_id", "incidents"), ("command_id", "commands"), ("recovery_id", "recoveries"),
            ("anomaly_id", "anomalies"))}  # fmt: skip
        experiment = conn.execute(insert(tables["experiments"]).values(
            **own, ad_set_id="502", arms=["503", "504"], metric="clicks", claim="daily", alpha=0.05, loss=0.005,
            equal_within=0.02, max_days=14, planned_events=0.0, ends_on_pick=False, is_implicit=False,
            declared_by="d", started_at=NOW, first_day=NOW.date(), folded_day=NOW.date(), folded_hour=0,
            state="running", keep=["503", "504"], words="w", evidence={},
        ).returning(tables["experiments"].c.id)).scalar_one()  # fmt: skip
    return {"action_id": str(action), "run_id": str(run), "object_id": "501", "experiment": str(experiment), **found}


def _rows(own: dict[str, Any]) -> dict[str, dict[str, Any]]:
    later = NOW + timedelta(days=1)
    return _told(own) | {
        "campaigns": {**own, **_STATE, "id": "401", "name": "n", "objective": "o"},
        "ad_sets": {**own, **_STATE, "id": "501", "name": "n", "campaign_id": "401", "optimization_goal": "g",
                    "learning": "done"},
        "ads": {**own, **_STATE, "id": "503", "name": "n", "ad_set_id": "501", "campaign_id": "401"},
        "creatives": {**own, "id": "504", "name": "n", "seen_at": NOW},
        "marks": {**own, "object_kind": "ad_set", "object_id": "501", "reason": "r", "set_by": "s"},
        "hand_edits": {**own, "object_kind": "ad_set", "object_id": "501", "event": "e", "edited_at": NOW,
                       "hands_off_until": later, "found_by": "activities"},
        "orphans": {**own, "object_kind": "ad", "object_id": "509", "object_name": "n", "status": "paused",
                    "made_at": NOW, "why": "w"},
        "incidents": {"kind": "module_critical", "severity": 3, "title": "t"},
        "recoveries": {"trigger": "module_offline", "action": "restart_scheduler", "target": "meta.full_cycle",
                       "confidence": 0.9, "state": "recommended", "reason": "r"},
        "recovery_procedures": {"pair": "meta.full_cycle", "trigger": "module_offline",
                                "action": "restart_scheduler", "confidence": 0.9, "reason": "r", "set_by": "s"},
        "commands": {"command_type": "health_check", "reason": "r", "actor": "a"},
        "stops": {"reason": NASTY, "actor": NASTY},  # a stop keeps its words
        "schedule_pauses": {**own, "task": "meta.full_cycle", "reason": "r", "paused_by": "p"},
        "module_states": {"pair": "meta.full_cycle", "desired": "running", "changed_by": "c"},
        "module_levels": {**own, "module": "full_cycle", "level": "auto", "set_by": "s"},
        "platform_facts": {"platform": "meta", "mode": "stub"},
        "heartbeats": {"process": "worker-1", "kind": "worker"},
    }  # fmt: skip


def _told(own: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the modules that make evidence keep of objects."""
    of_set, today = {**own, "object_kind": "ad_set", "object_id": "501"}, NOW.date()
    ahead = {"roas": 1.2, "roas_low": 0.4, "roas_high": 2.9}
    return {
        "findings": {**of_set, "module": "roas_engine", "verdict": "hold", "words": "w", "found_at": NOW,
                     "evidence": {"posterior": {"mean": 1.2}, NASTY: NASTY}},
        "roas_estimates": {**of_set, "made_at": NOW, "spend_minor": 9_000.0, "purchases": 4.0, "maturity": 0.6,
                           "roas_now": 1.1, "log_median": 0.2, "log_sd": 0.5, "order_value_minor": 3_000.0,
                           "ahead_days": 7, "ahead_spend_minor": 7_000.0,
                           **{f"ahead_{name}": value for name, value in ahead.items()}},
        "roas_forecasts": {**of_set, "first_day": today - timedelta(days=20), "days": 7, "spend_minor": 7_000.0,
                           **ahead},
        "anomalies": {**of_set, "metric": "spend", "is_up": True, "cause": "own", "since": NOW, "upto": NOW,
                      "expected": 100.0, "seen": 900.0, "q_value": 0.01, "words": "w", "evidence": {NASTY: NASTY}},
        "anomaly_incidents": {**own, "cause": "platform", "since": NOW, "until": NOW, "quiet": 0,
                              "velocity_cap_minor": 9_000, "words": "w"},
        "anomaly_hours": {**own, "at": NOW, "spend_minor": 900, "impressions": 9, "clicks": 1, "purchases": 0,
                          "expected_minor": 100.0, "low_minor": 50.0, "high_minor": 200.0, "usual_cpm_minor": 700.0},
        "allocations": {**of_set, "planned_on": today, "planned_at": NOW, "budget_minor": 4_000, "target_minor": 4_800,
                        "revenue_minor": 9_000, "target_revenue_minor": 9_900, "worth": 0.5, "price": 1.0,
                        "gain_minor": 90, "noise_minor": 40},
        "creative_stages": {**own, "ad_id": "503", "stage": "tiring", "probability": 0.9, "reason": "r", "words": "w",
                            "since": today, "rates": [0.02, -1.0, 0.01], "made_at": NOW, "evidence": {NASTY: NASTY}},
    }  # fmt: skip


def _keep_pace(conn: Connection, account_id: int, text: str) -> None:
    """Words of spending, of which some hold what the platform calls an object."""
    span: dict[str, Json] = {
        "span": "day", "begins_on": "2026-11-20", "ends_on": "2026-11-20", "target_minor": 10_000,
        "spent_minor": 5_000, "expected_minor": 5_200, "projected_minor": 9_900, "low_minor": 9_000,
        "high_minor": 11_000, "pace": "over", "words": text,
    }  # fmt: skip
    warning: dict[str, Json] = {"kind": "pace_off", "scope": "day", "words": text}
    pacing.note(conn, PacingState(
        account_id=AccountId(account_id), made_at=NOW, spans=[span], objects=[], warnings=[warning], day_targets={},
        top_budgets={}, budgets_since=NOW,
    ))  # fmt: skip


def plant(conn: Connection, texts: Sequence[str]) -> str:
    """Put the texts by turns wherever text is free, and into a new action, since actions keep theirs; return its id."""
    turns = cycle(texts)
    for name, columns in FREE_TEXTS.items():
        conn.execute(update(metadata.tables[name]).values({column: next(turns) for column in columns}))
    text = "".join(texts)
    actions, runs = metadata.tables["actions"], metadata.tables["runs"]
    number = conn.execute(select(func.count()).select_from(actions)).scalar_one()
    account_id, run_id = conn.execute(select(runs.c.account_id, runs.c.id)).first()
    _keep_pace(conn, account_id, text)
    plain = draft(str(600 + number), ActionState.BLOCKED)
    verdict = Verdict(guardrail="step", allowed=False, reason=text)
    told = replace(plain.proposal, object_name=text, reason=text, evidence={"name": text, text: 1})
    planted = replace(plain, proposal=told, reason=text, verdicts=(verdict,))
    ledger.insert_drafts(
        conn, account_id=account_id, run_id=run_id, decided_at=NOW, actor=text or "nobody", drafts=[planted]
    )
    return str(conn.execute(select(func.max(actions.c.id))).scalar_one())
