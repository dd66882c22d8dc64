"""Asynchronous reports: `POST {object}/insights` makes a run, `GET /{run}` tells how far it is.

`GET /{run}/insights` pages what it found. The figures are `tables.py`'s; how a run fares in time is told by
`insights/progress.py`.
"""

from dataclasses import replace
from typing import Any, Final

from sandbox.account import Account
from sandbox.clock import from_us
from sandbox.meta.context import Context, Json
from sandbox.meta.insights.progress import FAILED, Fate, Pace, Progress, fate_of
from sandbox.meta.insights.report import LEVEL_KINDS
from sandbox.meta.insights.spans import periods_of
from sandbox.meta.insights.tables import InsightTables
from sandbox.meta.protocol.errors import GraphError, missing, parameter
from sandbox.meta.protocol.fieldspec import wanted_fields
from sandbox.meta.protocol.paging import paging
from sandbox.meta.protocol.quirks import quirks_of
from sandbox.meta.protocol.request import GraphCall
from sandbox.meta.route import INSIGHTS, Route
from sandbox.nodes import Node
from sandbox.records import Record, RecordKind

_LIFE_S: Final = 30 * 86_400
_NOT_KEPT: Final = frozenset({"after", "before", "limit", "method", "async", "locale", "debug", "pretty"})
_EXPORTS: Final = ("export_format", "export_columns", "export_name")
_DEFAULT: Final = (
    "id", "account_id", "time_ref", "time_completed", "async_status", "async_percent_completion", "is_running",
    "date_start", "date_stop",
)  # fmt: skip
_OF_A_PAGE: Final = ("limit", "after", "before", "summary", "locale")
_ERRORS: Final = ("error_code", "error_subcode", "error_message", "error_user_title", "error_user_msg")
_ASKED: Final = frozenset(
    {"action_attribution_windows", "action_breakdowns", "action_report_time", "breakdowns", "date_preset",
     "default_summary", "fields", "filtering", "level", "product_id_limit", "sort", "summary",
     "summary_action_breakdowns", "time_increment", "time_range", "time_ranges", "use_account_attribution_setting",
     "use_unified_attribution_setting"}
)  # fmt: skip
_EMPTY: Final[Json] = {
    "emails": [], "friendly_name": "", "is_async_export": False, "is_bookmarked": False, "async_report_url": "",
    "schedule_id": "",
}  # fmt: skip


