"""What an ad account holds beside its tree: images, videos, labels, audiences, report runs. A cache of the log.

A record is its kind, its owner and plain JSON values; what the values mean is the dialect's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sandbox.journal import LogLine


class RecordKind(StrEnum):
    """What a record is, by the platform's own word for it."""

    IMAGE = "adimage"
    VIDEO = "advideo"
    UPLOAD = "upload_session"
    LABEL = "adlabel"
    PAGE = "page"
    PIXEL = "adspixel"
    AUDIENCE = "customaudience"
    AUDIENCE_UPLOAD = "audience_upload"
    EVENTS = "pixel_events"
    STUDY = "ad_study"
    STUDY_CELL = "ad_study_cell"
    REPORT_RUN = "report_run"
    BATCH_SET = "async_batch"
    BATCH_REQUEST = "async_request"
    SCHEDULE = "budget_schedule"
    SUBSCRIPTION = "subscription"
    SETTINGS = "account_settings"  # what of an account was changed, beside its spending limit


@dataclass(slots=True, kw_only=True, eq=False)
class Record:
    """One record; only `Records.apply` changes it."""

    kind: RecordKind
    id: str
    account_id: str
    created_s: int
    updated_s: int
    values: dict[str, Any] = field(default_factory=dict)


class Records:
    """All records of a world, by id, and by account and kind from the oldest on."""

    def __init__(self) -> None:
        self._by_id: dict[str, Record] = {}
        self._of: dict[tuple[str, RecordKind], list[Record]] = {}

    def get(self, record_id: str) -> Record | None:
        """Return a record, None where there is none."""
        return self._by_id.get(record_id)

    def of(self, account_id: str, kind: RecordKind) -> Sequence[Record]:
        """Return an account's records of a kind, oldest first."""
        return self._of.get((account_id, kind), ())

    def add(self, record: Record) -> Record:
        """Take in a record that no line of the log made: one of the scenario's."""
        self._by_id.setdefault(record.id, record)
        self._of.setdefault((record.account_id, record.kind), []).append(record)
        return record

    def apply(self, line: LogLine) -> Record:
        """Let an effect on a record take place; it is made if it is not known yet."""
        at_s = line.platform_at_us // 1_000_000
        record = self._by_id.get(line.object_id) or self.add(
            Record(
                kind=RecordKind(line.kind), id=line.object_id, account_id=line.account_id, created_s=at_s,
                updated_s=at_s,
            )
        )  # fmt: skip
        record.updated_s = at_s
        record.values.update({name: pair[1] for name, pair in line.change.items()})
        return record
