"""Ad studies (A/B tests): POST {business}/ad_studies with its rules, act_X/ad_studies, {study} and {study}/cells.

A study is kept, listed and keeps its objects from a second study; the market does not split people by its cells.
"""

from collections.abc import Iterable
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.context import Context, Json
from sandbox.meta.objects.render import iso
from sandbox.meta.protocol.errors import GraphError, invalid, missing, parameter
from sandbox.meta.protocol.record_edges import (
    choice,
    ids_of,
    instant_of,
    needed,
    number,
    page,
    picked,
    take_only,
    text_of,
)
from sandbox.meta.route import Route
from sandbox.nodes import Kind, Node
from sandbox.records import Record, RecordKind

MOST_STUDIES, MOST_CELLS, MOST_ENTITIES = 100, 150, 100
_V2: Final = "SPLIT_TEST_V2"
_V2_CELLS: Final = range(2, 6)
_LEAST_CELLS: Final = 2
_WHOLE: Final = 100
_TYPES: Final = frozenset({"SPLIT_TEST", _V2})
_EDGES: Final = {"campaigns": Kind.CAMPAIGN, "adsets": Kind.AD_SET, "ads": Kind.AD, "adaccounts": None}
_TAKES: Final = frozenset(
    {"cells", "client_business", "confidence_level", "cooldown_start_time", "creative_test_config", "description",
     "end_time", "name", "objectives", "observation_end_time", "start_time", "type", "viewers"}
)  # fmt: skip
_CELL_TAKES: Final = frozenset({"name", "description", "treatment_percentage", "control_percentage", *_EDGES})
_FIELDS: Final = frozenset(
    {"business", "canceled_time", "cells", "client_business", "confidence_level", "cooldown_start_time", "created_by",
     "created_time", "creative_test_config", "description", "end_time", "id", "measurement_contact", "name",
     "objectives", "observation_end_time", "results_first_available_date", "sales_contact", "start_time", "type",
     "updated_by", "updated_time", "viewers"}
)  # fmt: skip
_CELL_FIELDS: Final = frozenset(
    {"ad_entities_count", "ad_ids", "control_percentage", "exclusion_geo", "id", "name", "treatment_percentage"}
)
_TIMES: Final = ("start_time", "end_time", "cooldown_start_time", "observation_end_time")


def create_study(context: Context, _: None) -> Json:
    """Answer `POST /{business}/ad_studies`.

    Raises:
        GraphError: a rule of the study's, its cells' or of those that run already.
    """
    call = context.call
    take_only(call, _TAKES, edge="ad_studies")
    kind = choice(call, "type", _TYPES)
    values: dict[str, Any] = {"name": text_of(call.params.get("name"), "name"), "type": kind}
    values |= {name: call.params[name] for name in ("description", "client_business") if name in call.params}
    if "confidence_level" in call.params:
        values["confidence_level"] = number(call.get("confidence_level"), "confidence_level", least=0.5, most=0.99)
    values |= _times(context)
    cells = _cells(context, kind=kind)
    if kind == _V2:
        values["creative_test_config"] = _check_v2(context, values, cells)
    accounts = sorted({account for cell in cells for account in cell["accounts"]})
    for account_id in accounts:
        if sum(1 for study in _all(context) if account_id in study.values["accounts"]) >= MOST_STUDIES:
            raise invalid(f"act_{account_id} has {MOST_STUDIES} studies, the most that are allowed; delete one.")
    _deny_overlap(context, cells, values)
    if context.is_only_checked():
        return {"success": True}
    study = context.note(RecordKind.STUDY, accounts[0], {**values, "accounts": accounts})
    for cell in cells:
        context.note(RecordKind.STUDY_CELL, accounts[0], {**cell, "study_id": study.id})
    return {"id": study.id}


def list_studies(context: Context, account: Account) -> Json:
    """Answer `GET act_X/ad_studies`, newest first."""
    found = [study for study in reversed(_all(context)) if account.id in study.values["accounts"]]
    return page(context, (_row(context, study) for study in found), known=_FIELDS, of="AdStudy")


def list_business_studies(context: Context, _: None) -> Json:
    """Answer `GET /{business}/ad_studies`, newest first."""
    rows = (_row(context, study) for study in reversed(_all(context)))
    return page(context, rows, known=_FIELDS, of="AdStudy")


def read_study(context: Context, study: Record) -> Json:
    """Answer `GET /{study}`; a deleted one is read as cancelled."""
    return picked(context, _row(context, study), known=_FIELDS, of="AdStudy")


def update_study(context: Context, study: Record) -> Json:
    """Answer `POST /{study}`: its name, its words, and its end while it runs."""
    call = context.call
    _deny_cancelled(study)
    take_only(call, ("name", "description", "end_time", "observation_end_time"), edge="ad_study")
    values: dict[str, Any] = {"description": call.params["description"]} if "description" in call.params else {}
    if "name" in call.params:
        values["name"] = text_of(call.params["name"], "name")
    for name in ("end_time", "observation_end_time"):
        if name in call.params:
            values[name] = int(instant_of(call.get(name), name) or 0)
    if "end_time" in values:
        _check_span(study.values["start_time"], values["end_time"], now_s=context.platform.clock.now_s())
        _deny_overlap(context, [cell.values for cell in _cells_of(context, study)], {**study.values, **values},
                      but=study.id)  # fmt: skip
    if not context.is_only_checked():
        context.note(RecordKind.STUDY, study.account_id, values, record=study)
    return {"success": True}


