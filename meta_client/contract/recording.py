"""Recordings as folders: a file for each exchange, and one that says of what they are and what a client reads."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from domain.errors import BadInputError, NotReadyError
from meta_client.contract.redaction import Redaction
from meta_client.contract.tape import Exchange
from meta_client.versions import API_VERSION

ABOUT: Final = "recording.json"
SANDBOX: Final = "sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Exchanges of one check of one account, without the account in them; `values` are what was decoded of them."""

    recorded_from: str
    account: str
    now: datetime
    pages: int
    exchanges: tuple[Exchange, ...]
    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def redacted(
    exchanges: Sequence[Exchange], *, account: str, now: datetime, recorded_from: str, pages: int, amounts: float = 1.0
) -> Recording:
    """Take the account out of what was exchanged; `amounts` is a factor for every sum of money."""
    without = Redaction(amounts=amounts)
    return Recording(
        recorded_from=recorded_from,
        account=without.ids(account),
        now=now,
        pages=pages,
        exchanges=tuple(without.exchange(one) for one in exchanges),
    )


def write(made: Recording, folder: Path) -> int:
    """Write a recording into a folder of its own; how many files.

    Raises:
        NotReadyError: the folder holds something already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise NotReadyError(f"{folder} holds something already; name a folder that is empty, or does not exist")
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "recorded_from": made.recorded_from,
        "version": API_VERSION,
        "account": made.account,
        "now": made.now.isoformat(),
        "pages": made.pages,
        "values": dict(made.values),
    }
    _put(folder / ABOUT, about)
    for place, one in enumerate(made.exchanges, start=1):
        _put(folder / f"{place:03d}-{one.clause.replace(' ', '-')}.json", _document(one, made.recorded_from))
    return len(made.exchanges) + 1


def read(folder: Path) -> Recording:
    """Read a recording.

    Raises:
        BadInputError: the folder holds none.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        files = sorted(path for path in folder.glob("*.json") if path.name != ABOUT)
        exchanges = tuple(_exchange(json.loads(path.read_text(encoding="utf-8"))) for path in files)
        return Recording(
            recorded_from=about["recorded_from"],
            account=about["account"],
            now=datetime.fromisoformat(about["now"]),
            pages=about["pages"],
            exchanges=exchanges,
            values=MappingProxyType(about["values"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        said = f"{type(error).__name__}: {error}"
        raise BadInputError(f"{folder} is no recording of `stakazo contract record` ({said})") from None


def _document(one: Exchange, recorded_from: str) -> dict[str, Any]:
    return {
        "recorded_from": recorded_from,
        "clause": one.clause,
        "request": {"method": one.method, "path": one.path, "params": dict(one.params)},
        "answer": {"status": one.status, "headers": dict(one.headers), "body": one.body},
    }


def _exchange(document: Mapping[str, Any]) -> Exchange:
    asked, told = document["request"], document["answer"]
    return Exchange(
        clause=document["clause"],
        method=asked["method"],
        path=asked["path"],
        params=MappingProxyType(asked["params"]),
        status=told["status"],
        headers=MappingProxyType(told["headers"]),
        body=told["body"],
    )


def _put(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(_laid_out(document) + "\n", encoding="utf-8")


def _laid_out(document: Mapping[str, Any]) -> str:
    """JSON whose lists of rows have a line for each row: short, and a change of it can be read."""
    return json.dumps(document, indent=1, ensure_ascii=True)
