"""Access tokens that follow from a folder's first one: each says of itself what it is, sealed against making one up.

Nothing of them is kept anywhere: the folder's own token, which never expires, is the key of the seals.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_FORM: Final = re.compile(r"^EAA([XP])([0-9]{1,24})Z([0-9a-f]{64})$")
LONG_LIVED_S: Final = 60 * 86_400


class TokenKind(StrEnum):
    """Whom a token speaks for."""

    SYSTEM_USER = "SYSTEM_USER"  # the folder's own
    USER = "USER"  # exchanged; ends after sixty days
    PAGE = "PAGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a token says of itself; `expires_s` is None where it never does."""

    kind: TokenKind
    issued_s: int | None = None
    expires_s: int | None = None
    page_id: str | None = None

    def is_valid(self, now_s: float) -> bool:
        """Say whether it still opens anything."""
        return self.expires_s is None or now_s < self.expires_s


def exchanged(first: str, *, at_s: int) -> str:
    """Return a user's token that is issued at an instant of the platform."""
    return _sealed(first, "X", str(at_s))


def of_page(first: str, page_id: str) -> str:
    """Return a page's token."""
    return _sealed(first, "P", page_id)


def read_token(first: str, text: str | None) -> Known | None:
    """Return what a token says of itself; None for one that was never issued here."""
    if text is None or not text.isascii():
        return None
    if hmac.compare_digest(text, first):
        return Known(kind=TokenKind.SYSTEM_USER)
    found = _FORM.match(text)
    if found is None or not hmac.compare_digest(_sealed(first, found.group(1), found.group(2)), text):
        return None
    if found.group(1) == "P":
        return Known(kind=TokenKind.PAGE, page_id=found.group(2))
    issued_s = int(found.group(2))
    return Known(kind=TokenKind.USER, issued_s=issued_s, expires_s=issued_s + LONG_LIVED_S)


def _sealed(first: str, letter: str, about: str) -> str:
    seal = hmac.new(first.encode(), f"{letter}{about}".encode(), hashlib.sha256).hexdigest()
    return f"EAA{letter}{about}Z{seal}"
