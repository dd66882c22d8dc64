"""Hand-made panels of one account: every ad with the same figures on each day, unless told."""

from datetime import date

import numpy as np

from domain.actions import ObjectKind
from domain.panel import Panel

DAYS = 28


def panel(kind, *, spend, purchases, order=5_000, parent=None, days=DAYS, currency="EUR"):
    """A panel of len(spend) objects; `spend` and `purchases` are per day."""
    rows = len(spend)
    shape = (rows, days)
    bought = _wide(purchases, shape).astype(np.int64)
    return Panel(
        kind=kind, currency=currency, first_day=date(2026, 3, 1),
        object_id=np.array([f"{kind}-{row:03d}" for row in range(rows)], dtype=object),
        parent=np.full(rows, -1) if parent is None else np.asarray(parent, dtype=np.int64),
        age_days=np.arange(days, 0, -1), impressions=np.full(shape, 1_000), clicks=np.full(shape, 50),
        spend_minor=_wide(spend, shape).astype(np.int64), purchases=bought,
        revenue_minor=bought * order,
    )  # fmt: skip


def _wide(figures, shape):
    return np.broadcast_to(np.asarray(figures).reshape(shape[0], -1) if shape[0] else np.zeros(shape), shape)


def tree(spend, purchases, **more):
    """Ads in one ad set in one campaign, with the sums of them above."""
    ads = panel(ObjectKind.AD, spend=spend, purchases=purchases, parent=np.zeros(len(spend)), **more)
    total = [[row.sum(axis=0)] for row in (ads.spend_minor, ads.purchases)]
    sets = panel(ObjectKind.AD_SET, spend=total[0], purchases=total[1], parent=[0], **more)
    campaigns = panel(ObjectKind.CAMPAIGN, spend=total[0], purchases=total[1], **more)
    return ads, sets, campaigns
