"""How single values of the environment are read, and which are refused; no message quotes one that may be a secret."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from domain.errors import BadInputError
from domain.money import Money
from domain.quiet_hours import QuietHours

_SHORTEST_KEY = 16
_POSTGRES_SCHEMES = ("postgresql://", "postgres://", "postgresql+psycopg://", "postgresql+asyncpg://")
_REDIS_SCHEMES = ("redis://", "rediss://")


def money(value: object) -> object:
    """Read an amount with its currency."""
    if not isinstance(value, str):
        return value
    try:
        return Money.parse(value)
    except BadInputError as error:
        raise ValueError(str(error)) from None


def postgres_address(value: object) -> object:
    """Refuse what is not the address of a Postgres server; blank = none."""
    if isinstance(value, str) and value and not (value.startswith(_POSTGRES_SCHEMES) and _is_readable(value)):
        raise ValueError("not the address of a Postgres server")
    return value or None


def redis_address(value: object) -> object:
    """Refuse what is not the address of a Redis server; blank = none."""
    schemes = (*_REDIS_SCHEMES, "redis+socket://", "unix://")
    if isinstance(value, str) and value and not (value.startswith(schemes) and _is_readable(value)):
        raise ValueError("not the address of a Redis server")
    return value or None


def _is_readable(address: str) -> bool:
    """Whether its parts can be told apart and its port is a number: drivers fail on others in ways of their own."""
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False


def safe_address(address: object) -> object:
    """Refuse an address to which our token would go in the clear, or that holds a password itself."""
    if not isinstance(address, str) or not address:
        return None
    parts = urlsplit(address)  # its ValueError names what is wrong with the address
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("not a plain address")
    is_here = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here):
        raise ValueError("our token would go out unencrypted")
    return address


def no_file(folder: Path) -> Path:
    """Refuse a folder that a file stands in the way of."""
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not nearest.is_dir():
        raise ValueError(f"{nearest} is a file")
    return folder


def fitting_the_clock(minutes: int) -> int:
    """Refuse a cadence that would not come at the same minutes each day."""
    if 60 % minutes and minutes % 60:
        raise ValueError("it does not fit the clock")
    return minutes


def lower(value: object) -> object:
    """Read a word in any case."""
    return value.strip().lower() if isinstance(value, str) else value


def long_enough(value: object) -> object:
    """Refuse a key that can be guessed; blank = none."""
    if isinstance(value, str) and 0 < len(value) < _SHORTEST_KEY:
        raise ValueError("too short")
    return value or None


def blank_is_none(value: object) -> object:
    """Read a setting that is there and empty as one that is not set."""
    return None if value == "" else value


def smtp_address(address: SecretStr | None) -> SecretStr | None:
    """Refuse what is not the address of a mail server."""
    if address is not None:
        text = address.get_secret_value()
        if not (text.startswith(("smtp://", "smtps://")) and _is_readable(text) and urlsplit(text).hostname):
            raise ValueError("not the address of a mail server")
    return address


def alert_addresses(addresses: SecretStr | None) -> SecretStr | None:
    """Refuse a list in which one is no address; says which, and quotes none."""
    for place, text in enumerate(addresses.get_secret_value().split() if addresses else (), start=1):
        if "://" not in text:
            raise ValueError(f"number {place} of them is no address")
    return addresses


def secret_address(address: SecretStr | None) -> SecretStr | None:
    """Refuse an address that would travel, key and all, in the clear."""
    if address is not None:
        text = address.get_secret_value()
        is_here = _is_readable(text) and urlsplit(text).hostname in {"127.0.0.1", "::1", "localhost"}
        if not (_is_readable(text) and (text.startswith("https://") or (text.startswith("http://") and is_here))):
            raise ValueError("not an https address")
    return address


def quiet_hours(value: object) -> object:
    """Read hours with their time zone; blank = none."""
    if not isinstance(value, str):
        return value
    try:
        return QuietHours.parse(value) if value.strip() else None
    except BadInputError as error:
        raise ValueError(str(error)) from None