class ReportRuns:
    """The runs of one dialect. They are records; only how often one was asked while the clock stood is kept here."""

    def __init__(self, tables: InsightTables) -> None:
        self._tables = tables
        self._pace = Pace()

    def routes(self) -> tuple[Route, ...]:
        """Return the rows that make, tell and page report runs."""
        made = (
            "a run takes platform seconds by its possible rows ([reports] of the scenario); while the clock stands it "
            "advances by half with each poll; export_* is refused"
        )
        told = "all fields unless `fields` names some; error_* from v25 on; gone after 30 days"
        paged = "the figures as they were known when the run was complete; before that error 2601/1815107"
        kind = RecordKind.REPORT_RUN
        return (
            Route(method="POST", of="account", edge="insights", answer=self._of_account, use_case=INSIGHTS, note=made),
            *(
                Route(method="POST", of=of, edge="insights", answer=self._of_node, use_case=INSIGHTS, note=made)
                for of in LEVEL_KINDS.values()
            ),
            Route(method="GET", of=kind, edge="", answer=self.tell, use_case=INSIGHTS, note=told),
            Route(method="GET", of=kind, edge="insights", answer=self.page, use_case=INSIGHTS, note=paged),
        )

    def _of_account(self, context: Context, account: Account) -> Json:
        return self.make(context, account, None)

    def _of_node(self, context: Context, node: Node) -> Json:
        return self.make(context, context.account_of(node), node)

    def make(self, context: Context, account: Account, node: Node | None) -> Json:
        """Answer `POST {object}/insights`.

        Raises:
            GraphError: a parameter that a synchronous call would refuse too, or an export.
        """
        call = context.call
        for name in _EXPORTS:
            if call.params.get(name):
                raise parameter(f"Param {name}: the sandbox writes no report files; page the run's insights instead")
        params = {name: value for name, value in call.params.items() if name not in _NOT_KEPT}
        periods = periods_of(call, account, now_s=context.platform.clock.now_s())
        rows = self._tables.check(_reading(context, params), account, node)
        if context.is_only_checked():
            return {"success": True}
        spec, seq = context.platform.scenario.reports, context.platform.last_seq
        fate = fate_of(context.call.fault, rows=rows, spec=spec, seed=context.platform.scenario.seed, number=seq)
        values = {
            "of": node.id if node else f"act_{account.id}",
            "params": params,
            "asked_us": context.platform.clock.now_us(),
            "seconds": spec.seconds + rows / spec.rows_per_second,
            "fate": fate.as_json(),
            "date_start": min((str(period.first) for period in periods), default=""),
            "date_stop": max((str(period.last) for period in periods), default=""),
            "ended_us": 0,
        }
        run = context.note(RecordKind.REPORT_RUN, account.id, values)
        return {"report_run_id": run.id}

    def tell(self, context: Context, run: Record) -> Json:
        """Answer `GET /{run}`: how far it is; polling is what moves it while the clock stands.

        Raises:
            GraphError: 100/33, it is older than 30 days; 100, a field that there is none of.
        """
        progress = self._settled(context, run, is_poll=True)
        whole = _shown(run, progress)
        if not _says_why(context):
            whole = {name: value for name, value in whole.items() if name not in _ERRORS}
        names = [wanted.name for wanted in wanted_fields(context.call)]
        if not names:
            return {name: whole[name] for name in (*_DEFAULT, *_ERRORS) if name in whole}
        strange = [name for name in names if name not in {*whole, *_ERRORS, *_ASKED}]
        if strange:
            raise parameter(f"Tried accessing nonexisting field ({strange[0]}) on node type (AdReportRun)")
        return {"id": run.id} | {name: whole[name] for name in names if name in whole}

    def page(self, context: Context, run: Record) -> Json:
        """Answer `GET /{run}/insights`: the rows as they were known when the run was complete.

        Raises:
            GraphError: 2601/1815107, it is not complete; the run's own error, it failed; 100/33, it is too old.
        """
        progress = self._settled(context, run, is_poll=False)
        if progress.status == FAILED:
            raise Fate.from_json(run.values["fate"]).error()
        if not progress.is_complete:
            raise GraphError(
                2601, "(#2601) The report is not ready", subcode=1_815_107, title="Report is not ready",
                user=f"Report run {run.id} is {progress.status!r}: ask for its rows once it is 'Job Completed'.",
            )  # fmt: skip
        return self._read(context, run)

    def _read(self, context: Context, run: Record) -> Json:
        call, values = context.call, run.values
        own: dict[str, Any] = {name: call.params[name] for name in _OF_A_PAGE if name in call.params}
        world = context.platform.world
        page = self._tables.page(
            _reading(context, {**values["params"], **own}), world.accounts[run.account_id],
            world.nodes.get(values["of"]), is_report=True, read_at_s=values["ended_us"] / 1e6,
        )  # fmt: skip
        shown = page.get("paging")
        if shown:  # its links lead back here, without what the run was made of
            page["paging"] = paging(
                call, **shown["cursors"], has_more="next" in shown, has_previous="previous" in shown
            )  # fmt: skip
        return page

    def _settled(self, context: Context, run: Record, *, is_poll: bool) -> Progress:
        """Return how far a run is; when it ended is written down, as its rows are read as of that instant."""
        platform = context.platform
        if platform.clock.now_s() - run.created_s > _LIFE_S:
            raise missing(run.id, context.call.method)
        now_us = platform.clock.now_us()
        progress = self._pace.progress(run, now_us=now_us, is_poll=is_poll)
        if not progress.is_running and not run.values["ended_us"]:
            ended_us = min(now_us, run.values["asked_us"] + int(run.values["seconds"] * 1e6))
            context.note(RecordKind.REPORT_RUN, run.account_id, {"ended_us": ended_us}, record=run)
        return progress


def _says_why(context: Context) -> bool:
    """Say whether the version that is spoken tells why a run failed."""
    today = from_us(context.platform.clock.now_us()).date()
    return quirks_of(context.call.version, today).run_says_why


def _reading(context: Context, params: dict[str, Any]) -> Context:
    """Return the context of a plain read with these parameters."""
    call: GraphCall = replace(context.call, method="GET", params=params)
    return replace(context, call=call)


def _shown(run: Record, progress: Progress) -> Json:
    values = run.values
    fate = Fate.from_json(values["fate"])
    kept = {name: value for name, value in values["params"].items() if name in _ASKED}
    return {
        **_EMPTY, **kept, "id": run.id, "account_id": run.account_id, "time_ref": values["asked_us"] // 1_000_000,
        "time_completed": values["ended_us"] // 1_000_000, "async_status": progress.status,
        "async_percent_completion": progress.percent, "is_running": progress.is_running,
        "date_start": values["date_start"], "date_stop": values["date_stop"],
        **(fate.details() if progress.status == FAILED else {}),
    }  # fmt: skip
