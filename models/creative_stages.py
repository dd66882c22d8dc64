"""The store of life-cycle stages, and what they are told from: days of ads, their creatives and early first weeks."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import psycopg
from sqlalchemy import Connection, delete, func, select, text

from decisions.life_course import FirstWeek
from domain.actions import ObjectKind
from domain.clock import require_aware
from domain.errors import InvariantError
from domain.evidence import AdStage, Stage
from domain.ids import AccountId
from domain.panel import Panel
from domain.snapshot import Texts
from estimators.response import find
from models import panels
from models.accounts import Account
from models.cleaning import clean_json, clean_text
from models.tables import ads, creative_stages

_FIGURES: Final = ("impressions", "clicks", "spend_minor")
_OF_PANEL: Final = ("object_id", "parent", "impressions", "clicks", "spend_minor", "purchases", "revenue_minor")
_DAYS_LEAST, _DAYS_MOST = 21, 60
_CELLS: Final = 2_000_000  # ad-days that are loaded: more ads, fewer days
_PART_ADS: Final = 20_000  # followed at once: bounds the memory; so many mates tell a day's common shock well enough
_LOOK_BACK: Final = timedelta(days=90)  # for first weeks that lie before the days followed
_COPY: Final = (
    "COPY creative_stages (account_id, ad_id, stage, probability, reason, words, evidence, since, rates, made_at)"
    " FROM STDIN"
)
_FIRST_WEEKS: Final = text("""
WITH numbered AS (
    SELECT i.ad_id, i.clicks, i.impressions, row_number() OVER (PARTITION BY i.ad_id ORDER BY i.day) AS n
    FROM insights_daily AS i
    JOIN ads AS a ON a.account_id = i.account_id AND a.id = i.ad_id
    WHERE i.account_id = :account AND i.day >= :since AND i.day < :first AND i.impressions > 0
        AND a.created_at >= :created_since AND a.created_at < :created_before
)
SELECT ad_id, sum(clicks)::bigint, sum(impressions)::bigint FROM numbered WHERE n <= 7
GROUP BY ad_id HAVING count(*) = 7
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What stages are told from; all arrays are rows of the panel."""

    panel: Panel
    creative_id: Texts  # "" where it is not known
    first: FirstWeek

    @property
    def until(self) -> date:
        """The last day."""
        return self.panel.first_day + timedelta(days=self.panel.clicks.shape[1] - 1)

    def parts(self) -> Iterator["History"]:
        """Return it in parts of whole ads."""
        for at in range(0, len(self.panel), _PART_ADS):
            rows = slice(at, at + _PART_ADS)
            panel = changed(self.panel, **{name: getattr(self.panel, name)[rows] for name in _OF_PANEL})
            first = FirstWeek(clicks=self.first.clicks[rows], impressions=self.first.impressions[rows])
            yield History(panel=panel, creative_id=self.creative_id[rows], first=first)

    def of(self, ad_id: Texts) -> "History":
        """Return it of these ads in their order; it has to hold them all."""
        row, is_there = find(ad_id, self.panel.object_id)
        if not is_there.all():
            raise InvariantError(
                f"{int((~is_there).sum())} of {len(ad_id)} ads are not in the history of {len(self.panel)}"
            )
        panel = changed(self.panel, **{name: getattr(self.panel, name)[row] for name in _OF_PANEL})
        first = FirstWeek(clicks=self.first.clicks[row], impressions=self.first.impressions[row])
        return History(panel=panel, creative_id=self.creative_id[row], first=first)


class Standing(NamedTuple):
    """An ad's stage on record, with what a table of them shows."""

    stage: AdStage
    name: str
    since: date | None
    rates: tuple[float, ...]
    made_at: datetime


class Row(NamedTuple):
    """An ad's stage to be kept."""

    stage: AdStage
    since: date | None
    rates: Sequence[float]


