"""What policies would have wanted on an account's recorded days: loads the records, and keeps what a backtest found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection

from cli.console import say
from cli.session import choose_account, principal, transaction
from decisions.policy import AccountLimits, MaturedPolicy
from domain.actions import ObjectKind
from domain.errors import NotReadyError
from domain.ids import AccountId
from domain.permissions import Permission, may, require
from models import known_then, maturity_curves, panels, promotions, snapshots
from models.accounts import Account
from workers.bootstrap import House
from workers.settings import Settings

_HISTORY: Final = 28
_WORDS: Final = (
    "Figures as they were known then, decided once a morning, budgets as they stand now; no hours are replayed, so that"
    " rules on hours stay silent. The expected gain is model-based: response curves fitted to what is known by now say"
    " what other budgets would have brought. It was not observed; pauses of single ads are not valued."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the database gave; `document` is None where it holds no figures of the account."""

    settings: Settings
    account_id: AccountId
    platform_id: str
    wishes: AccountLimits
    document: dict[str, Any] | None
    may_keep: bool

    def keep(self, document: dict[str, Any]) -> None:
        """Keep what the twin's comparison found as evidence for levels: it may cost one, so that viewers keep none."""
        if not self.may_keep:
            say(f"not kept as evidence for levels: that needs {Permission.RUN_CYCLE}")
            return
        with House.open(self.settings, name="stakazo-backtest") as house, transaction(house) as conn:
            for row in document["policies"]:
                if row["gain_minor"] is not None:
                    promotions.save_backtest(
                        conn, self.account_id, policy=row["policy"], over=document["over"],
                        cases=len(document["cases"]), days=document["days"], gain_minor=row["gain_minor"],
                        low_minor=row["gain_low_minor"], high_minor=row["gain_high_minor"],
                        detail={"edits": row["edits"], "learning_resets": row["learning_resets"]},
                    )  # fmt: skip


def over_recorded(settings: Settings, account: str, policies: Sequence[str], *, days: int) -> Recorded | None:
    """Replay the account's last recorded days; None where no database answers (then the twin alone speaks).

    Raises:
        NotAllowedError: nobody knows who asks: the command itself needs no leave, an account of ours does.
    """
    try:
        with House.open(settings, name="stakazo-backtest") as house, transaction(house) as conn:
            who = principal(conn)
            require(who, Permission.READ)
            chosen = choose_account(conn, account)
            wishes = _wishes(chosen)
            found = _replay(conn, chosen, wishes, policies, days)
    except NotReadyError as error:
        say(f"no recorded days: {error}")
        return None
    return Recorded(
        settings=settings,
        account_id=chosen.id,
        platform_id=chosen.platform_account_id,
        wishes=wishes,
        document=found,
        may_keep=may(who.role, Permission.RUN_CYCLE),
    )


def _replay(
    conn: Connection, account: Account, wishes: AccountLimits, policies: Sequence[str], days: int
) -> dict[str, Any] | None:  # fmt: skip
    from twin.compare import MARGIN  # late: only this command needs the twin
    from twin.recorded import Records, replay

    if account.insights_read_at is None:
        return None
    now, total = account.insights_read_at, days + _HISTORY
    reading = panels.reading(account, now)
    campaigns = panels.load(conn, account, ObjectKind.CAMPAIGN, days=total, reading=reading)
    sets = panels.load(conn, account, ObjectKind.AD_SET, days=total, reading=reading, parents=campaigns.object_id)
    ads = panels.load(conn, account, ObjectKind.AD, days=total, reading=reading, parents=sets.object_id)
    if not len(ads):
        return None
    first = reading.first_day(total)
    late = known_then.late(conn, account.id, first, reading.until)
    position = {key: row for row, key in enumerate(ads.object_id.tolist())}
    policy = MaturedPolicy()
    records = Records(
        base=snapshots.load(
            conn, account, now=now, window_days=policy.window_days, spike_hours=policy.spike_hours
        ),
        ads=ads, ad_sets=sets, campaigns=campaigns, curve=maturity_curves.current(conn, account.id), wishes=wishes,
        **Records.late_of(late, position, first.toordinal()),
    )  # fmt: skip
    replayed = min(days, max(1, (reading.until - max(first, account.insights_loaded_from or first)).days - 7))
    rows = [
        replay(records, name, days=replayed, margin=wishes.margin or MARGIN)
        for name in policies
        if name in ("classic", "matured")
    ]
    return {
        "account": account.name, "currency": account.currency, "days": replayed, "words": _WORDS,
        "first_day": (reading.until - timedelta(days=replayed - 1)).isoformat(),
        "policies": [
            {
                "policy": row.policy, "wanted": row.wanted, "edits": row.edits, "learning_resets": row.learning_resets,
                "gain_minor": row.gain_minor, "gain_low_minor": row.interval_minor[0],
                "gain_high_minor": row.interval_minor[1],
                "by_day": [{"day": on.isoformat(), "wanted": n, "edits": made} for on, n, made in row.by_day],
            }
            for row in rows
        ],
    }  # fmt: skip


def _wishes(account: Account) -> AccountLimits:
    return AccountLimits(
        minimum_daily_budget_minor=account.minimum_daily_budget_minor, goal_roas=account.goal_roas,
        goal_cpa_minor=account.goal_cpa_minor, margin=account.margin, month_budget_minor=account.month_budget_minor,
    )  # fmt: skip
