"""Takes the account out of an exchange and leaves its shape: ids, cursors, names, texts, addresses become stand-ins.

What is not known to be harmless is replaced: words stay under the keys named here only. Nothing here does I/O.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from meta_client.contract.bench import GONE
from meta_client.contract.tape import HEADERS, Exchange

# Under these keys Meta's own words stand, the same in every account, or an instant, a day, an hour.
_WORDS: Final = frozenset({
    "status", "effective_status", "objective", "optimization_goal", "bid_strategy", "currency", "timezone_name",
    "permission", "event_type", "object_type", "type", "action_type", "async_status", "date_start", "date_stop",
    "created_time", "updated_time", "event_time", "hourly_stats_aggregated_by_advertiser_time_zone",
    "ads_api_access_tier", "last_fired_time", "start_time", "end_time", "canceled_time",
})  # fmt: skip
_COUNTS: Final = frozenset({"impressions", "inline_link_clicks", "clicks", "reach", "value", "account_status"})
_AMOUNTS: Final = frozenset({
    "daily_budget", "lifetime_budget", "spend_cap", "amount_spent", "min_daily_budget", "spend", "old_value",
    "new_value",
})  # fmt: skip
_STATES: Final = frozenset({"active", "inactive", "paused", "archived", "deleted"})  # values in histories
_CURSORS: Final = frozenset({"after", "before"})
_ADDRESSES: Final = frozenset({"next", "previous"})
_NOT_IDS: Final = frozenset({"since", "until", "limit"})  # of a request
_ID: Final = re.compile(r"\d{5,}")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
_WORD: Final = re.compile(r"[\w .,:+/\-]{0,120}")
_MARK: Final = " |op:"
_LONG: Final = 10**9  # a number as large as that is an id
_ADDRESS: Final = "https://example.invalid/x"


class Redaction:
    """One recording's stand-ins: the same thing has the same one everywhere. `amounts` is a factor for money."""

    def __init__(self, *, amounts: float = 1.0) -> None:
        self._amounts = amounts
        self._ids = {GONE: GONE}
        self._cursors: dict[str, str] = {}

    def exchange(self, one: Exchange) -> Exchange:
        """The exchange without the account in it."""
        return replace(
            one,
            path=self.ids(one.path),
            params=MappingProxyType({name: self._param(name, value) for name, value in one.params.items()}),
            headers=MappingProxyType({name: self._header(name, value) for name, value in one.headers.items()}),
            body=self._content(one.body, ()),
        )

    def ids(self, text: str) -> str:
        """The text with every run of digits that may be an id replaced."""
        return _ID.sub(lambda found: self._id(found.group()), text)

    def _id(self, digits: str) -> str:
        if digits not in self._ids:
            self._ids[digits] = "1" + str(len(self._ids)).zfill(len(digits) - 1)
        return self._ids[digits]

    def _cursor(self, text: str) -> str:
        return self._cursors.setdefault(text, f"cursor-{len(self._cursors) + 1}")

    def _param(self, name: str, value: str) -> str:
        if name in _CURSORS:
            return self._cursor(value)
        return value if name in _NOT_IDS else self._quoted(value)

    def _quoted(self, text: str) -> str:
        """Ids within a request: strings of digits only, so that instants in filters, which are numbers, stay."""
        return re.sub(r'(?<![\d:])(act_)?(\d{5,})(?=["?/]|$|%22)', lambda m: (m[1] or "") + self._id(m[2]), text)

    def _header(self, name: str, value: str) -> str:
        if name in {"content-type", "facebook-api-version"}:
            return value
        return self._document(value, ()) or mask(value)

    def _document(self, text: str, keys: tuple[str, ...]) -> str | None:
        """A text that is JSON, redacted; None where it is none."""
        if not text.lstrip().startswith(("{", "[")):
            return None
        try:
            content = json.loads(text)
        except ValueError:
            return None
        return json.dumps(self._content(content, keys), separators=(",", ":"))

    def _content(self, value: Any, keys: tuple[str, ...]) -> Any:
        match value:
            case dict():
                return self._map(value, keys)
            case list():
                return [self._content(item, keys) for item in value if not _is_idle(item, keys)]
            case bool() | None:
                return value
            case int() | float():
                return self._number(value, keys)
            case _:
                return self._text(str(value), keys)

    def _map(self, value: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
        if _is_header(value, keys):
            name = str(value["name"])
            return {"name": name, "value": self._header(name.lower(), str(value["value"]))}
        return {self.ids(key): self._content(item, (*keys, key)) for key, item in value.items()}

    def _number(self, value: float, keys: tuple[str, ...]) -> float | str:
        if self._is_amount(keys):
            return type(value)(round(value * self._amounts, 2))
        is_id = isinstance(value, int) and abs(value) >= _LONG
        return int(self._id(str(abs(int(value))))) if is_id else value

    def _is_amount(self, keys: tuple[str, ...]) -> bool:
        return bool(keys) and (keys[-1] in _AMOUNTS or (keys[-1] == "value" and "action_values" in keys))

    def _text(self, text: str, keys: tuple[str, ...]) -> str:
        inner = self._document(text, keys)
        if inner is not None:
            return inner
        key = keys[-1] if keys else ""
        if key in _CURSORS:
            return self._cursor(text)
        if key in _ADDRESSES or "://" in text:
            return _ADDRESS
        if _NUMBER.fullmatch(text) and (self._is_amount(keys) or key in _COUNTS):
            return self._scaled(text) if self._is_amount(keys) else text
        # Ids may stand within words, too: custom conversions carry theirs in their type.
        return self.ids(text) if _is_harmless(text, key) else mask(text)

    def _scaled(self, text: str) -> str:
        places = len(text.partition(".")[2])
        return text if self._amounts == 1 else f"{float(text) * self._amounts:.{places}f}"


def mask(text: str) -> str:
    """A text of the same length and look: letters become x or X, digits 9; the mark of our token stays one."""
    name, mark, token = text.rpartition(_MARK)
    return f"{mask(name)}{mark}{mask(token)}" if mark else "".join(map(_masked, text))


def _is_harmless(text: str, key: str) -> bool:
    """Whether nothing but ids in a text may be of the account: Meta's own words, or an id itself."""
    is_word = bool(key in _WORDS and _WORD.fullmatch(text)) or (key in _AMOUNTS and text.lower() in _STATES)
    return is_word or bool(_ID.fullmatch(text.removeprefix("act_")))


def _is_header(value: Any, keys: tuple[str, ...]) -> bool:
    """Whether it is a header of an answer within a batch."""
    return isinstance(value, dict) and value.keys() == {"name", "value"} and keys[-1:] == ("headers",)


def _is_idle(value: Any, keys: tuple[str, ...]) -> bool:
    return _is_header(value, keys) and str(value["name"]).lower() not in HEADERS


def _masked(char: str) -> str:
    if char.isdigit():
        return "9"
    if char.isalpha() or not char.isascii():
        return "X" if char.isupper() else "x"
    return char if char.isprintable() else " "
