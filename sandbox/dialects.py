"""The languages in which a platform is spoken to, as rows: each a folder of its own, opened by name, on its own port.

What the core and the admin address ask of a dialect is the Protocol below. Nothing here knows a platform's words; a
row names its opener as text, so that nothing but the dialect's own folder imports it.
"""

import importlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from sandbox.platform import Platform

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Dialect(Protocol):
    """An ASGI application over a platform, and what a person may do in its words."""

    @property
    def tier(self) -> str:
        """How much the app may call, in the dialect's words."""
        ...

    @property
    def usage_peak(self) -> float:
        """The largest share of its limit that any account ever used, 0..1."""
        ...

    def set_tier(self, tier: str) -> None:
        """Let the app be of another tier.

        Raises:
            ValueError: there is none of that name.
        """
        ...

    def edit(self, object_id: str, changes: dict[str, Any], *, actor: str) -> dict[str, Any]:
        """Edit an object as a person would, bound by the same rules, and return the answer.

        Raises:
            ValueError: the platform refuses it, with its words.
        """
        ...

    def greeting(self, url: str) -> str:
        """Tell a person how to point a client at the dialect, which answers at that URL; never the token itself."""
        ...

    def resume(self) -> None:
        """Take up what a killed process has left; called once, within the loop."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        ...


Opener = Callable[[Platform], Dialect]
Spoken = Mapping["DialectRow", Dialect]


@dataclass(frozen=True, slots=True, kw_only=True)
class DialectRow:
    """A dialect: `opener` is "module:function"; `address` is the key of its URL in `address.json`.

    Every dialect answers on a port of its own at the root of its host, as the platforms do: clients can be given
    another host, seldom another path.
    """

    name: str
    opener: str
    address: str
    page: str = ""  # "module:function" that draws its reference page; empty = there is none


DIALECTS: Final = (
    DialectRow(
        name="meta", opener="sandbox.meta.dialect:open_dialect", address="graph", page="sandbox.meta.coverage:page"
    ),
)


def open_dialects(rows: Iterable[DialectRow], platform: Platform) -> Spoken:
    """Open dialects over a running platform, in the order of their rows.

    Raises:
        ValueError: a row names no function, or two have one name or address.
    """
    rows = tuple(rows)
    told = [word for row in rows for word in {row.name, row.address}]
    if len(told) != len(set(told)) or "admin" in told:
        message = f"each dialect needs a name of its own: {', '.join(row.name for row in rows)}"
        raise ValueError(message)
    return {row: _opener(row)(platform) for row in rows}


def draw_page(row: DialectRow, table: Callable[..., str], seen_file: Path) -> tuple[str, list[str]]:
    """Return the title and the parts of a dialect's reference page; `seen_file` tells which clients used what."""
    page: Callable[..., tuple[str, list[str]]] = _named(row, row.page)
    return page(table, seen_file)


def _opener(row: DialectRow) -> Opener:
    opener: Opener = _named(row, row.opener)
    return opener


def _named(row: DialectRow, text: str) -> Any:
    module, _, name = text.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        message = f"dialect {row.name!r}: {text!r} is not a function of a module: {error}"
        raise ValueError(message) from error


def row_of(text: str) -> DialectRow:
    """Return the row of `NAME=module:function`, as the command line gives one.

    Raises:
        ValueError: it does not read as one.
    """
    name, _, opener = text.partition("=")
    if not name.isidentifier() or ":" not in opener:
        message = f"a dialect is given as NAME=module:function, not {text!r}"
        raise ValueError(message)
    return DialectRow(name=name, opener=opener, address=name)