def delete_study(context: Context, study: Record) -> Json:
    """Answer `DELETE /{study}`: it is cancelled, and its objects are free."""
    if not context.is_only_checked() and "canceled_time" not in study.values:
        now_s = int(context.platform.clock.now_s())
        context.note(RecordKind.STUDY, study.account_id, {"canceled_time": now_s}, record=study)
    return {"success": True}


def list_cells(context: Context, study: Record) -> Json:
    """Answer `GET /{study}/cells`, in the order in which they were given."""
    rows = [_cell_row(cell) for cell in _cells_of(context, study)]
    return page(context, rows, known=_CELL_FIELDS, of="AdStudyCell")


def read_cell(context: Context, cell: Record) -> Json:
    """Answer `GET /{cell}`."""
    return picked(context, _cell_row(cell), known=_CELL_FIELDS, of="AdStudyCell")


def _times(context: Context) -> dict[str, int]:
    call = context.call
    times = {name: instant_of(call.get(name), name) for name in _TIMES}
    found = {name: int(value) for name, value in times.items() if value is not None}
    for name in ("start_time", "end_time"):
        if name not in found:
            raise needed(name)
    _check_span(found["start_time"], found["end_time"], now_s=context.platform.clock.now_s())
    return found


def _check_span(start_s: int, end_s: int, *, now_s: float) -> None:
    if end_s <= max(start_s, now_s):
        raise invalid("A study must end in the future and after its start.", subcode=1_487_033, field="end_time")


def _cells(context: Context, *, kind: str) -> list[Json]:
    """Return the cells, checked by themselves and against one another."""
    rows = context.call.get("cells")
    if rows is None:
        raise needed("cells")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise parameter("Param cells must be a list of JSON objects")
    if not _LEAST_CELLS <= len(rows) <= MOST_CELLS:
        raise invalid(f"A study has {_LEAST_CELLS} to {MOST_CELLS} cells, not {len(rows)}.", field="cells")
    cells = [_cell(context, row, place, kind=kind) for place, row in enumerate(rows)]
    total = sum(cell["treatment_percentage"] for cell in cells)
    if total > _WHOLE:
        raise invalid(f"The cells' treatment_percentage sum to {total:g}; at most {_WHOLE} are there.", field="cells")
    names = [cell["name"] for cell in cells]
    if len(set(names)) != len(names):
        raise invalid("Two cells have the same name.", field="cells")
    taken: dict[str, str] = {}
    for cell in cells:
        for ad_set in cell["held_ids"]:
            if taken.setdefault(ad_set, cell["name"]) != cell["name"]:
                raise invalid(
                    f"Cells {taken[ad_set]!r} and {cell['name']!r} hold the same object {ad_set}.", field="cells"
                )
    return cells


def _cell(context: Context, row: Json, place: int, *, kind: str) -> Json:
    strange = sorted(set(row) - _CELL_TAKES)
    if strange:
        raise parameter(f"Param cells[{place}] has no part {strange[0]}")
    edges = [edge for edge in _EDGES if row.get(edge)]
    if len(edges) != 1 or (edges == ["ads"]) != (kind == _V2):
        allowed = "ads" if kind == _V2 else "campaigns, adsets or adaccounts"
        raise invalid(f"Cell {place} of a {kind} holds objects of one kind: {allowed}.", field="cells")
    ids = ids_of(row[edges[0]], f"cells[{place}][{edges[0]}]")
    if len(set(ids)) != len(ids) or len(ids) > MOST_ENTITIES:
        raise invalid(f"Cell {place} holds at most {MOST_ENTITIES} objects, each once; it names {len(ids)}.",
                      field="cells")  # fmt: skip
    share = number(row.get("treatment_percentage"), f"cells[{place}][treatment_percentage]", least=1, most=_WHOLE)
    ads, accounts = _reach_of(context, edges[0], ids)
    return {
        "name": text_of(row.get("name"), f"cells[{place}][name]"), "treatment_percentage": share,
        "control_percentage": 0, "edge": edges[0], "entities": ids, "held_ids": ads, "accounts": accounts,
    }  # fmt: skip


