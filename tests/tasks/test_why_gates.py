"""Each guardrail in the case in which it binds: `why` names that gate, its figure, and how old the figures were."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import text

from actions.guardrails import judge_all
from cli import why as telling
from domain.actions import CREATES, ActionState
from models import ledger
from models.ledger import Draft
from tasks import full_cycle, why
from tests.actions.binding import BINDING


@pytest.fixture(scope="module")
def gates():
    return sorted(BINDING)


def test_every_gate_is_named_with_its_figure_and_the_age_of_what_it_rests_on(house, do, account, gates):
    """A blocked or trimmed row of each is put into the cycle that ran, and told back as an operator reads it."""
    run = do(full_cycle.run)
    with house.engine.begin() as conn:
        ids = conn.execute(text("SELECT id FROM ad_sets ORDER BY id")).scalars().all()
        drafts, of_gate = [], {}
        for number, slug in enumerate(gates):
            proposal, known = BINDING[slug]
            aged = {"tree_age_s": 301, "insights_age_s": 120}
            wanted = replace(proposal, object_id=ids[number % len(ids)], rule=f"rule_{slug}", evidence=aged)
            verdicts = judge_all(wanted, known)
            stops = [row for row in verdicts if not row.allowed]
            reason = "; ".join(row.reason for row in stops)
            drafts.append(
                Draft(
                    proposal=wanted, state=ActionState.BLOCKED if stops else ActionState.OBSERVED, reason=reason,
                    verdicts=verdicts, cap_reserved_minor=0, op_token=f"TOKEN{number:08d}",
                    blocked_by=",".join(row.guardrail for row in stops) or None,
                )
            )  # fmt: skip
            of_gate[slug] = wanted
        ledger.insert_drafts(
            conn, account_id=account.id, run_id=run.id, decided_at=run.now_at, actor="test", drafts=drafts,
            module="full_cycle",
        )  # fmt: skip
    for slug, wanted in of_gate.items():
        found = why.explain(house, account.id, wanted.object_id, cycles=1)
        (line,) = [row for row in found.cycles[0].wanted if row.action.rule == f"rule_{slug}"]
        (verdict,) = [row for row in line.verdicts if row["guardrail"] == slug]
        assert not verdict["allowed"] or verdict["trimmed_target"], slug
        assert re.search(r"\d|never|paused|ana|campaign", verdict["reason"]), (slug, verdict["reason"])
        cells = [row for row in telling.cycle_lines(found.cycles[0], "EUR") if f"rule_{slug}" in str(row[2])]
        told = " ".join(map(str, cells[0]))
        assert slug.replace("_", " ") in told
        assert "figures 2 min" in told
        if line.action.state is ActionState.BLOCKED:
            assert verdict["reason"] in told
    assert {row.kind for row in of_gate.values()} & CREATES  # creates are told under their parent as well
