"""Budget schedules: times at which a campaign's or an ad set's daily budget is to be another one. Kept and listed.

The market does not obey them: what is spent follows the daily budget. Each route says so.
"""

from typing import Any, Final

from sandbox.meta.context import Context, Json
from sandbox.meta.objects.render import iso
from sandbox.meta.protocol.errors import invalid, missing
from sandbox.meta.protocol.record_edges import choice, instant_of, needed, page, picked, take_only, whole
from sandbox.meta.route import Route
from sandbox.nodes import Kind, Node
from sandbox.records import Record, RecordKind

MOST_SCHEDULES: Final = 50
LEAST_S: Final = 3 * 3_600
MOST_TIMES: Final = 8  # a scheduled budget is at most so many times the daily one
_WEEK_S: Final = 7 * 86_400
_TYPES: Final = frozenset({"ABSOLUTE", "MULTIPLIER"})
_RECURRENCES: Final = frozenset({"ONE_TIME", "WEEKLY"})
_FIELDS: Final = frozenset(
    {"ad_object_id", "budget_value", "budget_value_type", "id", "recurrence_type", "time_end", "time_start",
     "weekly_schedule"}
)  # fmt: skip
_TAKES: Final = frozenset({"budget_value", "budget_value_type", "recurrence_type", "time_end", "time_start"})


def create_schedule(context: Context, node: Node) -> Json:
    """Answer `POST /{campaign|adset}/budget_schedules`.

    Raises:
        GraphError: a rule of budget schedules.
    """
    call = context.call
    take_only(call, _TAKES, edge="budget_schedules")
    if node.daily_budget is None:
        raise invalid(
            f"The {node.kind} {node.id} has no daily budget of its own: only daily budgets can be scheduled.",
            field="budget_value", title="No daily budget",
        )  # fmt: skip
    if len(_of(context, node)) >= MOST_SCHEDULES:
        raise invalid(f"The {node.kind} {node.id} has {MOST_SCHEDULES} budget schedules, the most that are allowed.")
    values = _values(context, node, {})
    if context.is_only_checked():
        return {"success": True}
    made = context.note(RecordKind.SCHEDULE, node.account_id, {**values, "ad_object_id": node.id})
    return {"id": made.id}


def list_schedules(context: Context, node: Node) -> Json:
    """Answer `GET /{campaign|adset}/budget_schedules`, by their start; `time_start` and `time_stop` bound them."""
    call = context.call
    take_only(call, ("time_start", "time_stop"), edge="budget_schedules")
    since_s = instant_of(call.get("time_start"), "time_start") or 0.0
    until_s = instant_of(call.get("time_stop"), "time_stop") or float("inf")
    found = [
        one for one in _of(context, node) if one.values["time_end"] > since_s and one.values["time_start"] < until_s
    ]
    found.sort(key=lambda one: (one.values["time_start"], one.id))
    return page(context, [_row(context, one) for one in found], known=_FIELDS, of="HighDemandPeriod")


def read_schedule(context: Context, schedule: Record) -> Json:
    """Answer `GET /{schedule}`."""
    return picked(context, _row(context, _live(context, schedule)), known=_FIELDS, of="HighDemandPeriod")


def update_schedule(context: Context, schedule: Record) -> Json:
    """Answer `POST /{schedule}`."""
    take_only(context.call, _TAKES - {"recurrence_type"}, edge="budget_schedule")
    node = context.node(_live(context, schedule).values["ad_object_id"])
    values = _values(context, node, schedule.values, but=schedule.id)
    if not context.is_only_checked():
        context.note(RecordKind.SCHEDULE, schedule.account_id, values, record=schedule)
    return {"success": True}


def delete_schedule(context: Context, schedule: Record) -> Json:
    """Answer `DELETE /{schedule}`."""
    _live(context, schedule)
    if not context.is_only_checked():
        context.note(RecordKind.SCHEDULE, schedule.account_id, {"deleted": True}, record=schedule)
    return {"success": True}


