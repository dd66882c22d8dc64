"""What later readings added to past days, ad by ad: with it, figures can be told as they were known on any day."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection

from domain.ids import AccountId
from models.columns import fetch_columns

# Days and days of reading as ordinals, 1 = 0001-01-01, as Python counts them.
_LATE: Final = """
SELECT ad_id, (day - date '0001-01-01' + 1)::bigint AS on_day, (read_on - date '0001-01-01' + 1)::bigint AS read_on,
    impressions::bigint AS impressions, clicks::bigint AS clicks, spend_minor, purchases::bigint AS purchases,
    revenue_minor
FROM insight_increments WHERE account_id = %(account)s AND day BETWEEN %(first)s AND %(last)s
"""
_NUMBERS: Final = ("on_day", "read_on", "impressions", "clicks", "spend_minor", "purchases", "revenue_minor")


def late(conn: Connection, account_id: AccountId, first: date, last: date) -> Mapping[str, Any]:
    """Return the increments of days from `first` to `last` as columns of one length, `ad_id` among them."""
    asked = {"account": account_id, "first": first, "last": last}
    return fetch_columns(conn, _LATE, asked, texts=(), repeated=("ad_id",), numbers=_NUMBERS)
