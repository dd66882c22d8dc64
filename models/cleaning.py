"""What Postgres cannot hold is taken out here, at the edge, and nowhere else."""

from collections.abc import Mapping
from typing import overload

import msgspec

from domain.actions import Json


@overload
def clean_text(text: str) -> str: ...
@overload
def clean_text(text: str | None) -> str | None: ...
def clean_text(text: str | None) -> str | None:
    """Drop NUL characters and lone surrogates: no Postgres text can hold them, and one would fail a whole page."""
    if text is None or (text.isascii() and "\x00" not in text):
        return text
    return text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


def clean_json(value: Json) -> Json:
    """The same for every text within a JSON value, keys included."""
    match value:
        case str():
            return clean_text(value)
        case list():
            return [clean_json(item) for item in value]
        case Mapping():
            return {clean_text(key): clean_json(item) for key, item in value.items()}
        case _:
            return value


def json_document(rows: list[Json]) -> str:
    """Write many rows as one JSON text for Postgres, cleaned only where that is needed: it is dear for 10^4 rows."""
    try:
        document = msgspec.json.encode(rows).decode()
    except UnicodeEncodeError:  # a lone surrogate
        document = ""
    if document and "\\u0000" not in document:
        return document
    return msgspec.json.encode(clean_json(rows)).decode()
