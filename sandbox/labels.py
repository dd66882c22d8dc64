"""Labels of an account: every name in use has an id, and a record that says since when. A cache of the log."""

from collections.abc import Iterable
from typing import Final

from sandbox.market.dice import object_key
from sandbox.records import Record, RecordKind, Records

_IDS: Final = 120_900_000_000_000_000
_SPREAD: Final = 10**14


def label_id(account_id: str, name: str) -> str:
    """Return the stable id of an account's label."""
    return str(_IDS + object_key(int(account_id), *name.encode()) % _SPREAD)


def know_labels(records: Records, account_id: str, names: Iterable[str], *, at_s: int) -> None:
    """Make the labels that an object bears known, if they are not."""
    for name in names:
        own_id = label_id(account_id, name)
        known = records.get(own_id)
        if known is None:
            records.add(
                Record(
                    kind=RecordKind.LABEL, id=own_id, account_id=account_id, created_s=at_s, updated_s=at_s,
                    values={"name": name},
                )
            )  # fmt: skip


def named_label(records: Records, account_id: str, own_id: str) -> str | None:
    """Return the name of a label of the account, None where it has no such label."""
    record = records.get(own_id)
    if record is None or record.kind is not RecordKind.LABEL or record.account_id != account_id:
        return None
    return str(record.values["name"])
