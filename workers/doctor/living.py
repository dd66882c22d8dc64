"""A look at the real platforms, reading only: token, scopes, version life, and each live account in words.

Nothing here may hold a client's writing half: it is given readers.
"""

from collections.abc import Iterator
from datetime import date, datetime

from domain import catalogue
from domain.actions import Level, Mode
from domain.errors import PlatformError, StakazoError
from domain.money import Money
from domain.objects import AccountInfo
from domain.platforms import Platform
from domain.ports import PlatformReader, VersionLife
from models import accounts
from models.accounts import Account
from workers.bootstrap import House
from workers.doctor.findings import Finding, Grade
from workers.live import token_problems

_SOON_DAYS = 30
_VERSION_SOON_DAYS = 60


def examine_live(house: House, now: datetime) -> Iterator[Finding]:
    """Explain what stands between us and observing each built platform; changes nothing anywhere."""
    with house.engine.begin() as conn:
        rows = [row for row in accounts.listing(conn) if row.mode is Mode.LIVE]
    for platform in catalogue.built_platforms():
        try:
            reader = house.reader_to_examine(platform.slug)
            yield version_life(platform, reader.version(), now.date())
            yield from _token(platform, reader, now)
        except StakazoError as error:
            says, _, advice = str(error).partition("; ")
            yield Finding(check="live", grade=Grade.FAIL, says=says, advice=advice)
            continue
        yield from _accounts(platform, reader, [row for row in rows if row.platform == platform.slug])


def version_life(platform: Platform, life: VersionLife, today: date) -> Finding:
    """Say how long the version of the API that we speak will live."""
    says = f"we speak {life.name} of {platform.title}'s API"
    advice = "install a newer Stakazo before that day"
    if life.ends_on is not None and life.ends_on < today:
        says = f"{says}, which ended on {life.ends_on}"
        return Finding(check="version", grade=Grade.FAIL, says=says, advice="install a newer Stakazo")
    if life.warning:
        says = f'{says}; its answers say "{life.warning}"'
        return Finding(check="version", grade=Grade.WARN, says=says, advice="install a newer Stakazo")
    if life.ends_on is None:
        newer = "the newest that we know of" if life.newest == life.name else f"{life.newest} is out"
        return Finding(check="version", grade=Grade.OK, says=f"{says}, {newer}; no end of it is announced")
    left_days = (life.ends_on - today).days
    grade = Grade.WARN if left_days <= _VERSION_SOON_DAYS else Grade.OK
    says = f"{says}, which ends on {life.ends_on}, in {left_days} days"
    return Finding(check="version", grade=grade, says=says, advice=advice if grade is Grade.WARN else "")


def _token(platform: Platform, reader: PlatformReader, now: datetime) -> Iterator[Finding]:
    told = reader.token()
    problems = token_problems(platform, told)
    setting = f"{platform.slug.upper()}_ACCESS_TOKEN"
    for problem in problems:
        yield Finding(
            check="token", grade=Grade.FAIL, says=problem, advice=f"grant it, make a new token, set {setting}"
        )
    if told.is_valid:
        needed, granted = ", ".join(platform.live_scopes), ", ".join(told.scopes) or "nothing"
        yield Finding(check="scopes", grade=Grade.OK, says=f"granted: {granted}; needed: {needed}")
    if problems:
        return
    if told.expires_at is None:
        says = "it works; when it ends was not told: a system user's does not end, a person's does after about 60 days"
        yield Finding(check="token", grade=Grade.OK, says=says)
        return
    left_days = (told.expires_at - now).days
    grade = Grade.WARN if left_days <= _SOON_DAYS else Grade.OK
    says = f"it works until {told.expires_at:%Y-%m-%d}, {left_days} days more"
    yield Finding(check="token", grade=grade, says=says, advice=f"renew it and set {setting}" if left_days < 1 else "")


def _accounts(platform: Platform, reader: PlatformReader, rows: list[Account]) -> Iterator[Finding]:
    if not rows:
        advice = f"`stakazo account open --platform {platform.slug}` lists what the token sees and opens one"
        says = f"no live account of {platform.title} is open"
        yield Finding(check="live account", grade=Grade.WARN, says=says, advice=advice)
    for row in rows:
        try:
            yield from explain_account(row, reader.account(row.platform_account_id))
        except PlatformError as error:
            says = f"account {row.id} ({row.platform_account_id}) cannot be read: {error}"
            yield Finding(
                check="live account", grade=Grade.FAIL, says=says, advice="give the token's user access to it"
            )


def explain_account(row: Account, info: AccountInfo) -> Iterator[Finding]:
    """Say of an account what the platform says, what may stop it, and what we may do with it."""
    name = f"account {row.id} ({row.platform_account_id})"
    why = f": {info.disable_reason}" if info.disable_reason else ""
    says = f"{name} is {info.status_text}{why}; {info.currency}, days of {info.zone}"
    advice = "" if info.is_active else "settle it in the platform's own interface; until then nothing there delivers"
    yield Finding(check="live account", grade=Grade.OK if info.is_active else Grade.FAIL, says=says, advice=advice)
    yield _spend_cap(name, info)
    yield _caps(name, row)
    acts = "observes: it records what it would do and sends nothing" if row.level is Level.OBSERVE else "acts by itself"
    yield Finding(check="level", grade=Grade.OK, says=f"{name} {acts}")


def _spend_cap(name: str, info: AccountInfo) -> Finding:
    if info.spend_cap_minor is None:
        return Finding(check="spend cap", grade=Grade.OK, says=f"{name} has no spending limit on the platform")
    cap = Money(info.spend_cap_minor, info.currency)
    spent = "" if info.spent_minor is None else f", {Money(info.spent_minor, info.currency)} of it spent"
    return Finding(check="spend cap", grade=Grade.OK, says=f"{name} may spend {cap} in its life{spent}")


def _caps(name: str, row: Account) -> Finding:
    own = {
        "--max-total-daily-spend": row.max_total_daily_spend_minor,
        "--max-daily-budget-per-adset": row.max_daily_budget_per_ad_set_minor,
    }
    held = [f"{option.removeprefix('--')} {Money(minor, row.currency)}" for option, minor in own.items() if minor]
    missing = [option for option, minor in own.items() if minor is None]
    if not missing:
        return Finding(check="caps", grade=Grade.OK, says=f"{name}: {', '.join(held)}")
    asked = " ".join(f'{option} "... {row.currency}"' for option in missing)
    grade = Grade.WARN if row.level is Level.OBSERVE else Grade.FAIL
    says = f"{name} has no cap of its own: {', '.join(option.removeprefix('--') for option in missing)}"
    return Finding(check="caps", grade=grade, says=says, advice=f"stakazo account set {row.id} {asked}")
