"""What identifies a person, made unreadable at the edge: normalised as Meta documents and hashed. Pure; keeps nothing.

Nothing but the digests that `digest_of` returns may leave this file for a log line, a record or a file.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any, Final

_SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")
_EMAIL: Final = re.compile(r"[^@\s,;]+@[^@\s,;.]+(\.[^@\s,;.]+)+\Z")
_MADID: Final = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\Z")
_AROUND: Final = " \t\r\n\0\x0b."
_PHONE_DIGITS: Final = range(7, 16)
_KEPT_BYTES: Final = 16
Normaliser = Callable[[str], str | None]


def is_hashed(value: str) -> bool:
    """Say whether a value is a SHA-256 digest in hexadecimal already."""
    return _SHA256.match(value.strip().lower()) is not None


def email(value: str) -> str | None:
    """Return an address as it is hashed, None where it is none."""
    plain = value.strip(_AROUND).lower()
    return plain if _EMAIL.match(plain) else None


def phone(value: str) -> str | None:
    """Return a number with its country's code as it is hashed: digits only, without leading zeros."""
    digits = re.sub(r"[\s()+.\-/]", "", value).lstrip("0")
    return digits if digits.isascii() and digits.isdigit() and len(digits) in _PHONE_DIGITS else None


def gender(value: str) -> str | None:
    """Return m or f."""
    first = value.strip().lower()[:1]
    return first if first in ("m", "f") else None


def word(value: str) -> str | None:
    """Return a name or a place as it is hashed: lower case, without punctuation and spaces."""
    return "".join(letter for letter in value.lower() if letter.isalnum()) or None


def country(value: str) -> str | None:
    """Return a country's two letters."""
    plain = value.strip().lower()
    return plain if len(plain) == 2 and plain.isalpha() else None  # noqa: PLR2004 - ISO 3166-1 alpha-2


def own(value: str) -> str | None:
    """Return an id that somebody gave: trimmed, else as it is."""
    return value.strip() or None


def device(value: str) -> str | None:
    """Return an advertising id of a device."""
    plain = value.strip().lower()
    return plain if _MADID.match(plain) else None


def _number(least: int, most: int, digits: int) -> Normaliser:
    def read(value: str) -> str | None:
        plain = value.strip()
        if not (plain.isascii() and plain.isdigit() and least <= int(plain) <= most):
            return None
        return plain.zfill(digits)

    return read


def _nothing(_: str) -> None:
    """Return None: what comes under this key must be hashed by the caller."""


NORMALISERS: Final[dict[str, Normaliser]] = {
    "EMAIL": email, "EMAIL_SHA256": _nothing, "PHONE": phone, "PHONE_SHA256": _nothing, "GEN": gender,
    "DOBY": _number(1_900, 2_100, 4), "DOBM": _number(1, 12, 2), "DOBD": _number(1, 31, 2), "DOB": word, "LN": word,
    "FN": word, "FI": word, "CT": word, "ST": word, "ZIP": word, "COUNTRY": country, "MADID": device,
    "MOBILE_ADVERTISER_ID": device, "EXTERN_ID": own, "UID": own, "APPUID": own, "PAGEUID": own, "LOOKALIKE_VALUE": own,
}  # fmt: skip
# Keys that say something of a person but not who it is.
NEVER_ALONE: Final = frozenset(
    {"GEN", "DOBY", "DOBM", "DOBD", "DOB", "FI", "FN", "CT", "ST", "ZIP", "COUNTRY", "LN", "LOOKALIKE_VALUE"}
)


def digest_of(key: str, value: Any) -> str | None:
    """Return the SHA-256 digest of a value under a key of the schema, None where it is neither valid nor hashed."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    text = str(value)
    if is_hashed(text):
        return text.strip().lower()
    normal = NORMALISERS[key](text)
    return None if normal is None else hashlib.sha256(normal.encode("utf-8", "replace")).hexdigest()


def member_of(keys: tuple[str, ...], digests: tuple[str, ...]) -> bytes:
    """Return what the sandbox keeps of a person: a digest of the digests, shortened. It leads back to nobody."""
    kinds = (key.removesuffix("_SHA256") for key in keys)
    joined = "|".join(f"{kind}={digest}" for kind, digest in zip(kinds, digests, strict=True) if digest)
    return hashlib.sha256(joined.encode()).digest()[:_KEPT_BYTES]
