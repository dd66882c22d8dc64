"""The store of ad accounts. `open_account` learns what the platform says; `change` sets what people say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.actions import Json, Level, Mode
from domain.errors import BadInputError, NotReadyError
from domain.ids import AccountId, PlatformAccountId
from domain.objects import AccountInfo
from models import audit
from models.cleaning import clean_text
from models.tables import accounts

# What `open_account` may refresh in a row that is there; everything else belongs to people and to the machinery.
_SAID_BY_PLATFORM: Final = ("name", "currency", "zone", "minimum_daily_budget_minor")
# What readers of the platform note down as they go; anything else that changes is told in the audit.
_NOTED_BY_READERS: Final = frozenset(
    {
        "tree_read_at",
        "tree_full_read_at",
        "insights_read_at",
        "insights_loaded_from",
        "insights_unfinished",
        "activities_read_at",
    }
)
_FIXED: Final = frozenset({"id", "platform", "platform_account_id", "mode", "opened_at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A row of `accounts`. Caps and goals are None where none is set; instants of reading are the platform's clock."""

    id: AccountId
    platform: str
    platform_account_id: PlatformAccountId
    name: str
    currency: str
    zone: str
    mode: Mode
    level: Level
    page_id: str | None
    pixel_id: str | None
    countries: tuple[str, ...]
    max_daily_budget_per_ad_set_minor: int | None
    max_daily_budget_per_campaign_minor: int | None
    max_total_daily_spend_minor: int | None
    minimum_daily_budget_minor: int
    is_paused: bool
    fence_closed: bool
    fence_epoch: int
    fence_reason: str
    tree_read_at: datetime | None
    tree_full_read_at: datetime | None
    insights_read_at: datetime | None
    insights_loaded_from: date | None
    goal_roas: float | None
    goal_cpa_minor: int | None
    margin: float | None
    month_budget_minor: int | None
    max_worst_day_minor: int | None
    max_change_without_approval_minor: int | None
    opened_at: datetime
    activities_read_at: datetime | None = None
    insights_unfinished: Mapping[str, str | None] = field(default_factory=dict)


def get(conn: Connection, account_id: AccountId) -> Account:
    """Read one account.

    Raises:
        NotReadyError: there is none of that id.
    """
    row = conn.execute(select(accounts).where(accounts.c.id == account_id)).one_or_none()
    if row is None:
        raise NotReadyError(f"no account {account_id}; `stakazo account list` shows those that are open")
    return _account(row)


def find(conn: Connection, platform: str, platform_account_id: PlatformAccountId, mode: Mode) -> Account | None:
    """Read one account by the platform's own id of it."""
    query = select(accounts).where(
        accounts.c.platform == platform,
        accounts.c.platform_account_id == platform_account_id,
        accounts.c.mode == mode,
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else _account(row)


def listing(conn: Connection, platform: str | None = None) -> tuple[Account, ...]:
    """Read all accounts, of one platform if named, in the order in which they were opened."""
    query = select(accounts).order_by(accounts.c.id)
    if platform is not None:
        query = query.where(accounts.c.platform == platform)
    return tuple(_account(row) for row in conn.execute(query))


def open_account(
    conn: Connection,
    *,
    platform: str,
    info: AccountInfo,
    mode: Mode,
    level: Level,
    page_id: str | None = None,
    pixel_id: str | None = None,
    countries: Sequence[str] = (),
    actor: str = "stakazo",
) -> AccountId:
    """Open an account, or refresh what the platform says of one that is open.

    Level, caps, marks, page, pixel and countries of an existing row stay as they are: those are `change`'s.
    """
    row = insert(accounts).values(
        platform=platform,
        platform_account_id=info.id,
        name=clean_text(info.name),
        currency=info.currency,
        zone=info.zone,
        mode=mode.value,
        level=level.value,
        page_id=page_id,
        pixel_id=pixel_id,
        countries=list(countries),
        minimum_daily_budget_minor=info.minimum_daily_budget_minor,
    )
    upsert = row.on_conflict_do_update(
        index_elements=["platform", "platform_account_id", "mode"],
        set_={name: row.excluded[name] for name in _SAID_BY_PLATFORM},
    )
    found = conn.execute(upsert.returning(accounts.c.id, literal_column("xmax = 0").label("is_new"))).one()
    account_id = AccountId(found.id)
    if found.is_new:
        told: dict[str, Json] = {"platform": platform, "platform_account_id": info.id, "mode": mode, "level": level}
        audit.note(conn, actor=actor, event="account.opened", account_id=account_id, detail=told)
    return account_id


def change(conn: Connection, account_id: AccountId, *, actor: str = "stakazo", **fields: object) -> Account:
    """Set columns of one account and read it back; identity columns cannot be set. The audit tells who and what.

    Raises:
        BadInputError: a field that there is none of, or that is fixed.
        NotReadyError: no such account.
    """
    open_fields = {column.name for column in accounts.c} - _FIXED
    wrong = sorted(set(fields) - open_fields)
    if wrong:
        raise BadInputError(
            f"an account has no field {', '.join(wrong)} to set; there are {', '.join(sorted(open_fields))}"
        )
    if not fields:
        return get(conn, account_id)
    values = {name: _plain(value) for name, value in fields.items()}
    told = set(fields) - _NOTED_BY_READERS
    locked = select(accounts).where(accounts.c.id == account_id).with_for_update()
    before = conn.execute(locked).first() if told else None
    row = conn.execute(
        update(accounts).where(accounts.c.id == account_id).values(values).returning(accounts)
    ).one_or_none()
    if row is None:
        raise NotReadyError(f"no account {account_id}; `stakazo account list` shows those that are open")
    after = _account(row)
    if before is not None:
        _tell(conn, actor, _account(before), after, told)
    return after


def _tell(conn: Connection, actor: str, before: Account, after: Account, names: set[str]) -> None:
    changed = sorted(name for name in names if getattr(before, name) != getattr(after, name))
    if changed:
        told: dict[str, Json] = {
            "before": {name: _plain(getattr(before, name)) for name in changed},
            "after": {name: _plain(getattr(after, name)) for name in changed},
        }
        audit.note(conn, actor=actor, event="account.changed", account_id=after.id, detail=told)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _account(row: Row[tuple[object, ...]]) -> Account:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    values |= {
        "mode": Mode(values["mode"]),
        "level": Level(values["level"]),
        "countries": tuple(values["countries"]),
    }
    return Account(**values)