def history(conn: Connection, account: Account, now: datetime) -> History:
    """Load the last days of all ads: 60, or fewer where there are very many; and first weeks that lie before them.

    A first week that lies more than 90 days before those, or that nobody collected, is not known: then the first days
    loaded stand for it.
    """
    reading = panels.reading(account, now)
    count = conn.execute(select(func.count()).select_from(ads).where(ads.c.account_id == account.id)).scalar_one()
    days = int(np.clip(_CELLS // max(1, count), _DAYS_LEAST, _DAYS_MOST))
    known = conn.execute(select(ads.c.id, ads.c.creative_id, ads.c.ad_set_id).where(ads.c.account_id == account.id))
    of_ad = {row[0]: (row[1] or "", row[2]) for row in known}
    sets = np.array(sorted({ad_set for _, ad_set in of_ad.values()}), dtype=object)
    panel = panels.load(
        conn, account, ObjectKind.AD, days=days, reading=reading, parents=sets if len(sets) else None, figures=_FIGURES
    )
    creative_id = np.array([of_ad.get(str(ad), ("", ""))[0] for ad in panel.object_id], dtype=object)
    return History(panel=panel, creative_id=creative_id, first=_first_weeks(conn, account, panel))


def _first_weeks(conn: Connection, account: Account, panel: Panel) -> FirstWeek:
    since = panel.first_day - _LOOK_BACK
    asked = {
        "account": account.id, "since": since, "first": panel.first_day, "created_since": since,
        "created_before": panel.first_day,
    }  # fmt: skip
    found = {row[0]: (row[1], row[2]) for row in conn.execute(_FIRST_WEEKS, asked)}
    sums = np.array([found.get(str(ad), (0, 0)) for ad in panel.object_id], dtype=np.float64).reshape(-1, 2)
    return FirstWeek(clicks=sums[:, 0], impressions=sums[:, 1])


def replace(conn: Connection, account_id: AccountId, made_at: datetime, rows: Iterable[Row]) -> int:
    """Put these in the place of all that was told of the account's ads before; return how many there are."""
    forget(conn, account_id)
    return add(conn, account_id, made_at, rows)


def forget(conn: Connection, account_id: AccountId) -> None:
    """Drop all that was told of the account's ads."""
    conn.execute(delete(creative_stages).where(creative_stages.c.account_id == account_id))


def add(conn: Connection, account_id: AccountId, made_at: datetime, rows: Iterable[Row]) -> int:
    """Write stages of ads of which nothing is on record, as they come; return how many there are."""
    require_aware("made_at", made_at)
    driver = conn.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise InvariantError("loading needs a psycopg connection; engines come from models.engine.make_engine")
    written = 0
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for stage, since, rates in rows:
            evidence = json.dumps(clean_json(dict(stage.evidence)), allow_nan=False)
            copy.write_row(
                (account_id, stage.ad_id, stage.stage.value, stage.probability, stage.reason, clean_text(stage.words),
                 evidence, since, list(rates), made_at)
            )  # fmt: skip
            written += 1
    return written


def current(conn: Connection, account_id: AccountId) -> tuple[AdStage, ...]:
    """Return the tiring and fatigued ads as last told, by id."""
    table = creative_stages
    query = (
        select(table.c.ad_id, table.c.stage, table.c.probability, table.c.reason, table.c.words, table.c.evidence)
        .where(table.c.account_id == account_id, table.c.stage.in_((Stage.TIRING.value, Stage.FATIGUED.value)))
        .order_by(table.c.ad_id)
    )
    return tuple(_stage(row) for row in conn.execute(query))


def made_at(conn: Connection, account_id: AccountId) -> datetime | None:
    """Return when stages were last told (platform's clock), None = never."""
    query = select(func.max(creative_stages.c.made_at)).where(creative_stages.c.account_id == account_id)
    found: datetime | None = conn.execute(query).scalar_one()
    return found


def listing(conn: Connection, account_id: AccountId, stage: Stage | None, limit: int) -> tuple[Standing, ...]:
    """Return stages on record, the most likely tired first."""
    table = creative_stages
    query = (
        select(
            table.c.ad_id,
            table.c.stage,
            table.c.probability,
            table.c.reason,
            table.c.words,
            table.c.evidence,
            func.coalesce(ads.c.name, ""),
            table.c.since,
            table.c.rates,
            table.c.made_at,
        )
        .join(ads, (ads.c.account_id == table.c.account_id) & (ads.c.id == table.c.ad_id), isouter=True)
        .where(table.c.account_id == account_id)
        .order_by(table.c.probability.desc(), table.c.ad_id)
        .limit(limit)
    )
    if stage is not None:
        query = query.where(table.c.stage == stage.value)
    return tuple(
        Standing(stage=_stage(row[:6]), name=row[6], since=row[7], rates=tuple(row[8]), made_at=row[9])
        for row in conn.execute(query)
    )


def counts(conn: Connection, account_id: AccountId) -> dict[Stage, int]:
    """Return how many ads stand where."""
    table = creative_stages
    query = select(table.c.stage, func.count()).where(table.c.account_id == account_id).group_by(table.c.stage)
    found = {Stage(row[0]): int(row[1]) for row in conn.execute(query)}
    return {stage: found.get(stage, 0) for stage in Stage}


def _stage(row: Sequence[Any]) -> AdStage:
    ad_id, stage, probability, reason, words, evidence = row
    return AdStage(
        ad_id=ad_id, stage=Stage(stage), probability=probability, reason=reason, words=words, evidence=evidence
    )
