"""The three rankings of an ad against others, keyed by ad and assumed: the platform compares with ads unknown here."""

from typing import Final

from sandbox.account import Account
from sandbox.market.dice import object_key
from sandbox.meta.insights.report import Report

RANKINGS: Final = ("quality_ranking", "engagement_rate_ranking", "conversion_rate_ranking")
_LEAST_IMPRESSIONS: Final = 500  # under which the platform ranks nothing
_S_RANK: Final = 91
_UPTO: Final = (
    (0.30, "ABOVE_AVERAGE"), (0.75, "AVERAGE"), (0.90, "BELOW_AVERAGE_35"), (0.97, "BELOW_AVERAGE_20"),
    (1.01, "BELOW_AVERAGE_10"),
)  # fmt: skip


def rank_columns(table: Report, here: slice, *, account: Account) -> dict[str, list[str]]:
    """Return the rankings of the ads that a slice's rows are about."""
    owners, shown = table.owner[here].tolist(), table.figures[0, here].tolist()
    held = {owner: _ranks(account.seed, int(table.nodes[owner].id)) for owner in set(owners)}
    return {
        name: [
            held[owner][n] if seen >= _LEAST_IMPRESSIONS else "UNKNOWN"
            for owner, seen in zip(owners, shown, strict=True)
        ]
        for n, name in enumerate(RANKINGS)
    }


def _ranks(seed: int, ad_id: int) -> tuple[str, ...]:
    luck = [object_key(seed, ad_id, _S_RANK + n) / 2**64 for n in range(len(RANKINGS))]
    return tuple(next(rank for upto, rank in _UPTO if value < upto) for value in luck)
