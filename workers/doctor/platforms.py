"""The ad platforms as we are set up to reach them: accounts and their caps, the platform's clock, our token."""

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from domain import catalogue
from domain.actions import Level, Mode
from domain.errors import StakazoError
from domain.platforms import Platform
from models import accounts
from models.accounts import Account
from workers import addresses, sandbox_admin
from workers.bootstrap import House
from workers.doctor.findings import Finding, Grade


def accounts_open(house: House) -> Iterator[Finding]:
    """See that there is an account, and that those which act have caps that hold."""
    with house.engine.begin() as conn:
        people = accounts.listing(conn)
    if not people:
        yield Finding(
            check="accounts", grade=Grade.WARN, says="no account is open", advice="`stakazo up` opens the sandbox's"
        )
        return
    without = [account for account in people if account.level is Level.AUTO and _lacks_cap(account)]
    for account in without:
        yield Finding(
            check="accounts",
            grade=Grade.WARN,
            says=f"account {account.id} acts without a cap of its own in {account.currency}",
            advice=f'stakazo account set {account.id} --max-total-daily-spend "... {account.currency}" '
            f'--max-daily-budget-per-adset "... {account.currency}"',
        )
    if not without:
        yield Finding(check="accounts", grade=Grade.OK, says=f"{len(people)} open; those that act have caps")


def clocks(house: House) -> Iterator[Finding]:
    """See that the clock which rules the business can be read, and that time passes on it."""
    if Mode.STUB not in {mode for _, mode in _reached(house)}:
        yield Finding(check="platform's clock", grade=Grade.OK, says="live accounts go by this machine's clock")
        return
    now, speed = sandbox_admin.read_clock(addresses.sandbox_admin_url(house.settings))
    says = f"the sandbox is at {now:%Y-%m-%d %H:%M}Z, speed {speed:g}"
    if speed > 0:
        yield Finding(check="platform's clock", grade=Grade.OK, says=says)
    else:
        advice = "`stakazo sandbox advance --hours 1` moves it; `stakazo up --speed 1` lets it run"
        yield Finding(check="platform's clock", grade=Grade.WARN, says=f"{says}: it stands still", advice=advice)


def tokens(house: House) -> Iterator[Finding]:
    """Ask each platform whether it takes our token, and for what."""
    for platform, mode in _reached(house):
        told = house.client(platform.slug, mode).reader.token()
        missing = sorted(set(platform.live_scopes) - set(told.scopes))
        until = f"until {told.expires_at:%Y-%m-%d}" if told.expires_at else "without an end"
        if not told.is_valid:
            grade, says = Grade.FAIL, f"{platform.title} ({mode}) does not take our token"
        elif missing:
            grade, says = Grade.FAIL, f"our token for {platform.title} ({mode}) lacks {', '.join(missing)}"
        else:
            grade, says = Grade.OK, f"{platform.title} ({mode}) takes our token {until}, for {', '.join(told.scopes)}"
        yield Finding(
            check="token", grade=grade, says=says, advice="" if grade is Grade.OK else _way_to_token(platform)
        )


def _way_to_token(platform: Platform) -> str:
    scopes = " and ".join(platform.live_scopes)
    return f"make a token of a system user with {scopes} and set {platform.slug.upper()}_ACCESS_TOKEN"


def _lacks_cap(account: Account) -> bool:
    return account.max_total_daily_spend_minor is None or account.max_daily_budget_per_ad_set_minor is None


def _reached(house: House) -> list[tuple[Platform, Mode]]:
    """Return platforms in the modes that settings or open accounts ask for."""
    found = {(platform.slug, house.settings.of(platform.slug).api_mode) for platform in catalogue.built_platforms()}
    try:
        with house.engine.begin() as conn:
            found |= {(account.platform, account.mode) for account in accounts.listing(conn)}
    except (SQLAlchemyError, StakazoError):
        pass  # that Postgres is away has its own finding
    return [(catalogue.platform(slug), mode) for slug, mode in sorted(found)]
