"""Counts calls against the limits of each account and of the app, refuses what is too much, and tells how full it is.

What the facts leave open is decided here. A call counts when it is taken, whatever comes of it; one that a limit
refuses costs nothing: Meta's page on limits says that calls fail until the count has dropped below the limit. An
account is served until a limit is reached, so that a header of 100 and a refusal of the next call are the same thing.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from sandbox.meta.limits.headers import Filled, Headers, account_headers, app_headers
from sandbox.meta.limits.ledger import Ledger
from sandbox.meta.limits.table import APP, HOURLY, READ_POINTS, SCORES, WRITE_POINTS, HourlyLimit, Size
from sandbox.meta.protocol.errors import GraphError, throttled
from sandbox.meta.route import INSIGHTS, MANAGEMENT

_APP_LEDGER = ""  # the app's own books, beside those of the accounts
_SHOWN = (MANAGEMENT, INSIGHTS)  # told of every account; other use cases of those that use them


class Throttled(GraphError):  # noqa: N818 - reads as a state
    """A limit's refusal that no other header speaks of: `wait_s` until it is over."""

    def __init__(self, code: int, subcode: int | None, *, wait_s: float) -> None:
        told = throttled(code, subcode)
        super().__init__(code, told.message, subcode=subcode)
        self.wait_s = wait_s


class Usage:
    """The books of all accounts. `keep` is handed what must outlive a kill: whatever is full, as one text."""

    def __init__(
        self, tier: str, *, size_of: Callable[[str], Size] = lambda _: Size(), kept: str | None = None,
        keep: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.tier = tier
        self.peak = 0.0  # the largest share of a score that any account ever used
        self._size_of = size_of
        self._keep = keep
        found: dict[str, dict[str, Any]] = msgspec.json.decode(kept) if kept else {}
        self._ledgers = {name: Ledger.load(row) for name, row in found.items()}

    @property
    def block_s(self) -> float:
        """For how long an account is blocked whose score is used up."""
        return SCORES[self.tier].block_s

    def charge(
        self, account_id: str, *, is_write: bool, now_s: float, use_case: str = MANAGEMENT, has_seconds: bool = True
    ) -> None:  # fmt: skip
        """Count a call about an account. `has_seconds` is False while the clock stands: no rate of writes then.

        Raises:
            GraphError: 17/2446079 (the score), 80000, 80003 or 80004 (the hour), 613/5044001 (writes of a second).
        """
        ledger = self._ledger(account_id)
        is_mutation = (
            is_write and has_seconds and use_case != INSIGHTS
        )  # a report that is asked by POST changes nothing
        score = SCORES[self.tier]
        if ledger.blocked_s(score, now_s=now_s) > 0:
            raise throttled(17, 2_446_079)
        limit, most = self._hourly(use_case, account_id, now_s=now_s)
        if ledger.hour(use_case).count(now_s) >= most:
            raise throttled(limit.code, 2_446_079)
        if is_mutation and (wait_s := ledger.mutation_wait_s(now_s)) > 0:
            raise Throttled(613, 5_044_001, wait_s=wait_s)
        ledger.hour(use_case).add(now_s)
        if is_mutation:
            ledger.mutations.append(now_s)
        is_blocked = ledger.add_points(WRITE_POINTS if is_write else READ_POINTS, score, now_s=now_s)
        self.peak = max(self.peak, min(1.0, ledger.score(score, now_s=now_s) / score.most))
        if is_blocked or ledger.hour(use_case).count(now_s) >= most:
            self._keep(self._full(now_s))

    def charge_app(self, *, now_s: float) -> None:
        """Count a call about no account.

        Raises:
            GraphError: 4, the app's hour.
        """
        limit, most = self._hourly(APP, _APP_LEDGER, now_s=now_s)
        hour = self._ledger(_APP_LEDGER).hour(APP)
        if hour.count(now_s) >= most:
            raise throttled(limit.code, None)
        hour.add(now_s)
        if hour.count(now_s) >= most:
            self._keep(self._full(now_s))

    def note_error(self, account_id: str, *, now_s: float) -> None:
        """Count an insights call that the caller got wrong: it lowers the hour's limit."""
        self._ledger(account_id).errors.add(now_s)

    def errors(self, account_id: str, *, now_s: float) -> int:
        """Return how many insights calls of the hour their caller got wrong."""
        return self._ledger(account_id).errors.count(now_s)

    def headers(self, account_id: str | None, *, now_s: float) -> Headers:
        """Return the usage headers that go with an answer: the app's, and the account's three if it is about one."""
        app = self._filled(_APP_LEDGER, APP, now_s=now_s)
        if account_id is None:
            return app_headers(app)
        ledger, score = self._ledger(account_id), SCORES[self.tier]
        blocked_s = ledger.blocked_s(score, now_s=now_s)
        shown = [*_SHOWN, *(name for name in ledger.hours if name not in _SHOWN and ledger.hours[name].count(now_s))]
        return app_headers(app) + account_headers(
            account_id,
            tier=self.tier,
            score=1.0 if blocked_s > 0 else ledger.score(score, now_s=now_s) / score.most,
            blocked_s=blocked_s,
            cases=[self._filled(account_id, name, now_s=now_s) for name in shown],
            app=app,
        )

    def _filled(self, name: str, use_case: str, *, now_s: float) -> Filled:
        hour = self._ledger(name).hour(use_case)
        calls = hour.count(now_s)
        if not calls:  # of most accounts most hours are empty: these headers go with every answer
            return Filled(use_case=use_case, share=0.0, wait_s=0.0)
        _, most = self._hourly(use_case, name, now_s=now_s)
        wait_s = hour.wait_s(most, now_s) if calls >= most else 0.0
        return Filled(use_case=use_case, share=min(1.0, calls / most), wait_s=wait_s)

    def _hourly(self, use_case: str, name: str, *, now_s: float) -> tuple[HourlyLimit, int]:
        """Return a row, and how many calls it allows of an account as it is now."""
        limit = HOURLY[use_case, self.tier]
        size = self._size_of(name) if limit.per_active else Size()
        errors = self.errors(name, now_s=now_s) if limit.per_error else 0
        return limit, limit.calls(active=size.active(use_case), errors=errors)

    def _ledger(self, name: str) -> Ledger:
        ledger = self._ledgers.get(name)
        if ledger is None:
            ledger = self._ledgers[name] = Ledger()
        return ledger

    def _full(self, now_s: float) -> str:
        rows = {}
        for name, ledger in self._ledgers.items():
            full = [case for case in ledger.hours if self._filled(name, case, now_s=now_s).share >= 1]
            if full or ledger.blocked_s(SCORES[self.tier], now_s=now_s) > 0:
                rows[name] = ledger.dump(full)
        return msgspec.json.encode(rows).decode()


__all__ = ["GraphError", "Headers", "Throttled", "Usage"]
