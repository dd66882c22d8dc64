"""Which channels the settings name, what they are called, and where each goes. Nothing is sent here.

A name may be shown anywhere; an address may hold a token and is shown nowhere.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from workers.settings import Settings

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]{0,30})://\S+", re.IGNORECASE)
_KNOWN: Final = {"mailto": "email", "mailtos": "email", "tgram": "telegram", "json": "web-hook", "jsons": "web-hook"}
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LOCAL_MAIL: Final = "smtp://localhost:25"
_TELLING: Final = 12  # letters from which a piece of an address may be a key


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One way to people; `name` may be shown, the address may not."""

    name: str
    address: SecretStr = field(repr=False)


def channels_of(settings: Settings) -> Iterator[Channel]:
    """List what the settings name: e-mail and Slack by their own settings, then ALERT_URLS in its order."""
    addresses = tuple(_addresses(settings))
    for place, address in enumerate(addresses):
        kind = kind_of(address)
        earlier = sum(kind_of(other) == kind for other in addresses[:place])
        yield Channel(name=f"{kind}-{earlier + 1}" if earlier else kind, address=SecretStr(address))


def secrets_of_channels(settings: Settings) -> Iterator[str]:
    """Every text that would let somebody else speak in our name: whole addresses, and their passwords and paths."""
    common = settings.common
    others = (row.get_secret_value() for row in (common.deadman_url, common.alert_smtp_url) if row)
    for address in (*_addresses(settings), *others):
        yield address
        try:
            parts = urlsplit(address)
        except ValueError:
            continue
        pieces = (parts.password, parts.username, parts.query, *parts.path.split("/"))
        yield from {text for piece in pieces if piece for text in (piece, unquote(piece)) if len(text) >= _TELLING}


def kind_of(address: str) -> str:
    """Name a channel by its address's scheme, in words that people know; nothing else of it is shown."""
    if _host_of(address) == "hooks.slack.com":
        return "slack"
    found = _SCHEME.match(address)
    scheme = found[1].lower() if found else "unreadable"
    return _KNOWN.get(scheme, scheme)


def _host_of(address: str) -> str | None:
    """The host of an address, None if it has none or cannot be read."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _addresses(settings: Settings) -> Iterator[str]:
    common = settings.common
    if common.alert_email:
        smtp = common.alert_smtp_url.get_secret_value() if common.alert_smtp_url else _LOCAL_MAIL
        yield mail_address(smtp, common.alert_email)
    if common.alert_slack_webhook_url:
        yield common.alert_slack_webhook_url.get_secret_value()
    if common.alert_urls:
        yield from common.alert_urls.get_secret_value().split()


def mail_address(smtp_url: str, to: str) -> str:
    """Write a mail server and a recipient as apprise's address; a password never goes out unencrypted."""
    parts = urlsplit(smtp_url)
    host, user, password = parts.hostname or "localhost", unquote(parts.username or ""), unquote(parts.password or "")
    is_plain = parts.scheme == "smtp" and host in _LOCAL and not password
    mode = "ssl" if parts.scheme == "smtps" else "insecure" if is_plain else "starttls"
    port = parts.port or {"ssl": 465, "insecure": 25, "starttls": 587}[mode]
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if password else ""
    sender = user if "@" in user else f"stakazo@{to.rpartition('@')[2]}"
    scheme = "mailto" if mode == "insecure" else "mailtos"
    options = f"smtp={quote(host)}&mode={mode}&from={quote(sender, safe='')}&to={quote(to, safe='')}"
    return f"{scheme}://{login}{host}:{port}?{options}"
