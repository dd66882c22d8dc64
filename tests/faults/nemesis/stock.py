"""Accounts with approved actions in any number: rows of the ledger as the door writes them, without its judging."""

import base64
import secrets
from dataclasses import dataclass

from sqlalchemy import Engine

from domain.actions import Action, ActionState, Proposal
from domain.ids import AccountId
from models import fence, ledger
from models.ledger import Draft
from tests.actions.fake_platform import NOW
from tests.actions.stage import Stage, create, set_stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """An account and its approved actions."""

    stage: Stage
    actions: tuple[Action, ...]

    @property
    def account_id(self) -> AccountId:
        return self.stage.account_id


def stock(engine: Engine, platform_account_id: str, proposals: tuple[Proposal, ...]) -> Stock:
    """Open an account whose actions wait to be sent."""
    with engine.begin() as conn:
        fence.open_(conn, None)
    stage = set_stage(engine, platform_account_id=platform_account_id)
    drafts = [
        Draft(
            proposal=proposal, state=ActionState.APPROVED, reason="", verdicts=(), cap_reserved_minor=0,
            op_token=base64.b32encode(secrets.token_bytes(10)).decode(),
        )
        for proposal in proposals
    ]  # fmt: skip
    with engine.begin() as conn:
        rows = ledger.insert_drafts(
            conn, account_id=stage.account_id, run_id=None, decided_at=NOW, actor="test", drafts=drafts
        )
    return Stock(stage=stage, actions=rows)


def approved(engine: Engine, platform_account_id: str, proposal: Proposal) -> Stock:
    """Open an account with one action that came through the door."""
    with engine.begin() as conn:
        fence.open_(conn, None)
    stage = set_stage(engine, platform_account_id=platform_account_id)
    return Stock(stage=stage, actions=(stage.approve(proposal),))


def creates(count: int, account: str) -> tuple[Proposal, ...]:
    """Campaigns to be made, each of its own name."""
    return tuple(
        create(object_id=account, target={"name": f"New {n}", "objective": "OUTCOME_SALES", "status": "paused"})
        for n in range(count)
    )
