"""An insights call's parameters as one checked value; what is not on the platform is refused in its words."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sandbox.meta.insights.breakdowns import HOURLY, breakdown_names
from sandbox.meta.insights.fields import METRICS, NEEDS_ENGAGEMENT, NEEDS_WINDOWS
from sandbox.meta.insights.order import Order, order_of
from sandbox.meta.insights.report import BY_WINDOW, ENGAGED
from sandbox.meta.insights.rows import known_fields
from sandbox.meta.insights.support import Answered, names_of
from sandbox.meta.protocol.errors import parameter
from sandbox.meta.protocol.request import GraphCall
from sandbox.nodes import Node

_LEVELS: Final = ("account", "campaign", "adset", "ad")
_DEFAULT_FIELDS: Final = ("impressions", "spend")
_REPORT_TIMES: Final = ("impression", "conversion", "mixed", "lifetime")
_TRUE: Final = frozenset({"true", "1"})
_FIELDS_HINT: Final = (
    "{} is not valid for fields param. please check https://developers.facebook.com/docs/marketing-api/reference/"
    "ads-insights/ for all valid values"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked for, apart from days, filters and the page."""

    level: str
    fields: tuple[str, ...]
    breakdowns: tuple[str, ...]
    action_breakdowns: tuple[str, ...]
    windows: tuple[str, ...]  # those that rows carry beside the default
    order: Order | None
    summary: tuple[str, ...]  # metrics to be summed up over all rows

    @property
    def is_hourly(self) -> bool:
        """Say whether rows are by the hour."""
        return self.breakdowns == (HOURLY,)

    @property
    def wants(self) -> frozenset[str]:
        """What the table must hold beside the common figures."""
        asked = {*self.fields, *self.summary, *((self.order.field,) if self.order else ())}
        engaged = {ENGAGED} if asked & NEEDS_ENGAGEMENT else set()
        return frozenset(engaged | ({BY_WINDOW} if self.windows and asked & NEEDS_WINDOWS else set()))


def query_of(call: GraphCall, node: Node | None) -> Query:
    """Return what a call asks for.

    Raises:
        GraphError: 100, a parameter that is malformed or not on the platform; 2/1504041 for breakdowns that do not mix.
    """
    fields = tuple(call.items("fields")) or _DEFAULT_FIELDS
    _refuse_unknown_fields(fields)
    modelled = names_of("action_attribution_windows", Answered.MODELLED)
    windows = _checked(call, "action_attribution_windows")
    if call.params.get("action_report_time", "mixed").strip('"') not in _REPORT_TIMES:
        raise parameter(f"action_report_time must be one of the following values: {', '.join(_REPORT_TIMES)}")
    return Query(
        level=_level(call, node),
        fields=fields,
        breakdowns=breakdown_names(call),
        action_breakdowns=_checked(call, "action_breakdowns"),
        windows=tuple(window for window in windows if window in modelled),
        order=order_of(call),
        summary=_summary(call, fields),
    )


def _refuse_unknown_fields(fields: Iterable[str]) -> None:
    for field in fields:
        if field not in known_fields():
            raise parameter(_FIELDS_HINT.format(field[:80]))


def _checked(call: GraphCall, name: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(call.items(name)))
    known = names_of(name)
    for number, item in enumerate(found):
        if item not in known:
            raise parameter(f"{name}[{number}] must be one of the following values: {', '.join(sorted(known))}")
    return found


def _level(call: GraphCall, node: Node | None) -> str:
    own = "account" if node is None else str(node.kind)
    level = call.params.get("level", own).strip('"')
    if level not in _LEVELS or own not in _LEVELS:
        raise parameter(f'Param level must be one of {{{", ".join(_LEVELS)}}} - got "{level[:40]}".')
    if _LEVELS.index(level) < _LEVELS.index(own):
        raise parameter(f"Level {level} lies above the object that was asked ({own})")
    return level


def _summary(call: GraphCall, fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return the metrics to sum up: those of `summary`, or the call's own where it only says `true`."""
    named = tuple(call.items("summary"))
    asks_own = not named and call.params.get("default_summary", "").strip('"').lower() in _TRUE
    if asks_own or (len(named) == 1 and named[0].lower() in _TRUE):
        return tuple(field for field in fields if field in METRICS) or _DEFAULT_FIELDS
    if len(named) == 1 and named[0].lower() in ("false", "0", "total_count"):
        return ()
    _refuse_unknown_fields(named)
    return named
