"""Creative intelligence (module 13): where each ad stands in its life, how sure that is, and what is to come of it.

The size of audiences is not on record: impressions stand in for exposures.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from sqlalchemy import Connection

from decisions.life_cycle import certainty_for, study, tell
from decisions.life_memory import Memory, admit, advance, was_restated, without
from decisions.life_stages import STAGES, LifeCycles
from decisions.policy import MaturedPolicy
from domain.evidence import Finding
from domain.ids import AccountId
from domain.panel import Panel
from estimators.response import find
from models import creative_stages, creative_states, findings
from models.accounts import Account
from models.creative_stages import History, Row
from models.creative_states import Standing
from tasks.full_cycle import policy_of
from workers.celery_app import app
from workers.task import cycle_tasks
from workers.work import Work

STEP = "step_1_creative_intelligence"
MODULE = "creative_intelligence"
_SHOWN_DAYS = 28
_WEEK: Final = 7


def run(work: Work) -> None:
    """Tell every ad's stage from its days; thresholds are those of the account's policy, or the house's own."""
    with work.step(STEP):
        account, now = work.reload_account(), work.run.now_at
        declined = _stale(account, now, work.rhythm.cycle.every)
        if declined is not None:  # what was told before stands, with its age
            work.stats["declined"] = declined
            work.errors.append({"step": STEP, "error": "Declined", "message": declined})
            return
        with work.transaction() as conn:
            _, policy = policy_of(conn, account)
            seen = creative_stages.history(conn, account, now)
        rules = policy if isinstance(policy, MaturedPolicy) else MaturedPolicy()
        says, counted, followed = list[Finding](), np.zeros(len(STAGES), np.int64), 0
        with work.load() as conn:  # part by part: the words and figures of 200,000 ads take 500 MB
            creative_stages.forget(conn, account.id)
            number = -1
            for number, (part, memory, is_anew) in enumerate(studied(conn, account.id, seen, rules)):
                cycles = tell(memory, parent=part.panel.parent)
                creative_stages.add(conn, account.id, now, rows_of(cycles, part.panel))
                creative_states.keep(conn, account.id, number, memory)
                says.extend(cycles.findings())
                counted += np.bincount(cycles.stage, minlength=len(STAGES))
                followed += len(memory) if is_anew else 0
                work.keep()
            creative_states.forget_from(conn, account.id, number + 1)
            findings.replace(conn, account.id, MODULE, now, says)
        work.stats |= {"ads": int(counted.sum()), "followed_anew": followed}
        work.stats |= {stage.value: counted.item(n) for n, stage in enumerate(STAGES)}


def studied(
    conn: Connection, account_id: AccountId, seen: History, rules: MaturedPolicy
) -> Iterator[tuple[History, Memory, bool]]:
    """Step what stood the day before, part by part of the ads, or follow all of their days anew, which is said.

    All days are followed where there is no state of this version and policy or it lags by over a week, where stepped
    days have been restated by more than a fiftieth, and of each account on one day of the week: then ads are parted
    anew, mates are chosen anew, and what was restated by less is taken in.
    """
    known, until = creative_states.standing(conn, account_id), seen.until
    if known is None or not _goes_on(known, until, rules) or (until.toordinal() + account_id) % _WEEK == 0:
        for part in seen.parts():
            yield part, _followed(part, rules), True
        return
    is_new, missing = np.ones(len(seen.panel), np.bool_), (until - known.upto).days
    for number in known.parts:
        memory = creative_states.take(conn, account_id, number)
        row, is_there = find(memory.ad_id, seen.panel.object_id)
        memory = without(memory, ~is_there)
        is_new[row[is_there]] = False
        before = seen.of(memory.ad_id).panel
        upto = slice(0, before.clicks.shape[1] - missing)
        is_anew = was_restated(memory, before.clicks[:, upto], before.impressions[:, upto])
        if number == known.parts[-1]:
            memory = admit(memory, seen.panel.object_id[is_new])
        part = seen.of(memory.ad_id)
        yield part, _followed(part, rules) if is_anew else _stepped(memory, part.panel, missing), is_anew


def _goes_on(known: Standing, until: date, rules: MaturedPolicy) -> bool:
    has_same_rules = (known.ratio, known.certainty) == (
        rules.fatigue_ratio,
        certainty_for(rules.fatigue_false_alarms),
    )
    return has_same_rules and 0 <= (until - known.upto).days <= _WEEK


def _followed(part: History, rules: MaturedPolicy) -> Memory:
    return study(part.panel, rules, creative_id=part.creative_id, first=part.first)


def _stepped(memory: Memory, panel: Panel, missing: int) -> Memory:
    days = panel.clicks.shape[1]
    for day in range(days - missing, days):
        advance(memory, panel.clicks[:, day], panel.impressions[:, day], panel.spend_minor[:, day])
    return memory


def _stale(account: Account, now: datetime, most: timedelta) -> str | None:
    read_at = account.insights_read_at
    if read_at is None:
        return f"no figures of {account.name} were ever collected; the collector comes first"
    hours = (now - read_at) / timedelta(hours=1)
    limit = most / timedelta(hours=1)
    return f"figures of {account.name} are {hours:.1f} h old, over {limit:g} h" if now - read_at > most else None


def rows_of(cycles: LifeCycles, panel: Panel) -> Iterator[Row]:
    """Return what is kept of each ad: its stage, since when, and its click rate of the last days."""
    clicks, shown = panel.clicks[:, -_SHOWN_DAYS:], panel.impressions[:, -_SHOWN_DAYS:]
    rates = np.where(shown > 0, np.round(clicks / np.maximum(shown, 1), 6), -1.0)
    for row in range(len(cycles)):
        since = cycles.since_day.item(row)
        yield Row(
            stage=cycles.told(row), since=date.fromordinal(since) if since > 0 else None, rates=rates[row].tolist()
        )


cycle_tasks(app, "creative_intelligence", run)
