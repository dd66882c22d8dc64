"""Lists what was made in an account since an instant, with the operation's token where a name has one. Reads only."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from domain.actions import ObjectKind
from domain.errors import TransientError
from domain.ids import PlatformAccountId
from domain.objects import CreatedObject, Status
from meta_client import wire
from meta_client.accounts import node_of
from meta_client.decode import utc
from meta_client.names import token_of, without_token
from meta_client.pages import Pager
from meta_client.redact import plain

_PAGE = 500
_STATUS = {status.value.upper(): status for status in Status}


class Made(wire.Row):
    """An object of any kind; creatives tell no instant, and states of their own."""

    id: str
    name: str = ""
    status: str = ""
    created_time: wire.Instant | None = None


def pages(
    pager: Pager,
    account: PlatformAccountId,
    kind: ObjectKind,
    since: datetime,
    *,
    edge: tuple[str, str],
    living: Sequence[str],
) -> Iterator[list[CreatedObject]]:
    """Pages of what was made since then; `edge` is the word in filters and the edge's name, `living` its statuses.

    The edge of creatives knows no filter and tells no instant: all of them come, as made at `since`.
    """
    word, name = edge
    params = {"fields": "id,name,status"}
    if kind is not ObjectKind.CREATIVE:
        filters = [
            {"field": f"{word}.created_time", "operator": "GREATER_THAN", "value": int(since.timestamp()) - 1},
            {"field": f"{word}.effective_status", "operator": "IN", "value": list(living)},
        ]
        params = {"fields": "id,name,status,created_time", "filtering": msgspec.json.encode(filters).decode()}
    about = f"{name} of account {account} made since {since:%Y-%m-%d %H:%M}"
    for page in pager.edge(Made, f"{node_of(account)}/{name}", params, about=about, limit=_PAGE):
        yield [_created(row, kind, since, about) for row in page]


def _created(row: Made, kind: ObjectKind, since: datetime, about: str) -> CreatedObject:
    if row.created_time is None and kind is not ObjectKind.CREATIVE:
        raise TransientError(f"{about}: {plain(row.id)} tells no instant")
    return CreatedObject(
        id=row.id,
        kind=kind,
        name=without_token(row.name),
        # What a state that we do not know allows to spend is not known either: it counts as switched on.
        status=_STATUS.get(row.status, Status.ACTIVE),
        created_at=since if row.created_time is None else utc(row.created_time),
        op_token=token_of(row.name),
    )