def _reach_of(context: Context, edge: str, ids: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the ad sets (of ads: the ads) that objects stand for, and their accounts.

    Raises:
        GraphError: 100/33, there is no such object.
    """
    held: set[str] = set()
    accounts: set[str] = set()
    for one in ids:
        if edge == "adaccounts":
            account = context.account(one)
            held.update(ad_set.id for ad_set in account.nodes[Kind.AD_SET])
            accounts.add(account.id)
            continue
        node = context.platform.world.nodes.get(one)
        if node is None or node.kind is not _EDGES[edge] or node.effective_status() == "DELETED":
            raise missing(one, context.call.method)
        held.update(_ad_sets(node))
        accounts.add(node.account_id)
    return sorted(held), sorted(accounts)


def _ad_sets(node: Node) -> list[str]:
    return [child.id for child in node.children] if node.kind is Kind.CAMPAIGN else [node.id]


def _check_v2(context: Context, values: dict[str, Any], cells: list[Json]) -> Json:
    """Return the budget's part of a creative test; it has two to five cells with one ad each."""
    if len(cells) not in _V2_CELLS or any(len(cell["entities"]) != 1 for cell in cells):
        raise invalid("A SPLIT_TEST_V2 has 2 to 5 cells, each with one ad.", field="cells")
    if values.get("cooldown_start_time", values["start_time"]) != values["start_time"]:
        raise invalid("cooldown_start_time must be the start_time.", field="cooldown_start_time")
    if values.get("observation_end_time", values["end_time"]) != values["end_time"]:
        raise invalid("observation_end_time must be the end_time.", field="observation_end_time")
    config = context.call.get("creative_test_config")
    names = {"daily_budget_percentage", "lifetime_budget_percentage"}
    if not isinstance(config, dict) or len(config) != 1 or not config.keys() <= names:
        raise invalid(f"creative_test_config needs one of {', '.join(sorted(names))}.", field="creative_test_config")
    ((name, share),) = config.items()
    return {name: number(share, f"creative_test_config[{name}]", least=1, most=_WHOLE)}


def _deny_overlap(context: Context, cells: Iterable[Json], values: dict[str, Any], *, but: str = "") -> None:
    """Refuse a study whose objects are in another one at the same time."""
    wanted = {one for cell in cells for one in cell["held_ids"]}
    for study in _all(context):
        held = study.values
        if study.id == but or held["end_time"] <= values["start_time"] or values["end_time"] <= held["start_time"]:
            continue
        shared = wanted & {one for cell in _cells_of(context, study) for one in cell.values["held_ids"]}
        if shared:
            raise GraphError(
                100, "Invalid parameter", title="Study overlaps", blame=[["cells"]],
                user=f"{min(shared)} is in study {study.id} ({held['name']}) at the same time; end that one first.",
            )  # fmt: skip


def _deny_cancelled(study: Record) -> None:
    if "canceled_time" in study.values:
        raise invalid(f"Study {study.id} was cancelled: it cannot be changed.")


def _all(context: Context) -> list[Record]:
    """Return the studies of every account that are not cancelled, oldest first."""
    world = context.platform.world
    found = [one for account_id in world.accounts for one in world.records.of(account_id, RecordKind.STUDY)]
    live = [study for study in found if "canceled_time" not in study.values]
    return sorted(live, key=lambda study: (study.created_s, study.id))


def _cells_of(context: Context, study: Record) -> list[Record]:
    cells = context.platform.world.records.of(study.account_id, RecordKind.STUDY_CELL)
    return [cell for cell in cells if cell.values["study_id"] == study.id]


def _row(context: Context, study: Record) -> Json:
    account = context.account_of(study)
    values = study.values
    times: Json = {name: iso(account, values[name]) for name in (*_TIMES, "canceled_time") if name in values}
    return {
        **{name: values.get(name) for name in ("name", "type", "description", "client_business", "confidence_level",
                                               "creative_test_config")},
        **times, "id": study.id, "created_time": iso(account, study.created_s),
        "updated_time": iso(account, study.updated_s),
        "cells": {"data": [_cell_row(cell) for cell in _cells_of(context, study)]},
    }  # fmt: skip


def _cell_row(cell: Record) -> Json:
    values = cell.values
    return {
        "id": cell.id, "name": values["name"], "treatment_percentage": values["treatment_percentage"],
        "control_percentage": values["control_percentage"], "ad_entities_count": len(values["entities"]),
        "ad_ids": values["entities"] if values["edge"] == "ads" else None,
    }  # fmt: skip


_NOTE: Final = (
    f"SPLIT_TEST and SPLIT_TEST_V2; {MOST_STUDIES} studies of an account, {MOST_CELLS} cells, {MOST_ENTITIES} objects "
    "in a cell; overlaps are refused; the market does not split people by the cells, and there are no results"
)
_STUDY, _CELL = RecordKind.STUDY, RecordKind.STUDY_CELL
ROUTES: Final = (
    Route(method="POST", of="business", edge="ad_studies", answer=create_study, note=_NOTE),
    Route(method="GET", of="business", edge="ad_studies", answer=list_business_studies, note="of all accounts"),
    Route(method="GET", of="account", edge="ad_studies", answer=list_studies, note="newest first"),
    Route(method="GET", of=_STUDY, edge="", answer=read_study, note="a deleted one is read as cancelled"),
    Route(method="POST", of=_STUDY, edge="", answer=update_study, note="name, description, end_time only"),
    Route(method="DELETE", of=_STUDY, edge="", answer=delete_study, note="it is cancelled"),
    Route(method="GET", of=_STUDY, edge="cells", answer=list_cells, note="with their objects"),
    Route(method="GET", of=_CELL, edge="", answer=read_cell, note="with its objects"),
)