def _values(context: Context, node: Node, held: dict[str, Any], *, but: str = "") -> dict[str, Any]:
    """Return a schedule's values, those of the call over those held, checked."""
    call = context.call
    asked: dict[str, Any] = {name: held[name] for name in _TAKES & held.keys()}
    asked |= {name: call.get(name) for name in _TAKES & call.params.keys()}
    for name in ("time_start", "time_end", "budget_value"):
        if asked.get(name) in (None, ""):
            raise needed(name)
    start_s, end_s = (int(instant_of(asked[name], name) or 0) for name in ("time_start", "time_end"))
    kind = choice(call, "budget_value_type", _TYPES, default=held.get("budget_value_type"))
    repeats = choice(call, "recurrence_type", _RECURRENCES, default=held.get("recurrence_type", "ONE_TIME"))
    value = whole(asked["budget_value"], "budget_value", least=1, most=10**12)
    _check_times(context, start_s, end_s, repeats=repeats)
    _check_value(node, value, kind=kind)
    for other in _of(context, node):
        if other.id != but and other.values["time_start"] < end_s and start_s < other.values["time_end"]:
            raise invalid(f"The time overlaps budget schedule {other.id}.", field="time_start", title="Overlap")
    return {
        "time_start": start_s, "time_end": end_s, "budget_value": value, "budget_value_type": kind,
        "recurrence_type": repeats,
    }  # fmt: skip


def _check_times(context: Context, start_s: int, end_s: int, *, repeats: str) -> None:
    if end_s <= context.platform.clock.now_s():
        raise invalid("A budget schedule must end in the future.", subcode=1_487_033, field="time_end")
    if end_s - start_s < LEAST_S:
        raise invalid(
            f"A budget schedule lasts at least {LEAST_S // 3_600} hours; this one lasts "
            f"{max(0, end_s - start_s) // 60} minutes.", field="time_end", title="Schedule is too short",
        )  # fmt: skip
    if repeats == "WEEKLY" and end_s - start_s > _WEEK_S:
        raise invalid("A schedule that repeats weekly lasts a week at most.", field="time_end")


def _check_value(node: Node, value: int, *, kind: str) -> None:
    daily = node.daily_budget or 0
    most = MOST_TIMES * daily if kind == "ABSOLUTE" else MOST_TIMES
    if value > most:
        raise invalid(
            f"A scheduled budget is at most {MOST_TIMES} times the daily budget of {daily}; {value} ({kind}) is more.",
            field="budget_value", title="Budget is too high",
        )  # fmt: skip
    if kind == "ABSOLUTE" and value < daily:
        raise invalid(f"A scheduled budget raises the daily budget of {daily}; {value} is less.", field="budget_value")


def _of(context: Context, node: Node) -> list[Record]:
    found = context.platform.world.records.of(node.account_id, RecordKind.SCHEDULE)
    return [one for one in found if one.values["ad_object_id"] == node.id and not one.values.get("deleted")]


def _live(context: Context, schedule: Record) -> Record:
    if schedule.values.get("deleted"):
        raise missing(schedule.id, context.call.method)
    return schedule


def _row(context: Context, schedule: Record) -> Json:
    account, values = context.account_of(schedule), schedule.values
    kept = {name: values[name] for name in ("ad_object_id", "budget_value", "budget_value_type", "recurrence_type")}
    times = {name: iso(account, values[name]) for name in ("time_start", "time_end")}
    return {"id": schedule.id, **kept, **times}


_NOTE: Final = (
    f"at most {MOST_SCHEDULES}, of {LEAST_S // 3_600} hours or more, up to {MOST_TIMES} times a daily budget, ONE_TIME "
    "or WEEKLY, without overlap; kept and listed only: the market spends by the daily budget"
)
_KIND: Final = RecordKind.SCHEDULE
ROUTES: Final = (
    *(
        route
        for of in (Kind.CAMPAIGN, Kind.AD_SET)
        for route in (
            Route(method="POST", of=of, edge="budget_schedules", answer=create_schedule, note=_NOTE),
            Route(method="GET", of=of, edge="budget_schedules", answer=list_schedules, note="by their start"),
        )
    ),
    Route(method="GET", of=_KIND, edge="", answer=read_schedule, note="every field but weekly_schedule"),
    Route(method="POST", of=_KIND, edge="", answer=update_schedule, note=_NOTE),
    Route(method="DELETE", of=_KIND, edge="", answer=delete_schedule, note="its id answers as unknown from then on"),
)
