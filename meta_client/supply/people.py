"""Who somebody is, made unreadable: normalised as Meta documents it, then SHA-256. Pure; says nothing of what it saw.

Rules: developers.facebook.com, "Customer information parameters" and "Customer file custom audiences". Values that are
digests already pass as they are. Nothing here raises for what a person's data may hold: it would be quoted somewhere.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable
from types import MappingProxyType

from domain.audiences import Person

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+\Z")
_PHONE_DIGITS = range(7, 16)  # ITU-T E.164 has at most 15
_DATE_DIGITS = 8
_COUNTRY_LETTERS = 2
_US_ZIP_DIGITS = 5


def email(text: str) -> str:
    """Lower case, without space around."""
    plain = text.strip().lower()
    return plain if _EMAIL.match(plain) else ""


def phone(text: str) -> str:
    """Digits only, with the country's code, without zeros before it."""
    digits = "".join(letter for letter in text if letter.isascii() and letter.isdigit()).lstrip("0")
    return digits if len(digits) in _PHONE_DIGITS else ""


def name(text: str) -> str:
    """Lower case, without punctuation; letters of any script stay."""
    folded = unicodedata.normalize("NFC", text.strip().lower())
    return "".join(letter for letter in folded if letter.isalnum() or unicodedata.category(letter).startswith("M"))


def born_on(text: str) -> str:
    """YYYYMMDD."""
    digits = "".join(letter for letter in text if letter.isascii() and letter.isdigit())
    month, day = digits[4:6], digits[6:8]
    is_date = len(digits) == _DATE_DIGITS and "01" <= month <= "12" and "01" <= day <= "31"
    return digits if is_date else ""


def gender(text: str) -> str:
    """Return m or f."""
    first = text.strip().lower()[:1]
    return first if first in ("m", "f") else ""


def country(text: str) -> str:
    """Two letters."""
    plain = text.strip().lower()
    return plain if len(plain) == _COUNTRY_LETTERS and plain.isascii() and plain.isalpha() else ""


def zip_of(text: str) -> str:
    """Lower case, without spaces; of an American one the first five digits."""
    plain = re.sub(r"[\s-]", "", text).lower()
    return plain[:_US_ZIP_DIGITS] if plain.isdigit() and len(plain) > _US_ZIP_DIGITS and "-" in text else plain


def own_id(text: str) -> str:
    """As we gave it."""
    return text.strip()


_RULES: MappingProxyType[str, Callable[[str], str]] = MappingProxyType(
    {
        "email": email,
        "phone": phone,
        "external_id": own_id,
        "first_name": name,
        "last_name": name,
        "born_on": born_on,
        "gender": gender,
        "city": name,
        "state": name,
        "zip": zip_of,
        "country": country,
    }
)
TELLING = frozenset({"email", "phone", "external_id"})  # who says one of these of somebody says who it is


def digest(field: str, text: str) -> str:
    """The digest of one field, "" where it is unknown or nothing that the field can be."""
    plain = text.strip().lower()
    if _DIGEST.match(plain):
        return plain
    normal = _RULES[field](text)
    return hashlib.sha256(normal.encode("utf-8", "replace")).hexdigest() if normal else ""


def digests(person: Person) -> dict[str, str]:
    """What is known of a person, by field, unreadable; unknown fields are missing."""
    found = {field: digest(field, getattr(person, field)) for field in _RULES}
    return {field: value for field, value in found.items() if value}
