"""What Meta tells an app of by itself: read off the oracle log and the state of objects, as webhook bodies.

The state between two looks is plain JSON, kept by `sandbox/hooks.py` together with the letters that came of it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from sandbox.account import ads_under
from sandbox.hooks import Told
from sandbox.journal import LogLine
from sandbox.meta.objects.render_fields import APP_ID
from sandbox.meta.objects.review import REJECTED
from sandbox.meta.people.subscriptions import Asked, has_any
from sandbox.nodes import Kind, Node
from sandbox.platform import Platform
from sandbox.records import RecordKind
from sandbox.world import OF_ACCOUNT

_UNDER_WAY: Final = frozenset({"PENDING_REVIEW", "IN_PROCESS"})
_TROUBLED: Final = frozenset({"DISAPPROVED", "WITH_ISSUES"})
_LEVELS: Final = {Kind.CAMPAIGN: "CAMPAIGN", Kind.AD_SET: "AD_SET", Kind.AD: "AD", Kind.CREATIVE: "CREATIVE"}
_NEW: Final = ""  # the status of an object before it was there
_KINDS: Final = frozenset(Kind)
_OF_OBJECTS: Final = ("in_process_ad_objects", "with_issues_ad_objects")
# What an effect changes that may bring an object into review or into trouble.
_REVIEWED: Final = frozenset(
    {"billing_event", "creative", "optimization_goal", "sandbox_issues", "sandbox_review", "targeting"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    """One change of a field of an object, of an account where it is one's."""

    object: str
    field: str
    value: dict[str, Any]
    account_id: str


class MetaTeller:
    """Meta's part of the hooks: what happened since the last look, to those who subscribed."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def news(self, state: dict[str, object]) -> Told:
        """Return the letters to write; what happened before somebody asked is not told."""
        platform = self._platform
        if not state and not has_any(platform):
            return Told(letters=(), state={})
        platform.act_people()
        kept = _State(state, seq=self._first_seq)
        letters: list[tuple[str, str]] = []
        for line in platform.journal.lines(after=kept.seq) if platform.last_seq > kept.seq else ():
            letters += self._letters(kept.asked, self._of_line(line, kept))
        letters += self._letters(kept.asked, self._of_statuses(kept.watched))
        letters += self._letters(kept.asked, self._of_runs(kept.runs))
        return Told(letters=tuple(letters), state={**kept.as_json(), "seq": platform.last_seq})

    def _first_seq(self) -> int:
        """Return the number of the last line before somebody first asked."""
        found = (line.seq - 1 for line in self._platform.journal.lines() if line.kind == RecordKind.SUBSCRIPTION)
        return next(found, self._platform.last_seq)

    def _of_line(self, line: LogLine, kept: "_State") -> Iterator[_News]:
        if line.kind in _KINDS:
            is_new = line.change.get("name", (_NEW,))[0] is None
            if any(kept.asked.address_of("ad_account", field, line.account_id) for field in _OF_OBJECTS):
                for node in _touched(self._platform.world.nodes[line.object_id]):
                    if is_new or line.change.keys() & _REVIEWED:
                        kept.watched.setdefault(node.id, _NEW if is_new else "-")
        elif line.kind == RecordKind.SUBSCRIPTION:
            kept.asked.apply(line)
        elif line.kind == RecordKind.REPORT_RUN:
            if "asked_us" in line.change and kept.asked.address_of("application", "async_requests", line.account_id):
                kept.runs.append(line.object_id)
        elif line.kind in (OF_ACCOUNT, RecordKind.SETTINGS):
            value = {"id": line.account_id, "account_status": 1, "disable_reason": 0, "business": None}
            yield _News(object="application", field="ad_account", value=value, account_id=line.account_id)

    def _of_statuses(self, watched: dict[str, str]) -> Iterator[_News]:
        """Yield which objects left review or got into trouble; those that are still under way stay watched."""
        for object_id in list(watched):
            node = self._platform.world.nodes[object_id]
            before, now = watched[object_id], node.effective_status()
            if now in _UNDER_WAY:
                watched[object_id] = now
                continue
            del watched[object_id]
            value: dict[str, Any] = {"id": node.id, "level": _LEVELS[node.kind]}
            if before in _UNDER_WAY or before == _NEW:
                yield _News(object="ad_account", field="in_process_ad_objects",
                            value={**value, "status_name": now.replace("_", " ").title()},
                            account_id=node.account_id)  # fmt: skip
            if now in _TROUBLED:
                yield _News(object="ad_account", field="with_issues_ad_objects", value={**value, **_why(node)},
                            account_id=node.account_id)  # fmt: skip

    def _of_runs(self, runs: list[str]) -> Iterator[_News]:
        """Yield which report runs have ended, by somebody's poll or by the clock."""
        now_us = self._platform.clock.now_us()
        for run_id in list(runs):
            run = self._platform.world.records.get(run_id)
            values = run.values if run is not None else {}
            due_us = values.get("asked_us", 0) + int(values.get("seconds", 0) * 1e6)
            ends = values.get("fate", {}).get("ends", "completes")
            if run is None or ends == "stalls":
                runs.remove(run_id)
            elif values.get("ended_us") or due_us <= now_us:
                runs.remove(run_id)
                verb = "complete" if ends == "completes" else "fail"
                value = {"category": "ads_insights", "verb": verb, "report_id": run_id}
                yield _News(object="application", field="async_requests", value=value, account_id=run.account_id)

    def _letters(self, asked: Asked, news: Iterable[_News]) -> Iterator[tuple[str, str]]:
        for one in news:
            url = asked.address_of(one.object, one.field, one.account_id)
            entry = {
                "id": APP_ID if one.object == "application" else one.account_id,
                "time": int(self._platform.clock.now_s()), "changes": [{"field": one.field, "value": one.value}],
            }  # fmt: skip
            if url is not None:
                yield url, msgspec.json.encode({"object": one.object, "entry": [entry]}).decode()


class _State:
    """What must be known at the next look; all of it plain JSON of our own."""

    def __init__(self, kept: dict[str, Any], *, seq: Callable[[], int]) -> None:
        self.seq: int = kept["seq"] if kept else seq()
        self.watched: dict[str, str] = dict(kept.get("watched", {}))  # object -> its status at the last look
        self.runs: list[str] = list(kept.get("runs", []))  # that have not ended
        self.asked = Asked(dict(kept.get("asked", {})))

    def as_json(self) -> dict[str, object]:
        return {"watched": self.watched, "runs": self.runs, "asked": self.asked.rows}


def _touched(node: Node) -> list[Node]:
    """Return what an effect on an object may have brought into review: itself, and the ads below it."""
    return [node] if node.kind in (Kind.AD, Kind.CREATIVE) else [node, *ads_under(node)]


def _why(node: Node) -> dict[str, Any]:
    issues = node.extra.get("sandbox_issues") or ()
    issue = issues[0] if issues else {}
    return {
        "error_code": issue.get("error_code", REJECTED),
        "error_summary": issue.get("error_summary", "Ad was not approved"),
        "error_message": issue.get("error_message", "The ad does not comply with the advertising policies."),
    }  # fmt: skip
